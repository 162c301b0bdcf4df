"""The rules by which a sentence tells a fact about somebody or something; patterns over sentences with marks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.extraction.lexicon import PLACE_KINDS, THING_KINDS, listed

WHO = r"⟨(?P<who>\d+)⟩"
SUBJECT = rf"(?:{WHO}|\b(?P<pronoun>he|she)\b)"
OWNER = rf"(?:{WHO}['’]s?|\b(?P<pronoun>his|her)\b)"
OTHER = r"(?:the )?⟨(?P<other>\d+)⟩"
IS = r"(?:was|is|were|are|had always been|has always been)"
SHADE = (
    r"(?:(?:pale|light|dark|deep|bright|very|clear|cold|soft|steel|sea|ice|reddish|golden|dusky|faded) |sea-|steel-)?"
)
EYES = r"(?:blue|gr[ae]y|green|brown|black|hazel|amber|violet|golden|yellow|dark)"
HAIR = (
    r"(?:black|brown|red|fair|blonde?|golden|gr[ae]y|white|auburn|ginger|chestnut|dark|sandy|silver|flaxen|copper|yellow|"
    r"raven|grizzled|iron-gr[ae]y|snow-white|mousy)"
)
ANY = r"(?:[a-z’'-]+,? (?:and )?)"
UNITS = "one|two|three|four|five|six|seven|eight|nine"
TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
AGE = (
    rf"(?P<value>\d{{1,2}}|(?:{TENS})(?:[- ](?:{UNITS}))?|(?:{UNITS})[- ]and[- ](?:{TENS})|"
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)"
)
ABOUT = r"(?:then |now |only |just |about |nearly |almost |already |not yet |over |past )*"
BUILD = (
    r"(?:tall|short|stout|thin|fat|lean|slim|slender|broad|huge|burly|lanky|gaunt|plump|wiry|stocky|portly|bulky|"
    r"heavy|gigantic|tiny|little|small|large|big|long|broad-shouldered|thick-set|thickset|bony|frail|hunchbacked)"
)
BEING = r"(?:man|woman|boy|girl|fellow|lad|child|person|lady|gentleman|creature)"
TRADE = (
    r"(?:[a-z]+-)?(?:captain|doctor|surgeon|physician|nurse|lawyer|barrister|solicitor|attorney|judge|magistrate|clerk|"
    r"clergyman|priest|vicar|curate|rector|parson|bishop|monk|nun|teacher|tutor|governess|schoolmaster|schoolmistress|"
    r"professor|student|scholar|soldier|sailor|fisherman|pilot|engineer|mechanic|carpenter|blacksmith|smith|baker|butcher|"
    r"miller|tailor|weaver|cobbler|farmer|shepherd|gardener|groom|coachman|butler|footman|cook|housemaid|"
    r"steward|merchant|trader|banker|broker|thief|smuggler|pirate|spy|policeman|constable|detective|inspector|sergeant|"
    r"lieutenant|colonel|major|general|admiral|prince|princess|duke|duchess|baron|baronet|mayor|governor|"
    r"minister|ambassador|poet|painter|writer|novelist|journalist|musician|actor|actress|singer|dancer|fiddler|witch|"
    r"wizard|hunter|ranger|scout|guard|gaoler|jailer|executioner|collector|ferryman|ferrywoman|boatman|carter|porter|"
    r"messenger|apprentice|skipper|bosun|mate|midwife|reeve|sheriff|bailiff|bellwarden|juror|foreman|navigator|medic|"
    r"scientist|chemist|biologist|botanist|astronomer|architect|surveyor|printer|bookseller|usher|landlord|landlady|"
    r"[a-z]{2,}(?:keeper|master|mistress|monger|maker|wright|warden|herd|smith)|keeper|warden)"
)
KIN = (
    r"(?P<field>(?:(?:half-|step|foster-|grand)?(?:mother|father|sister|brother|son|daughter))|wife|husband|uncle|aunt|"
    r"cousin|nephew|niece|twin|fiancée?|widow|guardian|ward)"
)
LIMB = r"(?P<limb>hand|arm|leg|foot|eye|ear|thumb|forefinger|little finger|finger)"
SIDE = r"(?:(?P<side>left|right) )?"
MADE = r"(?:wooden|brass|cybernetic|metal|steel|false|artificial|glass|iron|mechanical|prosthetic|bionic|silver|tin)"
COMPASS = r"(?:north|south|east|west|north-?east|north-?west|south-?east|south-?west)(?:ward|ern)?"
NOUN_END = r"(?=[.,;:—]| (?:and|of|in|on|with|who|which|that|where|to|at|by|for|from)\b)"


@dataclass(frozen=True)
class Rule:
    """A field, words one of which must stand in the sentence, and the pattern with its groups.

    `who` is the number of whom it is about (or `pronoun`), `value` what is told, `other` the number of another name.
    """

    field: str
    trigger: str
    pattern: re.Pattern[str]
    kinds: tuple[str, ...]


_PLACES = ("place", "unknown")


def _rule(field: str, trigger: str, pattern: str, *kinds: str) -> Rule:
    return Rule(field, trigger, re.compile(pattern, re.IGNORECASE), kinds or ("character",))


def _coloured(field: str, part: str, colours: str) -> list[Rule]:
    value = rf"(?P<value>{SHADE}{colours})"
    trigger = field.removesuffix("s")
    return [
        _rule(field, trigger, rf"{OWNER} {ANY}{{0,2}}?{value},? {ANY}{{0,1}}?{part}\b"),
        _rule(field, trigger, rf"{SUBJECT} (?:had|has) {ANY}{{0,2}}?{value},? {ANY}{{0,1}}?{part}\b"),
        _rule(
            field,
            trigger,
            rf"{SUBJECT} {IS} an? [^.;:⟨⟩]{{0,40}}?{BEING}[^.;:⟨⟩]{{0,30}}? with "
            rf"{ANY}{{0,2}}?{value},? {ANY}{{0,1}}?{part}\b",
        ),
        _rule(field, trigger, rf"{OWNER} (?:own )?{part} (?:{IS}) (?:a |very |quite |so |of a )?{value}{NOUN_END}"),
        _rule(field, trigger, rf"{SUBJECT} {IS} {ANY}{{0,3}}?{value}-{trigger}(?:e?d)\b"),
    ]


_BETWEEN = r"(?:own |elder |younger |eldest |youngest |only |late |dear |little |old |poor )*"
_ADJECTIVES = r"(?:(?:an?|the) (?:[a-z-]+ ){0,2}?)?"
_LOST = r"(?:lost|cut off|took off|hacked off|gave up)"
_DEAD = r"(?:dead|killed|drowned|murdered|hanged|buried|slain|beheaded)"
_UNABLE = (
    r"(?:lame|blind|deaf|one-eyed|one-armed|one-legged|one-handed)"
    r"(?: (?:in|of) (?:the|one|his|her) (?:(?:left|right) )?(?:eye|ear|leg))?"
)
_DISTANCE = (
    rf"(?:[a-z-]+ )?(?:miles?|leagues?|hours|days|yards) (?:and an? [a-z]+ )?(?:(?:to|in) the )?(?:{COMPASS} )?"
    rf"(?:of|from|beyond|off|across|above|below) {OTHER}"
)
_SPOT = rf"(?:in|on|near|off|under|above|behind|beside|between|at the foot of|at the end of) {OTHER}"
_SITES = rf"(?:{PLACE_KINDS}|sea|lake|house(?! of)|street|road|ruin|desert|forest|hill|world|reef)"
LOOKS = (
    *_coloured("eyes", "eyes", EYES),
    _rule("eyes", "eye", rf"{SUBJECT} (?:had|has) (?P<value>one {EYES} eye and (?:one|the other) {EYES})\b"),
    _rule("eyes", "eye", rf"{SUBJECT} [^.;⟨⟩]{{3,80}}? with (?P<value>one eye {EYES} and (?:one|the other) {EYES})\b"),
    *_coloured("hair", r"(?:hair|curls|locks|beard(?!\w))", HAIR),
    _rule("hair", "bald", rf"{SUBJECT} {IS} (?:quite |completely |already )?(?P<value>bald)\b"),
    _rule("age", "", rf"{SUBJECT} (?:was|is) {ABOUT}{AGE}(?= years? (?:old|of age)|[.,;]| and )"),
    _rule("age", "", rf"{WHO}, (?:aged )?{AGE}(?: years old)?,"),
    _rule("age", "aged", rf"{WHO},? aged {AGE}\b"),
    _rule("age", " of ", rf"{SUBJECT} {IS} an? {ANY}{{0,3}}?{BEING} of {ABOUT}{AGE}{NOUN_END}"),
    _rule("build", "", rf"{SUBJECT} {IS} an? (?:very |rather )?(?P<value>{BUILD}),? {ANY}{{0,2}}?{BEING}\b"),
    _rule("build", "", rf"{SUBJECT} {IS} an? [a-z]+,? (?P<value>{BUILD}),? {BEING}\b"),
    _rule(
        "build",
        "",
        rf"{SUBJECT} {IS} (?:very |rather |quite )?(?P<value>{BUILD}(?:,? and {BUILD})?)(?=[.;]|, | and [a-z]+[.,])",
    ),
    _rule(
        "height",
        "f",
        rf"{SUBJECT} (?:was|is|stood) (?:about |over |nearly )?"
        r"(?P<value>(?:five|six|seven|four) f(?:ee|oo)t(?: [a-z]+)?(?: (?:tall|high))?)(?=[.,; ])",
    ),
    _rule("hand", "handed", rf"{SUBJECT} {IS} (?P<value>left-handed|right-handed)"),
    _rule(
        "limb lost",
        "",
        rf"{SUBJECT} (?:had |has )?(?:[a-z]+ )?{_LOST} "
        rf"(?P<value>(?:the [a-z ]{{3,16}} of )?(?:his|her|an?|one) (?:own )?{SIDE}{LIMB})\b",
    ),
    _rule("limb made", "", rf"{OWNER} (?:[a-z]+ )?{SIDE}(?P<value>{MADE}) {LIMB}\b"),
    _rule("limb made", "", rf"{OWNER} {SIDE}{LIMB} {IS} (?:made )?(?:of )?(?P<value>{MADE})\b"),
    _rule(
        "body",
        "",
        rf"{SUBJECT} {IS} (?:quite |half |wholly |stone )?(?P<value>{_UNABLE})(?=[.,;]| now| and [a-z]+[.,;])",
    ),
    _rule("body", "limp", rf"{SUBJECT} (?:walked with a |had a )(?P<value>limp)\b"),
)
LIVES = (
    _rule("occupation", "", rf"{WHO},? the (?:[a-z]+ )?(?P<value>{TRADE})\b{NOUN_END}"),
    _rule("occupation", "", rf"{WHO}, an? (?:[a-z]+ )?(?P<value>{TRADE})\b(?!, (?:and|or)\b){NOUN_END}"),
    _rule(
        "occupation",
        "",
        rf"\bthe (?P<value>{TRADE})(?: of {OTHER})?(?: in my time)? (?:was |is |called |named )?{WHO}(?!['’])",
    ),
    _rule("occupation", ",", rf"(?<!and )\bthe (?P<value>{TRADE}), {WHO}(?=[,.;])"),
    _rule("occupation", "", rf"{SUBJECT},? (?:who )?(?:{IS}|became) {_ADJECTIVES}(?P<value>{TRADE})\b{NOUN_END}"),
    _rule("", "", rf"{OWNER} {_BETWEEN}{KIN} ⟨(?P<other>\d+)⟩(?!['’])"),
    _rule("", ",", rf"{OWNER} {_BETWEEN}{KIN}, ⟨(?P<other>\d+)⟩(?=[,.;])"),
    _rule("", "", rf"⟨(?P<other>\d+)⟩,? (?:was |is )?{WHO}['’]s? (?:[a-z]+ )?{KIN}\b"),
    _rule("", " of ", rf"⟨(?P<other>\d+)⟩,? (?:was |is )?(?:the )?(?:[a-z]+ )?{KIN} of {WHO}(?!['’])"),
    _rule(
        "lives in",
        "",
        rf"{SUBJECT} (?:had |has )?(?:lived|lives|dwelt|dwells|resided|resides) [a-z ]{{0,20}}(?:in|at|on) {OTHER}",
    ),
    _rule("from", " of ", rf"(?<!the ){WHO} of {OTHER}"),
    _rule("from", " from ", rf"{WHO}, from {OTHER}(?=[,.;])"),
    _rule("from", " from ", rf"{SUBJECT} (?:came|comes) from {OTHER}"),
    _rule("born in", "born", rf"{SUBJECT} (?:was|had been|is) born (?:and bred )?(?:in|at|on) {OTHER}"),
    _rule("life", "", rf"{SUBJECT} (?:had |has )?(?P<value>died|drowned|perished)\b(?! (?:away|down|laughing|on the))"),
    _rule(
        "life",
        "",
        rf"{SUBJECT} (?:was|is|lay|had been|has been) (?:found |already |quite |long |now )?(?P<value>{_DEAD})"
        r"(?![- ](?:tired|drunk|asleep|calm|white|pale|certain|sure|set|in (?:thought|work|his|her)))\b",
    ),
    _rule("life", "", rf"\b(?P<value>murdered|buried|hanged|beheaded) {WHO}(?!['’])"),
)
SITES = (
    _rule(
        "what",
        "",
        rf"{WHO} {IS} (?P<value>(?:an?|the) (?:[a-z-]+,? (?:and )?){{0,4}}?{_SITES})\b(?! house|-)",
        *_PLACES,
    ),
    _rule("what", " of ", rf"\bthe (?:[a-z]+ )?(?P<value>{PLACE_KINDS}) of {WHO}(?!['’])", *_PLACES),
    _rule("where", "", rf"{WHO} [^.;⟨⟩]{{0,60}}?(?P<value>{_DISTANCE})", *_PLACES),
    _rule("where", "", rf"{WHO} (?:lies|lay|stands|stood|is|was) (?P<value>{_SPOT})", *_PLACES),
    _rule("what", "", rf"{WHO} {IS} (?P<value>an? (?:[a-z-]+,? ){{0,3}}?(?:{THING_KINDS})){NOUN_END}", "thing"),
)
RULES: tuple[Rule, ...] = LOOKS + LIVES + SITES
HIS_KIN = listed("father brother son husband uncle nephew grandfather grandson stepfather half-brother")
HER_KIN = listed("mother sister daughter wife aunt niece grandmother granddaughter stepmother half-sister")
HER_TRADE = re.compile(r"(?:ess|lady|woman|mistress|maid|nun|witch|midwife)$")
SEVERAL = frozenset(("occupation", "build", "lives in", "body"))
"""Fields that may hold several values without a contradiction; relations may, too."""

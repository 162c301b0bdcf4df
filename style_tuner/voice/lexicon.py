"""Closed lists of English words that the measurements count."""

from __future__ import annotations


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS = tuple(
    sorted(
        _listed("""
    the a an and but or nor so yet for if because although though while when where since unless until than as that
    which who whom whose what of in on at by to from with without into onto upon over under between among through
    against about before after during i me my mine myself we us our ours you your yours he him his she her hers it its
    they them their theirs this these those here there now then be am is are was were been being have has had do does
    did will would shall should can could may might must not no never ever very too only just even still again also
    all any some every each both few more most much many such own other one""")
    )
)

SUBORDINATORS = _listed("""
    because although though while when whenever where wherever since unless until till if whether whereas lest once
    before after which who whom whose as""")

TRANSITIONS = _listed("""
    then suddenly meanwhile later afterwards afterward soon presently finally eventually however therefore thus
    still instead nevertheless moreover besides next already immediately now once again before after until""")

ACTION_VERBS = _listed("""
    run runs ran running walk walks walked walking turn turns turned turning take takes took taking pull pulls pulled
    pulling push pushes pushed pushing throw throws threw throwing catch catches caught grab grabs grabbed grabbing
    jump jumps jumped jumping leap leaps leapt leaped fall falls fell falling rise rises rose rising stand stands stood
    sit sits sat climb climbs climbed climbing strike strikes struck striking hit hits hitting kick kicks kicked break
    breaks broke breaking open opens opened opening shut shuts close closed closing reach reaches reached reaching
    lift lifts lifted lifting drop drops dropped dropping carry carries carried carrying hold holds held cut cuts
    cutting shoot shoots shot fire fired fight fights fought chase chased rush rushes rushed hurry hurried follow
    followed following cross crossed crossing pass passed passing step steps stepped stepping bend bent lean leaned
    leant leaning swing swung swinging slip slips slipped slipping slide slid crawl crawled shake shook shaking
    seize seized snatch snatched drag dragged dragging press pressed pressing touch touched knock knocked knocking
    beat beating burst bursts shout shouts shouted shouting cry cried scream screamed laugh laughed laughing drive drove
    driving ride rode riding fly flew flying swim swam row rowed sail sailed come comes came coming go goes went going
    leave leaves left leaving enter entered give gives gave giving put puts putting set sets setting lay laid bring
    brings brought bringing send sent hand handed move moves moved moving start started starting stop stops stopped
    stopping wait waited waiting look looks looked looking""")

SPEECH_VERBS = _listed("""
    said says say asked asks replied replies answered answers cried cries whispered whispers muttered mutters murmured
    murmurs shouted shouts called calls exclaimed exclaims added adds continued continues returned remarked remarks
    observed observes repeated repeats demanded demands inquired enquired declared declares suggested suggests agreed
    agrees insisted insists protested protests snapped snaps growled growls hissed hisses screamed screams yelled yells
    groaned breathed gasped interrupted explained explains admitted admits announced announces laughed sighed sobbed
    mumbled stammered retorted rejoined responded pleaded begged warned ordered commanded urged wondered conceded
    confessed ventured interposed ejaculated barked roared drawled joked offered promised""")

FIRST_PERSON = _listed("i me my mine myself we us our ours ourselves")
SECOND_PERSON = _listed("you your yours yourself")
THIRD_PERSON = _listed("he him his himself she her hers herself they them their theirs themselves")

PAST_MARKERS = _listed("""
    was were had did said went came took made saw knew thought told gave found felt left kept heard stood sat looked
    turned asked began got ran brought""")
PRESENT_MARKERS = _listed("""
    is are am has does says goes comes takes makes sees knows thinks tells gives finds feels keeps hears stands sits
    looks turns asks begins gets runs brings""")

PUNCTUATION = {
    ",": ",",
    ".": ".",
    ";": ";",
    ":": ":",
    "!": "!",
    "?": "?",
    "—": "—–",
    "…": "…",
    "(": "(",
}
"""Mark shown to the author, and the characters that count as it."""

PLAIN = frozenset(FUNCTION_WORDS) | FIRST_PERSON | SECOND_PERSON | THIRD_PERSON | PAST_MARKERS | PRESENT_MARKERS
"""Words that make no phrase remarkable by themselves."""

PRONOUNS = FIRST_PERSON | SECOND_PERSON | THIRD_PERSON | _listed("it its itself one someone somebody anyone nobody")
DETERMINERS = _listed("the a an this that these those no every each some any all both another")
CONJUNCTIONS = _listed("""
    and but or nor so yet for because although though while whilst when whenever if unless since until till as
    whereas""")
PREPOSITIONS = _listed("""
    of in on at by to from with without into onto upon over under between among through against about before after
    during behind beside beyond below above across along around near inside outside within toward towards up down out
    off""")
QUESTION_WORDS = _listed("who whom whose what which where why how")
PLAIN_ADVERBS = _listed("""
    then there now here never ever always often again still once perhaps maybe even only just not too very soon later
    sometimes meanwhile afterwards instead almost quite already away back together yes no""")

NO_ADVERBS = _listed("""
    only family families early lovely friendly unfriendly lonely ugly holy unholy silly jolly fly reply supply apply
    rely ally belly bully folly july italy lily melancholy assembly butterfly dragonfly elderly daily weekly monthly
    yearly nightly hourly costly deadly ghastly ghostly godly heavenly earthly worldly homely kingly queenly princely
    manly womanly motherly fatherly brotherly sisterly neighbourly orderly disorderly scholarly sickly sly shapely
    sprightly stately surly timely unlikely wily woolly worldly wrinkly curly burly hilly chilly gangly gully jelly
    bodily comely cowardly leisurely lively masterly miserly portly prickly saintly shelly smelly steely unruly
    unsightly unseemly seemly goodly beastly oily multiply imply comply tally rally holly molly polly sally billy emily
    doily anomaly monopoly poly ply bubbly crumbly wobbly measly grisly gnarly pearly crinkly cuddly knightly ply""")
"""Words in -ly that are no adverbs, or too common to tell a habit (`only`)."""

NO_PARTICIPLES = _listed("""
    nothing something anything everything during king kings thing things morning evening ceiling wing ring spring
    string sing bring swing sling cling fling sting being according darling sterling shilling lightning wedding
    red bed need indeed seed deed feed speed breed creed hundred kindred sacred wicked naked led shed sled fed bred
    embed exceed proceed succeed bleed weed reed""")
"""Words in -ing or -ed that are no participles where they open a sentence."""

NO_SIMILES = _listed("well soon long far much many good little quickly fast often")
"""`as … as` around these compares nothing."""
NOT_BEFORE_LIKE = _listed("would i'd you'd he'd she'd we'd they'd should i you we they don't didn't doesn't not to and")
"""`like a` after these is a wish or a liking."""

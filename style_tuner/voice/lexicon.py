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

"""The words by which the check knows colours, limbs, builds, relatives, trades and people; all lower case."""

from __future__ import annotations

import re
from collections.abc import Iterable


def words_of(text: str) -> frozenset[str]:
    """Return the words of a list written as one text."""
    return frozenset(text.split())


EYE_COLOURS = {
    **dict.fromkeys(["blue", "sapphire", "azure", "cornflower"], "blue"),
    **dict.fromkeys(["grey", "gray", "slate", "steel"], "grey"),
    **dict.fromkeys(["green", "emerald", "jade"], "green"),
    **dict.fromkeys(["brown", "chestnut", "chocolate"], "brown"),
    **{colour: colour for colour in ("hazel", "amber", "violet", "black", "dark", "golden", "yellow", "white")},
}
HAIR_COLOURS = {
    **dict.fromkeys(["red", "ginger", "auburn", "copper", "russet", "carroty", "titian"], "red"),
    **dict.fromkeys(["fair", "blond", "blonde", "flaxen", "yellow", "golden", "gold", "sandy", "tow"], "fair"),
    **dict.fromkeys(["grey", "gray", "silver", "grizzled"], "grey"),
    **dict.fromkeys(["white", "snow-white"], "white"),
    **dict.fromkeys(["black", "raven", "jet", "coal-black"], "black"),
    **dict.fromkeys(["brown", "chestnut", "mousy"], "brown"),
    "dark": "dark",
}
COLOURS = {
    **dict.fromkeys(["red", "scarlet", "crimson", "vermilion"], "red"),
    **dict.fromkeys(["grey", "gray", "slate-grey"], "grey"),
    **dict.fromkeys(["white", "whitewashed"], "white"),
    **dict.fromkeys(["yellow", "golden"], "yellow"),
    **{colour: colour for colour in ("black", "blue", "green", "brown", "purple", "violet", "orange", "pink", "bay")},
    **{colour: colour for colour in ("chestnut", "sorrel", "piebald", "dun", "roan")},
}

_ALIKE_EYES = [{"dark", "brown"}, {"dark", "black"}, {"hazel", "brown"}, {"hazel", "green"}, {"hazel", "amber"}]
_ALIKE_EYES += [{"amber", "yellow"}, {"amber", "golden"}, {"yellow", "golden"}, {"amber", "brown"}, {"grey", "steel"}]
_ALIKE_HAIR = [{"dark", "black"}, {"dark", "brown"}, {"grey", "white"}, {"red", "brown"}, {"fair", "white"}]
_ALIKE_HAIR += [{"black", "brown"}, {"fair", "brown"}, {"dark", "grey"}]
_ALIKE_THINGS = [{"bay", "brown"}, {"bay", "chestnut"}, {"chestnut", "sorrel"}, {"chestnut", "brown"}, {"bay", "red"}]
_ALIKE_THINGS += [{"red", "orange"}, {"purple", "violet"}, {"dun", "brown"}, {"roan", "red"}, {"dun", "yellow"}]


def near(kind: str, one: str, other: str) -> bool:
    """Say whether two colours may be meant for the same: people differ in what they call hazel or bay."""
    table = {"eyes": _ALIKE_EYES, "hair": _ALIKE_HAIR}.get(kind, _ALIKE_THINGS)
    return one == other or {one, other} in table


BUILDS = {
    **dict.fromkeys(["tall", "lanky", "towering", "long"], "tall"),
    **dict.fromkeys(["short", "diminutive", "dwarfish"], "short"),
    **dict.fromkeys(["fat", "stout", "plump", "portly", "rotund", "corpulent", "round", "heavy"], "stout"),
    **dict.fromkeys(["thin", "lean", "gaunt", "skinny", "slender", "wiry", "bony", "scrawny"], "thin"),
    **dict.fromkeys(["enormous", "huge", "massive", "gigantic", "colossal", "large"], "very large"),
    **dict.fromkeys(["tiny", "small", "little", "minute", "petite"], "small"),
}
BUILD_CLASH = {
    frozenset(pair)
    for pair in (
        ("tall", "short"), ("stout", "thin"), ("very large", "small"), ("tall", "small"), ("very large", "short"),
        ("very large", "thin"),
    )
}  # fmt: skip
RELATIONS = {
    **dict.fromkeys(["sister", "brother", "twin", "half-sister", "half-brother", "sibling"], "sibling"),
    **dict.fromkeys(["wife", "husband", "spouse"], "spouse"),
    **dict.fromkeys(["mother", "father", "parent"], "parent"),
    **dict.fromkeys(["daughter", "son"], "child"),
    **dict.fromkeys(["grandmother", "grandfather"], "grandparent"),
    **dict.fromkeys(["granddaughter", "grandson", "grandchild"], "grandchild"),
    **dict.fromkeys(["aunt", "uncle"], "aunt or uncle"),
    **dict.fromkeys(["niece", "nephew"], "niece or nephew"),
    "cousin": "cousin",
}
CONVERSE = {
    "parent": "child", "child": "parent", "grandparent": "grandchild", "grandchild": "grandparent",
    "aunt or uncle": "niece or nephew", "niece or nephew": "aunt or uncle",
}  # fmt: skip
FEMALE = words_of(
    "woman girl lady landlady widow bride mistress maid maiden nun sister mother daughter wife aunt niece grandmother "
    "queen princess duchess witch abbess dame matron nurse seamstress laundress goodwife"
)
MALE = words_of(
    "man boy lad gentleman fellow monk brother father son husband uncle nephew grandfather king prince duke lord abbot "
    "priest widower sailor soldier carter landlord groom bishop coachman footman fisherman ferryman waiter"
)
TRADES = words_of(
    "abbess abbot admiral apothecary archivist assayer astronomer auditor bailiff baker banker barber bargeman barmaid "
    "beadle beekeeper bellwarden blacksmith boatbuilder boatman bookbinder bookseller brewer bricklayer butcher butler "
    "carpenter carter cartwright cellarer chancellor chandler chaplain clerk clockmaker coachman cobbler collector "
    "compositor constable cook cooper coroner courier cutpurse dentist doctor drover dyer engineer engraver envoy "
    "executioner falconer farmer farrier ferryman ferrymaster ferrywoman fiddler fisherman fishmonger forger forester "
    "gamekeeper gaoler gardener glassblower glazier glover goldsmith governess governor grocer groom gunsmith "
    "hangman harbourmaster hatter herald hermit housekeeper innkeeper jailer jeweller judge juggler juror laundress "
    "lawyer librarian locksmith lock-keeper magistrate mapmaker mason mayor mercer merchant midwife miller milliner "
    "miner minister minstrel monk musician notary nun nurse organist ostler painter pastor paymaster pawnbroker pedlar "
    "pharmacist physician pickpocket pilot pirate plumber poacher poet policeman porter potter preacher priest printer "
    "publican ropemaker ropemistress saddler sailor salter schoolmaster schoolmistress schoolteacher sculptor "
    "seamstress secretary senator sergeant servant sexton shepherd shipwright shoemaker silversmith singer smith "
    "smuggler solicitor spy steward stonemason surgeon surveyor tailor tanner teacher thatcher thief tinker "
    "toll-keeper toymaker undertaker valet verger veterinarian vicar vintner watchmaker watchman weaver wheelwright "
    "wigmaker keeper skipper captain lieutenant witch woodcutter wrestler lighthouse-keeper hearth-counter "
    "hairdresser"
)
SAME_TRADE = [
    {"hangman", "executioner"}, {"doctor", "physician", "surgeon"}, {"teacher", "schoolmaster", "schoolteacher"},
    {"teacher", "schoolmistress", "schoolteacher"}, {"smith", "blacksmith", "farrier"}, {"cobbler", "shoemaker"},
    {"lawyer", "solicitor", "notary"}, {"jailer", "gaoler"}, {"innkeeper", "publican"}, {"judge", "magistrate"},
    {"clockmaker", "watchmaker"}, {"ferryman", "ferrymaster", "ferrywoman", "boatman"}, {"thief", "cutpurse"},
    {"thief", "pickpocket", "cutpurse"}, {"bargeman", "boatman", "sailor", "pilot"}, {"mason", "stonemason"},
    {"priest", "vicar", "pastor", "preacher", "chaplain"}, {"boatbuilder", "shipwright", "carpenter"},
    {"pharmacist", "apothecary"}, {"undertaker", "carpenter"}, {"constable", "policeman", "watchman", "bailiff"},
    {"musician", "fiddler", "singer", "minstrel", "organist"}, {"painter", "engraver"}, {"servant", "valet", "butler"},
    {"farmer", "shepherd", "drover"}, {"monk", "abbot", "cellarer"}, {"nun", "abbess"}, {"spy", "envoy"},
    {"sailor", "fisherman", "pirate", "smuggler"}, {"secretary", "clerk"}, {"merchant", "chandler", "mercer"},
    {"miner", "engineer"}, {"seamstress", "tailor", "milliner"}, {"chancellor", "minister"}, {"cook", "baker"},
    {"toll-keeper", "collector"}, {"librarian", "archivist"}, {"mapmaker", "surveyor"}, {"brewer", "innkeeper"},
]  # fmt: skip
PEOPLE = FEMALE | MALE | TRADES | words_of("child stranger visitor")
UNFIT = re.compile(
    r"\b(?:if|unless|would|could have|might|perhaps|maybe|imagin\w+|dream\w*|suppos\w+|pretend\w*|wish\w*|as though"
    r"|as if|seem\w*|looked like|rumou?r|they say|it was said|people said|legend|called him|called her)\b",
    re.IGNORECASE,
)
"""What makes a sentence no statement of fact."""
MEMORY = re.compile(
    r"\b(?:remember\w*|recall\w*|memor\w+|used to|once|in those days|years (?:ago|before)|long ago|thought of|as a "
    r"(?:boy|girl|child)|when (?:he|she|they|I) (?:was|were)|the late|ghost|grave|portrait|photograph"
    r"|statue|buried|"
    r"funeral|missed|mourn\w*|widow|had been|had died|dead|died)\b",
    re.IGNORECASE,
)
"""What takes a sentence back in time, so that who is dead may stand in it."""


def alternatives(words: Iterable[str]) -> str:
    """Return a regular expression's alternatives for words, longest first."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))

"""The types that flow from stage to stage; all frozen, all made of plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Chapter:
    """One chapter of a manuscript: its heading as written and its paragraphs, separated by blank lines."""

    title: str
    text: str

    @property
    def words(self) -> int:
        """Number of white-space separated words."""
        return len(self.text.split())


@dataclass(frozen=True)
class Removed:
    """A piece that reading took out of a chapter, why, and where it stood; chapters and paragraphs count from 0.

    `offset` is how many characters of the paragraph stand before it; None is a line of its own before the paragraph.
    """

    text: str
    reason: str
    chapter: int
    paragraph: int
    offset: int | None = None


@dataclass(frozen=True)
class Manuscript:
    """One version of one uploaded work, cleaned, in chapters."""

    id: str
    title: str
    chapters: tuple[Chapter, ...]
    version: int = 1
    source_name: str = ""
    notes: tuple[str, ...] = ()
    removed: tuple[Removed, ...] = ()

    @property
    def words(self) -> int:
        """Number of words in all chapters."""
        return sum(chapter.words for chapter in self.chapters)


@dataclass(frozen=True)
class Passage:
    """Whole consecutive paragraphs of one chapter, measured in tokens of the chosen model."""

    manuscript: str
    chapter: int
    position: int
    text: str
    tokens: int

    @property
    def words(self) -> int:
        """Number of white-space separated words."""
        return len(self.text.split())


@dataclass(frozen=True)
class SetAside:
    """Text that was not made into a passage, and why."""

    manuscript: str
    chapter: int
    text: str
    reason: str


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class ChatExample:
    """One training row: system, user and assistant messages, and where the reply comes from."""

    messages: tuple[Message, ...]
    manuscript: str = ""
    kind: str = "scene"

    def row(self) -> dict[str, Any]:
        """Return the JSONL row; `messages` is the conversation format used everywhere."""
        return {
            "messages": [asdict(message) for message in self.messages],
            "manuscript": self.manuscript,
            "kind": self.kind,
        }


@dataclass(frozen=True)
class Draft:
    """One generated or pasted text, with what asked for it."""

    model: str
    prompt: str
    text: str
    seed: int | None = None
    finish_reason: str = ""
    sources: tuple[str, ...] = ()

    @property
    def words(self) -> int:
        """Number of white-space separated words."""
        return len(self.text.split())


@dataclass(frozen=True)
class Moment:
    """Where in the story a request stands; a chapter that is not named means the end of the story."""

    book: str = ""
    chapter: int | None = None


END_OF_STORY = Moment()


@dataclass(frozen=True)
class Entry:
    """One fact sheet of a world.

    `keys` are words besides its names that call it up, plain or as `/regex/`. It holds from `from_chapter` to
    `to_chapter`, both included, in `book` (in every book where that is empty). `fields` are facts by name, such as
    eyes: grey; `links` are names of other entries. `foreign` is what another program keeps with it and this one has no
    use for, so that it can be given back.
    """

    id: str
    name: str
    text: str
    kind: str = "note"
    aliases: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    always_on: bool = False
    priority: int = 0
    book: str = ""
    from_chapter: int | None = None
    to_chapter: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    foreign: Mapping[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> str:
        """What is told of it: the text, and then each field as a sentence."""
        return " ".join((self.text, *(f"{name}: {value}." for name, value in self.fields.items())))

    def holds(self, moment: Moment) -> bool:
        """Say whether it is true at a moment of the story."""
        if self.book and moment.book and self.book.casefold() != moment.book.casefold():
            return False
        if moment.chapter is None:
            return self.to_chapter is None
        return (self.from_chapter or 0) <= moment.chapter and (
            self.to_chapter is None or moment.chapter <= self.to_chapter
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the entry that `asdict` made a row of."""
        values: dict[str, Any] = {key: tuple(kept) if isinstance(kept, list) else kept for key, kept in row.items()}
        return cls(**values)


@dataclass(frozen=True)
class Hit:
    """One world entry chosen for a prompt, why it was chosen, and how well it fits (1 is best)."""

    entry: Entry
    reason: Literal["always-on", "mention", "key", "meaning", "keywords", "link"]
    score: float


@dataclass(frozen=True)
class Favourite:
    """One word or phrase that an author uses far more often than general English does."""

    text: str
    count: int
    ratio: float


@dataclass(frozen=True)
class Rhythm:
    """How sentence lengths follow one another.

    `variation` is deviation over mean. `echoes` are the autocorrelations of log lengths one to five sentences on.
    `short` is the share of sentences at or below the author's lower quartile, `short_after_long` that share right after
    a sentence at or above the upper one, `short_runs` the share of sentences in runs of three or more short ones.
    """

    variation: float
    echoes: tuple[float, ...]
    short: float
    short_after_long: float
    short_runs: float


@dataclass(frozen=True)
class DialogueTags:
    """How speech is given to its speakers: paragraphs with speech, the share that name one by a verb, and the verbs.

    `said`, `asked` and `other` are shares of the tags; `verbs` are the most frequent ones, each with its share.
    """

    turns: int
    tagged: float
    said: float
    asked: float
    other: float
    verbs: dict[str, float]


@dataclass(frozen=True)
class StyleProfile:
    """What is measured of an author's voice; lengths in words, shares 0 to 1, rates per 1,000 words.

    Quartiles are the first, second and third. `lexical_variety` is the moving-average type/token ratio over 500 words
    (Covington & McFall 2010), `mtld` the measure of textual lexical diversity (McCarthy & Jarvis 2010). `subordination`
    is the share of sentences with a subordinate clause's opening word. `past` is the share of past forms among the
    verbs that tell a tense. Kinds are shares of openings or endings. `distributions` hold shares by the bins of
    `voice.distributions`. What has a default is missing in profiles of earlier versions.
    """

    words: int
    sentences: int
    paragraphs: int
    word_length: float
    long_words: float
    lexical_variety: float
    vocabulary_level: Literal["plain", "everyday", "rich"]
    sentence_length: float
    sentence_length_deviation: float
    sentence_quartiles: tuple[float, float, float]
    subordination: float
    sentence_pattern: Literal["simple", "varied", "complex"]
    paragraph_length: float
    paragraph_quartiles: tuple[float, float, float]
    dialogue: float
    quote_style: str
    person: Literal["first", "second", "third"]
    tense: Literal["past", "present"]
    punctuation: dict[str, float]
    function_words: dict[str, float]
    action_verbs: float
    transitions: float
    openings: dict[str, float]
    favourite_words: tuple[Favourite, ...]
    favourite_phrases: tuple[Favourite, ...]
    mtld: float = 0.0
    past: float = 0.0
    rhythm: Rhythm | None = None
    dialogue_tags: DialogueTags | None = None
    adverbs: float = 0.0
    adverb_words: dict[str, int] = field(default_factory=dict)
    similes: float = 0.0
    simile_examples: tuple[str, ...] = ()
    opening_kinds: dict[str, float] = field(default_factory=dict)
    endings: dict[str, float] = field(default_factory=dict)
    ending_kinds: dict[str, float] = field(default_factory=dict)
    paragraph_openings: dict[str, float] = field(default_factory=dict)
    paragraph_opening_kinds: dict[str, float] = field(default_factory=dict)
    paragraph_endings: dict[str, float] = field(default_factory=dict)
    paragraph_ending_kinds: dict[str, float] = field(default_factory=dict)
    one_sentence_paragraphs: float = 0.0
    distributions: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class QuotedPassage:
    """A passage quoted for being typical of its author or not; `distance` in the author's own deviations, and why."""

    text: str
    manuscript: str
    typical: bool
    distance: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """One check that caps a style score; `fired` says whether it did and `sentence` why, in words."""

    name: str
    fired: bool
    cap: float
    sentence: str


@dataclass(frozen=True)
class PairedFigure:
    """One comparison drawn: for each label the author's own value and the draft's, in `unit`."""

    name: str
    unit: str
    labels: tuple[str, ...]
    own: tuple[float, ...]
    draft: tuple[float, ...]


@dataclass(frozen=True)
class StyleScore:
    """How well a text matches the author: 0 to 100, or None where there is too little text to say.

    `low` and `high` bound the 90 % interval of a cluster bootstrap over passages, no narrower than the author's own
    unseen texts differ. `comparisons` holds the guide's four figures (0 to 100 each), which explain but do not make the
    score. `raw` is the pooled decision value before any gate: above 0 the classifier takes the text for the author's.
    `percentile` is how many in 100 of the author's own held-out passages, pooled to the same length, lie below it; None
    where there are too few of them, or a gate decides.
    `notes` say what was left out of the text before it was scored.
    """

    words: int
    score: float | None
    low: float | None
    high: float | None
    verdict: str
    comparisons: dict[str, float] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()
    raw: float | None = None
    percentile: float | None = None
    figures: tuple[PairedFigure, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Drafts of a tuned model against the base model's, request by request, beside the author's held-out writing.

    `difference` is in points of the score, `raw_difference` in decision values before any gate, each with its 90 %
    interval (a paired bootstrap over requests, each model's scatter as wide as in its own interval). `gap_closed` is
    (tuned − base) / (own − base) in decision values: 1 where the tuned model stands where the author does; None where
    base and author cannot be told apart. `gap_low` and `gap_high` bound its 90 % interval.
    """

    base: StyleScore
    tuned: StyleScore
    own: StyleScore
    difference: float | None
    low: float | None
    high: float | None
    raw_difference: float | None
    raw_low: float | None
    raw_high: float | None
    gap_closed: float | None
    verdict: str
    gap_low: float | None = None
    gap_high: float | None = None


@dataclass(frozen=True)
class Run:
    """What `run.json` holds: one job, its process, and how it stands."""

    id: str
    stage: str
    command: tuple[str, ...]
    status: Literal["queued", "running", "done", "stopped", "failed", "interrupted"]
    created: float
    pid: int | None = None
    process_start: float | None = None
    ended: float | None = None
    message: str = ""
    config_hash: str = ""
    working_folder: str = ""
    result: dict[str, Any] = field(default_factory=dict)


def listed_once(models: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a server's list of models without its second names: vLLM lists the base under each one it answers to.

    Such rows have the same weights (`root`), and are not trained on top of others (`parent`).
    """
    found: list[dict[str, Any]] = []
    roots = set()
    for model in models:
        root = model.get("root") if model.get("parent") is None else None
        if root is None or root not in roots:
            found.append(model)
        roots.add(root)
    return found

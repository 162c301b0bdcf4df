"""Words and patterns that language models fall back on when they write fiction, in one table to read and to add to."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Pattern:
    """A pattern with the name a reader knows it by, and how often a draft must hold it to be worth a word."""

    name: str
    found: re.Pattern[str]
    least: int = 3


STOCK_WORDS = frozenset(
    re.findall(
        r"\w+",
        """amidst amethyst anticipation beacon bioluminescent bustling cacophony canvas cascade cascaded cascading
    chiaroscuro cobblestone cobblestones crescendo crimson crystalline delve delved delves delving
    ebbed echoed echoes echoing elegance embark embarked emerald enigma enigmatic ethereal etched fleeting flickered
    flickering fractured ghostly gleamed gossamer gnarled hues iridescent intricate intricately juxtaposition
    kaleidoscope labyrinth labyrinthine liminal luminous lurked melodic meticulous meticulously mosaic muted myriad
    nestled newfound obsidian opalescent ozone palpable palimpsest pulsed pulsing ragged realm realms resilience
    resonance resonate resonated resonating reverberated reverie shimmer shimmered shimmering silhouette silhouetted
    solace spectral staccato steely swirled swirling sylvan symphony tangible tapestries tapestry tendril tendrils
    testament thrummed thrumming timeless twinkling unbidden unfurled unfurling unravel unraveled unraveling unspoken
    unwavering unyielding verdant vibrant visceral weathered whisper whispers whispering wisps yearning
    yearned""",
    )
)
"""Words far more frequent in models' stories than in people's."""

STOCK_NAMES = frozenset(
    re.findall(
        r"\w+",
        """aelara aeloria aldric alistair amara aria astrid blackwood caelum cassian chen darius elara eldoria
    eldrin eliora elowen elysia evander everwood hawthorne isolde kael kaelen kai lila lyra lysander
    maeve nyx oakhaven orion ravenwood selene seraphina thaddeus thorne valeria vasquez voss
    whisperwind willowbrook zephyr""",
    )
)
"""Names that models give to people and places they make up."""


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.IGNORECASE)


PATTERNS = (
    Pattern("“a mix of”", _words(r"an? (?:mix|mixture|blend|cocktail) of"), 2),
    Pattern(
        "“a hint of”, “a flicker of”, “a pang of”",
        _words(r"a (?:hint|flicker|pang|surge|wave|rush|jolt|shiver|twinge|glimmer|spark|wisp|whisper|sliver) of"),
    ),
    Pattern("“a sense of”", _words(r"an? (?:\w+ )?sense of"), 3),
    Pattern("“couldn't help but”", _words(r"(?:could not|couldn't|can't|cannot) help (?:but|\w+ing)"), 2),
    Pattern(
        "“a testament to”",
        _words(r"(?:a|stood as|stands as) (?:\w+ )?(?:testament|reminder|symbol|beacon) (?:to|of)"),
        2,
    ),
    Pattern(
        "“the weight of”",
        _words(r"the (?:\w+ )?weight of (?:his|her|their|my|the|a|it|what|all|every|years|\w+ing)"),
        2,
    ),
    Pattern("“in that moment”", _words(r"in (?:that|this) (?:single |very )?moment"), 2),
    Pattern("“for the first time in years”", _words(r"for the first time (?:in|since) [\w ]{3,20}"), 2),
    Pattern("“little did she know”", _words(r"little did (?:he|she|they|we|I) know"), 2),
    Pattern("“maybe, just maybe”", _words(r"(?:maybe|perhaps),? just (?:maybe|perhaps)"), 2),
    Pattern(
        "eyes that sparkle, widen or darken",
        _words(
            r"eyes (?:\w+ly )?(?:sparkl|gleam|glint|glitter|widen|narrow|soften|twinkl|darken|shin|shone|glow"
            r"|burn|flash"
            r"|dart|search|lock|lit)\w*",
            r"gaze (?:\w+ly )?(?:soften|linger|fix|drift|met|lock|darken|sharpen|flick|sweep|swept)\w*",
        ),
    ),
    Pattern(
        "breath that catches or is let out",
        _words(
            r"breath (?:\w+ly )?(?:caught|catch\w*|hitch\w*|came in|coming in|held|quicken\w*)",
            r"(?:let|letting|released|releasing|exhaled|took|taking|drew"
            r"|drawing) (?:out )?a (?:\w+,? )?(?:\w+ )?breath",
            r"breath (?:he|she|they|I|we) (?:didn't|hadn't|had not|did not) (?:know|known|reali[sz]ed?)",
        ),
    ),
    Pattern(
        "hearts that pound, race or ache",
        _words(
            r"(?:heart|pulse) (?:\w+ly )?(?:pound|hammer|rac|skip|flutter|sank|sink|ach|thud|quicken|leap|leapt"
            r"|swell)\w*"
        ),
    ),
    Pattern(
        "shivers down the spine",
        _words(
            r"(?:shiver|chill|tingle)s? (?:\w+ )?(?:ran |run |went |crawl\w* )?(?:down|up) (?:his|her|my|their"
            r"|the) spine"
        ),
        2,
    ),
    Pattern(
        "“barely above a whisper”",
        _words(r"(?:barely|scarcely|hardly) (?:above|more than) a (?:whisper|murmur|breath)"),
        2,
    ),
    Pattern(
        "smiles that tug, play or do not reach the eyes",
        _words(
            r"smile (?:\w+ly )?(?:tug|play|spread|curl|flicker|touch|creep|crept|ghost|didn't|did not)\w*",
            r"ghost of a smile",
            r"corners? of (?:his|her|their|my) (?:mouth|lips|eyes)",
            r"lips (?:\w+ly )?(?:curl|quirk|twitch|curv|part|press)\w*",
        ),
    ),
    Pattern(
        "clenched jaws, squared shoulders, white knuckles",
        _words(
            r"jaw (?:\w+ly )?(?:clench|tighten|set|work)\w*",
            r"(?:clench|tighten|set)\w* (?:his|her|their|my) jaw",
            r"squar\w+ (?:his|her|their|my) shoulders",
            r"shoulders (?:slump|sag|tens|stiffen|relax)\w*",
            r"knuckles (?:\w+ )?(?:white\w*|pale)",
            r"white-knuckled",
            r"steel\w+ (?:himself|herself|themselves|myself)",
            r"swallow\w+ hard",
            r"(?:ran|run|running) a hand through (?:his|her|their|my) hair",
        ),
        2,
    ),
    Pattern(
        "air thick with something",
        _words(
            r"(?:air|silence|room|night) (?:\w+ )?(?:was |is |hung |grew |felt )?(?:thick|heavy|alive|electric"
            r"|charged) with"
        ),
        2,
    ),
    Pattern(
        "silence that hangs or stretches",
        _words(
            r"silence (?:\w+ly )?(?:hung|hang|stretch|settl|fell|descend|that followed)\w*",
            r"hung (?:heavy )?in the air",
        ),
        2,
    ),
    Pattern(
        "time that seems to stop",
        _words(
            r"(?:time|the world|everything|the universe) (?:itself )?(?:seem\w* to |had )?(?:stop|slow|still"
            r"|stood still|held its breath|hold its breath|fade|fell away|fall away|narrow)\w*"
        ),
        2,
    ),
    Pattern(
        "long shadows and bathed light",
        _words(
            r"(?:cast|casting|throwing) (?:\w+,? )?(?:\w+ )?(?:shadows?|glow|light)",
            r"bathed in",
            r"dust motes?",
            r"(?:golden|silver|amber|pale|dappled|fading) light",
            r"shadows? (?:\w+ly )?(?:danc|stretch|lengthen|pool)\w*",
        ),
        2,
    ),
    Pattern(
        "light, leaves or words that dance",
        _words(r"danc(?:ed|ing|e|es) (?:across|in|on|over|through|with|along|around)"),
        2,
    ),
    Pattern(
        "“something shifted”",
        _words(
            r"something (?:\w+ )?(?:shift|stir|chang|flicker|loosen|settl|unfurl|broke|snapp)\w*",
            r"something (?:like|akin to|close to) \w+",
            r"something (?:else|deeper|more|unreadable|unspoken|ancient)\b",
        ),
        2,
    ),
    Pattern("the scent of one thing and another", _words(r"(?:scent|smell|aroma|tang) of [\w ]{3,30} and \w+"), 2),
    Pattern(
        "a hum beneath it all",
        _words(r"hum(?:med|ming)? (?:of|with)", r"(?:pulse|pulsed|pulsing|thrum\w*) (?:of|with|beneath|through)"),
        2,
    ),
    Pattern(
        "not X but Y",
        re.compile(
            r"\bnot (?:(?:just|only|merely|simply|from|with|in|of|as|because|the|a|an|to|for"
            r"|out)\b)[^.;:!?—\"]{1,50}?,? but\b",
            re.IGNORECASE,
        ),
    ),
    Pattern(
        "“It wasn't just X; it was Y”",
        re.compile(
            r"\b(?:it|this|that|there|he|she|they|these|those)(?:'s not| (?:is|was|were|are)(?:n't"
            r"| not))\b[^.;:!?—\"\n]{2,60}"
            r"[.;,:—] ?(?:it|this|that|he|she|they|these|those)(?:'s| was| is| were| are|'re)\b",
            re.IGNORECASE,
        ),
    ),
    Pattern(
        "“no X, no Y, just Z”",
        re.compile(
            r"\bno \w+(?: \w+)?[,.] (?:and )?no \w+(?: \w+)?[,.—] ?(?:just|only"
            r"|nothing but)\b",
            re.IGNORECASE,
        ),
        2,
    ),
    Pattern(
        "lists of three",
        re.compile(r"\b[\w'-]+(?: [\w'-]+){0,2}, [\w'-]+(?: [\w'-]+){0,2}, (?:and|or) [\w'-]+", re.IGNORECASE),
        4,
    ),
    Pattern("asides between dashes", re.compile(r"—[^—.!?\n\"]{3,80}—"), 4),
    Pattern("dashes", re.compile(r"—"), 8),
    Pattern(
        "sentences that trail off in “-ing”",
        re.compile(
            r", (?:\w+ly )?(?!(?:morning|evening|nothing|something|anything|everything"
            r"|during)\b)[a-z]{3,}ing\b[^.,;:!?\"\n—]{3,70}[.!?]"
        ),
        4,
    ),
    Pattern(
        "comparisons with “like” and “as if”",
        re.compile(r"\blike (?:an?|the|some|something) |\bas (?:if|though)\b", re.IGNORECASE),
        5,
    ),
    Pattern(
        "two comparisons in one sentence",
        re.compile(
            r"(?:\blike an? |\bas (?:if|though)\b)[^.!?\n]{3,90}(?:\blike an? |\bas (?:if|though)\b)", re.IGNORECASE
        ),
        2,
    ),
    Pattern("“seemed to”", _words(r"seem(?:ed|s|ing)? (?:almost )?to \w+"), 4),
    Pattern("“almost as if”", _words(r"almost (?:as (?:if|though)|like)"), 2),
    Pattern(
        "paragraphs that end on a maxim",
        re.compile(
            r"(?<=[.!?…\"] )(?:And|But|Because|Some|Sometimes|Perhaps|Maybe|Not|Only|Just|Still|It was enough"
            r"|That was)\b"
            r"[^.!?\n\"]{2,60}[.!?](?=\n|\Z)"
        ),
    ),
    Pattern("paragraphs of one short line", re.compile(r"(?:(?<=\n\n)|\A)[A-Z][^\n\"—]{2,28}[.!?](?=\n\n|\Z)"), 4),
    Pattern(
        "“Somewhere in the distance”", _words(r"(?:somewhere )?(?:in the distance|far off|far away), an? \w+ \w+"), 2
    ),
    Pattern(
        "whispered secrets and promises",
        _words(r"(?:whisper\w*|murmur\w*) (?:of )?(?:\w+ )?(?:secrets?|promises?|stories|tales|truths?)"),
        2,
    ),
    Pattern(
        "stories and secrets that places hold",
        _words(
            r"(?:speak|spoke|spoken|speaking|told|tell|telling) of (?:\w+ )?\w+",
            r"(?:held|hold|holding|kept) (?:\w+ )?(?:secrets|stories|memories)",
        ),
        2,
    ),
    Pattern(
        "the assistant talking",
        re.compile(
            r"\b(?:as an AI|language model|I hope this (?:helps|meets)|here(?:'s| is) (?:a|the|your"
            r"|my) (?:\w+ )?(?:scene|story|draft"
            r"|version|continuation|rewrite|passage)|let me know if|feel free to|word count:|(?:certainly|sure"
            r"|of course)! )",
            re.IGNORECASE,
        ),
        1,
    ),
    Pattern(
        "the essay's turns",
        _words(
            r"in conclusion",
            r"moreover",
            r"furthermore",
            r"it is (?:important|worth) (?:to note|noting)",
            r"ultimately",
        ),
        3,
    ),
)

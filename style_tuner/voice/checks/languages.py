"""Tell the language of a text, so that no number is given for one that the voice was not learned from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from style_tuner.voice.reference import lowered, reference_words
from style_tuner.voice.segment import words

ENGLISH = "English"
NO_LANGUAGE = "no language"
LANGUAGE_PIECE = 100
LEAST_LANGUAGE_WORDS = 20
COMMON_WORDS = 100
COMMON_SHARE = 0.3
"""English prose takes half of its words from its hundred most common ones; pages of names a fifth, French a tenth."""
LANGUAGES = {
    "af": "Afrikaans",
    "ar": "Arabic",
    "bg": "Bulgarian",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": ENGLISH,
    "eo": "Esperanto",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "ga": "Irish",
    "gl": "Galician",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "la": "Latin",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "nb": "Norwegian",
    "nl": "Dutch",
    "nn": "Norwegian",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
    "zxx": NO_LANGUAGE,
}
_SCRIPTS_WITHOUT_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")


def language_of(texts: Sequence[str]) -> str:
    """Return the language that most of the texts is in, by its English name; "" where there are too few words to say.

    Text with English's own most common words is English, however odd the rest of it is.
    """
    every = " ".join(texts)
    found = words(every)
    signs = len(_SCRIPTS_WITHOUT_BLANKS.findall(every))
    if max(len(found), signs) < LEAST_LANGUAGE_WORDS:
        return ""
    lower = lowered(found)
    if sum(word in _common_words() for word in lower) >= COMMON_SHARE * len(lower) and signs < len(found):
        return ENGLISH
    tokens = every.split() if signs < len(found) else [every]
    cut = [" ".join(tokens[start : start + LANGUAGE_PIECE]) for start in range(0, len(tokens), LANGUAGE_PIECE)]
    counts = Counter(_identified(piece[:4000]) for piece in cut[:: max(1, len(cut) // 20)])
    language, number = counts.most_common(1)[0]
    return language if number > counts.total() / 2 else ""


def _identified(text: str) -> str:
    import py3langid

    code = py3langid.classify(text)[0]
    return LANGUAGES.get(code, f"another language ({code})" if code.isalpha() else "")


@lru_cache(maxsize=1)
def _common_words() -> frozenset[str]:
    return frozenset(list(reference_words())[:COMMON_WORDS])

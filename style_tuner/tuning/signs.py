"""What goes wrong in training, read off a run's curves and samples and said in words, each with its remedy."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from style_tuner.config import TrainingConfig

RISE = 0.02
"""Share by which the validation loss must have risen above its lowest before it counts as rising."""
FALL = 0.02
"""Share by which a loss must have fallen to count as falling."""
CAUGHT = 0.05
"""Nats a token that a voice must gain on unseen passages of its author: less is hardly to be heard."""
FORGOTTEN = math.log(2)
"""Nats a token that ordinary answers may lose: the model wavers between twice as many tokens as before."""
WORDS_TO_JUDGE = 25
REPEATED = 0.4
"""Share of a sample's words inside word triples that come back, from which it is no prose."""
FAMILIAR = 0.15
"""Share of a sample's words among the author's hundred most frequent, which make about half of any prose."""
FEW_PASSAGES = 300
"""Fewest passages that the guide asks for."""


@dataclass(frozen=True)
class Sign:
    """Something that goes wrong, in a sentence, and what to do about it."""

    name: str
    sentence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}"


def read_signs(
    rows: Sequence[Mapping[str, Any]],
    texts: Sequence[str],
    config: TrainingConfig,
    passages: int,
    common: frozenset[str] = frozenset(),
) -> list[Sign]:
    """Return the signs in a run's reports and in its newest samples, the gravest first.

    `passages` is the number of training rows, `common` the most frequent words of the author's replies.
    """
    training = [(int(row["step"]), float(row["loss"])) for row in rows if "loss" in row]
    validation = [(int(row["step"]), float(row["validation_loss"])) for row in rows if "validation_loss" in row]
    base = next((float(row["base_validation_loss"]) for row in rows if "base_validation_loss" in row), None)
    abilities = [float(row["ability_loss"]) for row in rows if row.get("ability_loss") is not None]
    found = [
        _gibberish(texts, config, common),
        _stuck(training, validation, config),
        _overfitting(training, validation, config),
        _forgotten(abilities, config),
        _not_caught(base, validation, config, passages),
    ]
    return [sign for sign in found if sign is not None]


def _overfitting(
    training: Sequence[tuple[int, float]], validation: Sequence[tuple[int, float]], config: TrainingConfig
) -> Sign | None:
    """Tell where the validation loss rises from its lowest while that of training goes on falling."""
    if len(validation) < 3:
        return None
    best_step, best = min(validation, key=lambda pair: pair[1])
    step, last = validation[-1]
    before = [loss for at, loss in training if at <= best_step][-5:]
    after = [loss for at, loss in training if at > best_step][-5:]
    rises = last > best * (1 + RISE)
    if not (rises and before and after and _mean(after) < _mean(before)):
        return None
    fewer = f"fewer epochs than {config.num_epochs:g}"
    return Sign(
        "overfitting",
        f"Overfitting: since step {best_step} the loss on the training passages still falls, while on passages it has "
        f"not seen it rose from {best:.3f} to {last:.3f} (step {step}).",
        f"The state of step {best_step} is the one to use. Next time take {fewer}, lora_dropout 0.1 or weight_decay "
        "0.05, or add passages.",
    )


def _stuck(
    training: Sequence[tuple[int, float]], validation: Sequence[tuple[int, float]], config: TrainingConfig
) -> Sign | None:
    """Tell where neither loss has fallen."""
    if len(training) < 6 or len(validation) < 2:
        return None
    third = max(3, len(training) // 3)
    begin, end = (_mean([loss for _, loss in part]) for part in (training[:third], training[-third:]))
    if end < begin * (1 - FALL) or min(loss for _, loss in validation[1:]) < validation[0][1] * (1 - FALL):
        return None
    if end > begin * (1 + FALL):
        return Sign(
            "diverging",
            f"The loss rises: from {begin:.3f} to {end:.3f}.",
            f"The learning rate is too high: try {config.learning_rate / 4:.2g} instead of {config.learning_rate:g}.",
        )
    return Sign(
        "loss not falling",
        f"The loss does not fall: {begin:.3f} at the start, {end:.3f} now.",
        f"Raise learning_rate to {config.learning_rate * 1.5:.2g}, train 5 epochs instead of "
        f"{config.num_epochs:g}, and look through the passages for repeats and broken text.",
    )


def _gibberish(texts: Sequence[str], config: TrainingConfig, common: frozenset[str]) -> Sign | None:
    broken = [fault for fault in (broken_prose(text, common) for text in texts) if fault]
    if not broken or len(broken) * 2 < len(texts):
        return None
    return Sign(
        "gibberish",
        f"The samples are no prose: the newest {broken[0]}.",
        f"Take an earlier state of this run, or train again with learning_rate {config.learning_rate / 2:.2g} or fewer "
        "epochs; check the passages for broken characters.",
    )


def broken_prose(text: str, common: frozenset[str] = frozenset()) -> str | None:
    """Return in what way a text is no prose, or None; texts too short to say are taken for prose."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    visible = [character for character in text if not character.isspace()]
    if visible and sum(character.isalpha() for character in visible) < 0.6 * len(visible) and len(visible) > 40:
        return "is mostly signs and digits"
    if len(words) < WORDS_TO_JUDGE:
        return None
    triples = Counter(zip(words, words[1:], words[2:], strict=False))
    if sum(count for count in triples.values() if count > 1) > REPEATED * (len(words) - 2):
        return "repeats itself"
    if common and sum(word in common for word in words) < FAMILIAR * len(words):
        return "is not made of the author's words"
    return None


def _forgotten(abilities: Sequence[float], config: TrainingConfig) -> Sign | None:
    """Tell where ordinary answers have become less likely than they were before the training."""
    if len(abilities) < 2 or abilities[-1] - abilities[0] <= FORGOTTEN:
        return None
    return Sign(
        "lost abilities",
        f"The model has unlearned ordinary answers: its loss on a few of them went from {abilities[0]:.2f} to "
        f"{abilities[-1]:.2f}.",
        f"Take an earlier state of this run, or train again with learning_rate {config.learning_rate / 2:.2g} or fewer "
        "epochs. It does no harm where the voice is used for prose alone.",
    )


def _not_caught(
    base: float | None, validation: Sequence[tuple[int, float]], config: TrainingConfig, passages: int
) -> Sign | None:
    """Tell where a run is well under way and has gained next to nothing over the base model."""
    if base is None or len(validation) < 4 or base - min(loss for _, loss in validation) >= CAUGHT:
        return None
    more = f"Add passages: {FEW_PASSAGES} at least, here are {passages}. " if passages < FEW_PASSAGES else ""
    return Sign(
        "style not captured",
        f"The voice is hardly learned: the loss on unseen passages fell by {base - min(v for _, v in validation):.3f}.",
        f"{more}Longer passages, lora_r {min(128, config.lora_r * 2)} or learning_rate "
        f"{config.learning_rate * 1.5:.2g} help too.",
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def frequent_words(texts: Sequence[str], count: int = 100) -> frozenset[str]:
    """Return the most frequent words of the texts, lower case."""
    words = itertools.chain.from_iterable(re.findall(r"[^\W\d_]+", text.lower()) for text in texts)
    return frozenset(word for word, _ in Counter(words).most_common(count))

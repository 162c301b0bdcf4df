"""A dataset of a few short rows for tests that really train."""

from pathlib import Path

from style_tuner.workspace import write_jsonl

PLACES = ("harbour", "chapel", "orchard", "mill", "quarry", "lighthouse", "ferry", "market")
WEATHER = ("Rain had come in the night.", "Nothing moved but the gulls.", "It was the first cold day.", "Fog lay low.")
ENDINGS = (
    "She counted the boats and did not say the number aloud.",
    "He folded the letter twice, and the second fold tore it.",
    "They waited until the bell had stopped, and then a little longer.",
)


def row(number: int) -> dict[str, object]:
    place = PLACES[number % len(PLACES)]
    reply = f"{WEATHER[number % 4]} Beyond the {place} the road went down to the water. {ENDINGS[number % 3]}"
    return {
        "messages": [
            {"role": "system", "content": "You are an author of quiet sea stories."},
            {"role": "user", "content": f"Write a scene by the {place}."},
            {"role": "assistant", "content": reply},
        ]
    }


def write_rows(folder: Path, count: int = 16) -> Path:
    """Write a dataset whose validation rows are of the training's kind, so that learning must lower their loss."""
    write_jsonl(folder / "train.jsonl", [row(number) for number in range(count)])
    write_jsonl(folder / "validation.jsonl", [row(number) for number in range(0, count, 4)])
    return folder

"""Measure finished drafts in the background: the share copied and the style score, once, kept with the take."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from style_tuner import takes
from style_tuner.config import ScoreConfig
from style_tuner.dataset.prepare import latest_dataset
from style_tuner.errors import StyleTunerError
from style_tuner.takes import Column, Measure, Take
from style_tuner.voice.author import AuthorVoice, voice_of
from style_tuner.workspace import Workspace

log = logging.getLogger(__name__)
Task = tuple[Workspace, str, Path]
LEAST_WORDS = ScoreConfig().least_words

_one_at_a_time = threading.Lock()
_pending: dict[Task, bool] = {}
"""Every task so far, with whether it is still to be done; one that failed is not tried again by this process."""


def measuring(workspace: Workspace, take: Take) -> bool:
    """Have a finished take measured where that has not been done, and say whether it is still to come."""
    dataset = measured_against(workspace)
    if dataset is None or not take.done or not any(_due(column) for column in take.columns):
        return False
    task = (workspace, take.id, dataset)
    if task not in _pending:
        _pending[task] = True
        threading.Thread(target=_work, args=[task], daemon=True).start()
    return _pending[task]


def measured_against(workspace: Workspace) -> Path | None:
    """Return the newest dataset, once it is whole: its description is written last."""
    dataset = latest_dataset(workspace)
    return dataset if dataset and (dataset / "dataset.json").is_file() else None


def measure(text: str, dataset: Path) -> Measure:
    """Return the share of a text that is copied and its style score, which short texts have none of."""
    from style_tuner.voice.segment import words

    copied = _author(dataset).sources.compare(text).share
    if len(words(text)) < LEAST_WORDS:
        return Measure(dataset.name, copied)
    try:
        score = _author(dataset).score([text])
    except StyleTunerError as error:
        return Measure(dataset.name, copied, message=str(error))
    return Measure(dataset.name, copied, score["score"], score["low"], score["high"])


def _due(column: Column) -> bool:
    """Say whether a draft needs measuring; why it could not be may have gone since."""
    return bool(column.text.strip()) and (column.measure is None or bool(column.measure.message))


def _work(task: Task) -> None:
    workspace, take_id, dataset = task
    with _one_at_a_time:
        while takes.being_written():  # a verifier takes seconds to build, which would slow the text that is coming
            time.sleep(0.5)
        try:
            for number, column in enumerate(takes.load(workspace, take_id).columns):
                if _due(column):
                    takes.add(workspace, take_id, column=number, measure=asdict(measure(column.text, dataset)))
        except StyleTunerError as error:
            log.warning("The draft %s could not be measured: %s", take_id, error)
        finally:
            _pending[task] = False


@lru_cache(maxsize=1)
def _author(dataset: Path) -> AuthorVoice:
    return voice_of(dataset)

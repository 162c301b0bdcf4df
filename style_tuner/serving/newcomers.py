"""Voices that are trained, merged or trained on while the server runs: it takes them in without a new start."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import httpx

from style_tuner.errors import ServerError, StyleTunerError
from style_tuner.serving.engines import check_name, servable
from style_tuner.serving.plan import Plan
from style_tuner.serving.voices import Voice, voices_of
from style_tuner.serving.weights import check_voice
from style_tuner.workspace import Workspace

log = logging.getLogger(__name__)
FULL = "The running server has no room for one more voice: stop the server and start it again."


class Newcomers:
    """The voices of a workspace that a running engine is given; nobody but its supervisor uses this.

    `models` maps the names that requests may use to folders; `refused` says of voices that did not fit why, at first
    of those that were looked at before the start, and `left_out` are those that this engine cannot serve beside its
    base model.
    """

    def __init__(self, workspace: Workspace, plan: Plan, base_model: str, refused: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._plan = plan
        self._base_model = base_model
        self._refused_first = refused
        self.begin()

    def begin(self) -> None:
        """Forget what came later: an engine that was started anew knows only what it was started with."""
        self.models = dict(self._plan.models)
        self.refused = dict(self._refused_first)
        self.left_out: list[Voice] = []
        self._room = self._plan.room
        known = voices_of(self._workspace) if self._plan.admit else {}
        self._seen = {name: self._made(voice) for name, voice in known.items() if name in self.models}

    def look(self) -> bool:
        """Give the engine what is new; return whether `models` or `refused` changed."""
        if self._plan.admit is None:
            return False
        try:
            voices = list(voices_of(self._workspace).values())
            fitting, others = servable(voices, self._plan.engine, self._base_model)
            new = [voice for voice in fitting if self._seen.get(voice.name) != self._made(voice)]
            changed = any([self._take(voice) for voice in new])
        except (StyleTunerError, OSError):  # a run was moved away under our eyes: the next look finds the others
            return False
        self.left_out = [voice for voice in others if voice.name not in self.models | self.refused]
        return changed

    def _take(self, voice: Voice) -> bool:
        folder = self._folder(voice)
        assert self._plan.admit is not None and folder is not None  # else it does not fit
        again, made = voice.name in self.models, self._made(voice)
        try:
            check_name(voice.name)
            check_voice(folder, self._base_model)
            if self._room == 0:
                raise ServerError(FULL)
            self._plan.admit(voice, again)
        except StyleTunerError as error:
            log.warning("The voice %s is not served: %s", voice.name, error)
            self.refused[voice.name] = str(error)
        except httpx.HTTPError:  # the engine is busy or ending: the next look tries again
            return False
        else:
            log.info("The voice %s is served from now on.", voice.name)
            self._room = None if self._room is None else self._room - 1
            self.models[voice.name] = str(folder)
            self.refused.pop(voice.name, None)
        self._seen[voice.name] = made
        return True

    def _folder(self, voice: Voice) -> Path | None:
        return voice.adapter if self._plan.engine == "vllm" else voice.merged

    def _made(self, voice: Voice) -> tuple[int, ...]:
        """Return when the weights that the engine reads were last written."""
        folder = self._folder(voice)
        return tuple(file.stat().st_mtime_ns for file in sorted(folder.glob("*.safetensors"))) if folder else ()

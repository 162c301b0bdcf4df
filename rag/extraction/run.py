"""Read a workspace's manuscripts and put what they tell into the review queue, in the background, one run a world."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rag.extraction.model import TASK, SheetWriter
from rag.extraction.names import find_names
from rag.extraction.proposals import Row, State, again, known_as, name_row, proposal, same_name, tells_something
from rag.extraction.review_store import Queue
from rag.extraction.sheets import Sheet, write_sheets
from rag.extraction.text import is_english, paragraphs_of, without_capitals
from rag.front.asking import Asker, ModelSilentError
from rag.front.upstream import ModelServer
from rag.worlds import Worlds
from style_tuner.errors import StyleTunerError, WorldError
from style_tuner.manuscripts.store import list_manuscripts
from style_tuner.records import Entry, Manuscript
from style_tuner.workspace import open_workspace, workspace_names

LEAST = 3
"""Mentions from which on a name is proposed; the list of names begins at two."""
LEAST_LISTED = 2


@dataclass
class Run:
    """One reading of manuscripts: how it stands, and what came of it in sentences."""

    workspace: str
    manuscripts: list[str]
    state: Literal["running", "done", "failed"] = "running"
    step: str = "Reading the manuscripts"
    done: int = 0
    total: int = 0
    names: int = 0
    proposed: int = 0
    message: str = ""
    notes: list[str] | None = None
    started: float = 0.0


class Runs:
    """The readings of all worlds of one service; a world has one at a time."""

    def __init__(self, worlds: Worlds, queue: Queue) -> None:
        self._worlds = worlds
        self._queue = queue
        self._runs: dict[int, Run] = {}
        self._lock = threading.Lock()

    def of(self, number: int) -> dict[str, Any] | None:
        """Return how the last reading of a world stands, None if this service has made none."""
        run = self._runs.get(number)
        return None if run is None else asdict(run)

    def start(
        self, world: str, number: int, workspace: str, chosen: Sequence[str] | None, least: int, with_model: bool
    ) -> dict[str, Any]:
        """Begin to read a workspace's manuscripts, all or those chosen, and return at once how it stands."""
        manuscripts = chosen_manuscripts(workspace, chosen)
        server = self._worlds.model_server if with_model else None
        run = Run(workspace, [manuscript.id for manuscript in manuscripts], started=time.time(), notes=[])
        with self._lock:
            known = self._runs.get(number)
            if known is not None and known.state == "running":
                raise WorldError(f"The manuscripts are being read for {world!r} already: wait until that is done.")
            self._runs[number] = run
        work = threading.Thread(
            target=self._read, args=[world, number, manuscripts, least, server, run], name="reading", daemon=True
        )
        work.start()
        return asdict(run)

    def _read(
        self,
        world: str,
        number: int,
        manuscripts: Sequence[Manuscript],
        least: int,
        server: ModelServer | None,
        run: Run,
    ) -> None:
        try:
            sheets = read(manuscripts, run)
            entries = self._worlds.entries(world)
            fresh = self._fresh(number, [sheet for sheet in sheets if sheet.name.mentions >= least], entries, run)
            texts = _texts([sheet for sheet, _ in fresh], server, run) if server else {}
            rows: list[tuple[State, Row, str]] = []
            for sheet, row in fresh:
                text, by = texts.get(sheet.name.name, (row["text"], "rules"))
                rows.append(("pending", {**row, "text": text, "written_by": by}, ""))
            run.names, run.proposed = len(sheets), len(rows)
            found = {
                "workspace": run.workspace,
                "manuscripts": run.manuscripts,
                "names": [name_row(sheet.name) for sheet in sheets],
                "notes": run.notes,
            }
            self._queue.write(number, rows, found)
            run.message = f"{run.names} names found, {run.proposed} new proposals to review."
            run.state = "done"
        except StyleTunerError as error:
            run.message, run.state = str(error), "failed"
        finally:
            if run.state == "running":  # whoever waits for its end must not wait for ever
                run.message, run.state = "The reading broke off; the service's log says why.", "failed"

    def _fresh(
        self, number: int, sheets: Sequence[Sheet], entries: dict[str, Entry], run: Run
    ) -> list[tuple[Sheet, Row]]:
        """Return the sheets that are new to the queue, or tell more than was decided on before."""
        current = self._queue.current(number)
        known = {row["id"]: (state, row, entry) for state, row, entry in current}
        fresh: list[tuple[Sheet, Row]] = []
        for sheet in sheets:
            row = proposal(sheet, run.workspace)
            old = same_name(row, [row for _, row, _ in current])
            if old is None:
                row["id"] = _free(row["id"], {"run", *known, *(other["id"] for _, other in fresh)})
                if tells_something(row, known_as(row, entries.values())):
                    fresh.append((sheet, row))
                continue
            state, _, entry_id = known[old["id"]]
            entry = entries.get(entry_id) if entry_id else known_as(row, entries.values())
            if old.get("written_by", "rules") != "rules" and state == "pending":
                row = {**row, "text": old["text"], "written_by": old["written_by"]}
            if (changed := again(old, state, row, entry)) is not None:
                fresh.append((sheet, changed))
        return fresh


def _free(wanted: str, taken: set[str]) -> str:
    free, number = wanted, 1
    while free in taken:
        number += 1
        free = f"{wanted}-{number}"
    return free


def chosen_manuscripts(workspace: str, chosen: Sequence[str] | None) -> list[Manuscript]:
    """Return the manuscripts of a workspace, all or those chosen by id, or say what is missing."""
    if workspace not in workspace_names():
        raise WorldError(f"There is no workspace {workspace!r}; there are: {', '.join(workspace_names())}.")
    there = {manuscript.id: manuscript for manuscript in list_manuscripts(open_workspace(workspace))}
    if not there:
        raise WorldError(
            f"The workspace {workspace!r} has no manuscripts: add one on the Manuscripts tab or with "
            "`python -m style_tuner import FILE`."
        )
    for wanted in chosen or ():
        if wanted not in there:
            raise WorldError(f"There is no manuscript {wanted!r} in {workspace!r}; there are: {', '.join(there)}.")
    return [there[wanted] for wanted in dict.fromkeys(chosen)] if chosen else list(there.values())


def read(manuscripts: Sequence[Manuscript], run: Run) -> list[Sheet]:
    """Return a sheet for each name of the manuscripts, and note which of them the rules cannot read in full."""
    notes = run.notes if run.notes is not None else []
    english: list[Manuscript] = []
    others: list[Manuscript] = []
    for manuscript in manuscripts:
        script = without_capitals(manuscript)
        if script:
            notes.append(
                f"“{manuscript.title}” is written in {script} script, which has no capital letters: names cannot be "
                "found in it. Write its entries by hand, or import them."
            )
        elif is_english(paragraphs_of([manuscript])):
            english.append(manuscript)
        else:
            others.append(manuscript)
            notes.append(
                f"“{manuscript.title}” does not seem to be English: its names are found by their capitals, but not "
                "what they stand for, nor any facts. Check them with more care."
            )
    sheets: dict[str, Sheet] = {}
    groups = [english] if english else []
    run.total = len(manuscripts)
    for group in [*groups, *([other] for other in others)]:
        run.step = f"Reading {group[0].title}" if len(group) == 1 else f"Reading {len(group)} manuscripts"
        paragraphs = paragraphs_of(group)
        for sheet in write_sheets(find_names(paragraphs), paragraphs):
            if sheet.name.mentions >= LEAST_LISTED:
                sheets.setdefault(sheet.name.name, sheet)
        run.done += len(group)
    return sorted(sheets.values(), key=lambda sheet: -sheet.name.mentions)


def _texts(sheets: Sequence[Sheet], server: ModelServer, run: Run) -> dict[str, tuple[str, str]]:
    """Return the texts that a model wrote and the quotes bear out, with its name; for the rest the rules' stand."""
    found: dict[str, tuple[str, str]] = {}
    wanted = [sheet for sheet in sheets if sheet.name.kind in ("character", "place", "thing")]
    notes = run.notes if run.notes is not None else []
    run.step, run.done, run.total = f"The model at {server.url} writes the sheets", 0, len(wanted)
    with Asker(server, TASK) as asker:
        writer = SheetWriter(asker)
        try:
            for sheet in wanted:
                text = writer.write(sheet)
                if text is not None:
                    found[sheet.name.name] = (text, asker.model)
                run.done += 1
        except ModelSilentError as error:
            notes.append(f"The rules' texts stand where no other was written: {error}.")
    if writer.written or writer.refused:
        notes.append(
            f"{asker.model} wrote {writer.written} texts; {writer.refused} were not taken, for the quotes do not say "
            "what they say."
        )
    return found

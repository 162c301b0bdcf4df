"""Which worlds there are: made, renamed, put into the bin and taken out of it, and where in each the author writes."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from rag.errors import UnknownWorldError
from rag.lore.database import Database
from style_tuner.errors import WorldError
from style_tuner.records import Moment


def check_world_name(world: str) -> str:
    """Return the name if a world may have it, else raise a `WorldError`."""
    if not re.fullmatch(r"\w[\w .'-]{0,59}", world) or world.lower() == "none":
        raise WorldError(
            f"A world cannot be named {world!r}: use 1 to 60 letters, digits, spaces, dots and dashes, beginning with "
            "a letter or digit ('none' stands for no world)."
        )
    return world


@dataclass(frozen=True)
class BinnedWorld:
    """A world in the bin: its number there, its name, how many entries it has, and when it was put there."""

    number: int
    name: str
    entries: int
    binned: float


class Shelf:
    """The worlds of one store."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def worlds(self) -> list[str]:
        """Return the names of all worlds in alphabetical order."""
        found = self.database.rows("SELECT name FROM worlds WHERE binned IS NULL ORDER BY name COLLATE NOCASE")
        return [name for (name,) in found]

    def create(self, world: str) -> bool:
        """Make an empty world and say whether it is new."""
        check_world_name(world)
        if world in self.worlds():
            return False
        with self.database.writing() as database:
            database.execute("INSERT INTO worlds (name, created) VALUES (?, ?)", (world, time.time()))
        return True

    def number(self, world: str) -> int:
        """Return the number that a world keeps under any name."""
        rows = self.database.rows("SELECT number FROM worlds WHERE name = ? AND binned IS NULL", (world,))
        if not rows:
            raise UnknownWorldError(world, self.worlds())
        return int(rows[0][0])

    def rename(self, world: str, name: str) -> None:
        """Give a world another name; entries and history stay."""
        number = self.number(world)
        self._free(check_world_name(name))
        with self.database.writing() as database:
            database.execute("UPDATE worlds SET name = ? WHERE number = ?", (name, number))

    def put_in_bin(self, world: str) -> BinnedWorld:
        """Take a world off the shelf; nothing of it is lost."""
        number = self.number(world)
        with self.database.writing() as database:
            database.execute("UPDATE worlds SET binned = ? WHERE number = ?", (time.time(), number))
        return next(binned for binned in self.binned() if binned.number == number)

    def binned(self) -> list[BinnedWorld]:
        """Return the worlds in the bin, the latest first."""
        rows = self.database.rows(
            "SELECT number, name, (SELECT count(*) FROM newest JOIN versions ON versions.number = newest.version "
            "WHERE newest.world = worlds.number AND NOT deleted), binned "
            "FROM worlds WHERE binned IS NOT NULL ORDER BY binned DESC"
        )
        return [BinnedWorld(*row) for row in rows]

    def take_from_bin(self, number: int, name: str | None = None) -> str:
        """Put a world back on the shelf, under another name if one is given, and return its name."""
        found = next((binned for binned in self.binned() if binned.number == number), None)
        if found is None:
            there = ", ".join(f"{binned.number} ({binned.name})" for binned in self.binned()) or "nothing"
            raise WorldError(f"The bin holds no world with number {number}; it holds: {there}.")
        back = check_world_name(name or found.name)
        self._free(back)
        with self.database.writing() as database:
            database.execute("UPDATE worlds SET name = ?, binned = NULL WHERE number = ?", (back, number))
        return back

    def _free(self, name: str) -> None:
        if name in self.worlds():
            raise WorldError(f"There is a world named {name!r} already: choose another name.")

    def present(self, world: str) -> Moment:
        """Return where in the story the author is writing now; the end of the story where nothing was said."""
        book, chapter = self.database.rows("SELECT book, chapter FROM worlds WHERE number = ?", (self.number(world),))[
            0
        ]
        return Moment(book, chapter)

    def set_present(self, world: str, moment: Moment) -> None:
        """Say where in the story the author is writing now."""
        number = self.number(world)
        with self.database.writing() as database:
            database.execute(
                "UPDATE worlds SET book = ?, chapter = ? WHERE number = ?", (moment.book, moment.chapter, number)
            )

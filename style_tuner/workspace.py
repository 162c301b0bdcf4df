"""Every path of the program, and the only way to write one: atomic, versioned, nothing overwritten."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import tempfile
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from style_tuner.errors import ConfigError, StorageError

PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Workspace:
    """The layout of one named workspace inside the home folder; making one touches no disk."""

    home: Path
    name: str

    @property
    def root(self) -> Path:
        """Folder of this workspace."""
        return self.home / "workspaces" / self.name

    @property
    def manuscripts(self) -> Path:
        """One folder a manuscript, one folder a version in it."""
        return self.root / "manuscripts"

    @property
    def datasets(self) -> Path:
        """One folder a prepared dataset, named by time."""
        return self.root / "datasets"

    @property
    def rows(self) -> Path:
        """Uploaded rows of other formats, one folder an upload, named by time."""
        return self.root / "rows"

    @property
    def profiles(self) -> Path:
        """Style profiles, one file a version."""
        return self.root / "profiles"

    @property
    def runs(self) -> Path:
        """One folder a job."""
        return self.root / "runs"

    @property
    def drafts(self) -> Path:
        """Generated and kept texts."""
        return self.root / "drafts"

    @property
    def scores(self) -> Path:
        """Style scores, one file each."""
        return self.root / "scores"

    @property
    def exports(self) -> Path:
        """Reports and files to take away; the one folder that the page may serve."""
        return self.root / "exports"

    @property
    def bin(self) -> Path:
        """What the user deleted."""
        return self.root / "bin"

    @property
    def servers(self) -> Path:
        """State and logs of the servers; one folder for all workspaces."""
        return self.home / "servers"

    @property
    def worlds(self) -> Path:
        """Lore stores and their index; one folder for all workspaces."""
        return self.home / "worlds"

    @property
    def gpu_lock(self) -> Path:
        """Held by the training job or the model server."""
        return self.home / "gpu.lock"


def home_folder() -> Path:
    """Return `STYLE_TUNER_HOME`, or the platform's folder for user data."""
    named = os.environ.get("STYLE_TUNER_HOME")
    return Path(named).expanduser().resolve() if named else platformdirs.user_data_path("style-tuner")


def open_workspace(name: str = "default", home: Path | None = None) -> Workspace:
    """Return the named workspace; a name is one to 60 letters, digits, spaces, dots, dashes or underscores."""
    if not re.fullmatch(r"[\w][\w .-]{0,59}", name):
        raise ConfigError(f"The workspace name {name!r} cannot be used: use letters, digits, spaces and dashes.")
    return Workspace(home or home_folder(), name)


def existing_workspace(name: str = "default") -> Workspace:
    """Return the named workspace if it has been used before; the default one always."""
    workspace, names = open_workspace(name), workspace_names()
    if name not in names:
        raise ConfigError(f"There is no workspace {name!r}; there are: {', '.join(names)}. `import` makes a new one.")
    return workspace


def workspace_names(home: Path | None = None) -> list[str]:
    """Return the names of the workspaces that exist, `default` always among them."""
    folder = (home or home_folder()) / "workspaces"
    found = {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set()
    return sorted(found | {"default"})


def slug(text: str) -> str:
    """Return a file-safe name: lower case ASCII letters, digits and dashes; a hash where nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60]
    return name or hashlib.sha256(text.encode()).hexdigest()[:12]


def time_stamp(now: float | None = None) -> str:
    """Return a sortable time such as `20261121-143005`."""
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(now))


def new_folder(parent: Path, name: str) -> Path:
    """Create and return `parent/name`, or `parent/name-2` and so on where that exists."""
    with storage_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 10_000):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    raise StorageError(f"{parent} holds too many folders named {name!r}: move some away.")


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write into a sentence with the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"The disk that holds {path} is full. Free some space and do this again; nothing was overwritten."
            ) from error
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}. Give this user the right to write there, or set "
            "STYLE_TUNER_HOME to a folder that can be written."
        ) from error


def write_bytes(path: Path, data: bytes) -> Path:
    """Write `data` so that a reader sees the old file or the whole new one, never a part."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text atomically."""
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> Path:
    """Write indented JSON atomically."""
    return write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write one JSON object a line, atomically."""
    return write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def append_jsonl(path: Path, row: dict[str, Any]) -> None:
    """Add one line in a single write, so that readers of the tail never see half of it."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the value in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file that this program wrote; a torn last line (power cut) is left out."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").split("\n"):  # splitlines would also cut at U+2028, which JSON allows
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def read_tail(path: Path, lines: int = 40, limit: int = 65_536) -> str:
    """Return the last lines of a text file, reading at most `limit` bytes."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - limit))
        text = stream.read().decode("utf-8", errors="replace")
    return "\n".join(text.replace("\r", "\n").splitlines()[-lines:])


def newest(folder: Path, pattern: str = "*") -> Path | None:
    """Return the last path by name in a folder (names begin with the time), hidden ones left out."""
    if not folder.is_dir():
        return None
    return max((path for path in folder.glob(pattern) if not path.name.startswith(".")), default=None)

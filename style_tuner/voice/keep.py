"""Keep what was worked out of an author's text on disk, so that page and commands need not work it out again.

One file of arrays (numpy, without pickle) and one JSON text in it that says how they fit together. Only dataclasses of
this package are made from it. The key in its name changes with the text, the panel and the code.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import logging
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from style_tuner.errors import StyleTunerError
from style_tuner.voice.verification.panel import Panel
from style_tuner.workspace import write_bytes

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
PACKAGE = "style_tuner.voice."
Value = TypeVar("Value")


def kept(folder: Path, name: str, key: str, panel: Panel, make: Callable[[], Value]) -> Value:
    """Return the value kept under this key, or make it and keep it in place of what was kept under older keys.

    A file that cannot be read is made anew; a folder that cannot be written to is left alone.
    """
    path = folder / f"{name}-{key}.npz"
    if path.is_file():
        try:
            return unpack(path.read_bytes(), panel)  # type: ignore[no-any-return]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
            log.warning("%s cannot be read (%s) and is made anew.", path, error)
    value = make()
    try:
        write_bytes(path, pack(value))
        for old in folder.glob(f"{name}-*.npz"):
            if old != path:
                old.unlink(missing_ok=True)
    except (StyleTunerError, OSError) as error:
        log.info("The measurements of %s are not kept: %s", folder, error)
    return value


def key_of(files: Sequence[Path]) -> str:
    """Return 16 hex digits that change with these files' contents, with this package's code and that of paragraphs."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for file in [*files, *sorted(here.rglob("*.py")), *sorted((here.parent / "manuscripts").glob("*.py"))]:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def pack(value: Any) -> bytes:
    """Return a dataclass of plain values, arrays and further dataclasses as one file; panels are left out."""
    import numpy as np

    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_encode(value, arrays))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, tree=np.frombuffer(tree.encode(), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack(data: bytes, panel: Panel) -> Any:
    """Return what was packed, with the panel put where one was."""
    import numpy as np

    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return _decode(json.loads(arrays["tree"].tobytes()), arrays, panel)


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return JSON: plain values as they are, all else as a list of its kind and what it holds."""
    import numpy as np

    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, int | float):
        return value
    if isinstance(value, Panel):
        return ["panel"]
    if isinstance(value, np.ndarray):
        arrays[f"array{len(arrays)}"] = value
        return ["array", f"array{len(arrays) - 1}"]
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        inside = {field.name: _encode(getattr(value, field.name), arrays) for field in fields(value)}
        return ["record", kind.__module__, kind.__name__, inside]
    if isinstance(value, dict):
        return ["dict", [[_encode(key, arrays), _encode(inner, arrays)] for key, inner in value.items()]]
    if isinstance(value, tuple | list | frozenset):
        ordered = sorted(value) if isinstance(value, frozenset) else value
        return [type(value).__name__, [_encode(inner, arrays) for inner in ordered]]
    raise TypeError(f"A {type(value).__name__} cannot be kept.")


def _decode(tree: Any, arrays: dict[str, np.ndarray], panel: Panel) -> Any:
    if not isinstance(tree, list):
        return tree
    kind, *held = tree
    if kind == "panel":
        return panel
    if kind == "array":
        return arrays[held[0]]
    if kind == "record":
        module, name, inside = held
        if not module.startswith(PACKAGE):
            raise ValueError(f"{module} is no module of this package")
        made = getattr(importlib.import_module(module), name)
        if not is_dataclass(made):
            raise ValueError(f"{name} is no record")
        return made(**{field: _decode(value, arrays, panel) for field, value in inside.items()})  # type: ignore[operator]
    if kind == "dict":
        return {_decode(key, arrays, panel): _decode(value, arrays, panel) for key, value in held[0]}
    made_of: Callable[[Iterable[Any]], Any] = {"tuple": tuple, "frozenset": frozenset, "list": list}[kind]
    return made_of(_decode(value, arrays, panel) for value in held[0])

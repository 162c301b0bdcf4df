"""Write `docs/tree.md`: every file of the program with one line on it, the first of its docstring or comment."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tree.md"
FOLDERS = ("style_tuner", "rag", "benchmarks", "configs", "data/starter_model", "scripts")
HEAD = """# Every file, with what it is for

Made by `python scripts/write_tree.py` from the first line of each file; a test keeps it true.
"""


def first_line(file: Path) -> str:
    """Return what a file says of itself first: its docstring's first line, or its first comment that is no `#!`."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        return (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    comments = (line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("#") and line[1:2] != "!")
    return next(comments, "")


def files(folder: str) -> list[Path]:
    """Return the files of a folder that say something of themselves, those of the folder itself first."""
    found = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".sh", ".yaml", ".awk")]
    return sorted(found, key=lambda path: (path.parent, path.name))


def tree() -> str:
    """Return the page."""
    parts = [HEAD]
    for folder in FOLDERS:
        rows = [(path.relative_to(ROOT).as_posix(), first_line(path)) for path in files(folder)]
        lines = "".join(f"| `{name}` | {said} |\n" for name, said in rows if said)
        parts.append(f"## {folder}\n\n| file | |\n| --- | --- |\n{lines}")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(tree(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")

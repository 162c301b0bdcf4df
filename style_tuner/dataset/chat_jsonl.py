"""Chat JSONL: one conversation a line; check it, naming line and fault, and read it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from style_tuner.dataset.faults import shown
from style_tuner.errors import DatasetError
from style_tuner.records import ChatExample, Message, Role

ROLES: tuple[str, ...] = get_args(Role)
_MESSAGE_KEYS = frozenset(("role", "content"))
_SPREAD = (
    "begins a JSON value that goes on over several lines; JSON Lines has one object on one line. Write it without "
    "indentation and line ends (`jq -c . FILE`, or `jq -c '.[]' FILE` for a list)."
)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one line (counted from 1) and what to do about it; line 0 is the file as a whole.

    In a table without lines, `unit` says that rows are counted.
    """

    line: int
    sentence: str
    unit: str = "line"

    def place(self, path: Path | str) -> str:
        """Return where the fault is: the file, and its line where it is in one."""
        return f"{path}, {self.unit} {self.line}" if self.line else str(path)


@dataclass(frozen=True)
class ValidationReport:
    """How many rows are good, what is faulty, and what is only worth knowing."""

    rows: int
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...] = ()


def validate_file(
    path: Path, count_tokens: Callable[[str], int] | None = None, most_tokens: int | None = None
) -> ValidationReport:
    """Check every line of a chat JSONL file.

    With `count_tokens` and `most_tokens`, rows whose messages have more tokens are named as warnings. Raises
    `DatasetError` only where the file cannot be opened.
    """
    lines, faults = parse_lines(path)
    warnings: list[Fault] = []
    seen: dict[str, int] = {}
    rows = 0
    for number, row in lines:
        found = row_faults(row)
        key = json.dumps(row.get("messages"), sort_keys=True, ensure_ascii=False)
        if not found and key in seen:
            found = [f"repeats line {seen[key]}: remove one of them."]
        seen.setdefault(key, number)
        faults += [Fault(number, sentence) for sentence in found]
        if found:
            continue
        rows += 1
        warnings += [Fault(number, sentence) for sentence in _row_warnings(row, count_tokens, most_tokens)]
    if not rows and not faults:
        faults.append(Fault(0, "the file holds no rows: prepare the dataset again, or name another file."))
    return ValidationReport(rows, tuple(sorted(faults, key=lambda fault: fault.line)), tuple(warnings))


def parse_lines(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], list[Fault]]:
    """Return the objects of a JSONL file with their lines (counted from 1), and the lines that hold none.

    Raises `DatasetError` only where the file cannot be opened.
    """
    lines, faults = _lines(path)
    rows = []
    for number, line in enumerate(lines, 1):
        if _is_spread(line, number, lines):
            faults.append(Fault(number, _SPREAD))
            break  # the lines that follow are pieces of that value, each of which would be a fault
        row, sentence = _parse(line)
        if row is None:
            faults.append(Fault(number, sentence))
        else:
            rows.append((number, row))
    return rows, faults


def read_examples(path: Path) -> list[ChatExample]:
    """Return the rows of a chat JSONL file; raises `DatasetError` naming the first faulty line and its fault."""
    report = validate_file(path)
    if report.faults:
        first, more = report.faults[0], len(report.faults) - 1
        rest = f" ({more} more faults; `python -m style_tuner validate {path}` lists them.)" if more else ""
        raise DatasetError(f"{first.place(path)}: {first.sentence}{rest}")
    return [chat_example(row) for _, row in parse_lines(path)[0]]


def chat_example(row: dict[str, Any]) -> ChatExample:
    """Return a faultless row as an example."""
    messages = tuple(Message(message["role"], message["content"]) for message in row["messages"])
    return ChatExample(messages, str(row.get("manuscript", "")), str(row.get("kind", "scene")))


def _lines(path: Path) -> tuple[list[str], list[Fault]]:
    """Return the lines of the file and, where it is not UTF-8, that fault with the lines before it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}): name a .jsonl file that exists.") from None
    faults = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        faults.append(Fault(number, f"is not UTF-8 (byte {error.start} of the file): save the file as UTF-8."))
        text = data[: data.rfind(b"\n", 0, error.start) + 1].decode("utf-8-sig")
    lines = text.split("\n")  # not splitlines: U+2028 may stand inside a JSON string
    if lines[-1] == "":
        lines.pop()
    return [line.rstrip("\r") for line in lines], faults


def _is_spread(line: str, number: int, lines: list[str]) -> bool:
    """Tell whether a JSON value begins on this line (counted from 1) and goes on over those that follow."""
    if not line.strip() or _is_json(line):
        return False
    following = lines[number].strip() if number < len(lines) else ""
    opens = (line.strip() == "{" and following[:1] == '"') or (line.strip() == "[" and following[:1] == "{")
    return opens or (number == 1 and _is_json("\n".join(lines)))


def _parse(line: str) -> tuple[dict[str, Any] | None, str]:
    """Return the object on a line, or what keeps it from being one."""
    if not line.strip():
        return None, "is blank: remove it; every line holds one JSON object."
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return None, f"is not JSON ({error.msg} at column {error.colno}): correct it or remove the line."
    except ValueError:  # json reads numbers of up to 4,300 digits
        return None, "is a row with a number of thousands of digits: correct it or remove the line."
    except RecursionError:
        return None, "is a row of brackets within brackets, too deep to read: correct it or remove the line."
    if isinstance(row, list):
        return None, "holds a list, not an object: write each of its items on one line (`jq -c '.[]' FILE`)."
    if not isinstance(row, dict):
        return None, f'holds {shown(row)}, not an object: a row looks like {{"messages": [...]}}.'
    if re.search(r"\\u[dD][89a-fA-F]", line) and _is_broken(row):
        return None, "is a row with half a character (a lone surrogate such as \\ud800): correct it or remove the line."
    return row, ""


def _is_broken(row: dict[str, Any]) -> bool:
    """Say whether a row holds what is no text in UTF-8, and so could not be written or cut into tokens."""
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def row_faults(row: dict[str, Any]) -> list[str]:
    """Return what is wrong with one row."""
    if "messages" not in row:
        return [f'has no "messages" (its keys: {", ".join(row) or "none"}): it needs a list of messages.']
    messages = row["messages"]
    if not isinstance(messages, list) or not messages:
        return ['has "messages" that is not a list with messages in it.']
    faults = [fault for number, message in enumerate(messages, 1) for fault in _message_faults(message, number)]
    faults += [
        f'has "{key}" that is not text but {shown(row[key])}: put it in quotation marks.'
        for key in ("manuscript", "kind")
        if key in row and not isinstance(row[key], str)
    ]
    return faults or _order_faults([message["role"] for message in messages])


def _message_faults(message: Any, number: int) -> list[str]:
    if not isinstance(message, dict):
        return [f"message {number} is not an object with role and content but {shown(message)}."]
    faults = []
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        faults.append(f"message {number} has the role {shown(role)}; the roles are {', '.join(ROLES)}.")
    if not isinstance(content, str):
        faults.append(f"message {number} has content that is not text but {shown(content)}: write it as one string.")
    elif not content.strip():
        faults.append(f"message {number} ({role}) is empty: fill it or remove the row.")
    return faults


def _order_faults(roles: list[str]) -> list[str]:
    """Return what is wrong with the order: system at most once and first, then user and assistant in turn."""
    turns = roles[1:] if roles[0] == "system" else roles
    if "system" in turns:
        return ["has a system message that is not the first: move it to the front."]
    if not turns or turns[-1] != "assistant":
        return ["does not end with the assistant's message, so there is nothing to learn: add the author's text."]
    expected = ["user", "assistant"] * (len(turns) // 2)
    if turns != expected:
        return [f"has the order {', '.join(roles)}: user and assistant must take turns, beginning with user."]
    return []


def _row_warnings(row: dict[str, Any], count_tokens: Callable[[str], int] | None, most: int | None) -> list[str]:
    warnings = []
    extra = sorted({key for message in row["messages"] for key in message} - _MESSAGE_KEYS)
    if extra:
        warnings.append(f"has message keys that are not used: {', '.join(extra)}.")
    if count_tokens and most:
        tokens = sum(count_tokens(message["content"]) for message in row["messages"])
        if tokens > most:
            warnings.append(f"has {tokens:,} tokens, more than {most:,}: its end would be cut in training.")
    return warnings

import json
from pathlib import Path
from typing import Any

import pytest

from style_tuner.dataset.chat_jsonl import parse_lines, read_examples, validate_file
from style_tuner.errors import DatasetError
from style_tuner.records import ChatExample, Message

SYSTEM = {"role": "system", "content": "You are a novelist."}
USER = {"role": "user", "content": "Write a scene."}
REPLY = {"role": "assistant", "content": "The tide\u2028came in — “late”."}


def line(*messages: Any, **more: Any) -> str:
    return json.dumps({"messages": list(messages), **more}, ensure_ascii=False)


GOOD = line(SYSTEM, USER, REPLY, manuscript="salt", kind="continuation")


def write(folder: Path, *lines: str | bytes) -> Path:
    path = folder / "train.jsonl"
    path.write_bytes(b"".join((text if isinstance(text, bytes) else text.encode()) + b"\n" for text in lines))
    return path


def test_good_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, line(USER, REPLY, USER | {"content": "Go on."}, REPLY))
    assert validate_file(path).rows == 2
    assert validate_file(path).faults == ()
    messages = (
        Message("system", SYSTEM["content"]),
        Message("user", "Write a scene."),
        Message("assistant", REPLY["content"]),
    )
    assert read_examples(path)[0] == ChatExample(messages, "salt", "continuation")


def test_windows_line_ends_and_a_byte_order_mark_are_no_faults(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n" + line(USER, REPLY).encode())
    assert (validate_file(path).rows, validate_file(path).faults) == (2, ())


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ("", "is blank"),
        ('{"messages": [', "is not JSON"),
        (GOOD.replace("novelist", "novel\udcffist").encode(errors="surrogateescape"), "is not UTF-8"),
        ("[1, 2]", "holds a list"),
        ('"text"', 'holds "text", not an object'),
        ('{"prompt": "a", "completion": "b"}', r'has no "messages" \(its keys: prompt, completion\)'),
        (line(), "not a list with messages"),
        ('{"messages": "Write."}', "not a list with messages"),
        (line("Write.", REPLY), "message 1 is not an object"),
        (line({"role": "bot", "content": "Hello."}, REPLY), 'message 1 has the role "bot"; the roles are system'),
        (line(USER, {"role": "assistant"}), "message 2 has content that is not text but null"),
        (line(USER, {"role": "assistant", "content": ["A"]}), "message 2 has content that is not text"),
        (line(USER, {"role": "assistant", "content": " \n"}), r"message 2 \(assistant\) is empty"),
        (line(SYSTEM, USER), "does not end with the assistant"),
        (line(SYSTEM), "does not end with the assistant"),
        (line(USER, SYSTEM, REPLY), "system message that is not the first"),
        (line(USER, USER, REPLY), "has the order user, user, assistant"),
        (line(SYSTEM, REPLY), "has the order system, assistant"),
        (line(USER, REPLY, kind=3), 'has "kind" that is not text but 3'),
        (GOOD, "repeats line 1"),
    ],
)
def test_each_fault_is_named_with_its_line(tmp_path: Path, bad: str | bytes, fault: str) -> None:
    path = write(tmp_path, GOOD, bad)
    report = validate_file(path)
    assert report.rows == 1
    assert [found.line for found in report.faults] == [2]
    with pytest.raises(DatasetError, match=rf"train\.jsonl, line 2: .*{fault}"):
        read_examples(path)


@pytest.mark.parametrize("indent", [2, 4])
@pytest.mark.parametrize("whole", [json.loads(GOOD), [json.loads(GOOD), json.loads(line(USER, REPLY))]])
def test_pretty_printed_json_is_one_fault_with_the_remedy(tmp_path: Path, whole: Any, indent: int) -> None:
    report = validate_file(write(tmp_path, json.dumps(whole, indent=indent)))
    assert [found.line for found in report.faults] == [1]
    assert "goes on over several lines" in report.faults[0].sentence
    assert "jq -c" in report.faults[0].sentence


def test_all_faults_are_listed_and_the_first_is_raised(tmp_path: Path) -> None:
    path = write(tmp_path, line(USER), GOOD, "{", line(REPLY))
    assert [found.line for found in validate_file(path).faults] == [1, 3, 4]
    with pytest.raises(DatasetError, match=r"line 1: .*\(2 more faults"):
        read_examples(path)


def test_a_list_on_a_line_hides_no_later_fault(tmp_path: Path) -> None:
    path = write(tmp_path, "[1, 2]", GOOD, "[]", line(REPLY), f"[{GOOD}]")
    assert [found.line for found in validate_file(path).faults] == [1, 3, 4, 5]
    assert [found.line for found in validate_file(write(tmp_path, f"[{GOOD}]")).faults] == [1]


def test_an_empty_or_missing_file_is_a_fault_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path)
    (fault,) = validate_file(path).faults
    assert fault.place(path) == str(path)
    with pytest.raises(DatasetError, match=r"train\.jsonl: the file holds no rows"):
        read_examples(path)
    with pytest.raises(DatasetError, match=r"gone\.jsonl cannot be read .*name a \.jsonl file that exists"):
        validate_file(tmp_path / "gone.jsonl")


def test_long_rows_and_unused_keys_are_warnings(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, line(USER, REPLY | {"weight": 0}))
    report = validate_file(path, lambda text: len(text.split()), 9)
    assert report.faults == ()
    assert [(found.line, found.sentence.split(",")[0]) for found in report.warnings] == [
        (1, "has 13 tokens"),
        (2, "has message keys that are not used: weight."),
    ]


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ('{"text": "Fog \\ud800."}', "half a character"),
        ('{"\\uDC00": 1}', "half a character"),
        (f'{{"text": {"9" * 5000}}}', "thousands of digits"),
        (f'{{"text": {"[" * 100_000}{"]" * 100_000}}}', "too deep to read"),
    ],
    ids=["half", "other half", "digits", "depth"],
)
def test_what_json_can_write_and_nobody_can_read_is_a_fault_of_its_line(tmp_path: Path, bad: str, fault: str) -> None:
    for content in ([bad], [GOOD, bad]):
        rows, (found,) = parse_lines(write(tmp_path, *content))
        assert found.line == len(rows) + 1
        assert fault in found.sentence and found.sentence.endswith("correct it or remove the line.")


def test_whole_pairs_of_surrogates_are_text(tmp_path: Path) -> None:
    path = write(tmp_path, '{"text": "\\ud83c\\udf0a"}')
    assert parse_lines(path) == ([(1, {"text": "\N{WATER WAVE}"})], [])

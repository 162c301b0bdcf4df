import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from style_tuner.config import PROJECT_ROOT, RowsConfig
from style_tuner.dataset import sources
from style_tuner.dataset.formats import TextExample, load_splits
from style_tuner.dataset.inspection import inspect
from style_tuner.errors import DatasetError
from style_tuner.records import ChatExample, Message
from style_tuner.workspace import write_jsonl

PROMPT = {
    "style_name": "Cinematic",
    "prompt_text": "A slow pan over {the} harbour",
    "negative_prompt": "",
    "tags": ["slow", "sea"],
    "compatible_models": ["LTX"],
}
TASK = {"instruction": "Write a routine.", "input": "For the NMI.", "output": "LDA #1"}


def table(folder: Path, *rows: dict[str, Any], name: str = "rows.jsonl") -> Path:
    write_jsonl(folder / name, list(rows))
    return folder / name


def faults(path: Path, **rows: Any) -> list[str]:
    (report,) = inspect(str(path), RowsConfig(**rows))
    return [fault.removeprefix(f"{path}") for fault in report.faults]


def numbered(row: dict[str, Any], key: str, count: int) -> list[dict[str, Any]]:
    return [row | {key: f"{row[key]} {number}"} for number in range(count)]


def test_instructions_become_chats_with_the_system_prompt_of_the_settings(tmp_path) -> None:
    rows = [*numbered(TASK, "instruction", 9), TASK | {"input": ""}]
    splits = load_splits(str(table(tmp_path, *rows)), RowsConfig(system_prompt="You know the SNES."), 1)
    assert (len(splits.train), len(splits.validation)) == (9, 1)
    every = [*splits.train, *splits.validation]
    assert (
        ChatExample(
            (
                Message("system", "You know the SNES."),
                Message("user", "Write a routine. 0\n\nFor the NMI."),
                Message("assistant", "LDA #1"),
            ),
            kind="instruction",
        )
        in every
    )
    assert any(example.messages[1].content == "Write a routine." for example in every)
    again = load_splits(str(tmp_path / "rows.jsonl"), RowsConfig(system_prompt="You know the SNES."), 1)
    assert again == splits
    assert load_splits(str(tmp_path / "rows.jsonl"), RowsConfig(), 2).validation != splits.validation


def test_the_five_columns_become_the_text_of_their_template_split_at_the_response(tmp_path) -> None:
    rows = numbered(PROMPT, "prompt_text", 4)
    example = load_splits(str(table(tmp_path, *rows)), RowsConfig(validation_size=1), 1).train[0]
    assert isinstance(example, TextExample)
    assert example.prompt == (
        "### Instruction:\nGenerate a high-quality video prompt.\n\n### Style:\nCinematic\n\n### Response:\n"
    )
    assert example.completion.startswith("A slow pan over {the} harbour ")
    assert example.completion.endswith("\n\n### Negative:\n\n\n### Tags:\nslow, sea")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_csv_and_parquet_hold_the_same_rows_as_jsonl(kind, tmp_path) -> None:
    from datasets import Dataset

    rows = numbered(PROMPT, "prompt_text", 4)
    wanted = load_splits(str(table(tmp_path, *rows)), RowsConfig(validation_size=1), 1)
    path = tmp_path / f"rows.{kind}"
    if kind == "parquet":
        Dataset.from_list(rows).to_parquet(path)
    else:
        flat = [row | {"tags": json.dumps(row["tags"]), "compatible_models": "LTX, WanVideo"} for row in rows]
        Dataset.from_list(flat).to_csv(path)
    assert load_splits(str(path), RowsConfig(validation_size=1), 1) == wanted


def test_plain_text_is_split_at_the_response_template_and_learned_whole_without_one(tmp_path) -> None:
    path = table(tmp_path, *[{"text": f"A lamp.\nPrice is ${number}.00"} for number in range(3)])
    split = load_splits(str(path), RowsConfig(response_template="Price is $", validation_size=1), 1)
    assert TextExample("A lamp.\nPrice is $", "0.00") in (*split.train, *split.validation)
    whole = load_splits(str(path), RowsConfig(validation_size=1), 1)
    assert TextExample("", "A lamp.\nPrice is $0.00") in (*whole.train, *whole.validation)
    assert "does not hold the response template 'Cost'" in faults(path, response_template="Cost")[0]


def test_a_template_of_ones_own_makes_text_of_any_columns(tmp_path) -> None:
    path = table(tmp_path, *[{"title": f"Lamp {number}", "parts": ["a", "b"]} for number in range(3)])
    own = RowsConfig(template="{title}: {parts}", response_template=": ", validation_size=1)
    splits = load_splits(str(path), own, 1)
    assert TextExample("Lamp 0: ", "a, b") in (*splits.train, *splits.validation)
    assert "needs the column 'name', but the columns are title, parts" in faults(path, template="{name}")[0]
    with pytest.raises(DatasetError, match="must name columns in braces"):
        inspect(str(path), RowsConfig(template="{title.__class__}"))


def test_a_validation_split_is_used_up_to_its_size_and_the_test_split_never(tmp_path) -> None:
    for name, count in (("train", 5), ("val", 4), ("test", 3)):
        rows = [{"prompt": f"{name} {number} costs $", "completion": "1"} for number in range(count)]
        table(tmp_path, *rows, name=f"{name}.jsonl")
    splits = load_splits(str(tmp_path), RowsConfig(validation_size=2), 1)
    assert (len(splits.train), [example.prompt for example in splits.validation], splits.test) == (
        5,
        ["val 0 costs $", "val 1 costs $"],
        None,
    )
    assert len(load_splits(str(tmp_path), RowsConfig(), 1, with_test=True).test or ()) == 3
    assert (
        load_splits(str(tmp_path / "train.jsonl"), RowsConfig(), 1).validation
        == load_splits(str(tmp_path), RowsConfig(), 1).validation
    )
    with pytest.raises(DatasetError, match="has 4 rows and 9 of them are wanted for validation"):
        load_splits(str(tmp_path / "val.jsonl"), RowsConfig(validation_size=9), 1)


def test_a_dataset_of_the_hub_is_read_by_its_splits(monkeypatch) -> None:
    import datasets

    rows = {
        split: [{"prompt": f"{split} {number}", "completion": "9"} for number in range(3)] for split in ("train", "val")
    }
    found = datasets.DatasetDict({split: datasets.Dataset.from_list(part) for split, part in rows.items()})
    monkeypatch.setattr(datasets, "load_dataset", lambda name: found)
    monkeypatch.setattr("style_tuner.tuning.hub.check_access", lambda *_: True)
    splits = load_splits("ed-donner/items_prompts_lite", RowsConfig(validation_size=1), 1)
    assert splits.validation == (TextExample("val 0", "9"),)
    del found["train"]
    with pytest.raises(DatasetError, match="has no split for training; its splits are val"):
        load_splits("ed-donner/items_prompts_lite", RowsConfig(), 1)


def test_without_a_network_a_dataset_of_the_hub_says_what_to_do(monkeypatch) -> None:
    import datasets

    def unreachable(name: str) -> None:
        raise ConnectionError("Couldn't reach it")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    monkeypatch.setattr("style_tuner.tuning.hub.check_access", lambda *_: False)
    with pytest.raises(DatasetError, match="not on this disk and the Hub cannot be reached: connect"):
        load_splits("owner/name", RowsConfig(), 1)


def test_a_mistyped_folder_is_not_looked_for_on_the_hub(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    assert not sources.is_hub_dataset("data/processd")
    assert sources.is_hub_dataset("owner/name")
    with pytest.raises(DatasetError, match="does not exist: name a dataset folder"):
        load_splits("data/processd", RowsConfig(), 1)
    with pytest.raises(DatasetError, match="holds no rows to train on"):
        load_splits(str(tmp_path / "data"), RowsConfig(), 1)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (TASK | {"output": " "}, ", line 2: column 'output' is empty: fill it"),
        (TASK | {"output": 3}, ", line 2: column 'output' is not text but 3"),
        (TASK | {"output": None}, ", line 2: has null as 'output': fill it or remove the row"),
        ({"instruction": "x"}, ", line 2: has no 'output': add it"),
        (TASK, ", line 2: repeats line 1"),
        (PROMPT | {"tags": "slow"}, ", line 2: column 'tags' is not a list of texts but \"slow\": write it as"),
        (PROMPT | {"compatible_models": [1]}, ", line 2: column 'compatible_models' is not a list of texts"),
        (PROMPT | {"prompt_text": ""}, ", line 2: column 'prompt_text' is empty"),
    ],
)
def test_each_fault_names_line_column_and_remedy(bad, fault, tmp_path) -> None:
    good = TASK if "instruction" in bad else PROMPT
    assert faults(table(tmp_path, good, bad))[0].startswith(fault)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (
            {"instruction": "x", "answer": "y"},
            ": the format instruction needs the column 'output', but the",
        ),
        ({key: PROMPT[key] for key in PROMPT if key != "tags"}, ": the format prompts needs the column 'tags'"),
        (
            {"words": "x"},
            ": the format cannot be told: its columns are words, more. The formats and their ",
        ),
    ],
)
def test_a_missing_column_is_one_fault_of_the_file(row, fault, tmp_path) -> None:
    (found,) = faults(table(tmp_path, row, row | {"more": "z"}))
    assert found.startswith(fault)


def test_faults_of_a_csv_file_are_named_by_row(tmp_path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('instruction,output\n"two\nlines",a\nb,\nc,d,e\n')
    assert [fault.split(":")[0] for fault in faults(path)] == [", row 2", ", row 3"]
    assert "column 'output' is empty" in faults(path)[0]
    path.write_bytes(b"instruction,output\n\xff,a\n")
    with pytest.raises(DatasetError, match="not UTF-8"):
        faults(path)


def test_repeats_are_left_out_of_training_and_other_faults_stop_it(tmp_path, caplog) -> None:
    path = table(tmp_path, *numbered(TASK, "output", 3), TASK, TASK)
    assert len(load_splits(str(path), RowsConfig(validation_size=1), 1).train) == 3
    assert "1 rows repeat others" in caplog.text
    with pytest.raises(DatasetError, match=r"line 2: column 'output' is empty.*\(1 more faults"):
        load_splits(str(table(tmp_path, TASK, TASK | {"output": ""}, TASK | {"input": 3})), RowsConfig(), 1)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "style_tuner", *map(str, arguments)]
    return subprocess.run(line, cwd=PROJECT_ROOT, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})


def test_validate_and_prepare_take_rows_of_another_format(tmp_path) -> None:
    long = TASK | {"instruction": "Long", "output": "Word after word. " * 80}
    path = table(tmp_path, *numbered(TASK, "instruction", 9), long)
    shown = command("validate", path, "--config", "configs/starter_cpu.yaml", "--set", "max_seq_length=128")
    assert shown.returncode == 0, shown.stderr
    assert "(instruction): 10 rows, 0 faults." in shown.stdout
    assert "max_seq_length 128 would cut 1 row," in shown.stdout
    made = command("prepare", "--input", path, "--output", tmp_path / "out", "--set", "rows.system_prompt=Be brief.")
    assert made.returncode == 0, made.stderr
    again = command("validate", tmp_path / "out", "--json")
    assert [(p["part"], p["format"], p["rows"]) for p in json.loads(again.stdout.splitlines()[-1])["parts"]] == [
        ("train", "chat", 9),
        ("validation", "chat", 1),
    ]


def test_a_table_as_pandas_writes_it_holds_json_in_its_cells_and_python_lists_are_named_once(tmp_path) -> None:
    from datasets import Dataset

    path = tmp_path / "chat.csv"
    chats = [
        [{"role": "user", "content": "Write."}, {"role": "assistant", "content": f'Fog, "low" fog {number}.'}]
        for number in range(3)
    ]
    Dataset.from_list([{"messages": json.dumps(chat)} for chat in chats]).to_csv(path)
    splits = load_splits(str(path), RowsConfig(validation_size=1), 1)
    assert {type(example) for example in splits.train} == {ChatExample} and len(splits.train) == 2
    rows = [row | {"tags": str(row["tags"]), "compatible_models": "LTX"} for row in numbered(PROMPT, "prompt_text", 9)]
    Dataset.from_list(rows).to_csv(tmp_path / "python.csv")
    (report,) = inspect(str(tmp_path / "python.csv"), RowsConfig())
    assert len(report.faults) == 9 and len(report.told) == 1
    assert "rows 1, 2, 3 and 6 more: column 'tags' is not a list of texts but \"['slow', 'sea']\"" in report.told[0]
    assert "in JSON (json.dumps), not as Python prints it" in report.told[0]
    Dataset.from_list([{"messages": str(chats[0])}]).to_csv(path)
    assert "that is not JSON but" in inspect(str(path), RowsConfig())[0].told[0]


def test_validation_rows_that_stand_in_training_are_counted_and_warned_of(tmp_path, caplog) -> None:
    rows = numbered(TASK, "instruction", 5)
    table(tmp_path, *rows, name="train.jsonl")
    table(tmp_path, *rows[3:], TASK, name="validation.jsonl")
    _, validation = inspect(str(tmp_path), RowsConfig())
    assert validation.warnings[0].startswith("2 of 3 rows (line 1, 2) stand in the training rows, too")
    assert len(load_splits(str(tmp_path), RowsConfig(), 1).validation) == 3
    assert "2 of 3 validation rows stand in the training rows, too" in caplog.text


def test_a_file_of_several_formats_is_one_fault_that_counts_them(tmp_path) -> None:
    path = table(tmp_path, *numbered(TASK, "instruction", 3), PROMPT, PROMPT | {"prompt_text": "Rain"})
    assert faults(path) == [
        ": holds rows of several formats: 3 of instruction (the first is line 1); 2 of prompts (the first is line 4). "
        "Write each to a file of its own."
    ]

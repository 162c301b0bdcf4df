"""The commands as a user types them: what they print, what they leave, and what they say when it cannot be done."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from style_tuner.config import SAMPLES

ROOT = Path(__file__).resolve().parent.parent
STORIES = ROOT / "data" / "samples" / "manuscripts"
COMMANDS = {
    "style_tuner": ("import", "prepare", "validate", "profile", "train", "merge", "check-model", "serve", "generate")
    + ("score", "demo", "panel"),
    "rag": ("index", "search", "serve"),
}


def run(*arguments: object, module: str = "style_tuner") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})


def last_json(result: subprocess.CompletedProcess[str]) -> dict:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset that the guide's own flags make."""
    folder = tmp_path_factory.mktemp("data") / "processed"
    flags = ["--min-tokens", 90, "--max-tokens", 330, "--split", 0.9]
    result = run("prepare", "--input", STORIES, "--output", folder / "training.jsonl", *flags, "--json")
    assert last_json(result)["train"] > 100
    return folder


@pytest.mark.parametrize(("module", "commands"), list(COMMANDS.items()))
def test_help_names_every_command(module: str, commands: tuple[str, ...]) -> None:
    shown = run("--help", module=module).stdout
    assert all(command in shown for command in commands)


def test_prepare_takes_the_guides_flags(dataset: Path) -> None:
    assert {path.name for path in dataset.glob("*.jsonl")} == {"training.jsonl", "validation.jsonl", "heldout.jsonl"}
    facts = json.loads((dataset / "dataset.json").read_text())
    counts = facts["counts"]
    assert 0.85 < counts["train"] / (counts["train"] + counts["validation"]) < 0.93
    assert 0.08 < facts["held_out_words"] / facts["words"] < 0.15
    row = json.loads((dataset / "training.jsonl").read_text().splitlines()[0])
    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]
    assert row["messages"][0]["content"] == facts["system_prompt"]


def test_prepare_of_named_paths_leaves_no_trace_in_the_workspace(tmp_path: Path) -> None:
    result = run("prepare", "--input", STORIES, "--output", tmp_path / "out", "--config", "configs/starter_cpu.yaml")
    assert "passages for training" in result.stdout
    assert not (tmp_path / "home").exists()


def test_prepare_overwrites_nothing(dataset: Path) -> None:
    result = run("prepare", "--input", STORIES, "--output", dataset / "training.jsonl")
    assert result.returncode == 1
    assert "training.jsonl exists and is not overwritten" in result.stderr


def test_prepare_with_too_little_text_says_how_much_is_needed(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("A short text. It has few words.\n")
    result = run("prepare", "--input", tmp_path / "short.txt", "--output", tmp_path / "out")
    assert result.returncode == 1
    assert "passages" in result.stderr and "Traceback" not in result.stderr


def test_validate_names_line_and_fault(dataset: Path, tmp_path: Path) -> None:
    assert last_json(run("validate", dataset / "training.jsonl", "--json"))["faults"] == []
    broken = tmp_path / "broken.jsonl"
    rows = (dataset / "training.jsonl").read_text().splitlines()[:3]
    broken.write_text("\n".join([rows[0], rows[1][:-5], rows[2]]) + "\n")
    result = run("validate", broken)
    assert result.returncode == 1
    assert "broken.jsonl, line 2:" in result.stdout
    assert ", 1 fault." in result.stdout


def test_profile_measures_a_folder() -> None:
    measured = last_json(run("profile", "--input", STORIES, "--json"))
    assert measured["person"] == "first" and measured["tense"] == "past"
    assert "first person" in measured["system_prompt"]


def test_import_keeps_the_good_files_and_names_the_bad(tmp_path: Path) -> None:
    bad = tmp_path / "picture.txt"
    bad.write_bytes(bytes(range(256)) * 8)
    result = run("import", STORIES / "01_the_long_stride.txt", bad, "--json")
    assert result.returncode == 1
    (added,) = json.loads(result.stdout.splitlines()[-1])["added"]
    assert added["title"] == "The Long Stride" and added["chapters"] == 4
    assert "picture.txt" in result.stderr


def test_import_of_a_folder_keeps_files_of_one_name_apart_and_tells_of_new_versions(tmp_path: Path) -> None:
    books = tmp_path / "books"
    for number in (1, 2):
        (books / f"n{number}").mkdir(parents=True)
        (books / f"n{number}" / "chapter1.txt").write_text(f"Chapter One\n\nWords of novel {number}.\n")
    (books / "alone.md").write_text("The tide came in.[^1]\n\n[^1]: A note.\n")
    added = last_json(run("import", books, "--json"))["added"]
    assert [(row["id"], row["version"]) for row in added] == [("alone", 1), ("n1-chapter1", 1), ("n2-chapter1", 1)]
    (books / "n1" / "chapter1.txt").write_text("Chapter One\n\nWords of novel 1, and more.\n")
    shown = run("import", books).stdout
    assert "takes the place of the one before, which is kept" in shown and shown.count("takes the place") == 1
    assert "  Footnotes left out of the text: 1" in shown
    assert "words in 1 chapter\n" in shown and "Added 3 manuscripts" in shown
    assert "Added 1 manuscript, " in run("import", books / "alone.md").stdout


def test_notes_of_a_world_in_a_folder_are_no_manuscripts_and_are_named(tmp_path: Path) -> None:
    told = last_json(run("import", SAMPLES, "--json"))
    assert len(told["added"]) == 8
    assert {row["id"].split("-")[0] for row in told["added"]} == {"manuscripts"}
    assert {"README.md", "prompts.txt", "world/hask.md"} <= set(told["left_out"])
    assert len(told["left_out"]) == len(list(SAMPLES.glob("world/*.md"))) + 2
    said = run("import", SAMPLES).stdout
    assert "Left out: README.md, prompts.txt." in said
    assert f"notes of a world, in {SAMPLES / 'world'}: abel_crook.md, " in said
    alone = run("import", SAMPLES / "world")
    assert alone.returncode == 1
    assert "notes of a world" in alone.stderr
    assert last_json(run("import", SAMPLES / "world" / "hask.md", "--json"))["added"]
    own = tmp_path / "own"
    (own / "world").mkdir(parents=True)
    (own / "world" / "chapter.md").write_text("# One\n\nThe tide came in.\n")
    assert last_json(run("import", own, "--json"))["left_out"] == []


def test_files_of_another_kind_in_a_folder_are_named_and_hidden_ones_passed_over(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name in ("tide.txt", "book.pdf", "noext", ".hidden.txt"):
        (own / name).write_text("The tide came in.\n")
    told = last_json(run("import", own, "--json"))
    assert [row["id"] for row in told["added"]] == ["tide"]
    assert told["left_out"] == ["book.pdf", "noext"]
    for number in range(20):
        (own / f"picture{number:02}.png").write_text("")
    assert "picture09.png and 10 more." in run("import", own).stdout


def test_a_readme_in_a_folder_is_no_manuscript_and_is_named(tmp_path: Path) -> None:
    books = tmp_path / "books"
    (books / "one").mkdir(parents=True)
    (books / "one" / "tide.txt").write_text("The tide came in.\n")
    for name in ("README.md", "one/readme.txt"):
        (books / name).write_text("What lies here.\n")
    told = last_json(run("import", books, "--json"))
    assert [row["id"] for row in told["added"]] == ["one-tide"]
    assert told["left_out"] == ["README.md", "one/readme.txt"]
    assert "Left out: README.md, one/readme.txt" in run("import", books).stdout
    assert [row["id"] for row in last_json(run("import", books / "README.md", "--json"))["added"]] == ["readme"]


def test_import_stops_where_nothing_can_be_written(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.txt").write_text(f"Words of novel {number}.\n")
    place = tmp_path / "home" / "workspaces" / "default"
    place.mkdir(parents=True)
    (place / "manuscripts").write_text("A file where the folder should be.")
    result = run("import", tmp_path / "1.txt", tmp_path / "2.txt", "--json")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert len(json.loads(result.stdout.splitlines()[-1])["faults"]) == 1


def test_validate_of_an_empty_file_names_no_line(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    assert f"{tmp_path / 'empty.jsonl'}: the file holds no rows" in run("validate", tmp_path / "empty.jsonl").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prepare"], "no manuscripts yet"),
        (["train"], "no dataset yet"),
        (["train", "--config", "none.yaml"], "starter_cpu.yaml"),
        (["train", "--set", "lora_rank=3"], "did you mean 'lora_r'"),
        (["merge"], "no trained voice yet"),
        (["merge", "--run", "nothing"], "nothing"),
        (["generate", "Rain."], "model server is off"),
        (["score", "nothing.txt"], "nothing.txt"),
        (["check-model", "nowhere"], "nowhere"),
        (["profile"], "add a manuscript"),
        (["validate", "nothing.jsonl"], "nothing.jsonl"),
        (["serve", "--engine", "fast"], "fast"),
        (["prepare", "-w", "../up"], "../up"),
        (["train", "-w", "novles"], "there are: default"),
        (["panel", "build", "--corpus", "nowhere", "--output", "new"], "There is no folder nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_sentence_with_the_remedy(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert result.returncode != 0
    assert words in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


def test_check_model_says_what_is_wrong(tmp_path: Path) -> None:
    good = run("check-model", ROOT / "data" / "starter_model", "--json")
    assert last_json(good)["ok"] is True
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert run("check-model", tmp_path).returncode == 1


def test_a_dry_run_shows_what_would_be_learned_and_trains_nothing(dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    folder.mkdir()
    for source, target in (("training", "train"), ("validation", "validation")):
        (folder / f"{target}.jsonl").write_bytes((dataset / f"{source}.jsonl").read_bytes())
    result = run("train", "--dry-run", "--dataset", folder, "--config", "configs/starter_cpu.yaml")
    assert result.returncode == 0, result.stderr
    for words in ("tokens", "steps", "GiB", "assistant"):
        assert words in result.stdout
    assert not list(folder.glob("**/*.safetensors"))


def test_prepare_says_why_pieces_are_set_aside(tmp_path: Path) -> None:
    story = sorted((SAMPLES / "manuscripts").glob("*.txt"))[0]
    own = tmp_path / "own"
    own.mkdir()
    for name in ("one.txt", "two.txt"):
        (own / name).write_bytes(story.read_bytes())
    run("import", own)
    with_reason = run("prepare", "--set", "dataset.min_passages=4").stdout
    assert re.search(r"pieces set aside \(repeats an earlier passage: \d+", with_reason), with_reason

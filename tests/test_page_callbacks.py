"""What buttons do: they start the right command, refuse what cannot work, and say so in a sentence."""

import json
import time
from pathlib import Path

import gradio as gr
import pytest

from style_tuner import drafting, jobs
from style_tuner.config import STARTER_CONFIG, SamplingConfig, load_training_config
from style_tuner.errors import DatasetError, ServerError, StyleTunerError
from style_tuner.manuscripts.store import list_manuscripts
from style_tuner.serving.world import WorldState
from style_tuner.tabs import (
    common,
    manuscripts,
    models,
    score,
    strip,
    train,
    train_run,
    train_settings,
    world,
    world_entries,
    world_prompt,
    write,
)
from style_tuner.tabs import page as pages
from style_tuner.tabs.common import Page, in_words
from style_tuner.workspace import Workspace, write_text

RECIPE = "configs/starter_cpu.yaml"


def test_an_error_becomes_a_sentence_and_leaves_the_outputs_as_they_are() -> None:
    def refuse(_: str) -> None:
        raise DatasetError("There is <b>nothing</b> here: add some.")

    def refuse_late(_: str):
        yield "first"
        raise DatasetError("There is nothing here: add some.")

    with pytest.warns(UserWarning, match="&lt;b&gt;nothing&lt;/b&gt; here: add some"):
        assert in_words(refuse)("x") == {"__type__": "update"}
    with pytest.warns(UserWarning, match="nothing here: add some"):
        assert list(in_words(refuse_late)("x")) == ["first", {"__type__": "update"}]


def test_a_refusal_answers_nothing_where_there_is_nothing_to_answer(tmp_path: Path) -> None:
    demo, _ = pages.build("default", tmp_path)
    (button,) = (one for one in demo.blocks.values() if isinstance(one, gr.Button) and one.value == "Prepare dataset")
    (pressed,) = (one for one in demo.fns.values() if (button._id, "click") in one.targets)
    assert pressed.outputs == []
    with pytest.warns(UserWarning, match="drop a manuscript"):
        assert pressed.fn("default", RECIPE, 90, 330, 0.9) is None


def test_an_error_while_looking_at_the_disk_is_told_once_and_stops_nothing(workspace: Workspace) -> None:
    def refuse(_: Workspace) -> None:
        raise ServerError("The World service does not answer.")

    _, page = pages.build(workspace.name, workspace.home)
    assert common._stamped(refuse, workspace) == "The World service does not answer."
    assert len(page.stamps) > 10


def test_a_fault_of_the_program_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        in_words(lambda: 1 / 0)()


def test_a_bad_file_is_told_of_and_the_good_one_kept(workspace: Workspace, tmp_path: Path) -> None:
    good = write_text(tmp_path / "good.txt", "One evening she came home.\n\nNobody was there.\n" * 20)
    (tmp_path / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "empty.txt").touch()
    with pytest.warns(UserWarning) as told:
        manuscripts.upload(workspace, [str(tmp_path / "binary.txt"), str(good), str(tmp_path / "empty.txt")])
    assert [manuscript.title for manuscript in list_manuscripts(workspace)] == ["good"]
    assert not good.exists()
    assert [name for name in ("binary.txt", "empty.txt") if any(name in str(one.message) for one in told)] == [
        "binary.txt",
        "empty.txt",
    ]


@pytest.mark.parametrize(
    ("press", "sentence"),
    [
        (lambda place: manuscripts.prepare(place, RECIPE, 90, 330, 0.9), "drop a manuscript"),
        (lambda place: train.start(place, RECIPE, "data/starter_model", 3, 1e-3, 32), "Prepare dataset"),
        (lambda place: train_run.stop(place, None), "Start training"),
        (lambda place: models.merge(place, None), "train one"),
        (lambda place: [*models.check(place, None)], "train one"),
        (lambda place: score.score(place, "A draft."), "Prepare dataset"),
        (lambda place: score.score(place, "  "), "paste one"),
        (lambda place: world_prompt.test_prompt(place, "w", "Rain."), "Start World service"),
        (lambda place: world.create(place, "../x", 1), "letters, digits"),
        (lambda place: world.create(place, "..", 1), "letters, digits"),
        (lambda place: world_entries.save(place, "w", "", None, None, "", "note", "", "", *[""] * 8), "fill in both"),
        (lambda place: write.write(place, "Rain.", None, False, None, 1, 0.9, 9, ""), "Start server"),
        (lambda place: write.write(place, "Rain.", None, False, None, 1, 0.9, 9, "x1"), "no whole number"),
        (lambda place: drafting.ask(place, " ", ("base",), SamplingConfig()), "no prompt"),
    ],
)
def test_what_cannot_work_yet_is_refused_with_the_remedy(workspace: Workspace, press, sentence: str) -> None:
    with pytest.raises(StyleTunerError, match=sentence):
        press(workspace)
    assert jobs.runs(workspace) == []


def test_only_what_differs_from_the_recipe_is_overridden() -> None:
    config = load_training_config(STARTER_CONFIG)
    same = (config.base_model, config.num_epochs, config.learning_rate, config.lora_r)
    assert train_settings.overrides(RECIPE, *same) == []
    assert train_settings.overrides(RECIPE, " other/model ", 1.5, 2e-4, 16) == [
        "base_model=other/model",
        "model_type=auto",
        "num_epochs=1.5",
        "learning_rate=0.0002",
        "lora_r=16",
        "lora_alpha=32",
    ]


def test_prepare_starts_the_command_that_is_shown(workspace: Workspace, tmp_path: Path) -> None:
    manuscripts.add(workspace, [write_text(tmp_path / "short.txt", "She came home.\n\n" * 30)])
    manuscripts.prepare(workspace, RECIPE, 80, 330, 0.9)
    run = jobs.runs(workspace, "prepare")[0]
    shown = f"python -m style_tuner prepare --workspace default --config {RECIPE} --min-tokens 80"
    assert jobs.shell_command(run) == shown
    while (run := jobs.load(workspace, run.id)).status in ("queued", "running"):
        time.sleep(0.2)
    assert run.status == "failed"
    assert "too few passages" in run.message


def test_a_world_service_in_front_of_another_server_is_named(workspace: Workspace, monkeypatch) -> None:
    from style_tuner.serving import server
    from style_tuner.serving.state import ServerState

    up = ServerState("http://127.0.0.1:9001/v1", "transformers", models={"base": ""}, health="up")
    other = WorldState("http://127.0.0.1:9002", "127.0.0.1", 9002, 1, 0.0, 0.0, "http://127.0.0.1:9003/v1")
    monkeypatch.setattr(server, "state", lambda _: up)
    monkeypatch.setattr(write.service, "state", lambda _: other)
    with pytest.raises(ServerError, match=r"9003.*9001"):
        write.write(workspace, "Rain.", None, True, "w", 1, 0.9, 9, "")


def test_the_title_of_the_world_settings_names_the_port_where_the_service_is_up(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.show_service(workspace, None, 8_077)[-1].label == "Settings: port 8077"
    up = WorldState("http://127.0.0.1:9002", "127.0.0.1", 9002, 1, 0.0, 0.0, "http://127.0.0.1:9003/v1")
    monkeypatch.setattr(world.service, "state", lambda _: up)
    monkeypatch.setattr(world.lore, "worlds", lambda _: {"Sound": 3})
    assert world.show_service(workspace, None, 8_077)[-1].label == "Settings: port 9002"


def test_a_new_workspace_is_made_and_chosen(tmp_path: Path) -> None:
    _, page = pages.build("default", tmp_path)
    assert isinstance(page, Page)
    made = strip.create(page, " Second novel ")
    assert made.value == "Second novel"
    assert (tmp_path / "workspaces" / "Second novel").is_dir()
    with pytest.raises(StyleTunerError, match="no name yet"):
        strip.create(page, " ")


def test_a_workspace_made_while_the_page_is_up_is_offered_when_it_is_loaded_again(tmp_path: Path) -> None:
    demo, page = pages.build("default", tmp_path)
    (tmp_path / "workspaces" / "Second novel").mkdir(parents=True)
    loads = [one for one in demo.fns.values() if (demo._id, "load") in one.targets and one.outputs == [page.workspace]]
    assert loads[0].fn().choices == [("Second novel", "Second novel"), ("default", "default")]
    assert not page.workspace.filterable  # a name that is no choice cannot be typed


def test_a_switch_of_the_workspace_empties_lists_and_messages(tmp_path: Path) -> None:
    demo, page = pages.build("default", tmp_path)
    (empties,) = (one for one in demo.fns.values() if (page.workspace._id, "change") in one.targets and one.js)
    values = {part.label: value for part, value in zip(empties.outputs, json.loads(empties.js[6:]), strict=True)}
    lists = ("Manuscript", "Runs in one plot", "Voice to write with", "World", "Entry", "Scores")
    assert [values[label] for label in lists] == [None] * len(lists)
    assert values["Exported fingerprint"] is None


def test_the_brief_and_the_world_s_tick_are_put_back_after_a_reload(tmp_path: Path) -> None:
    demo, _ = pages.build("default", tmp_path)
    (back,) = (one for one in demo.fns.values() if (demo._id, "load") in one.targets and one.js)
    (keep,) = (one for one in demo.fns.values() if one.js and "setItem('write'" in str(one.js))
    assert [part.label for part in back.outputs] == ["Brief", "Use the world"]
    assert back.outputs == keep.inputs
    assert keep.targets == [(part._id, "change") for part in keep.inputs]


def test_a_run_that_has_gone_since_it_was_chosen_is_no_error_of_the_page() -> None:
    with gr.Blocks():
        run = train_run.lay_out()["run"]
    assert run.preprocess("20261121-100000-train") == "20261121-100000-train"


def test_the_estimate_says_what_is_in_the_way(workspace: Workspace) -> None:
    text = train.show_estimate(workspace, RECIPE, "data/starter_model", 3, 1e-3, 32)[0]
    assert "Prepare dataset" in text
    assert "of memory at the peak" in text
    assert "does not exist" in train.show_estimate(workspace, RECIPE, "no/such/model", 3, 1e-3, 32)[0]
    assert "lora_r" in train.show_estimate(workspace, RECIPE, "data/starter_model", 3, 1e-3, 0)[0]

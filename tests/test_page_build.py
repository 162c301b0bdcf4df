"""The page composes, renders from any state of the disk, and serves nothing but what it must."""

import re
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from gradio.utils import deep_hash

from style_tuner import jobs, takes
from style_tuner.config import SAMPLES, STARTER_CONFIG, PageConfig, SamplingConfig, load_training_config
from style_tuner.errors import ServerError
from style_tuner.manuscripts.store import import_file
from style_tuner.records import Comparison, Gate, Message, StyleScore
from style_tuner.stages import prepare_workspace
from style_tuner.tabs import page as pages
from style_tuner.tabs import theme, views
from style_tuner.workspace import PROJECT_ROOT, Workspace, write_json, write_text

TABS = ["Manuscripts", "Voice", "Train", "Models", "World", "Write", "Score", "Set-up"]
BUTTONS = {
    *("Try the sample author", "Prepare dataset", "Export fingerprint", "Start training", "Stop and keep", "Kill"),
    *("Resume", "Merge", "Check", "Start server", "Stop server", "Test this prompt", "Write", "Stop", "Score"),
    *("Compare base and voice", "Try the sample world", "Start World service", "Stop World service", "Save entry"),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a dataset, a finished and a failed run, a score of each kind, and a draft."""
    workspace = Workspace(tmp_path_factory.mktemp("page"), "Elena novels")
    for name in ("01_the_long_stride.txt", "02_three_calls.txt"):
        import_file(workspace, SAMPLES / "manuscripts" / name)
    config = load_training_config(STARTER_CONFIG)
    with jobs.job(workspace, "prepare") as own:
        prepare_workspace(workspace, config, own)
    with jobs.job(workspace, "train") as own:
        own.report(0, 4, "training", validation_loss=3.6, base_validation_loss=3.6)
        own.report(2, 4, "training", loss=3.5, tokens_per_second=400)
        own.report(4, 4, "training", validation_loss=3.2)
        own.result = {"base_validation_loss": 3.6, "tuned_validation_loss": 3.2, "best_step": 4}
        write_json(own.folder / "settings.json", {"config": config.model_dump(mode="json"), "dataset": ""})
        write_json(own.folder / "adapter" / "adapter_config.json", {"base_model_name_or_path": config.base_model})
    with pytest.raises(ServerError), jobs.job(workspace, "train"):
        raise ServerError("The <i>disk</i> is on fire: put it out.")
    gate = Gate("copying", True, 40, "A third of it is copied from your training text.")
    score = StyleScore(1200, 61.0, 50.0, 70.0, "Close to you.", {"vocabulary": 70.0, "pacing": 50.0}, (gate,))
    short = StyleScore(40, None, None, None, "Insufficient.")
    compared = Comparison(score, score, score, 3.0, -1.0, 7.0, 0.2, -0.1, 0.5, 0.5, "The voice is closer.")
    models = {"base": asdict(short), "20261121-train": asdict(score)}
    write_json(workspace.scores / "20261121-100000-1.json", {"models": models, "comparison": asdict(compared)})
    write_json(workspace.scores / "20261121-110000-1.json", {"files": [], "models": {"draft": asdict(short)}})
    request = takes.Request("A <b>storm</b>.", (Message("user", "A storm."),), ("base",), SamplingConfig())
    writing = takes.start(workspace, f"http://127.0.0.1:{free_port()}/v1", request)
    while writing.going:
        writing.wait(0.1)
    return workspace


def render_all(workspace: Workspace) -> list[str]:
    """Call whatever the page calls when it loads, with the controls as they stand then."""
    demo, page = pages.build(workspace.name, workspace.home)
    states = {state._id for _, state in page.stamps}
    rendered = []
    for stamp, _ in page.stamps:
        deep_hash(stamp(workspace))  # as Gradio does, to see whether it has changed
    for function in demo.fns.values():
        if any(target in states for target, _ in function.targets):
            values = [workspace.name, *(getattr(block, "value", None) for block in function.inputs[1:])]
            answer = function.fn(*values)
            given = answer if isinstance(answer, tuple) else (answer,)
            assert len(given) == len(function.outputs), function.fn
            rendered += [part for part in given if isinstance(part, str)]
    assert len(rendered) > 10
    return rendered


def test_page_shows_its_tabs_and_their_buttons_by_the_words_of_the_design(tmp_path: Path) -> None:
    demo, _ = pages.build("default", tmp_path)
    blocks = list(demo.blocks.values())
    assert [block.label for block in blocks if isinstance(block, gr.Tab)] == TABS
    assert {block.value for block in blocks if isinstance(block, gr.Button)} >= BUTTONS
    unnamed = [block for block in blocks if isinstance(block, gr.Textbox | gr.Dropdown | gr.Number) and not block.label]
    assert unnamed == []


def test_until_the_disk_is_read_the_strip_and_every_tab_say_that_they_load(tmp_path: Path) -> None:
    demo, _ = pages.build("default", tmp_path)

    def shown(block: gr.blocks.Block) -> list[str]:
        inside = [text for child in getattr(block, "children", ()) for text in shown(child)]
        return [*inside, str(block.value)] if isinstance(block, gr.HTML) else inside

    tabs = {block.label: shown(block) for block in demo.blocks.values() if isinstance(block, gr.Tab)}
    assert [name for name, texts in tabs.items() if views.LOADING not in texts] == []
    assert any("class='strip'" in text and "Loading…" in text for text in shown(demo))
    empty = " ".join(text for texts in tabs.values() for text in texts)
    assert not re.search(r"\byet\b|is off", empty)


def test_every_tab_says_what_to_do_where_there_is_nothing_yet(tmp_path: Path) -> None:
    text = " ".join(render_all(Workspace(tmp_path, "default")))
    for sentence in ("try the sample author", "press Prepare dataset", "No run yet", "No voice yet", "press Score"):
        assert sentence in text


def test_a_filled_workspace_is_rebuilt_from_disk_and_its_text_is_never_markup(filled: Workspace) -> None:
    text = " ".join(render_all(filled))
    for shown in ("The Long Stride", "passages for training", "3.600", "3.200", "3.600 → 3.200"):
        assert shown in text
    assert "The &lt;i&gt;disk&lt;/i&gt; is on fire: put it out." in text
    assert "Show details" in text
    assert "A &lt;b&gt;storm&lt;/b&gt;." in text
    assert "<i>disk" not in text
    assert "<b>storm" not in text


def test_page_starts_without_an_ml_library() -> None:
    code = (
        "import sys, pathlib; from style_tuner.tabs import page; page.build('default', pathlib.Path('nowhere'))\n"
        "print(sorted({'torch', 'transformers', 'sklearn', 'plotly', 'chromadb', 'openai'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    assert result.stdout.strip() == "[]"
    assert not (PROJECT_ROOT / "nowhere").exists()


def test_a_port_in_use_is_named_with_the_remedy() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=rf"port {port} .*--port {port + 1}"):
            pages.launch(PageConfig(port=port))


def test_page_links_nothing_outside_and_serves_no_file_but_exports(filled: Workspace) -> None:
    demo, page = pages.build(filled.name, filled.home)
    page.open(filled.name)
    report = write_text(filled.exports / "report.html", "<p>mine</p>")
    secret = next(filled.manuscripts.rglob("manuscript.json"))
    port = free_port()
    demo.launch(
        server_port=port, prevent_thread_lock=True, quiet=True, ssr_mode=False, allowed_paths=page.exports,
        **theme.launch_options(),
    )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            style = client.get("/theme.css").text
            assert "@import" not in style
            assert not re.search(r"url\(.?https?:", style)
            assert "googleapis" not in client.get("/").text
            assert client.get(f"/gradio_api/file={report}").status_code == 200
            assert client.get(f"/gradio_api/file={secret}").status_code == 403
    finally:
        demo.close()


def test_a_workspace_opened_later_can_export_too(tmp_path: Path) -> None:
    _, page = pages.build("default", tmp_path)
    kept = page.exports
    assert page.open("Second novel").exports == Path(kept[-1])
    page.open("Second novel")
    assert len(kept) == len(set(kept))


def test_settings_of_a_recipe_stand_in_the_titles() -> None:
    from style_tuner.tabs import manuscripts, train_settings

    config = load_training_config(STARTER_CONFIG)
    least, most = config.dataset.min_tokens, config.dataset.max_tokens
    assert manuscripts.settings_title(config.dataset) == f"Settings: {least}–{most} tokens, 90/10"
    changed = config.model_copy(update={"num_epochs": 4, "learning_rate": 2e-4, "lora_r": 16})
    assert train_settings.settings_title(changed) == "Settings: 4 epochs, learning rate 0.0002, rank 16"


def test_loss_is_put_into_words() -> None:
    from style_tuner.tabs.train_view import loss_sentence

    run = SimpleNamespace(status="done", result={"best_step": 10})
    rows = [{"step": step, "validation_loss": loss} for step, loss in ((0, 3.6), (10, 3.2), (20, 3.4))]
    assert "3.600 to 3.200" in loss_sentence(rows, run)
    assert "step 10" in loss_sentence(rows, run)
    assert "still falling" in loss_sentence(rows[:2], SimpleNamespace(status="running"))
    assert "not fallen" in loss_sentence([rows[0], {"step": 10, "validation_loss": 3.9}], run)

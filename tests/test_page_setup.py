"""The strip leads to the tab of each item, and the set-up says what is missing and how to mend it."""

import html
import re
from pathlib import Path

import gradio as gr
import pytest

from style_tuner import doctor, jobs
from style_tuner.hardware import Gpu, Hardware
from style_tuner.records import Run
from style_tuner.serving import server, world
from style_tuner.serving.state import Health, ServerState
from style_tuner.serving.world import WorldState
from style_tuner.tabs import page as pages
from style_tuner.tabs import setup, strip
from style_tuner.workspace import Workspace

NO_GPU = Hardware((), 2, 1, 2)
GPU = Hardware((Gpu("NVIDIA GeForce RTX 5090", 3 * 1024**3, 32 * 1024**3),), 2, 1, 2)
WORLD = WorldState("http://127.0.0.1:1", "127.0.0.1", 1, 1, 0.0, 0.0, "")


def items(text: str) -> dict[str, str]:
    """The items of the strip: what each says, and the tab that it leads to."""
    found = re.findall(r"<button type='button' data-tab='([^']*)'[^>]*>(.*?)</button>", text)
    return {html.unescape(re.sub("<[^>]*>", "", said)): tab for tab, said in found}


def test_every_item_of_the_strip_leads_to_its_tab(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    demo, _ = pages.build(workspace.name, workspace.home)
    tabs = {block.label for block in demo.blocks.values() if isinstance(block, gr.Tab)}
    leads: dict[str, str] = {}
    stands: list[tuple[Hardware, Health]] = [(NO_GPU, "up"), (GPU, "starting"), (GPU, "failed"), (GPU, "stopped")]
    for hardware, health in stands:
        state = ServerState("http://127.0.0.1:1/v1", "vllm", models={"base": "", "voice": ""}, health=health)
        monkeypatch.setattr(strip, "hardware", lambda found=hardware: found)
        monkeypatch.setattr(server, "state", lambda _, found=state: found)
        monkeypatch.setattr(world, "state", lambda _, found=health: WORLD if found == "up" else None)
        leads |= items(strip.render(workspace))
    assert {tab for said, tab in leads.items() if "GPU" in said} == {setup.NAME}
    assert leads[strip.NO_GPU] == setup.NAME
    assert {tab for said, tab in leads.items() if said.startswith("Models:")} == {"Models"}
    assert {tab for said, tab in leads.items() if said.startswith("World:")} == {"World"}
    assert len(leads) == 8
    assert set(leads.values()) <= tabs


@pytest.mark.parametrize(("stage", "tab"), [*strip.STAGE_TABS.items(), ("check", "Models")])
def test_a_running_job_leads_to_the_tab_that_started_it(workspace: Workspace, stage: str, tab: str) -> None:
    demo, _ = pages.build(workspace.name, workspace.home)
    assert tab in {block.label for block in demo.blocks.values() if isinstance(block, gr.Tab)}
    with jobs.job(workspace, stage):
        led = items(strip.render(workspace))
    assert [to for said, to in led.items() if said.startswith("Job:")] == [tab]


def test_the_run_that_goes_stands_in_the_strip_and_those_that_wait_are_counted(workspace: Workspace) -> None:
    waiting = [Run(id=f"later-{n}", stage="sweep", command=(), status="queued", created=0.0) for n in (2, 1)]
    with jobs.job(workspace, "train") as own:
        own.report(1, 4, "training", loss=3.0)
        going = jobs.load(workspace, own.folder.name)
        (said,) = items(str(strip._job(workspace, [*waiting, going])))
    assert said.startswith("Job:train 25 %")
    assert said.endswith("+2 waiting [Show]")
    assert list(items(str(strip._job(workspace, waiting)))) == ["Job:sweep · waiting · +1 waiting [Show]"]
    assert list(items(str(strip._job(workspace, waiting[:1])))) == ["Job:sweep · waiting [Show]"]


def test_the_set_up_says_what_is_missing_with_the_command_to_copy(workspace: Workspace, tmp_path: Path) -> None:
    here, left = setup.show(workspace)
    for shown in ("What works now", "Memory and cores", "Disk", "Python", "Hugging Face token"):
        assert shown in here
    assert "Hugging Face Hub" not in here
    for shown in (
        "of 9 steps are done",
        "<b>The model server</b> <span class='caption'>to do</span>",
        "data-copy='make vllm'",
        "serve --detach",
        "style_tuner doctor --workspace default",
    ):
        assert shown in left


def test_the_hub_is_asked_only_when_the_button_is_pressed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse() -> doctor.Check:
        asked.append(1)
        return doctor.Check("Hugging Face Hub", False, "It <b>refuses</b>.", "Try again later.")

    monkeypatch.setattr(doctor, "ask_hub", refuse)
    setup.show(workspace)
    setup.try_gpu(workspace)
    assert asked == []
    assert "It &lt;b&gt;refuses&lt;/b&gt;." in setup.ask_hub(workspace)[0]
    assert asked == [1]

"""Which engine serves which voice, with which arguments; nothing is started here."""

import json
import os
import shutil
from pathlib import Path

import pytest

from style_tuner import jobs, stages
from style_tuner.config import STARTER_MODEL, ServingConfig
from style_tuner.errors import JobError, ServerError
from style_tuner.privacy import quiet_environment
from style_tuner.serving import engines, vllm_engine
from style_tuner.serving.faults import explain
from style_tuner.serving.vllm_engine import max_lora_rank
from style_tuner.serving.voices import Voice, default_base, parse_voices, voice_arguments, voice_at, voices_of
from style_tuner.workspace import Workspace, write_json

TRANSFORMERS = ServingConfig(engine="transformers")


def adapter(folder: Path, rank: int = 16, **settings: object) -> Path:
    write_json(folder / "adapter_config.json", {"r": rank, "base_model_name_or_path": str(STARTER_MODEL), **settings})
    return folder


def training_run(workspace: Workspace, name: str, status: str, merged: bool = False) -> None:
    folder = workspace.runs / name
    run = {"id": name, "stage": "train", "command": [], "status": status, "created": 0.0}
    write_json(folder / "run.json", run)
    adapter(folder / "adapter")
    if merged:
        write_json(folder / "merged" / "config.json", {})


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ServingConfig:
    python = tmp_path / "python"
    python.touch()
    monkeypatch.setenv("VLLM_PYTHON", str(python))
    return ServingConfig(engine="vllm")


def test_voices_are_finished_runs_the_newest_first(workspace: Workspace) -> None:
    training_run(workspace, "20260101-000000-train", "done", merged=True)
    training_run(workspace, "20260102-000000-train", "stopped")
    training_run(workspace, "20260103-000000-train", "failed")
    found = voices_of(workspace)
    assert list(found) == ["20260102-000000-train", "20260101-000000-train"]
    assert [voice.merged is not None for voice in found.values()] == [False, True]
    fits, others = engines.servable(list(found.values()), "transformers", str(STARTER_MODEL))
    assert ([voice.name for voice in fits], [voice.name for voice in others]) == (
        ["20260101-000000-train"],
        ["20260102-000000-train"],
    )
    assert len(engines.servable(list(found.values()), "vllm", str(STARTER_MODEL))[0]) == 2
    assert engines.servable(list(found.values()), "vllm", "meta-llama/Llama-3.1-8B-Instruct")[0] == []


def test_an_adapter_alone_is_refused_by_transformers_with_the_way_to_merge(tmp_path: Path) -> None:
    voice = voice_at("elena", adapter(tmp_path / "elena"))
    with pytest.raises(ServerError, match=r"'elena' is an adapter.*merge --base-model .* --adapter .*make vllm"):
        engines.make_plan(TRANSFORMERS, str(STARTER_MODEL), [voice], tmp_path / "engine")


def test_a_run_that_trained_every_weight_is_a_voice_beside_its_base(workspace: Workspace, tmp_path: Path) -> None:
    folder = workspace.runs / "20260101-000000-train"
    training_run(workspace, folder.name, "done", merged=True)
    shutil.rmtree(folder / "adapter")
    write_json(folder / "settings.json", {"config": {"method": "full", "base_model": str(STARTER_MODEL)}})
    (voice,) = voices_of(workspace).values()
    assert (voice.name, voice.merged) == (folder.name, folder / "merged")
    assert default_base(workspace) == str(STARTER_MODEL) == voice.base_model()
    assert stages.trained_runs(workspace) == [folder.name]
    assert engines.servable([voice], "transformers", str(STARTER_MODEL)) == ([voice], [])
    plan = engines.make_plan(TRANSFORMERS, str(STARTER_MODEL), [voice], tmp_path / "engine")
    assert plan.models == {"base": str(STARTER_MODEL), folder.name: str(folder / "merged")}
    with pytest.raises(JobError, match="trained every weight, so there is nothing to merge"):
        stages.merge_run(workspace, folder.name, jobs.Job(folder))


def test_vllm_serves_a_whole_model_alone_by_its_name(tmp_path: Path, vllm: ServingConfig) -> None:
    voice = voice_at("elena", STARTER_MODEL)
    assert engines.servable([voice], "vllm", str(STARTER_MODEL)) == ([], [voice])
    plan = engines.make_plan(vllm, "some/base", [voice], tmp_path)
    assert plan.models == {"elena": str(STARTER_MODEL)}
    command = list(plan.command)
    assert command[command.index("--model") + 1] == str(STARTER_MODEL)
    assert command[command.index("--served-model-name") + 1 : command.index("--host")] == ["elena"]
    assert "--enable-lora" not in command
    with pytest.raises(ServerError, match=r"'elena' is a whole model.*serve --voice elena=.*starter_model"):
        engines.make_plan(vllm, "some/base", [voice_at("a", adapter(tmp_path / "a")), voice], tmp_path)


@pytest.mark.parametrize(("rank", "served"), [(1, 1), (2, 8), (12, 16), (16, 16), (33, 64), (300, 320)])
def test_vllm_gets_the_next_rank_it_can_be_set_to(tmp_path: Path, vllm: ServingConfig, rank: int, served: int) -> None:
    voice = voice_at("elena", adapter(tmp_path / "elena", rank))
    plan = engines.make_plan(vllm, str(STARTER_MODEL), [voice], tmp_path / "engine")
    assert plan.command[plan.command.index("--max-lora-rank") + 1] == str(served)
    assert plan.models == {"base": str(STARTER_MODEL), "elena": str(tmp_path / "elena")}
    assert json.loads(plan.command[plan.command.index("--lora-modules") + 1])["name"] == "elena"


def test_rank_patterns_count_and_ranks_past_the_last_are_refused(tmp_path: Path, vllm: ServingConfig) -> None:
    patterned = voice_at("a", adapter(tmp_path / "a", 8, rank_pattern={"q_proj": 40}))
    assert max_lora_rank([patterned]) == 64
    with pytest.raises(ServerError, match="'b' has rank 600; .* up to rank 512"):
        max_lora_rank([voice_at("b", adapter(tmp_path / "b", 600))])


def test_an_adapter_of_another_base_is_refused_with_its_own(tmp_path: Path, vllm: ServingConfig) -> None:
    foreign = voice_at("elena", adapter(tmp_path / "elena", base_model_name_or_path="meta-llama/Llama-3.1-8B"))
    with pytest.raises(ServerError, match=r"'elena' was trained on meta-llama/Llama-3.1-8B .*serve meta-llama/Llama"):
        engines.make_plan(vllm, str(STARTER_MODEL), [foreign], tmp_path)


def test_room_for_voices_of_later_is_kept_on_loopback_alone(tmp_path: Path, vllm: ServingConfig) -> None:
    def planned(host: str, follow: bool) -> tuple[str, int | None, tuple[str, ...]]:
        config = vllm.model_copy(update={"host": host})
        plan = engines.make_plan(config, str(STARTER_MODEL), [], tmp_path, follow)
        assert (plan.admit is None) == ("--enable-lora" not in plan.command)
        return plan.environment["VLLM_ALLOW_RUNTIME_LORA_UPDATING"], plan.room, plan.command

    allowed, room, command = planned("127.0.0.1", True)
    assert (allowed, room) == ("1", vllm_engine.LATER_VOICES)
    assert command[command.index("--max-lora-rank") + 1] == "64"
    assert planned("0.0.0.0", True)[:2] == ("0", 0)
    assert planned("127.0.0.1", False)[:2] == ("0", 0)


def test_vllm_lists_the_base_model_by_one_name(tmp_path: Path, vllm: ServingConfig) -> None:
    plan = engines.make_plan(vllm, "data/starter_model", [], tmp_path / "engine")
    begin = plan.command.index("--served-model-name")
    assert plan.command[begin + 1 : begin + 3] == ("base", "--host")
    assert "--enable-lora" not in plan.command


@pytest.mark.parametrize("name", ["base", "a b", "../up", "a--b", "", "é", "a/b", "x."])
def test_names_that_a_request_cannot_carry_are_refused(tmp_path: Path, name: str) -> None:
    voice = Voice(name, STARTER_MODEL, None, STARTER_MODEL)
    with pytest.raises(ServerError, match="cannot be served: use letters"):
        engines.make_plan(TRANSFORMERS, str(STARTER_MODEL), [voice], tmp_path / "engine")


def test_a_folder_that_is_no_voice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=f"'elena' cannot be served: {tmp_path} is neither"):
        voice_at("elena", tmp_path)


def test_voice_arguments_are_read_back_as_they_were(tmp_path: Path) -> None:
    for voices in ({}, {"a": tmp_path / "x=y", "b": Path("z")}):
        assert parse_voices(voice_arguments(voices)[1::2]) == voices
    assert parse_voices(None) is None
    with pytest.raises(ServerError, match="'elena' must be given as NAME=FOLDER"):
        parse_voices(["elena"])


def test_vllm_that_is_not_installed_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VLLM_PYTHON", str(tmp_path / "nothing"))
    with pytest.raises(ServerError, match="VLLM_PYTHON names .*nothing"):
        engines.choose_engine(ServingConfig())
    monkeypatch.delenv("VLLM_PYTHON")
    monkeypatch.setattr(vllm_engine, "PROJECT_ROOT", tmp_path)
    with pytest.raises(ServerError, match="make vllm"):
        engines.choose_engine(ServingConfig(engine="vllm"))
    assert engines.choose_engine(ServingConfig()) == "transformers"


def test_local_models_are_served_offline_and_without_usage_reports(tmp_path: Path, vllm: ServingConfig) -> None:
    local = engines.make_plan(vllm, str(STARTER_MODEL), [], tmp_path).environment
    assert local["HF_HUB_OFFLINE"] == "1"
    assert {"VLLM_NO_USAGE_STATS", "HF_HUB_DISABLE_TELEMETRY"} <= set(os.environ | local)
    assert "HF_HUB_OFFLINE" not in engines.make_plan(vllm, "meta-llama/Llama-3.1-8B", [], tmp_path).environment


def test_the_users_own_privacy_settings_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    assert "WANDB_MODE" not in quiet_environment()
    assert quiet_environment()["GRADIO_ANALYTICS_ENABLED"] == "False"


@pytest.mark.parametrize(
    ("log", "remedy"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "memory is full"),
        ("ValueError: No available memory for the cache blocks. Try", "smaller --max-model-len"),
        ("Value error, User-specified max_model_len (64000) is greater than the derived", "more than the model reads"),
        ("ValueError: Free memory on device (3/32 GiB) on startup is less than desired GPU", "less --gpu-memory"),
        ("x\nValueError: first\nKeyError: 'rope'\nbye", "KeyError: 'rope'"),
        ("nothing to see", "Its log says more"),
        ("WARNING: a low limit can cause errors like `OSError: [Errno 24] Too many open files`.", "Its log says more"),
    ],
)
def test_failures_in_the_log_become_a_remedy(log: str, remedy: str) -> None:
    assert remedy in explain(log)

"""Both engines for real behind one interface: names, streaming, cancel, voices of later, errors, a crash, the end."""

import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from rag_processes import world_service
from serving_models import make_voice
from test_serving_server import GREEDY, REQUEST, free_port

from style_tuner import jobs
from style_tuner.config import STARTER_MODEL, SamplingConfig, ServingConfig
from style_tuner.errors import ServerError
from style_tuner.records import ChatExample, Message
from style_tuner.serving import client, server
from style_tuner.serving.load import last_load, load_file
from style_tuner.serving.state import ServerState
from style_tuner.serving.vllm_engine import LATER_RANK, vllm_python
from style_tuner.workspace import Workspace, read_json, write_json

LONG = SamplingConfig(temperature=0, max_tokens=900)
ONLY_VLLM = pytest.mark.parametrize("engine", ["vllm"], indirect=True)


def train(place: Workspace, voice: Path, rank: int = 12) -> str:
    """Leave what a training run leaves, with the voice's adapter and merged model."""
    with jobs.job(place, "train") as own:
        for part in ("adapter", "merged"):
            shutil.copytree(voice / part, own.folder / part)
        settings = own.folder / "adapter" / "adapter_config.json"
        write_json(settings, read_json(settings) | {"r": rank})
    return own.folder.name


def wait_for(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def now(place: Workspace) -> ServerState:
    found = server.state(place)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_voice(tmp_path_factory.getbasetemp() / "voice")


@pytest.fixture(scope="module", params=["transformers", "vllm"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "vllm" and vllm_python() is None:
        pytest.fail("vLLM's environment is missing: run `make vllm`.")
    return str(request.param)


@pytest.fixture(scope="module")
def place(engine: str, voice: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    place = Workspace(tmp_path_factory.mktemp(engine), "default")
    train(place, voice)
    server.start(place, ServingConfig(port=free_port(), engine=engine))
    yield place
    server.stop(place)


@pytest.fixture(scope="module")
def mine(place: Workspace) -> str:
    """The name of the voice that the server was started with."""
    return jobs.runs(place, "train")[-1].id


@pytest.fixture
def running(place: Workspace) -> ServerState:
    return server.wait_until_up(place, 300)


def test_base_and_voice_answer_by_name_and_differ(engine: str, running: ServerState, mine: str) -> None:
    assert running.engine == engine
    assert running.context_length == read_json(STARTER_MODEL / "config.json")["max_position_embeddings"]
    assert list(running.models) == ["base", mine]
    assert client.list_models(running.url) == ["base", mine]
    base, tuned = (client.complete_chat(running.url, name, REQUEST, GREEDY) for name in ("base", mine))
    assert base.words > 5
    assert base.finish_reason == "length"
    assert base.text != tuned.text
    assert client.complete_chat(running.url, "base", REQUEST, GREEDY).text == base.text


def test_a_seed_repeats_a_text_and_another_does_not(running: ServerState) -> None:
    warm = SamplingConfig(temperature=1.2, max_tokens=24)
    texts = [client.complete_chat(running.url, "base", REQUEST, warm, seed).text for seed in (1, 1, 2)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_text_comes_in_pieces_and_a_reply_left_early_ends(running: ServerState, mine: str) -> None:
    for name in ("base", mine):
        with client.stream_chat(running.url, name, REQUEST, LONG) as stream:
            pieces = [next(stream) for _ in range(5)]
        assert "".join(pieces) == stream.text
    # A reply of 900 tokens takes far longer than this one: it can only come now if the others were given up.
    assert client.complete_chat(running.url, "base", REQUEST, GREEDY).finish_reason == "length"


def test_an_unknown_name_is_refused_with_the_known_ones(running: ServerState, mine: str) -> None:
    with pytest.raises(ServerError, match=rf"no model 'nobody'; it has: base, .*{mine}"):
        client.complete_chat(running.url, "nobody", REQUEST, GREEDY)


@ONLY_VLLM
def test_vllm_on_a_cpu_multiplies_adapters_by_groups_of_rows(running: ServerState) -> None:
    log = Path(running.log).read_text(encoding="utf-8")
    assert re.search(r"Worker.*Style Tuner: adapters are multiplied by groups of rows", log)
    assert "Failed to load plugin" not in log


@ONLY_VLLM
def test_vllm_stops_generating_when_a_reply_is_left(running: ServerState) -> None:
    before = figure(running, "generation_tokens_total")
    with client.stream_chat(running.url, "base", REQUEST, LONG) as stream:
        next(stream)  # and leave at once: a quiet machine writes all of it in two seconds
    wait_for(lambda: figure(running, "generation_tokens_total") > before)
    wait_for(lambda: figure(running, "num_requests_running") == 0)
    written = figure(running, "generation_tokens_total")
    assert before < written < before + LONG.max_tokens
    time.sleep(0.5)
    assert figure(running, "generation_tokens_total") == written


def figure(running: ServerState, name: str) -> float:
    text = httpx.get(running.url.replace("/v1", "/metrics")).text
    return sum(float(value) for value in re.findall(rf"^vllm:{name}\{{.*\}} (\S+)$", text, re.MULTILINE))


@ONLY_VLLM
def test_vllm_behind_the_world_gets_lore_and_stops_when_the_reader_leaves(
    place: Workspace, running: ServerState
) -> None:
    entry = {"name": "Elena Voss", "aliases": ["Elena"], "text": "Her left arm is made of brass."}
    ask = {"model": "base@harbour", "messages": [{"role": "user", "content": "Elena comes home."}], "temperature": 0}
    ask |= {"stream": True, "stream_options": {"include_usage": True}}
    with (
        world_service(place.home, "harbour", "--model-url", running.url) as (url, _),
        httpx.Client(base_url=f"{url}/v1", trust_env=False, timeout=120) as reader,
    ):
        httpx.post(f"{url}/worlds/harbour/entries", json={"entries": [entry]}, trust_env=False).raise_for_status()

        def read(model: str, most: int) -> tuple[httpx.Headers, list[dict[str, Any]]]:
            with reader.stream("POST", "/chat/completions", json=ask | {"model": model, "max_tokens": most}) as answer:
                told = [line[6:] for line in answer.iter_lines() if line.startswith("data: {")]
            return answer.headers, [json.loads(event) for event in told]

        headers, told = read("base@harbour", 24)
        assert "Elena%20Voss" in headers["x-world-sources"]
        assert sum(bool(event["choices"] and event["choices"][0]["delta"].get("content")) for event in told) > 5
        assert {event["model"] for event in told} == {"base"}
        _, plain = read("base@none", 24)
        lore = told[-1]["usage"]["prompt_tokens"] - plain[-1]["usage"]["prompt_tokens"]
        assert lore > 10  # vLLM read the fact, not the question alone

        before = figure(running, "generation_tokens_total")
        with reader.stream("POST", "/chat/completions", json=ask | {"max_tokens": LONG.max_tokens}) as answer:
            next(answer.iter_lines())
        wait_for(lambda: figure(running, "generation_tokens_total") > before)
        wait_for(lambda: figure(running, "num_requests_running") == 0)
        written = figure(running, "generation_tokens_total")
        assert written < before + LONG.max_tokens
        time.sleep(0.5)
        assert figure(running, "generation_tokens_total") == written


@ONLY_VLLM
def test_vllm_writes_32_replies_at_once_each_with_its_own_model(
    place: Workspace, running: ServerState, mine: str
) -> None:
    """The CPU build gives a base request in a mixed batch the adapter of the last slot, which is kept empty."""
    alone = {name: client.complete_chat(running.url, name, REQUEST, GREEDY).text for name in ("base", mine)}
    names = ["base", mine] * 16
    with ThreadPoolExecutor(len(names)) as pool:
        together = pool.map(lambda name: client.complete_chat(running.url, name, REQUEST, GREEDY).text, names)
        for name, text in zip(names, together, strict=True):
            assert text.split()[:5] == alone[name].split()[:5]  # later words may differ: a batch rounds otherwise
    wait_for(lambda: (seen := last_load(place)) is not None and seen.running is not None)


@ONLY_VLLM
def test_vllm_refuses_what_is_too_long(running: ServerState) -> None:
    with pytest.raises(ServerError, match="too long for 'base': shorten"):
        client.complete_chat(running.url, "base", REQUEST, SamplingConfig(max_tokens=20_000))


@ONLY_VLLM
def test_vllm_is_asked_with_the_tokens_of_the_training(running: ServerState, mine: str) -> None:
    from style_tuner.tokenizer import load_tokenizer
    from style_tuner.tuning.rows import prompt_and_whole

    request = (Message("system", "You are Elena. You write ‘slowly’."), Message("user", "  A scene — by the sea.\n"))
    example = ChatExample((*request, Message("assistant", "It rained.")))
    prompt, _ = prompt_and_whole(example, load_tokenizer(str(STARTER_MODEL)))
    for name in ("base", mine):
        fields = {"messages": example.row()["messages"][:-1], "max_tokens": 1, "return_token_ids": True}
        answer = httpx.post(f"{running.url}/chat/completions", json={"model": name, **fields}, timeout=60).json()
        assert answer["prompt_token_ids"] == prompt


@ONLY_VLLM
def test_vllm_gives_the_adapter_the_log_probabilities_of_the_merged_model(
    running: ServerState, mine: str, voice: Path
) -> None:
    from style_tuner.tokenizer import load_tokenizer

    text = "It was late in the evening when he came to the house, and nobody was there to let him in. He waited."
    tokens = load_tokenizer(str(STARTER_MODEL))(text).input_ids
    base, adapter = (served_logprobs(running, name, tokens) for name in ("base", mine))
    merged, plain = (own_logprobs(model, tokens) for model in (voice / "merged", STARTER_MODEL))
    noise = max(distance(adapter, merged), distance(base, plain))
    assert noise < 0.03
    assert distance(adapter, base) > 3 * noise


def served_logprobs(running: ServerState, name: str, tokens: list[int]) -> list[float]:
    fields = {"model": name, "prompt": tokens, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
    rows = httpx.post(f"{running.url}/completions", json=fields, timeout=60).json()["choices"][0]["prompt_logprobs"]
    return [row[str(token)]["logprob"] for row, token in zip(rows[1:], tokens[1:], strict=True)]


def own_logprobs(model: Path, tokens: list[int]) -> list[float]:
    import torch
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
    with torch.inference_mode():
        found = loaded(torch.tensor([tokens])).logits[0, :-1].float().log_softmax(-1)
    return [float(value) for value in found.gather(1, torch.tensor(tokens[1:])[:, None])[:, 0]]


def distance(one: list[float], other: list[float]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def test_what_the_engine_takes_is_measured(place: Workspace, engine: str, running: ServerState) -> None:
    wait_for(lambda: last_load(place) is not None)
    found = last_load(place)
    assert found is not None
    assert found.memory > 200 * 1024**2
    if engine == "transformers":  # which tells of neither
        assert (found.running, found.tokens_per_second) == (None, None)
        return
    busy = threading.Event()

    def ask_again() -> None:
        while not busy.is_set():  # one reply may be over before anybody looks
            client.complete_chat(running.url, "base", REQUEST, LONG)

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask_again) for _ in range(2)]
        try:
            wait_for(lambda: (seen := last_load(place)) is not None and bool(seen.running and seen.tokens_per_second))
        finally:
            busy.set()
        for one in asking:
            one.result()
    wait_for(lambda: (seen := last_load(place)) is not None and (seen.running, seen.tokens_per_second) == (0, 0))


def test_the_voice_of_a_run_that_ends_now_is_served_without_a_new_start(
    place: Workspace, running: ServerState, voice: Path, mine: str
) -> None:
    later = train(place, voice)
    wait_for(lambda: later in now(place).models)
    assert now(place).engine_pid == running.engine_pid
    ready = server.wait_until_up(place, 1)
    new, old, base = (client.complete_chat(ready.url, name, REQUEST, GREEDY).text for name in (later, mine, "base"))
    assert new == old != base


@ONLY_VLLM
def test_vllm_names_a_voice_that_does_not_fit_with_the_remedy(place: Workspace, voice: Path) -> None:
    large, foreign = train(place, voice, rank=LATER_RANK + 1), train(place, voice)
    settings = place.runs / foreign / "adapter" / "adapter_config.json"
    wait_for(lambda: large in now(place).refused)
    assert (
        now(place).refused[large] == "Its rank 65 is above the running server's 64: stop the server and start it again."
    )
    wait_for(lambda: foreign in now(place).models)
    # Trained on: the same name, other weights.
    before = client.complete_chat(now(place).url, foreign, REQUEST, GREEDY).text
    write_json(settings, read_json(settings) | {"lora_alpha": 1})
    os.utime(settings.with_name("adapter_model.safetensors"))

    def changed() -> bool:
        with suppress(ServerError):  # between the old weights and the new ones the name is not there
            return client.complete_chat(now(place).url, foreign, REQUEST, GREEDY).text != before
        return False

    wait_for(changed)


def test_killed_in_mid_reply_keeps_the_text_and_comes_up_with_all_its_voices(
    place: Workspace, running: ServerState
) -> None:
    assert running.engine_pid is not None
    # Several at once with vLLM, which writes one in two seconds: a busy client might read of it when it is whole.
    others = [client.stream_chat(running.url, "base", REQUEST, LONG) for _ in range(7 * (running.engine == "vllm"))]
    stream = client.stream_chat(running.url, "base", REQUEST, LONG)
    before = next(stream)
    os.kill(running.engine_pid, signal.SIGKILL)
    for other in others:
        other.close()
    with pytest.raises(client.BrokenStream, match="mid-reply.*What came is kept") as broken:
        for piece in stream:
            before += piece
    assert broken.value.partial == before != ""
    wait_for(lambda: now(place).health == "starting", 20)
    assert "signal 9" in now(place).message
    again = server.wait_until_up(place, 300)
    assert again.engine_pid != running.engine_pid
    assert again.pid == running.pid
    wait_for(lambda: set(now(place).models) == set(running.models))
    for name in running.models:
        assert client.complete_chat(again.url, name, REQUEST, GREEDY).words > 5


def test_a_second_crash_in_a_row_gives_up_and_leaves_no_process(place: Workspace, running: ServerState) -> None:
    """A killed vLLM leaves its core and worker behind, which hold the memory: they must go too."""
    assert running.engine_pid is not None
    family = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
    assert len(family) >= 2
    os.kill(running.engine_pid, signal.SIGKILL)
    wait_for(lambda: now(place).health == "failed")
    assert "given up after 2 crashes: ended by signal 9, often for want of memory" in now(place).message
    psutil.wait_procs(family, timeout=10)
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert not load_file(place).exists()
    server.stop(place)
    with pytest.raises(ServerError, match="No server answers .* start it"):
        client.complete_chat(running.url, "base", REQUEST, GREEDY)

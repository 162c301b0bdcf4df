"""The guide's benchmark: drafts of both models through a served API, taken up again, and compared with intervals."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from voice_prose import ESSAYIST, MODERN

from benchmarks import style_transfer_quality, transfer_figures
from style_tuner import jobs, stages
from style_tuner.config import SAMPLES, STARTER_CONFIG, load_training_config
from style_tuner.manuscripts.store import import_file
from style_tuner.voice.segment import pieces
from style_tuner.workspace import open_workspace, read_json, read_jsonl, write_json

FILES = sorted((SAMPLES / "manuscripts").glob("*.txt"))
TEXTS = {
    "base": pieces(f"{ESSAYIST}\n\n{MODERN}", 90),
    "voice": pieces(FILES[-1].read_text(encoding="utf-8"), 250),
}
"""What each model answers, in turn: the tuned one a story of the author's that the dataset does not hold."""


@contextmanager
def served(names=("base", "voice"), fail_after=None):
    """A real server that streams the next text of the model asked for; the requests are noted."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, code, kind, content):
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self):
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": ""} for name in names]
            self._answer(200, "application/json", json.dumps({"object": "list", "data": listed}).encode())

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if fail_after is not None and len(seen) >= fail_after:
                self._answer(500, "application/json", b'{"error": {"message": "out of memory"}}')
                return
            texts = TEXTS[asked["model"]]
            text = texts[(asked["seed"] - 1000) % len(texts)]
            seen.append((asked["model"], asked["messages"][-1]["content"], asked["seed"]))
            body = b""
            for piece, finish in ((text, None), (None, "stop")):
                choice = {"index": 0, "delta": {"content": piece} if piece else {}, "finish_reason": finish}
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
                body += b"data: " + json.dumps(chunk).encode() + b"\n\n"
            self._answer(200, "text/event-stream", body + b"data: [DONE]\n\n")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    workspace = open_workspace("default", folder)
    for path in FILES[:-1]:
        import_file(workspace, path)
    with jobs.job(workspace, "prepare") as own:
        stages.prepare_workspace(workspace, load_training_config(STARTER_CONFIG), own)
    return folder


def run(capsys, *arguments):
    style_transfer_quality.main([str(argument) for argument in arguments])
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def outputs(home, tmp_path_factory):
    """Both outputs, the base model's written in two goes with a failure between them."""
    patch = pytest.MonkeyPatch()
    patch.setenv("STYLE_TUNER_HOME", str(home))
    folder = tmp_path_factory.mktemp("results")
    base, tuned = folder / "style_base.json", folder / "style_finetuned.json"
    with served(fail_after=3) as (url, _), pytest.raises(SystemExit):
        style_transfer_quality.main(["--model", "base", "--output", str(base), "--url", url, "--drafts", "6"])
    first = read_jsonl(folder / "style_base.drafts.jsonl")
    with served() as (url, seen):
        for model, path in (("base", base), ("finetuned", tuned)):
            style_transfer_quality.main(["--model", model, "--output", str(path), "--url", url, "--drafts", "6"])
    patch.undo()
    return base, tuned, first, seen


def test_a_run_that_broke_off_goes_on_where_it_was(outputs):
    base, _, first, seen = outputs
    assert len(first) == 1 + 3
    assert sum(model == "base" for model, _, _ in seen) == 3
    assert [draft["seed"] for draft in read_json(base)["drafts"]] == [1000, 1001, 1002, 1003, 1004, 1005]


def test_both_models_get_the_same_requests_and_seeds(outputs):
    asked = [[(draft["prompt"], draft["seed"]) for draft in read_json(path)["drafts"]] for path in outputs[:2]]
    assert asked[0] == asked[1]
    assert len(set(asked[0])) == 6


def test_every_figure_has_an_interval_that_holds_it(outputs):
    found = read_json(outputs[1])["figures"]
    assert {"style_score", "favourites_used", "vocabulary_match", "sentence_lengths", "pacing", "copied"} <= set(found)
    for figure in found.values():
        assert figure["low"] <= figure["high"]
        assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 100


def test_intervals_end_where_the_scale_does_and_differences_follow_them():
    chance = np.random.default_rng(1)
    drawn = np.clip(chance.normal(60, 25, 400), 0, 100)
    for value in (0.0, 3.0, 50.0, 97.0, 100.0):
        found = transfer_figures._spanned(value, transfer_figures._settled(value, drawn))
        assert 0 <= found["low"] <= value <= found["high"] <= 100
        assert found["high"] - found["low"] > 15
    assert transfer_figures._settled(40.0, np.full(9, 30.0)) == pytest.approx(40.0)


def test_the_comparison_says_which_is_nearer_and_writes_its_reports(outputs, capsys):
    result = run(capsys, "--compare", *outputs[:2])
    assert "nearer to your voice" in result["verdict"]
    difference = result["figures"]["style_score"]["difference"]
    assert 0 < difference["low"] <= difference["value"] <= difference["high"]
    assert result["gap_low"] <= result["gap_closed"] <= result["gap_high"]
    lengths = result["figures"]["sentence_lengths"]
    assert lengths["tuned"]["value"] - lengths["base"]["value"] == pytest.approx(
        lengths["difference"]["value"], abs=0.1
    )
    stem = outputs[1].with_name("style_base-style_finetuned")
    markdown = stem.with_suffix(".md").read_text(encoding="utf-8")
    assert f"({stem.name}.svg)" in markdown and "| Overall style score (0–100) |" in markdown
    assert stem.with_suffix(".svg").read_text(encoding="utf-8").startswith("<svg")
    page = stem.with_suffix(".html").read_text(encoding="utf-8")
    assert "<svg" in page and "class='pairs'" in page and "http://" not in page.replace("http://www.w3.org", "")


def test_a_model_against_itself_shows_no_difference(outputs, capsys):
    result = run(capsys, "--compare", outputs[0], outputs[0])
    assert result["figures"]["style_score"]["difference"] == {"value": 0, "low": 0, "high": 0}
    assert "cannot be told apart" in result["verdict"]


def test_outputs_that_do_not_belong_together_are_refused(outputs, tmp_path):
    other = read_json(outputs[1])
    write_json(tmp_path / "other.json", other | {"dataset": "/elsewhere"})
    with pytest.raises(SystemExit, match="another dataset"):
        style_transfer_quality.main(["--compare", str(outputs[0]), str(tmp_path / "other.json")])
    write_json(tmp_path / "no.json", {"a": 1})
    with pytest.raises(SystemExit, match="no output of this benchmark"):
        style_transfer_quality.main(["--compare", str(outputs[0]), str(tmp_path / "no.json")])


def test_drafts_made_with_other_settings_are_not_mixed(outputs, home, monkeypatch):
    monkeypatch.setenv("STYLE_TUNER_HOME", str(home))
    with served() as (url, _), pytest.raises(SystemExit, match="other settings"):
        style_transfer_quality.main(
            ["--model", "base", "--output", str(outputs[0]), "--url", url, "--max-tokens", "99", "--drafts", "6"]
        )


def test_which_model_is_meant_must_be_plain(home, monkeypatch, tmp_path):
    monkeypatch.setenv("STYLE_TUNER_HOME", str(home))
    output = ["--output", str(tmp_path / "x.json")]
    with served(names=("base", "one", "two")) as (url, _), pytest.raises(SystemExit, match="--name"):
        style_transfer_quality.main(["--model", "finetuned", *output, "--url", url])
    assert style_transfer_quality._served(["merged/llama"], "finetuned", url) == "merged/llama"

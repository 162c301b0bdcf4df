"""The page in a real browser and the demo, with no way out: everything works and nothing tries to leave."""

import json
import os
import subprocess
import sys
from pathlib import Path

import browser

ROOT = Path(__file__).resolve().parent.parent
QUICK = ["--set", "num_epochs=0.2", "--drafts", "2"]


def run_offline(folder: Path, *command: str) -> str:
    """Run a Python command in a network of its own; return what it printed, and fail if anything tried to leave."""
    report = folder / "left.txt"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "STYLE_TUNER_HOME": str(folder / "home"), "PATH": _path()}
    result = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "offline.py"), str(report), sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-6000:]
    assert report.read_text() == "", "these tried to leave the machine"
    return result.stdout


def _path() -> str:
    return os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def test_a_connection_beyond_loopback_is_noticed(tmp_path: Path) -> None:
    ask = "import socket; s = socket.socket(); s.settimeout(0.2); s.connect_ex(('192.0.2.7', 80))"
    report = tmp_path / "left.txt"
    command = [sys.executable, str(ROOT / "tests" / "offline.py"), str(report), sys.executable, "-c", ask]
    subprocess.run(command, check=True, env=os.environ | {"PATH": _path()})
    assert "192.0.2.7:80" in report.read_text()


def test_an_author_gets_from_manuscripts_to_a_score_on_the_page_without_a_network(tmp_path: Path) -> None:
    assert browser.find(), "no browser: run `make browser`"
    printed = run_offline(tmp_path, str(ROOT / "tests" / "journey.py"), str(tmp_path / "journey"))
    assert printed.splitlines()[-1] == "The journey is complete."
    tabs = {"manuscripts", "voice", "training", "train", "models", "world", "write", "score"}
    assert {path.stem for path in (tmp_path / "journey").glob("*.png")} >= tabs


def test_the_demo_runs_without_a_network_and_reports_what_it_measured(tmp_path: Path) -> None:
    printed = run_offline(tmp_path, "-m", "style_tuner", "demo", "--json", *QUICK)
    result = json.loads(printed.splitlines()[-1])
    assert result["tuned_validation_loss"] < result["base_validation_loss"]
    assert 0 <= result["base_score"] < result["tuned_score"] <= 100
    assert set(result["stages"]) == {"import", "prepare", "train", "merge", "serve", "score"}
    report = Path(result["report"]).read_text(encoding="utf-8")
    assert result["verdict"] in report and "plotly" in report
    assert Path(result["report"]).is_relative_to(tmp_path / "home" / "workspaces" / "demo" / "exports")

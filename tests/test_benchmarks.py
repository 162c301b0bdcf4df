"""Every benchmark runs as a script from any folder, not only as a module from the project's."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import serving

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_says_what_it_takes_when_it_is_run_as_a_script(script: Path, tmp_path: Path) -> None:
    answer = subprocess.run([sys.executable, script, "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("usage:")


def test_of_the_processors_time_the_least_of_the_rounds_counts() -> None:
    assert serving.middle("processor_seconds", [3.0, 1.0, 2.5]) == 1.0
    assert serving.middle("tokens_per_second", [3.0, 1.0, 2.5]) == 2.5

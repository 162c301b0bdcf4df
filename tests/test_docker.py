"""What can be checked of the container files without an engine: what they name exists and is spelled right."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()


def instructions(name: str) -> list[str]:
    return [line.removeprefix(name).strip() for line in LINES if line.startswith(name + " ")]


def test_everything_the_image_copies_exists_and_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    for line in instructions("COPY"):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source not in ignored


def test_the_image_copies_every_package_of_the_project() -> None:
    copied = {source for line in instructions("COPY") for source in line.split()[:-1]}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages <= copied
    assert {"app.py", "configs", "data", "requirements.txt"} <= copied


def test_the_commands_of_the_image_and_of_the_comments_exist() -> None:
    (command,) = instructions("CMD")
    assert yaml.safe_load(command)[:2] == ["python", "app.py"]
    page = subprocess.run([sys.executable, "app.py", "--help"], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "--host" in page.stdout
    text = (ROOT / "compose.yaml").read_text()
    shown = shlex.split(next(line for line in text.splitlines() if "rag serve" in line).split("app python", 1)[1])
    helped = subprocess.run(
        [sys.executable, *shown[:3], "--help"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    for option in (word for word in shown if word.startswith("--")):
        assert option in helped.stdout


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_every_mounted_volume_is_declared_and_every_service_reached_exists() -> None:
    for service in COMPOSE["services"].values():
        for mount in service["volumes"]:
            assert mount.split(":")[0] in COMPOSE["volumes"]
        for value in service["environment"].values():
            if host := re.match(r"http://([a-z]+):", str(value)):
                assert host[1] in COMPOSE["services"]


def test_the_model_server_is_the_version_that_make_vllm_installs() -> None:
    tag = COMPOSE["services"]["vllm"]["image"].split(":v")[1]
    assert tag in (ROOT / "scripts" / "make_vllm_environment.py").read_text()

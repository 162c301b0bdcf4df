"""Use the page as an author would, in a real browser: upload, prepare, train, reload, serve, write, score.

    PYTHONPATH=. python tests/journey.py FOLDER [EPOCHS] [DRAFTS]

The workspace and a picture of every tab go into FOLDER. Prints one line a step; any surprise ends it with an error.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import browser
import httpx
from playwright.sync_api import Page, expect, sync_playwright

from style_tuner import jobs
from style_tuner.serving import server
from style_tuner.serving import world as world_service
from style_tuner.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "data" / "samples"
MINUTE = 60_000
PROMPT = "Write a scene in which Ede Tallack rows Orrin Stace over Hask Sound in the fog."


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def page_server(folder: Path):
    """The page as `make app` starts it, on a free port, with its workspace in the folder."""
    port = free_port()
    environment = os.environ | {"STYLE_TUNER_HOME": str(folder / "home")}
    with (folder / "page.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(600):
                try:
                    httpx.get(address, timeout=5)
                    break
                except httpx.HTTPError:
                    assert process.poll() is None, (folder / "page.log").read_text()
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait(20)
            workspace = Workspace(folder / "home", "default")
            for run in jobs.active(workspace):
                jobs.kill(workspace, run.id)
            world_service.stop(workspace)
            server.stop(workspace)


class Author:
    """Somebody at the page, who says what she does and photographs each tab."""

    def __init__(self, page: Page, shots: Path) -> None:
        self.page = page
        self.shots = shots

    def open(self, tab: str) -> None:
        self.page.get_by_role("tab", name=tab, exact=True).click()

    def press(self, name: str, seconds: float = 60) -> None:
        button = self.page.get_by_role("button", name=name, exact=True).locator("visible=true")
        expect(button).to_be_enabled(timeout=seconds * 1000)
        button.click()

    def sees(self, text: str | re.Pattern[str], seconds: float = 60) -> None:
        found = self.page.get_by_text(text).locator("visible=true").first
        expect(found).to_be_visible(timeout=seconds * 1000)

    def set(self, label: str, value: str) -> None:
        self.page.get_by_label(label).locator("visible=true").first.fill(value)

    def choose(self, label: str, value: str) -> None:
        self.page.get_by_label(label).locator("visible=true").first.click()
        self.page.get_by_role("option", name=value, exact=True).click()

    def unfold(self, title: str) -> None:
        self.page.get_by_role("button", name=re.compile(title)).locator("visible=true").first.click()

    def photograph(self, name: str) -> None:
        self.page.wait_for_timeout(1500)
        self.page.screenshot(path=self.shots / f"{name}.png", full_page=True)
        print(f"{name}: seen", flush=True)


def manuscripts(author: Author) -> None:
    author.photograph("empty")
    files = sorted((SAMPLES / "manuscripts").glob("*.txt"))
    author.page.locator("input[type=file]").first.set_input_files(files)
    author.sees(re.compile(r"The Widow of Pellow"), 120)
    author.press("Prepare dataset")
    author.sees(re.compile(r"held out"), 180)
    author.photograph("manuscripts")


def voice(author: Author) -> None:
    author.open("Voice")
    author.sees(re.compile(r"first person"))
    author.press("Export fingerprint")
    author.photograph("voice")


def train(author: Author, epochs: float) -> None:
    author.open("Train")
    author.unfold("^Settings")
    author.set("Epochs (passes over the passages)", str(epochs))
    author.press("Start training")
    author.sees(re.compile(r"[1-9]\d* % .*training"), 240)
    author.page.reload()
    author.open("Train")
    author.sees(re.compile(r"[1-9]\d* % .*training"))
    expect(author.page.get_by_role("button", name="Stop and keep")).to_be_enabled(timeout=MINUTE)
    author.photograph("training")
    author.sees(re.compile(r"^Done\."), 1500)
    author.photograph("train")


def models(author: Author) -> None:
    author.open("Models")
    author.press("Merge")
    author.sees("done, merged", 180)
    author.unfold("^Settings")
    author.choose("Engine", "transformers")
    author.set("Port", str(free_port()))
    author.press("Start server")
    author.sees(re.compile("transformers up"), 240)
    author.photograph("models")


def world(author: Author) -> None:
    author.open("World")
    author.unfold("^Settings")
    author.set("Port of the World service", str(free_port()))
    author.press("Try the sample world")
    author.sees("Orrin Stace", 180)
    author.set("Prompt to test", PROMPT)
    author.press("Test this prompt")
    author.sees(re.compile("^Sent: "))
    author.photograph("world")
    author.press("New entry")
    expect(author.page.get_by_label("Name", exact=True).locator("visible=true").first).to_have_value("", timeout=MINUTE)
    author.set("Name", "Yan Orme")
    author.set("Text", "Yan Orme mends the lamp of the Calf.")
    author.press("Save entry")
    author.sees("Undo: Yan Orme added")


def write(author: Author) -> None:
    author.open("Write")
    author.set("Brief", PROMPT)
    author.page.get_by_label("Use the world").check()
    author.press("Write", 120)
    expect(author.page.get_by_role("button", name="Stop", exact=True)).to_be_enabled(timeout=MINUTE)
    expect(author.page.get_by_role("button", name="Write", exact=True)).to_be_enabled(timeout=3 * MINUTE)
    author.sees("Facts sent from")
    author.photograph("write")
    base, voice = author.page.locator(".prose-text:visible").all_inner_texts()
    assert len(base.split()) > 20 and len(voice.split()) > 20 and base != voice, (base, voice)


def read_blind(author: Author) -> None:
    """Ask for a variant whose names are hidden, choose, and keep it: all that the tab's keys do."""
    author.page.get_by_label("Blind").check()
    author.page.keyboard.press("Control+ArrowRight")
    author.sees("variant 2 of 2")
    author.sees("A sounds more like me", 180)
    expect(author.page.locator(".draft h3:visible")).to_have_text(["A", "B"], use_inner_text=True)
    author.press("B sounds more like me")
    author.sees(re.compile(r"You chose your voice in \d of 1 blind reading"))
    author.page.keyboard.press("Control+s")
    author.sees(re.compile(r"Kept in .*/drafts/kept/"))
    author.photograph("blind")


def score(author: Author, drafts: int) -> None:
    author.open("Score")
    author.unfold("^Settings")
    author.set("Drafts from each model", str(drafts))
    author.press("Compare base and voice")
    author.sees("points, voice against base", 600)
    author.photograph("score")


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    epochs = float(sys.argv[2]) if len(sys.argv) > 2 else 0.4
    drafts = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    folder.mkdir(parents=True, exist_ok=True)
    hosts: set[str] = set()
    with page_server(folder) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.find(), args=browser.FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(MINUTE)
        page.on("request", lambda request: hosts.add(httpx.URL(request.url).host))
        page.goto(address)
        author = Author(page, folder)
        try:
            manuscripts(author)
            voice(author)
            train(author, epochs)
            models(author)
            world(author)
            write(author)
            read_blind(author)
            score(author, drafts)
        except BaseException:
            page.screenshot(path=folder / "failed.png", full_page=True)
            raise
        chromium.close()
    assert hosts <= {"127.0.0.1", ""}, hosts
    print("The journey is complete.")


if __name__ == "__main__":
    main()

"""The form of an entry in a real browser: what is typed is never lost."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import browser
import gradio as gr
import pytest
from journey import Author, free_port
from playwright.sync_api import Browser, Page, expect, sync_playwright

from style_tuner.config import WorldConfig
from style_tuner.records import Entry
from style_tuner.serving import lore
from style_tuner.serving import world as service
from style_tuner.tabs import world
from style_tuner.tabs.common import Page as Tabs
from style_tuner.workspace import Workspace

SECONDS = 180_000
ENTRIES = (
    Entry("mara", "Mara Quill", "Mara keeps the light.", "character"),
    Entry("heron", "The Heron", "A lugger of six oars.", "thing"),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tab World alone, with a world of two entries."""
    workspace = Workspace(tmp_path_factory.mktemp("drafts"), "default")
    url = service.start(workspace, WorldConfig(port=free_port()), None).url
    lore.create_world(url, "harbour")
    for entry in ENTRIES:
        lore.ask(url, "PUT", "worlds", "harbour", "entries", entry.id, body=asdict(entry))
    with gr.Blocks(analytics_enabled=False) as demo:
        chosen = gr.Dropdown(["default"], value="default", label="Workspace")
        page = Tabs(workspace.home, chosen)
        with gr.Tabs():
            with gr.Tab("World"):
                world.build(page)
            with gr.Tab("Other"):
                gr.HTML("Nothing here.")
        page.start(demo, gr.Timer(2))
    options = {"server_name": "127.0.0.1", "server_port": free_port(), "prevent_thread_lock": True, "quiet": True}
    _, found, _ = demo.launch(**options, share=False, ssr_mode=False)
    yield found
    demo.close()
    service.stop(workspace)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser.find(), args=browser.FLAGS)
        yield opened
        opened.close()


def author_at(chromium: Browser, address: str) -> Author:
    """Somebody with a browser of her own, on the tab World."""
    page = chromium.new_context().new_page()
    page.set_default_timeout(SECONDS)
    page.goto(address)
    author = Author(page, Path())
    author.open("World")
    expect(text(page)).to_have_value("Mara keeps the light.", timeout=SECONDS)
    return author


def text(page: Page):
    return page.get_by_label("Text", exact=True).locator("visible=true").first


def test_what_is_typed_outlives_another_entry_a_search_a_tab_and_a_reload(chromium: Browser, address: str) -> None:
    author = author_at(chromium, address)
    page = author.page
    text(page).press_sequentially(" She sleeps by day.")
    author.choose("Entry", "thing: The Heron")
    expect(text(page)).to_have_value("A lugger of six oars.", timeout=SECONDS)
    author.sees("Also not saved yet: Mara Quill.", 180)
    page.reload()
    author.open("World")
    typed = "Mara keeps the light. She sleeps by day."
    expect(text(page)).to_have_value(typed, timeout=SECONDS)
    author.set("Search entries", "heron")
    author.sees("1 of 2 entries", 180)
    author.open("Other")
    author.open("World")
    expect(text(page)).to_have_value(typed, timeout=SECONDS)
    author.press("New entry")
    expect(text(page)).to_have_value("", timeout=SECONDS)
    author.set("Text", "A gull that steals.")
    author.choose("Entry", "not saved: Mara Quill")
    expect(text(page)).to_have_value(typed, timeout=SECONDS)
    author.choose("Entry", "New entry")
    expect(text(page)).to_have_value("A gull that steals.", timeout=SECONDS)
    author.press("Discard what is not saved")
    expect(text(page)).to_have_value("", timeout=SECONDS)
    page.context.close()


def test_of_two_who_edit_one_entry_the_second_sees_both_texts_and_puts_hers_in_place(
    chromium: Browser, address: str
) -> None:
    first, second = author_at(chromium, address), author_at(chromium, address)
    text(first.page).press_sequentially(" She is old.")
    text(second.page).press_sequentially(" She is young.")
    first.press("Save entry")
    first.sees("Saved", 180)
    second.press("Save entry")
    second.sees("Mara keeps the light. She is old.", 180)
    expect(text(second.page)).to_have_value("Mara keeps the light. She is young.")
    second.press("Put mine in its place")
    second.sees("Saved", 180)
    second.page.reload()
    second.open("World")
    expect(text(second.page)).to_have_value("Mara keeps the light. She is young.", timeout=SECONDS)
    first.page.context.close()
    second.page.context.close()

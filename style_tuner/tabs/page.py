"""The page: the strip, the seven tabs in the order of the work and the set-up, following one workspace on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from style_tuner.config import PageConfig
from style_tuner.serving.state import check_port
from style_tuner.tabs import manuscripts, models, score, setup, strip, theme, train, voice, world, write
from style_tuner.tabs.common import Page
from style_tuner.workspace import home_folder, open_workspace, workspace_names

log = logging.getLogger(__name__)
DAY = (86_400, 86_400)
"""Seconds between, and age of, what Gradio clears out of its own copies of uploads and downloads."""
TABS: dict[str, Callable[[Page], None]] = {
    "Manuscripts": manuscripts.build,
    "Voice": voice.build,
    "Train": train.build,
    "Models": models.build,
    "World": world.build,
    "Write": write.build,
    "Score": score.build,
}


def build(workspace: str, home: Path) -> tuple[gr.Blocks, Page]:
    """Compose the page; it opens on the named workspace."""
    opened = open_workspace(workspace, home).name

    def names() -> list[str]:
        return sorted({*workspace_names(home), opened})

    with gr.Blocks(title="Style Tuner", analytics_enabled=False, fill_width=True, delete_cache=DAY) as demo:
        chosen = gr.Dropdown(
            names(), value=opened, label="Workspace", filterable=False, render=False, container=False,
            elem_classes="workspace",
        )  # fmt: skip
        page = Page(home, chosen)
        strip.build(page)
        with gr.Tabs(overflow_behavior="wrap"):
            for name, tab in TABS.items():
                with gr.Tab(name):
                    tab(page)
            with gr.Tab(setup.NAME) as last:
                setup.build(page, last)
        demo.load(lambda: gr.Dropdown(choices=names()), None, chosen, show_progress="hidden", api_visibility="private")
        page.start(demo, gr.Timer(2))
    return demo, page


def launch(config: PageConfig, workspace: str = "default") -> None:
    """Serve the page until Ctrl-C; it may read no file but those in the workspaces' exports."""
    check_port(
        config.host, config.port, f"Stop that program, or choose another: python app.py --port {config.port + 1}"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)  # Gradio asks its own page whether it is up
    home = home_folder()
    demo, page = build(workspace, home)
    page.open(workspace)  # Gradio keeps the list itself, so it may still grow, but takes an empty one for none
    log.info("Style Tuner is at http://%s:%d (Ctrl-C ends the page; runs and servers go on)", config.host, config.port)
    demo.launch(
        server_name=config.host,
        server_port=config.port,
        share=False,
        quiet=True,
        ssr_mode=False,
        max_file_size=config.max_file_size,
        allowed_paths=page.exports,
        **theme.launch_options(),
    )

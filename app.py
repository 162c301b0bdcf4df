"""Start the page: `python app.py`, then open http://127.0.0.1:7860. It imports no ML library and starts in seconds."""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from style_tuner.config import PageConfig
from style_tuner.errors import StyleTunerError
from style_tuner.privacy import quiet_environment

PAGE = PageConfig()


def main(
    port: Annotated[int, typer.Option(help="Port of the page.")] = PAGE.port,
    host: Annotated[str, typer.Option(help="Address of the page; it has no password.")] = PAGE.host,
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="Workspace to open.")] = "default",
) -> None:
    """Start the page and keep it up until Ctrl-C; jobs and servers that it started go on without it."""
    os.environ.update(quiet_environment())  # before gradio is imported, which reads it then
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from style_tuner.tabs import page

    try:
        page.launch(PageConfig(host=host, port=port), workspace)
    except StyleTunerError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)

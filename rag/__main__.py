"""Command line of the World: index notes, search them, serve them to editors."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from rag.commands import continuity, entries, exchange, history, passages, proposals, serving, shelf
from style_tuner.errors import StyleTunerError

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
app.command()(entries.index)
app.command()(entries.search)
app.command()(entries.entries)
app.command()(entries.delete)
app.command("import")(exchange.import_)
app.command()(exchange.export)
app.command()(proposals.propose)
app.command()(proposals.review)
app.command()(proposals.names)
app.command()(serving.serve)
app.command()(history.history)
app.command()(history.undo)
app.command()(history.redo)
app.command()(history.restore)
app.command()(shelf.worlds)
app.command()(shelf.rename)
app.command()(shelf.remove)
app.command()(shelf.unbin)
app.command()(shelf.present)
app.command()(shelf.backup)
app.command()(passages.passages)
app.command()(continuity.check)


@app.callback()
def prepare(verbose: Annotated[bool, typer.Option("--verbose", help="Say more.")] = False) -> None:
    """Index notes about a world, search them, and serve them to editors."""
    logging.basicConfig(format="%(message)s", level=logging.DEBUG if verbose else logging.WARNING, stream=sys.stderr)
    logging.getLogger("rag").setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it comes in with the embedding model, unused
    for variable in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(variable, "1")


def main() -> None:
    """Run the command line; an error of the user's kind is one sentence and status 1."""
    try:
        app()
    except StyleTunerError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

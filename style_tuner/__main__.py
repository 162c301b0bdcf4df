"""The command line: every stage of the pipeline, each importing only what it needs."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from style_tuner.commands import data, doctor, export, merging, registry, runs, training, voice, writing
from style_tuner.commands.options import JsonOption, SetOption, WorkspaceOption, answer
from style_tuner.config import STARTER_CONFIG, ScoreConfig, load_training_config
from style_tuner.errors import StyleTunerError
from style_tuner.privacy import quiet_environment
from style_tuner.workspace import open_workspace

app = typer.Typer(
    help="Train a language model on an author's own voice, write with it, and score whether it sounds like them.\n\n"
    "The usual order: import, prepare, train, merge, serve, generate, score. `demo` runs all of it on the sample "
    "author. Everything is kept in a workspace under STYLE_TUNER_HOME (else the platform's user data folder).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
panel = typer.Typer(help="The panel of other authors that a voice is told from.", no_args_is_help=True)
panel.command(name="build")(voice.build_panel)

app.command(name="import")(data.import_files)
app.command()(data.prepare)
app.command()(data.validate)
app.command()(voice.profile)
app.command()(training.train)
app.command()(training.sweep)
app.command()(runs.runs)
app.command()(runs.stop)
app.command()(runs.needs)
app.command()(registry.voices)
app.command()(registry.label)
app.command()(registry.compare)
app.command(name="clean-up")(registry.clean_up)
app.command(name="bin")(registry.list_bin)
app.command(name="use-checkpoint")(training.use_checkpoint)
app.command()(merging.merge)
app.command(name="check-model")(merging.check_model)
app.command()(export.export)
app.command()(export.push)
app.command(name="export-config")(training.export_config)
app.command()(writing.serve)
app.command()(writing.generate)
app.command()(voice.score)
app.command()(doctor.doctor)
app.add_typer(panel, name="panel")


@app.command()
def demo(
    workspace: WorkspaceOption = "demo",
    config: Annotated[Path, typer.Option(help="Recipe to train with.")] = STARTER_CONFIG,
    overrides: SetOption = None,
    drafts: Annotated[int, typer.Option(min=2, help="Drafts that each model writes.")] = ScoreConfig().drafts,
    as_json: JsonOption = False,
) -> None:
    """Run the whole pipeline on the sample author: prepare, train, merge, serve, write, score, and report."""
    from style_tuner.demo import run_demo, show

    settings = load_training_config(config, overrides or [])
    result = run_demo(open_workspace(workspace), settings, ScoreConfig(drafts=drafts))
    if not as_json:
        show(result)
    answer(as_json, result, f"Report: {result['report']}")


def main() -> None:
    """Run the command line; errors of the user's kind are one sentence, without a trace."""
    os.environ.update(quiet_environment())
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in ("httpx", "httpx2", "httpcore", "openai"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        app()
    except StyleTunerError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(1)
    except OSError as error:
        typer.secho(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.", fg="red", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

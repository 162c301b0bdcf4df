"""The machine: `doctor`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from style_tuner.commands.options import JsonOption, WorkspaceOption, answer
from style_tuner.workspace import existing_workspace


def doctor(
    workspace: WorkspaceOption = "default",
    hub: Annotated[bool, typer.Option("--hub", help="Ask the Hugging Face Hub, too; else nothing is sent.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell what this machine has, what works with it, and what is left to do for Llama-3.1-8B on an RTX 5090."""
    from style_tuner import doctor as looks
    from style_tuner import next_steps

    place = existing_workspace(workspace)
    checks = looks.machine(place.home)
    tried = looks.try_gpu()
    shown = [*checks, *([tried] if tried else []), *([looks.ask_hub()] if hub else [])]
    works, steps = looks.works_now(checks), next_steps.steps(place, checks)
    lines = ["This machine"]
    for check in shown:
        lines.append(f"  {'ok     ' if check.ok else 'missing'}  {check.name}: {check.found}")
        if not check.ok:
            lines.append(f"           {check.remedy}" + (f" ({check.command})" if check.command else ""))
    lines += ["", "What works now", *(f"  {sentence}" for sentence in works)]
    lines += ["", "For Llama-3.1-8B on an RTX 5090"]
    for number, step in enumerate(steps, 1):
        lines.append(f"  {number}. {'done ' if step.ok else 'to do'}  {step.name}. {step.found}")
        if not step.ok and step.command:
            lines.append(f"            {step.command}")
    rows = {"machine": [asdict(check) for check in shown], "works": works, "steps": [asdict(step) for step in steps]}
    answer(as_json, rows, "\n".join(lines))

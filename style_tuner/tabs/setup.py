"""Set-up: what this machine has, what works with it, and what is left to do for real work."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import gradio as gr
from markupsafe import Markup

from style_tuner import doctor, next_steps
from style_tuner.doctor import Check
from style_tuner.tabs import views
from style_tuner.tabs.common import Page
from style_tuner.workspace import Workspace

NAME = "Set-up"
PURPOSE = "See what this machine can do, and what is left to do before it can write with a large model."
COPY = """element.addEventListener('click', event => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  navigator.clipboard.writeText(button.dataset.copy).then(() => {
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  });
})"""


def _command(text: str) -> Markup:
    return Markup(
        "<div class='command'><code>{}</code> "
        "<button type='button' data-copy='{}' aria-label='Copy {}'>Copy</button></div>"
    ).format(text, text, text)


def _row(check: Check, states: tuple[str, str], with_command: bool) -> Markup:
    remedy = Markup("<div class='caption'>{}</div>").format(check.remedy) if check.remedy and not check.ok else ""
    command = _command(check.command) if with_command else Markup("")
    return Markup("<li><b>{}</b> <span class='{}'>{}</span><div>{}</div>{}{}</li>").format(
        check.name,
        "good" if check.ok else "caption",
        states[0] if check.ok else states[1],
        check.found,
        remedy,
        command,
    )


def _list(tag: str, checks: Sequence[Check], states: tuple[str, str], commands: bool) -> Markup:
    rows = (_row(check, states, bool(check.command) and (commands or not check.ok)) for check in checks)
    return Markup("<{} class='checks'>{}</{}>").format(Markup(tag), Markup("").join(rows), Markup(tag))


def show(workspace: Workspace) -> tuple[str, str]:
    """Look at the machine, and return what it has and what is left to do."""
    return _show(workspace, [])


def try_gpu(workspace: Workspace) -> tuple[str, str]:
    """Look again, and let the GPU compute something."""
    tried = doctor.try_gpu()
    return _show(workspace, [tried] if tried else [])


def ask_hub(workspace: Workspace) -> tuple[str, str]:
    """Look again, and ask the Hugging Face Hub for access to the model."""
    return _show(workspace, [doctor.ask_hub()])


def _show(workspace: Workspace, more: Sequence[Check]) -> tuple[str, str]:
    checks = doctor.machine(workspace.home)
    steps = next_steps.steps(workspace, checks)
    here = Markup("<h3>What works now</h3>{}<h3>This machine</h3>{}").format(
        views.bullets(doctor.works_now(checks)), _list("ul", [*checks, *more], ("", "to look at"), False)
    )
    done = sum(step.ok for step in steps)
    left = Markup("<h3>For Llama-3.1-8B on an RTX 5090</h3>{}{}").format(
        views.sentence(f"{done} of {len(steps)} steps are done. The commands are for a shell in the project's folder."),
        _list("ol", steps, ("done", "to do"), True),
    )
    return str(here), str(
        left + views.command(shlex.join(["python", "-m", "style_tuner", "doctor", "--workspace", workspace.name]))
    )


def build(page: Page, tab: gr.Tab) -> None:
    """Lay out the tab; it looks at the machine each time it is opened."""
    gr.HTML(views.purpose(PURPOSE))
    with gr.Row(elem_classes="columns"):
        with gr.Column(scale=5):
            here = gr.HTML(views.LOADING, js_on_load=COPY)
            with gr.Row():
                again = gr.Button("Look again", size="sm")
                ask = gr.Button("Ask the Hugging Face Hub", size="sm")
            gr.HTML(
                str(
                    views.sentence(
                        "Only the second of these sends anything: the model's name and your token.", "caption"
                    )
                )
            )
        with gr.Column(scale=6):
            left = gr.HTML(js_on_load=COPY)
    page.on(tab.select, show, [], [here, left], show_progress="hidden")
    page.on(again.click, try_gpu, [], [here, left])
    page.on(ask.click, ask_hub, [], [here, left])

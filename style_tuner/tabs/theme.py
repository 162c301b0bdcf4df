"""How the page looks: system fonts only (nothing is fetched), one accent, a serif for prose, dark as the system is."""

from __future__ import annotations

from typing import Any

import gradio as gr

SANS = ["system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "Noto Sans", "Liberation Sans", "sans-serif"]
MONO = ["ui-monospace", "Cascadia Mono", "Menlo", "DejaVu Sans Mono", "monospace"]
ACCENT = gr.themes.Color(
    "#eef6f5", "#d5eae8", "#abd5d1", "#7bbab6", "#4c9c98", "#2d7f7c", "#226866", "#1e5453", "#1b4444", "#193939",
    "#0a2223", name="sea",
)  # fmt: skip

CSS = """
:root { --prose: Charter, 'Iowan Old Style', 'Palatino Linotype', 'Noto Serif', 'Liberation Serif', Georgia, serif; }
.gradio-container { max-width: 1320px !important; width: 100%; margin: 0 auto; padding: 12px 20px 40px !important; }
.gradio-container:has([role=tabpanel]:not([style*=none]) .write-page) { max-width: 1680px !important; }
.gradio-container main { padding: 0 !important; max-width: none !important; }
.gradio-container .form { background: none; border: none; box-shadow: none; gap: 12px; overflow: visible; }
.gradio-container .block { overflow: visible; }
.gradio-container .prose-text { font-family: var(--prose); font-size: 17px; line-height: 1.65; max-width: 70ch;
  white-space: pre-wrap; overflow-wrap: anywhere; color: var(--body-text-color); }
.prose-input textarea { font-family: var(--prose) !important; font-size: 17px !important; line-height: 1.6 !important; }
.dark button[role=tab][aria-selected=true] { color: #7bbab6; }
.purpose { color: var(--body-text-color-subdued); font-size: 15px; margin: 2px 0 4px; }

.title-row { align-items: center; gap: 10px; }
.title-row > .block { flex: 0 1 auto !important; width: auto !important; }
.title-row > .workspace { flex-basis: 260px !important; margin-left: 8px; }
.title-row > .gr-accordion { flex: 0 1 280px !important; align-self: center; margin-left: 12px !important; }
.columns { gap: 32px !important; }
button.narrow { max-width: 340px; }
.title-row h1 { font-family: var(--prose); font-weight: 600; font-size: 22px; margin: 0; white-space: nowrap; }
.strip { display: flex; flex-wrap: wrap; gap: 4px 22px; font-size: 14px; padding: 4px 0; min-height: 28px; }
.strip button { all: unset; cursor: pointer; color: var(--body-text-color); border-radius: 4px; }
.strip button:hover { color: var(--link-text-color); text-decoration: underline; }
.strip button:focus-visible { outline: 2px solid var(--color-accent); outline-offset: 3px; }
.strip .what { color: var(--body-text-color-subdued); margin-right: 5px; }

.scroll { overflow-x: auto; }
.gradio-container table.data, .gradio-container .data :is(tr, th, td) { border: none; background: none; }
.gradio-container table.data { border-collapse: collapse; width: 100%; font-size: 14px; margin: 6px 0; }
.data caption { text-align: left; font-weight: 600; padding: 4px 0 6px; }
.data th { text-align: left; font-weight: 500; color: var(--body-text-color-subdued); white-space: nowrap; }
.gradio-container .data :is(th, td) { padding: 7px 18px 7px 0; vertical-align: baseline;
  border-bottom: 1px solid var(--border-color-primary); }
.gradio-container .data :is(th, td).number { text-align: right !important; white-space: nowrap;
  font-variant-numeric: tabular-nums; }

.gradio-container .data :is(th, td):first-child { white-space: nowrap; }
.gradio-container .titles td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 11em; }
.aside li { overflow-wrap: anywhere; margin: 4px 0; }

.sentence { margin: 6px 0; line-height: 1.5; }
.caption { color: var(--body-text-color-subdued); font-size: 14px; margin: 0 0 10px; line-height: 1.5; }
.empty { padding: 22px 0; color: var(--body-text-color-subdued); line-height: 1.6; max-width: 62ch; }
.bad { color: #b3261e; } .dark .bad { color: #f2998f; }
.bad.sentence { border-left: 3px solid currentColor; padding-left: 10px; }
.good { color: var(--color-accent); } .dark .good { color: #7bbab6; }
.facts { display: flex; flex-wrap: wrap; gap: 6px 28px; margin: 8px 0; font-size: 15px; }
.facts b { font-variant-numeric: tabular-nums; font-weight: 600; }

.last { border-top: 1px solid var(--border-color-primary); margin-top: 18px; padding-top: 10px; font-size: 14px;
  color: var(--body-text-color-subdued); line-height: 1.6; }
.last code, .command code { font-size: 12.5px; overflow-wrap: anywhere; background: var(--background-fill-secondary);
  padding: 2px 6px; border-radius: 4px; color: var(--body-text-color); }
details.more { margin: 6px 0; } details.more summary { cursor: pointer; color: var(--link-text-color); }
details.more pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12.5px; max-height: 320px;
  overflow: auto; background: var(--background-fill-secondary); padding: 10px; border-radius: 6px; }

.hits dd { margin: 2px 0 12px; line-height: 1.5; }

.bar { height: 8px; border-radius: 4px; background: var(--border-color-primary); overflow: hidden; margin: 6px 0; }
.bar > div { height: 100%; background: var(--color-accent); transition: width .6s; }
.big { font-size: 64px; line-height: 1.05; font-family: var(--prose); font-variant-numeric: tabular-nums; }
.scored:has(.former) :is(.big, .verdict, .caption, .facts, .bad, ul, h4, .heat, .pairs, .plot-container) {
  opacity: .45; }
.former { border-left: 3px solid var(--color-accent); padding-left: 10px; }
.verdict { font-family: var(--prose); font-size: 20px; line-height: 1.45; max-width: 60ch; margin: 4px 0 10px; }
.cloud { line-height: 1.9; font-family: var(--prose); } .cloud span { margin-right: .6em; }
.bubbles .message { font-family: var(--prose); font-size: 15.5px; line-height: 1.6; }
.bubbles .user.message { background: none !important; border: 1px solid var(--border-color-primary) !important; }
.bubbles .bot.message { background: var(--color-accent-soft) !important; border: none !important; }
.bubbles button[aria-label=Clear] { display: none; }
.chapter { max-height: 62vh; overflow-y: auto; padding-right: 12px; }
.chapter del { color: var(--body-text-color-subdued); font-size: .88em; margin: 0 .3em; cursor: help; }
[role=tablist] > button[role=tab]:last-child { margin-left: auto; font-weight: 400; }
.checks { padding-left: 1.4em; max-width: 75ch; font-size: 15px; } .checks li { margin: 0 0 14px; }
.gradio-container .checks p { display: block; margin: 2px 0; } .checks li > span { font-size: 14px; margin-left: 6px; }
[data-copy] { all: unset; cursor: pointer; font-size: 13px; color: var(--link-text-color); border-radius: 4px; }
.dark [data-copy] { color: #7bbab6; }
[data-copy]:focus-visible { outline: 2px solid var(--color-accent); outline-offset: 2px; }
blockquote.quote { border-left: 3px solid var(--border-color-primary); margin: 12px 0; padding: 2px 0 2px 14px; }
button.primary { font-weight: 600; }

.switches { align-items: center; gap: 8px 14px !important; flex-wrap: wrap; }
.switches > * { flex: 0 0 auto !important; width: auto !important; }
.gradio-container .switches > .form { display: flex; flex-wrap: wrap; gap: 6px 18px; min-width: 0 !important; }
.switches .form > .block { flex: 0 0 auto !important; width: auto !important; min-width: max-content !important; }
.draft .sentence { overflow-wrap: anywhere; }
.switches > .fold-button { margin-left: auto; }
.asked { font-family: var(--prose); font-style: italic; max-width: 80ch; white-space: pre-wrap; }
.draft { border-top: 2px solid transparent; padding-top: 4px; }
.draft h3 small { font-weight: 400; }
.draft.marked:not(:only-child) { border-top-color: var(--color-accent); }
.draft .keep { align-self: flex-start; max-width: 150px; }
.draft:is(.marked, :only-child) .keep::after { content: '\\a0(Ctrl-S)'; font-weight: 400; }
.drawer { border-left: 1px solid var(--border-color-primary); padding-left: 20px; }
.drawer .label-wrap { text-align: left; gap: 12px; } .drawer .label-wrap .icon { flex: none; align-self: center; }
.drawer .hits { font-size: 14px; }
.history ul { list-style: none; margin: 0; padding: 0; } .history ul ul { padding-left: 12px; }
.history li { margin: 5px 0; font-size: 14px; line-height: 1.4; }
.history summary { cursor: pointer; font-weight: 500; }
.history button { all: unset; cursor: pointer; border-radius: 4px; }
.history button:hover { text-decoration: underline; }
.history button:focus-visible, .fold-button button:focus-visible { outline: 2px solid var(--color-accent); }
.history button[aria-current] { color: var(--color-accent); font-weight: 600; }
.dark .history button[aria-current] { color: #7bbab6; }
.history small { color: var(--body-text-color-subdued); font-weight: 400; }
.fold-button button { all: unset; cursor: pointer; font-size: 14px; color: var(--link-text-color); }
body:not(.drawer-away) .unfold, .drawer-away .fold, .drawer-away .drawer { display: none !important; }
@media (max-width: 900px) {
  .gradio-container { padding: 8px 12px 32px !important; }
  .columns { flex-direction: column !important; }
  .columns > * { width: 100% !important; min-width: 0 !important; flex: 1 1 auto !important; }
  .drawer { border-left: none; padding-left: 0; }
  .big { font-size: 48px; }
}
"""


KEYS = """() => {
  const shown = element => element?.offsetParent ? element : null;
  const press = id => shown(document.querySelector(`#${id}:not([disabled])`))?.click();
  const tabs = [...document.querySelectorAll('button[role=tab]')];
  tabs.find(tab => tab.textContent.trim() === sessionStorage.getItem('tab'))?.click();
  if (localStorage.getItem('drawer')) document.body.classList.add('drawer-away');
  document.addEventListener('click', event => {
    const tab = event.target.closest('button[role=tab]');
    if (tab) sessionStorage.setItem('tab', tab.textContent.trim());
    const draft = event.target.closest('.draft');
    if (draft) document.querySelectorAll('.draft').forEach(one => one.classList.toggle('marked', one === draft));
  });
  document.addEventListener('keydown', event => {
    if (!shown(document.getElementById('write-button'))) return;
    if (event.key === 'Escape') press('stop-button');
    if (!event.ctrlKey && !event.metaKey) return;
    const typing = event.target.matches('textarea, input:not([type=checkbox])');
    if (event.key === 'Enter') {
      event.stopPropagation();  // a switch that has the focus would be thrown
      event.preventDefault();
      press('write-button');
      event.target.blur();
    } else if (event.key.toLowerCase() === 's') {
      event.preventDefault();
      const keeps = [...document.querySelectorAll('.draft .keep')].filter(shown);
      (keeps.find(one => one.closest('.marked')) ?? keeps[0])?.click();
    } else if (!typing && (event.key === 'ArrowRight' || event.key === 'ArrowLeft')) {
      event.preventDefault();
      press(event.key === 'ArrowRight' ? 'next-button' : 'previous-button');
    }
  }, true);
}"""
"""The tab that was open before a reload, and the keys of the tab Write while it is shown.

In a text field Ctrl-arrows go on to move the cursor by a word.
"""


def theme() -> gr.themes.Base:
    """Return the theme; every font is a plain name, so that no style sheet is fetched from anywhere."""
    made = gr.themes.Base(
        primary_hue=ACCENT, secondary_hue=ACCENT, neutral_hue=gr.themes.colors.stone, font=SANS, font_mono=MONO,
        radius_size=gr.themes.sizes.radius_sm, spacing_size=gr.themes.sizes.spacing_md,
    )  # fmt: skip
    return made.set(
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="white",
        body_background_fill="#fdfcfa",
        body_background_fill_dark="*neutral_900",
        block_border_width="0px",
        block_shadow="none",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_padding="0px",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_300",
        link_text_color_dark="*primary_300",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_600",
        layout_gap="14px",
        input_border_width="1px",
        input_background_fill="white",
        input_background_fill_dark="*neutral_800",
    )


def launch_options() -> dict[str, Any]:
    """Return what `launch` needs to look like this."""
    return {"theme": theme(), "css": CSS, "js": KEYS, "footer_links": []}

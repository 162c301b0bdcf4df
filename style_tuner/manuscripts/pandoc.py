"""Documents and Markdown through pandoc's parsed tree: every kind of node is either text or kept as taken out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from style_tuner.errors import ManuscriptError
from style_tuner.manuscripts.blocks import Block, laid_out, paragraph_or_break, tidy
from style_tuner.manuscripts.cuts import SOFT_END, Cut, marks_in, unmarked
from style_tuner.manuscripts.inlines import Converted, Inlines, Node, unknown
from style_tuner.manuscripts.lines import line_ends_meant

MARKDOWN = "commonmark+footnotes+strikeout+pipe_tables"
"""Markdown as editors show it; pandoc's own dialect reads `@name`, `~` and `$` in prose as commands."""


def convert(path: Path, source: str | bytes, format_name: str, placed: Sequence[tuple[str, str]] = ()) -> Converted:
    """Read a document with pandoc, in its sandbox; tracked changes are accepted here, to keep what they delete.

    `placed` are pieces for which the source holds `PLACE` marks, each with the reason why it is no text. Raises
    `ManuscriptError` where pandoc cannot read it.
    """
    import pypandoc

    try:
        tree = json.loads(
            pypandoc.convert_text(source, "json", format=format_name, extra_args=["--sandbox", "--track-changes=all"])
        )
    except (RuntimeError, json.JSONDecodeError) as error:
        reason = re.sub(r"\s+", " ", str(error).split("message:")[-1]).strip().rstrip(".")
        raise ManuscriptError(
            f"{path.name} cannot be read as {path.suffix.lower()} ({reason}): open it in the program it was written "
            f"with and save it again as {path.suffix.lower()}, or as .txt."
        ) from error
    converted = Converted()
    walker = _Walker(converted, placed)
    meta = tree.get("meta", {})
    title = walker.meta_text(meta.get("title"))
    converted.title = " ".join(unmarked(title).split())
    walker.add_text(marks_in(title))
    for key in ("subtitle", "author", "date", "abstract"):  # lines of the text in .docx, hidden facts in .epub
        if format_name != "epub" and (text := walker.meta_text(meta.get(key))):
            walker.add_text(walker.leave_out(f"{key} line", text))
    walker.blocks(tree["blocks"])
    walker.close()
    return converted


class _Walker(Inlines):
    """Walks the blocks of pandoc's tree and fills a `Converted`."""

    def __init__(self, converted: Converted, placed: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(converted, placed)
        self.waiting: tuple[Cut, ...] = ()
        """What was taken out where no text was left; it stood before the block that comes next."""
        self.unended = ""
        """A paragraph whose end is deleted: the next one goes on with it."""
        self.by_kind: dict[str, Callable[[Any], None]] = {
            "Para": self.paragraph,
            "Plain": self.paragraph,
            "Header": self.heading,
            "LineBlock": lambda lines: self.add_text("\n".join(map(self.text, lines))),
            "BlockQuote": self.blocks,
            "Div": lambda content: self.blocks(content[1]),
            "Figure": self.figure,
            "HorizontalRule": lambda _: self.add(Block("break")),
            "CodeBlock": self.code,
            "BulletList": self.bullet_list,
            "OrderedList": self.ordered_list,
            "DefinitionList": self.definitions,
            "Table": self.table,
            "RawBlock": lambda content: self.add_text(self.markup(content[1])),
        }

    def add(self, block: Block | None) -> None:
        if block and (block.text or block.kind == "break"):
            self.found.blocks.append(replace(block, cuts=(*self.waiting, *block.cuts)))
            self.waiting = ()

    def add_text(self, text: str) -> None:
        """Add a paragraph or a scene break, and what was taken out of it."""
        lines = text.split(SOFT_END)
        text = ("\n" if line_ends_meant([unmarked(line) for line in lines]) else " ").join(lines)
        block = paragraph_or_break(tidy(unmarked(text)))
        cuts = self.marks.cuts(text, lambda before: laid_out(tidy(before)))
        if block is None:
            self.waiting += tuple(replace(cut, place="before") for cut in cuts)
        else:
            self.add(replace(block, cuts=cuts))

    def blocks(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            kind = node["t"]
            if kind not in self.by_kind:
                raise unknown(kind)
            if kind not in ("Para", "Plain"):
                self.end_paragraph()
            self.by_kind[kind](node.get("c"))
        self.end_paragraph()

    def end_paragraph(self) -> None:
        unended, self.unended = self.unended, ""
        self.add_text(unended)

    def close(self) -> None:
        """Hand what was taken out at the very end to the last block."""
        if self.waiting and self.found.blocks:
            last = self.found.blocks[-1]
            told = tuple(replace(cut, place="after") for cut in self.waiting)
            self.found.blocks[-1] = replace(last, cuts=(*last.cuts, *told))

    def heading(self, content: Sequence[Any]) -> None:
        """Add a heading; an empty one (`#` alone) is a scene break.

        To Markdown a whole paragraph is one where `---` stands right below it: that is a paragraph and a break.
        """
        marked = self.text(content[2]).replace("\n", " ").replace(SOFT_END, " ")
        text = unmarked(marked).strip()
        words = len(text.split())
        if not text or words > 20 or (words > 8 and re.search(r"[.!?…][\"'”’]*$", text)):
            self.add_text(marked)
            self.add(Block("break"))
        else:
            cuts = self.marks.cuts(marked, lambda before: " ".join(before.split()))
            self.add(Block("heading", " ".join(text.split()), content[0], cuts=cuts))

    def paragraph(self, inlines: Sequence[Node]) -> None:
        self.joins = False
        text = self.unended + self.text(inlines)
        self.unended = ""
        if not self.joins:
            self.add_text(text)
        elif unmarked(text).strip():
            self.unended = text if text[-1:].isspace() else f"{text} "
        else:
            self.add_text(text)

    def code(self, content: Sequence[Any]) -> None:
        """Indented prose is code to Markdown; to an author it is prose."""
        for part in re.split(r"\n\s*\n", content[1]):
            self.add_text(" ".join(part.split()))

    def bullet_list(self, items: Sequence[Sequence[Node]]) -> None:
        for item in items:
            self.blocks(item)

    def ordered_list(self, content: Sequence[Any]) -> None:
        """Keep the numbers: `1986. That was the year.` is a list to Markdown."""
        (start, _, delimiter), items = content
        mark = ")" if delimiter["t"] in ("OneParen", "TwoParens") else "."
        for number, item in enumerate(items, start):
            before = len(self.found.blocks)
            self.blocks(item)
            if len(self.found.blocks) > before and self.found.blocks[before].kind == "paragraph":
                first, label = self.found.blocks[before], f"{number}{mark} "
                cuts = tuple(replace(cut, offset=cut.offset + len(label)) for cut in first.cuts)
                self.found.blocks[before] = replace(first, text=label + first.text, cuts=cuts)
            else:
                self.found.blocks.insert(before, Block("paragraph", f"{number}{mark}"))

    def definitions(self, items: Sequence[Any]) -> None:
        for term, meanings in items:
            self.paragraph(term)
            for meaning in meanings:
                self.blocks(meaning)

    def figure(self, content: Sequence[Any]) -> None:
        _, (_, caption), blocks = content
        self.blocks(blocks)
        self.blocks(caption)

    def table(self, content: Sequence[Any]) -> None:
        self.found.left_out["table frames (their cells are kept as paragraphs)"] += 1
        _, (_, caption), _, head, bodies, foot = content
        self.blocks(caption)
        start = len(self.found.blocks)
        rows = [*head[1], *(row for body in bodies for row in (*body[2], *body[3])), *foot[1]]
        for row in rows:
            for cell in row[1]:
                self.blocks(cell[4])
        self.found.blocks[start:] = [replace(block, in_table=True) for block in self.found.blocks[start:]]

    def inner(self, nodes: Sequence[Node]) -> str:
        """Return the words of blocks inside a paragraph, marks among them."""
        inside = _Walker(Converted(), self.placed)
        inside.blocks(nodes)
        self.found.left_out += inside.found.left_out
        self.found.left_out_text += inside.found.left_out_text
        cuts = [*(cut for block in inside.found.blocks for cut in block.cuts), *inside.waiting]
        text = "\n".join(block.text for block in inside.found.blocks)
        return text + "".join(self.marks.take(cut.reason, cut.text) for cut in cuts)

    def meta_text(self, value: Any) -> str:
        """Return the words of a metadata value (a string, inlines, blocks or a list of these)."""
        if value is None:
            return ""
        kind, content = value["t"], value["c"]
        if kind == "MetaList":
            return "\n".join(map(self.meta_text, content))
        if kind == "MetaInlines":
            return self.text(content).replace(SOFT_END, " ")
        if kind == "MetaBlocks":
            return self.inner(content)
        return content if isinstance(content, str) else ""

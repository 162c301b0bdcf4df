"""Documents and Markdown through pandoc's parsed tree: every kind of node is either text or counted as left out."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from style_tuner.errors import ManuscriptError
from style_tuner.manuscripts.blocks import Block, paragraph_or_break, tidy

Node = dict[str, Any]
MARKDOWN = "commonmark+footnotes+strikeout"
"""Markdown as editors show it; pandoc's own dialect reads `@name`, `~` and `$` in prose as commands."""


@dataclass
class Converted:
    """What pandoc found: the blocks, the document's own title, and how much of what was left out."""

    blocks: list[Block] = field(default_factory=list)
    title: str = ""
    left_out: Counter[str] = field(default_factory=Counter)
    left_out_text: list[str] = field(default_factory=list)


def convert(path: Path, source: str | bytes, format_name: str) -> Converted:
    """Read a document with pandoc, in its sandbox and with tracked changes accepted.

    Raises `ManuscriptError` where pandoc cannot read it.
    """
    import pypandoc

    try:
        tree = json.loads(
            pypandoc.convert_text(
                source, "json", format=format_name, extra_args=["--sandbox", "--track-changes=accept"]
            )
        )
    except (RuntimeError, json.JSONDecodeError) as error:
        reason = re.sub(r"\s+", " ", str(error).split("message:")[-1]).strip().rstrip(".")
        raise ManuscriptError(
            f"{path.name} cannot be read as {path.suffix.lower()} ({reason}): open it in the program it was written "
            f"with and save it again as {path.suffix.lower()}, or as .txt."
        ) from error
    converted = Converted()
    walker = _Walker(converted)
    meta = tree.get("meta", {})
    converted.title = " ".join(walker.meta_text(meta.get("title")).split())
    for key in ("subtitle", "author", "date", "abstract"):  # lines of the text in .docx, hidden facts in .epub
        if format_name != "epub" and (text := walker.meta_text(meta.get(key))):
            converted.left_out[f"lines that the file marks as {key}"] += 1
            converted.left_out_text.append(text)
    walker.blocks(tree["blocks"])
    return converted


class _Walker:
    """Walks pandoc's tree (types: pandoc-types 1.23) and fills a `Converted`."""

    def __init__(self, converted: Converted) -> None:
        self.found = converted
        self.by_kind: dict[str, Callable[[Any], None]] = {
            "Para": self.paragraph,
            "Plain": self.paragraph,
            "Header": self.heading,
            "LineBlock": lambda lines: self.add(paragraph_or_break("\n".join(map(self.text, lines)))),
            "BlockQuote": self.blocks,
            "Div": lambda content: self.blocks(content[1]),
            "Figure": self.figure,
            "HorizontalRule": lambda _: self.add(Block("break")),
            "CodeBlock": self.code,
            "BulletList": self.bullet_list,
            "OrderedList": self.ordered_list,
            "DefinitionList": self.definitions,
            "Table": self.table,
            "RawBlock": lambda content: self.add(paragraph_or_break(tidy(self.markup(content[1])))),
        }

    def add(self, block: Block | None) -> None:
        if block and (block.text or block.kind == "break"):
            self.found.blocks.append(block)

    def leave_out(self, what: str, text: str) -> None:
        self.found.left_out[what] += 1
        self.found.left_out_text.append(text)

    def blocks(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            kind = node["t"]
            if kind not in self.by_kind:
                raise ManuscriptError(f"pandoc made a {kind!r}, which this version of Style Tuner does not know.")
            self.by_kind[kind](node.get("c"))

    def heading(self, content: Sequence[Any]) -> None:
        """Add a heading; an empty one (`#` alone) is a scene break.

        To Markdown a whole paragraph is one where `---` stands right below it: that is a paragraph and a break.
        """
        text = " ".join(self.text(content[2]).split())
        words = len(text.split())
        if words > 20 or (words > 8 and re.search(r"[.!?…][\"'”’]*$", text)):
            self.add(paragraph_or_break(text))
            text = ""
        self.add(Block("heading", text, content[0]) if text else Block("break"))

    def markup(self, text: str) -> str:
        """Take comments and tags out of raw HTML and return the words between them."""
        for comment in re.findall(r"<!--.*?-->", text, re.DOTALL):
            self.leave_out("comments", comment)
        text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
        self.found.left_out_text += re.findall(r"<[^>]*>", text)
        return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br\s*/?>", "\n", text)))

    def paragraph(self, inlines: Sequence[Node]) -> None:
        self.add(paragraph_or_break(tidy(self.text(inlines))))

    def code(self, content: Sequence[Any]) -> None:
        """Indented prose is code to Markdown; to an author it is prose."""
        for part in re.split(r"\n\s*\n", content[1]):
            self.add(paragraph_or_break(tidy(" ".join(part.split()))))

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
                self.found.blocks[before] = Block("paragraph", f"{number}{mark} {self.found.blocks[before].text}")
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

    def text(self, inlines: Sequence[Node]) -> str:
        """Return the words of inline nodes; a forced line break is a line end."""
        return "".join(self.inline(node) for node in inlines)

    def inline(self, node: Node) -> str:
        kind: str = node["t"]
        content: Any = node.get("c")
        if kind == "Str":
            return str(content)
        if kind in ("Space", "SoftBreak"):
            return " "
        if kind == "LineBreak":
            return "\n"
        if kind in ("Emph", "Underline", "Strong", "Superscript", "Subscript", "SmallCaps"):
            return self.text(content)
        if kind in ("Span", "Cite"):
            return self.text(content[1])
        if kind == "Link":
            text, address = self.text(content[1]), content[2][0]
            if ":" in address and address not in (text, f"mailto:{text}"):
                self.leave_out("link addresses", address)
            return text
        if kind in ("Code", "Math"):
            return str(content[1])
        return self.rare_inline(kind, content)

    def rare_inline(self, kind: str, content: Any) -> str:
        if kind == "Quoted":
            marks = ("‘", "’") if content[0]["t"] == "SingleQuote" else ("“", "”")
            return marks[0] + self.text(content[1]) + marks[1]
        if kind == "Strikeout":
            self.leave_out("struck-out pieces", self.text(content))
            return ""
        if kind == "Note":
            inside = _Walker(Converted())
            inside.blocks(content)
            self.leave_out("footnotes", "\n".join(block.text for block in inside.found.blocks))
            self.found.left_out += inside.found.left_out
            return ""
        if kind == "Image":
            self.leave_out("images", f"{self.text(content[1])} {content[2][0]}")
            return ""
        if kind == "RawInline":
            return self.markup(content[1])
        raise ManuscriptError(f"pandoc made a {kind!r}, which this version of Style Tuner does not know.")

    def meta_text(self, value: Any) -> str:
        """Return the words of a metadata value (a string, inlines, blocks or a list of these)."""
        if value is None:
            return ""
        kind, content = value["t"], value["c"]
        if kind == "MetaList":
            return "\n".join(map(self.meta_text, content))
        if kind == "MetaInlines":
            return self.text(content)
        if kind == "MetaBlocks":
            inside = _Walker(Converted())
            inside.blocks(content)
            return "\n".join(block.text for block in inside.found.blocks)
        return content if isinstance(content, str) else ""

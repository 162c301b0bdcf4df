"""The words inside one paragraph of pandoc's tree, with a mark for each piece that is no text."""

from __future__ import annotations

import html
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from style_tuner.errors import ManuscriptError
from style_tuner.manuscripts.blocks import Block
from style_tuner.manuscripts.cuts import SOFT_END, Marks, plural, unmarked

Node = dict[str, Any]
PLACE = re.compile("\ue000(\\d+)\ue001")
"""Where, in a source that pandoc reads, a piece stood that pandoc passes over."""


@dataclass
class Converted:
    """What pandoc found: the blocks, the document's own title, and how much of what was left out."""

    blocks: list[Block] = field(default_factory=list)
    title: str = ""
    left_out: Counter[str] = field(default_factory=Counter)
    left_out_text: list[str] = field(default_factory=list)


def unknown(kind: str) -> ManuscriptError:
    """Return the error for a kind of node that a later pandoc may make."""
    return ManuscriptError(f"pandoc made a {kind!r}, which this version of Style Tuner does not know.")


class Inlines(ABC):
    """Turns inline nodes (types: pandoc-types 1.23) into words; what it leaves out is counted in a `Converted`."""

    def __init__(self, converted: Converted, placed: Sequence[tuple[str, str]] = ()) -> None:
        self.found = converted
        self.placed = placed
        self.marks = Marks()
        self.joins = False
        """Whether the end of the paragraph is deleted, so that the next one goes on with it."""
        self._by_kind: dict[str, Callable[[Any], str]] = {
            "Str": self._string,
            "Space": lambda _: " ",
            "SoftBreak": lambda _: SOFT_END,
            "LineBreak": lambda _: "\n",
            **dict.fromkeys(("Emph", "Underline", "Strong", "Superscript", "Subscript", "SmallCaps"), self.text),
            "Span": lambda content: self.span(content[0][1], self.text(content[1])),
            "Cite": lambda content: self.text(content[1]),
            "Link": self._link,
            **dict.fromkeys(("Code", "Math"), lambda content: str(content[1])),
            "Quoted": self._quoted,
            "Strikeout": lambda content: self.leave_out("struck-out piece", self.text(content)),
            "Note": lambda content: self.leave_out("footnote", self.inner(content)),
            "Image": lambda content: self.leave_out("image", f"{self.text(content[1])} {content[2][0]}"),
            "RawInline": lambda content: self.markup(content[1]),
        }

    @abstractmethod
    def inner(self, nodes: Sequence[Node]) -> str:
        """Return the words of blocks inside a paragraph, marks among them."""

    def leave_out(self, what: str, text: str) -> str:
        """Count a piece of the file as left out and return its mark."""
        self.found.left_out[plural(what)] += 1
        self.found.left_out_text.append(unmarked(text))
        return self.marks.take(what, text)

    def text(self, inlines: Sequence[Node]) -> str:
        """Return the words of inline nodes, marks among them; a forced line break is a line end."""
        return "".join(self._inline(node) for node in inlines)

    def _inline(self, node: Node) -> str:
        if node["t"] not in self._by_kind:
            raise unknown(node["t"])
        return self._by_kind[node["t"]](node.get("c"))

    def _string(self, content: str) -> str:
        return PLACE.sub(lambda found: self.marks.take(*self.placed[int(found[1])]), content)

    def _link(self, content: Sequence[Any]) -> str:
        text, address = self.text(content[1]), content[2][0]
        if ":" in address and address not in (unmarked(text), f"mailto:{unmarked(text)}"):
            text += self.leave_out("link address", address)
        return text

    def _quoted(self, content: Sequence[Any]) -> str:
        marks = ("‘", "’") if content[0]["t"] == "SingleQuote" else ("“", "”")
        return marks[0] + self.text(content[1]) + marks[1]

    def span(self, classes: Sequence[str], text: str) -> str:
        """Accept a tracked change; `words_in` counts changes and comments, since the file's words are without them."""
        if "deletion" in classes:
            return self.marks.take("tracked deletion", text)
        if "comment-start" in classes:
            return self.marks.take("comment", text)
        self.joins = self.joins or "paragraph-deletion" in classes
        return text

    def markup(self, text: str) -> str:
        """Take comments and tags out of raw HTML and return the words between them."""

        def tag(found: re.Match[str]) -> str:
            if re.fullmatch(r"<br\s*/?>", found[0]):
                self.found.left_out_text.append(found[0])
                return "\n"
            return self.leave_out("HTML tag", found[0])

        text = re.sub(r"<!--.*?-->", lambda found: self.leave_out("comment", found[0]), text, flags=re.DOTALL)
        return html.unescape(re.sub(r"<[^>]*>", tag, text))

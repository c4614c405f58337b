"""Pieces of a card: text from outside is escaped here, and nowhere else is it put into Markdown.

Every function escapes what it is given, but for what these functions themselves have made. A file
may come from a stranger: nothing in it becomes a heading, a link, HTML or a terminal's command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["Markdown", "bullets", "code", "fill", "plain", "strong", "table"]

_SPECIAL = "\\`*_{}[]<>()#!|~&@"
_FIRST = "-+=>"  # at the beginning of a line


class Markdown(str):
    """Text that is Markdown, and is put in as it is."""

    __slots__ = ()


def _escaped(text: object) -> str:
    if isinstance(text, Markdown):
        return text
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    line = "".join(f"\\{c}" if c in _SPECIAL else c for c in line)
    # addresses become links without brackets, too
    line = line.replace("://", ":\\//").replace("www.", "www\\.")
    return f"\\{line}" if line[:1] in _FIRST and line else line


def plain(text: str) -> str:
    """Return Markdown without its escapes, to be read as it stands; in code there are none."""
    return re.sub(r"(`[^`]*`)|\\(.)", lambda found: found[1] or found[2], text)


def fill(template: str, *values: object) -> Markdown:
    """Return `template`, which is Markdown, with each {} replaced by a value."""
    return Markdown(template.format(*map(_escaped, values)))


def strong(text: object) -> Markdown:
    """Return `text` in bold."""
    return fill("**{}**", text)


def code(text: object) -> Markdown:
    """Return `text` as code, in which nothing is Markdown; backticks become quotes."""
    line = "".join(c if c.isprintable() and c != "`" else "'" for c in str(text))
    return Markdown(f"`{line}`")


def bullets(lines: Iterable[object]) -> Markdown:
    """Return a list."""
    return Markdown("\n".join(f"- {_escaped(line)}" for line in lines))


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Markdown:
    """Return a table."""
    lines = [*map(_row, [head]), "|" + " --- |" * len(head), *map(_row, rows)]
    return Markdown("\n".join(lines))


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"

"""Pieces of the page: text from outside is escaped here, and nowhere else is it put into HTML."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from PIL import Image

__all__ = [
    "MISSING",
    "breakable",
    "card",
    "definitions",
    "figure",
    "folded",
    "heading",
    "interval",
    "paragraph",
    "percent",
    "picture",
    "points",
    "section",
    "signed",
    "table",
]

MISSING = "–"


def section(title: str, *parts: str) -> str:
    """Return a section with a heading; `parts` are HTML. Empty where there are no parts."""
    body = "".join(parts)
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def card(name: str, value: str, text: str, style: str = "") -> str:
    """Return one of the boxes of the first screen."""
    return (
        f'<div class="card"><div class="name">{escape(name)}</div>'
        f'<div class="value {style}">{escape(value)}</div><p>{breakable(text)}</p></div>'
    )


def breakable(text: str) -> str:
    """Return text in which names of arms, long for a telephone, may break after their pluses.

    Lines of the text are lines of the page.
    """
    return re.sub(r"(?<=\w)\+(?=\w)", "+<wbr>", escape(text)).replace("\n", "<br>")


def picture(image: Image.Image, words: str, style: str = "") -> str:
    """Return a picture, its pixels inside the page; `words` say what it shows, `style` is CSS."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    pixels = base64.b64encode(buffer.getvalue()).decode()
    shape = f' style="{style}"' if style else ""
    return f'<img src="data:image/png;base64,{pixels}" alt="{escape(words, quote=True)}"{shape}>'


def figure(shown: Image.Image | str, caption: str, style: str = "") -> str:
    """Return a picture, or what `picture` returned, with its caption."""
    inside = shown if isinstance(shown, str) else picture(shown, caption)
    return f"<figure{_class(style)}>{inside}<figcaption>{escape(caption)}</figcaption></figure>"


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""


def heading(text: str) -> str:
    """Return a heading inside a section."""
    return f"<h3>{escape(text)}</h3>"


def folded(title: str, *parts: str) -> str:
    """Return `parts`, which are HTML, behind a line that opens them. Empty without parts."""
    body = "".join(parts)
    return f"<details><summary>{escape(title)}</summary>{body}</details>" if body else ""


def paragraph(text: str, style: str = "") -> str:
    """Return a paragraph."""
    return f"<p{_class(style)}>{escape(text)}</p>"


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    marked: frozenset[int] = frozenset(),
    *,
    styles: Sequence[str] = (),
    stacked: bool = False,
    dense: bool = False,
) -> str:
    """Return a table that scrolls inside its own box.

    Args:
        head: names of the columns.
        rows: the cells of each.
        marked: rows that are emphasised.
        styles: further styles of each row, or none at all.
        stacked: on a telephone each row becomes a list of names and values, and nothing scrolls.
        dense: for many columns of numbers.
    """
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = []
    for i, row in enumerate(rows):
        style = " ".join(["mark"] * (i in marked) + [each for each in styles[i : i + 1] if each])
        lines.append(
            f"<tr{_class(style)}>"
            + "".join(
                f'<td data-name="{escape(name, quote=True)}">{breakable(cell)}</td>'
                if stacked
                else f"<td>{escape(cell)}</td>"
                for name, cell in zip(head, row, strict=True)
            )
            + "</tr>"
        )
    box = " ".join(["scroll", *["stacked"] * stacked, *["dense"] * dense])
    return (
        f'<div class="{box}" tabindex="0"><table><thead><tr>{cells}'
        f"</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def definitions(values: Mapping[str, Any]) -> str:
    """Return names and values as a list of definitions; nested values are written in one line."""
    entries = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(_flat(value))}</dd>"
        for name, value in values.items()
    )
    return f"<dl>{entries}</dl>" if entries else ""


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(inner)}" for name, inner in value.items()) or MISSING
    if isinstance(value, list | tuple):
        return ", ".join(_flat(inner) for inner in value) or MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return MISSING if value is None else str(value)


def percent(value: float | None) -> str:
    """Return a fraction as percent, or a dash where there is none."""
    return MISSING if value is None else f"{100 * value:.1f}%"


def points(value: float | None) -> str:
    """Return a difference of fractions in points, with its sign (a true minus, not a hyphen)."""
    return MISSING if value is None else signed(f"{100 * value:+.1f}")


def signed(number: str) -> str:
    """Return a formatted number with a true minus, and a zero without a sign."""
    zero = not number.strip("+-0.")
    return number.lstrip("+-") if zero else number.replace("-", "−")


def interval(low: float, high: float) -> str:
    """Return "low to high" in points."""
    return f"{points(low)} to {points(high)}"

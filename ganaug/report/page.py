"""`write_report`: one self-contained HTML file."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ganaug.files import write_text
from ganaug.report.diversity import diversity_card, diversity_section
from ganaug.report.gain import arms_section, classes_section, gain_cards
from ganaug.report.html import definitions, heading, paragraph, section
from ganaug.report.pictures import Picture
from ganaug.report.plots import curves
from ganaug.report.style import STYLE
from ganaug.report.text import policy_text

__all__ = ["write_report"]

LOSSES: tuple[str, ...] = ("loss_g", "loss_d")


def write_report(
    path: str | os.PathLike[str],
    *,
    metadata: Mapping[str, Any],
    gain: Mapping[str, Any] | None = None,
    diversity: Mapping[str, Any] | None = None,
    grids: Sequence[Picture] = (),
    history: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write the report to `path`: one HTML file that loads nothing.

    Args:
        path: the file; replaced atomically.
        metadata: the artifact's, as JSON values.
        gain: `GainReport.to_dict()`, or None where it was not measured.
        diversity: `DiversityReport.to_dict()`, or None.
        grids: real images beside generated ones, see `class_pictures`.
        history: rows of the run's metrics.jsonl.

    Raises:
        RunError: `path` cannot be written.
    """
    name = metadata["data"]["source"]
    cards = [] if gain is None else gain_cards(gain)
    if diversity is not None:
        cards.append(diversity_card(diversity))
    parts = [
        f"<header><p>ganaug report</p><h1>{escape(name)}</h1></header>",
        f'<div class="first">{"".join(cards)}</div>' if cards else "",
        paragraph(_subject(metadata), "soft"),
        "" if gain is None else arms_section(gain),
        "" if gain is None else classes_section(gain),
        _pictures(metadata, grids),
        "" if diversity is None else diversity_section(diversity),
        _training(history),
        _configuration(metadata, gain),
    ]
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # what is shown is all that is there: nothing may be loaded, and no script may run
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:;'
        " style-src 'unsafe-inline'\">"
        f"<title>ganaug report: {escape(name)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )
    write_text(path, page)


def _subject(metadata: Mapping[str, Any]) -> str:
    height, width = metadata["size"]
    return (
        f"A {metadata['kind']} generator of {len(metadata['classes'])} classes, trained on"
        f" {sum(metadata['counts']):,} images at {height}x{width} px, {metadata['steps']:,} steps;"
        f" policy: {policy_text(metadata['policy'])}."
    )


def _pictures(metadata: Mapping[str, Any], grids: Sequence[Picture]) -> str:
    if not grids:
        return ""
    text = (
        "In each row the first image is real, the others are its variations."
        if metadata["kind"] == "variation"
        else "The first row is real, the others are generated."
    )
    figures = "".join(
        f'<figure><img src="{_data_uri(picture)}" alt="{escape(picture.caption, quote=True)}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
        for picture in grids
    )
    return section(
        "Real and generated images", paragraph(text), f'<div class="pictures">{figures}</div>'
    )


def _data_uri(picture: Picture) -> str:
    buffer = io.BytesIO()
    picture.image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _training(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the curves of the run: both losses in one chart, every other metric in its own."""
    if len(history) < 2:
        return ""
    names = [name for name in history[0] if name not in ("step", "seconds")]
    losses = [name for name in LOSSES if name in names]
    charts: list[tuple[str, list[str]]] = [("Losses", losses)] if losses else []
    charts += [(name, [name]) for name in names if name not in losses]
    figures = []
    for title, shown in charts:
        series = [
            (name, [(row["step"], row[name]) for row in history if row.get(name) is not None])
            for name in shown
        ]
        figures.append(curves(title, series, "step"))
    return section("Training", f'<div class="charts">{"".join(figures)}</div>')


def _configuration(metadata: Mapping[str, Any], gain: Mapping[str, Any] | None) -> str:
    parts = [
        heading("Generator"),
        definitions(
            {
                "data": metadata["data"]["source"],
                "fingerprint of the data": metadata["fingerprint"],
                "held out": metadata["data"]["held_out"],
                "seed": metadata["seed"],
                "parity with torch": metadata["parity"],
                "batch exact": metadata["batch_exact"],
                "schema": metadata["schema"],
            }
        ),
        heading("Training"),
        definitions(metadata["config"]),
        heading("Versions"),
        definitions(metadata["versions"]),
    ]
    if gain is not None:
        parts += [
            heading("Comparison"),
            definitions({"choice of the baseline": gain["choice"], **gain["settings"]}),
            heading("Environment"),
            definitions(gain["environment"]),
        ]
    parts += [paragraph(f"Warning: {line}", "note") for line in metadata["warnings"]]
    return section("Configuration", *parts)

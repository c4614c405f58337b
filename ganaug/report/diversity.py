"""The parts of the report that show a diversity record, the dict of `DiversityReport.to_dict()`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganaug.report.html import MISSING, card, heading, paragraph, section, table
from ganaug.report.plots import Track, legend, plot, track_row

__all__ = ["diversity_card", "diversity_section"]

MEASURES = {
    "coverage": "real images that have a generated one near them",
    "precision": "generated images that lie near a real one",
    "spread": "mean distance between generated images, over that of real ones",
    "near_duplicates": "generated images that have another one unusually near",
    "nearest": "median distance to the nearest training image, the source left out",
}


def diversity_card(diversity: Mapping[str, Any]) -> str:
    """Return the box of the first screen: coverage beside what real images reach."""
    coverage = diversity["macro"].get("coverage")
    few = sum(record["coverage"] is None for record in diversity["classes"])
    left_out = f" {few} of {len(diversity['classes'])} classes have too few images." if few else ""
    if coverage is None:
        return card("Diversity", "Too few images", f"No class can be measured.{left_out}")
    text = (
        f"Part of the real images with a generated one near them; with real images in their place"
        f" {coverage['reference']:.2f}.{left_out}"
    )
    return card("Diversity: coverage", f"{coverage['value']:.2f}", text)


def diversity_section(diversity: Mapping[str, Any]) -> str:
    """Return coverage as a plot, and every measure beside its reference as a table."""
    rows = []
    for record in diversity["classes"]:
        cells = [_cell(record[name]) for name in MEASURES]
        rows.append((record["name"], str(record["images"]), record["status"], *cells))
    macro = [_cell(diversity["macro"].get(name)) for name in MEASURES]
    rows.append(("mean of the classes", "", "", *macro))
    names = [name.replace("_", "-") for name in MEASURES]
    meanings = "; ".join(
        f"{name}: {what}" for name, what in zip(names, MEASURES.values(), strict=True)
    )
    return section(
        "Diversity",
        paragraph(
            "Each number beside what other real images of the class, as many, give in the place"
            f" of the generated ones. {diversity['rule'].capitalize()}."
        ),
        _coverage(diversity),
        table(
            ("class", "images", "status", *(f"{name} (real)" for name in names)),
            rows,
            frozenset([len(rows) - 1]),
        ),
        paragraph(f"{meanings.capitalize()}.", "note"),
    )


def _coverage(diversity: Mapping[str, Any]) -> str:
    track = Track(0, 1)
    rows = []
    for record in diversity["classes"]:
        measure = record["coverage"]
        if measure is not None:
            low, high = sorted((measure["value"], measure["reference"]))
            marks = track.line(low, high, "ours")
            marks += track.dot(measure["reference"], "hollow")
            marks += track.dot(measure["value"], "ours")
            rows.append(track_row(record["name"], marks, _cell(measure)))
    if not rows:
        return ""
    key = legend([("ours", "generated images"), ("hollow", "real images in their place")])
    return "".join([heading("Coverage"), plot(track, rows), key])


def _cell(measure: Mapping[str, float] | None) -> str:
    return MISSING if measure is None else f"{measure['value']:.2f} ({measure['reference']:.2f})"

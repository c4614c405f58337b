"""The curves of a run as a picture, beside its sample grids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganaug.images.charts import Chart, line_charts
from ganaug.images.grid import save_png
from ganaug.records import read_rows

__all__ = ["draw_curves"]

# Title; the numbers of metrics.jsonl and diversity.jsonl that are drawn, with their names; values
# that the axis reaches to.
CHARTS = (
    ("loss", {"loss_d": "discriminator", "loss_g": "generator"}, ()),
    ("change of an image", {"moved": "generated", "moved_real": "real pairs"}, (0.0,)),
    ("real and generated images", {"coverage": "coverage", "precision": "precision"}, (0.0, 1.0)),
    ("variety", {"spread": "spread", "near_duplicates": "near-duplicates"}, (0.0, 1.0)),
)

Rows = list[dict[str, Any]]


def draw_curves(run: Path) -> None:
    """Write samples/curves.png of the run from its logs; rollbacks are vertical lines.

    Raises:
        RunError: a log cannot be read, or the picture cannot be written.
    """
    rows = read_rows(run / "metrics.jsonl") + read_rows(run / "diversity.jsonl")
    back = [row["step"] for row in rows if "rollback" in row]
    charts = []
    for title, names, reach in CHARTS:
        lines = [(shown, _points(rows, name)) for name, shown in names.items()]
        lines = [line for line in lines if line[1]]
        if lines:
            charts.append(Chart(title, lines, reach, back))
    if charts:
        save_png(run / "samples" / "curves.png", line_charts(charts, "steps"))


def _points(rows: Rows, name: str) -> list[tuple[float, float]]:
    """Return (step, number) of the rows that have it; after a rollback a step comes again."""
    found = {row["step"]: row[name] for row in rows if row.get(name) is not None}
    return sorted(found.items())

"""Line charts as a picture, drawn with Pillow alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

__all__ = ["Chart", "line_charts", "ticks"]

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 360, 200  # of a chart, in pixels
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 36, 28
COLUMNS = 2
SMOOTH = 2  # drawn so many times as large, and scaled down
COLOURS = ((31, 99, 173), (217, 95, 2))  # told apart by those who cannot see red and green
INK, FAINT, MARK = (40, 40, 40), (222, 222, 222), (190, 30, 45)


@dataclass(frozen=True)
class Chart:
    """Lines over one axis.

    Attributes:
        title: above it.
        lines: at most two: name, and its points (x, y) by rising x.
        reach: values that the y axis reaches to in any case.
        marks: where on the x axis something happened: a vertical line each.
    """

    title: str
    lines: Sequence[tuple[str, Points]]
    reach: Sequence[float] = ()
    marks: Sequence[float] = ()


def line_charts(charts: Sequence[Chart], x_name: str) -> Image.Image:
    """Return one RGB picture of the charts, two in a row; all have the same x axis.

    Args:
        charts: at least one, each with at least one point.
        x_name: what the x axis counts.
    """
    last = max(x for chart in charts for _, points in chart.lines for x, _ in points)
    rows = -(-len(charts) // COLUMNS)
    columns = min(COLUMNS, len(charts))
    size = (columns * WIDTH, rows * HEIGHT)
    picture = Image.new("RGB", (SMOOTH * size[0], SMOOTH * size[1]), "white")
    for at, chart in enumerate(charts):
        corner = (at % COLUMNS * WIDTH, at // COLUMNS * HEIGHT)
        _Canvas(ImageDraw.Draw(picture), corner, last).draw(chart, x_name)
    return picture.resize(size, Image.Resampling.LANCZOS)


class _Canvas:
    """The place of one chart in the picture."""

    def __init__(self, draw: ImageDraw.ImageDraw, corner: tuple[int, int], last: float) -> None:
        self.pen = draw
        self.left, self.top = corner[0] + LEFT, corner[1] + TOP
        self.across, self.down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        self.xs = [x for x in ticks(0.0, last) if x <= last]
        self.last = last
        self.font = ImageFont.load_default(11 * SMOOTH)

    def draw(self, chart: Chart, x_name: str) -> None:
        values = [*chart.reach, *(y for _, points in chart.lines for _, y in points)]
        ys = ticks(min(values), max(values), 4)
        self.low, self.high = ys[0], ys[-1]
        for y in ys:
            self._line([(0.0, y), (self.last, y)], FAINT)
            self._text(*self._place(0, y), f"{_number(y)} ", "rm")
        for x in self.xs:
            self._text(*self._below(x), _number(x), "ma")
        for x in chart.marks:
            self._line([(x, self.low), (x, self.high)], MARK, 2)
        self._text(self.left, self.top - 20, f"{chart.title}, by {x_name}", "ls")
        along = float(self.left)
        for (name, points), colour in zip(chart.lines, COLOURS, strict=False):
            self._text(along, self.top - 6, name, "ls", colour)
            along += self.pen.textlength(name, self.font) / SMOOTH + 12
            self._line(points, colour, 2)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        up = (y - self.low) / (self.high - self.low)
        return self.left + self.across * x / max(self.last, 1), self.top + self.down * (1 - up)

    def _below(self, x: float) -> tuple[float, float]:
        return self._place(x, self.low)[0], self.top + self.down + 6

    def _line(self, points: Points, colour: tuple[int, int, int], width: int = 1) -> None:
        places = [tuple(SMOOTH * v for v in self._place(*point)) for point in points]
        if len(places) == 1:  # a dot
            (x, y), radius = places[0], 2 * SMOOTH
            self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), colour)
            return
        self.pen.line(places, colour, width * SMOOTH, "curve")

    def _text(
        self, x: float, y: float, text: str, anchor: str, colour: tuple[int, int, int] = INK
    ) -> None:
        self.pen.text((SMOOTH * x, SMOOTH * y), text, colour, self.font, anchor)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers, about `count`, that cover `low` to `high`."""
    if not math.isfinite(low) or not math.isfinite(high):
        low, high = 0.0, 1.0
    least = max(1e-9, 1e-6 * max(abs(low), abs(high)))  # so that numbers differ in what is shown
    if high - low < least:
        low, high = low - max(0.5, least), high + max(0.5, least)
    raw = (high - low) / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e7 else f"{value:.4g}"

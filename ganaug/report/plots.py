"""Plots as HTML and inline SVG: text stays readable on a phone, nothing is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ganaug.images.charts import ticks

__all__ = ["Track", "curves", "legend", "plot", "scatter", "track_row"]

Points = Sequence[tuple[float, float]]


class Track:
    """A horizontal axis from `low` to `high`, on which marks are placed by value."""

    def __init__(self, low: float, high: float) -> None:
        self.ticks = ticks(low, high)
        self.low = min(low, self.ticks[0])
        self.high = max(high, self.ticks[-1])

    def at(self, value: float) -> float:
        """Return the place of `value` in percent of the axis, 0 to 100."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)

    def dot(self, value: float, style: str) -> str:
        """Return a dot at `value`."""
        return f'<i class="dot {style}" style="left:{self.at(value)}%"></i>'

    def seed(self, value: float, style: str) -> str:
        """Return a small, faint dot at `value`: one seed's result."""
        return f'<i class="seed {style}" style="left:{self.at(value)}%"></i>'

    def line(self, low: float, high: float, style: str) -> str:
        """Return a horizontal line from `low` to `high`: an interval."""
        left, width = self.at(low), round(self.at(high) - self.at(low), 2)
        place = f"left:{left}%;width:{width}%"
        return f'<i class="range {style}" style="{place}"></i>'

    def bar(self, value: float, style: str) -> str:
        """Return a bar from the left end to `value`."""
        return f'<i class="bar {style}" style="width:{self.at(value)}%"></i>'

    def zero(self) -> str:
        """Return a vertical line at 0, where 0 lies on the axis."""
        if not self.low <= 0 <= self.high:
            return ""
        return f'<i class="zero" style="left:{self.at(0)}%"></i>'


def track_row(name: str, marks: str, figure: str, style: str = "") -> str:
    """Return a row: `name` (escaped here), its marks on the track, a figure in words."""
    return (
        f'<div class="{f"row {style}".rstrip()}"><span>{escape(name)}</span>'
        f'<span class="track">{marks}</span>'
        f'<span class="figure">{escape(figure)}</span></div>'
    )


def plot(track: Track, rows: Sequence[str]) -> str:
    """Return the rows, made by `track_row`, with the axis of `track` under them."""
    spans = "".join(
        f'<span style="left:{track.at(tick)}%">{_number(tick)}</span>' for tick in track.ticks
    )
    axis = f'<div class="row" aria-hidden="true"><span></span><span class="scale">{spans}</span>'
    return f'<div class="plot">{"".join(rows)}{axis}<span></span></div></div>'


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Return the key of a plot: (style, words) for each kind of mark."""
    parts = (
        f'<span><span class="key {style}"></span>{escape(words)}</span>' for style, words in entries
    )
    return f'<p class="soft legend">{"".join(parts)}</p>'


def curves(
    title: str, series: Sequence[tuple[str, Sequence[tuple[float, float]]]], x_name: str
) -> str:
    """Return a small line chart of at most two series of (x, y), as a figure with inline SVG."""
    points = [point for _, line in series for point in line]
    last = max(x for x, _ in points)
    xs = [tick for tick in ticks(min(x for x, _ in points), last, 4) if tick <= last]
    ys = ticks(min(y for _, y in points), max(y for _, y in points), 4)
    left, top, width, height = 44.0, 8.0, 300.0, 130.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - xs[0]) / (last - xs[0])
        up = (y - ys[0]) / (ys[-1] - ys[0])
        return round(left + width * across, 1), round(top + height * (1 - up), 1)

    parts = []
    for y in ys:
        across = place(xs[0], y)[1]
        parts.append(f'<path class="axis" d="M{left} {across}H{left + width}"/>')
        parts.append(f'<text x="{left - 5}" y="{across + 4}" text-anchor="end">{_number(y)}</text>')
    for x in xs:
        along = place(x, ys[0])[0]
        parts.append(
            f'<text x="{along}" y="{top + height + 15}" text-anchor="middle">{_number(x)}</text>'
        )
    for style, (_, line) in zip("ab", series, strict=False):
        places = " ".join(f"{x} {y}" for x, y in (place(x, y) for x, y in line))
        parts.append(f'<polyline class="{style}" points="{places}"/>')
    names = title
    if len(series) > 1:
        colours = zip(series, ("blue", "grey"), strict=False)
        names += ": " + ", ".join(f"{name} ({colour})" for (name, _), colour in colours)
    box = f"0 0 {left + width + 16} {top + height + 22}"
    return (
        f'<figure><svg viewBox="{box}" role="img" aria-label="{escape(title)}">{"".join(parts)}'
        f"</svg><figcaption>{escape(names)}, by {escape(x_name)}</figcaption>"
        "</figure>"
    )


def scatter(title: str, first: Points, second: Points, frame: Points = (), style: str = "") -> str:
    """Return two clouds of points, `first` as rings above `second`, as a figure with inline SVG.

    Args:
        title: the caption, escaped here.
        first, second: (x, y) of each point.
        frame: points that the axes reach to, too; charts with the same frame can be compared.
        style: of the figure.
    """
    every = [*first, *second, *frame]
    if not every:
        return ""
    xs, ys = zip(*every, strict=True)
    side, margin = 300.0, 8.0
    wide = max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
    left, low = (max(xs) + min(xs) - wide) / 2, (max(ys) + min(ys) - wide) / 2

    def circles(points: Points, style: str, radius: float) -> str:
        return "".join(
            f'<circle class="{style}" cx="{margin + side * (x - left) / wide:.1f}"'
            f' cy="{margin + side * (1 - (y - low) / wide):.1f}" r="{radius}"/>'
            for x, y in points
        )

    edge = side + 2 * margin
    frame_line = f'<rect class="axis" x="1" y="1" width="{edge - 2}" height="{edge - 2}"/>'
    named = f' class="{style}"' if style else ""
    return (
        f'<figure{named}><svg viewBox="0 0 {edge} {edge}" role="img" aria-label="{escape(title)}">'
        f"{frame_line}{circles(second, 'made', 2.0)}{circles(first, 'real', 3.2)}</svg>"
        f"<figcaption>{escape(title)}</figcaption></figure>"
    )


def _number(value: float) -> str:
    whole = value == round(value) and abs(value) < 1e7
    return (f"{value:,.0f}" if whole else f"{value:.6g}").replace("-", "−")

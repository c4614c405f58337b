"""Axes and charts: round ticks that cover the data, marks where their values are."""

from __future__ import annotations

import re

import pytest

from ganaug.images.charts import ticks
from ganaug.report.plots import Track, curves, legend, plot, track_row


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (-3.1, 2.2, [-4, -2, 0, 2, 4]),
        (87, 96, [85, 87.5, 90, 92.5, 95, 97.5]),
        (5, 5, [4.5, 4.75, 5, 5.25, 5.5]),
    ],
)
def test_ticks_are_round_and_cover(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


@pytest.mark.parametrize(
    ("low", "high"), [(1e17, 1e17), (1e10, 1e10 + 1e-3), (-3e30, -3e30), (0.0, 1e-300), (1e9, 1e10)]
)
def test_ticks_of_huge_and_of_nearly_equal_values_differ(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 8
    assert found[0] <= low
    assert found[-1] >= high
    assert found == sorted(set(found))


def test_marks_stand_where_their_values_are() -> None:
    track = Track(-2, 2)
    assert (track.at(-2), track.at(0), track.at(1), track.at(9)) == (0, 50, 75, 100)
    assert 'style="left:75.0%"' in track.dot(1, "ours")
    assert 'style="left:25.0%;width:50.0%"' in track.line(-1, 1, "ours")
    assert 'style="left:50.0%"' in track.zero()
    assert Track(1, 2).zero() == ""
    assert 'width:75.0%"' in track.bar(1, "free")


def test_a_plot_has_its_rows_and_its_axis() -> None:
    track = Track(-1, 1)
    html = plot(track, [track_row("a<b", track.dot(0, "ours"), "−1 & more")])
    assert "a&lt;b" in html
    assert "−1 &amp; more" in html
    assert '<span style="left:0.0%">−1</span>' in html
    assert "&lt;" in legend([("ours", "<")])


def test_curves_run_from_first_to_last_step() -> None:
    svg = curves("Losses", [("g", [(0, 1.0), (100, 0.0)]), ("d", [(0, 0.5), (100, 0.5)])], "step")
    lines = re.findall(r'<polyline class="(\w)" points="([^"]*)"', svg)
    assert [name for name, _ in lines] == ["a", "b"]
    assert lines[0][1].split() == ["44.0", "8.0", "344.0", "138.0"]
    assert "g (blue), d (grey)" in svg


def test_a_curve_of_equal_values_is_drawn() -> None:
    svg = curves("r1", [("r1", [(1, 0.0), (2, 0.0)])], "step")
    assert "nan" not in svg
    assert svg.count("<polyline") == 1

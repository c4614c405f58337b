"""The report in a real browser: no error in its console, nothing wider than window or paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from helpers.records import (
    CLASSES,
    diversity_record,
    gain_record,
    history,
    inspection_record,
    metadata_record,
    samples_record,
)

from ganaug.artifact.format import Metadata
from ganaug.evaluation.diversity.measures import MEASURES, Measure
from ganaug.evaluation.diversity.report import DiversityReport
from ganaug.report.page import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
OPTIONS = """
--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars
--disable-background-networking --disable-component-update --disable-sync --enable-logging=stderr
--window-size=1400,900
"""
# A frame, because a window of the browser cannot be as narrow as a telephone.
FRAME = """<!doctype html><title></title>
<iframe style="width: {width}px; height: 900px; border: 0" srcdoc="{page}"></iframe>
<script>
addEventListener("load", () => {{
  const frame = document.querySelector("iframe"), inside = frame.contentDocument;
  const page = inside.documentElement, style = (each) => frame.contentWindow.getComputedStyle(each);
  const size = [frame.contentWindow.innerWidth, page.scrollWidth, page.scrollHeight];
  const all = (which) => [...inside.querySelectorAll(which)];
  const cut = all(".stacked").filter((each) => each.scrollWidth > each.clientWidth).length;
  const place = () => style(inside.querySelector(".strips img")).objectPosition.split(" ")[0];
  const first = place();
  inside.querySelector(".strength input:last-of-type").click();
  const last = place();
  const shown = () => all(".of").filter((each) => style(each).display !== "none");
  const before = shown().length;
  const lines = () => shown().filter((each) => each.classList.contains("lacking")).length;
  const none = lines();
  inside.querySelector("select").selectedIndex = 2;
  const others = shown().filter((each) => !each.classList.contains("c1")).length;
  const found = [...size, all(".stacked").length, cut, first, last];
  document.title = [...found, before, shown().length, others, none, lines()].join(" ");
}});
</script>"""


PAPER = 718  # A4 less margins of a centimetre, in CSS pixels

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium is installed: the report was not opened"
)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(width: int, tmp_path: Path) -> None:
    inner, scroll, height, tables, cut, *_ = _measured(width, _report(tmp_path), tmp_path)
    assert int(inner) == width
    assert int(scroll) <= width
    assert int(height) > 1000
    assert int(tables) == 5
    assert int(cut) == 0  # no table is wider than its column


def test_strengths_and_classes_are_chosen_without_a_script(tmp_path: Path) -> None:
    *_, first, last, before, after, others, _, lines = _measured(1280, _report(tmp_path), tmp_path)
    assert (first, last) == ("50%", "100%")  # 1, which the file uses, is the second of three
    assert int(before) > int(after) > 0
    assert (int(others), int(lines)) == (0, 0)


def test_a_class_without_figures_has_a_line_in_their_place(tmp_path: Path) -> None:
    """In each of the five parts with pictures, and only while the class is chosen."""
    info = metadata_record()
    more = (info.classes[0], "none", *info.classes[1:])
    page = _report(tmp_path, replace(info, classes=more, counts=(9, *info.counts)))
    *_, others, before, after = _measured(1280, page, tmp_path)
    assert (int(others), int(before), int(after)) == (0, 0, 5)


def test_the_print_fits_its_paper(tmp_path: Path) -> None:
    """What is wider than a sheet is cut off there: nothing scrolls on paper."""
    page = _report(tmp_path)
    assert page.count("@media print") == 1
    found = _measured(PAPER, page.replace("@media print", "@media all"), tmp_path)
    assert int(found[1]) <= PAPER


def _report(tmp_path: Path, metadata: Metadata | None = None) -> str:
    report = tmp_path / "report.html"
    write_report(
        report,
        metadata=metadata or metadata_record(),
        samples=samples_record(*CLASSES),
        gain=gain_record(),
        diversity=_every_measure(),
        inspection=inspection_record(),
        history=history(),
    )
    return report.read_text(encoding="utf-8")


def _every_measure() -> DiversityReport:
    """A record in which every number is there, and long."""
    numbers = {name: Measure(-12.34, -10.51, low=-13.21, high=-11.12) for name in MEASURES}
    record = diversity_record()
    classes = tuple(
        replace(each, name=f"oxide scale of temperature system {at}", measures=numbers)
        for at, each in enumerate(record.classes)
    )
    return replace(record, classes=classes, macro=numbers)


def _measured(width: int, page: str, tmp_path: Path) -> list[str]:
    """Return what the script of `FRAME` found.

    The width of a window, the width that the page takes in it, and its height; the tables that
    stack, and how many of them are cut off; the place of the strips first, and at the last stop;
    how many elements are about a class, how many are shown for the second class, and of others; how
    many lines say that a class is not shown, first and then.
    """
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width, page=escape(page, quote=True)), encoding="utf-8")
    return _open(frame, tmp_path / "profile").split()


def _open(page: Path, profile: Path) -> str:
    """Return the title of the page once it is loaded; its console must stay empty."""
    command = [str(BROWSER), *OPTIONS.split(), f"--user-data-dir={profile}", "--dump-dom"]
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    assert "CONSOLE" not in done.stderr
    found = re.search(r"<title>(.*?)</title>", done.stdout)
    assert found is not None
    return found.group(1)

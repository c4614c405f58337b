"""The report in a real browser: no error in its console, nothing wider than window or paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import numpy as np
import pytest
from helpers.records import (
    CLASSES,
    diversity_record,
    gain_record,
    history,
    inspection_record,
    metadata_record,
)
from PIL import Image

from ganaug.report.page import write_report
from ganaug.report.pictures import Picture

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
  const frame = document.querySelector("iframe"), page = frame.contentDocument.documentElement;
  document.title = [frame.contentWindow.innerWidth, page.scrollWidth, page.scrollHeight].join(" ");
}});
</script>"""


PAPER = 718  # A4 less margins of a centimetre, in CSS pixels

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium is installed: the report was not opened"
)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(width: int, tmp_path: Path) -> None:
    inner, scroll, height = _measured(width, _report(tmp_path), tmp_path)
    assert inner == width
    assert scroll <= width
    assert height > 1000


def test_the_print_fits_its_paper(tmp_path: Path) -> None:
    """What is wider than a sheet is cut off there: nothing scrolls on paper."""
    page = _report(tmp_path)
    assert page.count("@media print") == 1
    _, scroll, _ = _measured(PAPER, page.replace("@media print", "@media all"), tmp_path)
    assert scroll <= PAPER


def _report(tmp_path: Path) -> str:
    report = tmp_path / "report.html"
    picture = Picture(CLASSES[2], Image.fromarray(np.zeros((200, 600), np.uint8)))
    write_report(
        report,
        metadata=metadata_record(),
        gain=gain_record(),
        diversity=diversity_record(),
        grids=[picture] * 3,
        inspection=inspection_record(),
        history=history(),
    )
    return report.read_text(encoding="utf-8")


def _measured(width: int, page: str, tmp_path: Path) -> tuple[int, int, int]:
    """Return the width of a window, the width that the page takes in it, and its height."""
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(width=width, page=escape(page, quote=True)), encoding="utf-8")
    inner, scroll, height = map(int, _open(frame, tmp_path / "profile").split())
    return inner, scroll, height


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

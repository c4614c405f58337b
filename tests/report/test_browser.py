"""The report in a real browser: no error in its console, no horizontal scroll of the page."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from records import CLASSES, diversity_record, gain_record, history, look_record, metadata_record

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


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed: the report was not opened")
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(width: int, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    picture = Picture(CLASSES[2], Image.fromarray(np.zeros((200, 600), np.uint8)))
    write_report(
        report,
        metadata=metadata_record(),
        gain=gain_record(),
        diversity=diversity_record(),
        grids=[picture] * 3,
        look=look_record(),
        history=history(),
    )
    frame = tmp_path / "frame.html"
    page = escape(report.read_text(encoding="utf-8"), quote=True)
    frame.write_text(FRAME.format(width=width, page=page), encoding="utf-8")
    title = _open(frame, tmp_path / "profile")
    inner, scroll, height = map(int, title.split())
    assert inner == width
    assert scroll <= width
    assert height > 1000


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

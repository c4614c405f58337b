"""The report in a real browser: no error in its console, no horizontal scroll of the page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from records import CLASSES, diversity_record, gain_record, history, metadata_record

from ganaug.report.page import write_report
from ganaug.report.pictures import Picture

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars"
    " --disable-background-networking --disable-component-update --disable-sync"
).split()
MEASURE = """<script>
const page = document.documentElement;
document.title = [innerWidth, page.scrollWidth, page.scrollHeight].join(" ");
</script></body>"""


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
        history=history(),
    )
    # The page itself allows no script: a copy without that rule measures itself.
    page = report.read_text(encoding="utf-8")
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    copy = tmp_path / "copy.html"
    copy.write_text(page.replace("</body>", MEASURE), encoding="utf-8")
    title = _open(copy, width, tmp_path)
    inner, scroll, height = map(int, title.split())
    assert inner == width
    assert scroll <= width
    assert height > 1000


def _open(page: Path, width: int, folder: Path) -> str:
    """Return the title of the page once it is loaded; its console must stay empty."""
    done = subprocess.run(
        [
            str(BROWSER),
            *QUIET,
            f"--user-data-dir={folder / f'profile-{width}'}",
            f"--window-size={width},900",
            "--enable-logging=stderr",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "CONSOLE" not in done.stderr
    found = re.search(r"<title>(.*?)</title>", done.stdout)
    assert found is not None
    return found.group(1)

"""`make docs`: it builds without a warning, asks nothing of the network, and its search finds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import ganaug

pytest.importorskip("mkdocs", reason="the extra docs is not installed")

ROOT = Path(__file__).parent.parent
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


class References(HTMLParser):
    """What a page loads, and where its links lead."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if target := values.get(LOADED.get(tag, "")):
            self.loaded.append(target)
        if tag == "a" and (target := values.get("href")):
            self.links.append(target)


def pages(site: Path) -> list[Path]:
    found = sorted(site.rglob("*.html"))
    assert len(found) > 25
    return found


def test_the_readme_is_the_first_page(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[2] in text
    assert (site / "variations.png").read_bytes() == (ROOT / "docs/variations.png").read_bytes()


def test_the_pages_load_nothing_from_the_network(site: Path) -> None:
    for page in pages(site):
        loaded = References(page).loaded
        assert loaded
        assert [each for each in loaded if re.match(r"(\w+:)?//", each)] == [], page.name
        for each in loaded:
            assert (page.parent / each.partition("?")[0]).exists(), f"{page.name}: {each}"


def test_the_links_of_the_pages_lead_to_files(site: Path) -> None:
    for page in pages(site):
        for link in References(page).links:
            target = unquote(link.partition("#")[0])
            if not link.startswith("https://"):
                assert (page.parent / target).exists(), f"{page.name}: {link}"


def test_every_public_name_has_its_docstring_in_the_reference(site: Path) -> None:
    parts = (ROOT / "docs/reference.md").read_text().split("\n::: ")[1:]
    shown = {part.split()[0]: re.search(r"heading: ganaug\.(\S+)", part) for part in parts}
    paths = {found[1] if found else path.rpartition(".")[2]: path for path, found in shown.items()}
    extras = {"GANOverSampler", "albumentations.GANAugment"}
    assert set(paths) == {*ganaug.__all__, *extras} - {"__version__"}
    text = (site / "reference.html").read_text(encoding="utf-8")
    headings = re.findall(r'<h2 id="(ganaug[^"]*)"', text)
    assert headings == list(paths.values())  # and no other name of the package
    for name in paths:
        assert re.search(rf"<h2 [^>]*>\s*(<[^>]+>\s*)*ganaug\.{name}\b", text), name
    assert "Vary images with a trained generator" in text


def test_examples_of_docstrings_are_code(site: Path) -> None:
    text = (site / "reference.html").read_text(encoding="utf-8")
    assert "<blockquote>" not in text
    assert text.count("Examples:</span>") > 15
    prompt = r'Examples:</span></p>\s*<div class="[^"]*highlight"><pre>.*?&gt;&gt;&gt; '
    assert len(re.findall(prompt, text)) == text.count("Examples:</span>")


def test_options_are_marked_for_the_style_sheet(site: Path) -> None:
    text = (site / "api.html").read_text(encoding="utf-8")
    bare = re.sub(r'<span class="option">.*?</span>|<pre.*?</pre>', "", text, flags=re.S)
    shown = re.findall(r"<code.*?</code>|<h3.*?</h3>|<nav.*?</nav>", bare, re.S)
    assert len(shown) > 100
    assert [each for each in shown if re.search(r"--[a-z]", re.sub("<[^>]*>", "", each))] == []
    for marked in ("--skip-corrupt</span>", "--count</span> N", "--out</span> DIR"):
        assert f'<span class="option">{marked}' in text
    assert ".option" in (site / "assets/site.css").read_text(encoding="utf-8")


def test_commands_do_not_look_like_output(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert 'ganaug<span class="w"> </span>check<span class="w"> </span>photos/' in text
    for page in pages(site):
        if page.name != "reference.html":  # which has output, below lines with a prompt
            assert 'class="go"' not in page.read_text(encoding="utf-8"), page.name


def test_pipes_in_the_code_of_tables_have_no_backslash(site: Path) -> None:
    text = (site / "api.html").read_text(encoding="utf-8")
    assert '<code><span class="option">--from</span> RUN|FILE</code>' in text
    assert "ganaug | source</code>" in text
    for page in pages(site):
        cells = re.findall(r"<td[^>]*>.*?</td>", page.read_text(encoding="utf-8"), re.S)
        code = re.findall(r"<code>.*?</code>", "".join(cells), re.S)
        assert not [each for each in code if r"\|" in each], page.name


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed: nothing was searched for")
def test_the_search_works_from_files(site: Path) -> None:
    done = subprocess.run(
        [
            str(BROWSER),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"),
            f"{(site / 'index.html').as_uri()}?q=relativistic",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "CONSOLE" not in done.stderr
    found = re.findall(r'href="([^"?]+)\?h=relativistic', done.stdout)
    assert any("theory.html" in each for each in found), found

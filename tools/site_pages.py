"""A hook of mkdocs: the README is the first page, and files that pages link to are in the site."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parent.parent
FIRST, OUTSIDE = "README.md", "repository"
LINK = re.compile(r"(?<=\]\()([^)\s#]+)")
CODE = re.compile(r"`[^`\n]+`")
CONSOLE = re.compile(r"^```console$", re.M)
PARTS = re.compile(r"<pre\b.*?</pre>|<code\b.*?</code>|<h([1-6])\b.*?</h\1>", re.S)
OPTION = re.compile(r"<[^>]*>|(?<![\w-])--?[a-z][a-z-]*")
LISTS = (f"{OUTSIDE}/benchmarks/", f"{OUTSIDE}/results/")  # long; not searched


def place(path: str) -> str:
    """Where a file of the repository stands in the site, both from their roots."""
    if path == FIRST:
        return "index.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{OUTSIDE}/{path}"


def targets(path: str, text: str) -> set[str]:
    """Files of the repository that the page at `path` links to."""
    links = {link for link in LINK.findall(text) if "://" not in link}
    return {os.path.normpath(PurePosixPath(path).parent / link) for link in links}


def named(nav: Any) -> list[str]:
    """Paths in a navigation: lists and dicts around them, as in mkdocs.yml."""
    if isinstance(nav, str):
        return [nav]
    return [
        path for part in (nav.values() if isinstance(nav, dict) else nav) for path in named(part)
    ]


def with_bare_pipes(line: str) -> str:
    r"""A row of a table as Python-Markdown reads it: GitHub wants `a\|b`, and it shows the sign.

    Examples:
        >>> with_bare_pipes(r"| `--from RUN\|FILE` | one \| two |")
        '| `--from RUN|FILE` | one \\| two |'
    """
    if not line.startswith("|"):
        return line
    return CODE.sub(lambda code: code[0].replace(r"\|", "|"), line)


def on_config(config: Any) -> Any:
    """Leave out 404.html: its links begin at the root of a server, and files have none."""
    config.theme.static_templates.discard("404.html")
    return config


def on_files(files: Files, config: Any) -> Files:
    pages = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    outside = [path for path in named(config.nav) if path.startswith(f"{OUTSIDE}/")]
    todo = [FIRST, *pages, *(path.removeprefix(f"{OUTSIDE}/") for path in outside)]
    seen: set[str] = set()
    while todo:
        path = todo.pop()
        if path in seen or not (ROOT / path).is_file():  # a link to nowhere is mkdocs' to report
            continue
        seen.add(path)
        if not path.startswith("docs/"):
            level = InclusionLevel.INCLUDED if path == FIRST else InclusionLevel.NOT_IN_NAV
            made = File.generated(config, place(path), abs_src_path=str(ROOT / path))
            made.inclusion = level
            files.append(made)
        if path.endswith(".md"):
            todo += targets(path, (ROOT / path).read_text(encoding="utf-8"))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    own = Path(page.file.abs_src_path).relative_to(ROOT).as_posix()
    if page.file.src_uri.startswith(LISTS):
        page.meta["search"] = {"exclude": True}

    def moved(link: re.Match[str]) -> str:
        if "://" in link[0]:
            return link[0]
        path = os.path.normpath(PurePosixPath(own).parent / link[0])
        return os.path.relpath(place(path), PurePosixPath(page.file.src_uri).parent)

    # Pygments takes lines of `console` without a prompt for output, and leaves them uncoloured.
    moved_links = CONSOLE.sub("```sh", LINK.sub(moved, markdown))
    return "\n".join(map(with_bare_pipes, moved_links.split("\n")))


def with_options(html: str) -> str:
    """Mark options between the tags: the style sheet keeps them from breaking after a dash.

    Examples:
        >>> with_options('<code id="--size">--size N</code>')
        '<code id="--size"><span class="option">--size</span> N</code>'
    """

    def marked(found: re.Match[str]) -> str:
        return found[0] if found[0][0] == "<" else f'<span class="option">{found[0]}</span>'

    return OPTION.sub(marked, html)


def mark_contents(links: Any) -> None:
    """Mark the options in the table of contents, all levels of it."""
    for link in links:
        link.title = with_options(link.title)
        mark_contents(link.children)


def on_page_content(html: str, page: Any, **_: Any) -> str:
    def part(found: re.Match[str]) -> str:
        return found[0] if found[0].startswith("<pre") else with_options(found[0])

    mark_contents(page.toc)
    return PARTS.sub(part, html)

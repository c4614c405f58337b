"""What the files of the package import, read from their source: modules, circles, private names."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Collection, Mapping
from pathlib import Path

import ganaug

PACKAGE = Path(ganaug.__file__).parent

Graph = Mapping[str, Collection[str]]


def imported(source: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return (module, names) of each import in `source`, also of those inside functions."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found.append((module, tuple(alias.name for alias in node.names)))
    return found


def sources() -> dict[str, str]:
    """Return the source of each file of the package by dotted name; `__init__` has its folder's."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path.read_text(encoding="utf-8")
    return found


def reached(source: str, files: Collection[str]) -> list[str]:
    """Return the files (dotted names, as in `sources`) that the imports of `source` lead to.

    `from folder import name` leads to the file `folder.name` where there is one, else to the
    folder's `__init__`. A public name of `ganaug` leads to its home instead: `ganaug/__init__.py`
    loads it from there when it is first used, and nothing else.
    """
    found = []
    for module, names in imported(source):
        for name in names or ("",):
            if f"{module}.{name}" in files:
                found.append(f"{module}.{name}")
            elif module == "ganaug" and name in ganaug._HOME:
                found.append(ganaug._HOME[name])
            elif module in files:
                found.append(module)
    return found


def import_graph(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the files that each file of `texts` (source by dotted name) imports."""
    return {name: sorted({*reached(text, texts)}) for name, text in texts.items()}


def shortest_circle(graph: Graph) -> list[str]:
    """Return the files of a shortest circle, the first one again at the end; [] without any."""
    best: list[str] = []
    for start in sorted(graph):
        came: dict[str, str] = {}
        queue = deque([start])
        while queue and start not in came:
            at = queue.popleft()
            for target in graph.get(at, ()):
                if target not in came:
                    came[target] = at
                    queue.append(target)
        if start in came:
            path = [start, came[start]]
            while path[-1] != start:
                path.append(came[path[-1]])
            if not best or len(path) < len(best):
                best = path[::-1]
    return best


def private_imports(folder: str, source: str, files: Collection[str]) -> list[str]:
    """Return the private modules and names that `source` imports from outside their folder.

    Args:
        folder: dotted name of the folder that the file lies in, or that a test belongs to.
        source: the file's text.
        files: all files of the package, as in `sources`.
    """
    folders = {name.rpartition(".")[0] for name in files}
    found = []
    for module, names in imported(source):
        for whole in [f"{module}.{name}" for name in names] or [module]:
            parts = whole.split(".")
            at = next((at for at, part in enumerate(parts) if is_private(part)), None)
            if parts[0] != "ganaug" or at is None:
                continue
            owner = ".".join(parts[:at])
            if owner not in folders:  # a name in a file belongs to the folder of the file
                owner = owner.rpartition(".")[0]
            if folder != owner and not folder.startswith(f"{owner}."):
                found.append(f"{whole} is private to {owner}")
    return found


def is_private(name: str) -> bool:
    """Return whether `name` starts with an underscore, and is none of Python's own."""
    return name.startswith("_") and not name.startswith("__")

"""Private names stay in their folder; files and functions stay short. Read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from helpers.imports import PACKAGE, private_imports, sources

ROOT = PACKAGE.parent
FILES = sources()
MOST_LINES, MOST_STATEMENTS = 400, 60
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def folder_of(path: Path) -> str:
    """Return the folder of the package (dotted) that a file lies in, or that a test belongs to."""
    inside = path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT / "tests")
    return ".".join(("ganaug", *inside.parts[:-1]))


def test_private_names_stay_in_their_folder() -> None:
    wrong = {}
    for path in [*sorted(PACKAGE.rglob("*.py")), *TESTS]:
        found = private_imports(folder_of(path), path.read_text(encoding="utf-8"), FILES)
        wrong |= {str(path.relative_to(ROOT)): found} if found else {}
    assert wrong == {}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("ganaug/imbalanced.py", "from ganaug.use._labels import find_label"),
        ("ganaug/training/fit.py", "from ganaug.use import _labels"),
        (
            "ganaug/evaluation/gain/evaluate.py",
            "from ganaug.evaluation.trainings.run import _order",
        ),
        ("ganaug/use/datasets.py", "def f():\n    import ganaug.images._folder"),
        ("tests/images/test_grid.py", "from ganaug.use._labels import find_label"),
        ("tests/training/test_fit.py", "from ganaug.images.grid import _tile"),
    ],
)
def test_a_private_name_outside_its_folder_is_found(path: str, source: str) -> None:
    assert private_imports(folder_of(ROOT / path), source, FILES)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("ganaug/use/datasets.py", "from ganaug.use._labels import find_label"),
        ("ganaug/cli/info.py", "from ganaug._version import __version__"),
        ("ganaug/work.py", "from torch.utils._python_dispatch import TorchDispatchMode"),
        ("tests/use/test_labels.py", "from ganaug.use import _labels"),
        ("tests/training/test_step.py", "from ganaug.training.step import _judged"),
    ],
)
def test_a_private_name_in_its_folder_passes(path: str, source: str) -> None:
    assert private_imports(folder_of(ROOT / path), source, FILES) == []


def too_long(source: str) -> list[str]:
    """Return what is longer than a file or a function may be.

    A function with `# long: REASON` on the line of its `def` may be as long as it is.
    """
    lines = source.splitlines()
    wrong = [f"{len(lines)} lines, at most {MOST_LINES}"] if len(lines) > MOST_LINES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            statements = sum(isinstance(part, ast.stmt) for part in ast.walk(node)) - 1
            reason = lines[node.lineno - 1].partition("# long: ")[2].strip()
            if statements > MOST_STATEMENTS and not reason:
                wrong.append(f"{node.name}: {statements} statements, at most {MOST_STATEMENTS}")
    return wrong


def test_files_and_functions_are_short() -> None:
    wrong = {name: found for name, text in FILES.items() if (found := too_long(text))}
    assert wrong == {}


def test_what_is_too_long_is_found() -> None:
    assert too_long("x = 1\n" * 401) == ["401 lines, at most 400"]
    assert too_long("x = 1\n" * 400) == []
    body = "    if x:\n        x = 1\n" * 30  # sixty statements
    assert too_long(f"def f(x):\n{body}") == []
    assert too_long(f"def f(x):\n{body}    x = 1\n") == ["f: 61 statements, at most 60"]
    inner = "".join(f"    {line}\n" for line in f"def g(x):\n{body}".splitlines())
    assert too_long(f"class C:\n    async def f(x):\n{inner.replace('    ', '        ')}")
    assert too_long(f"def f(x):  # long: one table\n{body}    x = 1\n") == []
    assert too_long(f"def f(x):  # long:\n{body}    x = 1\n")

"""`import ganaug` and `ganaug --help` stay light: an allow-list of what they load."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ganaug

OURS = {"ganaug", "ganaug._version", "ganaug.errors"}
COMMAND_LINE = {
    "ganaug.cli",
    "ganaug.cli.card",
    "ganaug.cli.changed",
    "ganaug.cli.check",
    "ganaug.cli.bars",
    "ganaug.cli.console",
    "ganaug.cli.judging",
    "ganaug.cli.ledger",
    "ganaug.cli.demo",
    "ganaug.cli.doctor",
    "ganaug.cli.elsewhere",
    "ganaug.cli.evaluate",
    "ganaug.cli.export",
    "ganaug.cli.fit",
    "ganaug.cli.info",
    "ganaug.cli.options",
    "ganaug.cli.pipeline",
    "ganaug.cli.sample",
    "ganaug.cli.starting",
    "ganaug.cli.tune",
    "ganaug.cli.vary",
    "ganaug.launch",
    "ganaug.progress",
    "ganaug.wording",
}


def loaded(code: str) -> set[str]:
    """Return the modules outside the standard library that a fresh interpreter loads for `code`."""
    program = (
        "import sys\nbefore = set(sys.modules)\n"
        f"{code}\n"
        "print('\\n'.join(sorted(set(sys.modules) - before)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = set(done.stderr.split())
    return {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}


def test_import_ganaug_loads_nothing_else() -> None:
    assert loaded("import ganaug") == OURS


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["fit", "--help"]])
def test_help_loads_click_alone(arguments: list[str]) -> None:
    names = loaded(f"from ganaug.cli import run\nassert run({arguments!r}) == 0")
    assert {name for name in names if name.split(".")[0] not in ("click", "colorama")} == (
        OURS | COMMAND_LINE
    )


def test_every_public_name_loads() -> None:
    for name in ganaug.__all__:
        value = getattr(ganaug, name)
        assert name.startswith("__") or value.__name__ == name


def test_the_public_names_are_those_of_the_documentation() -> None:
    assert set(ganaug._HOME) | {"GanaugError", "__version__"} == set(ganaug.__all__)
    assert set(ganaug.__all__) <= set(dir(ganaug))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = ganaug.fitt

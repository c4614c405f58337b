"""Opening a file writes nothing and reports to nobody."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.imports import imported, sources
from helpers.small_models import write_variation_model

ONLY = "ganaug.artifact.engine"
CODE = (
    "import sys\n"
    "from ganaug import Generator\n"
    "Generator(sys.argv[1], providers='cpu').provider\n"
    "assert 'onnxruntime' in sys.modules\n"
)


def opened(model: Path, home: Path) -> None:
    """Open the file in a process whose home is `home`, an empty folder."""
    home.mkdir()
    variables = {"HOME": home, "XDG_CACHE_HOME": home / "cache", "XDG_DATA_HOME": home / "data"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    subprocess.run(
        [sys.executable, "-c", CODE, str(model)],
        check=True,
        env=kept | {name: str(value) for name, value in variables.items()},
    )


def test_opening_a_file_leaves_an_empty_home_empty(tmp_path: Path) -> None:
    model = write_variation_model(tmp_path / "g.onnx")
    opened(model, tmp_path / "home")
    assert list((tmp_path / "home").rglob("*")) == []


@pytest.mark.parametrize("given", [None, "0"])
def test_a_user_who_decided_is_left_alone(given: str | None) -> None:
    code = (
        "import os, sys\n"
        "sys.modules['onnxruntime'] = sys\n"  # what is tested comes before its import
        "import ganaug.artifact.engine\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    env |= {} if given is None else {"ORT_DISABLE_TELEMETRY": given}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout == f"{given or 1}\n"


def test_onnxruntime_is_imported_in_one_place() -> None:
    found = set()
    for name, source in sources().items():
        tree = ast.parse(source)
        for node in ast.walk(tree):  # imports for types alone load nothing
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]
        if any(module.split(".")[0] == "onnxruntime" for module, _ in imported(ast.unparse(tree))):
            found.add(name)
    assert found == {ONLY}

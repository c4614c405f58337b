"""The notebooks run from the first cell to the last, and lie in the repository without output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.photos import write_photos

nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")

EXAMPLES = Path(__file__).parent.parent / "examples"
# In the order in which they are run: the second one reads what the first one wrote. What is put in
# the place of the first code cell makes them short.
SHORTER = {
    "own-images": """
photos = "photos"
fitting = {"steps": 2, "preset": "tiny", "batch_size": 4, "width": 4, "latent_dim": 4}
tuning = {"steps": 2, "fit_steps": 1, "jobs": 1}
""",
    "evaluation": """
photos, file = "photos", "notebook.onnx"
more = ["--seeds", "1", "--quick", "--steps", "2", "--jobs", "1"]
""",
}


def read(name: str) -> Any:
    return nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)


def names(source: str) -> set[str]:
    """The names that a cell sets at its top level."""
    found: dict[str, Any] = {}
    exec(source, found)
    return set(found) - {"__builtins__"}


def test_every_notebook_is_run_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.ipynb")} == set(SHORTER)


@pytest.mark.parametrize("name", SHORTER)
def test_a_notebook_has_no_output(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_the_notebooks_run(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", test=True)
    printed = {}
    for name, first in SHORTER.items():
        notebook = read(name)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert names(first) == names(code[0].source)
        code[0].source = first
        settings = {"metadata": {"path": str(tmp_path)}}
        nbclient.NotebookClient(notebook, timeout=200, resources=settings).execute()
        outputs = [output for cell in code for output in cell.outputs]
        printed[name] = "".join(each.text for each in outputs if each.output_type == "stream")
        assert any("image/png" in each.get("data", {}) for each in outputs)
    assert "notebook.onnx" in printed["evaluation"] or "no evidence" in printed["evaluation"]
    assert (tmp_path / "evaluation" / "report.html").is_file()

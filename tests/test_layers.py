"""The layers of docs/architecture.md and the rooms of `evaluation`, read from the source.

Imports point downwards, and never in a circle.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from helpers.imports import (
    PACKAGE,
    import_graph,
    imported,
    reached,
    shortest_circle,
    sources,
)
from helpers.small_models import write_variation_model

import ganaug

# From the top; a module may import from its own layer and from those below it.
LAYERS = (
    ("cli",),
    ("report",),
    ("checking", "demo", "doctor", "imbalanced", "albumentations"),
    ("evaluation",),
    ("training",),
    ("use",),
    ("metrics",),
    ("artifact",),
    ("images",),
    (
        *("devices", "errors", "files", "launch", "limits", "locks", "once", "outputs"),
        *("progress", "randomness", "records", "values", "wording", "work"),
        "_version",
    ),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# Running a file needs none of these; training and evaluation may.
HEAVY = {"matplotlib", "onnxscript", "scipy", "sklearn"}
LIGHT_LAYERS = {"use", "artifact"}
# A report only reads: what runs a generator is done before.
RUN_TIME = "ganaug.artifact.runtime"

# The rooms of `ganaug/evaluation` and the files beside them, from the top. A room imports from
# itself and from those on the lines below; two on one line know nothing of each other.
ROOMS = (
    ("__init__",),
    ("write_back",),
    ("gain",),
    ("tuning", "diversity"),
    ("trainings",),
    ("classifiers",),
    ("arms",),
    ("other_tools",),
    ("splits",),
)
ROOM_RANK = {name: rank for rank, names in enumerate(ROOMS) for name in names}
FOLDERS = {"gain", "tuning", "diversity", "trainings", "classifiers", "arms"}
MOST_BESIDE = 4  # files or folders directly in `ganaug/evaluation` that are no room

FILES = sources()


def targets(module: str, names: tuple[str, ...]) -> list[str]:
    """Return the layer names (or a foreign package) that one import reaches."""
    parts = module.split(".")
    if parts[0] != "ganaug":
        return [parts[0]]
    if len(parts) > 1:
        return [parts[1]]
    homes = [ganaug._HOME.get(name, f"ganaug.{name}") for name in names]
    return [home.split(".")[1] for home in homes if not home.startswith("ganaug.__")]


def violations(layer: str, source: str) -> list[str]:
    """Return what `source`, a file of `layer`, imports against the rules."""
    wrong = []
    for module, names in imported(source):
        if module.startswith("."):
            wrong.append(f"relative import {module}; write it in full")
            continue
        for target in targets(module, names):
            if target in RANK and RANK[target] < RANK[layer]:
                wrong.append(f"{layer} imports {target}, which lies above it")
            elif target in HEAVY and layer in LIGHT_LAYERS:
                wrong.append(f"{layer} imports {target}, which using a file must not need")
            elif module.startswith("ganaug.") and target not in RANK:
                wrong.append(f"{module} belongs to no layer")
            elif layer == "evaluation" and target == "training":
                public = module in ("ganaug", "ganaug.training") and {*names} <= {"fit", "export"}
                if not public:
                    wrong.append(f"evaluation imports {module} {names}; only fit and export")
    if layer == "report" and RUN_TIME in reached(source, FILES):
        wrong.append(f"report imports {RUN_TIME}; it only reads results")
    if "import_module" in source or "__import__" in source:
        wrong.append(f"{layer} imports by name, which this test cannot read")
    return wrong


def files() -> list[Path]:
    inside = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE]
    single = [path for path in sorted(PACKAGE.glob("*.py")) if path.stem in RANK]
    return inside + single


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert layer in RANK, f"{layer} belongs to no layer"
    assert violations(layer, path.read_text(encoding="utf-8")) == []


def test_every_file_is_read() -> None:
    known = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert {name.removesuffix(".py") for name in known} <= set(RANK)
    assert {path.relative_to(PACKAGE).parts[0] for path in files()} >= {"cli", "use", "errors.py"}


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("images", "from ganaug.artifact.runtime import Generator"),
        ("use", "def f():\n    import ganaug.training.fit"),
        ("use", "from ganaug import fit"),
        ("artifact", "from sklearn.decomposition import PCA"),
        ("metrics", "from ganaug.evaluation import gain"),
        ("training", "from . import step"),
        ("training", "from ganaug.evaluation.gain.evaluate import evaluate_gain"),
        ("evaluation", "from ganaug.training.fit import train"),
        ("evaluation", "from ganaug.training import PRESETS"),
        ("errors", "import ganaug.files\nfrom ganaug.images import load_images"),
        ("report", "from ganaug.helpers import x"),
        ("report", "from ganaug.artifact.runtime import Generator"),
        ("report", "def f():\n    from ganaug.artifact import runtime"),
        ("report", "from ganaug import Generator"),
        ("images", "import importlib\nimportlib.import_module('ganaug.training')"),
    ],
)
def test_a_forbidden_arrow_is_found(layer: str, source: str) -> None:
    assert violations(layer, source)


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("cli", "from ganaug import __version__, fit, load_images"),
        ("evaluation", "from ganaug.training import export, fit"),
        ("use", "import torch\nfrom ganaug.artifact.runtime import Generator"),
        ("metrics", "from sklearn.decomposition import PCA"),
        ("report", "from ganaug.artifact.format import Metadata"),
    ],
)
def test_an_allowed_arrow_passes(layer: str, source: str) -> None:
    assert violations(layer, source) == []


def room_violations(room: str, source: str, files: Collection[str] = FILES) -> list[str]:
    """Return what `source`, a file of `room` in `ganaug/evaluation`, imports against `ROOMS`."""
    wrong = []
    for target in reached(source, files):
        parts = target.split(".")
        if parts[:2] != ["ganaug", "evaluation"]:
            continue
        other = parts[2] if len(parts) > 2 else "__init__"
        if other not in ROOM_RANK:
            wrong.append(f"{room} imports {target}, which belongs to no room")
        elif ROOM_RANK[other] < ROOM_RANK[room]:
            wrong.append(f"{room} imports {target}, which lies above it")
        elif ROOM_RANK[other] == ROOM_RANK[room] and other != room:
            wrong.append(f"{room} imports {target}, which lies beside it")
    return wrong


def room_of(name: str) -> str:
    """Return the room of a file of `ganaug/evaluation` by its dotted name."""
    return [*name.split("."), "__init__"][2]


IN_ROOMS = [name for name in FILES if f"{name}.".startswith("ganaug.evaluation.")]


@pytest.mark.parametrize("name", IN_ROOMS)
def test_imports_of_rooms_point_downwards(name: str) -> None:
    room = room_of(name)
    assert room in ROOM_RANK, f"{name} belongs to no room"
    assert room_violations(room, FILES[name]) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("tuning", "from ganaug.evaluation.gain.report import GainReport"),
        ("tuning", "def f():\n    from ganaug.evaluation.diversity import DiversityReport"),
        ("arms", "from ganaug.evaluation import trainings"),
        ("splits", "import ganaug.evaluation.arms.losses"),
        ("gain", "from ganaug.evaluation import a_name_of_the_room_above"),
        ("diversity", "from ganaug import evaluate_gain"),
    ],
)
def test_a_forbidden_arrow_between_rooms_is_found(room: str, source: str) -> None:
    assert room_violations(room, source)


def test_a_file_of_no_room_is_found() -> None:
    files = [*FILES, "ganaug.evaluation.attic"]
    assert room_violations("gain", "from ganaug.evaluation.attic import x", files)
    assert crowding({*FOLDERS, "__init__", "attic"}) == ["attic belongs to no room"]
    assert crowding({*FOLDERS, "a", "b", "c", "d", "e"})[-1].startswith("5 files or folders")


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("gain", "from ganaug.evaluation.tuning import tune"),
        ("gain", "from ganaug.evaluation.gain.intervals import verdict"),
        ("write_back", "from ganaug.evaluation.gain import GainReport"),
        ("trainings", "from ganaug.evaluation.arms.grammar import Arm"),
        ("diversity", "from ganaug import Generator"),
    ],
)
def test_an_allowed_arrow_between_rooms_passes(room: str, source: str) -> None:
    assert room_violations(room, source) == []


def crowding(entries: Collection[str]) -> list[str]:
    """Return what is wrong with the files and folders directly in `ganaug/evaluation`."""
    wrong = [f"{name} belongs to no room" for name in sorted({*entries} - {*ROOM_RANK})]
    beside = {*entries} - FOLDERS
    if len(beside) > MOST_BESIDE:
        wrong.append(f"{len(beside)} files or folders beside the rooms, at most {MOST_BESIDE}")
    return wrong


def test_evaluation_has_rooms_and_little_else() -> None:
    entries = {room_of(name) for name in IN_ROOMS}
    assert entries >= FOLDERS
    assert crowding(entries) == []


def contents(source: str) -> list[str]:
    """Return the names in `__all__` of an `__init__`, which is its table of contents."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def is_table_of_contents(source: str) -> bool:
    return 1 <= len(contents(source)) <= 3


@pytest.mark.parametrize("room", ["demo", *(f"evaluation.{room}" for room in sorted(FOLDERS))])
def test_each_room_has_a_table_of_contents(room: str) -> None:
    assert is_table_of_contents(FILES[f"ganaug.{room}"])


def hidden(names: Collection[str]) -> list[str]:
    """Return the files of rooms that hide: what is private there is so by its name alone."""
    return [name for name in names if any(part.startswith("_") for part in name.split(".")[2:])]


def test_no_file_of_a_room_hides() -> None:
    assert hidden(IN_ROOMS) == []
    assert hidden(["ganaug.evaluation.gain._table"]) == ["ganaug.evaluation.gain._table"]


@pytest.mark.parametrize("source", ["", "__all__ = []", '__all__ = ["a", "b", "c", "d"]'])
def test_a_room_without_a_table_of_contents_is_found(source: str) -> None:
    assert not is_table_of_contents(source)
    assert is_table_of_contents('"""Words."""\n__all__ = ["a", "b", "c"]')


def test_no_circle_of_files() -> None:
    circle = shortest_circle(import_graph(FILES))
    assert not circle, " -> ".join(circle)


@pytest.mark.parametrize(
    "texts",
    [
        {"ganaug.a": "import ganaug.b", "ganaug.b": "from ganaug.a import x"},
        {"ganaug.a": "def f():\n    from ganaug.b import x", "ganaug.b": "import ganaug.a"},
        {
            "ganaug.a": "if TYPE_CHECKING:\n    from ganaug import b",
            "ganaug.b": "import ganaug.c",
            "ganaug.c": "from ganaug.a import x",
        },
        # A room's file that imports from the room's own table of contents.
        {"ganaug.a": "from ganaug.a.b import x", "ganaug.a.b": "from ganaug.a import y"},
        {"ganaug.training": "import ganaug.a", "ganaug.a": "from ganaug import fit"},
        {"ganaug": "import ganaug.a", "ganaug.a": "from ganaug import __version__"},
        {"ganaug.a": "import ganaug.a"},
    ],
)
def test_a_circle_is_found(texts: dict[str, str]) -> None:
    straight = {"ganaug.d": "import ganaug.a", "ganaug.e": "from ganaug import d"}
    circle = shortest_circle(import_graph(straight | texts))
    assert circle[0] == circle[-1]
    assert {*circle} == {*texts}


def test_what_is_no_circle_passes() -> None:
    texts = {
        "ganaug": "from ganaug.a.b import x",
        "ganaug.a": "from ganaug.a.b import x\nfrom ganaug.a import c",
        "ganaug.a.b": "import ganaug.a.c\nfrom ganaug.a import c",
        "ganaug.a.c": "from ganaug import fit  # which is looked up when it is used",
    }
    assert shortest_circle(import_graph(texts)) == []


USE = """
import sys
import numpy as np
import torch
from ganaug import (
    AugmentedDataset, ClassBalancedSampler, GANAugment, Generator, MixedDataset, SyntheticDataset
)

class Real(torch.utils.data.Dataset):
    classes, targets = ["a", "b"], [0, 0, 0, 1]
    def __len__(self):
        return 4
    def __getitem__(self, index):
        return torch.full((1, 8, 8), index, dtype=torch.uint8), self.targets[index]

path, real = sys.argv[1], Real()
Generator(path).vary(np.zeros((2, 1, 8, 8), np.float32), np.zeros((2, 4), np.float32))
mixed = MixedDataset(real, SyntheticDataset(path, source=real, counts="balance"))
data = AugmentedDataset(mixed, GANAugment(path, p=1.0))
loader = torch.utils.data.DataLoader(data, 3, sampler=ClassBalancedSampler(mixed.targets))
assert sum(len(labels) for _, labels in loader) == 6
print(*sorted(sys.modules))
"""


def test_using_a_file_loads_no_training_code(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "small.onnx")
    done = subprocess.run([sys.executable, "-c", USE, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules = done.stdout.split()
    assert "ganaug.use.transform" in modules
    assert [name for name in modules if name.split(".")[0] in HEAVY] == []
    ours = {name.split(".")[1] for name in modules if name.startswith("ganaug.")}
    assert ours <= {*LAYERS[-1], "artifact", "images", "use"}

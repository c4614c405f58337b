"""The layers of docs/architecture.md, read from the imports of every file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.small_models import write_variation_model

import ganaug

PACKAGE = Path(ganaug.__file__).parent

# From the top; a module may import from its own layer and from those below it.
LAYERS = (
    ("cli",),
    ("report",),
    ("demo", "imbalanced"),
    ("evaluation",),
    ("training",),
    ("use",),
    ("metrics",),
    ("artifact",),
    ("images",),
    ("devices", "errors", "files", "randomness", "work", "_version"),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# Running a file needs none of these; training and evaluation may.
HEAVY = {"matplotlib", "onnxscript", "scipy", "sklearn"}
LIGHT_LAYERS = {"use", "artifact"}


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
        ("training", "from . import loop"),
        ("training", "from ganaug.evaluation.gain.evaluate import evaluate_gain"),
        ("evaluation", "from ganaug.training.fit import train"),
        ("evaluation", "from ganaug.training import PRESETS"),
        ("errors", "import ganaug.files\nfrom ganaug.images import load_images"),
        ("report", "from ganaug.helpers import x"),
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
    ],
)
def test_an_allowed_arrow_passes(layer: str, source: str) -> None:
    assert violations(layer, source) == []


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
    assert ours <= {"_version", "artifact", "errors", "files", "images", "randomness", "use"}

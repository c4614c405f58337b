"""`--classifier torchvision:NAME` and `probe:...`, with weights that a file holds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers.small_weights import NETWORK
from torchvision.models import get_model_weights

from ganaug.cli import run


@pytest.fixture
def file(artifact: Path, tmp_path: Path) -> Path:
    return shutil.copy(artifact, tmp_path / "photos.onnx")


def test_evaluate_with_a_frozen_network(
    photos: Path, file: Path, weights: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    given = ["--classifier", f"probe:torchvision:{NETWORK}", "--weights", str(weights)]
    few = ["--size", "40x36", "--quick", "--seeds", "1", "--jobs", "1", "--json", str(record)]
    arms = ["--arms", "balanced,ganaug", "--baseline", "balanced"]
    assert run(["-q", "evaluate", str(file), str(photos), *given, *few, *arms]) == 0
    settings = json.loads(record.read_text())["gain"]["settings"]
    assert settings["classifier"].startswith(f"probe:torchvision:{NETWORK} (weights ")
    assert settings["classifier"].endswith(" at 40x36")
    assert settings["steps"] == 1


def test_download_is_for_the_weights_where_photographs_lie_in_a_folder(
    photos: Path, file: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that were fetched before are taken from torch's cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    place = tmp_path / "home" / "hub" / "checkpoints"
    place.mkdir(parents=True)
    url = get_model_weights(NETWORK).DEFAULT.url
    shutil.copy(weights, place / url.rpartition("/")[2])
    given = ["--classifier", f"probe:torchvision:{NETWORK}", "--download", "--size", "32"]
    few = ["--quick", "--seeds", "1", "--jobs", "1", "--arms", "plain", "--no-write"]
    assert run(["-q", "evaluate", str(file), str(photos), *given, *few]) == 0


@pytest.mark.parametrize("name", ["evaluate", "tune"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--classifier", "probe:torchvision:resnet-18"], "did you mean 'resnet18'"),
        (["--classifier", "keras:resnet50"], "no library of networks"),
        (
            ["--classifier", f"torchvision:{NETWORK}"],
            f"weights of torchvision:{NETWORK}: not on this machine",
        ),
        (["--classifier", "resnet18", "--weights", "none"], "trained from scratch"),
        (["--weights", "DEFAULT"], "given without --classifier"),
        (["--download"], "leave --root and --download out"),
        (["--classifier", f"torchvision:{NETWORK}", "--weights", "x.pth"], "no such file"),
    ],
    ids=str,
)
def test_refused_before_any_work(
    name: str,
    options: list[str],
    message: str,
    photos: Path,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))  # no weights there
    assert run([name, str(file), str(photos), *options]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["photos.onnx"]

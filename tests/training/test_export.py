"""`export`: onnxruntime computes what torch computes, and the file says nothing of this machine."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from helpers.small_images import bars

from ganaug.artifact.format import INTENDED_USE, OUTPUTS, PRIVACY
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.runtime import Generator
from ganaug.errors import GanaugError, RunError
from ganaug.training import checkpoint, export, fit
from ganaug.training.config import FitConfig
from ganaug.training.networks import VariationGenerator, build_generator

SHORT: dict[str, Any] = {
    "preset": "tiny",
    "steps": 2,
    "width": 8,
    "batch_size": 4,
    "device": "cpu",
    "precision": "fp32",
}


def test_large_images_of_hard_edges_are_exported(tmp_path: Path) -> None:
    """The last bit of a position moves an edge by a share that grows with the side."""
    pixels = np.random.default_rng(0).integers(0, 2, (8, 32, 1024, 1), np.uint8) * 255
    images = replace(bars((4, 4)), images=pixels, keys=np.arange(8, dtype=np.uint64))
    run = fit(images, tmp_path / "run", all_images=True, **SHORT | {"steps": 4})
    assert export(run, tmp_path / "wide.onnx").size == (32, 1024)


def trained(run: Path, config: FitConfig, channels: int, classes: int) -> torch.nn.Module:
    record = checkpoint.read(run)
    assert record is not None
    generator = build_generator(config, channels, classes)
    generator.load_state_dict(record.weights("average"))
    return generator.eval().requires_grad_(False)


SIZES = [(8, 8), (28, 28), (32, 32), (64, 64), (20, 36)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["variation", "class"])
def test_parity(tmp_path: Path, kind: str, channels: int, size: tuple[int, int]) -> None:
    images = bars((6, 5), size, channels)
    run = fit(images, tmp_path / "run", kind=kind, all_images=True, **SHORT)
    metadata = export(run, tmp_path / "file.onnx")
    torch_model = trained(run, FitConfig.from_dict(metadata.config), channels, 2)
    generator = Generator(tmp_path / "file.onnx")
    rng = np.random.default_rng(0)
    for count in (1, 2, 7, 64):
        latent = rng.standard_normal((count, metadata.latent_dim), dtype=np.float32)
        if kind == "variation":
            assert isinstance(torch_model, VariationGenerator)
            pixels = images.images[rng.integers(0, len(images), count)]
            image = (pixels.transpose(0, 3, 1, 2) / 255).astype(np.float32)
            parts = generator.outputs(image, latent, OUTPUTS["variation"])
            wanted = torch_model.vary_parts(torch.from_numpy(image), torch.from_numpy(latent))
            for found, each in zip(parts.values(), wanted, strict=True):
                np.testing.assert_allclose(found, each.numpy(), atol=1e-4, rtol=0)
            made, expected = generator.vary(image, latent), wanted[0]
        else:
            label = rng.integers(0, 2, count)
            made = generator.generate(label, latent)
            expected = torch_model(torch.from_numpy(label), torch.from_numpy(latent))
        assert made.shape == (count, channels, *size)
        np.testing.assert_allclose(made, expected.numpy(), atol=1e-4, rtol=0)
        assert made.std() > 1e-3  # an image, not a constant; it is hardly trained
    assert metadata.parity["batches"] == [1, 2, 7, 64]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(bars((8, 6)), tmp_path_factory.mktemp("export") / "run", **SHORT)


def test_same_weights_give_the_same_bytes(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "one.onnx")
    (tmp_path / "elsewhere").mkdir()
    export(run, tmp_path / "elsewhere" / "two.onnx")
    first, second = (tmp_path / "one.onnx", tmp_path / "elsewhere" / "two.onnx")
    assert first.read_bytes() == second.read_bytes()


def test_says_nothing_of_this_machine(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "file.onnx")
    content = (tmp_path / "file.onnx").read_bytes()
    folders = {str(Path(place).resolve()) for place in (run, Path.cwd(), torch.__path__[0])}
    names = [name for name in (socket.gethostname(), getpass.getuser()) if len(name) > 4]
    for word in (*folders, *names, "site-packages", ".py", "/home/", "stack_trace"):
        assert word.encode() not in content, word
    assert not re.search(rb"[A-Za-z]:\\\\", content)
    model = onnx.load_from_string(content)
    assert [prop.key for prop in model.metadata_props] == ["ganaug"]
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


def test_metadata_tells_what_was_trained(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "file.onnx")
    _, metadata, _ = read_artifact(tmp_path / "file.onnx")
    images = bars((8, 6)).hold_out()
    assert metadata.classes == ("bar 0", "bar 1")
    assert metadata.counts == tuple(images.counts)
    assert metadata.fingerprint == images.fingerprint
    assert images.test is not None
    assert metadata.data["held_out_fingerprint"] == images.test.fingerprint
    assert metadata.steps == 2
    assert metadata.policy is not None
    assert metadata.policy.evidence is None


def test_an_unfinished_run_is_exported_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(step: int, total: int, row: dict[str, Any]) -> None:
        raise RuntimeError("pulled the plug")

    options = SHORT | {"steps": 4, "checkpoint_every": 1, "log_every": 3}
    with pytest.raises(RuntimeError):
        fit(bars(), tmp_path / "run", progress=stop, **options)
    metadata = export(tmp_path / "run", tmp_path / "file.onnx")
    assert "after 2 of 4 steps" in caplog.text
    assert metadata.warnings == ("exported after 2 of 4 steps", PRIVACY)
    assert metadata.intended_use == INTENDED_USE


def test_no_run_no_file(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run folder"):
        export(tmp_path, tmp_path / "file.onnx")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_does_not_exist_is_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        export(run, tmp_path / "nowhere" / "file.onnx")


def test_a_folder_as_target_is_refused_before_any_work(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="it is a folder"):
        export(run, tmp_path)


@pytest.mark.parametrize("name", ["examples.npz", "data.json"])
def test_a_damaged_run_is_named(run: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / name).write_text("{}")
    with pytest.raises(RunError, match="train again in another folder"):
        export(copy, tmp_path / "file.onnx")
    assert not (tmp_path / "file.onnx").exists()


@pytest.mark.parametrize("name", OUTPUTS["variation"])
def test_a_disagreement_is_refused(
    name: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Export compares every output by value: make torch compute something else than the graph."""
    original = VariationGenerator.vary_parts

    def brighter(self: VariationGenerator, image: Any, latent: Any) -> Any:
        parts = dict(zip(OUTPUTS["variation"], original(self, image, latent), strict=True))
        parts[name] = parts[name] + 0.01
        return tuple(parts.values())

    monkeypatch.setattr(VariationGenerator, "vary_parts", brighter)
    with pytest.raises(GanaugError, match=rf"differ by 0\.01 in {name} \[1,") as caught:
        export(run, tmp_path / "file.onnx")
    assert caught.value.exit_code == 1
    assert os.listdir(tmp_path) == []

"""Run folders whose files are damaged, swapped or made up: one line each, never a traceback."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from helpers.short_runs import SHORT
from helpers.small_images import bars
from helpers.small_models import metadata_of

from ganaug.errors import RunError
from ganaug.report.history import find_run, read_history
from ganaug.training import export, fit


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(bars((30, 4)), tmp_path_factory.mktemp("run") / "run", **SHORT)


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(RunError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    return text


def exported(run: Path) -> str:
    """The message with which export refuses the run."""
    text = refused(lambda: export(run, run / "file.onnx"))
    assert not (run / "file.onnx").exists()
    return text


def edit(path: Path, **fields: Any) -> None:
    record = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in (record | fields).items() if v is not ...}))


def tensors(run: Path) -> Path:
    path = run / json.loads((run / "checkpoint.json").read_text())["file"]
    return path


def rehash(run: Path) -> None:
    digest = hashlib.sha256(tensors(run).read_bytes()).hexdigest()
    edit(run / "checkpoint.json", sha256=digest)


@pytest.mark.parametrize("name", ["config.json", "data.json", "checkpoint.json"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"{}",
        b'{"seed": NaN}',
        b'{"seed": 1e999}',
        b'{"seed": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"\xff\xfe\x00",
        b"\x00" * 64,
    ],
)
def test_a_record_of_another_shape_is_refused(run: Path, name: str, content: bytes) -> None:
    (run / name).write_bytes(content)
    assert name in exported(run)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("config.json", {"seed": 1.5}),
        ("config.json", {"seed": 10**30}),
        ("config.json", {"config": []}),
        ("config.json", {"config": ...}),
        ("data.json", {"classes": ["a", ["b"], "c"]}),
        ("data.json", {"classes": []}),
        ("data.json", {"classes": ["a", "a"]}),
        ("data.json", {"classes": {"a": 1}}),
        ("data.json", {"counts": [1]}),
        ("data.json", {"counts": [1e300, 1]}),
        ("data.json", {"counts": [-1, 1]}),
        ("data.json", {"channels": True}),
        ("data.json", {"channels": 2**40}),
        ("data.json", {"notes": "text"}),
        ("data.json", {"notes": [1]}),
        ("data.json", {"source": None}),
        ("data.json", {"held_out": 3}),
        ("checkpoint.json", {"step": -1}),
        ("checkpoint.json", {"step": "1"}),
        ("checkpoint.json", {"format": 1.0}),
        ("checkpoint.json", {"file": "../../secret"}),
        ("checkpoint.json", {"file": "/dev/zero"}),
        ("checkpoint.json", {"file": 5}),
        ("checkpoint.json", {"sha256": "x" * 64}),
    ],
)
def test_a_field_of_another_form_is_named(run: Path, name: str, fields: dict[str, Any]) -> None:
    edit(run / name, **fields)
    text = exported(run)
    assert name in text
    assert next(iter(fields)) in text or "counts" in text


@pytest.mark.parametrize("field", ["classes", "counts", "fingerprint", "held_out", "notes"])
def test_a_missing_field_is_named(run: Path, field: str) -> None:
    edit(run / "data.json", **{field: ...})
    assert f"data.json: {field}: missing; allowed: " in exported(run)


@pytest.mark.parametrize(
    "values",
    [
        {"width": 2**40},
        {"latent_dim": 2**62},
        {"size": None},
        {"kind": "class"},
        {"width": 9},
        {"nonsense": 1},
        {"non\nsense": 1},
        {"steps": "many"},
    ],
)
def test_a_config_that_is_not_that_of_the_weights_takes_no_memory(
    run: Path, values: dict[str, Any]
) -> None:
    config = json.loads((run / "config.json").read_text())["config"]
    edit(run / "config.json", config=config | values)
    told = exported(run)
    assert re.search("do not fit together|perhaps of another ganaug", told)
    assert "\n" not in told.strip()


def test_a_size_that_is_not_that_of_the_images_takes_no_memory(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())["config"]
    edit(run / "config.json", config=config | {"size": [2**30, 2**30]})
    assert "size: 1073741824x1073741824 is not allowed" in exported(run)
    edit(run / "config.json", config=config | {"size": [4000, 4000]})
    edit(run / "checkpoint.json", run=None)
    assert "examples.npz: is missing or damaged" in exported(run)


def test_a_checkpoint_of_another_run_is_refused(run: Path, tmp_path: Path) -> None:
    """The networks are the same ones, so that its tensors fit."""
    other = fit(bars((30, 4)), tmp_path / "other", seed=1, **SHORT)
    for path in (*other.glob("checkpoint*"), other / "data.json"):
        shutil.copy(path, run)
    words = "checkpoint.json: was not written by the run that config.json and data.json beside it"
    assert words in exported(run)
    assert words in refused(lambda: fit(bars((30, 4)), run, **SHORT))


@pytest.mark.parametrize("fields", [{"classes": ["x", "y"]}, {"counts": [3, 3]}, {"channels": 3}])
def test_what_data_json_says_of_the_images_is_what_it_said(
    run: Path, fields: dict[str, Any]
) -> None:
    edit(run / "data.json", **fields)
    assert exported(run)
    words = "was not written by the run that config.json and data.json beside it"
    assert words in refused(lambda: fit(bars((30, 4)), run, **SHORT))


def test_a_run_without_its_data_json_does_not_go_on_to_what_cannot_be_exported(run: Path) -> None:
    (run / "data.json").unlink()
    assert "was not written by the run" in refused(lambda: fit(bars((30, 4)), run, **SHORT))


@pytest.mark.parametrize("step", [0, 2, 7, 2**52])
def test_a_checkpoint_is_of_the_step_that_its_file_is_called_by(run: Path, step: int) -> None:
    edit(run / "checkpoint.json", step=step)
    assert f"step {step} in the file checkpoint-" in exported(run)
    assert f"step {step} in the file checkpoint-" in refused(
        lambda: fit(bars((30, 4)), run, **SHORT)
    )


def test_a_setting_that_this_version_does_not_know_is_refused(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())["config"]
    edit(run / "config.json", config=config | {"later": 1})
    text = refused(lambda: fit(bars((30, 4)), run, **SHORT))
    assert "later is 1 there, which this version does not know" in text


def test_text_that_is_half_a_character_is_made_whole(run: Path) -> None:
    """An older version wrote a file name that is not UTF-8 into a note."""
    edit(run / "data.json", notes=["skipped caf\udce9.png"], source="\ud800")
    metadata = export(run, run / "file.onnx")
    assert metadata.warnings[0] == "skipped caf\\udce9.png"
    assert metadata.data["source"] == "\\ud800"


@pytest.mark.parametrize("name", ["config.json", "data.json", "examples.npz", "checkpoint.json"])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_not_waited_for(run: Path, name: str) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    assert "run" in exported(run)


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _large_header(content: bytes) -> bytes:
    return struct.pack("<Q", 2**62) + content[8:]


def _other(content: bytes) -> bytes:
    return safetensors.torch.save({"average.x": torch.zeros(2)})


def _half(content: bytes) -> bytes:
    kept = safetensors.torch.load(content)
    return safetensors.torch.save({name: value.half() for name, value in kept.items()})


def _transposed(content: bytes) -> bytes:
    kept = safetensors.torch.load(content)
    return safetensors.torch.save({name: value[None] for name, value in kept.items()})


@pytest.mark.parametrize("spoil", [_cut, _large_header, _other, _half, _transposed, lambda _: b""])
def test_tensors_with_a_mended_hash_are_refused(run: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tensors(run)
    path.write_bytes(spoil(path.read_bytes()))
    rehash(run)
    assert "train again in another folder" in exported(run)
    step = json.loads((run / "checkpoint.json").read_text())["step"]
    assert step == SHORT["steps"]
    if spoil is not _half:  # copied into float32 weights
        text = refused(lambda: fit(bars((30, 4)), run, **SHORT))
        assert "train again in another folder" in text


def test_an_optimiser_of_other_parameters_is_refused(run: Path) -> None:
    path = tensors(run)
    kept = safetensors.torch.load(path.read_bytes())
    spoiled = {k: v for k, v in kept.items() if k != "optimizer_g.0.exp_avg"}
    path.write_bytes(safetensors.torch.save(spoiled))
    rehash(run)
    assert "an optimiser of other parameters" in refused(lambda: fit(bars((30, 4)), run, **SHORT))


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((4, 8, 8, 3), np.float32),
        np.zeros((4, 8, 8, 1), np.uint8),
        np.zeros((400, 16, 16, 3), np.uint8),
        np.zeros((0, 16, 16, 3), np.uint8),
        np.zeros((), np.uint8),
        np.array([{}], object),
    ],
)
def test_examples_of_another_form_are_refused(run: Path, images: np.ndarray) -> None:
    np.savez(run / "examples.npz", images=images)
    assert "examples.npz: is missing or damaged" in exported(run)


# --- logs ---


@pytest.mark.parametrize("name", ["metrics.jsonl", "diversity.jsonl"])
@pytest.mark.parametrize(
    "line",
    ["[]", "7", "null", "{}", '{"step": "3"}', '{"step": -1}', '{"step": 1, "loss_g": "low"}',
     '{"step": 1, "loss_g": 1e999}', '{"step": 1, "loss_g": [1]}', "nonsense", "[" * 10_000],
)  # fmt: skip
def test_a_line_that_fit_does_not_write_is_named(run: Path, name: str, line: str) -> None:
    log = run / name
    rows = log.read_text()
    assert rows.endswith("\n")
    log.write_text(f"{line}\n{rows}")
    assert f"{name}: cannot be read (line 1: " in refused(lambda: read_history(run))
    refused(lambda: find_run(run, metadata_of("variation"), run / "file.onnx"))
    assert find_run(None, metadata_of("variation"), run / "file.onnx") is None
    os.unlink(run / "checkpoint.json")  # so that it trains again
    assert name in refused(lambda: fit(bars((30, 4)), run, **SHORT))
    log.write_text(f"{rows}{line}")  # without its end: a kill cut it off
    assert len(read_history(run)) >= 1

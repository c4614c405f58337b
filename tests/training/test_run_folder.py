"""The run folder: what it contains, which run goes on in it, and which folders are refused."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from helpers.short_runs import SHORT, weights
from helpers.small_images import bars
from PIL import Image

from ganaug.errors import RunError
from ganaug.training import fit, run_folder


def test_every_file_is_described(tmp_path: Path) -> None:
    """A stranger finds in the table of the module what lies in a run folder, and nothing more."""
    run = fit(bars((30, 4)), tmp_path / "run", **SHORT)
    assert run_folder.__doc__ is not None
    rows = [line.split("|")[1] for line in run_folder.__doc__.splitlines() if line.startswith("|")]
    described = {name.strip().rstrip("/") for row in rows[2:] for name in row.split(",")}
    found = {re.sub(r"-\d{6}\.", "-NNNNNN.", path.name) for path in run.iterdir()}
    only_some = {"start.safetensors", "tensorboard", "mlflow", "tracker.json"}
    assert found == described - only_some
    assert only_some <= described


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 8}, "steps is 6 there, 8 here"),
        ({"seed": 5}, "seed is 0 there, 5 here"),
        ({"source": bars(seed=9)}, "trained on other images"),
    ],
)
def test_another_run_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    fit(bars(), tmp_path / "run", **SHORT)
    before = weights(tmp_path / "run")
    options: dict[str, Any] = {"source": bars(), **SHORT, **change}
    with pytest.raises(RunError, match=words):
        fit(out=tmp_path / "run", **options)
    torch.testing.assert_close(weights(tmp_path / "run"), before, rtol=0, atol=0)


def write_as_older(run: Path, config: dict[str, Any]) -> None:
    """Write `config` as a version did that kept no hash of the run in its checkpoint."""
    (run / "config.json").write_text(json.dumps(config))
    pointer = json.loads((run / "checkpoint.json").read_text())
    del pointer["run"]
    (run / "checkpoint.json").write_text(json.dumps(pointer))


def test_what_an_older_version_did_not_write_was_off(tmp_path: Path) -> None:
    """Its run goes on where the setting is off, and is another run where it is not."""
    run = fit(bars(), tmp_path / "run", shared_affine=0.0, **SHORT)
    record = json.loads((run / "config.json").read_text())
    del record["config"]["shared_affine"]
    write_as_older(run, record)
    before = weights(run)
    fit(bars(), run, shared_affine=0.0, **SHORT)
    torch.testing.assert_close(weights(run), before, rtol=0, atol=0)
    with pytest.raises(RunError, match=r"shared_affine is 0\.0 there, 0\.5 here"):
        fit(bars(), run, shared_affine=0.5, **SHORT)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be created"):
        fit(bars(), tmp_path / "file" / "run", **SHORT)


def test_a_start_that_was_killed_is_no_other_run(tmp_path: Path) -> None:
    whole, run = fit(bars((20, 4)), tmp_path / "whole", **SHORT), tmp_path / "run"
    run.mkdir()
    for name in (".lock", ".data.json.x1.json", ".examples.npz.y2.npz"):
        (run / name).write_text("")
    for name in ("data.json", "examples.npz"):
        shutil.copy(whole / name, run)
    fit(bars(), run, **SHORT)
    assert json.loads((run / "data.json").read_text())["classes"] == ["bar 0", "bar 1", "bar 2"]


@pytest.mark.parametrize("name", ["data.json", "examples.npz", "start.safetensors"])
def test_files_of_the_user_with_the_names_of_a_run_stay(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "examples.npz":
        np.savez(path, mine=np.arange(5))
    elif name == "data.json":
        path.write_text('{"precious": 1}')
    else:
        safetensors.torch.save_file({"mine": torch.zeros(3)}, path)
    before = path.read_bytes()
    with pytest.raises(RunError, match=f"holds other files .{name}"):
        fit(bars(), tmp_path, **SHORT)
    assert path.read_bytes() == before


def test_the_same_images_in_another_mode_or_with_groups_are_another_run(tmp_path: Path) -> None:
    images = bars()
    held = replace(images, test=images.take(range(4)))
    run = fit(held, tmp_path / "run", **SHORT)
    colour = replace(held, images=held.images.repeat(3, axis=3), test=None)
    with pytest.raises(RunError, match="channels is 1 there, 3 here"):
        fit(colour, run, all_images=True, **SHORT)
    grouped = replace(held, groups=np.arange(len(held)) // 2)
    with pytest.raises(RunError, match="with other groups"):
        fit(grouped, run, **SHORT)


def test_a_refused_folder_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("words")
    with pytest.raises(RunError, match=r"thesis\.tex"):
        fit(bars(), tmp_path, **SHORT)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_refuses_a_run_inside_the_folder_of_the_images(tmp_path: Path) -> None:
    """Its sample grids would be read as a class of their own when the same command resumes."""
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for at, image in enumerate(bars((4,)).images):
            Image.fromarray(image[..., 0]).save(tmp_path / "photos" / name / f"{at}.png")
    with pytest.raises(RunError, match="lies in the folder of the images"):
        fit(tmp_path / "photos", tmp_path / "photos" / "run", **SHORT)
    assert not (tmp_path / "photos" / "run").exists()
    (tmp_path / "parts").mkdir()
    (tmp_path / "photos").rename(tmp_path / "parts" / "Train")  # no class beside the parts
    run = fit(tmp_path / "parts", tmp_path / "parts" / "run", **SHORT)
    assert fit(tmp_path / "parts", run, **SHORT) == run


def test_the_same_images_in_another_order_are_another_run(tmp_path: Path) -> None:
    """A file that was renamed moves to another row, and batches are drawn by row."""
    images = bars()
    run = fit(images, tmp_path / "run", all_images=True, **SHORT)
    renamed = images.take(np.roll(np.arange(len(images)), 1))
    assert renamed.fingerprint == images.fingerprint
    with pytest.raises(RunError, match=r"in another order; give the files their old names"):
        fit(renamed, run, all_images=True, **SHORT)
    record = json.loads((run / "config.json").read_text())
    del record["order"]  # an older version did not write it
    write_as_older(run, record)
    assert fit(renamed, run, all_images=True, **SHORT) == run

"""`fit`: a run resumes exactly, leaves a finished run alone, and survives Ctrl-C."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.short_runs import SHORT, weights
from helpers.small_images import bars
from PIL import Image

from ganaug.devices import choose_device
from ganaug.errors import ConfigError, DataError, DeviceError, GanaugError, RunError
from ganaug.images import ImageSet, load_images
from ganaug.training import checkpoint, export, fit
from ganaug.training.config import make_config
from ganaug.training.readable import refuse_unreadable


def test_writes_a_whole_run(tmp_path: Path) -> None:
    rows: list[tuple[int, int, dict[str, Any]]] = []
    ended: list[bool] = []

    def told(*row: Any) -> None:
        rows.append(row)
        ended.append((tmp_path / "run" / "samples" / "curves.png").exists())

    run = fit(bars(), tmp_path / "run", progress=told, class_match=1.0, **SHORT)
    assert ended == [False, False, True]  # of the last step when nothing is left to do
    names = {path.name for path in run.iterdir()}
    assert {"config.json", "data.json", "metrics.jsonl", "checkpoint.json", "samples"} <= names
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6]
    assert {"loss_d", "loss_g", "images_per_second", "r1", "moved", "lost_class"} <= lines[0].keys()
    assert [(step, total) for step, total, _ in rows] == [(2, 6), (4, 6), (6, 6)]
    with Image.open(run / "samples" / "step-000006.png") as grid:
        assert np.asarray(grid).std() > 10
    data = json.loads((run / "data.json").read_text())
    assert sum(data["counts"]) < 42  # a fifth was held out
    assert data["held_out_fingerprint"]


def test_what_could_never_be_exported_is_not_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"size: 512x512; the generator would have 40\d,.* bytes"):
        fit(bars((6, 6), (512, 512), 3), tmp_path / "run", preset="classic", steps=1)
    assert not (tmp_path / "run").exists()


def test_what_could_never_be_read_is_not_trained() -> None:
    pixels = np.zeros((4, 900, 1200, 3), np.uint8)
    images = ImageSet(pixels, np.array([0, 0, 1, 1]), ("a", "b"))
    before = torch.get_rng_state()
    with pytest.raises(ConfigError, match=r"size: 900x1200; .* GANAUG_MAX_IMAGE_MIB=7\d\d"):
        refuse_unreadable(images, make_config("tiny", size=(900, 1200)))
    assert torch.equal(torch.get_rng_state(), before)


def test_progress_true_writes_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(bars(), tmp_path / "run", progress=True, **SHORT)
    lines = capsys.readouterr().err.splitlines()
    told = "training the generator"
    numbers = [f"{told} {n}/6" for n in (2, 4, 6)]
    assert [line.partition(",")[0] for line in lines] == [told, *numbers]
    assert all("images/s, loss_d" in line for line in lines[1:])
    assert ["left" in line for line in lines] == [False, True, True, True]
    fit(bars(), tmp_path / "run", progress=True, **SHORT)
    assert capsys.readouterr().err == ""  # nothing is left to train


def test_images_that_are_read_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit("digits", tmp_path / "run", progress=True, **SHORT | {"steps": 1})
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["reading images", "training the generator"]


@pytest.mark.parametrize("kind", ["variation", "class"])
def test_interrupted_and_resumed_equals_uninterrupted(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupt(step: int, total: int, row: dict[str, Any]) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    whole = fit(bars(), tmp_path / "whole", kind=kind, **SHORT)
    part = tmp_path / "part"
    with pytest.raises(KeyboardInterrupt, match="after step 4 of 6; the same command resumes"):
        fit(bars(), part, kind=kind, progress=interrupt, **SHORT)
    record = checkpoint.read(part)
    assert record is not None
    assert record.step == 4
    ticks: list[int] = []
    with caplog.at_level(logging.INFO, "ganaug"):
        fit(bars(), part, kind=kind, tick=ticks.append, **SHORT)
    assert "going on after step 4 of 6" in caplog.messages
    assert ticks == [5, 6]
    torch.testing.assert_close(weights(part), weights(whole), rtol=0, atol=0)
    steps = [json.loads(row)["step"] for row in (part / "metrics.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6]
    assert (part / "diversity.jsonl").read_bytes() == (whole / "diversity.jsonl").read_bytes()


@pytest.mark.parametrize("at", ["tick", "save"])
def test_ctrl_c_in_the_last_step_is_heard(
    tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows the training may take hours."""
    given: dict[str, Any] = {}
    if at == "tick":
        given["tick"] = lambda step: signal.raise_signal(signal.SIGINT) if step == 6 else None
    else:

        def save(*arguments: Any, **options: Any) -> None:
            signal.raise_signal(signal.SIGINT)
            checkpoint_save(*arguments, **options)

        checkpoint_save = checkpoint.save
        monkeypatch.setattr(checkpoint, "save", save)
        given["checkpoint_every"] = 6
    with pytest.raises(KeyboardInterrupt, match="after step 6 of 6; the same command resumes"):
        fit(bars(), tmp_path / "run", **SHORT | given)
    given.pop("tick", None)
    run = fit(bars(), tmp_path / "run", **SHORT | given, tick=pytest.fail)
    assert weights(run).keys()


def test_a_caller_s_precision_of_products_changes_nothing(tmp_path: Path) -> None:
    """Lightning tells its users to set it."""
    before = torch.get_float32_matmul_precision()
    found = []
    try:
        for precision in ("highest", "medium"):
            torch.set_float32_matmul_precision(precision)
            run = fit(bars((8, 8), (16, 16)), tmp_path / precision, **SHORT | {"width": 16})
            assert torch.get_float32_matmul_precision() == precision
            found.append(weights(run))
    finally:
        torch.set_float32_matmul_precision(before)
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)


@pytest.mark.parametrize("stop", [3, 5])
def test_rows_are_those_of_a_run_without_a_stop(tmp_path: Path, stop: int) -> None:
    """Stopped between two rows; a row is a mean over the steps before the stop, too."""

    def interrupt(step: int) -> None:
        if step == stop:
            os.kill(os.getpid(), signal.SIGINT)

    whole, part = fit(bars(), tmp_path / "whole", **SHORT), tmp_path / "part"
    with pytest.raises(KeyboardInterrupt, match=f"after step {stop} of 6"):
        fit(bars(), part, tick=interrupt, **SHORT)
    fit(bars(), part, **SHORT)
    rows = [
        [
            {key: value for key, value in json.loads(line).items() if "second" not in key}
            for line in (run / "metrics.jsonl").read_text().splitlines()
        ]
        for run in (whole, part)
    ]
    assert rows[0] == rows[1]
    assert weights(whole).keys() == weights(part).keys()


@pytest.mark.skipif(sys.platform == "win32", reason="an open folder cannot be moved")
@pytest.mark.parametrize("then", ["moved", "replaced"])
def test_a_folder_that_is_moved_while_it_trains_ends_the_training(
    tmp_path: Path, then: str
) -> None:
    """Else its checkpoints would be those of the run that has the name next."""
    run, moved = tmp_path / "run", tmp_path / "moved"
    before: list[dict[str, bytes]] = []

    def move(step: int) -> None:
        if step == 4:
            run.rename(moved)
            if then == "replaced":
                fit(bars(seed=9), run, seed=1, **SHORT)
                before.append({path.name: path.read_bytes() for path in run.glob("*.*")})

    with pytest.raises(RunError, match="the folder was moved or replaced while it trained"):
        fit(bars(), run, tick=move, **SHORT)
    if then == "replaced":
        assert before == [{path.name: path.read_bytes() for path in run.glob("*.*")}]
    else:
        assert not run.exists()
    whole = fit(bars(), tmp_path / "whole", **SHORT)
    torch.testing.assert_close(weights(fit(bars(), moved, **SHORT)), weights(whole))


def test_a_checkpoint_is_signed_for_the_run_that_began(tmp_path: Path) -> None:
    """Not for what lies beside it when it is written."""
    other = fit(bars(seed=9), tmp_path / "other", seed=1, **SHORT)

    def exchange(step: int) -> None:
        if step == 4:
            for name in ("config.json", "data.json"):
                shutil.copy(other / name, tmp_path / "run" / name)

    run = fit(bars(), tmp_path / "run", tick=exchange, **SHORT)
    with pytest.raises(RunError, match="was not written by the run that"):
        fit(bars(seed=9), run, seed=1, **SHORT)


@pytest.mark.parametrize("kind", ["variation", "class"])
def test_diversity_is_followed_at_each_checkpoint(tmp_path: Path, kind: str) -> None:
    run = fit(bars((30, 4)), tmp_path / "run", kind=kind, **SHORT)
    rows = [json.loads(row) for row in (run / "diversity.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 6]
    numbers = {"coverage", "precision", "texture", "spread", "near_duplicates", "kernel"}
    signs = {"variety", "latent_use", "distance"}
    judged = {"told_apart", "judged", "reaction", "largest_logit"}
    assert all(set(row) == {"step"} | numbers | signs | judged for row in rows)
    few = fit(bars((8, 4)), tmp_path / "few", kind=kind, **SHORT)
    rows = [json.loads(row) for row in (few / "diversity.jsonl").read_text().splitlines()]
    assert all(set(row) == {"step"} | signs | judged for row in rows)


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    run = fit(bars(), tmp_path / "run", **SHORT)
    before = {path: path.stat().st_mtime_ns for path in run.iterdir() if path.name != ".lock"}
    fit(bars(), run, **SHORT)
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_seed_decides_everything(tmp_path: Path) -> None:
    runs = [fit(bars(), tmp_path / n, seed=s, **SHORT) for n, s in (("a", 1), ("b", 1), ("c", 2))]
    torch.testing.assert_close(weights(runs[0]), weights(runs[1]), rtol=0, atol=0)
    assert not torch.equal(
        weights(runs[0])["average.to_half.weight"], weights(runs[2])["average.to_half.weight"]
    )


def test_a_seed_of_numpy_is_that_number(tmp_path: Path) -> None:
    run = fit(bars(), tmp_path / "run", seed=np.int64(5), **SHORT)  # type: ignore[arg-type]
    assert json.loads((run / "config.json").read_text())["seed"] == 5
    before = weights(run)
    fit(bars(), run, seed=5, **SHORT)
    torch.testing.assert_close(weights(run), before, rtol=0, atol=0)
    with pytest.raises(ConfigError, match=r"^seed: None; allowed: a whole number"):
        fit(bars(), tmp_path / "none", seed=None, **SHORT)  # type: ignore[arg-type]
    assert not (tmp_path / "none").exists()


def test_refused_images_leave_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no class has two training images"):
        fit(bars((2, 2)), tmp_path / "run", **SHORT)
    fit(bars((2, 2)), tmp_path / "run", all_images=True, **SHORT)


def test_what_cannot_be_held_out_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(bars((8, 8, 1)), tmp_path / "run", **SHORT)
    assert "no held-out image: bar 2" in caplog.text


@pytest.mark.parametrize("all_images", [False, True])
def test_what_was_noted_on_loading_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, all_images: bool
) -> None:
    images = bars((8, 8), (12, 12))
    file = tmp_path / "one.npz"
    np.savez(file, images=images.images, labels=images.labels + 1)
    note = "classes without a training image: 0"
    fit(file, tmp_path / "run", all_images=all_images, **SHORT)
    assert caplog.messages.count(note) == 1
    caplog.clear()
    fit(load_images(file), tmp_path / "run", all_images=all_images, **SHORT)
    assert note not in caplog.messages  # who loads the images has their notes


def test_a_single_image_is_a_source_without_pairs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="ganaug")
    fit(bars((20, 1)), tmp_path / "run", **SHORT)
    assert "classes with a single training image, which is varied, but" in caplog.text


def test_one_class_needs_the_class_kind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs at least 2"):
        fit(bars((20,)), tmp_path / "run", **SHORT)
    assert not (tmp_path / "run").exists()
    fit(bars((20,)), tmp_path / "run", kind="class", **SHORT)


@pytest.mark.parametrize("loss", ["minimax", "non_saturating", "least_squares", "hinge"])
@pytest.mark.parametrize("kind", ["variation", "class"])
def test_every_loss_trains_both_kinds(tmp_path: Path, loss: str, kind: str) -> None:
    options = SHORT | {"steps": 2}
    run = fit(bars(), tmp_path / "run", kind=kind, loss=loss, augment=["colour"], **options)
    assert all(torch.isfinite(value).all() for value in weights(run).values())


def test_divergence_is_an_error_not_a_result(tmp_path: Path) -> None:
    with pytest.raises(
        GanaugError, match="training stopped at step 1 after 3 rollbacks: the gradient of"
    ) as caught:
        fit(bars(), tmp_path / "run", **SHORT | {"r1": 1e40})
    assert caught.value.exit_code == 1


def test_classic_ignores_labels_and_ends_with_25_samples(tmp_path: Path) -> None:
    options = SHORT | {"preset": "classic", "steps": 3}
    run = fit(bars(), tmp_path / "run", **options)
    assert json.loads((run / "data.json").read_text())["classes"] == ["all"]
    with Image.open(run / "samples" / "step-000003.png") as grid:
        tiles = np.asarray(grid.convert("L"))
    for axis in (0, 1):
        gaps = np.flatnonzero((tiles == 255).all(axis))
        assert len(np.split(gaps, np.flatnonzero(np.diff(gaps) > 1) + 1)) == 6  # around 5 tiles


def test_bf16_trains_and_is_kept_on_resuming(tmp_path: Path) -> None:
    runs = {}
    for wanted in ("fp32", "bf16"):
        run = fit(bars(), tmp_path / wanted, **SHORT | {"precision": wanted, "steps": 2})
        assert json.loads((run / "config.json").read_text())["precision"] == wanted
        runs[wanted] = weights(run)
    assert all(torch.isfinite(value).all() for value in runs["bf16"].values())
    name = "average.to_half.weight"
    assert not torch.equal(runs["fp32"][name], runs["bf16"][name])
    torch.testing.assert_close(runs["fp32"][name], runs["bf16"][name], atol=0.05, rtol=0)


def test_training_moves_towards_real_pairs(tmp_path: Path) -> None:
    """After a few hundred steps a variation differs from its source about as much as a partner."""
    options = SHORT | {"steps": 250, "width": 16, "log_every": 50, "batch_size": 32}
    run = fit(bars((60, 30)), tmp_path / "run", **options)
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert 0.3 < last["moved"] / last["moved_real"] < 1.7


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    run = fit(bars(), tmp_path_factory.mktemp("usual") / "run", **SHORT | {"steps": 2})
    return weights(run)


@contextmanager
def default_of_64_bits() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "setting",
    [
        torch.no_grad(),
        torch.inference_mode(),
        torch.autocast("cpu", torch.bfloat16),
        torch.device("meta"),
        default_of_64_bits(),
    ],
    ids=lambda setting: type(setting).__name__,
)
def test_what_the_caller_has_set_in_torch_changes_no_weight(
    setting: AbstractContextManager[Any], usual: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    with setting:
        before = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device()
        run = fit(bars(), tmp_path / "run", **SHORT | {"steps": 2})
        export(run, tmp_path / "bars.onnx")
        after = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device()
    assert after == before
    found = weights(run)
    assert found.keys() == usual.keys()
    assert all(torch.equal(found[name], usual[name]) for name in usual)


def test_devices(tmp_path: Path) -> None:
    run = fit(bars(), tmp_path / "cpu", **SHORT | {"device": torch.device("cpu"), "steps": 1})
    assert all(value.device.type == "cpu" for value in weights(run).values())
    for other in (torch.device("cpu"), torch.device("cpu", 0), "cpu:0"):
        assert choose_device(other) == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(ConfigError, match="'meta' is not allowed"):
        choose_device(torch.device("meta"))
    for name in ("gpu", "cpu:", "cpu:3", "cuda:", "cuda:x"):
        with pytest.raises(ConfigError, match=f"'{name}' is not allowed"):
            fit(bars(), tmp_path / "run", **SHORT | {"device": name})
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="'cuda' is not available"):
            fit(bars(), tmp_path / "run", **SHORT | {"device": "cuda"})
    else:
        run = fit(bars(), tmp_path / "run", **SHORT | {"device": "cuda"})
        assert all(torch.isfinite(value).all() for value in weights(run).values())

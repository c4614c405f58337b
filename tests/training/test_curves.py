"""The picture of the curves: drawn at the end of a run, from what its logs hold."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from helpers.short_runs import SHORT
from helpers.small_images import bars
from PIL import Image

from ganaug.images.charts import COLOURS, HEIGHT, MARK, WIDTH, Chart, line_charts
from ganaug.training import fit
from ganaug.training.curves import draw_curves


def near(picture: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    """Return bool [H, W]: where the picture has about this colour."""
    away = np.asarray(picture, np.int64) - np.array(colour)
    return np.asarray(np.abs(away).max(2) < 40)


@pytest.mark.parametrize(
    ("counts", "kind", "charts"), [((30, 4), "variation", 4), ((4,), "class", 1)]
)
def test_a_run_ends_with_its_curves(
    tmp_path: Path, counts: tuple[int, ...], kind: str, charts: int
) -> None:
    run = fit(bars(counts), tmp_path / "run", kind=kind, all_images=True, **SHORT)
    with Image.open(run / "samples" / "curves.png") as picture:
        shown = picture.convert("RGB")
    assert shown.size == (min(charts, 2) * WIDTH, -(-charts // 2) * HEIGHT)
    assert all(near(shown, colour).any() for colour in COLOURS)
    assert not near(shown, MARK).any()


def test_a_run_that_was_killed_while_they_were_drawn_draws_them_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(run: Path) -> None:
        raise Killed

    given = {"kind": "class", "all_images": True, **SHORT}
    with monkeypatch.context() as patch:
        patch.setattr(import_module("ganaug.training.fit"), "draw_curves", killed)
        with pytest.raises(Killed):
            fit(bars((4,)), tmp_path / "run", **given)
    run = fit(bars((4,)), tmp_path / "run", **given)
    whole = fit(bars((4,)), tmp_path / "whole", **given)
    drawn = [each / "samples" / "curves.png" for each in (run, whole)]
    assert drawn[0].read_bytes() == drawn[1].read_bytes()


def test_pictures_that_are_removed_while_it_trains_do_not_end_the_training(tmp_path: Path) -> None:
    run = tmp_path / "run"

    def remove(step: int) -> None:
        if step == 2:
            shutil.rmtree(run / "samples")

    given = SHORT | {"steps": 3, "sample_every": 1}
    fit(bars(), run, tick=remove, **given)
    assert {"step-000003.png", "curves.png"} <= {each.name for each in (run / "samples").iterdir()}


def test_rollbacks_are_marked_and_gaps_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    rows = [
        {"step": 50, "loss_d": 1.0, "loss_g": None},
        {"step": 100, "loss_d": 2.0, "loss_g": 3.0},
        {"step": 100, "seconds": 1.0, "alarm": "collapsed"},
        {"step": 50, "rollback": 1, "failed": 100, "alarm": "collapsed"},
        {"step": 100, "loss_d": 1.5, "loss_g": 2.0},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    draw_curves(tmp_path)
    with Image.open(tmp_path / "samples" / "curves.png") as picture:
        marked = near(picture, MARK)
    assert np.flatnonzero(marked.sum(0) > 60).size in (1, 2, 3)  # one vertical line


def test_lines_go_where_their_numbers_are() -> None:
    """A rising line has its ends at the lower left and at the upper right."""
    for points, rising in (([(0, 0.0), (10, 1.0)], True), ([(0, 1.0), (10, 0.0)], False)):
        picture = line_charts([Chart("", [("", points)])], "steps")
        y, x = np.nonzero(near(picture, COLOURS[0]))
        slope = np.corrcoef(x, -y)[0, 1]
        assert abs(slope) > 0.99
        assert bool(slope > 0) is rising


@pytest.mark.parametrize("value", [0.0, -3.5, 1e7, 1e-9])
def test_one_number_is_a_dot(value: float) -> None:
    picture = line_charts([Chart("loss", [("a", [(5, value)])])], "steps")
    assert near(picture, COLOURS[0]).sum() > 10

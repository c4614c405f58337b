"""Trackers hold each step of a run once: resumed, killed and gone back."""

from __future__ import annotations

import importlib
import json
import os
import signal
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from helpers.short_runs import SHORT
from helpers.small_images import bars

from ganaug.errors import ConfigError, GanaugError, RunError
from ganaug.training import fit, trackers
from ganaug.training.alarms import Alarm, Rule
from ganaug.training.finite import FiniteCheck

FIT = importlib.import_module("ganaug.training.fit")  # a function has the same name
Series = dict[str, list[tuple[int, float]]]


def read_events(run: Path) -> Series:
    """Return all scalars of the event files, as they lie there."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), {"scalars": 0}, purge_orphaned_data=False)
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def client(run: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient((run / "mlflow").resolve().as_uri())


def runs_of(run: Path) -> list[Any]:
    """Return the MLflow runs, the oldest first."""
    there = client(run)
    experiment = there.get_experiment_by_name("ganaug")
    found = there.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    return list(found)


def read_mlflow(run: Path) -> Series:
    found: Series = defaultdict(list)
    last = runs_of(run)[-1]
    for key in last.data.metrics:
        for metric in client(run).get_metric_history(last.info.run_id, key):
            found[key].append((metric.step, metric.value))
    return dict(found)


READERS: dict[str, Callable[[Path], Series]] = {
    "tensorboard": read_events,
    "mlflow": read_mlflow,
}


def logged(run: Path) -> Series:
    """What the logs of the run hold, by the names of the trackers."""
    found: Series = defaultdict(list)
    for group, name in (("training", "metrics"), ("diversity", "diversity")):
        for line in (run / f"{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            for key, value in row.items():
                if key != "step" and "alarm" not in row:
                    found[f"{group}/{key}"].append((row["step"], value))
    return dict(found)


def check(run: Path, name: str, but: tuple[str, ...] = ()) -> None:
    """The tracker holds what the logs hold: each step once, with its value."""
    held, wanted = READERS[name](run), logged(run)
    assert held.keys() == wanted.keys()
    for key, points in wanted.items():
        assert [step for step, _ in sorted(held[key])] == [step for step, _ in points], key
        if key not in but:
            assert [v for _, v in sorted(held[key])] == pytest.approx([v for _, v in points]), key


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # else MLflow warns against it


TIMES = ("training/seconds", "training/images_per_second")


@pytest.mark.parametrize("name", trackers.TRACKERS)
def test_a_resumed_run_is_followed_without_a_step_twice(tmp_path: Path, name: str) -> None:
    pytest.importorskip(name)
    run = tmp_path / "run"

    def stop(step: int, total: int, row: dict[str, Any]) -> None:
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    def killed(step: int, total: int, row: dict[str, Any]) -> None:
        if step == 5:  # the checkpoint is that of step 3
            raise SystemError("killed")

    options = SHORT | {"log_every": 1}
    with pytest.raises(KeyboardInterrupt):
        fit(bars((30, 4)), run, progress=stop, **options)  # followed from the second start on
    with pytest.raises(SystemError):
        fit(bars((30, 4)), run, tracker=name, progress=killed, **options)
    check(run, name)
    fit(bars((30, 4)), run, tracker=name, **options)
    check(run, name, but=TIMES)
    assert logged(run)["training/loss_d"][-1][0] == 6
    if name == "mlflow":
        (one,) = runs_of(run)
        assert one.info.status == "FINISHED"
        assert one.data.params["batch_size"] == "8"
        assert one.info.run_name == "run"


@pytest.mark.parametrize("name", trackers.TRACKERS)
def test_after_a_rollback_the_steps_that_still_hold_are_there(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name)
    run = tmp_path / "run"
    step = FiniteCheck.step

    def wrong(self: FiniteCheck, at: int, *rest: Any, **more: Any) -> tuple[int, str] | None:
        if at == 5 and not self.state.rollbacks:
            return at, "loss_g"
        return step(self, at, *rest, **more)

    monkeypatch.setattr(FiniteCheck, "step", wrong)
    fit(bars((30, 4)), run, tracker=name, **SHORT | {"log_every": 1})
    check(run, name)
    assert [at for at, _ in logged(run)["training/loss_d"]] == [1, 2, 3, 4, 5, 6]
    if name == "mlflow":
        first, second = runs_of(run)
        assert (first.info.run_name, first.info.status) == ("run", "FAILED")
        assert (second.info.run_name, second.info.status) == ("run, rollback 1", "FINISHED")
        assert "step 3: loss_g is not finite" in second.data.tags["training/alarm"]


@pytest.mark.parametrize("name", trackers.TRACKERS)
def test_a_run_that_has_ended_is_told_whole(tmp_path: Path, name: str) -> None:
    pytest.importorskip(name)
    run = fit(bars((30, 4)), tmp_path / "run", **SHORT)
    fit(bars((30, 4)), run, tracker=name, **SHORT)
    check(run, name)
    assert [at for at, _ in logged(run)["training/loss_d"]] == [2, 4, 6]


@pytest.mark.parametrize("name", trackers.TRACKERS)
@pytest.mark.parametrize("reaction", ["warn", "stop"])
def test_an_alarm_is_told(
    tmp_path: Path, name: str, reaction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name)
    rule = Rule("collapsed", (("coverage", ">=", 0.0),), "nothing", "none", "none")
    monkeypatch.setattr(
        FIT, "alarm_at", lambda rows, *_: Alarm(rule, rows[-1], 3) if rows else None
    )
    told: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        trackers.TRACKERS[name], "row", lambda self, group, row: told.append((group, row))
    )
    with nullcontext() if reaction == "warn" else pytest.raises(GanaugError, match="collapsed"):
        fit(bars((30, 4)), tmp_path / "run", tracker=name, on_collapse=reaction, **SHORT)
    (alarm,) = (row for group, row in told if "alarm" in row and group == "training")
    assert alarm["alarm"].startswith("collapsed since step 3: nothing")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert alarm in [json.loads(line) for line in lines]


def test_mlflow_goes_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    store = (tmp_path / "store").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "defects")
    run = fit(bars((8, 4)), tmp_path / "run", tracker="mlflow", **SHORT)
    there = mlflow.MlflowClient(store)
    experiment = there.get_experiment_by_name("defects")
    assert len(there.search_runs([experiment.experiment_id])) == 1
    assert not (run / "mlflow").exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "strange://nowhere")
    with pytest.raises(RunError, match=r"^tracker: mlflow failed \(.*go on without --tracker$"):
        fit(bars((8, 4)), tmp_path / "other", tracker="mlflow", **SHORT)


def test_a_tracker_that_fails_later_is_told_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard")

    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(trackers._TensorBoard, "row", full)
    run = fit(bars((8, 4)), tmp_path / "run", tracker="tensorboard", **SHORT)
    told = [line for line in caplog.messages if "tensorboard" in line]
    assert len(told) == 1
    assert "failed (no space left); the training goes on" in told[0]
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 3


def test_a_tracker_that_is_not_there_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"^tracker: 'tensorbord' .*did you mean"):
        fit(bars((8, 4)), tmp_path / "run", tracker="tensorbord", **SHORT)
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'ganaug\[mlflow\]', or go on without"):
        fit(bars((8, 4)), tmp_path / "run", tracker="mlflow", **SHORT)
    assert not (tmp_path / "run").exists()


def test_event_files_of_others_stay(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    fit(bars((30, 4)), run, tracker="tensorboard", **SHORT)
    other = run / "tensorboard" / "events.out.tfevents.1700000000.host.1.0"
    other.write_bytes(b"")
    fit(bars((30, 4)), run, tracker="tensorboard", **SHORT)
    assert other.exists()
    assert len(list(other.parent.iterdir())) == 2

"""A training that fails: it goes back to a good checkpoint, resumes exactly, or stops for good."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.short_runs import SHORT, weights
from helpers.small_images import bars

from ganaug.errors import ConfigError, GanaugError, RunError
from ganaug.training import alarms, checkpoint, diversity, export, fit, recovery
from ganaug.training.batches import Batch
from ganaug.training.config import FitConfig
from ganaug.training.ranks import Ranks
from ganaug.training.state import State
from ganaug.training.step import train_step
from ganaug.training.trackers import Tracker

FIT = importlib.import_module("ganaug.training.fit")  # a function has the same name
NOT_FINITE = {**SHORT, "r1": 1e40}
# Minimax without a penalty: the discriminator wins at once, and the generator gives one image.
COLLAPSING = SHORT | {
    "kind": "class",
    "steps": 120,
    "loss": "minimax",
    "augment": (),
    "r1": 0.0,
    "r2": 0.0,
    "checkpoint_every": 60,
    "sample_every": 120,
    "log_every": 20,
}


def record_of(run: Path) -> checkpoint.Record:
    record = checkpoint.read_record(run)
    assert record is not None
    return record


def rows_of(run: Path, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def poisoned(monkeypatch: pytest.MonkeyPatch, steps: dict[int, int]) -> None:
    """Make a weight infinite after some steps: `steps` by how often the run went back."""

    def step(
        state: State, batch: Batch, config: FitConfig, at: int, ranks: Ranks
    ) -> dict[str, torch.Tensor]:
        metrics = train_step(state, batch, config, at, ranks)
        if steps.get(state.rollbacks) == at + 1:
            with torch.no_grad():
                next(state.generator.parameters()).view(-1)[0] = float("nan")
        return metrics

    monkeypatch.setattr(FIT, "train_step", step)


def test_a_run_goes_back_to_its_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    poisoned(monkeypatch, {0: 5})
    run = fit(bars(), tmp_path / "run", **SHORT)
    (rollback,) = record_of(run).rollbacks
    assert (rollback["step"], rollback["failed"], rollback["rollback"]) == (3, 5, 1)
    assert rollback["cause"] == "not finite"
    assert rollback["settings"] == {"learning_rate": 1e-3 / 4}
    assert rollback["learning_rate"] == 1e-3 / 4  # the first half of a run has the whole rate
    assert rollback["alarm"].startswith("generator.mapping.0.weight is not finite; likely cause: ")
    assert [(row["step"], "rollback" in row) for row in rows_of(run)] == [
        (2, False),
        (3, True),
        (4, False),
        (6, False),
    ]
    assert rows_of(run)[1] == rollback
    assert "step 5: generator.mapping.0.weight is not finite" in caplog.text
    assert "going back to step 3 with learning_rate=0.00025 and other random" in caplog.text
    assert record_of(run).last.step == 6
    assert record_of(run).stopped is None


def test_another_stream_and_rate_after_a_rollback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smooth = weights(fit(bars(), tmp_path / "smooth", **SHORT))
    poisoned(monkeypatch, {0: 1})  # before the first checkpoint: from the start, drawn anew
    back = weights(fit(bars(), tmp_path / "back", **SHORT))
    name = "average.to_half.weight"
    assert (smooth[name] - back[name]).abs().mean() > 1e-2
    assert record_of(tmp_path / "back").rollbacks[0]["step"] == 0


@pytest.mark.parametrize("failed", [2, 5])
def test_a_run_that_went_back_resumes_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failed: int
) -> None:
    """Interrupted after the rollback, and killed right after its commit."""

    def interrupt(step: int, total: int, row: dict[str, Any]) -> None:
        if step == 4 and record_of(tmp_path / "part").rollbacks:
            os.kill(os.getpid(), signal.SIGINT)

    def killed(*words: Any) -> None:
        raise RuntimeError("killed")

    poisoned(monkeypatch, {0: failed})
    whole = fit(bars(), tmp_path / "whole", **SHORT)
    with monkeypatch.context() as patch:
        patch.setattr(recovery.log, "warning", killed)
        with pytest.raises(RuntimeError, match="killed"):
            fit(bars(), tmp_path / "part", **SHORT)
    with pytest.raises(KeyboardInterrupt, match="after step 4 of 6"):
        fit(bars(), tmp_path / "part", progress=interrupt, **SHORT)
    part = fit(bars(), tmp_path / "part", **SHORT)
    torch.testing.assert_close(weights(part), weights(whole), rtol=0, atol=0)

    def steps(run: Path) -> list[tuple[int, bool]]:
        return [(row["step"], "rollback" in row) for row in rows_of(run)]

    assert steps(part) == steps(whole)
    for name in ("diversity.jsonl", "samples/step-000006.png"):
        assert (part / name).read_bytes() == (whole / name).read_bytes()


def test_an_interruption_during_a_failing_step_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(step: int, total: int, row: dict[str, Any]) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    poisoned(monkeypatch, {0: 4})
    with monkeypatch.context() as patch:  # noticed only when everything is looked at
        patch.setattr(FIT.FiniteCheck, "step", lambda *words, **more: None)
        with pytest.raises(KeyboardInterrupt, match="after step 3 of 6"):
            fit(bars(), tmp_path / "run", progress=interrupt, **SHORT)
    assert len(record_of(tmp_path / "run").rollbacks) == 1
    assert record_of(fit(bars(), tmp_path / "run", **SHORT)).last.step == 6


def test_settings_far_from_the_usual_ones_go_back_to_them_from_the_start(tmp_path: Path) -> None:
    """And the run is the one that these settings give with the same random numbers."""
    high = SHORT | {"learning_rate": 1e30, "r2": 0.0}
    run = fit(bars(), tmp_path / "run", **high)
    (rollback,) = record_of(run).rollbacks
    assert (rollback["step"], rollback["failed"]) == (0, 1)
    assert rollback["settings"] == {"learning_rate": 1e-3, "r2": 0.3}
    assert record_of(run).last.step == 6
    before = weights(run)
    fit(bars(), run, **high)  # there is nothing left to do
    torch.testing.assert_close(weights(run), before, rtol=0, atol=0)
    metadata = export(run, tmp_path / "file.onnx")
    assert (
        metadata.warnings[0] == "trained with 1 rollback, at last with learning_rate=0.001, r2=0.3"
    )
    assert metadata.config["learning_rate"] == 1e30  # as it was asked for


def test_a_class_generator_of_too_few_steps_is_told_so_and_is_not_exported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is blurs before step 600, which no rollback mends; it had three, and then none left."""
    short = SHORT | {"kind": "class", "steps": 120, "checkpoint_every": 120, "sample_every": 120}
    run = fit("digits", tmp_path / "run", **short)
    record = record_of(run)
    assert (record.rollbacks, record.stopped, record.last.step) == ((), None, 120)
    assert "or more steps" in caplog.text
    with pytest.raises(GanaugError, match=r"step 120 is not exported: .* or more steps"):
        export(run, tmp_path / "file.onnx")
    caplog.clear()
    fit("digits", run, **short)  # there is nothing to do, but to say it again
    assert "or more steps" in caplog.text


def test_what_began_anew_begins_anew_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(monkeypatch, {0: 4, 1: 5})
    run = fit(bars(), tmp_path / "run", **SHORT | {"learning_rate": 0.01})
    first, second = record_of(run).rollbacks
    assert (first["step"], first["settings"]) == (0, {"learning_rate": 1e-3})
    assert (second["step"], second["settings"]) == (0, {"learning_rate": 1e-3 / 4})


def test_each_rollback_goes_further_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned(monkeypatch, {0: 7, 1: 8, 2: 7})
    run = fit(bars(), tmp_path / "run", **SHORT | {"steps": 9})
    assert [row["step"] for row in record_of(run).rollbacks] == [6, 3, 0]
    assert [kept.step for kept in record_of(run).good] == [9, 6]
    back = [(6, True), (3, True), (0, True)]
    told = [(row["step"], "rollback" in row) for row in rows_of(run)]
    assert told == [*back, *((step, False) for step in (2, 4, 6, 8, 9))]


def test_after_three_rollbacks_it_stops(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(GanaugError, match=r"stopped at step 1 after 3 rollbacks: .* is not finite"):
        fit(bars(), run, **NOT_FINITE)
    record = record_of(run)
    assert [row["learning_rate"] for row in record.rollbacks] == [1e-3 / 4, 1e-3 / 16, 1e-3 / 64]
    assert record.stopped is not None
    assert all(torch.isfinite(value).all() for value in weights(run).values())
    with pytest.raises(GanaugError, match="after 3 rollbacks") as again:  # without more work
        fit(bars(), run, **NOT_FINITE)
    assert again.value.exit_code == 1
    with pytest.raises(RunError, match=r"has no trained generator \(training stopped at step 1"):
        export(run, tmp_path / "file.onnx", force=True)


def test_a_good_checkpoint_stays_where_nothing_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    poisoned(monkeypatch, {0: 5, 1: 4, 2: 6, 3: 5})
    run = tmp_path / "run"
    with pytest.raises(GanaugError, match="step 3 is kept, and can be exported"):
        fit(bars(), run, **SHORT)
    record = record_of(run)
    assert record.last == record.good[0]
    assert record.last.step == 3
    assert [row["step"] for row in record.rollbacks] == [3, 0, 0]
    metadata = export(run, tmp_path / "file.onnx")
    assert metadata.steps == 3
    assert metadata.warnings[:2] == (
        "trained with 3 rollbacks, at last with learning_rate=1.5625e-05",
        "exported after 3 of 6 steps",
    )
    assert "the same fit command" not in caplog.text


def test_stop_and_warn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poisoned(monkeypatch, {0: 5})
    for reaction in ("stop", "warn"):  # with a number that is not finite nothing goes on
        run = tmp_path / reaction
        with pytest.raises(GanaugError, match="stopped at step 5: generator"):
            fit(bars(), run, on_collapse=reaction, **SHORT)  # type: ignore[arg-type]
        assert record_of(run).last.step == 3
    fit(bars(), tmp_path / "stop", **SHORT)  # the default goes back after all
    assert record_of(tmp_path / "stop").last.step == 6
    assert len(record_of(tmp_path / "stop").rollbacks) == 1
    monkeypatch.undo()
    fit(bars(), tmp_path / "warn", on_collapse="warn", **SHORT)
    assert record_of(tmp_path / "warn").stopped is None
    smooth = fit(bars(), tmp_path / "smooth", **SHORT)
    torch.testing.assert_close(weights(tmp_path / "warn"), weights(smooth), rtol=0, atol=0)


def test_a_run_that_stopped_at_once_goes_on_as_the_one_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the weights of its seed, and not with those that a rollback would have drawn."""
    poisoned(monkeypatch, {0: 1})
    run = tmp_path / "run"
    with pytest.raises(GanaugError, match="no checkpoint is left"):
        fit(bars(), run, on_collapse="stop", **SHORT)
    monkeypatch.undo()
    fit(bars(), run, on_collapse="warn", **SHORT)
    smooth = fit(bars(), tmp_path / "smooth", **SHORT)
    torch.testing.assert_close(weights(run), weights(smooth), rtol=0, atol=0)


def test_an_unknown_reaction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"on_collapse: 'rolback' is not allowed \(did you mean"):
        fit(bars(), tmp_path / "run", on_collapse="rolback", **SHORT)  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_a_run_of_an_older_version_goes_on(tmp_path: Path) -> None:
    def stop(step: int, total: int, row: dict[str, Any]) -> None:
        if step == 4:
            raise RuntimeError("pulled the plug")

    whole, part = fit(bars(), tmp_path / "whole", **SHORT), tmp_path / "part"
    with pytest.raises(RuntimeError):
        fit(bars(), part, progress=stop, **SHORT)
    pointer = part / "checkpoint.json"
    record = json.loads(pointer.read_text())
    older = {name: record[name] for name in ("format", "step", "file", "sha256")}
    pointer.write_text(json.dumps(older))
    assert [kept.step for kept in record_of(part).good] == [3]
    fit(bars(), part, on_collapse="stop", **SHORT)
    torch.testing.assert_close(weights(part), weights(whole), rtol=0, atol=0)


class Enough(Exception):  # noqa: N818 # nothing is wrong
    """Ends a training that has shown what it was to show."""


@pytest.fixture(scope="module")
def before_collapse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that ended, as if killed, between its checkpoint at step 60 and its collapse."""
    run = tmp_path_factory.mktemp("before") / "run"

    def stop(step: int, total: int, row: dict[str, Any]) -> None:
        if step == 80:
            raise Enough

    with pytest.raises(Enough):
        fit(bars(), run, progress=stop, **COLLAPSING)
    assert record_of(run).last.step == 60
    return run


@pytest.fixture(scope="module")
def collapsed(before_collapse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that collapsed and went on."""
    run = shutil.copytree(before_collapse, tmp_path_factory.mktemp("collapsed") / "run")
    return fit(bars(), run, on_collapse="warn", **COLLAPSING)


def test_a_collapse_is_told_and_not_exported(
    collapsed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (row,) = [row for row in rows_of(collapsed) if "alarm" in row]
    assert row["step"] == 120
    assert row["alarm"].startswith("collapsed since step 120: generated images of a class differ 0")
    assert [kept.step for kept in record_of(collapsed).good] == [60]
    with pytest.raises(GanaugError, match="step 120 is not exported: collapsed since step 120"):
        export(collapsed, tmp_path / "file.onnx")
    assert not (tmp_path / "file.onnx").exists()
    metadata = export(collapsed, tmp_path / "file.onnx", force=True)
    assert metadata.warnings[0].startswith("exported by force: collapsed since step")
    assert metadata.warnings[0] in caplog.text


def test_a_collapse_stops_a_run_that_is_to_stop(tmp_path: Path, before_collapse: Path) -> None:
    run = shutil.copytree(before_collapse, tmp_path / "run")
    with pytest.raises(GanaugError, match="stopped at step 120: collapsed since step 120"):
        fit(bars(), run, on_collapse="stop", **COLLAPSING)
    assert record_of(run).last.step == 60
    # What is kept was good when it was written; a later try may have been worse at its step.
    row = rows_of(run, "diversity.jsonl")[0]
    (run / "diversity.jsonl").write_text(json.dumps(row | {"variety": 0.003}) + "\n")
    assert export(run, tmp_path / "file.onnx").warnings[0] == "exported after 60 of 120 steps"


def test_a_collapse_goes_back_by_default(
    tmp_path: Path, before_collapse: Path, collapsed: Path
) -> None:
    run = shutil.copytree(before_collapse, tmp_path / "run")

    def stop(step: int, total: int, row: dict[str, Any]) -> None:
        if record_of(run).rollbacks:
            raise Enough

    with pytest.raises(Enough):
        fit(bars(), run, progress=stop, **COLLAPSING)
    rollback = record_of(run).rollbacks[0]
    assert (rollback["step"], rollback["failed"], rollback["cause"]) == (0, 120, "collapsed")
    assert rollback["settings"] == {"r1": 1.0, "r2": 1.0}  # without a penalty nothing was learned
    assert [kept.step for kept in record_of(run).good] == [60]
    (row,) = [row for row in rows_of(collapsed) if "alarm" in row]
    assert rollback["alarm"] == row["alarm"]


def test_with_warn_an_alarm_that_was_held_back_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Far images that come nearer raise no alarm; once they do not, they do, and from the start."""
    monkeypatch.setattr(alarms, "FIRST_STEP", 0)
    distances = iter([9, 7.5, 6, 4.5, 3, 2.5, 2.4, 2.4])
    good = {"variety": 1.0, "latent_use": 1.0, "class_kept": 1.0}
    usual = diversity._Watched.signs
    monkeypatch.setattr(
        diversity._Watched,
        "signs",
        lambda self, state: usual(self, state) | good | {"distance": next(distances)},
    )
    each = {"steps": 8, "checkpoint_every": 1, "sample_every": 8}
    run = fit(bars((20, 12, 5)), tmp_path / "run", on_collapse="warn", **(SHORT | each))
    rows = [json.loads(row) for row in (run / "metrics.jsonl").read_text().splitlines()]
    told = [(row["step"], row["alarm"][:24]) for row in rows if "alarm" in row]
    assert told == [(7, "unlike real images since")]
    assert sum("unlike real images" in message for message in caplog.messages) == 1


def test_what_the_first_process_does_before_the_steps_is_done_while_the_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, begun = list[bool](), list[bool]()
    first, begin = Ranks.first, Tracker.begin

    def led(self: Ranks, action: Callable[[], Any]) -> Any:
        inside.append(True)
        try:
            return first(self, action)
        finally:
            inside.pop()

    monkeypatch.setattr(Ranks, "first", led)
    monkeypatch.setattr(
        Tracker, "begin", lambda *given: (begun.append(bool(inside)), begin(*given))[1]
    )
    fit(bars((20, 12, 5)), tmp_path / "run", **SHORT)
    assert begun == [True]

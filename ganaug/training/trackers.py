"""`tracker`: a run followed in TensorBoard or MLflow, by the rows of its own logs.

A tracker is told what the logs hold each time a run starts, goes on or goes back, and makes sure
that it holds just that: no step twice, none left out.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ganaug.errors import ConfigError, RunError, did_you_mean
from ganaug.files import make_folder, write_json
from ganaug.progress import FitProgress
from ganaug.records import TEXT, check_fields, load_json, read_rows
from ganaug.training.config import FitConfig
from ganaug.wording import one_line

__all__ = ["DIVERSITY", "TRAINING", "Tracker", "checked_tracker", "followed"]

log = logging.getLogger("ganaug")

Row = Mapping[str, Any]

TRAINING, DIVERSITY = "training", "diversity"  # the names of the two logs there
RECORD = "tracker.json"
OURS = ".ganaug"  # how the names of our event files end


def checked_tracker(name: str | None) -> str | None:
    """Return `name`, a tracker that is installed, or None.

    Raises:
        ConfigError: an unknown one, or its library is missing.
    """
    if name is None:
        return None
    if name not in TRACKERS:
        raise ConfigError(
            f"tracker: {name!r} is not allowed{did_you_mean(str(name), TRACKERS)}; choose one of"
            f" {', '.join(TRACKERS)}"
        )
    if find_spec(name) is None:
        raise ConfigError(
            f"tracker: {name} is not installed; allowed: one that is; pip install 'ganaug[{name}]',"
            " or go on without"
        )
    return name


@contextmanager
def followed(name: str | None, run: Path, config: FitConfig) -> Iterator[Tracker]:
    """Yield the tracker of a run while it trains; how it ends is told, too.

    Args:
        name: of a tracker, checked; None follows nothing.
        run: the folder.
        config: of the run.
    """
    tracker = Tracker(None) if name is None else Tracker(TRACKERS[name](run, config))
    ended = "FAILED"
    try:
        yield tracker
        ended = "FINISHED"
    except KeyboardInterrupt:
        ended = "KILLED"
        raise
    finally:
        tracker.end(ended)


class Tracker:
    """What the training says to a library; one that fails is told, and then left alone."""

    def __init__(self, library: _Library | None) -> None:
        self.library = library

    def begin(self, run: Path, rollbacks: int) -> None:
        """Say where a run starts or goes on, once its logs are in order.

        Args:
            run: the folder.
            rollbacks: how often the run went back so far.

        Raises:
            RunError: the library cannot be reached.
        """
        if self.library is None:
            return
        rows = [(TRAINING, row) for row in read_rows(run / "metrics.jsonl")]
        rows += [(DIVERSITY, row) for row in read_rows(run / "diversity.jsonl")]
        try:
            self.library.begin(rows, rollbacks)
        except Exception as error:
            raise RunError(
                f"tracker: {self.library.name} failed ({one_line(error)}); allowed: one that can be"
                " written to; mend it, or go on without --tracker"
            ) from error

    def row(self, group: str, row: Row) -> None:
        """Say one row of a log."""
        if self.library is None:
            return
        try:
            self.library.row(group, row)
        except Exception as error:  # of any kind: a network, a server, a disk
            log.warning(
                "tracker: %s failed (%s); the training goes on without, and the next start of the"
                " run sends what is missing",
                self.library.name,
                one_line(error),
            )
            self.library = None

    def progress(self, progress: FitProgress | None) -> FitProgress:
        """Return a callback that says rows here, and to `progress`."""

        def both(step: int, steps: int, row: dict[str, Any]) -> None:
            self.row(TRAINING, row)
            if progress is not None:
                progress(step, steps, row)

        return both

    def end(self, how: str) -> None:
        """Say how the training ended: FINISHED, FAILED or KILLED."""
        if self.library is not None:
            try:
                self.library.end(how)
            except Exception as error:
                log.warning("tracker: %s failed (%s)", self.library.name, error)


class _Library(ABC):
    """A tracking library, seen from one run."""

    name: str

    def __init__(self, run: Path, config: FitConfig) -> None:
        self.run, self.config = run, config

    @abstractmethod
    def begin(self, rows: Sequence[tuple[str, Row]], rollbacks: int) -> None:
        """Hold `rows` and nothing else of this run."""

    @abstractmethod
    def row(self, group: str, row: Row) -> None:
        """Add a row."""

    @abstractmethod
    def end(self, how: str) -> None:
        """Close what is open."""


class _TensorBoard(_Library):
    """Event files in RUN/tensorboard, written anew from the logs at each start."""

    name = "tensorboard"
    writer: Any = None

    def begin(self, rows: Sequence[tuple[str, Row]], rollbacks: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.end("")
        folder = make_folder(self.run / "tensorboard")
        for old in folder.glob(f"events.out.tfevents.*{OURS}"):  # not what others write there
            old.unlink()
        self.writer = SummaryWriter(str(folder), filename_suffix=OURS)
        settings = "\n".join(
            f"    {name}: {value}" for name, value in self.config.to_dict().items()
        )
        self.writer.add_text("config", settings, 0)
        for group, row in rows:
            self._add(group, row)
        self.writer.flush()

    def row(self, group: str, row: Row) -> None:
        self._add(group, row)
        self.writer.flush()

    def end(self, how: str) -> None:
        if self.writer is not None:
            self.writer.close()

    def _add(self, group: str, row: Row) -> None:
        if "alarm" in row:
            self.writer.add_text(f"{group}/alarm", row["alarm"], row["step"])
        for name, value in _numbers(row):
            self.writer.add_scalar(f"{group}/{name}", value, row["step"])


class _MLflow(_Library):
    """A run of MLflow for each time that the training began or went back.

    Where it is: what the environment says, as for any program (MLFLOW_TRACKING_URI,
    MLFLOW_EXPERIMENT_NAME); otherwise in RUN/mlflow. A training that goes on finds its run by a tag
    and leaves out the steps that are there. What was logged cannot be taken back, so after a
    rollback a new run gets the rows that still hold.
    """

    name = "mlflow"

    def begin(self, rows: Sequence[tuple[str, Row]], rollbacks: int) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        self.metric = Metric
        place = os.environ.get("MLFLOW_TRACKING_URI")
        if place is None:  # a folder, which MLflow maintains, but wants to be asked for
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            place = (self.run / "mlflow").resolve().as_uri()
        self.client = MlflowClient(place)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "ganaug")
        experiment = self.client.get_experiment_by_name(name)
        place = experiment.experiment_id if experiment else self.client.create_experiment(name)
        identity = self._identity()
        before = self._find(place, f"{identity}/{rollbacks - 1}")
        if before is not None and before.info.status == "RUNNING":
            self.client.set_terminated(before.info.run_id, "FAILED")
        found = self._find(place, f"{identity}/{rollbacks}")
        if found is None:
            title = self.run.name + (f", rollback {rollbacks}" if rollbacks else "")
            tags = {"ganaug.run": f"{identity}/{rollbacks}"}
            found = self.client.create_run(place, run_name=title, tags=tags)
            settings = self.config.to_dict().items()
            parameters = [Param(name, str(value)) for name, value in settings]
            self.client.log_batch(found.info.run_id, params=parameters)
        self.id = found.info.run_id
        self.client.update_run(self.id, status="RUNNING")
        self.there = {
            (key, metric.step)
            for key in found.data.metrics
            for metric in self.client.get_metric_history(self.id, key)
        }
        for group, row in rows:
            self.row(group, row)

    def row(self, group: str, row: Row) -> None:
        now, step = int(time.time() * 1000), row["step"]
        if "alarm" in row:
            self.client.set_tag(self.id, f"{group}/alarm", f"step {step}: {row['alarm']}")
        values = [(f"{group}/{name}", value) for name, value in _numbers(row)]
        new = [(key, value) for key, value in values if (key, step) not in self.there]
        if new:
            metrics = [self.metric(key, value, now, step) for key, value in new]
            self.client.log_batch(self.id, metrics=metrics)
            self.there |= {(key, step) for key, _ in new}

    def end(self, how: str) -> None:
        self.client.set_terminated(self.id, how)

    def _identity(self) -> str:
        """Return the name of the training there, which the run folder keeps."""
        path = self.run / RECORD
        if not path.exists():
            write_json(path, {"mlflow": uuid.uuid4().hex})
        try:
            identity: str = check_fields(path, load_json(path), {"mlflow": TEXT})["mlflow"]
        except ValueError as error:
            raise RunError(f"{path}: cannot be read ({error}); remove it") from error
        return identity

    def _find(self, place: str, tag: str) -> Any:
        found = self.client.search_runs([place], f"tags.`ganaug.run` = '{tag}'")
        return found[0] if found else None


def _numbers(row: Row) -> list[tuple[str, float]]:
    """Return what can be drawn of a row; of an alarm, and of a rollback, nothing."""
    if "alarm" in row:
        return []
    return [(name, v) for name, v in row.items() if name != "step" and v is not None]


TRACKERS: dict[str, type[_Library]] = {"tensorboard": _TensorBoard, "mlflow": _MLflow}

"""Kill a writer at file operation 1, 2, 3, ... until it succeeds: `python -m helpers.killing DIR`.

Prints, as JSON, how many operations each kind of file takes. In a process of its own, since it
forks. Each time the old or the new value must be read, and the next write leaves nothing over.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from helpers.small_models import write_class_model, write_variation_model
from PIL import Image

from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.files import append_text, write_json
from ganaug.images.grid import save_png

MOST, FAILED = 200, 99
AUDITED = ("open", "os.rename", "os.remove", "os.chmod", "os.scandir", "fcntl.flock", "os.mkdir")


class Kind(NamedTuple):
    """Writes a value into a folder, and reads it; so many files are there then, in any folder.

    What it needs is loaded when its turn comes: a process with torch in it takes long to fork.
    """

    write: Callable[[Path, int], None]
    read: Callable[[Path], int]
    files: int = 1
    load: Callable[[], object] = lambda: None
    stride: int = 1  # of the operations at which it is killed: these take long


def _write_link(folder: Path, value: int) -> None:
    if value == 1:
        (folder / "target.json").write_text("0")
        (folder / "link.json").symlink_to("target.json")
    write_json(folder / "link.json", value)


def _read_link(folder: Path) -> int:
    assert (folder / "link.json").is_symlink()
    return int((folder / "target.json").read_text())


@cache
def _training() -> tuple[Any, Any]:
    """Return the module that writes checkpoints, and what they hold.

    Loaded and made once, before any fork: the first optimiser of a process takes long.
    """
    import torch

    from ganaug.training import checkpoint
    from ganaug.training.state import State

    nets = [torch.nn.Linear(2, 2), torch.nn.Linear(2, 1), torch.nn.Linear(2, 2)]
    return checkpoint, State(*nets, *(torch.optim.Adam(net.parameters()) for net in nets[:2]))


def _write_checkpoint(folder: Path, value: int) -> None:
    checkpoint, state = _training()
    state.average.weight.data.fill_(value)
    checkpoint.save(folder, state, value)


def _read_checkpoint(folder: Path) -> int:
    record = _training()[0].read(folder)
    assert record is not None
    assert (record.weights("average")["weight"] == record.step).all()
    return record.step


def _write_artifact(folder: Path, value: int) -> None:
    if value == 1:
        write_variation_model(folder / "a.onnx")
    rewrite_metadata(folder / "a.onnx", policy=Policy(p=((0, value / 10),)))


def _read_artifact(folder: Path) -> int:
    policy = read_artifact(folder / "a.onnx")[1].policy
    assert policy is not None
    return round(10 * policy.p[0][1])


def _write_cache(folder: Path, value: int) -> None:
    """Change the images, then read them, which makes the cache anew."""
    for name in ("a", "b"):
        (folder / "photos" / name).mkdir(parents=True, exist_ok=True)
        image = Image.new("L", (8, 8), value)
        save_png(folder / "photos" / name / "0.png", image)
    _read_cache(folder)


def _read_cache(folder: Path) -> int:
    """Read the images through the cache, of which they are those that are there now."""
    from ganaug.images import load_images

    images = load_images(folder / "photos", cache=folder / "cache").images
    for at, name in enumerate(("a", "b")):
        with Image.open(folder / "photos" / name / "0.png") as image:
            assert (np.asarray(images[at])[..., 0] == np.asarray(image)).all()
    return int(np.asarray(images[1]).max())


@cache
def _evaluating() -> tuple[Any, Any]:
    """Return the module that keeps results, and a job."""
    from helpers.small_images import bars

    from ganaug.evaluation.arms.grammar import parse_arm
    from ganaug.evaluation.trainings import job

    images = bars()
    return job, job.Job(0, parse_arm("plain"), images, images, job.Schedule(1))


def _write_result(folder: Path, value: int) -> None:
    module, job = _evaluating()
    probabilities = np.full((len(job.test), 2), value / 100, np.float32)
    predicted = np.full(len(job.test), value)
    module.save_outcome(folder, job, module.Outcome(probabilities, 0.5, predicted))


def _read_result(folder: Path) -> int:
    module, job = _evaluating()
    found = module.load_outcome(folder, job)
    assert (found.probabilities == np.float32(found.predicted[0] / 100)).all()
    return int(found.predicted[0])


@cache
def _generator() -> Path:
    """Return the file of a generator that needs no images, and load what samples from it."""
    import ganaug.use.bulk
    import ganaug.use.generate  # noqa: F401

    path = Path(sys.argv[1], "generator.onnx")
    write_class_model(path)
    return path


def _sampled(folder: Path, value: int) -> None:
    """Make the same images for each value, in a folder of its own; the one before goes."""
    from ganaug.use.bulk import sample

    shutil.rmtree(folder / str(value - 2), ignore_errors=True)
    sample(_generator(), folder / str(value), counts=2, shards=True)


def _read_sampled(folder: Path) -> int:
    """Go on where the second call was killed, which gives the bytes of the first."""
    last = max(int(each.name) for each in folder.iterdir())
    _sampled(folder, last)
    made = [{path.name: path.read_bytes() for path in each.iterdir()} for each in folder.iterdir()]
    assert made[0] == made[-1]
    return last


def _read_picture(folder: Path) -> int:
    with Image.open(folder / "a.png") as image:
        return int(np.asarray(image)[0, 0])


def _read_log(folder: Path) -> int:
    """Count the whole lines."""
    return (folder / "a.jsonl").read_text().count("\n")


KINDS = {
    "record": Kind(
        lambda folder, value: write_json(folder / "a.json", value),
        lambda folder: int(json.loads((folder / "a.json").read_text())),
    ),
    "link": Kind(_write_link, _read_link, 2),
    "artifact": Kind(_write_artifact, _read_artifact),
    "picture": Kind(
        lambda folder, value: save_png(folder / "a.png", Image.new("L", (8, 8), value)),
        _read_picture,
    ),
    "log": Kind(lambda folder, value: append_text(folder / "a.jsonl", f"{value}\n"), _read_log),
    "checkpoint": Kind(_write_checkpoint, _read_checkpoint, 3, _training),
    "cache": Kind(_write_cache, _read_cache, 6, stride=3),
    "result": Kind(_write_result, _read_result, 1, _evaluating),
    "shard": Kind(_sampled, _read_sampled, 12, _generator, stride=3),
}


def _die_at(last: int, folder: Path) -> None:
    """End this process by SIGKILL at its file operation number `last` in `folder`."""
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in AUDITED and (isinstance(arguments[0], int) or str(folder) in str(arguments[0])):
            count()

    def halves(path: Path, content: bytes) -> int:
        with path.open("wb") as stream:
            stream.write(content[: len(content) // 2])
            stream.flush()
            count()
            return stream.write(content[len(content) // 2 :])

    flush = os.fsync

    def flushed(handle: int) -> None:
        count()
        flush(handle)

    os.fsync, Path.write_bytes = flushed, halves  # type: ignore[assignment, method-assign]
    sys.addaudithook(watch)


def _in_child(act: Callable[[], int | None]) -> int:
    """Return what `act` returns in a forked process, or -9 where that was killed.

    This process computes nothing itself: torch's threads do not survive a fork.
    """
    child = os.fork()
    if child == 0:
        code = FAILED
        try:
            code = act() or 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _write_and_die(kind: Kind, folder: Path, last: int) -> None:
    kind.write(folder, 1)
    _die_at(last, folder)
    kind.write(folder, 2)


def _read_and_write(kind: Kind, folder: Path) -> int:
    """Return what is read; the next write then leaves what was there before, and nothing more."""
    found = kind.read(folder)
    kind.write(folder, found + 1)
    assert kind.read(folder) == found + 1
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    assert len(files) == kind.files, files
    return found


def operations(name: str, place: Path) -> int:
    """Kill writers of the kind `name` until one succeeds; return how many operations it takes."""
    kind = KINDS[name]
    kind.load()
    for last in range(1, MOST, kind.stride):
        folder = place / f"{name}-{last}"
        folder.mkdir(parents=True)
        ended = _in_child(partial(_write_and_die, kind, folder, last))
        assert ended in (0, -signal.SIGKILL), (name, last, ended)
        found = _in_child(partial(_read_and_write, kind, folder))
        assert found in ((2,) if ended == 0 else (1, 2)), (name, last, found)
        if ended == 0:
            return last - 1
    raise AssertionError(f"{name}: writing never ended")


if __name__ == "__main__":
    print(json.dumps({name: operations(name, Path(sys.argv[1])) for name in KINDS}))

"""The run folder: what it contains, how it is begun, resumed and read, and what is refused.

| file | content |
| --- | --- |
| config.json | settings, seed, hashes of the images, precision: what makes it this run |
| data.json | where the images came from, classes, counts, what was held out, versions |
| examples.npz | up to 64 training images, for the check at export |
| start.safetensors | the weights of another training that it began with (`start.py`) |
| checkpoint.json, checkpoint-NNNNNN.safetensors | the last steps saved (`checkpoint.py`) |
| metrics.jsonl | losses and speed, a row every `log_every` steps; rollbacks (`watch.py`) |
| diversity.jsonl | diversity and signs of failure, a row a checkpoint (`diversity.py`) |
| samples/ | a picture every `sample_every` steps (`samples.py`); the curves (`curves.py`) |
| tensorboard/, mlflow/, tracker.json | what a tracker writes (`trackers.py`) |
| .lock | held while `fit` writes to the folder |

A folder is a run once config.json is there, which is written after data.json and examples.npz.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganaug._version import __version__
from ganaug.errors import ConfigError, DataError, RunError
from ganaug.files import atomic_path, open_regular, write_json
from ganaug.images import ImageSet
from ganaug.images.archive import BROKEN, Archive
from ganaug.images.places import folders_around
from ganaug.outputs import Inputs, check_output_folder
from ganaug.records import (
    COUNT,
    FLAG,
    NAMES,
    OBJECT,
    TEXT,
    TEXT_OR_NONE,
    Form,
    check_fields,
    list_of,
    load_json,
    one_of,
    read_rows,
)
from ganaug.training import checkpoint
from ganaug.training.config import FitConfig, saved_fields
from ganaug.training.memory import precision_of
from ganaug.training.networks import AnyGenerator, build_generator
from ganaug.training.start import FACTS, FILE, Start, is_start, load_start, save_start
from ganaug.training.state import State, autocast_dtype
from ganaug.values import is_int
from ganaug.wording import one_line

__all__ = [
    "SavedRun",
    "check_run_folder",
    "groups_hash",
    "open_run",
    "read_examples",
    "read_run",
]

EXAMPLES = 64  # at most so many training images are put aside
PRECISION: dict[str, Form] = {"precision": one_of("fp32", "bf16")}
SEED: Form = (
    "a whole number of up to 64 bits",
    lambda value: is_int(value) and abs(value) < 2**64,
)
CONFIG: dict[str, Form] = {"config": OBJECT, "seed": SEED}
DATA: dict[str, Form] = {
    "source": TEXT,
    "classes": NAMES,
    "channels": one_of(1, 3),
    "counts": list_of(COUNT),
    "fingerprint": TEXT,
    "held_out": TEXT_OR_NONE,
    "held_out_fingerprint": TEXT_OR_NONE,
    "has_test": FLAG,
    "groups": FLAG,
    "notes": list_of(TEXT),
}
# Of a killed start, with unfinished writes.
BEGUN = (".lock", "data.json", "examples.npz", FILE)  # FILE comes first, then data.json
ATOMIC = (".data.json.", ".examples.npz.", ".config.json.", f".{FILE}.")


@dataclass(frozen=True)
class SavedRun:
    """What a run folder holds: settings, facts about the data, and the averaged generator.

    Attributes:
        record: what became of the training: rollbacks, and why it stopped.
        rows: of diversity.jsonl, up to the checkpoint.
    """

    config: FitConfig
    seed: int
    data: dict[str, Any]
    record: checkpoint.Record
    rows: list[dict[str, Any]]
    generator: AnyGenerator

    @property
    def step(self) -> int:
        """The number of steps done."""
        return self.record.last.step


def check_run_folder(out: str | os.PathLike[str], source: Any, classes: Sequence[str] = ()) -> None:
    """Refuse the folder `out` for a run on the images of `source`, before these are read.

    Args:
        out: need not exist, and is not created.
        source: anything that `load_images` takes.
        classes: their names, where they are known.

    Raises:
        RunError: it cannot be created or written to, lies in the folder of the images, or holds
            anything but a run.
    """
    check_output_folder(out, {}, Inputs(images=folders_around(source, classes, out)))
    if Path(out).is_dir():
        _refuse_other_files(Path(out))


def open_run(
    run: Path,
    state: State,
    config: FitConfig,
    images: ImageSet,
    seed: int,
    start: Start | None = None,
) -> int:
    """Start the run in its folder, or go on with the one that is there.

    Sets the precision of `state`, and its tensors where there is a checkpoint or a `start`.

    Returns:
        The number of steps that are done.

    Raises:
        RunError: the folder holds another run, or a damaged one.
    """
    identity = {
        "config": config.to_dict(),
        "seed": seed,
        "channels": images.channels,
        "fingerprint": images.fingerprint,
        "order": images.ordered_fingerprint,
        "groups": groups_hash(images),
    }
    path = run / "config.json"
    if not path.exists():
        state.precision = precision_of(state, config, images)
        _start(run, identity, state, config, images, start)
        return 0
    try:
        found = load_json(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error}); choose another output folder") from error
    difference = _difference(found, identity, start) or _other_origin(run, start)
    if difference:
        raise RunError(
            f"{run}: holds another run ({difference}); repeat that command to resume it, or"
            " choose another output folder"
        )
    precision = check_fields(path, {"precision": "fp32"} | found, PRECISION)["precision"]
    state.precision = autocast_dtype(precision, state, config, images)
    saved = checkpoint.read(run)
    if saved is None:
        load_start(run, state)
        return 0
    checkpoint.load(state, saved, run)
    checkpoint.refuse_other_run(run, saved.record)
    return saved.step


def _start(
    run: Path,
    identity: dict[str, Any],
    state: State,
    config: FitConfig,
    images: ImageSet,
    start: Start | None,
) -> None:
    data = _describe(images)
    if start is not None:
        data |= {"started_from": start.take(state, config, images)}
        identity = identity | {"start": {"name": start.name, "sha256": save_start(run, state)}}
    write_json(run / "data.json", data)
    shown = np.linspace(0, len(images) - 1, min(len(images), EXAMPLES)).astype(int)
    # real images for the check at export
    with atomic_path(run / "examples.npz") as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, images=images.images[shown])
    # Measured once: another choice after an interruption would not continue the same run.
    write_json(run / "config.json", identity | {"precision": state.precision_name})


def _refuse_other_files(run: Path) -> None:
    """Refuse a folder that holds anything but a run, or the beginnings of one that was killed."""
    if (run / "config.json").exists():
        return
    for entry in run.iterdir():
        if not entry.name.startswith(ATOMIC) and not _is_begun(entry):
            raise RunError(
                f"{run}: holds other files ({entry.name}); choose an empty or new output folder"
            )


def _is_begun(path: Path) -> bool:
    """Whether a file is what a start writes before config.json, by its content."""
    try:
        if path.name == "data.json":
            check_fields(path, load_json(path), DATA)
        elif path.name == "examples.npz":
            with open_regular(path) as stream, np.load(stream, allow_pickle=False) as content:
                return content.files == ["images"]
        elif path.name == FILE:
            return is_start(path)
        return path.name in BEGUN
    except (RunError, *BROKEN):
        return False


def _difference(found: Any, wanted: dict[str, Any], start: Start | None) -> str:
    """Say how the run that was found is another one; an empty text where it is the same."""
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        return "its config.json is not one of ganaug's"
    there = saved_fields(found["config"]) | {key: found.get(key) for key in ("seed", "channels")}
    here = wanted["config"] | {key: wanted[key] for key in ("seed", "channels")}
    for key, value in here.items():
        if there.get(key) != value:
            return f"{key} is {there.get(key)} there, {value} here"
    for key in there.keys() - here.keys():
        return f"{key} is {there[key]} there, which this version does not know"
    begun = found.get("start")
    before, now = begun.get("name") if isinstance(begun, dict) else None, start and start.name
    if before != now:
        return f"start_from is {before} there, {now} here"
    if found.get("fingerprint") != wanted["fingerprint"]:
        return "it was trained on other images"
    if found.get("groups") != wanted["groups"]:
        return "it was trained on the same images with other groups"
    # batches are drawn by row; runs of before do not know their order
    if found.get("order", wanted["order"]) != wanted["order"]:
        return "it was trained on the same images in another order; give the files their old names"
    return ""


def _other_origin(run: Path, start: Start | None) -> str:
    """Say how the training that a run started from is not the one that has its name now."""
    try:
        before = load_json(run / "data.json")["started_from"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # there is none, or whoever needs the file says what is wrong
    now = None if start is None else start.facts
    if now is None or not isinstance(before, dict):
        return ""
    if before.get("fingerprint") != now["fingerprint"]:
        return f"start_from is another {now['name']} there, trained on other images"
    steps = before.get("steps")
    if not is_int(steps) or steps > now["steps"]:  # one that trained on is the same
        return f"start_from has {before.get('steps')} steps there, {now['steps']} here"
    return ""


def groups_hash(images: ImageSet) -> str | None:
    """Which images are of one group, whatever the order and the numbers of the groups."""
    if images.groups is None:
        return None
    least = np.full(int(images.groups.max(initial=-1)) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(least, images.groups, images.keys)
    order = np.lexsort((images.labels, images.keys))
    return hashlib.sha256(least[images.groups][order].astype("<u8").tobytes()).hexdigest()


def _describe(images: ImageSet) -> dict[str, Any]:
    """Return the content of data.json."""
    held_out = images.test if images.held_out else None
    return {
        "source": images.data_name,
        "classes": list(images.classes),
        "channels": images.channels,
        "counts": images.counts.tolist(),
        "fingerprint": images.fingerprint,
        "pixels": images.content_fingerprint,
        "held_out": images.held_out,
        "held_out_fingerprint": held_out.fingerprint if held_out else None,
        "has_test": images.test is not None,
        "groups": images.groups is not None,
        "unnamed": images.unnamed,
        "columns": None if images.columns is None else images.columns._asdict(),
        "notes": list(images.notes),
        "versions": {
            "python": platform.python_version(),
            "ganaug": __version__,
            **{name: version(name) for name in ("torch", "numpy")},
        },
    }


def read_run(folder: Path) -> SavedRun:
    """Return the run of `folder` as far as its last checkpoint.

    Raises:
        RunError: it is no run folder, is damaged, or has no checkpoint yet.
    """
    record = check_fields(folder / "config.json", _json(folder / "config.json"), CONFIG)
    data = check_fields(folder / "data.json", _json(folder / "data.json"), DATA)
    if data.get("started_from") is not None:
        check_fields(folder / "data.json", data["started_from"], FACTS)
    if len(data["counts"]) != len(data["classes"]):
        raise RunError(
            f"{folder / 'data.json'}: {len(data['counts'])} counts for {len(data['classes'])}"
            " classes; allowed: one for each; train again in another folder"
        )
    saved = checkpoint.read(folder)
    if saved is None:
        raise RunError(f"{folder}: has no checkpoint yet; let `ganaug fit` reach one first")
    try:
        config = FitConfig.from_dict(record["config"])
        with torch.device("meta"):  # no memory is taken before the weights are known to fit
            generator = build_generator(config, data["channels"], len(data["classes"]))
        weights = saved.weights("average")
        if any(weight.dtype != torch.float32 for weight in weights.values()):
            raise TypeError("weights that are not float32")
        generator.load_state_dict(weights, assign=True)
    except ConfigError as error:
        raise RunError(
            f"{folder / 'config.json'}: {one_line(error, None)}; perhaps of another ganaug; train"
            " again in another folder"
        ) from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise RunError(
            f"{folder}: its config.json, data.json and checkpoint do not fit together"
            f" ({type(error).__name__}); train again in another folder"
        ) from error
    checkpoint.refuse_other_run(folder, saved.record)
    rows = [row for row in read_rows(folder / "diversity.jsonl") if row["step"] <= saved.step]
    generator = generator.eval().requires_grad_(False)
    return SavedRun(config, record["seed"], data, saved.record, rows, generator)


def read_examples(folder: Path, config: FitConfig, channels: int) -> NDArray[np.float32]:
    """Return the training images that `fit` put aside, float32 [N, C, H, W] in 0..1.

    Raises:
        RunError: the file is missing, damaged, or its images are not those of the config.
    """
    path = folder / "examples.npz"
    try:
        with open_regular(path) as stream:
            examples = Archive(stream, str(path))
            examples.check_sizes(["images"])
            pixels = examples.read("images")
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (*(config.size or ()), channels):
            raise ValueError("images of another form")
        if not 1 <= len(pixels) <= EXAMPLES:
            raise ValueError(f"{len(pixels)} images")
    except (DataError, *BROKEN) as error:
        raise RunError(
            f"{path}: is missing or damaged; `ganaug fit` writes it, train again in another folder"
        ) from error
    return np.asarray(pixels.transpose(0, 3, 1, 2) / 255, dtype=np.float32)


def _json(path: Path) -> Any:
    try:
        return load_json(path)
    except (OSError, ValueError) as error:
        below = path.parent / "run"  # in the folder of `ganaug run`
        whole = f", here {below}" if os.path.isfile(below / path.name) else ""
        raise RunError(
            f"{path.parent}: is not a run folder ({path.name} is missing or unreadable); name the"
            f" folder that `ganaug fit --out` wrote{whole}"
        ) from error

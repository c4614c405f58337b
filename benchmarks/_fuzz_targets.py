"""What is attacked: how a case is made from a sound file, and what a user would do with it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from PIL import Image

from benchmarks._fuzz_mutations import (
    HOSTILE,
    NUMBERS,
    mutate_bytes,
    mutate_json,
    mutate_message,
    pick,
)
from ganaug.artifact.format import KEY
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.runtime import Generator
from ganaug.cli import command
from ganaug.cli import run as run_command
from ganaug.errors import GanaugError
from ganaug.images import load_images
from ganaug.report.card import model_card
from ganaug.report.history import read_history
from ganaug.report.text import metadata_lines
from ganaug.training import export, fit

__all__ = ["TARGETS", "Target", "make_seeds"]

Rng = np.random.Generator
SHAPE = (12, 16)
FORMATS = ("png", "jpg", "ppm", "bmp", "tif", "webp")
SHORT: dict[str, Any] = {
    "preset": "tiny",
    "device": "cpu",
    "precision": "fp32",
    "steps": 2,
    "width": 2,
    "latent_dim": 2,
    "batch_size": 4,
    "log_every": 1,
    "checkpoint_every": 1,
}


@dataclass(frozen=True)
class Target:
    """One kind of input.

    Attributes:
        make: put a case into the folder of the case, from the folder of sound files; return
            whether anything is changed in it.
        use: do with it what a user does; write into `out` alone.
        first: what the messages of the first check say, as a pattern.
        share: of all cases, in parts.
    """

    make: Callable[[Path, Path, Rng], bool]
    use: Callable[[Path, Path], None]
    first: str
    share: int


def make_seeds(folder: Path) -> None:
    """Make sound files of every kind in `folder`: images, an archive, runs and their exports.

    Raises:
        GanaugError: one of them is not sound.
    """
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        (folder / "photos" / label).mkdir(parents=True)
        for at, name in enumerate(FORMATS):
            pixels = rng.integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / label / f"{at}.{name}")
    names = sorted(path.relative_to(folder / "photos") for path in folder.glob("photos/*/*"))
    with (folder / "groups.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = [(name.as_posix(), f"object {at // 2}") for at, name in enumerate(names)]
        csv.writer(stream).writerows([("file", "group"), *rows])
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as stream:
        cells = [(name.as_posix(), name.parent.name, ("train", "test")[at % 6 > 3], f"object {at}")
                 for at, name in enumerate(names)]  # fmt: skip
        csv.writer(stream).writerows([("file", "label", "split", "group"), *cells])
    pixels = rng.integers(0, 256, (8, *SHAPE, 3)).astype(np.uint8)
    arrays = {"images": pixels, "labels": np.arange(8) % 2, "classes": np.array(["a", "b"])}
    np.savez(folder / "plain.npz", **arrays)
    test = {"test_images": pixels[::-1] // 2, "test_labels": np.arange(8) % 2}
    np.savez_compressed(folder / "packed.npz", **arrays, groups=np.arange(8), **test)
    for name in ("plain.npz", "packed.npz"):
        load_images(folder / name)
    images = load_images(folder / "photos")
    for kind in ("variation", "class"):
        run = fit(images, folder / kind, kind=kind, **SHORT)
        export(run, folder / f"{kind}.onnx")

    def left(step: int) -> None:  # as a kill leaves it
        if step == SHORT["steps"]:
            shutil.copytree(folder / "begun", folder / "part")

    fit(images, folder / "begun", tick=left, **SHORT)


# --- artifacts ---


def _make_artifact(seeds: Path, case: Path, rng: Rng) -> bool:
    content = (seeds / f"{pick(rng, ('variation', 'class'))}.onnx").read_bytes()
    sound = {content, onnx.ModelProto.FromString(content).SerializeToString()}
    kind = rng.integers(10)
    if kind < 2:
        content = mutate_bytes(content, rng)
    else:
        model = onnx.ModelProto.FromString(content)
        (entry,) = (each for each in model.metadata_props if each.key == KEY)
        if kind < 5:
            text = json.dumps(mutate_json(json.loads(entry.value), rng))
            if rng.integers(20) == 0:
                text = mutate_bytes(text.encode(), rng).decode("ascii", "replace")
            entry.value = text
        else:
            part = model if rng.integers(8) == 0 else model.graph
            mutate_message(part, rng)
        content = model.SerializeToString()
    (case / "g.onnx").write_bytes(content)
    return content not in sound


def _use_artifact(case: Path, out: Path) -> None:
    path = case / "g.onnx"
    _, info, digest = read_artifact(path)
    metadata_lines(info, digest)
    generator = Generator(path, providers="cpu")
    latents = np.zeros((2, info.latent_dim), np.float32)
    if info.kind == "variation":
        generator.vary(np.full((2, info.channels, 9, 10), 0.5, np.float32), latents)
    else:
        generator.generate(np.array([0, len(info.classes) - 1]), latents)
    (out / "card.md").write_text(model_card(info, digest), encoding="utf-8")


# --- runs ---


def _make_run(seeds: Path, case: Path, rng: Rng) -> bool:
    return _damaged(seeds / pick(rng, (*("variation",) * 39, "class")), case / "run", rng)


def _make_part(seeds: Path, case: Path, rng: Rng) -> bool:
    shutil.copytree(seeds / "photos", case / "photos")
    return _damaged(seeds / "part", case / "out" / "run", rng)


def _damaged(sound_run: Path, run: Path, rng: Rng) -> bool:
    """Copy a run and change one of its files; return whether it says something else."""
    shutil.copytree(sound_run, run)
    path = pick(rng, sorted(each for each in run.iterdir() if each.is_file()))
    sound = path.read_bytes()
    lines = path.suffix == ".jsonl"
    if path.suffix == ".json" and rng.integers(4):
        path.write_text(json.dumps(mutate_json(json.loads(path.read_text()), rng)))
    elif lines and rng.integers(4):
        rows = mutate_json([json.loads(line) for line in path.read_text().splitlines()], rng)
        rows = rows if isinstance(rows, list) else [rows]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        path.write_bytes(mutate_bytes(path.read_bytes(), rng))
    if path.suffix == ".safetensors" and rng.integers(4):
        record = json.loads((run / "checkpoint.json").read_text())
        record["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (run / "checkpoint.json").write_text(json.dumps(record))
    return _values(path.read_bytes()) != _values(sound)


def _values(content: bytes) -> Any:
    """Return the JSON values of a file, or of its lines; else its bytes."""
    try:
        return json.loads(content)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in content.splitlines()]
    except ValueError:
        return content


def _use_run(case: Path, out: Path) -> None:
    read_history(case / "run")
    export(case / "run", out / "file.onnx")


def _use_part(case: Path, out: Path) -> None:
    fit(load_images(case / "photos"), out / "run", **SHORT)


# --- images ---


def _odd_array(rng: Rng) -> Any:
    shape = tuple(int(pick(rng, (0, 1, 2, 3, 8, 12))) for _ in range(rng.integers(6)))
    kind = pick(rng, ("u1", "i8", "u8", "f4", "f2", "c8", "?", "U3", "S3", "M8[s]", "V4", ">i4"))
    content = rng.integers(0, 256, int(np.prod(shape)) * np.dtype(kind).itemsize, np.uint8)
    return np.frombuffer(content.tobytes(), kind).reshape(shape) if content.size else []


def _make_npz(seeds: Path, case: Path, rng: Rng) -> bool:
    path = seeds / pick(rng, ("plain.npz", "packed.npz"))
    kind = rng.integers(4)
    if kind == 0:
        (case / "x.npz").write_bytes(mutate_bytes(path.read_bytes(), rng))
        return (case / "x.npz").read_bytes() != path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = pick(rng, sorted(members))
    sound = members[name]
    if kind == 1:
        members[name] = mutate_bytes(members[name], rng)
    elif kind == 2:
        stream = io.BytesIO()
        np.save(stream, _odd_array(rng))
        members[name] = stream.getvalue()
    else:
        head = members[name][:128].replace(b"(8", b"(%d" % int(pick(rng, NUMBERS)), 1)
        members[name] = head[:128] + members[name][128:]
    packing = pick(rng, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(case / "x.npz", "w", packing) as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return members[name] != sound


def _make_folder(seeds: Path, case: Path, rng: Rng) -> bool:
    photos = case / "photos"
    shutil.copytree(seeds / "photos", photos)
    path = pick(rng, sorted(photos.glob("*/*")))
    kind = rng.integers(8)
    if kind < 5:
        sound = path.read_bytes()
        path.write_bytes(mutate_bytes(sound, rng))
        return path.read_bytes() != sound
    if kind == 5:
        other = path.with_suffix(f".{pick(rng, FORMATS)}")
        path.rename(other)
        return other != path
    if kind == 6:
        path.unlink()
        path.symlink_to(pick(rng, (path.name, "../a", "/dev/zero", "missing", "../../photos")))
    else:
        name = os.fsencode(str(pick(rng, HOSTILE))[:40].replace("\ud800", "\udcff"))
        name = name.replace(b"/", b"_").replace(b"\0", b"_") or b"_"
        os.makedirs(os.fsencode(photos) + b"/c" + name, exist_ok=True)
        shutil.copy(path, os.fsencode(photos) + b"/c" + name + b"/" + os.fsencode(path.name))
    return True


def _make_csv(seeds: Path, case: Path, rng: Rng) -> bool:
    return _changed_csv(seeds, case, "groups.csv", rng)


def _make_table(seeds: Path, case: Path, rng: Rng) -> bool:
    return _changed_csv(seeds, case, "table.csv", rng)


def _changed_csv(seeds: Path, case: Path, name: str, rng: Rng) -> bool:
    """Put the photographs into the case with a changed file of this name; return if it differs."""
    shutil.copytree(seeds / "photos", case / "photos")
    content = sound = (seeds / name).read_bytes()
    if rng.integers(2):
        content = mutate_bytes(content, rng)
    else:
        rows = list(csv.reader(io.StringIO(content.decode())))
        rows = mutate_json(rows, rng)
        rows = rows if isinstance(rows, list) else [rows]
        lines = [row if isinstance(row, list) else [row] for row in rows]
        text = "\n".join(",".join(map(str, row)) for row in lines)
        content = text.encode(errors="surrogatepass" if rng.integers(2) else "replace")
    (case / "photos" / name).write_bytes(content)
    return content.split() != sound.split()


def _use_images(case: Path, out: Path) -> None:
    (path,) = (each for each in case.iterdir() if each.name != "out")
    _use_source(path, _size(case), out)


def _use_table(case: Path, out: Path) -> None:
    _use_source(case / "photos" / "table.csv", _size(case), out)


def _use_source(path: Path, size: int | None, out: Path) -> None:
    errors = []
    # What is refused as a whole may be read without its corrupt images.
    for options in ({"size": size}, {"size": 12, "mode": "rgb", "skip_corrupt": True}):
        try:
            images = load_images(path, **options)
            json.dumps([images.fingerprint, images.data_name, images.notes, images.classes])
            np.savez(out / "images.npz", images=images.hold_out().images)
        except GanaugError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _size(case: Path) -> int | None:
    """Return the size to read at: in one of ten rounds of all targets that of the images."""
    return None if int(case.name.removeprefix("case-")) // ROUND % 10 == 0 else 12


# --- the command line ---

COMMANDS = {name: each for name, each in command.commands.items() if name not in ("demo", "run")}
QUICK = ("info", "card", "vary", "sample")  # with a generator; others would train with it


def _make_arguments(seeds: Path, case: Path, rng: Rng) -> bool:
    name = pick(rng, (*COMMANDS, "nonsense", ""))
    files = [str(seeds / "variation"), "missing", str(case / "out")]
    files += [str(seeds / "variation.onnx")] * (name in QUICK)
    files += [str(seeds / "photos")] * (name in ("check", "fit", "vary", "sample"))
    values = ["0", "-1", "1e9", "8", "12,16", "tiny", "class", "width=2", *HOSTILE]
    words = [name]
    for _ in range(rng.integers(0, 3)):
        words.append(pick(rng, files))
    flags = [flag for each in COMMANDS.get(name, command).params for flag in each.opts]
    for _ in range(rng.integers(0, 4)):
        words.append(pick(rng, flags))
        words += [str(pick(rng, values))] * int(rng.integers(2))
    words += ["--set", "steps=1"] if name == "fit" else []  # should one of them be sound
    words = [word.replace("\ud800", "\udcff") for word in words]
    (case / "arguments.json").write_text(json.dumps(words))
    return True


def _use_arguments(case: Path, out: Path) -> None:
    os.chdir(out)
    said, told = io.StringIO(), io.StringIO()
    with redirect_stdout(told), redirect_stderr(said):
        code = run_command(json.loads((case / "arguments.json").read_text()))
    text = said.getvalue()
    if code not in (0, 1, 2) or "shows the traceback" in text or "Traceback" in text:
        raise AssertionError(f"exit code {code}: {text}")
    if not all(c.isprintable() or c == "\n" for c in text + told.getvalue()):
        raise AssertionError(f"a control character: {text!r}")
    if code:
        raise GanaugError(text)


_RUN = (
    r"not a run folder|is (missing or )?damaged|readable|not one of ganaug's"
    r"|cannot be read \((line \d+: )?(Expecting|Invalid|Extra|Unterminated|'utf-8')"
)
_IMAGES = Target(_make_folder, _use_images, r"cannot be read|no training image", 5)
TARGETS: dict[str, Target] = {
    "artifact": Target(
        _make_artifact, _use_artifact, r"not an ONNX file|invalid JSON|not made by|UTF-8", 14
    ),
    "run folder": Target(_make_run, _use_run, _RUN, 1),
    "resumed run": Target(_make_part, _use_part, _RUN, 1),
    "npz": Target(_make_npz, _use_images, r"not an \.npz|cannot be read", 6),
    "image folder": _IMAGES,
    "groups.csv": replace(_IMAGES, make=_make_csv, first=r"cannot be read|no column", share=2),
    "table": Target(_make_table, _use_table, r"cannot be read|no column", 2),
    "command line": Target(_make_arguments, _use_arguments, r"see ganaug", 2),
}
ROUND = sum(target.share for target in TARGETS.values())  # cases
FIRST = {name: re.compile(target.first) for name, target in TARGETS.items()}

"""`fit`: from an image set to a run folder that can be resumed and exported."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import logging
import os
import platform
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganaug._version import __version__
from ganaug.devices import choose_device
from ganaug.errors import RunError
from ganaug.files import atomic_path, locked, make_folder, write_json
from ganaug.images import ImageSet, load_images, require_classes
from ganaug.randomness import checked_seed, stream, stream_seed
from ganaug.training import augment, checkpoint, shared_affine
from ganaug.training.config import FitConfig, make_config
from ganaug.training.networks import build_discriminator, build_generator
from ganaug.training.pairs import PairSampler
from ganaug.training.precision import choose_precision
from ganaug.training.step import Batch, State, train_step
from ganaug.training.watch import DiversityWatch, Progress, Watch, sample_grid

__all__ = ["fit"]

log = logging.getLogger("ganaug")
ATOMIC = (".data.json.", ".examples.npz.", ".config.json.")  # unfinished writes of a killed start


def fit(
    source: ImageSet | Any,
    out: str | os.PathLike[str],
    *,
    preset: str = "base",
    seed: int = 0,
    device: str | torch.device = "auto",
    all_images: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Path:
    """Train a generator and return its run folder; the same call resumes an interrupted run.

    Args:
        source: an `ImageSet`, or anything that `load_images` takes. Only its training part is
            used; without a test part, one fifth is held out for `evaluate`.
        out: the run folder; created where missing.
        preset: "tiny", "small", "base" or "classic".
        seed: of weights, batches, latents and augmentation.
        device: "auto", "cpu", "cuda" or "cuda:N"; or a `torch.device`.
        all_images: train on all images even where there is no test part; `evaluate` then needs
            other images.
        progress: called as `progress(step, steps, row)` whenever metrics are written.
        options: fields of `FitConfig` in place of the preset's.

    Raises:
        DataError: the images cannot be used.
        ConfigError: unknown preset or option, or a value that is not allowed.
        RunError: the folder holds another run, is in use or cannot be written.
        GanaugError: training diverged.
        KeyboardInterrupt: interrupted; the steps done so far are in a checkpoint.

    Example:
        >>> run = fit("digits", "runs/digits", preset="tiny", steps=100)  # doctest: +SKIP
    """
    config, seed = make_config(preset, **options), checked_seed(seed)
    chosen = choose_device(device)
    images = source if isinstance(source, ImageSet) else load_images(source, size=config.size)
    known = len(images.notes) if source is images else 0  # of a set that the caller loaded
    if not all_images:
        images = images.hold_out()
    for note in images.notes[known:]:
        log.warning(note)
    if not config.conditional:
        images = images.merged()
    if config.kind == "variation":
        require_classes(images)
    config = dataclasses.replace(config, size=config.size or images.size)
    if images.size != config.size:
        raise RunError(
            f"size: the images are {images.size[0]}x{images.size[1]}, the config says"
            f" {config.size[0]}x{config.size[1]}; load them at that size"  # type: ignore[index]
        )
    batches = _Batches(images, config, seed)
    _refuse_inside(Path(out), Path(images.source))
    run = make_folder(out)
    _refuse_other_files(run)
    with locked(run):
        state = _build(config, images, seed, chosen)
        step = _open(run, state, config, images, seed)
        if step < config.steps:
            for note in batches.notes:
                log.warning(note)
            _train(run, state, config, batches, step, progress)
    return run


def _build(config: FitConfig, images: ImageSet, seed: int, device: torch.device) -> State:
    shape = (images.channels, len(images.classes))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream_seed(seed, "weights"))
        networks = [build_generator(config, *shape), build_discriminator(config, *shape)]
    # On a CPU a step with the channels last takes about 0.8 of the time.
    generator, discriminator = (
        network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for network in networks
    )
    average = copy.deepcopy(generator).requires_grad_(False)
    betas = (config.beta1, config.beta2)
    optimizer_g = torch.optim.Adam(generator.parameters(), config.learning_rate, betas)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), config.learning_rate, betas)

    return State(generator, discriminator, average, optimizer_g, optimizer_d)


def _precision(wanted: str, state: State, config: FitConfig, images: ImageSet) -> torch.dtype:
    """The dtype of autocast, tried out on the run's own discriminator."""
    device = next(state.discriminator.parameters()).device

    def trial() -> torch.Tensor:
        channels = images.channels * (2 if config.kind == "variation" else 1)
        seen = torch.zeros(config.batch_size, channels, *images.size, device=device)
        label = torch.zeros(config.batch_size, dtype=torch.int64, device=device)
        seen = seen.contiguous(memory_format=torch.channels_last)
        logits: torch.Tensor = state.discriminator(seen, label)[0]
        return logits

    precision = choose_precision(wanted, device, trial)
    state.discriminator.zero_grad(set_to_none=True)
    return precision


def _open(run: Path, state: State, config: FitConfig, images: ImageSet, seed: int) -> int:
    """Start the folder, or load its checkpoint when it holds this very run; return its step."""
    wanted = {
        "config": config.to_dict(),
        "seed": seed,
        "channels": images.channels,
        "fingerprint": images.fingerprint,
        "groups": _groups_hash(images),
    }
    path = run / "config.json"
    if path.exists():
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise RunError(
                f"{path}: cannot be read ({error}); choose another output folder"
            ) from error
        difference = _difference(found, wanted)
        if difference:
            raise RunError(
                f"{run}: holds another run ({difference}); repeat that command to resume it, or"
                " choose another output folder"
            )
        state.precision = _precision(found.get("precision", "fp32"), state, config, images)
        saved = checkpoint.read(run)
        if saved is None:
            return 0
        checkpoint.load(state, saved)
        return saved.step
    state.precision = _precision(config.precision, state, config, images)
    write_json(run / "data.json", _describe(images))
    shown = np.linspace(0, len(images) - 1, min(len(images), 64)).astype(int)
    with atomic_path(run / "examples.npz") as temporary:  # real images for the check at export
        np.savez_compressed(temporary, images=images.images[shown])
    # Measured once: another choice after an interruption would not continue the same run.
    chosen = "bf16" if state.precision == torch.bfloat16 else "fp32"
    write_json(path, wanted | {"precision": chosen})
    return 0


def _refuse_other_files(run: Path) -> None:
    """Refuse a folder that holds anything but a run, or the beginnings of one that was killed."""
    if (run / "config.json").exists():
        return
    for entry in run.iterdir():
        ours = (".lock", "data.json", "examples.npz")
        if entry.name not in ours and not entry.name.startswith(ATOMIC):
            raise RunError(
                f"{run}: holds other files ({entry.name}); choose an empty or new output folder"
            )


def _refuse_inside(run: Path, source: Path) -> None:
    """Refuse a folder that would be read as a class when the images are loaded again."""
    inside = source.is_dir() and run.resolve().is_relative_to(source.resolve())
    parts = inside and any(
        each.is_dir() and each.name.lower() == "train" for each in source.iterdir()
    )
    if inside and not parts:
        raise RunError(
            f"{run}: lies in the folder of the images ({source}), where it would count as a class;"
            " choose an output folder outside"
        )


def _groups_hash(images: ImageSet) -> str | None:
    """Which images are of one group, whatever the order and the numbers of the groups."""
    if images.groups is None:
        return None
    least = np.full(int(images.groups.max(initial=-1)) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(least, images.groups, images.keys)
    order = np.lexsort((images.labels, images.keys))
    return hashlib.sha256(least[images.groups][order].astype("<u8").tobytes()).hexdigest()


def _difference(found: Any, wanted: dict[str, Any]) -> str:
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        return "its config.json is not one of ganaug's"
    # what an older version did not write was off
    there = (
        FitConfig().to_dict()
        | found["config"]
        | {key: found.get(key) for key in ("seed", "channels")}
    )
    here = wanted["config"] | {key: wanted[key] for key in ("seed", "channels")}
    for key, value in here.items():
        if there.get(key) != value:
            return f"{key} is {there.get(key)} there, {value} here"
    if found.get("fingerprint") != wanted["fingerprint"]:
        return "it was trained on other images"
    if found.get("groups") != wanted["groups"]:
        return "it was trained on the same images with other groups"
    return ""


def _describe(images: ImageSet) -> dict[str, Any]:
    held_out = images.test if images.held_out else None
    return {
        "source": images.data_name,
        "classes": list(images.classes),
        "channels": images.channels,
        "counts": images.counts.tolist(),
        "fingerprint": images.fingerprint,
        "held_out": images.held_out,
        "held_out_fingerprint": held_out.fingerprint if held_out else None,
        "has_test": images.test is not None,
        "groups": images.groups is not None,
        "notes": list(images.notes),
        "versions": {
            "python": platform.python_version(),
            "ganaug": __version__,
            **{name: version(name) for name in ("torch", "numpy")},
        },
    }


def _train(
    run: Path,
    state: State,
    config: FitConfig,
    batches: _Batches,
    step: int,
    progress: Progress | None,
) -> None:
    device = next(state.generator.parameters()).device
    images = batches.images
    pixels = torch.from_numpy(np.ascontiguousarray(images.images.transpose(0, 3, 1, 2))).to(device)
    make_folder(run / "samples")
    watch = Watch(run, config, step, progress)
    diversity = DiversityWatch(run, images, config, step)
    with _interruptible() as interrupted:
        for i in range(step, config.steps):
            metrics = train_step(state, batches.batch(i, pixels), config, i)
            done = i + 1
            watch.record(done, metrics)
            last = done == config.steps
            if last or done % config.sample_every == 0:
                sample_grid(state, images, config, run / "samples" / f"step-{done:06d}.png")
            due = last or done % config.checkpoint_every == 0
            if due:  # at an interruption not: a run without one would not have it
                diversity.record(done, state.average)
            if due or interrupted.is_set():
                checkpoint.save(run, state, done)
            if interrupted.is_set() and not last:
                raise KeyboardInterrupt(
                    f"stopped after step {done} of {config.steps}; the same command resumes"
                )


class _Batches:
    """Draws the batch of step i from counters, and gathers its images."""

    def __init__(self, images: ImageSet, config: FitConfig, seed: int) -> None:
        self.images, self.config, self.seed = images, config, seed
        self.labels = torch.from_numpy(images.labels)
        self.pairs: PairSampler | None = None
        self.notes: tuple[str, ...] = ()
        if config.kind == "variation":
            self.pairs = PairSampler(
                images.labels, images.groups, images.classes, config.class_power
            )
            self.notes = self.pairs.notes
        else:
            weights = np.maximum(images.counts, 1) ** (config.class_power - 1.0)
            self.weights = weights[images.labels] / weights[images.labels].sum()

    def batch(self, step: int, pixels: torch.Tensor) -> Batch:
        config, rng = self.config, stream(self.seed, "batch", index=step)
        count = config.batch_size
        source = stranger = None
        if self.pairs is not None:
            sources, rows = self.pairs.draw(count, rng)
            source = _gather(pixels, sources)
            if config.class_match > 0:
                strangers = self.pairs.strangers(self.images.labels[rows], rng)
                stranger = _gather(pixels, strangers)
        else:
            rows = rng.choice(len(self.weights), count, p=self.weights)
        latent = rng.standard_normal((count, config.latent_dim), dtype=np.float32)
        device = pixels.device
        real = _gather(pixels, rows)
        maps = shared_affine.draw(config.shared_affine, count, self.images.size, rng)
        if maps is not None:
            maps = maps.to(device)
            real = shared_affine.move(real, maps)
            source = None if source is None else shared_affine.move(source, maps)
            stranger = None if stranger is None else shared_affine.move(stranger, maps)
        draws = [
            augment.draw(config.augment, count, self.images.size, rng).to(device) for _ in range(2)
        ]
        return Batch(
            real=real,
            source=source,
            stranger=stranger,
            labels=self.labels[torch.from_numpy(rows)].to(device),
            latent=torch.from_numpy(latent).to(device),
            draws=(draws[0], draws[1]),
        )


def _gather(pixels: torch.Tensor, rows: NDArray[np.int64]) -> torch.Tensor:
    chosen = pixels[torch.from_numpy(rows).to(pixels.device)].float() / 255
    return chosen.contiguous(memory_format=torch.channels_last)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM) into an event, so that a step is never torn apart.

    A second Ctrl-C stops at once; the last checkpoint then stands.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # signals reach the main thread only
        return

    def note(number: int, frame: Any) -> None:
        event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

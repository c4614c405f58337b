"""Photographs at 224 px: `GANAugment` beside the usual augmentations, and in a loader of JPEGs.

Called by `python -m benchmarks.transform --at-224`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks._environment import environment
from ganaug import AugmentedDataset, GANAugment, Generator
from ganaug.errors import ConfigError

__all__ = ["MARKS", "measure", "photographs", "table"]

SIZE, BATCH, TIMES, LEAST = 224, 64, 3, 8
PASSES = 10  # the loaders take turns, a tenth of the images each time
QUICK_BATCH, QUICK_JPEGS = 4, 32
MARKS = "<!-- measured at 224 px -->\n", "<!-- end of 224 px -->\n"
FORMS = {"tensor": "tensors", "pil": "PIL images", "array": "arrays", "batch": "batches of 64"}
OTHERS = {
    "randaugment": "`v2.RandAugment`",
    "augmix": "`v2.AugMix`",
    "trivialaugment": "`v2.TrivialAugmentWide`",
    "albumentations": "Albumentations' Affine + ColorJitter",
}


def photographs(folder: Path) -> list[Path]:
    """Return the JPEG files below `folder`, in an order that mixes its parts.

    Raises:
        ConfigError: there are too few.
    """
    files = sorted(folder.rglob("*.jpg"))
    if len(files) < LEAST:
        raise ConfigError(
            f"--photos: {len(files)} JPEG files (.jpg) below {folder}; allowed: {LEAST} or more;"
            " name a folder of photographs"
        )
    return [files[at] for at in np.random.default_rng(0).permutation(len(files))]


def _square(path: Path) -> Image.Image:
    with Image.open(path, formats=["JPEG"]) as image:
        return ImageOps.fit(image.convert("RGB"), (SIZE, SIZE), Image.Resampling.BICUBIC)


def measure(
    file: Path, photos: Path, folder: Path, *, jpegs: int = 20_000, quick: bool = False
) -> dict[str, Any]:
    """Return all figures of an RGB variation generator.

    Args:
        file: the exported generator.
        photos: a folder of JPEG files, at any depth.
        folder: where the JPEGs of the loader are written; the caller removes it.
        jpegs: how many.
        quick: few repetitions and images.
    """
    files = photographs(photos)
    taken = islice(cycle(files), QUICK_BATCH if quick else BATCH)
    return {
        "size": SIZE,
        "one_thread": _one_thread(file, [_square(path) for path in taken], quick),
        "engines": _engines(file, quick),
        "loader": _loaders(file, files, folder, *((QUICK_JPEGS, 1) if quick else (jpegs, PASSES))),
        "quick": quick,
        "environment": environment(1, 1),
    }


def _one_thread(file: Path, pictures: list[Image.Image], quick: bool) -> dict[str, Any]:
    """Return microseconds an image of each form of images, ours and others', in turns."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network
    import albumentations
    import cv2

    from ganaug.albumentations import GANAugment as ForArrays

    cv2.setNumThreads(1)
    free = {
        "randaugment": v2.RandAugment(),
        "augmix": v2.AugMix(),
        "trivialaugment": v2.TrivialAugmentWide(),
    }
    affine = albumentations.Compose(
        [
            albumentations.Affine(
                scale=(0.9, 1.1), rotate=(-15, 15), translate_percent=(-0.1, 0.1), shear=(-5, 5)
            ),
            albumentations.ColorJitter(),
        ]
    )
    augment, of_arrays = GANAugment(file, p=0.5), ForArrays(file, p=0.5)
    arrays = [np.array(picture) for picture in pictures]
    tensors = [v2.functional.pil_to_tensor(picture) for picture in pictures]
    batch, labels = torch.stack(tensors), torch.zeros(len(tensors), dtype=torch.int64)

    def over(ours: Callable[[Any], Any], others: dict[str, Any], images: Sequence[Any]) -> Any:
        turns = cycle(images)
        calls = {name: (lambda f=f: f(next(turns))) for name, f in others.items()}
        return {"ours": lambda: ours(next(turns)), **calls}

    forms = {
        "tensor": over(lambda image: augment(image, 0), free, tensors),
        "pil": over(lambda image: augment(image, 0), free, pictures),
        "array": over(
            lambda image: of_arrays(image=image),
            {"albumentations": lambda image: affine(image=image)},
            arrays,
        ),
        "batch": {
            "ours": lambda: augment(batch, labels),
            **{name: (lambda f=f: [f(image) for image in batch]) for name, f in free.items()},
            "albumentations": lambda: [affine(image=image) for image in arrays],
        },
    }
    single, batched = (1, 2, 1), (1, 1, len(pictures))
    if not quick:
        single, batched = (12, 16, 1), (4, 1, len(pictures))
    return {
        form: _in_turns(calls, *(batched if form == "batch" else single))
        for form, calls in forms.items()
    }


def _in_turns(
    calls: dict[str, Callable[[], Any]], blocks: int, rounds: int, images: int
) -> dict[str, Any]:
    """Return microseconds an image, and ours over each other; three times, one after another.

    Processor time; the mean in a block of rounds, the median over blocks.
    """
    for call in calls.values():
        call()
    found: list[dict[str, float]] = []
    for _ in range(TIMES):
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(blocks):
            spent = dict.fromkeys(calls, 0.0)
            for _ in range(rounds):
                for name, call in calls.items():
                    start = time.process_time()
                    call()
                    spent[name] += time.process_time() - start
            for name, value in spent.items():
                seconds[name].append(1e6 * value / (rounds * images))
        found.append({name: median(values) for name, values in seconds.items()})
    us = {name: median(each[name] for each in found) for name in calls}
    return {
        "us": us,
        "ratios": {
            name: sorted(each["ours"] / each[name] for each in found)
            for name in calls
            if name != "ours"
        },
    }


def _engines(file: Path, quick: bool) -> dict[str, Any]:
    """Return microseconds of a variation by onnxruntime and by torch's operators, in turns."""
    one, other = (Generator(file, providers=name) for name in ("cpu", "torch"))
    random, found = np.random.default_rng(0), {}
    for side in (32, 64, SIZE):
        images = random.random((1, one.info.channels, side, side), np.float32)
        latents = random.standard_normal((1, one.info.latent_dim), np.float32)
        calls = {
            "ours": lambda i=images, z=latents: other.vary(i, z),
            "onnxruntime": lambda i=images, z=latents: one.vary(i, z),
        }
        timed = _in_turns(calls, *((1, 2, 1) if quick else (12, 16, 1)))
        found[str(side)] = {
            "torch_us": timed["us"]["ours"],
            "onnxruntime_us": timed["us"]["onnxruntime"],
            "ratios": timed["ratios"]["onnxruntime"],
        }
    return found


def _loaders(
    file: Path, files: list[Path], folder: Path, count: int, passes: int
) -> dict[str, Any]:
    """Return images a second of two workers over JPEGs, beside the same loader with RandAugment."""
    share = count // passes
    parts = []
    for part in range(passes):
        parts.append(folder / "jpegs" / str(part))
        (parts[-1] / "photo").mkdir(parents=True)
    for at, path in zip(range(count), cycle(files)):
        picture = _square(path)
        if at >= len(files):  # files are fewer than asked for: the same ones, mirrored
            picture = ImageOps.mirror(picture)
        picture.save(parts[at % passes] / "photo" / f"{at}.jpg", quality=90)
    to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    augment = GANAugment(file, p=0.5, labels_getter=None)
    free = v2.RandAugment()
    orders: dict[str, dict[str, list[Any]]] = {
        "pil": {"ours": [augment, *to_tensor], "randaugment": [free, *to_tensor]},
        "tensor": {
            "ours": [to_tensor[0], augment, to_tensor[1]],
            "randaugment": [to_tensor[0], free, to_tensor[1]],
        },
    }
    seconds: dict[str, dict[str, list[float]]] = {
        order: {name: [] for name in both} for order, both in orders.items()
    }
    for part in parts:
        real = ImageFolder(str(part))
        for order, both in orders.items():
            for name, steps in both.items():
                data = AugmentedDataset(real, v2.Compose(steps))
                loader = DataLoader(data, BATCH, num_workers=2, persistent_workers=True)
                for _ in loader:  # so that the workers have started
                    pass
                start = time.perf_counter()
                for _ in loader:
                    pass
                seconds[order][name].append(time.perf_counter() - start)
    return {
        "images": count,
        "workers": 2,
        **{order: _rates(both, share) for order, both in seconds.items()},
    }


def _rates(seconds: dict[str, list[float]], share: int) -> dict[str, Any]:
    rates = {f"{name}_images_per_s": share / median(each) for name, each in seconds.items()}
    ratios = sorted(
        free / ours for ours, free in zip(seconds["ours"], seconds["randaugment"], strict=True)
    )
    return {**rates, "ratio": median(ratios), "lowest": ratios[0], "highest": ratios[-1]}


def table(result: dict[str, Any]) -> str:
    """Return the figures of `measure` as tables in Markdown."""
    lines = [
        "| one thread, 224 px | images | ours, µs | other, µs | ours / other |",
        "| --- | --- | --- | --- | --- |",
    ]
    for form, timed in result["one_thread"].items():
        for name, ratios in timed["ratios"].items():
            lines.append(
                f"| {OTHERS[name]} | {FORMS[form]} | {timed['us']['ours']:.0f} |"
                f" {timed['us'][name]:.0f} | {_range(ratios)} |"
            )
    loader = result["loader"]
    lines += [
        "",
        f"| {loader['workers']} workers, {loader['images']:,} JPEGs | ours, images/s |"
        " `v2.RandAugment`, images/s | ratio | lowest to highest |",
        "| --- | --- | --- | --- | --- |",
    ]
    for order, words in (("pil", "on PIL images"), ("tensor", "behind `v2.ToImage`")):
        each = loader[order]
        lines.append(
            f"| {words} | {each['ours_images_per_s']:.0f} |"
            f" {each['randaugment_images_per_s']:.0f} | **{each['ratio']:.2f}** |"
            f" {each['lowest']:.2f} to {each['highest']:.2f} |"
        )
    lines += [
        "",
        '| one variation | onnxruntime, µs | `providers="torch"`, µs | torch / onnxruntime |',
        "| --- | --- | --- | --- |",
    ]
    for side, each in result["engines"].items():
        lines.append(
            f"| {side} px | {each['onnxruntime_us']:.0f} | {each['torch_us']:.0f} |"
            f" {_range(each['ratios'])} |"
        )
    return "\n".join(lines) + "\n"


def _range(ratios: Sequence[float]) -> str:
    return f"**{median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f})"

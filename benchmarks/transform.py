"""`python -m benchmarks.transform`: what the plug-in costs in a pipeline, beside v2.RandAugment.

The generators are those of the preset `base`, trained for two steps: what a generator has learned
does not change its speed. Times of one thread are processor time of the process, so that other
work on the machine counts little; both sides of a ratio take turns, call by call, in one process.
"""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks import _at_224
from benchmarks._environment import environment
from benchmarks._results import write_result
from ganaug import AugmentedDataset, GANAugment, Generator, MixedDataset, SyntheticDataset
from ganaug.errors import ConfigError, GanaugError
from ganaug.files import write_text

__all__ = ["main", "measure", "table"]

BATCH = 64
COUNTS = (200, 120, 72, 43, 26, 15, 9)  # images of the classes in the loader; balanced to 200
FRESH = "-m", "benchmarks._worker_cost"
ROOT = Path(__file__).resolve().parent.parent
MARKS = "<!-- measured -->\n", "<!-- end -->\n"


@click.command()
@click.option("--quick", is_flag=True, help="A look: few repetitions; no figure to quote.")
@click.option(
    "--artifact",
    type=click.Path(path_type=Path),
    help="Measure this RGB file; default: untrained generators of the preset base.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here.")
@click.option(
    "--markdown", type=click.Path(path_type=Path), help="Put the table into this page, and the"
    " name of the --json file."
)  # fmt: skip
@click.option(
    "--at-224", is_flag=True, help="Measure photographs at 224 px instead: beside RandAugment,"
    " AugMix, TrivialAugment and Albumentations, and in a loader of JPEGs."
)  # fmt: skip
@click.option(
    "--photos",
    type=click.Path(path_type=Path),
    default=ROOT.parent / "shared" / "data" / "photos-144",
    help="The folder of JPEG files for --at-224.",
)
@click.option(
    "--jpegs", type=click.IntRange(min=100), default=20_000, show_default=True,
    help="How many the loader of --at-224 reads.",
)  # fmt: skip
def main(
    quick: bool,
    artifact: Path | None,
    json_path: Path | None,
    markdown: Path | None,
    at_224: bool,
    photos: Path,
    jpegs: int,
) -> None:
    """Measure speed and memory of the plug-in; print JSON."""
    marks, as_table = (_at_224.MARKS, _at_224.table) if at_224 else (MARKS, table)
    torch.set_num_threads(1)
    try:
        if json_path is not None and not json_path.parent.is_dir():
            raise ConfigError(
                f"--json: {json_path}: there is no folder {json_path.parent}; allowed: a file in a"
                " folder that exists; create it"
            )
        if markdown is not None:
            _parts(markdown, marks)  # a page that cannot be filled is refused before the work
        if at_224:
            _at_224.photographs(photos)
        with TemporaryDirectory() as folder:
            files = [artifact] if artifact else _generators(Path(folder), quick or at_224)
            if at_224:
                result = _at_224.measure(files[0], photos, Path(folder), jpegs=jpegs, quick=quick)
            else:
                result = measure(files, Path(folder), quick=quick)
    except GanaugError as error:
        click.echo(f"benchmarks.transform: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    click.echo(json.dumps(result, indent=2))
    if json_path is not None:
        write_result(json_path, result)
    if markdown is not None:
        before, after = _parts(markdown, marks)
        write_text(markdown, f"{before}{marks[0]}{as_table(result)}{marks[1]}{after}")


def _parts(page: Path, between: tuple[str, str]) -> tuple[str, str]:
    """Return what stands before and after the table of a page."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    before, start, rest = text.partition(between[0])
    _, end, after = rest.partition(between[1])
    if not start or not end:
        marks = " and ".join(mark.strip() for mark in between)
        raise ConfigError(
            f"--markdown: {page}: {'has no table' if text else 'no such page'}; allowed: a page"
            f" with lines {marks}; name docs/performance.md"
        )
    return before, after


def _generators(folder: Path, quick: bool) -> list[Path]:
    """Write the files of untrained generators: RGB 32 px, and grey 28 px unless `quick`."""
    from ganaug import export, fit
    from ganaug.images import ImageSet

    files = []
    for size, channels in ((32, 3),) if quick else ((32, 3), (28, 1)):
        noise = np.random.default_rng(0).integers(0, 256, (105, size, size, channels), np.uint8)
        images = ImageSet(noise, np.repeat(np.arange(7), 15), tuple("abcdefg"))
        run = fit(images, folder / f"run-{size}", preset="base", steps=2, device="cpu")
        files.append(folder / f"{size}.onnx")
        export(run, files[-1])
    return files


def measure(files: list[Path], folder: Path, *, quick: bool = False) -> dict[str, Any]:
    """Return all figures; the first of `files` is the one of the main figures, an RGB generator.

    Args:
        files: exported variation generators.
        folder: where images may be written.
        quick: few repetitions and one start method.
    """
    sides = {_name(file): _side(file, quick) for file in files}
    main_side = sides[_name(files[0])]
    methods = ["fork"] if quick else multiprocessing.get_all_start_methods()
    workers = {method: _worker_cost(files[0], method, quick) for method in methods}
    return {
        **main_side,
        "loader": _loader(files[0], folder, quick),
        "import_s": _import_seconds(quick),
        "first_item_s": max(each["first_item_s"] for each in workers.values()),
        "worker_memory_mb": max(each["memory_mb"] for each in workers.values()),
        "by_image": sides,
        "by_start_method": workers,
        "long_run": _fresh("long", files[0], 40 if quick else 10_000),
        "quick": quick,
        "environment": environment(1, 1),
    }


def _name(file: Path) -> str:
    info = Generator(file, providers="cpu").info
    return f"{'RGB' if info.channels == 3 else 'grey'} {info.size[0]} px"


def _side(file: Path, quick: bool) -> dict[str, Any]:
    """Return the figures of one thread: the transform, and onnxruntime beside torch."""
    info = Generator(file, providers="cpu").info
    shape = (BATCH, info.channels, *info.size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8)
    labels = torch.zeros(BATCH, dtype=torch.int64)
    augment, free = GANAugment(file, p=0.5), v2.RandAugment()
    turns = cycle(images)
    blocks, calls = (2, 5) if quick else (60, 25)
    single = _compare(lambda: augment(next(turns), 0), lambda: free(next(turns)), blocks, calls, 1)
    batched = _compare(
        lambda: augment(images, labels), lambda: [free(image) for image in images],
        2 if quick else 40, 1, BATCH,
    )  # fmt: skip
    keys = ("ours_us", "randaugment_us", "ratio")
    return {
        "single": dict(zip(keys, single, strict=True)),
        "batched": dict(zip(keys, batched, strict=True)),
        "onnxruntime_over_eager": {
            str(count): _over_eager(file, count, quick) for count in (1, BATCH)
        },
    }


def _compare(
    ours: Callable[[], Any], other: Callable[[], Any], blocks: int, calls: int, images: int
) -> tuple[float, float, float]:
    """Return microseconds an image of both, and their ratio: medians over blocks of calls.

    The mean within a block, since a call varies its image or leaves it; the median over blocks,
    since other work disturbs some.
    """
    for call in (ours, other) * 3:
        call()
    found = []
    for _ in range(blocks):
        spent = [0.0, 0.0]
        for _ in range(calls):
            for at, call in enumerate((ours, other)):
                start = time.process_time()
                call()
                spent[at] += time.process_time() - start
        found.append([1e6 * seconds / (calls * images) for seconds in spent])
    mine, others = (median(column) for column in zip(*found, strict=True))
    return mine, others, mine / others


def _over_eager(file: Path, count: int, quick: bool) -> float:
    """Return how many times faster `Generator.vary` is than the same network in torch."""
    from ganaug.training.config import FitConfig
    from ganaug.training.networks import VariationGenerator, build_generator

    generator = Generator(file, providers="cpu")
    info = generator.info
    network = build_generator(FitConfig.from_dict(info.config), info.channels, len(info.classes))
    if not isinstance(network, VariationGenerator):
        raise TypeError("measured are variation generators")
    random = np.random.default_rng(0)
    images = random.random((count, info.channels, *info.size), np.float32)
    latents = random.standard_normal((count, info.latent_dim), np.float32)
    tensors = torch.from_numpy(images), torch.from_numpy(latents)
    with torch.inference_mode():
        blocks, calls = (2, 1) if quick else (40, 10 if count == 1 else 1)
        _, _, ratio = _compare(
            lambda: network.vary(*tensors), lambda: generator.vary(images, latents),
            blocks, calls, count,
        )  # fmt: skip
    return ratio


def _loader(file: Path, folder: Path, quick: bool) -> dict[str, Any]:
    """Return images a second of two workers: generated items beside real ones, and RandAugment.

    Both loaders yield the same number of items from PNG files. `MixedDataset` fills up all
    classes, so that two of three items are generated.
    """
    classes = Generator(file, providers="cpu").info.classes
    counts = dict(zip(classes, (8, 2) if quick else COUNTS, strict=False))
    real = _photos(folder / "photos", counts)
    to_tensor = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    mixed = MixedDataset(real, SyntheticDataset(file, source=real, counts="balance"))
    repeated = Subset(real, list(islice(cycle(range(len(real))), len(mixed))))
    loaders = {
        "ours": AugmentedDataset(mixed, to_tensor),
        "randaugment": AugmentedDataset(repeated, v2.Compose([v2.RandAugment(), to_tensor])),
    }
    passes = {
        name: DataLoader(data, BATCH, shuffle=True, num_workers=2, persistent_workers=True)
        for name, data in loaders.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in passes}
    for epoch in range(2 if quick else 10):
        for name, loader in passes.items():
            mixed.set_epoch(epoch)
            start = time.perf_counter()
            for _ in loader:
                pass
            seconds[name].append(time.perf_counter() - start)
    rates = {name: len(mixed) / median(found[1:]) for name, found in seconds.items()}
    return {
        "ours_images_per_s": rates["ours"],
        "randaugment_images_per_s": rates["randaugment"],
        "ratio": rates["ours"] / rates["randaugment"],
        "generated_share": len(mixed.synthetic) / len(mixed),
    }


def _photos(folder: Path, counts: dict[str, int]) -> ImageFolder:
    random = np.random.default_rng(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            levels = random.integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(levels).save(folder / name / f"{i}.png")
    return ImageFolder(str(folder))


def _import_seconds(quick: bool) -> float:
    """Return the seconds of `import ganaug` in a fresh interpreter."""
    code = (
        "import sys, time\nstart = time.perf_counter()\nimport ganaug\n"
        "print(time.perf_counter() - start)\nassert 'torch' not in sys.modules"
    )
    return median(float(_output("-c", code)) for _ in range(1 if quick else 7))


def _worker_cost(file: Path, method: str, quick: bool) -> dict[str, float]:
    """Return what GANAugment adds to a worker: seconds until the first item, megabytes."""
    found: dict[str, list[dict[str, float]]] = {"with": [], "without": []}
    for _ in range(1 if quick else 3):
        for name, path in (("with", file), ("without", "-")):
            found[name].append(_fresh("first", path, method))
    memory = {name: median(each["memory_mb"] for each in runs) for name, runs in found.items()}
    return {
        "first_item_s": median(each["seconds"] for each in found["with"]),
        "memory_mb": memory["with"] - memory["without"],
    }


def _fresh(*arguments: object) -> Any:
    return json.loads(_output(*FRESH, *map(str, arguments)))


def _output(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout


def table(result: dict[str, Any]) -> str:
    """Return the figures of `measure` as tables in Markdown, beside what they should be."""
    sides, long = result["by_image"], result["long_run"]
    machine, versions = result["environment"]["machine"], result["environment"]["versions"]
    lines = [
        f"| one thread | {' | '.join(sides)} | target |",
        "| --- |" + " --- |" * (len(sides) + 1),
    ]
    for key, words, target in (
        ("single", "image by image", "at most 1.0"),
        ("batched", f"in batches of {BATCH}", "at most 0.5"),
    ):
        cells = [
            f"{side[key]['ours_us']:.0f} / {side[key]['randaugment_us']:.0f} ="
            f" **{side[key]['ratio']:.2f}**"
            for side in sides.values()
        ]
        name = f"`GANAugment(p=0.5)` / `v2.RandAugment`, µs an image, {words}"
        lines.append(f"| {name} | {' | '.join(cells)} | {target} |")
    for count, target in (("1", "at least 2"), (str(BATCH), "at least 1.1")):
        cells = [f"**{side['onnxruntime_over_eager'][count]:.2f}**" for side in sides.values()]
        name = f"onnxruntime, times as fast as torch eager, batch {count}"
        lines.append(f"| {name} | {' | '.join(cells)} | {target} |")
    loader = result["loader"]
    rates = f"{loader['ours_images_per_s']:.0f} / {loader['randaugment_images_per_s']:.0f}"
    methods = ", ".join(result["by_start_method"])
    lines += [
        "",
        "| processes | measured | target |",
        "| --- | --- | --- |",
        f"| `MixedDataset` / `v2.RandAugment` in a loader of two workers, images a second | {rates}"
        f" = **{loader['ratio']:.2f}** | at least 0.8 |",
        f"| first item of a worker, later by (the largest of {methods}) |"
        f" **{result['first_item_s']:.2f} s** | at most 0.5 s |",
        f"| more memory of a worker | **{result['worker_memory_mb']:.0f} MB** | at most 150 MB |",
        f"| `import ganaug` | **{result['import_s']:.3f} s** | under 0.2 s |",
        f"| memory of {long['workers']} workers after {long['batches']:,} batches, times that early"
        f" on | **{long['ratio']:.3f}** | at most 1.05 |",
        "",
        f"Machine: {machine['architecture']}, {machine['cores']} cores,"
        f" {', '.join(machine['flags'])}. Versions:"
        f" {', '.join(f'{name} {number}' for name, number in versions.items())}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

"""How many steps does a warm start save?

    python -m benchmarks.warm_start --out runs/warm --json results/warm-start.json

For each pair of sets an old generator is trained on the one. Then generators of several lengths are
trained on the other, from random weights and from those of the old run: `tiny`, at 16 px, so that
it is cheap. Each is judged on images that no generator has seen, of the rarer half of the classes:
so many variations of their training images are compared with them. `kernel` is the energy distance
over the spread of the real images (lower is better), `coverage` the share of the real images with
a variation nearby. *Copies* are the training images themselves, as no generator at all. Draws are
those of pilots: held out are images that the draw left over, and no test part is read. Steps are
saved where the shortest warm training that is no worse than the longest cold one is shorter than
the shortest cold one that is. Figures: docs/training.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch

from benchmarks._environment import environment
from benchmarks._protocols import open_protocol
from benchmarks._results import write_result
from ganaug import fit
from ganaug.files import make_folder
from ganaug.images import ImageSet, resized
from ganaug.metrics.record import quick_record
from ganaug.randomness import stream
from ganaug.training.run_folder import read_run
from ganaug.training.samples import generate, normal, to_uint8

__all__ = ["PAIRS", "main", "summary"]

ROOT = Path(__file__).resolve().parent.parent
SIZE, PER_CLASS = 16, 100
LENGTHS, OLD_STEPS = "50,100,200", 400
FIRST_SEED = 90  # of pilots
COLD, WARM, COPIES = "cold", "warm", "copies"

Drawn = Callable[[int, Path], ImageSet]


def _set(name: str, classes: slice = slice(None), *, grey: bool = False) -> Drawn:
    """Return what draws a set with its held-out images as the test part, small."""

    def drawn(seed: int, data: Path) -> ImageSet:
        images = open_protocol(name, data).pilot(seed)
        test = images.test
        assert test is not None
        whole = replace(images, test=None)
        parts = [_part(resized(each, SIZE), classes, grey) for each in (whole, test)]
        return replace(parts[0], test=parts[1])

    return drawn


def _part(images: ImageSet, classes: slice, grey: bool) -> ImageSet:
    labels = np.arange(len(images.classes))[classes]
    kept = images.take(np.flatnonzero(np.isin(images.labels, labels)))
    pixels = kept.images
    if grey:
        pixels = pixels.mean(3, keepdims=True).round().astype(np.uint8)
    return replace(
        kept,
        images=pixels,
        labels=np.searchsorted(labels, kept.labels),
        classes=tuple(images.classes[label] for label in labels),
    )


# New set, old set.
PAIRS: dict[str, tuple[Drawn, Drawn]] = {
    "letters from other letters": (
        _set("glyphs-lt", slice(0, None, 2)),
        _set("glyphs-lt", slice(1, None, 2)),
    ),
    "signs from letters": (_set("gtsrb-lt"), _set("glyphs-lt")),
    "digits from letters": (_set("mnist-lt"), _set("glyphs-lt", grey=True)),
}


@click.command(help=__doc__)
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True)
@click.option("--pairs", help=f"Comma-separated; default: {', '.join(PAIRS)}.")
@click.option("--lengths", default=LENGTHS, show_default=True, help="Steps of the new trainings.")
@click.option("--old-steps", type=click.IntRange(1), default=OLD_STEPS, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data files.")
@click.option("--out", type=click.Path(path_type=Path), help="Keeps rows; the same call resumes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here.")
def main(
    seeds: int,
    pairs: str | None,
    lengths: str,
    old_steps: int,
    data: Path | None,
    out: Path | None,
    json_path: Path | None,
) -> None:
    """Train, judge, print and write the JSON."""
    torch.set_num_threads(1)
    names = pairs.split(",") if pairs else list(PAIRS)
    unknown = [name for name in names if name not in PAIRS]
    if unknown:
        raise click.UsageError(f"--pairs: {unknown[0]!r}; allowed: {', '.join(PAIRS)}")
    steps = [int(word) for word in lengths.split(",")]
    folder = data or ROOT.parent / "shared" / "data"
    kept = None if out is None else make_folder(out) / "rows.jsonl"
    rows = _kept(kept)
    asked = {"lengths": steps, "old_steps": old_steps}
    wanted = [(name, seed) for seed in range(FIRST_SEED, FIRST_SEED + seeds) for name in names]
    for name, seed in wanted:
        known = {"pair": name, "seed": seed} | asked
        if any(known.items() <= row.items() for row in rows):
            continue
        row = known | {"found": _compared(name, seed, steps, old_steps, folder)}
        rows.append(row)
        click.echo(json.dumps(row), err=True)
        if kept is not None:
            with kept.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row) + "\n")
    chosen = [row for row in rows if (row["pair"], row["seed"]) in wanted]
    chosen = [row for row in chosen if asked.items() <= row.items()]
    result = {
        "pairs": summary(chosen),
        "seeds": [FIRST_SEED, FIRST_SEED + seeds - 1],
        "settings": {"preset": "tiny", "size": SIZE} | asked,
        "rows": chosen,
        "environment": environment(1, 1),
    }
    click.echo(json.dumps(result["pairs"], indent=2))
    if json_path is not None:
        write_result(json_path, result)


def _kept(path: Path | None) -> list[dict[str, Any]]:
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _compared(
    name: str, seed: int, lengths: list[int], old_steps: int, data: Path
) -> dict[str, Any]:
    """Return what `quick_record` says of copies, and of cold and warm trainings by their length."""
    new, old = (draw(seed, data) for draw in PAIRS[name])
    judge = _Judge(new)
    found: dict[str, Any] = {COPIES: judge.copies(), COLD: {}, WARM: {}}
    with TemporaryDirectory() as folder:
        work = Path(folder)
        origin = _fit(old, work / "old", old_steps, seed)
        for steps in lengths:
            for way, start in ((COLD, None), (WARM, origin)):
                run = _fit(new, work / f"{way}-{steps}", steps, seed, start)
                found[way][str(steps)] = judge.of(run)
    return found


def _fit(images: ImageSet, run: Path, steps: int, seed: int, start: Path | None = None) -> Path:
    lengths = {"steps": steps, "checkpoint_every": steps, "sample_every": steps}
    return fit(
        images,
        run,
        preset="tiny",
        seed=seed,
        device="cpu",
        on_collapse="warn",
        start_from=start,
        **lengths,
    )


class _Judge:
    """Held-out images of the rarer half of the classes, and what is varied for each."""

    def __init__(self, images: ImageSet) -> None:
        test = images.test
        assert test is not None
        rarest = np.argsort(images.counts, kind="stable")[: len(images.classes) // 2]
        rng = stream(0, "benchmark/warm start")
        seen, given = [], []
        for label in rarest:
            there = rng.permutation(np.flatnonzero(test.labels == label))[:PER_CLASS]
            seen.append(there)
            given.append(np.resize(np.flatnonzero(images.labels == label), len(there)))
        shown, rows = np.concatenate(seen), np.concatenate(given)
        self.real, self.labels = test.images[shown], test.labels[shown]
        self.sources, self.made = images.images[rows], images.labels[rows]
        self.count = len(rows)

    def copies(self) -> dict[str, float]:
        """Judge the training images as they are."""
        return self._numbers(self.sources)

    def of(self, run: Path) -> dict[str, float]:
        """Judge the variations of the generator of a run."""
        saved = read_run(run)
        latent = normal(
            stream(0, "benchmark/warm start latents"), (self.count, saved.config.latent_dim)
        )
        made = generate(saved.generator, self.sources, self.made, latent, 64)
        return self._numbers(to_uint8(made))

    def _numbers(self, made: np.ndarray[Any, Any]) -> dict[str, float]:
        found = quick_record(self.real, self.labels, made, self.made)
        return {key: round(found[key], 4) for key in ("kernel", "coverage", "precision")}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return by pair the means over seeds, and how many steps a warm start saved.

    Args:
        rows: pair, seed, lengths, found: of copies, and of cold and warm by length.

    Returns:
        kernel and coverage of copies, cold and warm; `target`, the kernel of the longest cold
        training; `steps` of the shortest cold and warm training that is no worse (null where none
        is), and `saved`, their difference; all of the means, and by seed in `by_seed`.
    """
    pairs: dict[str, Any] = {}
    for name in dict.fromkeys(row["pair"] for row in rows):
        mine = [row for row in rows if row["pair"] == name]
        lengths = mine[0]["lengths"]
        found = [row["found"] for row in mine]
        means: dict[str, Any] = {}
        for measure in ("kernel", "coverage"):
            means[measure] = {
                COPIES: round(mean(each[COPIES][measure] for each in found), 4),
                **{
                    way: [
                        round(mean(each[way][str(steps)][measure] for each in found), 4)
                        for steps in lengths
                    ]
                    for way in (COLD, WARM)
                },
            }
        by_seed = []
        for each in found:
            cold, warm = ([each[way][str(n)]["kernel"] for n in lengths] for way in (COLD, WARM))
            by_seed.append(_saved(lengths, cold, warm))
        overall = _saved(lengths, means["kernel"][COLD], means["kernel"][WARM])
        pairs[name] = {"lengths": lengths} | means | overall | {"by_seed": by_seed}
    return pairs


def _saved(lengths: list[int], cold: list[float], warm: list[float]) -> dict[str, Any]:
    target = cold[-1]
    first = {COLD: _first(lengths, cold, target), WARM: _first(lengths, warm, target)}
    saved = None
    if first[COLD] is not None and first[WARM] is not None:
        saved = first[COLD] - first[WARM]
    return {"target": target, "steps": first, "saved": saved}


def _first(lengths: list[int], kernel: list[float], target: float) -> int | None:
    return next((n for n, value in zip(lengths, kernel, strict=True) if value <= target), None)


if __name__ == "__main__":
    main()

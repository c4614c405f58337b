"""The data sets of the benchmarks: draws, halves of the test part, validation images of pilots."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks._glyphs import CLASSES, GlyphProtocol, glyph_counts
from benchmarks._protocol_table import ROWS, Row
from ganaug.errors import ConfigError, DataError, did_you_mean
from ganaug.evaluation.splits import default_draw
from ganaug.images import ImageSet, load_images, long_tailed, resized, units
from ganaug.images.image_set import content_key
from ganaug.randomness import stream

__all__ = ["GLYPHS", "NAMES", "Protocol", "half_a", "half_b", "open_protocol", "read_zip"]

GLYPHS = "glyphs-lt"
STRONGEST = 1.25  # at 1.5 many images cannot be read, and the classifier learns nothing
NAMES = (*ROWS, GLYPHS)
VALIDATION_IMAGES = 60  # of a class, at most


@dataclass(frozen=True)
class Protocol:
    """One data set as the benchmarks use it.

    Attributes:
        name: as on the command line.
        pool: the training images to draw from; its test part is split into halves.
        counts: training images of each class, by label; None draws 80%.
        permuted: the counts are dealt to the classes anew by each seed.
        flips: names of the mirroring augmentations that keep the class.
    """

    name: str
    pool: ImageSet
    counts: tuple[int, ...] | None
    permuted: bool = False
    flips: tuple[str, ...] = ()

    @property
    def test(self) -> ImageSet | None:
        """The whole test part."""
        return self.pool.test

    def draw(self, seed: int) -> ImageSet:
        """Return the training images of `seed`, without a test part."""
        return replace(self._draw(self.pool, seed), test=None)

    def pilot(self, seed: int) -> ImageSet:
        """Return a draw whose test part are training images that it left over.

        Counts may need all images of a class, or touch all of its groups; so about a fifth of the
        groups (or images) of each class is set aside before the draw.
        """
        pool = replace(self.pool, test=None)
        spare = np.zeros(len(pool), bool) if self.counts is None else _spare(pool, seed)
        drawn = self._draw(pool.take(np.flatnonzero(~spare)), seed)
        left = spare | ~np.isin(units(pool.keys, pool.groups), _units_of(pool, drawn))
        return replace(drawn, test=pool.take(_capped(pool, left, seed)))

    def _draw(self, pool: ImageSet, seed: int) -> ImageSet:
        if self.counts is None:
            return default_draw(pool, seed)
        counts = np.asarray(self.counts)
        if self.permuted:
            counts = stream(seed, "benchmark/deal").permutation(counts)
        wanted = np.minimum(counts, pool.counts)  # a pilot sets some aside
        return long_tailed(pool, [int(n) for n in wanted], seed=seed)


def open_protocol(
    name: str, data: Path, counts: Sequence[int] | None = None, size: int | None = None
) -> Protocol | GlyphProtocol:
    """Return the protocol `name`, or that of a folder or .npz file of this path.

    `glyphs-lt` takes options: `glyphs-lt:strength=0.5` scales its nuisances (0 is none, 1 the
    default), `glyphs-lt:frequent=4` gives that many classes 200 training images and the others 8;
    both with a comma between.

    Args:
        name: of a protocol, or a path.
        data: the folder of the data files.
        counts: training images of each class, by label, instead of the protocol's.
        size: side of the images in pixels, instead of the protocol's. Draws are the same at every
            size.

    Raises:
        ConfigError: neither a name nor a path, or an option that does not exist.
        DataError: its images are missing or cannot be used.
    """
    if name.partition(":")[0] == GLYPHS:
        if counts is not None or size is not None:
            word = "--counts" if counts is not None else "--size"
            raise ConfigError(
                f"{word}: given with {name}, which makes its own images; allowed: its options, such"
                f" as {GLYPHS}:frequent=4; leave {word} out"
            )
        return _glyphs(name)
    row = ROWS.get(name)
    if row is None and not Path(name).exists():
        raise ConfigError(
            f"{name}: no such data set{did_you_mean(name, NAMES)}; allowed: {', '.join(NAMES)}, a"
            " folder or an .npz file; check the path"
        )
    pool = load_images(name, size=size) if row is None else _read(row, data, size)
    if name == "mnist-49":
        pool = _only(pool, (4, 9))
    pool = replace(pool.hold_out(), source=name)
    title = Path(name).name
    if counts is not None:
        if len(counts) != len(pool.classes):
            raise ConfigError(
                f"--counts: {len(counts)} numbers; allowed: {len(pool.classes)}, one for each class"
                f" of {name}, by label; give one for each"
            )
        return Protocol(title, pool, tuple(counts))
    if row is None:
        return Protocol(title, pool, None)
    if name == "digits-lt":
        return Protocol(name, pool, tuple(5 if d % 2 else int(pool.counts[d]) for d in range(10)))
    return Protocol(name, pool, row.counts, row.permuted, row.flips)


def _read(row: Row, data: Path, size: int | None) -> ImageSet:
    """Read the images of `row`, at `size` instead of its own where that is given."""
    path = data / row.file
    if path.suffix == ".zip":
        pool = read_zip(path)
        return pool if size is None else resized(pool, size)
    return load_images("digits" if row.file == "digits" else path, size=size or row.size)


def _glyphs(name: str) -> GlyphProtocol:
    strength, frequent = 1.0, None
    for option in filter(None, name.partition(":")[2].split(",")):
        key, _, value = option.partition("=")
        try:
            if key == "strength" and 0 <= float(value) <= STRONGEST:
                strength = float(value)
                continue
            if key == "frequent" and 1 <= int(value) < len(CLASSES):
                frequent = int(value)
                continue
        except ValueError:
            pass
        raise ConfigError(
            f"{name}: {option!r}; allowed: strength=0 to strength={STRONGEST:g}, frequent=1 to"
            f" frequent={len(CLASSES) - 1}; for example {GLYPHS}:strength=0.5,frequent=8"
        )
    return GlyphProtocol(name, glyph_counts(frequent), strength)


def _only(images: ImageSet, labels: Sequence[int]) -> ImageSet:
    """Return the classes `labels` alone, counted anew from 0."""
    test = None if images.test is None else _only(images.test, labels)
    kept = replace(images, test=None).take(np.flatnonzero(np.isin(images.labels, labels)))
    return replace(
        kept,
        labels=np.searchsorted(labels, kept.labels),
        classes=tuple(images.classes[label] for label in labels),
        test=test,
    )


def read_zip(path: Path) -> ImageSet:
    """Read train/CLASS/* and test/CLASS/* of a .zip file, images of one size, without unpacking.

    Raises:
        DataError: the file cannot be read.
    """
    parts: dict[str, list[tuple[str, bytes]]] = {"train": [], "test": []}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                where = PurePosixPath(name).parts
                if len(where) == 3 and where[0] in parts:
                    parts[where[0]].append((where[1], archive.read(name)))
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); allowed: a .zip file with train/CLASS/ and"
            " test/CLASS/; check --data"
        ) from error
    classes = tuple(sorted({name for name, _ in parts["train"]}))
    test, train = (_decoded(parts[part], classes, path.name) for part in ("test", "train"))
    return replace(train, test=test)


def _decoded(files: list[tuple[str, bytes]], classes: tuple[str, ...], source: str) -> ImageSet:
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(content))) for _, content in files])
    return ImageSet(
        pixels if pixels.ndim == 4 else pixels[..., None],
        np.array([classes.index(name) for name, _ in files]),
        classes,
        keys=np.array([content_key(content) for _, content in files], np.uint64),
        source=source,
    )


def half_a(test: ImageSet) -> ImageSet:
    """Return half A of a test part: units in the order of a hash of their content, dealt in turn.

    The split depends on the images alone.
    """
    return test.take(np.flatnonzero(_sides(test) == 0))


def half_b(test: ImageSet) -> ImageSet:
    """Return the other half, which only a release reads."""
    return test.take(np.flatnonzero(_sides(test) == 1))


def _sides(test: ImageSet) -> NDArray[np.int64]:
    """int64 [N]: 0 for half A, 1 for half B."""
    unit = units(test.keys, test.groups)
    rank = np.zeros(int(unit.max(initial=-1)) + 1, np.uint64)
    np.add.at(rank, unit, test.keys)
    side = np.full(len(rank), -1)
    for label in range(len(test.classes)):
        members, sizes = np.unique(unit[test.labels == label], return_counts=True)
        filled = [int(sizes[side[members] == half].sum()) for half in (0, 1)]
        for at in np.argsort(rank[members], kind="stable"):
            if side[members[at]] < 0:
                side[members[at]] = half = int(filled[1] < filled[0])
                filled[half] += int(sizes[at])
    return side[unit]


def _units_of(pool: ImageSet, drawn: ImageSet) -> NDArray[np.int64]:
    """int64: the units of `pool` of which `drawn` holds an image."""
    return np.unique(units(pool.keys, pool.groups)[np.isin(pool.keys, drawn.keys)])


def _spare(pool: ImageSet, seed: int) -> NDArray[np.bool_]:
    """bool [N]: about a fifth of the units of each class, at least one, never all."""
    unit = units(pool.keys, pool.groups)
    rng = stream(seed, "benchmark/spare")
    order = rng.permutation(int(unit.max(initial=-1)) + 1)
    spare = np.zeros(len(order), bool)
    for label in range(len(pool.classes)):
        members = np.unique(unit[pool.labels == label])
        members = members[np.argsort(order[members])]
        wanted = min(max(1, round(len(members) / 5)), len(members) - 1)
        missing = wanted - int(spare[members].sum())
        spare[members[~spare[members]][: max(0, missing)]] = True
    return spare[unit]


def _capped(pool: ImageSet, left: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """int64: at most `VALIDATION_IMAGES` of each class among the images `left`."""
    rows = []
    for label in range(len(pool.classes)):
        members = np.flatnonzero(left & (pool.labels == label))
        rng = stream(seed, "benchmark/validation", index=label)
        rows.append(np.sort(rng.permutation(members)[:VALIDATION_IMAGES]))
    return np.concatenate(rows)

"""`sample`: many generated images as files, in blocks that any number of processes can share.

Item i is the item i of a `SyntheticDataset`, and block b the items from b * 1000 on, whatever
process makes it. A block is done once its part of the manifest stands in the folder, with the files
that it names; the same call makes what is missing. What is held in memory is a batch, and of large
images a part of one.

With `keep_best` item i is one of the best of a group of candidates, which are such items; see
`ganaug.use.best`.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ganaug.artifact.runtime import Generator
from ganaug.errors import ConfigError, RunError, did_you_mean
from ganaug.files import (
    atomic_path,
    make_folder,
    naming_full,
    open_regular,
    write_json,
    write_text,
    written_path,
)
from ganaug.images.class_names import position_of
from ganaug.images.grid import picture_grid, save_png, thumbnail
from ganaug.images.places import folders_around
from ganaug.locks import locked
from ganaug.outputs import Inputs, check_output_folder, check_room, refuse_foreign
from ganaug.progress import told
from ganaug.records import load_json, parse_json
from ganaug.use._items import item_image
from ganaug.use._pictures import picture_of
from ganaug.use._sources import describe_item, item_label, named
from ganaug.use._synthetic import SyntheticDataset, check_source_image
from ganaug.use.generate import open_generator
from ganaug.use.one_by_one import OneByOne
from ganaug.use.policy import Counts
from ganaug.values import is_whole

if TYPE_CHECKING:
    from ganaug.use.best import Best

__all__ = ["planned_counts", "sample"]

log = logging.getLogger("ganaug")

# Of the files that say what is done. No folder, which torchvision takes for a class.
HIDDEN = ".ganaug-"
BLOCK, BATCH = 1000, 32
SHEET_CLASSES, SHEET_IMAGES, SHEET_SIDE = 12, 8, 64
FORMAT = 4
IMAGES_LOOKED_AT = 64  # of a source without a fingerprint
LEAST_BYTES = 100  # of an image and its row of the manifest: no PNG has less than 67

Progress = Callable[[int, int], None]


def sample(
    artifact: str | os.PathLike[str] | Generator,
    out: str | os.PathLike[str],
    *,
    counts: Counts = "balance",
    source: Any = None,
    classes: Sequence[str] | None = None,
    seed: int = 0,
    shards: bool = False,
    part: tuple[int, int] = (1, 1),
    keep_best: float | None = None,
    fingerprint: str | None = None,
    progress: Progress | bool | None = None,
) -> Path:
    """Write generated images to the folder `out` and return it; the same call goes on.

    Args:
        artifact: path of an exported file, or a `Generator`.
        out: gets CLASS/NNNNNNN.png, or shard-NNNNNN.tar with NNNNNNN.png and NNNNNNN.cls in the
            layout of WebDataset; manifest.jsonl, a row an image, with the
            number in `source` of what it varies; contact-sheet.png.
        counts: as in `SyntheticDataset`: how many in all, "balance", "auto", or {class: number}.
        source: what is varied, see `SyntheticDataset`; its items are read one at a time.
        classes: only these, each once; a number for `counts` is then spread over them evenly.
        seed: of all that is drawn.
        shards: tar files of 1,000 images instead of single ones.
        part: (i, n) makes the i-th of n parts, i from 1, in a process of its own. The bytes are
            those of one process. Who makes the last block also writes manifest and contact sheet.
        keep_best: share, 0.02 to 0.98, of the generated images that is kept: of each 50 of a class
            the best ones, by the diversity record's measures. `counts` counts what is kept;
            dropped.json says what was left out and why. All images of `source` are read once, for
            about 256 bytes each.
        fingerprint: names the images of `source` in their order, where that is known; a folder with
            another one is refused. None: it is made of the length and of 64 items.
        progress: called as `progress(done, total)`, in images of this process; True writes lines
            to stderr.

    Raises:
        ArtifactError, ConfigError, DataError: as `SyntheticDataset`; a class whose name is no name
            of a folder needs `shards`; a disk cannot hold so many images.
        RunError: `out` holds other images, or some that were made from another source; it lies
            among the images of `source`; or it cannot be written.

    Examples:
        >>> sample("digits.onnx", "more", counts=500, source=real)  # doctest: +SKIP
    """
    number, of = _checked_part(part)
    if keep_best is not None and source is None:
        raise ConfigError(
            f"keep_best: {keep_best} without a source; allowed: with the real images that generated"
            " ones are compared with; give source="
        )
    generator = open_generator(artifact)
    among = folders_around(source, generator.info.classes, out)
    check_output_folder(out, {}, Inputs(images=among))
    data = SyntheticDataset(generator, source, _counts(generator, source, counts, classes), seed)
    policy = generator.info.policy
    if counts == "auto" and policy is not None and policy.never:
        raise ConfigError(
            f"{generator.path}: its policy is never to vary, so that 'auto' asks for no images;"
            " allowed: 'balance' or a number; leave the images as they are, or give one of these"
        )
    if not len(data):
        raise ConfigError(f"{counts!r} asks for no images; allowed: 1 or more; give a number")
    if not shards:
        _check_names(data.classes)
    best = None if keep_best is None else _best(data, keep_best)
    blocks = range(-(-len(data) // BLOCK))
    mine = blocks[number - 1 :: of]
    beyond = len(blocks) * BLOCK - len(data) if mine[-1:] == blocks[-1:] else 0
    check_room(out, len(mine) * BLOCK - beyond, LEAST_BYTES, "images")
    known = _fingerprint(data.source) if fingerprint is None else fingerprint
    folder = _open(Path(out), data, known, shards, keep_best)
    tell, done = told(progress, "making images"), 0

    def wrote(images: int) -> None:
        nonlocal done
        done += images
        if tell is not None:
            tell(done, len(mine) * BLOCK - beyond)

    for block in mine:
        if _is_done(folder, block, best):
            wrote(min(BLOCK, len(data) - block * BLOCK))
        else:
            with naming_full(folder):
                _write_block(folder, data, block, shards, best, wrote)
    if all(_manifest_part(folder, block).exists() for block in blocks):
        _finish(folder, data, blocks, best)
    return folder


def _best(data: SyntheticDataset, share: float) -> Best:
    from ganaug.use.best import Best  # here: it loads what using a file does not need

    return Best(data, share)


def planned_counts(folder: Path) -> dict[str, int]:
    """Return how many images of each class the folder of a `sample` has, or will have."""
    found: dict[str, int] = load_json(folder / f"{HIDDEN}sample.json")["counts"]
    return found


def _checked_part(part: tuple[int, int]) -> tuple[int, int]:
    number, of = part
    if not (is_whole(number) and is_whole(of) and 1 <= number <= of):
        raise ConfigError(f"part: {number}/{of} is not allowed; give 1/N to N/N")
    return int(number), int(of)


def _counts(
    generator: Generator, source: Any, counts: Counts, classes: Sequence[str] | None
) -> Counts:
    """Return `counts`, restricted to `classes` where some are named."""
    if classes is None:
        return counts
    every = SyntheticDataset(generator, source, 0 if is_whole(counts) else counts)
    if not len(classes):
        raise ConfigError(
            f"classes: none named; allowed: one or more of {', '.join(every.classes)}; name some,"
            " or leave it out for all"
        )
    labels: list[int] = []
    for name in classes:
        label = position_of(name, every.classes)
        if label is None:
            near = did_you_mean(str(name), every.classes)
            raise ConfigError(
                f"classes: {name!r} is unknown{near}; allowed: {', '.join(every.classes)}"
            )
        if label not in labels:
            labels.append(label)
    if is_whole(counts):
        each, rest = divmod(int(counts), len(labels))
        return {every.classes[label]: each + (at < rest) for at, label in enumerate(labels)}
    return {every.classes[label]: int(every.counts[label]) for label in labels}


def _check_names(classes: Sequence[str]) -> None:
    for name in classes:
        if Path(name).name != name or name.startswith(".") or "\\" in name or "\0" in name:
            raise ConfigError(
                f"class {name!r}: is no name of a folder; write shards, which need none"
            )


def _fingerprint(source: Any) -> str | None:
    """Return a hash of the length of a source, and of some of its items; None without a source."""
    if source is None:
        return None
    length, digest = len(source), hashlib.sha256(str(len(source)).encode())
    for index in sorted({at * length // IMAGES_LOOKED_AT for at in range(IMAGES_LOOKED_AT)}):
        with named(lambda index=index: describe_item(source, index)):  # type: ignore[misc]
            item = source[index]
            check_source_image(item_image(item))
            image = picture_of(item_image(item))
        label = item_label(item, source, index)
        digest.update(f"{label} {image.mode} {image.size}".encode() + image.tobytes())
    return digest.hexdigest()


def _open(
    folder: Path,
    data: SyntheticDataset,
    fingerprint: str | None,
    shards: bool,
    keep_best: float | None,
) -> Path:
    """Create the folder, or go on with the same images in it; refuse anything else.

    Raises:
        RunError: it holds other images or files.
    """
    identity: dict[str, Any] = {
        "format": FORMAT,
        "artifact": data.generator.made_hash,
        "scale": data.generator.info.scale,
        "counts": {name: int(count) for name, count in zip(data.classes, data.counts, strict=True)},
        "seed": data.seed,
        "source": fingerprint,
        "shards": shards,
    }
    if keep_best is not None:
        identity["keep_best"] = float(keep_best)
    path = make_folder(folder) / f"{HIDDEN}sample.json"
    _refuse_others(folder, path)  # before the lock, which leaves a file
    with locked(folder, wait=True):
        if not path.exists():
            write_json(path, identity)
            return folder
    try:
        found = load_json(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error}); choose another folder") from error
    if found != identity:
        there = found if isinstance(found, dict) else {}
        if there.get("format") != FORMAT:
            raise RunError(
                f"{folder}: begun by another version of ganaug (format {there.get('format')!r:.20},"
                f" here {FORMAT}); choose another output folder, or go on with that version"
            )
        keys = [key for key in there | identity if there.get(key) != identity.get(key)]
        raise RunError(
            f"{folder}: holds other generated images ({', '.join(keys)} differs); repeat that"
            " command to go on, or choose another output folder"
        )
    return folder


def _refuse_others(folder: Path, begun: Path) -> None:
    """Refuse a folder with files of others; where `begun` is there, they are those of a part."""
    if begun.exists():
        return
    try:
        refuse_foreign(folder)
    except RunError:
        if not begun.exists():  # or another part began in the meantime, and made folders
            raise


def _manifest_part(folder: Path, block: int) -> Path:
    return folder / f"{HIDDEN}manifest-{block:06d}.jsonl"


def _dropped(folder: Path, block: int) -> Path:
    return folder / f"{HIDDEN}dropped-{block:06d}.json"


def _is_done(folder: Path, block: int, best: Best | None) -> bool:
    """Whether the block's part of the manifest stands, and every file that it names."""
    try:
        with open_regular(_manifest_part(folder, block)) as part:
            rows = [parse_json(line) for line in part]
        files = {folder / row["file"] for row in rows}
        if best is not None:
            files.add(_dropped(folder, block))
        return all(path.stat().st_size for path in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write_block(
    folder: Path,
    data: SyntheticDataset,
    block: int,
    shards: bool,
    best: Best | None,
    wrote: Callable[[int], None],
) -> None:
    """Write the images of a block, then its part of the manifest, which says that it is done."""
    indices = range(block * BLOCK, min((block + 1) * BLOCK, len(data)))
    rows = []
    if shards:
        name = f"shard-{block:06d}.tar"
        with atomic_path(folder / name) as temporary, tarfile.open(temporary, "w") as tar:
            for index, label, image, at in _items(data, indices, best):
                for ending, content in (("png", _png(image)), ("cls", str(label).encode())):
                    member = tarfile.TarInfo(f"{index:07d}.{ending}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
                rows.append({"index": index, "file": name, **_varied(data, label, at)})
                wrote(1)
    else:
        for index, label, image, at in _items(data, indices, best):
            target = make_folder(folder / data.classes[label]) / f"{index:07d}.png"
            # Not by `files.write_bytes`: its two flushes take longer than to make the image. What
            # was half written, the block that is not yet done has again.
            written_path(target).write_bytes(_png(image))
            file = f"{data.classes[label]}/{target.name}"
            rows.append({"index": index, "file": file, **_varied(data, label, at)})
            wrote(1)
    if best is not None:
        write_json(_dropped(folder, block), best.tally())
    write_text(_manifest_part(folder, block), "".join(json.dumps(row) + "\n" for row in rows))


def _varied(data: SyntheticDataset, label: int, at: int | None) -> dict[str, Any]:
    """Return what the manifest says of an image: its class, and which of the source it varies."""
    found: dict[str, Any] = {"class": data.classes[label]}
    if at is not None and data.generator.info.kind == "variation":
        found["source"] = data.source.names[at] if isinstance(data.source, OneByOne) else at
    return found


def _items(
    data: SyntheticDataset, indices: Sequence[int], best: Best | None
) -> Iterator[tuple[int, int, Image.Image, int | None]]:
    """Yield (index, label, image, what of the source it varies) of the items at `indices`."""
    if best is not None:
        yield from best.items(indices)
        return
    for start in range(0, len(indices), BATCH):
        chosen = list(indices[start : start + BATCH])
        for index, item in zip(chosen, data.each(chosen), strict=True):
            image = picture_of(item_image(item))
            yield index, data.label_of(index), image, data.source_of(index)


def _png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, format="PNG")
    return content.getvalue()


def _finish(folder: Path, data: SyntheticDataset, blocks: Sequence[int], best: Best | None) -> None:
    """Write the manifest and the contact sheet; several processes write the same bytes."""
    if best is not None:
        found = best.summed([json.loads(_dropped(folder, b).read_text("utf-8")) for b in blocks])
        write_json(folder / "dropped.json", found)
        log.info(best.line(found))
    with atomic_path(folder / "manifest.jsonl") as temporary, temporary.open("wb") as manifest:
        for block in blocks:
            manifest.write(_manifest_part(folder, block).read_bytes())
    labels = np.flatnonzero(data.counts)
    shown = labels[np.linspace(0, len(labels) - 1, min(SHEET_CLASSES, len(labels))).astype(int)]
    firsts = np.cumsum(data.counts) - data.counts
    rows = []
    for label in shown:
        first = int(firsts[label])
        indices = range(first, first + min(SHEET_IMAGES, int(data.counts[label])))
        tiles = [thumbnail(image, SHEET_SIDE) for _, _, image, _ in _items(data, indices, best)]
        rows.append(np.stack([np.asarray(tile) for tile in tiles]))
    names = [data.classes[label] for label in shown]
    save_png(folder / "contact-sheet.png", picture_grid(rows, names=names, scale=1))

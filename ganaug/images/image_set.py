"""`ImageSet`: images of one mode, integer labels, class names, an optional test part and groups."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganaug.errors import DataError
from ganaug.images._hold_out import held_out_mask, units
from ganaug.images.class_names import composed, given_names
from ganaug.images.columns import Columns
from ganaug.images.labels import check_range, refuse_truth
from ganaug.images.stored import chosen
from ganaug.wording import first_names

__all__ = ["HELD_OUT_RULE", "ImageSet", "content_key", "name_of", "utf8"]

HELD_OUT_RULE = "one-fifth-by-content-hash/1"
BLOCK = 256  # images whose pixels are hashed at once


def content_key(content: bytes) -> int:
    """Return a 64-bit hash of an image's content: the bytes of its file, or of its pixels."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def utf8(text: str) -> str:
    """Return text that can be stored: what is not UTF-8 in a file's name is written as an escape.

    Such bytes reach Python as half surrogate pairs, which no JSON file can hold.
    """
    return text.encode(errors="backslashreplace").decode()


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images in memory, at one size.

    Attributes:
        images: uint8 [N, H, W, C] in 0..255, C = 1 (grey) or 3 (RGB); or `StoredImages`, which
            stay in a cache's file and give such arrays for an index.
        labels: int64 [N] in 0..len(classes)-1; a column [N, 1] is taken, too.
        classes: the class names, by label, in Unicode's composed form (NFC): the same folder may
            have another form on another file system.
        groups: int64 [N], equal for images of one physical object, or None.
        names: where each image came from (a file's path inside the folder), or None; for messages,
            with what is not UTF-8 escaped, as in `notes`.
        keys: uint64 [N], hash of each image's content before any resizing.
        test: the test part, with the same classes, or None.
        held_out: the rule by which `test` was cut off, or None where it was given.
        source: what the user named, for messages.
        notes: what a reader should know, one line each (files that were skipped, ...).
        pixel_keys: uint64 [N], hash of each image's pixels before any resizing, equal for one
            photograph in files of two formats; or empty, where `keys` are such hashes.
        columns: of the table that they were read from, or None.
        unnamed: whether `classes` are the labels as text, since the source names none.
        other_keys: uint64 [N], what `keys` are where images are turned as EXIF says and here are
            not, or the other way round; or empty, where that is not known.
        group_names: what the source calls the group of each image, the same in other sets; or
            None, where that is not known.

    Raises:
        DataError: shapes, dtypes, label range or lengths do not fit, a class has no name or that of
            another, or the test part has other classes, another size or another number of channels.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    groups: NDArray[np.int64] | None = None
    names: tuple[str, ...] | None = None
    keys: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    test: ImageSet | None = None
    held_out: str | None = None
    source: str = "arrays"
    notes: tuple[str, ...] = ()
    pixel_keys: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    columns: Columns | None = None
    unnamed: bool = False
    other_keys: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    group_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if labels.shape == (len(images), 1):
            labels = labels[:, 0]
        names = given_names(self.classes, f"{self.source}: the classes are")
        names = tuple(composed(name) for name in names)
        object.__setattr__(self, "classes", names)
        object.__setattr__(self, "notes", tuple(utf8(note) for note in self.notes))
        if self.names is not None:
            object.__setattr__(self, "names", tuple(utf8(name) for name in self.names))
        strange = [name for name in names if utf8(name) != name]
        if strange:
            raise DataError(
                f"{utf8(self.source)}: class {utf8(strange[0])!r} has a name that is not UTF-8;"
                " allowed: UTF-8; rename it"
            )
        if "" in names:
            raise DataError(
                f"{self.source}: class {names.index('')} has an empty name; allowed: any text; give"
                " it a name"
            )
        twice = [name for name, n in Counter(self.classes).items() if n > 1]
        if twice:
            raise DataError(
                f"{self.source}: {twice[0]!r} names two classes; names match a generator to its"
                " data, so each must be different; rename one"
            )
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            raise DataError(
                f"{self.source}: images are {images.dtype} {list(images.shape)}; allowed: uint8"
                " [N, H, W, 1] or [N, H, W, 3]; convert them first"
            )
        if labels.shape != (len(images),):
            raise DataError(
                f"{self.source}: {len(images)} images but labels of shape {list(labels.shape)};"
                " give one label for each image"
            )
        if labels.dtype.kind not in "biu":
            raise DataError(
                f"{self.source}: labels are {labels.dtype}; allowed: whole numbers from 0 to"
                f" {len(self.classes) - 1}"
            )
        refuse_truth(labels, len(self.classes), self.source)
        object.__setattr__(self, "labels", labels.astype(np.int64))
        check_range(self.labels, len(self.classes), where=self.source)
        if self.groups is not None:
            if self.groups.shape != labels.shape:
                raise DataError(
                    f"{self.source}: {len(images)} images but groups of shape"
                    f" {list(self.groups.shape)}; give one group for each image"
                )
            _, groups = np.unique(self.groups, return_inverse=True)
            object.__setattr__(self, "groups", groups.astype(np.int64))
        if len(self.keys) == 0:
            keys = [content_key(image.tobytes()) for image in images]
            object.__setattr__(self, "keys", np.array(keys, dtype=np.uint64))
        for word, given in (
            ("keys", self.keys),
            ("names", self.names),
            ("group_names", self.group_names),
            ("pixel_keys", self.pixel_keys if len(self.pixel_keys) else None),
            ("other_keys", self.other_keys if len(self.other_keys) else None),
        ):
            if given is not None and len(given) != len(images):
                raise DataError(
                    f"{self.source}: {len(images)} images but {len(given)} {word}; give one for"
                    " each image, or none at all"
                )
        if self.test is not None:
            self._check_test(self.test)

    def _check_test(self, test: ImageSet) -> None:
        if test.classes != self.classes:
            raise DataError(
                f"{self.source}: the test part has the classes {list(test.classes)}, the"
                f" training part {list(self.classes)}; both need the same"
            )
        if test.images.shape[1:] != self.images.shape[1:]:
            raise DataError(
                f"{self.source}: the test images are {list(test.images.shape[1:])} (H, W, C), the"
                f" training images {list(self.images.shape[1:])}; both need the same; load both"
                " with one size and mode"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def data_name(self) -> str:
        """What to call the data in a file: what the user named, without the folders around it."""
        if self.source.startswith("torchvision:"):
            return self.source
        path = os.path.abspath(self.source) if os.path.exists(self.source) else self.source
        return utf8(os.path.basename(path.rstrip("/\\")) or self.source)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return (int(self.images.shape[1]), int(self.images.shape[2]))

    @property
    def channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return int(self.images.shape[3])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """int64 [classes]: the number of images of each class."""
        return np.bincount(self.labels, minlength=len(self.classes)).astype(np.int64)

    @property
    def content(self) -> NDArray[np.uint64]:
        """uint64 [N]: a hash of each image's pixels, so far as it is known."""
        return self.pixel_keys if len(self.pixel_keys) else self.keys

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """int64 [N] in 0..U-1, equal for images that must stay on one side of a split.

        These are the images of one group, and those of equal files or equal pixels.
        """
        found = units(self.keys, self.groups)
        if len(np.unique(self.content)) == len(np.unique(self.keys)):
            return found  # no more images are equal; the numbers stay what they are
        return units(self.content, found)

    @cached_property
    def content_fingerprint(self) -> str:
        """Hash of the pixels of all images, whatever their files, labels and order."""
        return hashlib.sha256(np.sort(self.content).astype("<u8").tobytes()).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of images, labels and class names, whatever the order of the images."""
        order = np.lexsort((self.labels, self.keys))
        digest = hashlib.sha256()
        digest.update(self.keys[order].astype("<u8").tobytes())
        digest.update(self.labels[order].astype("<i8").tobytes())
        digest.update("\0".join(self.classes).encode())
        return digest.hexdigest()

    @cached_property
    def ordered_fingerprint(self) -> str:
        """Hash of images, labels and class names in the order in which they stand."""
        digest = hashlib.sha256(self.fingerprint.encode())
        digest.update(self.keys.astype("<u8").tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()

    @cached_property
    def pixel_fingerprint(self) -> str:
        """Hash of the pixels as they stand here, after any resizing; reads all images once.

        Keys say what was read, and stay where the pixels are replaced.
        """
        digest = hashlib.sha256(str(list(self.images.shape)).encode())
        for start in range(0, len(self), BLOCK):
            digest.update(np.ascontiguousarray(self.images[start : start + BLOCK]).data)
        return digest.hexdigest()

    def take(self, index: ArrayLike) -> ImageSet:
        """Return the images at `index`, with the same test part.

        `index` holds positions in 0..N-1, or is a bool mask [N].
        """
        given = np.asarray(index)
        rows = np.arange(len(self))[given if given.size else given.astype(np.int64)]
        return replace(
            self,
            images=chosen(self.images, rows),
            labels=self.labels[rows],
            groups=None if self.groups is None else self.groups[rows],
            names=_taken(self.names, rows),
            group_names=_taken(self.group_names, rows),
            keys=self.keys[rows],
            pixel_keys=self.pixel_keys[rows] if len(self.pixel_keys) else self.pixel_keys,
            other_keys=self.other_keys[rows] if len(self.other_keys) else self.other_keys,
        )

    def merged(self, name: str = "all") -> ImageSet:
        """Return the same images as one class called `name`, for an unconditional generator."""
        return replace(
            self,
            labels=np.zeros(len(self), np.int64),
            classes=(name,),
            unnamed=False,
            test=None if self.test is None else self.test.merged(name),
        )

    @property
    def to_hold_out(self) -> NDArray[np.bool_]:
        """bool [N]: the images that `hold_out` would make the test part; none where it cannot."""
        return held_out_mask(self.keys, self.labels, self.units, len(self.classes))

    def hold_out(self) -> ImageSet:
        """Return this set with a test part: the given one, or about one fifth of each class.

        Whole groups are held out, and images of equal content together, in the order of a hash of
        their content; no class gives more than half of its images, and a class of a single image
        or group gives none (a note names it). The result depends on the images alone, not on
        their order or on a seed, so that `evaluate` finds the same fifth again.

        Raises:
            DataError: nothing can be held out, as every class is a single image or group.
        """
        if self.test is not None:
            return self
        held = self.to_hold_out
        if not held.any():
            raise DataError(
                f"{self.source}: nothing can be held out, as each class is a single image or"
                " group; allowed: at least two in one class; add a test part, or train on all"
                " images with --all"
            )
        test = self.take(np.flatnonzero(held))
        bare = [self.classes[i] for i in np.flatnonzero((test.counts == 0) & (self.counts > 0))]
        note = f"classes of a single image or group have no held-out image: {first_names(bare)}"
        return replace(
            self.take(np.flatnonzero(~held)),
            test=replace(test, held_out=None, notes=()),
            held_out=HELD_OUT_RULE,
            notes=(*self.notes, note) if bare else self.notes,
        )


def _taken(names: tuple[str, ...] | None, rows: NDArray[np.int64]) -> tuple[str, ...] | None:
    return None if names is None else tuple(names[at] for at in rows)


def name_of(images: ImageSet, at: int) -> str:
    """Return what to call image `at` in a message: its name, or its number."""
    return f"image {at}" if images.names is None else images.names[at]

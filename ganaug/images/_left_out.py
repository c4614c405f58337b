"""What lies in a folder of images and is not read: told of in notes, or refused."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from ganaug.errors import Complain, DataError, refuse
from ganaug.images._open import FORMATS
from ganaug.wording import counted, first_names

__all__ = [
    "FOREIGN",
    "SPLITS",
    "THUMBNAILS",
    "LeftOut",
    "by_class",
    "foreign_noted",
    "hidden_noted",
    "masks_noted",
    "refuse_flat_parts",
    "refuse_links_to_nowhere",
    "refuse_parts",
    "too_high",
]

SPLITS = ("train", "training", "test", "testing", "val", "valid", "validation")
# A part that holds its images itself: train_images, test1, images-val, and CycleGAN's trainA.
_FLAT = re.compile(
    rf"(images?[-_ ]?)?({'|'.join(SPLITS)}|dev|holdout|unlabell?ed)"
    r"[-_ ]?(images?|imgs?|set|data|[0-9]+|[AB])?",
    re.I,
)
# Below a class these are no images of it: MVTec's layout, or a source one level too high.
PARTS = (*SPLITS, "ground_truth", "groundtruth", "ground-truth", "gt", "mask", "masks")
# Masks beside their images: benign_mask.png, as in BUSI, and ISIC_01_segmentation.png.
_MASK = re.compile(r"(.+?)[-_ ]+(masks?|segmentation|seg|gt|ground[-_]?truth)([-_ ]?[0-9]+)?", re.I)

# Images, or what holds some, in files that are not read.
_UNREAD = (
    ".7z .apng .arw .avif .avifs .cr2 .cr3 .dcm .dds .dib .dicom .dng .eps .exr .fits .gif .gz .h5"
    " .hdr .heic .heif .hif .icns .ico .j2k .jfif .jif .jp2 .jpe .jpf .jpx .jxl .mat .mha .mpo .nef"
    " .nii .npy .npz .nrrd .orf .pbm .pcx .pdf .pgx .pnm .psd .qoi .raf .rar .raw .rw2 .svg .tar"
    " .tga .tgz .zip"
)
UNREAD = frozenset(_UNREAD.split())
COPIES = frozenset([".bak", ".crdownload", ".download", ".old", ".orig", ".part", ".tmp"])
# Folders that other programs make; what is in them are no images of the data set.
_FOREIGN = "@eadir @__thumb @tmp #recycle $recycle.bin __macosx lost+found recycler"
FOREIGN = frozenset(_FOREIGN.split())
# Below a class they are, too; beside the classes it may be one that is called so.
THUMBNAILS = frozenset(("thumbnails", "thumbs", "_thumbnails", "_thumbs"))


def by_class(counts: Counter[str]) -> str:
    """Return "cat 2, dog 1"; the first ten classes."""
    return first_names([f"{name or 'beside the classes'} {n}" for name, n in counts.items()])


def foreign_noted(names: Sequence[str]) -> list[str]:
    """Return a note about images in folders of other programs, which an ImageFolder reads.

    Args:
        names: paths of images inside the data set's folder.
    """
    held = [name for name in names if not FOREIGN.isdisjoint(name.lower().split("/")[:-1])]
    if not held:
        return []
    return [
        f"{counted(len(held), 'image')} in folders that other programs made, such as {held[0]};"
        " remove these folders"
    ]


def hidden_noted(names: Sequence[str]) -> list[str]:
    """Return a note about hidden images, which an ImageFolder reads and a folder does not.

    Args:
        names: paths of images inside the data set's folder.
    """
    held = [name for name in names if name.startswith(".") or "/." in name]
    if not held:
        return []
    return [
        f"{counted(len(held), 'hidden image')}, such as {held[0]}, which ImageFolder reads, and a"
        " folder by its name does not; remove them"
    ]


def masks_noted(paths: Sequence[Path]) -> list[str]:
    """Return a note about images that are called like a mask of another one in their folder."""
    there = {path.with_suffix("") for path in paths}
    held = [
        path
        for path in paths
        if (match := _MASK.fullmatch(path.stem)) and path.parent / match[1] in there
    ]
    if not held:
        return []
    return [
        f"{counted(len(held), 'image')} called like a mask of another one, such as"
        f" {held[0].parent.name}/{held[0].name}, and read as images of the class; move masks out"
    ]


def refuse_links_to_nowhere(
    folder: Path, complain: Complain = refuse, called: Collection[str] | None = None
) -> None:
    """Complain of links in `folder` that lead nowhere, and could be folders of images.

    Those called like images are told of where images are read.

    Args:
        folder: of classes, or of images.
        complain: told of each.
        called: names in lower case; of others nothing is said.
    """
    with suppress(OSError), os.scandir(folder) as entries:  # who reads the folder says why
        for entry in sorted(entries, key=lambda each: each.name):
            name = entry.name.lower()
            if called is not None and name not in called:
                continue
            if name.startswith(".") or name.endswith(tuple(FORMATS)) or not entry.is_symlink():
                continue
            if not os.path.exists(entry.path):
                complain(
                    DataError(
                        f"{entry.path}: a link that leads nowhere; allowed: links to what is there;"
                        " mend it, or remove it"
                    )
                )


def too_high(folder: Path, paths: Sequence[Path]) -> list[str]:
    """Return a note where no image of `paths` lies directly in a class folder of `folder`.

    Raises:
        DataError: and all class folders are called like parts of a data set.
    """
    if not paths or any(path.parent.parent == folder for path in paths):
        return []
    names = sorted({path.relative_to(folder).parts[0] for path in paths})
    if all(name.lower() in SPLITS for name in names):
        raise DataError(
            f"{folder}: {', '.join(names)} hold folders and look like parts of a data set, not like"
            f" classes; allowed: class folders; give the folder {folder} by its name, or one of"
            " them alone"
        )
    first = paths[0].relative_to(folder)
    return [
        f"no class folder holds images itself: those in {first.parent.as_posix()}/ and the like"
        f" count as the class {first.parts[0]}; if the classes are further down, name"
        f" {first.parts[0]}/ as the source"
    ]


def refuse_flat_parts(folder: Path, names: Sequence[str]) -> list[str]:
    """Return a note where some class folders are called like parts of a data set.

    Raises:
        DataError: all are: the labels of their images are elsewhere, in a table or beside them.
    """
    parts = [name for name in names if _FLAT.fullmatch(name)]
    if parts and len(parts) == len(names):
        raise DataError(
            f"{folder}: {', '.join(parts)} look like parts of a data set, not like classes;"
            " allowed: a folder for each class, also inside train/ and test/; sort the images into"
            " them, or name the table that holds their labels"
        )
    if not parts or [name.lower() for name in parts] == ["train"]:  # which may be a vehicle
        return []
    return [f"called like parts of a data set, but read as classes: {', '.join(parts)}"]


def refuse_parts(folder: Path, inside: Path, complain: Complain = refuse) -> None:
    """Complain where a part of a data set lies between a class folder and an image in it.

    Args:
        folder: of the class.
        inside: the folder of the image.
        complain: told of it.
    """
    for name in inside.relative_to(folder).parts:
        if name.lower() in PARTS or _FLAT.fullmatch(name):
            complain(
                DataError(
                    f"{inside}: {name}/ below the class folder {folder.name}/ looks like a part of"
                    f" a data set, not like images of that class; allowed: train/ and test/ around"
                    f" the class folders; name {folder} as the source where it holds train/ and"
                    f" test/, else move or rename {name}/"
                )
            )
            return


class LeftOut:
    """Counts what is not read, by kind and class.

    Args:
        source: the folder that the user named.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self._counts: dict[str, Counter[str]] = {}
        self._example: dict[str, str] = {}
        self._counted: set[Path] = set()
        self._doubtful: dict[str, None] = {}

    def files(self, name: str, folder: Path, entries: Iterable[os.DirEntry[str]]) -> None:
        """Count the entries of `folder`, a folder of the class `name`, that are images of a kind.

        `name` is empty beside the class folders.
        """
        for entry in entries:
            stem, suffix = os.path.splitext(entry.name)
            suffix = suffix.lower()
            bare = not suffix and name  # beside the classes it may be a README
            nearly = suffix.startswith(tuple(FORMATS)) and suffix not in FORMATS  # .jpg_large
            if suffix in COPIES:  # photo.png.bak, but not its notes in photo.png.json
                nearly = os.path.splitext(stem)[1].lower() in FORMATS
            if (suffix in UNREAD or bare or nearly) and os.path.isfile(entry):
                kind = f"{suffix} files" if suffix else "files without an extension"
                self._count(kind, name, folder / entry.name, 1)

    def hidden(self, name: str, folder: Path) -> None:
        """Count the hidden images in `folder`, and those in hidden folders there."""
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    names = [entry.name]
                    if entry.is_dir(follow_symlinks=False):
                        names = [each for _, _, files in os.walk(entry.path) for each in files]
                    held = sum(each.lower().endswith(tuple(FORMATS)) for each in names)
                    if held:
                        self._count("hidden images", name, folder / entry.name, held)

    def folders(self, name: str, folder: Path, below: Sequence[str]) -> list[str]:
        """Return the folders `below` in `folder` but those of other programs, which are counted."""
        foreign = FOREIGN | THUMBNAILS if name else FOREIGN
        for each in below:
            if each.lower() in foreign:
                held = sum(len(files) for _, _, files in os.walk(folder / each))
                self._count(f"files in {each}/, made by another program", name, folder / each, held)
            elif not name and each.lower() in THUMBNAILS:
                self._doubtful[each] = None
        return [each for each in below if each.lower() not in foreign]

    def _count(self, kind: str, name: str, path: Path, number: int) -> None:
        if path in self._counted:  # the folder of the classes is looked at twice
            return
        self._counted.add(path)
        self._counts.setdefault(kind, Counter())[name] += number
        self._example.setdefault(kind, path.relative_to(self.source).as_posix())

    def beside(self, name: str) -> str:
        """Return what of a class was left out, in brackets after a space, or an empty text."""
        lost = [f"{counts[name]} {kind}" for kind, counts in self._counts.items() if counts[name]]
        return f" ({', '.join(lost)}, which are not read)" if lost else ""

    @property
    def notes(self) -> list[str]:
        """One line for each kind: how many of which class, and an example."""
        lines = []
        for kind, counts in self._counts.items():
            lines.append(
                f"not read: {counts.total()} {kind} ({by_class(counts)}), such as"
                f" {self._example[kind]}"
            )
        return lines + [
            f"{name}/ counts as a class; remove it where it holds thumbnails"
            for name in self._doubtful
        ]

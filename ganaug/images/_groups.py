"""Which images show one object: the file groups.csv of a folder."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ganaug.errors import Complain, DataError, did_you_mean, refuse
from ganaug.files import open_regular
from ganaug.images._csv import delimiter_of, dict_reader, refuse_more_cells
from ganaug.images._parts import ImageFile
from ganaug.images.class_names import composed
from ganaug.images.grouping import in_both_noted
from ganaug.wording import counted, one_line

__all__ = ["GROUPS_FILE", "groups_files", "with_groups"]

GROUPS_FILE = "groups.csv"


def groups_files(folder: Path) -> list[Path]:
    """Return the files called groups.csv in a folder, in any case: one, if all is well."""
    with suppress(OSError), os.scandir(folder) as entries:  # who reads the images says why
        names = [each.name for each in entries if each.name.lower() == GROUPS_FILE]
        return [folder / name for name in sorted(names) if not os.path.isdir(folder / name)]
    return []


def with_groups(
    folder: Path,
    train: list[ImageFile],
    test: list[ImageFile],
    notes: list[str],
    complain: Complain = refuse,
    parts: Sequence[str] = (),
) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return the files with their groups from groups.csv, where the folder has one.

    Each of the `parts`, folders in it, may have one instead, of paths inside that. Without training
    files the file may name none of the images: it is that of other parts, too. Where it is wrong,
    `complain` is told, and no image has a group.
    """
    found = {f"{part}/" if part else "": groups_files(folder / part) for part in ("", *parts)}
    paths = [path for each in found.values() for path in each]
    if not paths:
        return train, test
    try:
        if len(paths) > 1 and (found[""] or len(paths) > sum(map(bool, found.values()))):
            names = " and ".join(path.relative_to(folder).as_posix() for path in paths)
            raise DataError(
                f"{folder}: has {names}; allowed: one {GROUPS_FILE}, in it or in each part; join"
                " them, or remove one"
            )
        groups: dict[str, str] = {}
        for prefix, each in found.items():
            for path in each:
                groups |= {prefix + name: group for name, group in _read_groups(path).items()}
        return _grouped(paths, groups, train, test, notes)
    except DataError as error:
        complain(error)
        return train, test


def _grouped(
    paths: list[Path],
    groups: dict[str, str],
    train: list[ImageFile],
    test: list[ImageFile],
    notes: list[str],
) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return the files with their `groups`, which the files at `paths` name."""
    where = " and ".join(map(str, paths))
    # File systems differ in the Unicode form of names; the form that is written comes first.
    named = {composed(name): group for name, group in groups.items()}
    group_of = {
        file.name: groups.get(file.name, named.get(composed(file.name))) for file in train + test
    }
    parts = []
    for files in (train, test):
        missing = [file.name for file in files if group_of[file.name] is None]
        # Groups of the training part alone are of use, and so are those of the test part.
        if missing and len(missing) < len(files):
            raise DataError(
                f"{where}: no group for {missing[0]!r} ({len(missing)} of {len(files)} images have"
                " none); allowed: one line 'file,group' for each image; add the missing lines"
            )
        parts.append([file._replace(group=group_of[file.name]) for file in files])
    used = [[file.group for file in files] for files in parts]
    if train and not any(group is not None for part in used for group in part):
        inside = paths[0].parent
        names = [file.path for file in (*train, *test) if file.path.is_relative_to(inside)]
        such = f", such as {names[0].relative_to(inside).as_posix()!r}" if names else ""
        raise DataError(
            f"{where}: names none of the images; allowed: paths inside {inside}{such}; correct the"
            " column 'file'"
        )
    here = {composed(name) for name in group_of}
    stale = sorted(name for name in groups if composed(name) not in here)
    if stale:
        notes.append(
            f"{GROUPS_FILE}: {counted(len(stale), 'line')} without an image here, such as"
            f" {stale[0]}"
        )
    both = in_both_noted(used[0], used[1], ("train/", "test/"))
    notes += [f"{GROUPS_FILE}: {note}" for note in both]
    return parts[0], parts[1]


def _read_groups(path: Path) -> dict[str, str]:
    """Return {file: group} of a groups.csv; raise `DataError` where it is not one."""
    groups: dict[str, str] = {}
    wrong: list[str] = []
    try:
        with io.TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as stream:
            reader = dict_reader(stream, delimiter_of(stream, str(path)))
            reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
            columns = list(reader.fieldnames)
            for wanted in ("file", "group"):
                if wanted not in columns:
                    raise DataError(
                        f"{path}: no column {wanted!r} (found: {', '.join(columns) or 'none'}"
                        f"){did_you_mean(wanted, columns)}; allowed: a first line 'file,group';"
                        " correct it"
                    )
            for row in reader:
                refuse_more_cells(f"{path}: line {reader.line_num}", row, len(columns))
                name, group = row["file"] or "", row["group"] or ""
                name = PurePosixPath(name.strip().replace("\\", "/")).as_posix()
                group = group.strip()
                if not group or groups.get(name, group) != group:
                    what = f"a second group {group!r}" if group else "no group"
                    wrong.append(f"line {reader.line_num}: {what} for {name!r}")
                groups[name] = group
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: cannot be read ({one_line(error)}); allowed: UTF-8 text with the columns"
            " 'file' and 'group'; correct or remove it"
        ) from error
    if wrong:
        more = f" (wrong lines in all: {len(wrong)})" if len(wrong) > 1 else ""
        raise DataError(
            f"{path}: {wrong[0]}{more}; allowed: one group for each image; correct the line"
        )
    return groups

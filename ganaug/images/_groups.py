"""Which images show one object: the file groups.csv of a folder."""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

from ganaug.errors import Complain, DataError, did_you_mean, refuse
from ganaug.images._parts import ImageFile, one_line
from ganaug.wording import counted

__all__ = ["GROUPS_FILE", "with_groups"]

GROUPS_FILE = "groups.csv"


def with_groups(
    folder: Path,
    train: list[ImageFile],
    test: list[ImageFile],
    notes: list[str],
    complain: Complain = refuse,
) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return the files with their groups from groups.csv, where the folder has one.

    Without training files the file may name none of the images: it is that of other parts, too.
    Where it is wrong, `complain` is told, and no image has a group.
    """
    path = folder / GROUPS_FILE
    if not path.is_file():
        return train, test
    try:
        return _grouped(path, train, test, notes)
    except DataError as error:
        complain(error)
        return train, test


def _grouped(
    path: Path, train: list[ImageFile], test: list[ImageFile], notes: list[str]
) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return the files with the groups that the file at `path` names."""
    groups = _read_groups(path)
    parts = []
    for files in (train, test):
        missing = [file.name for file in files if file.name not in groups]
        # Groups of the training part alone are of use, and so are those of the test part.
        if missing and len(missing) < len(files):
            raise DataError(
                f"{path}: no group for {missing[0]!r} ({len(missing)} of {len(files)} images have"
                " none); allowed: one line 'file,group' for each image; add the missing lines"
            )
        parts.append([file._replace(group=groups.get(file.name)) for file in files])
    used = [{file.group for file in files if file.group is not None} for files in parts]
    if train and not (used[0] or used[1]):
        raise DataError(
            f"{path}: names none of the images; allowed: paths inside {path.parent}, such as"
            f" {train[0].name!r}; correct the column 'file'"
        )
    stale = sorted(set(groups) - {file.name for files in parts for file in files})
    if stale:
        notes.append(
            f"{GROUPS_FILE}: {counted(len(stale), 'line')} without an image here, such as"
            f" {stale[0]}"
        )
    both = sorted(used[0] & used[1])
    if both:
        notes.append(
            f"{GROUPS_FILE}: {counted(len(both), 'group')} with images in train/ and in test/, such"
            f" as {both[0]}; results on test/ will look too good"
        )
    return parts[0], parts[1]


def _read_groups(path: Path) -> dict[str, str]:
    """Return {file: group} of a groups.csv; raise `DataError` where it is not one."""
    groups: dict[str, str] = {}
    wrong: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or ())
            for wanted in ("file", "group"):
                if wanted not in columns:
                    raise DataError(
                        f"{path}: no column {wanted!r} (found: {', '.join(columns) or 'none'}"
                        f"){did_you_mean(wanted, columns)}; allowed: a first line 'file,group';"
                        " correct it"
                    )
            for row in reader:
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

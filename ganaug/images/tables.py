"""Image sets from tables: a .csv or .tsv file, or a DataFrame, with a row for each image."""

from __future__ import annotations

import csv
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ganaug.errors import DataError, did_you_mean, named_path
from ganaug.images._csv import delimiter_of, dict_reader, refuse_more_cells
from ganaug.images._parts import ImageFile
from ganaug.images._reading import Reading, read_files
from ganaug.images._table_parts import Unread, allowed_parts, part_of, whole_text
from ganaug.images.cache import entry_of
from ganaug.images.class_names import alike_noted, composed
from ganaug.images.columns import (
    BY_NAME,
    IMAGE_NAMES,
    LABEL_NAMES,
    Columns,
    cell_text,
    column_name,
    named_like,
)
from ganaug.images.grouping import in_both_noted
from ganaug.images.image_set import ImageSet
from ganaug.wording import one_line, whole_number

__all__ = [
    "ENDINGS",
    "Table",
    "folders_in",
    "is_frame",
    "is_table",
    "load_table",
    "read_table",
]

ENDINGS = (".csv", ".tsv")
SPLIT = "--split-column (split= in Python)"
GAPS = ("nan", "none", "null", "na", "n/a", "nil", "undefined")


class Table(NamedTuple):
    """The files that a table names, none of them opened.

    Attributes:
        source: what the user named.
        root: the folder that all files lie in.
        classes: class names by label: sorted, whole numbers by their value.
        files: of the training part, each once, in the order of the rows.
        test: of the test part, which a column may name.
        notes: on rows that say the same twice, and names that are nearly alike.
        columns: those that were read.
    """

    source: str
    root: Path
    classes: tuple[str, ...]
    files: list[ImageFile]
    test: list[ImageFile]
    notes: list[str]
    columns: Columns


class _Row(NamedTuple):
    """A row, with what to call it; empty texts where it has gaps."""

    name: str
    file: str
    label: str
    group: str
    split: str


_Found = tuple[list[_Row], Columns, list[str]]  # rows, the columns that were read, notes


def is_frame(source: Any) -> bool:
    """Whether it is a pandas DataFrame; pandas is not imported to find out."""
    return any(
        kind.__name__ == "DataFrame" and kind.__module__.partition(".")[0] == "pandas"
        for kind in type(source).__mro__
    )


def is_table(source: Any) -> bool:
    """Whether it is a DataFrame, or the name of a .csv or .tsv file."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return path.suffix.lower() in ENDINGS and not os.path.isdir(path)
    return is_frame(source)


def load_table(
    source: Any, reading: Reading, *, columns: Columns, root: str | os.PathLike[str] | None
) -> ImageSet:
    """Load the images that a table names. See `load_images`."""
    table = read_table(source, columns=columns, root=root, missing=reading.skip_corrupt)
    images = read_files(
        str(table.root),
        table.classes,
        table.files,
        table.test,
        reading,
        notes=table.notes,
        entry=entry_of(table.root, table.classes, [*table.files, *table.test]),
        columns=table.columns,
    )
    return replace(images, source=table.source)


def read_table(
    source: Any,
    *,
    columns: Columns = BY_NAME,
    root: str | os.PathLike[str] | None = None,
    missing: bool = False,
) -> Table:
    """Return the files, labels and groups of a table.

    Args:
        source: the name of a .csv or .tsv file, UTF-8, of which the first line names the columns;
            or a DataFrame.
        columns: those of file, label, group and part of the data.
        root: the folder that the files lie in; None: that of the table, for a DataFrame the
            current one. Paths in the table are inside it, or absolute.
        missing: whether some files may be missing; who reads them says so.

    Raises:
        DataError: there is no such table or column; a row has no file, label or group; a file has
            two labels, groups or parts, lies outside `root`, or is missing.
    """
    where = "DataFrame" if is_frame(source) else str(source)
    rows, chosen, told = (_frame_rows if is_frame(source) else _file_rows)(where, source, columns)
    default = Path() if is_frame(source) else Path(source).parent
    folder = default if root is None else named_path(root)
    if not rows:
        raise DataError(f"{where}: holds no rows; allowed: one for each image; add some")
    seen: dict[str, _Row] = {}
    forms_in = cache(_forms)  # a folder is listed once
    again: list[_Row] = []
    for each in rows:
        row = _Row(each.name, each.file, *map(whole_text, each[2:]))
        _refuse_gaps(row, where, chosen)
        name = _on_disk(os.path.abspath(folder), _inside(row, where, folder, rows), forms_in)
        if name in seen:
            _refuse_contradiction(seen[name], row, where, chosen)
            again.append(row)
        else:
            seen[name] = row._replace(file=name)
    parts: dict[str, list[_Row]] = {"train": [], "test": [], "validation": []}
    for row in seen.values():
        parts[_part(row, where, chosen)].append(row)
    read = [*parts["train"], *parts["test"]]
    if not parts["train"]:
        raise DataError(f"{where}: no row is for training; allowed: 1 or more; correct {SPLIT}")
    _refuse_missing(read, where, folder, some=missing)
    classes = _sorted_classes({row.label for row in read})
    label_of = {name: label for label, name in enumerate(classes)}
    files, test = (
        [
            ImageFile(folder / row.file, row.file, label_of[composed(row.label)], row.group or None)
            for row in parts[part]
        ]
        for part in ("train", "test")
    )
    told += [f"{len(parts['validation'])} rows for validation are not read"] * (
        len(read) < len(seen)
    )
    told += in_both_noted([each.group for each in files], [each.group for each in test])
    notes = [f"{len(again)} rows name an image again, such as {again[0].name}"] if again else []
    gaps = [name for name in classes if name.lower() in GAPS]
    if gaps:
        notes.append(f"classes called like a gap in a table: {', '.join(map(repr, gaps))}")
    return Table(where, folder, classes, files, test, notes + alike_noted(classes) + told, chosen)


def _file_rows(where: str, source: Any, columns: Columns) -> _Found:
    path = Path(source)
    if not os.path.isfile(path):
        beside = os.listdir(path.parent) if os.path.isdir(path.parent) else []
        raise DataError(
            f"{where}: no such file{did_you_mean(path.name, beside)}; allowed: a .csv or .tsv file;"
            " correct the path"
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = delimiter_of(stream, where)
            reader = dict_reader(stream, delimiter)
            chosen = _columns(where, [name or "" for name in reader.fieldnames or ()], columns)
            rows: list[_Row] = []
            parts = Unread(list(reader.fieldnames or ()), chosen)
            for row in reader:
                name = f"line {reader.line_num}"
                refuse_more_cells(f"{where}, {name}", row, len(reader.fieldnames or ()))
                rows.append(_row(where, name, [row.get(each) for each in _wanted(chosen)]))
                parts.row(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{where}: cannot be read ({one_line(error)}); allowed: UTF-8 text whose first line"
            " names the columns; save it so"
        ) from error
    return rows, chosen, parts.notes


def _frame_rows(where: str, frame: Any, columns: Columns) -> _Found:
    names = [str(name) for name in frame.columns]
    chosen = _columns(where, names, columns)
    wanted = [None if each is None else names.index(each) for each in _wanted(chosen)]
    cells = [[None] * len(frame) if at is None else list(frame.iloc[:, at]) for at in wanted]
    unique = frame.index.is_unique  # not so after pd.concat
    called = [f"row {at if unique else f'iloc[{place}]'}" for place, at in enumerate(frame.index)]
    parts = Unread(names, chosen)
    for name in parts.named:
        for value in frame.iloc[:, names.index(name)]:
            parts.row({name: value})
    rows = [_row(where, name, row) for name, *row in zip(called, *cells, strict=True)]
    return rows, chosen, parts.notes


def _row(where: str, name: str, cells: Sequence[Any]) -> _Row:
    texts = [
        cell_text(cell, f"{where}, {name}", role)
        for role, cell in zip(Columns._fields, cells, strict=True)
    ]
    return _Row(name, *texts)


def _wanted(columns: Columns) -> tuple[str | None, ...]:
    return columns.image, columns.label, columns.group, columns.split


def _part(row: _Row, where: str, columns: Columns) -> str:
    """Return "train", "test" or "validation", as the row says."""
    if columns.split is None:
        return "train"
    part = part_of(columns.split, row.split)
    if part is None:
        raise DataError(
            f"{where}, {row.name}: {row.split!r} in the column {columns.split!r}; allowed:"
            f" {allowed_parts(columns.split)}; correct it"
        )
    return part


def _columns(where: str, names: Sequence[str], given: Columns) -> Columns:
    images = named_like(names, IMAGE_NAMES)
    image = column_name(where, names, given.image, "image", images)
    labels = named_like([name for name in names if name != image], LABEL_NAMES)
    label = column_name(where, names, given.label, "label", labels)
    group, split = (
        None if name is None else column_name(where, names, name, role, ())
        for role, name in (("group", given.group), ("split", given.split))
    )
    chosen = Columns(image, label, group, split)
    twice = [name for name in chosen if name and names.count(name) > 1]
    if twice:
        raise DataError(
            f"{where}: {names.count(twice[0])} columns are called {twice[0]!r}; allowed: one;"
            " rename the others"
        )
    return chosen


def _refuse_gaps(row: _Row, where: str, columns: Columns) -> None:
    for role, text, name in (
        ("image", row.file, columns.image),
        ("label", row.label, columns.label),
        ("group", row.group, columns.group),
        ("split", row.split, columns.split),
    ):
        if name is not None and not text:
            raise DataError(
                f"{where}, {row.name}: no {role} in the column {name!r}; allowed: one in each row;"
                " fill it in, or take out the row"
            )


def _inside(row: _Row, where: str, folder: Path, rows: Sequence[_Row]) -> str:
    """Return the path of the file inside `folder`, in one spelling."""
    text = row.file.replace("\\", "/") if os.sep == "/" else row.file
    base = os.path.abspath(folder)
    inside = os.path.relpath(os.path.abspath(os.path.join(base, text)), base)
    if inside.split(os.sep)[0] == os.pardir:
        absolute = [each.file for each in rows if os.path.isabs(each.file)]
        above = os.path.commonpath(absolute) if len(absolute) == len(rows) > 1 else "DIR"
        raise DataError(
            f"{where}, {row.name}: {row.file!r} lies outside {str(folder)!r}; allowed: paths inside"
            f" it; name the folder that all images lie in with --root {shlex.quote(above)}"
        )
    return Path(inside).as_posix()


def _forms(folder: str) -> dict[str, str]:
    """Return {composed name: name} of what is in a folder."""
    return {composed(each): each for each in os.listdir(folder)} if os.path.isdir(folder) else {}


def _on_disk(base: str, name: str, forms_in: Callable[[str], dict[str, str]]) -> str:
    """Return a path as the disk has it: file systems differ in the Unicode form of names."""
    if name.isascii() or os.path.exists(os.path.join(base, name)):
        return name
    found = ""
    for part in name.split("/"):
        found = os.path.join(found, forms_in(os.path.join(base, found)).get(composed(part), part))
    return Path(found).as_posix()


def _refuse_contradiction(first: _Row, second: _Row, where: str, columns: Columns) -> None:
    split = columns.split
    same_part = split is not None and part_of(split, first.split) == part_of(split, second.split)
    for word, one, other in (
        ("label", first.label, second.label),
        ("group", first.group, second.group),
        ("split", first.split, second.split),
    ):
        if composed(one) != composed(other) and not (word == "split" and same_part):
            raise DataError(
                f"{where}, {second.name}: the {word} {other!r} for {second.file!r}, but {one!r} in"
                f" {first.name}; allowed: one {word} for each image; correct one of them"
            )


def _refuse_missing(rows: Sequence[_Row], where: str, folder: Path, *, some: bool) -> None:
    """Raise `DataError` where files are missing: one, or all of them where `some` may be."""
    missing = [row for row in rows if not os.path.isfile(folder / row.file)]
    if not missing or (some and len(missing) < len(rows)):
        return
    path = folder / missing[0].file
    beside = os.listdir(path.parent) if os.path.isdir(path.parent) else []
    instead = " (it is a folder)" if os.path.isdir(path) else did_you_mean(path.name, beside)
    around = (*folders_in(folder), folder.parent)
    near = [each for each in around if os.path.isfile(each / missing[0].file)]
    without = ", or go on without them with --skip-corrupt" if len(missing) < len(rows) else ""
    raise DataError(
        f"{where}, {missing[0].name}: no file {missing[0].file!r} in"
        f" {str(folder)!r}{instead} ({len(missing)} of {len(rows)} are"
        " missing); allowed: paths inside that folder; name another with --root"
        f" {shlex.quote(str(near[0])) if near else 'DIR'}{without}"
    )


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder but hidden ones, where it is one."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = [folder / name for name in names if not name.startswith(".")]
    return [path for path in paths if os.path.isdir(path)]


def _sorted_classes(names: set[str]) -> tuple[str, ...]:
    """Return the class names sorted as folders are, but whole numbers by their value."""
    unique = sorted({composed(name) for name in names})
    values = [whole_number(name) for name in unique]
    if None in values:
        return tuple(unique)
    return tuple(name for _, name in sorted(zip(values, unique, strict=True)))

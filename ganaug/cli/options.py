"""Option types and the options that several commands share."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganaug.errors import ConfigError
from ganaug.wording import as_options, whole_number

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from ganaug.artifact.format import Metadata
    from ganaug.images import ImageSet

__all__ = [
    "NAMES",
    "SETTING",
    "SIZE",
    "TEXT",
    "ReadingOptions",
    "chosen_classifier",
    "chosen_columns",
    "classifier_options",
    "force_option",
    "given_settings",
    "image_options",
    "preset_option",
]

Command = Callable[..., Any]
PATHS = re.compile(r"\b(DIR|FILE|IMAGE|PICTURE|RUN|SOURCE)\b")  # in a metavar
ROLES = ("image", "label", "group", "split")  # of a column, as fields of `Columns`

# What `fit` takes beside the fields of FitConfig, or takes from the images.
OPTIONS_OF_THEIR_OWN = {
    "source": "the argument SOURCE",
    "out": "--out",
    "preset": "--preset",
    "seed": "--seed",
    "device": "--device",
    "all_images": "--all",
    "on_collapse": "--on-collapse",
    "start_from": "--from",
    "tracker": "--tracker",
    "size": "--size",
    "mode": "--mode",
    "cache": "--cache",
    "progress": "ganaug -q",
}


class _Text(click.types.StringParamType):
    """A text or a name that is not empty: pathlib would take "" for the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            hint = "give a value, or leave it out (is a variable of the shell not set?)"
            self.fail(f"'' is empty; {hint}", param, ctx)
        return super().convert(value, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Let the shell complete what names a file or folder; the metavar says what does."""
        from click.shell_completion import CompletionItem

        named = PATHS.search(param.make_metavar(ctx))
        return [CompletionItem(incomplete, type="file")] if named else []


class _Size(click.ParamType[tuple[int, int]]):
    """`32` or `32x40`: height and width in pixels."""

    name = "size"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "N|HxW"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        sides = [whole_number(side) for side in str(value).lower().split("x")]
        first, last = sides[0], sides[-1]
        if len(sides) > 2 or not first or not last:
            self.fail(f"{value!r} is no size; give 32 or 32x40 (height x width)", param, ctx)
        return (first, last)


class _Setting(click.ParamType[tuple[str, Any]]):
    """`KEY=VALUE`; the value is read as JSON where it is JSON, else as a string."""

    name = "setting"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "KEY=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key.strip():
            self.fail(f"{value!r} is no setting; give KEY=VALUE, such as r1=0.5", param, ctx)
        if key.strip() in OPTIONS_OF_THEIR_OWN:
            own = OPTIONS_OF_THEIR_OWN[key.strip()]
            self.fail(f"{value!r} is no field of FitConfig; use {own} instead", param, ctx)
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):  # no JSON; a number of thousands of digits; too deep
            return (key.strip(), text.strip())
        if read is None:
            self.fail(f"{value!r} sets nothing; leave it out to keep the preset's", param, ctx)
        return (key.strip(), read)


class _Names(click.ParamType[tuple[str, ...]]):
    """`A,B,C`: names, separated by commas; a name with a comma stands in quotes."""

    name = "names"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "A,B,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        try:
            parts = next(csv.reader([str(value)], skipinitialspace=True), [])
        except csv.Error:
            self.fail(f"{value!r} has more than one line; give the names in one", param, ctx)
        return tuple(name for name in (part.strip() for part in parts) if name)


TEXT = _Text()
SIZE = _Size()
SETTING = _Setting()
NAMES = _Names()


def classifier_options(function: Command) -> Command:
    """Add the options that say which network is trained, and where its weights come from."""
    name = click.option(
        "--classifier",
        metavar="NAME",
        help="A torchvision model, such as resnet18, from scratch; or pretrained:"
        " torchvision:NAME, timm:NAME, and probe:torchvision:NAME for a frozen one.",
    )
    weights = click.option(
        "--weights",
        metavar="DEFAULT|none|FILE",
        help="Of a pretrained network. DEFAULT: on this machine already, or with --download.",
    )
    return name(weights(function))


def chosen_classifier(
    name: str | None, weights: str | None, size: tuple[int, int] | None, download: bool
) -> Any:
    """Return the classifier of `classifier_options`; `size` is what a pretrained network sees.

    Raises:
        ConfigError: an unknown network, weights that are not there, or weights for another kind.
    """
    if name is not None and ":" in name:
        from ganaug import Pretrained  # here: heavy

        return Pretrained.named(name, weights or "DEFAULT", size=size, download=download)
    if weights is not None:
        given = "without --classifier" if name is None else f"with --classifier {name}"
        raise ConfigError(
            f"--weights {weights}: given {given}, which is trained from scratch; allowed: with"
            " torchvision:NAME, timm:NAME, or probe: before one of them; add it"
        )
    return name


def given_settings(
    settings: tuple[tuple[str, Any], ...], options: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the fields of FitConfig that --set and `options` of their own give.

    Of two --set of one field the last one counts.

    Raises:
        ConfigError: a field is given both ways.
    """
    named = {name: value for name, value in (options or {}).items() if value is not None}
    for name, value in settings:
        if name in named:
            ways = f"--set {name}={value} and {named[name]}"
            raise ConfigError(f"{name}: {ways}; allowed: one of them; leave the other out")
    return named | dict(settings)


def force_option(function: Command) -> Command:
    """Add the option that lets outputs replace files that are no earlier ones."""
    option = click.option(
        "--force", is_flag=True, help="Replace other files, too; never what is read."
    )
    return option(function)


def preset_option(text: str) -> Callable[[Command], Command]:
    """Return the option that names a preset, with `text` as its help."""
    return click.option(
        "--preset",
        default="base",
        show_default=True,
        metavar="tiny|small|base|classic",
        help=text,
    )


def _column_options(function: Command) -> Command:
    """Add the options that name the columns of SOURCE; the command gets them as `columns`.

    `columns` is what `load_images` takes: {"image": name or None, "label": ..., ...}.
    """

    @wraps(function)
    def packed(*args: Any, **given: Any) -> Any:
        columns = {role: given.pop(f"{role}_column") for role in ROLES}
        return function(*args, columns=columns, **given)

    option = click.option
    option("--split-column", metavar="NAME", help="Column of a table that says train or test.")(
        packed
    )
    option("--group-column", metavar="NAME", help="Column of what images of one object share.")(
        packed
    )
    option("--label-column", metavar="NAME", help="Column of the class.")(packed)
    option("--image-column", metavar="NAME", help="Column of the image, in a table or hf:PATH.")(
        packed
    )
    return packed


def chosen_columns(source: str, columns: dict[str, Any], info: Metadata | None) -> dict[str, Any]:
    """Return `columns` of `column_options`, or where none is named those that `fit` read."""
    from ganaug.images.sources import remembered_columns  # here: heavy

    if any(columns.values()):
        return columns
    return remembered_columns(source, None if info is None else info.data)


@dataclass(frozen=True)
class ReadingOptions:
    """How the images of SOURCE are read, as the options of `image_options` say."""

    size: tuple[int, int] | None = None
    root: str | None = None
    download: bool = False
    exif: bool = True
    skip_corrupt: bool = False
    columns: dict[str, Any] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """Return the options as another command takes them."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        columns = plain.pop("columns")
        return plain | {f"{role}_column": name for role, name in columns.items()}

    def words(self) -> list[str]:
        """Return the options as the user would write them."""
        plain = self.options()
        return as_options(no_exif=not plain.pop("exif"), **plain)

    def listed(self, source: str, info: Metadata | None = None) -> Callable[[], list[Path]]:
        """Return what lists the files that SOURCE names, where it is a table, see `Inputs`."""
        from ganaug.images.places import image_files  # here: heavy

        columns = chosen_columns(source, self.columns, info)
        return partial(image_files, source, self.root, columns)

    def load(
        self,
        source: str,
        *,
        size: tuple[int, int] | None = None,
        mode: str | None = None,
        info: Metadata | None = None,
        classifier: Any = None,
        **further: Any,
    ) -> ImageSet:
        """Return the images of SOURCE.

        Args:
            source: as the user named it.
            size: in the place of the one that was asked for.
            mode: "grey", "rgb" or None; with `info` that of the generator.
            info: of the generator that they are for.
            classifier: of `chosen_classifier`; then --download may mean its weights alone.
            further: arguments of `load_images` that have no option here.
        """
        from ganaug import load_images  # here: heavy
        from ganaug.images.source_kinds import kind_of

        weights = not isinstance(classifier, str | None) and kind_of(source) != "torchvision"
        return load_images(
            source,
            size=size or self.size,
            mode=mode if info is None else "grey" if info.channels == 1 else "rgb",
            root=self.root,
            download=self.download and not weights,
            skip_corrupt=self.skip_corrupt,
            exif=self.exif,
            **chosen_columns(source, self.columns, info),
            **further,
        )


def image_options(
    *, size: str = "", fetched: str = "", without: Sequence[str] = ()
) -> Callable[[Command], Command]:
    """Return what adds the options that say how the images of SOURCE are read.

    The command gets them as `reading`, which is a `ReadingOptions`.

    Args:
        size: which one is taken where none is named, in words.
        fetched: what --download is for.
        without: fields of `ReadingOptions` that have no option here.
    """
    options = {
        "size": click.option("--size", type=SIZE, help=f"Resize the images.  [default: {size}]"),
        "root": click.option(
            "--root",
            metavar="DIR",
            help="Where torchvision data sets, or the files of a table, lie.",
        ),
        "download": click.option(
            "--download", is_flag=True, help=f"Let {fetched} be fetched by name."
        ),
        "exif": click.option(
            "--no-exif",
            "exif",
            is_flag=True,
            flag_value=False,
            default=True,
            help="Leave the images of a folder as they lie; else EXIF turns them.",
        ),
        "skip_corrupt": click.option(
            "--skip-corrupt", is_flag=True, help="Go on without unreadable files; list them."
        ),
    }
    options = {name: option for name, option in options.items() if name not in without}

    def add(function: Command) -> Command:
        @wraps(function)
        def packed(*args: Any, **given: Any) -> Any:
            reading = ReadingOptions(**{name: given.pop(name) for name in (*options, "columns")})
            return function(*args, reading=reading, **given)

        command = _column_options(packed)
        for option in reversed(options.values()):
            command = option(command)
        return command

    return add

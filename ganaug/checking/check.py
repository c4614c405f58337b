"""`check`: looks at images before anything is trained on them."""

from __future__ import annotations

import json
import logging
import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganaug.checking import lift
from ganaug.checking.classes import class_checks, class_findings, frames, tuning_of
from ganaug.checking.duplicates import duplicates
from ganaug.checking.durations import load_of_a_core, measure
from ganaug.checking.outliers import blank, unlike_all
from ganaug.checking.report import (
    EXAMPLES,
    NAMED,
    NO_COLOUR,
    CheckReport,
    Finding,
    Outlook,
    Times,
)
from ganaug.devices import choose_device
from ganaug.errors import DataError, GanaugError, checked_count
from ganaug.evaluation.gain.intervals import MOST_SEEDS
from ganaug.images import ImageSet, check_size
from ganaug.images.alike import Alike
from ganaug.images.columns import Columns
from ganaug.images.survey import Survey, survey
from ganaug.progress import told
from ganaug.training import make_config
from ganaug.wording import as_options

__all__ = ["check"]

log = logging.getLogger("ganaug")


def check(
    source: Any,
    *,
    size: int | Sequence[int] | None = None,
    mode: str | None = None,
    root: str | os.PathLike[str] | None = None,
    download: bool = False,
    exif: bool = True,
    image: str | None = None,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    preset: str = "base",
    fit_options: Mapping[str, Any] | None = None,
    seeds: int = 6,
    classifier_steps: int | None = None,
    device: str = "auto",
    times: bool = True,
    outlook: bool = False,
    progress: Callable[[int, int], None] | bool | None = None,
) -> CheckReport:
    """Look at images before training: duplicates, damage, small classes, odd images, durations.

    Nothing is written, and nothing about `source` is changed. What has to be mended before a
    training is a *problem*; the other findings are worth a look.

    Args:
        source: anything that `load_images` takes, or an `ImageSet`.
        size, mode, root, download, exif, image, label, group, split: as for `load_images`.
        preset: of the training whose duration is estimated.
        fit_options: fields of `FitConfig` that this training takes in place of the preset's.
        seeds: of the comparison whose duration is estimated.
        classifier_steps: of each classifier of `evaluate` and `tune`; None = as usual.
        device: "auto", "cpu", "cuda" or "cuda:N": where it would be trained.
        times: whether a few steps are trained to estimate the durations.
        outlook: whether small networks are trained to ask if a generator is likely to help a
            network from scratch: about a minute of a core that is free.
        progress: called as `progress(done, total)`, in images; True writes lines to stderr.

    Returns:
        the report: `print` it, or take `problems`, `findings` and `classes`; `to_dict` gives JSON
        values.

    Raises:
        DataError: there is no such source, it does not say which class an image is of, or no
            training image can be read.
        ConfigError, DeviceError: an argument has a value that is not allowed.

    Examples:
        >>> report = check("digits", times=False)
        >>> report.images, report.test_images, report.problems
        (1078, 719, ())
    """
    options = dict(fit_options or {})
    config = make_config(preset, **options)
    seeds = checked_count("seeds", seeds, "6 give a verdict", MOST_SEEDS)
    choose_device(device)  # both refused before the images are read
    columns = Columns(image, label, group, split)
    seen = survey(
        source,
        size=size,
        mode=mode,
        root=root,
        download=download,
        exif=exif,
        columns=columns,
        progress=told(progress, "reading images"),
    )
    alike = Alike(seen.previews)
    copies, first = duplicates(seen, alike)
    images = seen.image_set(first)
    findings = list(_unusable(seen))
    held_out = images.test is None
    if held_out:
        try:
            images = images.hold_out()
        except DataError as error:
            findings.append(Finding("nothing to judge on", True, str(error), len(images)))
    classes = class_checks(images)
    findings += [
        *class_findings(classes, config.kind, seen.source),
        *copies,
        *frames(seen, alike),
    ]
    findings += _odd(seen)
    measured: Times | None = None
    enough = 2 if config.kind == "variation" else 1
    training_size = None if seen.layout is None else seen.layout.size
    trained_at = training_size if (images.counts > 0).sum() >= enough else None
    if times and trained_at is not None:
        log.info("timing some steps of a generator and of a classifier")
        try:
            measured = measure(
                images,
                trained_at,
                preset=preset,
                options=options,
                seeds=seeds,
                classifier_steps=classifier_steps,
                device=device,
            )
            measured = replace(measured, load=load_of_a_core())
        except GanaugError as error:
            findings.append(Finding("refused", True, str(error), len(images)))
    likely = None
    if outlook and trained_at is not None:
        if config.kind == "variation":
            log.info("asking what classes teach each other")
            likely = lift.outlook(replace(images, test=None), trained_at)
        else:
            likely = Outlook(None, False, "it is asked for generators of the kind variation")
    findings.sort(key=lambda finding: not finding.problem)
    where = None if device == "auto" else device
    asked = as_options(
        preset=None if preset == "base" else preset,
        kind=options.get("kind"),
        device=where,
        size=check_size(size),
        mode=mode,
        root=root,
        download=download,
        no_exif=not exif,
        skip_corrupt=bool(seen.unreadable),
        **{f"{role}_column": column for role, column in columns._asdict().items()},
    )
    never, tuning = tuning_of(images)
    following = _next(images, source, findings, asked, options)
    skip = bool(seen.unreadable)
    further = as_options(root=root, no_exif=not exif, skip_corrupt=skip, device=where)
    return CheckReport(
        source=seen.source,
        images=len(images),
        test_images=0 if images.test is None else len(images.test),
        held_out=held_out,
        groups=any(group is not None for group in seen.groups),
        modes=dict(Counter(header.mode for header in seen.headers).most_common()),
        sizes=_sizes(seen),
        training_size=training_size,
        classes=classes,
        findings=tuple(findings),
        tuning=tuning,
        never=never,
        times=measured,
        outlook=likely,
        next=following,
        notes=(*seen.notes, *_grey(seen, mode)),
        named=shlex.join([f"{_title(images)}.onnx", str(source), *further]) if following else NAMED,
    )


def _unusable(seen: Survey) -> Iterator[Finding]:
    """Yield what `load_images` would refuse, or would tell of."""
    if seen.unreadable:
        yield Finding(
            "unreadable",
            True,
            f"images that cannot be read: {len(seen.unreadable)}; replace or remove them, or go on"
            " without them with --skip-corrupt",
            len(seen.unreadable),
            seen.unreadable,
        )
    for refusal in seen.refusals:
        yield Finding("refused", True, refusal, len(seen))
    for note in () if seen.layout is None else seen.layout.notes:
        yield Finding("size", False, note, len(seen))


def _odd(seen: Survey) -> Iterator[Finding]:
    """Yield images of one colour, and images that look like no other."""
    empty = np.flatnonzero(blank(seen.previews))
    if len(empty):
        yield Finding(
            "blank",
            False,
            f"images of a single colour: {len(empty)}; do they belong here?",
            len(empty),
            tuple(seen.name(at) for at in empty[:EXAMPLES]),
        )
    far = [at for at in unlike_all(seen.previews) if at not in empty]
    if far:
        yield Finding(
            "unusual",
            False,
            f"images like none of the others in brightness, contrast, colour and roughness:"
            f" {len(far)}; do they belong here?",
            len(far),
            tuple(f"{seen.name(at)} ({seen.classes[seen.labels[at]]})" for at in far[:EXAMPLES]),
        )


def _grey(seen: Survey, mode: str | None) -> Iterator[str]:
    """Yield a note where colour images without colour are trained as grey ones."""
    coloured = any(header.mode == "RGB" for header in seen.headers)
    if mode is None and coloured and (seen.previews == seen.previews[..., :1]).all():
        yield (
            f"{NO_COLOUR}: they are trained as grey, unless one has a colour at full size; --mode"
            " rgb keeps them as RGB"
        )


def _sizes(seen: Survey) -> dict[str, tuple[int, int]]:
    sizes = sorted(
        ((header.height, header.width) for header in seen.headers),
        key=lambda size: size[0] * size[1],
    )
    return {"smallest": sizes[0], "median": sizes[len(sizes) // 2], "largest": sizes[-1]}


def _title(images: ImageSet) -> str:
    """Return what the run folder and the file of these images are called."""
    title = images.data_name.rpartition(":")[2].replace("/", "-")
    return Path(title).stem or "run"


def _next(
    images: ImageSet,
    source: Any,
    findings: Sequence[Finding],
    asked: Sequence[str],
    fit_options: Mapping[str, Any],
) -> tuple[str, ...]:
    """Return the commands to go on with, `fit` with the options `asked` and a --set for others.

    None where the images have to be mended first.
    """
    kinds = {finding.kind for finding in findings if finding.problem}
    if not isinstance(source, str | os.PathLike) or kinds - {"unreadable"}:
        return ()
    options = list(asked)
    for name, value in fit_options.items():
        if name != "kind":
            options += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    run = Path("runs", _title(images))
    return (f"ganaug fit {shlex.join([str(source), '--out', str(run), *options])}",)

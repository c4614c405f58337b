"""The metadata of an artifact: a JSON object with a schema version, under one key of the ONNX file.

Unknown fields are ignored, so that a newer minor version can add some; another major version is
refused with both versions named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ganaug.artifact.evidence import misfit
from ganaug.artifact.policy import Policy
from ganaug.errors import ArtifactError, ConfigError
from ganaug.records import COUNT, FLAG, NAMES, OBJECT, TEXT, Form, list_of
from ganaug.values import is_count, is_int, shown

__all__ = [
    "INPUTS",
    "INTENDED_USE",
    "KEY",
    "KINDS",
    "MAX_FILE_BYTES",
    "MAX_METADATA_BYTES",
    "MAX_METADATA_DEPTH",
    "MAX_NODES",
    "MAX_OPSET",
    "MIN_OPSET",
    "OUTPUTS",
    "PRIVACY",
    "REWRITABLE",
    "SCHEMA",
    "Metadata",
    "as_json",
]

SCHEMA = "2.0"
MAJORS = ("1", "2")  # that are read
KEY = "ganaug"
KINDS = ("variation", "class")
# Fields of what is measured after export; all others say how the generator was made.
REWRITABLE = ("policy", "gain", "diversity", "warnings")

INTENDED_USE = (
    "To augment the training images of a classifier of these classes, of the same kind as those it"
    " was trained on, beside a class-balanced sampler and the free augmentation that suits them.",
    "Not for: images of other kinds or classes; test or validation images; as a source of images"
    " that stand for real ones, such as in a diagnosis or a statistic.",
    "A gain is known only for the classifier and the images it was measured with.",
)
PRIVACY = (
    "a file that was trained on private images carries information about them; give it only to"
    " those who may see the images"
)

MAX_FILE_BYTES = 256 * 2**20
MAX_METADATA_BYTES = 2**20
MAX_METADATA_DEPTH = 32
MAX_NODES = 2_000
MIN_OPSET = 20  # GridSample in the form that the generators use
MAX_OPSET = 23

# ONNX does not let an output have the name of an input, hence "variation" and not "image".
INPUTS = {"variation": ("image", "latent"), "class": ("label", "latent")}
# The image first. Schema 1 has no more than that.
OUTPUTS = {"variation": ("variation", "positions", "factor", "offset"), "class": ("image",)}


LINES: Form = ("a list of lines", list_of(TEXT)[1])
OBJECT_OR_NULL: Form = ("an object or null", lambda v: v is None or isinstance(v, dict))


def _is_data(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("source"), str)
        and isinstance(value.get("groups"), bool)
        and all(
            key in value and isinstance(value[key], (str, type(None)))
            for key in ("held_out", "held_out_fingerprint")
        )
        and _is_start(value.get("started_from"))
    )


def _is_start(value: object) -> bool:
    return value is None or (
        isinstance(value, dict)
        and all(isinstance(value.get(key), str) for key in ("name", "kind", "source"))
        and is_count(value.get("steps"))
        and all(LINES[1](value.get(key)) for key in ("fresh", "earlier", "hashes"))
    )


# By field: what is allowed, in words and as a check of the JSON value.
_FIELDS: dict[str, Form] = {
    "kind": (" or ".join(f'"{kind}"' for kind in KINDS), lambda v: v in KINDS),
    "classes": NAMES,
    "channels": ("1 or 3", lambda v: is_int(v) and v in (1, 3)),
    "size": (
        "[height, width], each 1 to 4096",
        lambda v: (
            isinstance(v, list | tuple)
            and len(v) == 2
            and all(is_int(side) and 1 <= side <= 4096 for side in v)
        ),
    ),
    "latent_dim": ("1 to 65536", lambda v: is_int(v) and 1 <= v <= 65536),
    "counts": ("a list of image counts, one for each class", list_of(COUNT)[1]),
    "fingerprint": TEXT,
    "data": (
        "an object with source (text), held_out and held_out_fingerprint (text or null), groups"
        " (true or false), and perhaps started_from as `fit` writes it",
        _is_data,
    ),
    "config": OBJECT,
    "steps": ("a number of steps, 0 or more", is_count),
    "seed": ("a whole number", is_int),
    "versions": OBJECT,
    "parity": OBJECT,
    "batch_exact": FLAG,
    "policy": ("a Policy or None", lambda v: isinstance(v, (Policy, type(None)))),
    "gain": OBJECT_OR_NULL,
    "diversity": OBJECT_OR_NULL,
    "warnings": LINES,
    "intended_use": LINES,
}
_OPTIONAL = ("policy", "gain", "diversity", "warnings", "intended_use")


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What an artifact says about itself.

    Attributes:
        kind: "variation" (image and latent to image) or "class" (label and latent to image).
        classes: the class names, by label.
        channels: 1 (grey) or 3 (RGB).
        size: (height, width) in pixels that was trained.
        latent_dim: values in a latent.
        counts: training images of each class.
        fingerprint: hash of the training images and labels.
        data: source (base name), held_out (rule or None), held_out_fingerprint, groups; pixels, a
            hash of the pixels alone; columns, {role: name} of a table; started_from, what the
            training began with.
        config: the training configuration.
        steps: training steps done.
        seed: seed of the run.
        versions: of ganaug, torch, onnx, onnxruntime and Python at export.
        parity: largest differences between torch and onnxruntime at export.
        batch_exact: whether an image's result is the same in every batch.
        policy: how often to vary, or None.
        gain: what `evaluate_gain` measured, or None.
        diversity: what `evaluate_diversity` measured, or None.
        warnings: what a user should know, one line each.
        intended_use: what the file is for and what not, one line each.
        schema: version of the format, "major.minor".

    Raises:
        ArtifactError: fields do not fit; one line names each of them.
    """

    kind: str
    classes: tuple[str, ...]
    channels: int
    size: tuple[int, int]
    latent_dim: int
    counts: tuple[int, ...]
    fingerprint: str
    data: dict[str, Any]
    config: dict[str, Any]
    steps: int
    seed: int
    versions: dict[str, Any]
    parity: dict[str, Any]
    batch_exact: bool
    policy: Policy | None = None
    gain: dict[str, Any] | None = None
    diversity: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    intended_use: tuple[str, ...] = INTENDED_USE
    schema: str = SCHEMA

    def __post_init__(self) -> None:
        problems = [
            f"{name}: {shown(getattr(self, name))}, allowed {allowed}"
            for name, (allowed, check) in _FIELDS.items()
            if not check(getattr(self, name))
        ]
        if not problems:
            problems = [
                wrong
                for name in ("gain", "diversity")
                if (wrong := misfit(name, getattr(self, name)))
            ]
        if not problems and len(self.counts) != len(self.classes):
            problems.append(
                f"counts: {len(self.counts)} for {len(self.classes)} classes, allowed one for each"
            )
        if problems:
            raise ArtifactError(f"metadata: {'; '.join(problems)}; export the run again")
        _check_schema(self.schema)
        for name in ("classes", "size", "counts", "warnings", "intended_use"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def scale(self) -> float:
        """The usual factor on the latents: the policy's, or 1."""
        return 1.0 if self.policy is None else float(self.policy.scale)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what the graph returns, the image first."""
        names = OUTPUTS[self.kind]
        return names[:1] if self.schema.split(".")[0] == "1" else names

    @classmethod
    def from_json(cls, text: str) -> Metadata:
        """Return the metadata that `to_json` gave; unknown fields are ignored.

        Raises:
            ArtifactError: over the size limit, no JSON object, another major version of the
                schema, or fields missing or of the wrong type (each is named).
        """
        if len(text) > MAX_METADATA_BYTES or len(text.encode()) > MAX_METADATA_BYTES:
            raise ArtifactError(
                f"metadata: {len(text):,} characters; allowed: {MAX_METADATA_BYTES:,} bytes; export"
                " the run again"
            )
        try:
            values = json.loads(text)
            # what it cannot write again is refused here: NaN, 1e999, half a surrogate pair
            json.dumps(values, allow_nan=False, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise ArtifactError(
                f"metadata: invalid JSON ({shown(str(error))}); the file is damaged, export the run"
                " again"
            ) from error
        if not isinstance(values, dict):
            raise ArtifactError(
                f"metadata: {shown(values)}; allowed: a JSON object; export the run again"
            )
        _check_depth(values)
        _check_schema(values.get("schema"))
        missing = [f.name for f in fields(cls) if f.name not in (*_OPTIONAL, *values)]
        if missing:
            raise ArtifactError(
                f"metadata: missing fields: {', '.join(missing)}; export the run again"
            )
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        if known.get("policy") is not None:
            try:
                known["policy"] = Policy.from_dict(known["policy"])
            except ConfigError as error:
                raise ArtifactError(f"metadata: {error}") from error
        return cls(**known)

    def to_json(self) -> str:
        """Return the metadata as JSON, in the order of the fields.

        Raises:
            ArtifactError: over the size limit, or a value is no JSON (NaN and infinity are not).
        """
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["policy"] = self.policy.to_dict() if self.policy else None
        text = as_json({"schema": values.pop("schema"), **values})
        if len(text) > MAX_METADATA_BYTES:
            raise ArtifactError(
                f"metadata: {len(text):,} bytes; allowed: {MAX_METADATA_BYTES:,}; shorten the gain"
                " and diversity records or the class names"
            )
        return text


def as_json(values: Mapping[str, Any]) -> str:
    """Return the values of metadata as JSON.

    Raises:
        ArtifactError: a value is no JSON (NaN and infinity are not).
    """
    try:
        return json.dumps(values, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArtifactError(
            f"metadata: {error}; allowed: text, finite numbers, true, false, null, lists and"
            " objects of them"
        ) from error


def _check_depth(values: object) -> None:
    # json.loads takes a thousand levels; copying or pickling them would overflow the stack
    level = [values]
    for _ in range(MAX_METADATA_DEPTH):
        inner = [list(v.values()) if isinstance(v, dict) else v for v in level]
        level = [item for v in inner if isinstance(v, list) for item in v]
    if level:
        raise ArtifactError(
            f"metadata: nested more than {MAX_METADATA_DEPTH} levels deep; allowed:"
            f" {MAX_METADATA_DEPTH}; export the run again"
        )


def _check_schema(schema: object) -> None:
    if not isinstance(schema, str) or not re.fullmatch(r"[0-9]{1,6}\.[0-9]{1,6}", schema):
        raise ArtifactError(
            f'metadata: schema version {shown(schema)}; allowed: "major.minor", such as "{SCHEMA}";'
            " export the run again"
        )
    if schema.split(".")[0] not in MAJORS:
        read = " and ".join(f"{major}.x" for major in MAJORS)
        raise ArtifactError(
            f"metadata: schema version {schema}; this ganaug reads {read} (it writes {SCHEMA});"
            " install the ganaug that wrote the file, or export the run again"
        )

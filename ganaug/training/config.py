"""`FitConfig`: everything that decides how a generator is trained, and the presets."""

from __future__ import annotations

import dataclasses
import numbers
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from ganaug.errors import MOST_COUNT, ConfigError, did_you_mean
from ganaug.values import path_name

__all__ = ["PRESETS", "FitConfig", "Loss", "make_config", "saved_fields", "usual_config"]

Loss = Literal["relativistic", "hinge", "least_squares", "non_saturating", "minimax"]

# Arguments of `load_images` that are no settings of a training, but look like some.
COLUMNS = ("image", "label", "group", "split")
MOST_SIDE, MOST_LATENT = 4096, 65536  # what an artifact may say
MOST_WIDTH, MOST_BATCH = 4096, 65536  # beyond any machine: a digit too many
MOST_POWER = 16  # 16 * log10 of any count of images is far below a float's 308
MOST: dict[Any, float] = {int: 1e12, float: 1e100}  # far from what overflows
LOADING = ("mode", "root", "download", "exif", "skip_corrupt", "cache", *COLUMNS)


@dataclass(frozen=True)
class FitConfig:
    """Settings of one training run; every field is honoured, an unknown one is refused.

    `fit` starts from a preset, not from these defaults. Its preset "base" sets r1 = r2 = 0.3,
    class_match = 1 and shared_affine = 0.5.

    Attributes:
        kind: "variation" learns (image, latent) -> another image of its class; "class" learns
            (class, latent) -> image.
        architecture: "conv"; or "dense", for the class kind: the original dense generator with a
            5x5 convolutional discriminator.
        conditional: False ignores the labels and trains on all images as one class (class kind).
        size: height and width in pixels at which it is trained, each at least 8; None = the size
            of the image set; a single number stands for both.
        latent_dim: length of the latent, drawn from N(0, 1).
        width: channels of the first convolution; later ones have two and four times as many. Of a
            dense generator it is the discriminator's alone.
        strided: the discriminator's first layer halves the image: cheaper, for 28 px and more. At
            8 px the class kind can collapse with it.
        loss: "relativistic", "hinge", "least_squares", "non_saturating" or "minimax"; their
            formulas are in `losses.py`.
        r1: weight (gamma) of the gradient penalty on real images.
        r2: weight (gamma) of the gradient penalty on generated images.
        penalty_every: the penalties are taken exactly every so many steps, times that number.
        class_match: weight of keeping the class (variation kind): the discriminator also learns to
            tell real pairs of one class from real pairs of two. A variation is pushed back where it
            fits its source less than nearly all real pairs fit. 0 leaves it out.
        shared_affine: share of the pairs whose images are all moved by one random affine map
            (variation kind), which makes pairs of classes that the data set does not have.
        augment: differentiable augmentations of what the discriminator sees, any of "shift",
            "colour", "cutout".
        class_power: classes are drawn with probability ~ count ** class_power, where there are any.
        steps: length of the run.
        batch_size: images (or pairs) a step, of all processes.
        learning_rate: Adam's; it falls linearly in the second half, to 5%.
        beta1: Adam's.
        beta2: Adam's.
        decay: False keeps the rate constant.
        ema: decay of the averaged generator that is exported; 0 exports the last weights.
        precision: "fp32", "bf16", or "auto": bfloat16 where a trial shows that it is faster;
            float32 without a trial where a step is little work for a CPU.
        checkpoint_every: steps from one checkpoint to the next.
        sample_every: steps from one picture of samples to the next.
        log_every: steps from one row of the log to the next.
    """

    kind: Literal["variation", "class"] = "variation"
    architecture: Literal["conv", "dense"] = "conv"
    conditional: bool = True
    size: tuple[int, int] | None = None
    latent_dim: int = 32
    width: int = 24
    strided: bool = False
    loss: Loss = "relativistic"
    r1: float = 1.0
    r2: float = 1.0
    penalty_every: int = 4
    class_match: float = 0.0
    shared_affine: float = 0.0
    augment: tuple[Literal["shift", "colour", "cutout"], ...] = ("shift",)
    class_power: float = 0.5
    steps: int = 2500
    batch_size: int = 32
    learning_rate: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99
    decay: bool = True
    ema: float = 0.998
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    checkpoint_every: int = 500
    sample_every: int = 500
    log_every: int = 50

    def __post_init__(self) -> None:
        for name, hint in typing.get_type_hints(FitConfig).items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), hint))
        for name in ("latent_dim", "width", "penalty_every", "steps", "batch_size"):
            self._at_least(name, 1)
        for name in ("checkpoint_every", "sample_every", "log_every"):
            self._at_least(name, 1)
        for name in ("r1", "r2", "class_match", "class_power", "learning_rate"):
            self._at_least(name, 0)
        for name in ("beta1", "beta2", "ema"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ConfigError(f"{name}: {value} is not allowed; choose 0 <= {name} < 1")
        if not 0 <= self.shared_affine <= 1:
            raise ConfigError(
                f"shared_affine: {self.shared_affine} is not allowed; choose a share of the pairs,"
                " 0 to 1"
            )
        if self.size is not None and not 8 <= min(self.size) <= max(self.size) <= MOST_SIDE:
            raise ConfigError(
                f"size: {self.size[0]}x{self.size[1]} is not allowed; each side needs 8 to"
                f" {MOST_SIDE} pixels"
            )
        for name, most in (
            ("latent_dim", MOST_LATENT),
            ("class_power", MOST_POWER),
            ("width", MOST_WIDTH),
            ("steps", MOST_COUNT),
            ("batch_size", MOST_BATCH),
        ):
            if getattr(self, name) > most:
                raise ConfigError(
                    f"{name}: {getattr(self, name)} is not allowed; choose"
                    f" {int(name != 'class_power')} to {most}"
                )
        if self.kind == "variation" and self.architecture == "dense":
            raise ConfigError(
                "architecture: 'dense' makes images from noise alone; use it with kind 'class'"
            )
        if self.architecture == "dense" and self.conditional:
            raise ConfigError(
                "conditional: a dense generator does not read the label; use conditional = false,"
                " or architecture 'conv'"
            )
        if self.architecture == "dense" and self.strided:
            raise ConfigError(
                "strided: the discriminator of a dense generator halves the image in every layer;"
                " use strided = false, or architecture 'conv'"
            )
        if self.kind == "class" and self.class_match:
            raise ConfigError(
                f"class_match: {self.class_match} compares a variation with its source; use"
                " class_match = 0 with kind 'class', whose discriminator reads the label"
            )
        if self.kind == "class" and self.shared_affine:
            raise ConfigError(
                f"shared_affine: {self.shared_affine} moves pairs of images; use shared_affine = 0"
                " with kind 'class', which is trained on single ones"
            )
        if self.kind == "variation" and not self.conditional:
            raise ConfigError(
                "conditional: a variation generator learns from pairs of one class; use"
                " conditional = false with kind 'class'"
            )

    def _at_least(self, name: str, least: float) -> None:
        if getattr(self, name) < least:
            raise ConfigError(
                f"{name}: {getattr(self, name)} is not allowed; choose {least} or more"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FitConfig:
        """Build a config from `to_dict`'s result; unknown keys are refused by name."""
        names = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key in LOADING:
                option = f"{key}-column" if key in COLUMNS else key.replace("_", "-")
                raise ConfigError(
                    f"{key}: no option of the training; it tells how images are loaded; fit what"
                    f" load_images(source, {key}=...) returns, or use --{option}"
                )
            if key not in names:
                raise ConfigError(
                    f"{path_name(key)}: no such option{did_you_mean(key, names)}; the options are"
                    f" {', '.join(names)}"
                )
        return cls(**values)


def saved_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return all fields of a config that was written; what an older version did not write was off.

    `FitConfig.from_dict` takes that from the same defaults; here fields may be unknown ones.
    """
    return FitConfig().to_dict() | dict(values)


def _checked(name: str, value: Any, hint: Any) -> Any:
    """Return `value` as the type `hint`, or raise `ConfigError`.

    Lists become tuples, one number instead of two stands for both, and numbers of numpy become
    Python's.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value in arguments and not isinstance(value, bool):
            return value
        allowed = ", ".join(map(str, arguments))
        raise ConfigError(
            f"{name}: {value!r} is not allowed{did_you_mean(str(value), arguments)}; choose one"
            f" of {allowed}"
        )
    if origin in (types.UnionType, typing.Union):
        return None if value is None else _checked(name, value, arguments[0])
    if origin is tuple:
        if isinstance(value, numbers.Integral) and arguments[-1] is not Ellipsis:
            value = (value,) * len(arguments)
        if isinstance(value, list | tuple):
            if arguments[-1] is Ellipsis:
                return tuple(_checked(name, item, arguments[0]) for item in value)
            if len(value) == len(arguments):
                return tuple(_checked(name, v, a) for v, a in zip(value, arguments, strict=True))
        raise ConfigError(f"{name}: {value!r} is not allowed; give a list such as {_example(name)}")
    kind = {float: numbers.Real, int: numbers.Integral}.get(hint, hint)
    fits = isinstance(value, kind) and isinstance(value, bool) == (hint is bool)
    if fits:
        with suppress(OverflowError):  # a float of hundreds of digits
            plain = hint(value)
            if hint not in MOST or abs(plain) <= MOST[hint]:  # NaN is not
                return plain
    words = {int: "a whole number", float: "a finite number", bool: "true or false"}
    word = words.get(hint, f"a {hint.__name__}")
    far = " nearer to 0" if fits and hint in MOST else ""
    raise ConfigError(f"{name}: {value!r:.60} is not allowed; give {word}{far}")


def _example(name: str) -> str:
    return "[32, 32]" if name == "size" else '["shift"]'


# With penalties of 1, as for the class kind, a pair discriminator learns little, on 8x8 images
# next to nothing; with 0.1 it learns the few images of a rare class by heart.
BASE = FitConfig(r1=0.3, r2=0.3, class_match=1.0, shared_affine=0.5)
PRESETS: dict[str, FitConfig] = {
    # Runs this short learn to keep the class by blurring, where the class is in the texture, and
    # from moved pairs they learn less of the others.
    "tiny": replace(
        BASE,
        width=16,
        class_match=0.0,
        shared_affine=0.0,
        steps=1200,
        checkpoint_every=300,
        sample_every=300,
    ),
    "small": replace(BASE, strided=True, steps=3000, batch_size=64),
    "base": BASE,
    "classic": FitConfig(
        kind="class",
        architecture="dense",
        conditional=False,
        latent_dim=100,
        width=64,
        loss="least_squares",
        # Not in the original: without it the discriminator wins within a hundred steps, and all
        # samples are one.
        r1=10.0,
        r2=0.0,
        augment=(),
        steps=3000,
        batch_size=64,
        learning_rate=2e-4,
        beta1=0.5,
        beta2=0.999,
        decay=False,
        ema=0.0,
    ),
}
# A class generator sees each image alone, so it needs the stronger augmentation.
CLASS_KIND = {
    "kind": "class",
    "augment": ("shift", "colour", "cutout"),
    "latent_dim": 64,
    "r1": 1.0,
    "r2": 1.0,
    "class_match": 0.0,
    "shared_affine": 0.0,
}


def make_config(preset: str = "base", **options: Any) -> FitConfig:
    """Return the config of `preset` with `options` in place of its fields.

    Options that are None are left at the preset's value. Choosing kind "class" also takes what is
    that kind's (augmentation, latent length, penalties, nothing for pairs), unless it is given.

    Raises:
        ConfigError: unknown preset or option, or a value that is not allowed.
    """
    if not isinstance(preset, str) or preset not in PRESETS:
        fields = ", or give the fields of a config, as **config.to_dict()"
        raise ConfigError(
            f"preset: {preset!r:.60} does not exist{did_you_mean(str(preset), PRESETS)}; choose one"
            f" of {', '.join(PRESETS)}{'' if isinstance(preset, str) else fields}"
        )
    base = PRESETS[preset]
    given = {name: value for name, value in options.items() if value is not None}
    if given.get("kind") == "class" and base.kind != "class":
        given = CLASS_KIND | given
    return FitConfig.from_dict(base.to_dict() | given)


def usual_config(config: FitConfig) -> FitConfig:
    """Return the usual settings for a training of the kind and architecture of `config`."""
    if config.architecture == "dense":
        return PRESETS["classic"]
    return make_config(kind=config.kind)

"""`Arm`: one way to train the classifier, and the grammar of the names that describe arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ganaug.errors import ConfigError, did_you_mean
from ganaug.evaluation.arms.augmentations import AUGMENTATIONS, LARGEST_MAGNITUDE, VIEWS
from ganaug.evaluation.arms.losses import LOSSES, MIXES
from ganaug.wording import whole_number

__all__ = ["Arm", "check_folder", "check_kind", "named_folders", "parse_arm"]

# Name of a head -> (balanced, use).
HEADS: dict[str, tuple[bool, str | None]] = {
    "plain": (False, None),
    "balanced": (True, None),
    "ganaug": (True, "transform"),
    "ganaug-plain": (False, "transform"),
    "mixed": (True, "mixed"),
    "synthetic": (True, "synthetic"),
    "folder": (True, "folder"),
    "folder-only": (True, "folder-only"),
    "warp": (True, "warp"),
    "warp-plain": (False, "warp"),
}
WITH_FOLDER = ("folder", "folder-only")
OPTIONS = {
    "p": (0.0, 1.0),
    "top": (0.0, 1.0),
    "from": (0.01, 1.0),
    "scale": (0.0, 3.0),
    "until": (0.0, 1.0),
}
MOST_LONGER = 100


@dataclass(frozen=True)
class Arm:
    """One way to train the classifier. Arms with equal fields are one arm, with one name.

    Attributes:
        balanced: classes are drawn equally often; otherwise every image is.
        augment: names of free augmentations, applied in this order.
        use: what is put before the free augmentations: "transform" (`GANAugment`), "mixed" (the
            images of a `SyntheticDataset` beside the real ones), "synthetic" (those alone),
            "folder" (the images of `folder` beside the real ones), "folder-only" (those alone),
            "warp" (an untrained random warp in the place of the generator), or None.
        options: (name, number) of the generator's use, in place of the artifact's policy; in the
            order of `OPTIONS`.
        view: how images are shown to the classifier, at training and test, or None.
        mix: "mixup", "cutmix" or None.
        loss: one of `LOSSES`, or None for cross-entropy.
        smote: classes are filled up by SMOTE first.
        lda: a frozen network's classes are told apart by a linear discriminant analysis in the
            place of a regression.
        longer: times the usual number of steps.
        folder: path of images that another tool made, as it was given, or None.
    """

    balanced: bool
    augment: tuple[str, ...] = ()
    use: str | None = None
    options: tuple[tuple[str, float], ...] = ()
    view: str | None = None
    mix: str | None = None
    loss: str | None = None
    smote: bool = False
    lda: bool = False
    longer: int = 1
    folder: str | None = None

    @property
    def name(self) -> str:
        """The name that `parse_arm` reads as this arm."""
        head = next(name for name, kind in HEADS.items() if kind == (self.balanced, self.use))
        head += "" if self.folder is None else f":{self.folder}"
        head += "".join(f"@{key}={_shortest(value)}" for key, value in self.options)
        steps = (*self.augment, self.view, "smote" if self.smote else None, self.mix, self.loss)
        steps = (*steps, "lda" if self.lda else None)
        longer = f"longer-{self.longer}" if self.longer > 1 else None
        return "+".join((head, *filter(None, (*steps, longer))))

    @property
    def free(self) -> bool:
        """Whether the arm shows nothing but real images and ordinary augmentation."""
        return self.use is None

    @property
    def needs_generator(self) -> bool:
        """Whether it cannot be trained without an artifact."""
        return not self.free and self.folder is None

    @property
    def learned(self) -> bool:
        """Whether a trained generator makes its images."""
        return self.use in ("transform", "mixed", "synthetic")

    @property
    def may_be_baseline(self) -> bool:
        """Whether it is free, and has the usual number of steps."""
        return self.free and self.longer == 1

    def option(self, name: str) -> float | None:
        """Return the number given for an option, or None."""
        return dict(self.options).get(name)

    def without_generator(self) -> Arm:
        """Return the free arm that this one adds a generator, or a folder, to."""
        return replace(self, use=None, options=(), folder=None)

    def below(self) -> Arm:
        """Return the free arm of the usual length that this one adds a generator, or steps, to."""
        return replace(self.without_generator(), longer=1)

    def on_top(self, kind: str) -> Arm:
        """Return this free arm with a generator of `kind` ("variation" or "class") added.

        Either kind takes the place of images that SMOTE makes. The images of a class generator
        fill the classes up, so that no loss is to do so again.
        """
        if kind == "variation":
            balanced = self.balanced if self.lda else self.loss is None
            return replace(self, use="transform", balanced=balanced, smote=False)
        return replace(self, use="mixed", balanced=True, smote=False, loss=None)

    def never_varying(self, baseline: Arm | None) -> Arm:
        """Return the free arm that this one is where its generator makes no image.

        That is the arm below it. Where the generator was put on top of `baseline`, it is that one,
        with this arm's steps: nothing takes the place of its loss, sampling or SMOTE then.
        """
        if baseline is not None:
            start = replace(baseline, longer=self.longer)
            top = start.on_top("class" if self.use == "mixed" else "variation")
            if replace(top, use=self.use) == replace(self, options=()):
                return start
        return self.without_generator()

    def on_folder(self, folder: str) -> Arm:
        """Return this free arm with the images of `folder` added, as those of a class generator."""
        return replace(self.on_top("class"), use="folder", folder=folder)


def check_folder(folder: str) -> None:
    """Refuse a path that cannot stand in the name of an arm.

    Raises:
        ConfigError: it is empty, or has "+", "@" or a character that cannot be printed.
    """
    if not folder or not folder.isprintable() or {"+", "@"} & set(folder):
        raise ConfigError(
            f"folder {folder!r}: cannot stand in the name of an arm; allowed: a path that can be"
            " printed, without '+' and '@'; rename the folder, or make a link to it"
        )


def check_kind(arm: Arm, kind: str | None) -> None:
    """Refuse an arm that generators of this kind cannot be compared in.

    Raises:
        ConfigError: a warp in place of a class generator, which does not vary images.
    """
    if arm.use == "warp" and kind == "class":
        raise ConfigError(
            f"arm {arm.name!r}: the generator's kind is {kind!r}; allowed: variation, whose"
            " change of an image can be matched; leave the arm out"
        )


def named_folders(names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the folders whose images the arms of these names show.

    Raises:
        ConfigError: as in `parse_arm`.
    """
    found = [parse_arm(name).folder for name in names or ()]
    return tuple(dict.fromkeys(folder for folder in found if folder is not None))


def _shortest(value: float) -> str:
    """Return a number as people write it: 1 for 1.0."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def parse_arm(name: str) -> Arm:
    """Return the arm that `name` describes: HEAD, or HEAD+STEP+...

    HEAD is "plain" (every image equally often), "balanced" (every class equally often), "ganaug"
    (balanced, `GANAugment` first), "ganaug-plain" (every image equally often, `GANAugment`
    first), "mixed" (balanced, over real and generated images), "synthetic" (balanced, generated
    images alone: the classification accuracy score of Ravuri and Vinyals, arXiv 1905.10887), or
    "warp" and "warp-plain" (as "ganaug" and "ganaug-plain", an untrained random warp in the
    generator's place, matched to it in how often and how much it changes). "folder:DIR" and
    "folder-only:DIR" are as "mixed" and "synthetic", with the images of DIR, whatever made them;
    DIR has one folder for each class, and no "+" or "@" in its path.

    STEP is an augmentation (a key of `AUGMENTATIONS`; randaugment-M with the magnitude M), and at
    most one each of: a view ("standardise", "equalise": each image by itself, at training and
    test), "mixup" or "cutmix", a loss for plain heads ("weighted", "logits", "drw"), "smote"
    (balanced only), "lda" (in the place of a loss and of mixing), and "longer-N" (N times the
    steps). The order of the augmentations is that in
    which they are applied; the order of all else means nothing.

    "ganaug" and "warp" take options in place of the artifact's policy: `ganaug@p=0.5` (all
    classes alike), `ganaug@top=0.7@from=0.6` (p rises from 0 at 60% of the largest class to 0.7 at
    the smallest), `@scale=0.8` (of the latents), `@until=0.9` (only in the first 90% of the steps).

    Raises:
        ConfigError: an unknown or repeated part, or parts that do not fit.

    Examples:
        >>> arm = parse_arm("ganaug@p=0.5+randaugment-5")
        >>> arm.use, arm.options, arm.augment
        ('transform', (('p', 0.5),), ('randaugment-5',))
    """
    head, *steps = name.split("+")
    head, *options = head.split("@")
    head, colon, path = head.partition(":")
    if head not in HEADS:
        raise ConfigError(
            f"arm {name!r}: {head!r} is no way to sample{did_you_mean(head, HEADS)}; an arm starts"
            f" with one of {', '.join(HEADS)}; for example balanced+affine"
        )
    balanced, use = HEADS[head]
    folder = _parse_folder(name, use, colon, "@".join((path, *options)))
    found: dict[str, str] = {}
    augmentations = []
    for position, step in enumerate(steps):
        if step in steps[:position]:
            raise ConfigError(f"arm {name!r}: {step!r} stands twice; name each augmentation once")
        field = _field_of(name, step)
        if field == "augment":
            augmentations.append(step)
        elif field in found:
            raise ConfigError(
                f"arm {name!r}: {found[field]!r} and {step!r}; allowed: one of them; leave one out"
            )
        else:
            found[field] = step
    if "loss" in found and (balanced or "smote" in found):
        raise ConfigError(
            f"arm {name!r}: {found['loss']!r} weighs classes that are balanced already; allowed:"
            f" with plain or ganaug-plain; for example plain+{found['loss']}"
        )
    if "lda" in found and {"loss", "mix"} & found.keys():
        raise ConfigError(
            f"arm {name!r}: lda has no loss and takes whole labels; allowed: without"
            f" {found.get('loss') or found['mix']}; leave one of them out"
        )
    if "smote" in found and head != "balanced":
        raise ConfigError(
            f"arm {name!r}: smote fills the classes up; allowed: with balanced; for example"
            " balanced+smote"
        )
    return Arm(
        balanced,
        tuple(augmentations),
        use,
        _parse_options(name, options, use),
        view=found.get("view"),
        mix=found.get("mix"),
        loss=found.get("loss"),
        smote="smote" in found,
        lda="lda" in found,
        longer=int(found["longer"].partition("-")[2]) if "longer" in found else 1,
        folder=folder,
    )


def _parse_folder(name: str, use: str | None, colon: str, path: str) -> str | None:
    """Return the folder after the head of an arm, checked; None for a head that takes none."""
    if use in WITH_FOLDER:
        if not colon:
            raise ConfigError(
                f"arm {name!r}: no folder; allowed: {use}:DIR; for example {use}:made+affine"
            )
        check_folder(path)
        return path
    if colon:
        raise ConfigError(
            f"arm {name!r}: {':' + path!r}; allowed: a folder after {' or '.join(WITH_FOLDER)}"
            " alone; for example folder:made+affine"
        )
    return None


def _field_of(name: str, step: str) -> str:
    """Return which field of an arm `step` sets."""
    for field, allowed in (("augment", AUGMENTATIONS), ("view", VIEWS), ("mix", MIXES)):
        if step in allowed:
            return field
    if step in LOSSES:
        return "loss"
    if step in ("smote", "lda"):
        return step
    base, dash, number = step.partition("-")
    value = whole_number(number)
    if base == "randaugment" and dash:
        if value is None or value > LARGEST_MAGNITUDE:
            raise ConfigError(
                f"arm {name!r}: {step!r}; allowed: magnitudes from 0 to {LARGEST_MAGNITUDE}; for"
                " example randaugment-5"
            )
        return "augment"
    if base == "longer":
        if value is None or not 2 <= value <= MOST_LONGER:
            raise ConfigError(
                f"arm {name!r}: {step!r}; allowed: 2 to {MOST_LONGER} times the steps; for example"
                " longer-8"
            )
        return "longer"
    every = (*AUGMENTATIONS, *VIEWS, *MIXES, *LOSSES, "smote", "lda", "longer-8")
    path = " (the path of a folder has no '+')" if name.partition(":")[0] in WITH_FOLDER else ""
    raise ConfigError(
        f"arm {name!r}: {step!r} is no augmentation{did_you_mean(step, every)}{path}; allowed:"
        f" {', '.join(every)}; for example balanced+affine"
    )


def _parse_options(
    name: str, options: Sequence[str], use: str | None
) -> tuple[tuple[str, float], ...]:
    parsed: dict[str, float] = {}
    for option in options:
        key, _, text = option.partition("=")
        try:
            value = float(text)
            low, high = OPTIONS[key]
            fits = low <= value <= high and key not in parsed
        except (KeyError, ValueError):
            fits = False
        if not fits or use not in ("transform", "warp"):
            raise ConfigError(
                f"arm {name!r}: {option!r}; allowed, once each, after a head with ganaug or warp:"
                f" {', '.join(f'{k}={lo:g} to {hi:g}' for k, (lo, hi) in OPTIONS.items())}; for"
                " example ganaug@p=0.5+randaugment"
            )
        parsed[key] = value
    if "p" in parsed and ("top" in parsed or "from" in parsed):
        raise ConfigError(
            f"arm {name!r}: p is for all classes, top and from by class size; allowed: one way;"
            " leave p or the others out"
        )
    return tuple((key, parsed[key]) for key in OPTIONS if key in parsed)

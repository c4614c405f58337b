"""`GANOverSampler`: the generator as an over-sampler of imbalanced-learn (extra `imbalanced`)."""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ganaug.artifact.arrays import level, whole_levels
from ganaug.artifact.runtime import Generator
from ganaug.errors import MOST_COUNT, ArtifactError, ConfigError, DataError, did_you_mean
from ganaug.images.class_names import position_of
from ganaug.use.class_map import class_map, refuse_unclear
from ganaug.use.generate import generate, open_generator
from ganaug.use.policy import can_make, latent_scale, policy_of
from ganaug.values import is_real
from ganaug.wording import first_names

try:
    from imblearn.over_sampling.base import BaseOverSampler
    from sklearn.utils import check_random_state
    from sklearn.utils._param_validation import Interval
except ImportError as error:
    raise ConfigError(
        f"GANOverSampler needs imbalanced-learn, which cannot be loaded ({error}); install it with:"
        " pip install 'ganaug[imbalanced]'"
    ) from error

__all__ = ["GANOverSampler"]

BATCH = 256  # images of one call of the generator


class GANOverSampler(BaseOverSampler):
    """Over-sample image classes with generated images, as a sampler of imbalanced-learn.

    A variation generator varies real rows of the class, drawn with replacement; a class generator
    makes images of the class. New rows follow the given ones, which stay as they are. Images are
    uint8 in 0..255 or floating point in 0..1; dtype and layout stay. Labels, [N] or [N, 1], are
    names of the file's classes or their numbers in its order; or one-hot with a column for each
    class. Truth values are those of two classes.

    Args:
        artifact: path of an exported file, run on the CPU, or a `Generator`.
        sampling_strategy: as in imbalanced-learn: "auto" (up to the largest class), "minority",
            "not minority", "not majority", "all", a ratio for two classes, {label: images}, or a
            function of y that returns such a dictionary.
        shape: (height, width) or (height, width, channels) of flat pixels [N, features]; None for
            image arrays [N, H, W] or [N, H, W, C] with C = 1 or 3.
        scale: factor on the latents, at least 0; None: that of the file's policy, or 1.
        random_state: a seed, a numpy RandomState, or None, as in scikit-learn.

    Attributes:
        sampling_strategy_: {label: images to add}, after `fit_resample`.

    Raises:
        ArtifactError: the file is no artifact, does not know a class, or was trained without
            labels.
        ConfigError: `shape` does not fit the rows, or is missing; or `sampling_strategy` gives
            something else than whole numbers.
        DataError: pixels are of another dtype or range, or have other channels; y holds numbers,
            and the classes are whole numbers out of order; a label is missing, or they are of
            several types; or a class generator saw no image of a class in its training.

    Examples:
        >>> sampler = GANOverSampler("photos.onnx", random_state=0)  # doctest: +SKIP
        >>> images, labels = sampler.fit_resample(images, labels)  # doctest: +SKIP
    """

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 - the name that scikit-learn reads
        **BaseOverSampler._parameter_constraints,
        "artifact": [str, os.PathLike, Generator],
        "shape": ["array-like", None],
        "scale": [Interval(numbers.Real, 0, None, closed="left"), None],
    }

    def __init__(
        self,
        artifact: str | os.PathLike[str] | Generator,
        *,
        sampling_strategy: str | float | Mapping[Any, int] | Callable[..., Any] = "auto",
        shape: Sequence[int] | None = None,
        scale: float | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.artifact = artifact
        self.shape = shape
        self.scale = scale
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags

    def _more_tags(self) -> dict[str, Any]:
        return {"X_types": ["2darray", "3darray", "dataframe"]}

    def _check_X_y(  # noqa: N802 - overrides imbalanced-learn's
        self, X: Any, y: Any, accept_sparse: Any = False
    ) -> tuple[Any, Any, bool]:
        if np.ndim(y) == 2 and np.shape(y)[1] == 1:
            y = np.asarray(y)[:, 0]
        _check_counts(self.sampling_strategy, y)
        if np.ndim(X) <= 2:
            return super()._check_X_y(X, y, accept_sparse=False)
        flat = np.asarray(X).reshape(len(X), -1)
        _, y, binarize = super()._check_X_y(flat, y, accept_sparse=False)
        return np.asarray(X), y, binarize

    def fit(self, X: Any, y: Any, **params: Any) -> GANOverSampler:
        """Check X and y, and count the images to add; `fit_resample` makes them."""
        self._validate_params()
        fitted: GANOverSampler = super().fit(_rows(X), self._labels(y)[0], **params)
        return fitted

    def fit_resample(self, X: Any, y: Any, **params: Any) -> tuple[Any, Any]:
        """Return X with the images that were made after it, and the labels of both."""
        self._validate_params()
        labels, by_class = self._labels(y)
        more, found = super().fit_resample(_rows(X), labels, **params)
        if by_class is None:
            return more, found
        rows = by_class[found]
        return more, type(y)(rows, columns=y.columns) if _named(y) else rows

    def _labels(self, y: Any) -> tuple[Any, NDArray[Any] | None]:
        """Return (y, None); of one-hot labels (their numbers, the row of each class).

        The columns of a table go by their names, in whatever order; others by their places.
        """
        columns = y.columns if _named(y) else None
        y = _array(y)
        _check_labels(y)
        values = np.asarray(y)
        one_hot = values.ndim == 2 and values.shape[1] > 1 and bool(np.isin(values, (0, 1)).all())
        if not (one_hot or values.dtype == bool) or (one_hot and values.sum(axis=1).max() > 1):
            return y, None  # imbalanced-learn refuses several classes of an image
        classes, wrong = open_generator(self.artifact).info.classes, ""
        if not one_hot and len(classes) != 2:
            wrong = "truth values"
        elif one_hot and not values.any(axis=1).all():
            wrong = "rows without a 1"
        elif one_hot and values.shape[1] != len(classes):
            wrong = f"one-hot labels of {values.shape[1]} columns"
        if wrong:
            raise DataError(
                f"y: {wrong}, for the {len(classes)} classes {first_names(classes, form=repr)};"
                " allowed: one class for each image, by name or number, or one-hot with a column"
                " for each class (truth values for two); pass the names"
            )
        if not one_hot:
            return y, None
        order = np.arange(len(classes))
        if columns is not None:
            order = np.array(_places(columns, classes))
        return order[values.argmax(1)], np.eye(len(classes), dtype=values.dtype)[np.argsort(order)]

    def _fit_resample(self, X: NDArray[Any], y: NDArray[Any], **_: Any) -> Any:
        generator = open_generator(self.artifact)
        random = check_random_state(self.random_state)
        scale = np.float32(latent_scale(self.scale, policy_of(generator.info)))
        images = self._images(X)
        wanted = {label: count for label, count in self.sampling_strategy_.items() if count}
        targets = _artifact_labels(y, wanted, generator)
        rows, labels = [X], [y]
        for label, count in wanted.items():
            sources = random.choice(np.flatnonzero(y == label), count)
            for start in range(0, count, BATCH):
                part = images[sources[start : start + BATCH]]
                latents = random.standard_normal((len(part), generator.info.latent_dim))
                made = generate(
                    generator,
                    _pixels(part),
                    latents.astype(np.float32) * scale,
                    np.full(len(part), targets[label], np.int64),
                    singly=not generator.info.batch_exact,
                )
                rows.append(_like(made, images).reshape(len(part), *X.shape[1:]))
            labels.append(np.full(count, label, y.dtype))
        return np.concatenate(rows), np.concatenate(labels)

    def _images(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return a view [N, H, W, C] of the rows."""
        if X.ndim == 2:
            if self.shape is None:
                raise ConfigError(
                    f"X: flat pixels {list(X.shape)} and no shape=; allowed: shape=(height, width)"
                    " or (height, width, channels); pass it, or images [N, H, W]"
                )
            sides: tuple[Any, ...] = tuple(self.shape)
            whole = all(is_real(side) and 0 < side < 2**31 and side == int(side) for side in sides)
            shape = tuple(int(side) for side in sides) if whole else sides
            if len(shape) not in (2, 3) or not whole or int(np.prod(shape)) != X.shape[1]:
                raise ConfigError(
                    f"shape={shape} for rows of {X.shape[1]} values; allowed: (height, width) or"
                    " (height, width, channels) with as many; pass the shape of the images"
                )
            X = X.reshape(len(X), *shape)
        images = X[..., None] if X.ndim == 3 else X
        if images.ndim != 4 or images.shape[3] not in (1, 3):
            raise DataError(
                f"X: shape {list(X.shape)}; allowed: [N, H, W], or [N, H, W, C] with C = 1 or 3;"
                " move the channels to the end with numpy.moveaxis"
            )
        return images


def _array(given: Any) -> Any:
    """Return a tensor as an array, and anything else as it is."""
    if not hasattr(given, "detach"):
        return given
    tensor = given.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":  # of which numpy knows nothing
        tensor = tensor.float()
    return tensor.numpy()


def _named(y: Any) -> bool:
    """Whether labels are a pandas table whose columns have names."""
    return hasattr(y, "iloc") and all(isinstance(name, str) for name in getattr(y, "columns", [0]))


def _places(columns: Iterable[str], classes: Sequence[str]) -> list[int]:
    """Return the label of each column of one-hot labels; refuse any other than one for each."""
    found = [position_of(name, classes) for name in columns]
    for name, place in zip(columns, found, strict=True):
        if place is None or found.count(place) > 1:
            raise DataError(
                f"y: a column {name!r}; allowed: one for each class,"
                f" {first_names(classes, form=repr)}; name"
                " the columns so, or pass the names of the classes"
            )
    return [place for place in found if place is not None]


def _rows(X: Any) -> Any:
    """Return X; refuse what are no rows of pixels, before scikit-learn says so of a flat view."""
    X = _array(X)
    if sparse.issparse(X):
        return X
    try:
        values = np.asarray(X)
    except ValueError as error:  # of several sizes
        raise DataError(
            f"X: a {type(X).__name__} of images of several sizes; allowed: one array [N, H, W] or"
            " [N, H, W, C]; resize them to one size, and stack them with numpy.stack"
        ) from error
    if values.ndim < 2 or not values.size or values.dtype.kind not in "biuf":
        what = "" if values.dtype.kind in "biuf" else f" of {values.dtype}"
        raise DataError(
            f"X: shape {list(values.shape)}{what}; allowed: one image or more, as uint8 or floating"
            " point [N, H, W], [N, H, W, C] or [N, pixels]; stack images with numpy.stack"
        )
    _check_values(values)
    return X


def _check_labels(y: Any) -> None:
    """Raise `DataError` where a label is missing, or they are not all names, or all numbers."""
    values = np.asarray(y, dtype=object).ravel()
    if values.size == 1 and np.ndim(y) == 0:
        return  # imbalanced-learn says that it is no list
    kinds = {_kind(value) for value in values}
    if kinds <= {"name"} or kinds <= {"number"} or kinds <= {"truth value"}:
        return
    told = " and ".join(sorted(kinds))
    raise DataError(
        f"y: labels of the kinds {told}; allowed: all names (str), or all whole numbers; give each"
        " image one, or leave it out"
    )


def _kind(label: Any) -> str:
    if isinstance(label, str):
        return "name"
    if isinstance(label, bool | np.bool_):
        return "truth value"
    if isinstance(label, numbers.Real):
        return "number" if label == label else "missing"
    missing = label is None or type(label).__name__ in ("NAType", "NaTType")
    return "missing" if missing else type(label).__name__


def _check_counts(strategy: Any, y: Any) -> None:
    """Raise `ConfigError` where the images of a class are no whole number.

    imbalanced-learn looks at the rest: which classes there are, and that none gets smaller.
    """
    if callable(strategy):
        strategy = strategy(np.asarray(y))  # as imbalanced-learn calls it
        if not isinstance(strategy, Mapping):
            raise ConfigError(
                f"sampling_strategy: its function returned a {type(strategy).__name__}; allowed: a"
                " dictionary {label: images}; return one"
            )
    for label, count in strategy.items() if isinstance(strategy, Mapping) else ():
        whole = isinstance(count, numbers.Integral) and not isinstance(count, bool)
        if not whole or count > MOST_COUNT:
            raise ConfigError(
                f"sampling_strategy: {count!r:.60} images of the class {label!r}; allowed: a whole"
                f" number of at most {MOST_COUNT:,}; correct it"
            )


def _check_values(images: NDArray[Any]) -> None:
    if images.dtype == np.uint8:
        return
    if not np.issubdtype(images.dtype, np.floating):
        raise DataError(
            f"X: {images.dtype}; allowed: uint8 in 0..255 or floating point in 0..1;"
            f" {whole_levels(images.min(), images.max(), 'astype(numpy.{dtype})')}"
        )
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):
        raise DataError(
            f"X: values from {level(low)} to {level(high)}; allowed: 0 to 1 for floating point;"
            " scale them, and normalise after the sampler"
        )


def _pixels(images: NDArray[Any]) -> NDArray[np.float32]:
    """Return float32 [N, C, H, W] in 0..1 of images [N, H, W, C]."""
    pixels = np.ascontiguousarray(np.moveaxis(images, 3, 1), np.float32)
    return pixels / np.float32(255) if images.dtype == np.uint8 else pixels


def _like(made: NDArray[np.float32], images: NDArray[Any]) -> NDArray[Any]:
    """Return [N, H, W, C] in the dtype of `images`."""
    if images.dtype == np.uint8:
        made = np.rint(made * np.float32(255))
    return np.ascontiguousarray(np.moveaxis(made, 1, 3)).astype(images.dtype)


def _artifact_labels(
    y: NDArray[Any], wanted: Mapping[Any, int], generator: Generator
) -> dict[Any, int]:
    """Return {label: the generator's label} of the classes of which images are wanted.

    All in `y` are looked up: that labels count from 1 shows by the largest alone.
    """
    info, path = generator.info, str(generator.path)
    if not info.config.get("conditional", True):
        class_map([str(label) for label in np.unique(y)], info, path)  # refuses several
    for label in np.unique(y):
        _artifact_label(label, generator)
    found = {label: _artifact_label(label, generator) for label in wanted}
    for label, count in wanted.items():
        if not can_make(info)[found[label]]:
            raise DataError(
                f"y: {count} images of the class {str(label)!r}, of which {path} saw none in its"
                " training; allowed: 0; fit again with images of it, or leave it out of"
                " sampling_strategy"
            )
    return found


def _artifact_label(label: Any, generator: Generator) -> int:
    """Return the generator's label of a class that is given by name or number."""
    classes = generator.info.classes
    if isinstance(label, str):
        known = position_of(label, classes)
        if known is not None:
            return known
        raise ArtifactError(
            f"y: the class {str(label)!r} is not in {generator.path}{did_you_mean(label, classes)};"
            f" allowed: {first_names(classes, form=repr)}; rename it, or fit and export"
            " for this data set"
        )
    if float(label).is_integer() and 0 <= label < len(classes):
        refuse_unclear(classes, "y", "pass the names of the classes as y")
        return int(label)
    raise ArtifactError(
        f"y: the class {label}; allowed: 0 to {len(classes) - 1}, or the names"
        f" {first_names(classes, form=repr)} ({generator.path}); fit and export for this data set"
    )

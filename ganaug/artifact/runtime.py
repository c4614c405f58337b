"""`Generator`: runs an artifact with onnxruntime on numpy arrays."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.arrays import (
    check_area,
    check_array,
    check_equal_channels,
    check_latents,
    check_output,
    check_range,
    images_at_once,
    output_shape,
)
from ganaug.artifact.format import OUTPUTS
from ganaug.artifact.identity import made_hash
from ganaug.artifact.reader import read_artifact, read_content
from ganaug.artifact.sessions import Session, check_options, open_session, retire
from ganaug.errors import ArtifactError, ConfigError, DataError, named_path
from ganaug.values import path_name, shown
from ganaug.wording import one_line

if TYPE_CHECKING:
    import torch

__all__ = ["Generator", "opened"]


class Generator:
    """An exported generator, ready to run.

    The file is checked at once. Each process opens a session of its own at first use, which copies
    of the generator share. Calls from several threads are safe. A generator pickles as its path,
    hashes of the file and its options. The process that unpickles it reads the file again, and
    refuses one that was replaced in between. `ganaug tune` and `ganaug evaluate` may write into the
    file: the generator goes on with the metadata, and so with the policy, that it read first.

    Args:
        path: the ONNX file.
        providers: "auto" is CUDA where onnxruntime really has it, else the CPU (`provider` tells
            which). "cpu"; "cuda", an error where it is missing; "torch", the same graph by torch's
            operators, which differs by rounding.
        threads: that onnxruntime uses for one call, at least 1; torch has a number of its own.

    Attributes:
        path: absolute path of the file.
        info: the metadata, as read when the generator was made.
        content_hash: SHA-256 of the file at that time, in hex.
        made_hash: SHA-256 of graph, weights and description alone. It stays when something that was
            measured is written into the file.

    Raises:
        ArtifactError: the file is missing, foreign, damaged or unsafe.
        ConfigError: `providers` or `threads` is not allowed.

    Examples:
        >>> generator = Generator("photos.onnx")  # doctest: +SKIP
        >>> latents = np.random.default_rng(0).standard_normal((8, generator.info.latent_dim))
        ... # doctest: +SKIP
        >>> varied = generator.vary(images, latents.astype(np.float32))  # doctest: +SKIP
    """

    def __init__(
        self, path: str | os.PathLike[str], *, providers: str = "auto", threads: int = 1
    ) -> None:
        check_options(providers, threads)
        if not isinstance(path, (str, os.PathLike)):
            raise ConfigError(
                f"path: a {type(path).__name__}; allowed: the path of an ONNX file of ganaug, as"
                " text or pathlib.Path"
            )
        self.path = named_path(path).absolute()  # a worker may have another current folder
        content, self.info, self.content_hash = read_artifact(self.path)
        self.made_hash = made_hash(content)
        self._providers = providers
        self._threads = threads
        self._session: Session | None = None

    def __repr__(self) -> str:
        info = self.info
        height, width = info.size
        return (
            f"Generator({self.path.name!r}, kind={info.kind!r}, {len(info.classes)} classes,"
            f" {info.channels}x{height}x{width})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}

    @property
    def provider(self) -> str:
        """What runs it: "cpu" or "cuda" of onnxruntime, or "torch". Opens the session.

        Raises:
            ArtifactError: the file was replaced or removed, or onnxruntime cannot load it.
            DeviceError: providers is "cuda" and CUDA is not to be had.
        """
        return self._opened().provider

    @property
    def session(self) -> Any:
        """The open session of this process, which no check of ours guards.

        An `onnxruntime.InferenceSession`, or with "torch" a `TorchSession`.

        Raises:
            ArtifactError, DeviceError: as `provider`.
        """
        return self._opened().session

    def module(self) -> torch.nn.Module:
        """Return the graph as a new module of torch: (image or label, latent) -> outputs by name.

        It takes and returns tensors, float32 (labels int64), of the shapes and ranges of `outputs`
        or `generate`, on the device that it was moved to by `.to(device)`. Gradients reach the
        image and the latent, the weights stay. `torch.compile` takes it; inside `torch.autocast` it
        computes in float32 all the same. Nothing is checked when it is called.

        Raises:
            ArtifactError: the file was replaced or removed.

        Examples:
            >>> module = torch.compile(generator.module().to("cuda"))  # doctest: +SKIP
            >>> varied = module(images, latents)["variation"]  # doctest: +SKIP
        """
        from ganaug.artifact.torch_graph import TorchGraph

        return TorchGraph(self._content())

    def vary(
        self, images: NDArray[np.float32], latents: NDArray[np.float32], *, singly: bool = False
    ) -> NDArray[np.float32]:
        """Return a variation of each image.

        Args:
            images: float32 [N, C, H, W] in 0..1, of any height and width. A generator of one
                channel also takes C = 3 where the three are equal, and returns three.
            latents: float32 [N, Z], N(0, 1) times the scale of the policy.
            singly: run one image at a time. Where `info.batch_exact` is False, only this makes a
                result independent of its batch.

        Returns:
            float32 [N, C, H, W] in 0..1, the shape of `images`.

        Raises:
            ConfigError: the generator is of the class kind.
            DataError: dtype, shape or range of an argument does not fit, or images are larger than
                GANAUG_MAX_MEGAPIXELS, 4 where it is not set.
            ArtifactError: the file was replaced, or its graph fails.
        """
        name = "variation"
        return self.outputs(images, latents, [name], singly=singly)[name]

    def outputs(
        self,
        images: NDArray[np.float32],
        latents: NDArray[np.float32],
        names: Sequence[str] = ("variation", "positions"),
        *,
        singly: bool = False,
    ) -> dict[str, NDArray[np.float32]]:
        """Return a variation of each image, and how it was made.

        Args:
            images: float32 [N, C, H, W] in 0..1, as in `vary`.
            latents: float32 [N, Z], as in `vary`.
            singly: as in `vary`.
            names: what is wanted, of "variation", "positions", "factor" and "offset". Only these
                are asked of the session.

        Returns:
            variation: float32 [N, C, H, W] in 0..1, as `vary` returns it.
            positions: float32 [N, H, W, 2], (x, y) where each pixel was read from, in the
                convention of torch's grid_sample with align_corners=False: -1 is the left or upper
                edge of the image, 1 the right or lower one. Beyond them, down to -3 and up to 3,
                the image is mirrored.
            factor, offset: float32 [N, C, H, W], 0..3 and -1..1. What was read, times the factor
                plus half the offset, in 0..1, is the variation without blur and residual.

        Raises:
            ConfigError: the generator is of the class kind, or has no output of a name. Files of
                schema 1 have the variation alone.
            DataError, ArtifactError: as `vary`.

        Examples:
            >>> made = generator.outputs(images, latents)  # doctest: +SKIP
            >>> made["positions"].shape  # doctest: +SKIP
            (8, 32, 32, 2)
        """
        self._expect("variation", "generate(labels, latents)")
        self._check_names(names)
        check_array("images", images, np.float32, "[N, C, H, W]", 4)
        check_latents(latents, len(images), self.info.latent_dim)
        channels = images.shape[1]
        grey = self.info.channels == 1 and channels == 3
        if channels != self.info.channels and not grey:
            raise DataError(
                f"images: {channels} channel(s); allowed: {self.info.channels}, as the generator"
                f" was trained; {'repeat the channel' if channels == 1 else 'convert them'} first"
            )
        if images.size == 0:
            if len(images):
                raise DataError(
                    f"images: shape {list(images.shape)}; allowed: a height and width of 1 or more"
                )
            empty = {name: output_shape(name, images.shape) for name in names}
            return {name: np.zeros(shape, np.float32) for name, shape in empty.items()}
        check_area(*images.shape[2:])
        check_range(images)
        if grey:
            check_equal_channels(images)
            images = images[:, :1]
        made = self._run({"image": images, "latent": latents}, images.shape, names, singly)
        if grey:
            made |= {n: np.repeat(v, 3, axis=1) for n, v in made.items() if n != "positions"}
        return made

    def generate(
        self, labels: NDArray[np.int64], latents: NDArray[np.float32], *, singly: bool = False
    ) -> NDArray[np.float32]:
        """Return an image of each label's class.

        Args:
            labels: int64 [N], indices of `info.classes`.
            latents: float32 [N, Z], N(0, 1) times the scale of the policy.
            singly: run one image at a time, as in `vary`.

        Returns:
            float32 [N, C, H, W] in 0..1, C and (H, W) as in `info.channels` and `info.size`.

        Raises:
            ConfigError: the generator is of the variation kind.
            DataError: dtype, shape or range of an argument does not fit.
            ArtifactError: the file was replaced, or its graph fails.
        """
        self._expect("class", "vary(images, latents)")
        check_array("labels", labels, np.int64, "[N]", 1)
        check_latents(latents, len(labels), self.info.latent_dim)
        shape = (len(labels), self.info.channels, *self.info.size)
        if len(labels) == 0:
            return np.zeros(shape, np.float32)
        classes = len(self.info.classes)
        if labels.min() < 0 or labels.max() >= classes:
            wrong = int(labels.min() if labels.min() < 0 else labels.max())
            raise DataError(
                f"labels: {wrong}; allowed: 0 to {classes - 1}, the index of one of the generator's"
                f" {classes} classes; look them up in info.classes"
            )
        return self._run({"label": labels, "latent": latents}, shape, ["image"], singly)["image"]

    def _expect(self, kind: str, other: str) -> None:
        if self.info.kind != kind:
            raise ConfigError(
                f"{path_name(self.path.name)}: is a {self.info.kind} generator; allowed for this"
                f" call: a {kind} generator; call {other} instead"
            )

    def _check_names(self, names: Sequence[str]) -> None:
        known = self.info.outputs
        for name in names:
            if name in known:
                continue
            advice = f"name one of {', '.join(OUTPUTS['variation'])}"
            if name in OUTPUTS["variation"]:
                advice = f"export it anew with: ganaug export RUN {path_name(self.path)}"
            raise ConfigError(
                f"{path_name(self.path.name)}: a file of schema {self.info.schema} has no output"
                f" {shown(name)}; allowed: {', '.join(known)}; {advice}"
            )

    def _opened(self) -> Session:
        session = self._session
        if session is None or session.pid != os.getpid():
            if session is not None:
                retire(session)
            session = open_session(self._content, self.content_hash, self._providers, self._threads)
            self._session = session
        return session

    def _content(self) -> bytes:
        content = read_content(self.path)
        if hashlib.sha256(content).hexdigest() == self.content_hash:
            return content
        # Measurements may have been written into it, while loaders go on opening it in new workers.
        content, _, found = read_artifact(self.path)
        if made_hash(content) != self.made_hash:
            raise ArtifactError(
                f"{path_name(self.path)}: was replaced since it was opened (content {found[:12]},"
                f" then {self.content_hash[:12]}); allowed: the same generator; open the new"
                " file with a new Generator, or put the old one back"
            )
        return content

    def _run(
        self,
        inputs: dict[str, NDArray[Any]],
        shape: tuple[int, ...],
        names: Sequence[str],
        singly: bool,
    ) -> dict[str, NDArray[np.float32]]:
        if not names:  # onnxruntime would take that for all outputs
            return {}
        session = self._opened()
        inputs = {key: np.ascontiguousarray(value) for key, value in inputs.items()}
        step = shape[0]
        if singly:
            step = 1
        elif session.provider != "cuda":
            step = min(step, images_at_once(*shape[2:]))
        whole: dict[str, NDArray[np.float32]] = {}
        for start in range(0, shape[0], step):
            part = {key: value[start : start + step] for key, value in inputs.items()}
            count = min(step, shape[0] - start)
            try:
                made = session.run(names, part)
            except Exception as error:  # onnxruntime's exceptions share no base class but this
                raise ArtifactError(
                    f"{path_name(self.path)}: its graph fails on {count} image(s) of"
                    f" {shape[2]} x {shape[3]} ({one_line(error)}); use other image sizes or"
                    " smaller batches, or export the run again"
                ) from error
            for name, values in zip(names, made, strict=True):
                check_output(self.path, name, values, output_shape(name, (count, *shape[1:])))
                if count == shape[0]:
                    whole[name] = values
                    continue
                if name not in whole:
                    whole[name] = np.empty(output_shape(name, shape), np.float32)
                whole[name][start : start + count] = values
        return whole


def opened(artifact: str | os.PathLike[str] | Generator | None) -> Generator | None:
    """Return a generator as it is, or that of a file; None for None.

    Raises:
        ConfigError: it is something else.
    """
    if artifact is None or isinstance(artifact, Generator):
        return artifact
    if isinstance(artifact, str | os.PathLike):
        return Generator(artifact)
    raise ConfigError(
        f"artifact: {artifact!r:.60}; allowed: the path of an exported file, or a Generator; give"
        " one"
    )

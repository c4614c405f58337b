"""Images that stay on the device of their tensor: nothing goes through the memory of the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganaug.artifact.arrays import check_area
from ganaug.artifact.format import INPUTS
from ganaug.artifact.runtime import Generator
from ganaug.use._pixels import Normalisation, placed_like, typed_like
from ganaug.use.generate import finished

__all__ = ["stays_on_device", "vary_on_device"]


def stays_on_device(generator: Generator, image: Any) -> bool:
    """Return whether the generator can vary the image where it lies, off the CPU."""
    if not isinstance(image, torch.Tensor) or image.is_cpu:
        return False
    if generator.info.kind != "variation" or generator.info.channels != image.shape[-3]:
        return False
    if generator.provider == "cuda":
        return image.device == torch.device("cuda", 0)  # where onnxruntime runs
    return generator.provider == "torch"


def vary_on_device(
    generator: Generator,
    image: torch.Tensor,
    latents: NDArray[np.float32],
    rows: NDArray[np.intp],
    names: Sequence[str] = ("variation",),
    normalisation: Normalisation | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return what `read_pixels`, `vary`, `finished` and `replace_pixels` make, on its device.

    Args:
        image: a checked tensor [C, H, W] or [N, C, H, W] on the device of the generator.
        latents: float32 [k, Z], scaled.
        rows: the places of the k images of a batch that are varied.
        names: of the outputs, from `wanted_outputs`.
        normalisation: undone before and redone after.

    Returns:
        the image, and the positions [k, H, W, 2] where they are among the outputs.
    """
    plain = image.detach().as_subclass(torch.Tensor)
    single, places = plain.ndim == 3, torch.from_numpy(rows).to(plain.device)
    values = (plain[None] if single else plain[places]).float()
    if image.dtype == torch.uint8:
        values = values / 255
    else:
        values = (normalisation.undo(values) if normalisation else values).clamp(0.0, 1.0)
    parts = _bound(generator, values, torch.from_numpy(latents).to(plain.device), names)
    made = finished(values, parts)
    if image.dtype == torch.uint8:
        made = (made * 255).round()
    elif normalisation is not None:
        made = normalisation.redo(made)
    made = made.to(image.dtype)
    if single:
        result = placed_like(made[0], plain)
    else:
        result = plain.clone()
        result[places] = made
    return typed_like(result, image), parts.get("positions")


def _bound(
    generator: Generator, images: torch.Tensor, latents: torch.Tensor, names: Sequence[str]
) -> dict[str, torch.Tensor]:
    """Run the generator on tensors, by torch or through onnxruntime's IO binding."""
    check_area(*images.shape[2:])
    if generator.provider == "torch":
        with torch.no_grad():
            outputs = generator.session.on(images.device)(images, latents)
        return {name: outputs[name] for name in names}
    session = generator.session
    images, latents = images.contiguous(), latents.contiguous()
    count, _, height, width = images.shape
    made = {
        name: images.new_empty(count, height, width, 2)
        if name == "positions"
        else torch.empty_like(images)
        for name in names
    }
    kind, index = images.device.type, images.device.index or 0
    binding = session.io_binding()
    inputs = dict(zip(INPUTS["variation"], (images, latents), strict=True))
    for bind, tensors in ((binding.bind_input, inputs), (binding.bind_output, made)):
        for name, tensor in tensors.items():
            bind(name, kind, index, np.float32, tuple(tensor.shape), tensor.data_ptr())
    if kind == "cuda":  # onnxruntime has a stream of its own, and waits for that one itself
        torch.cuda.current_stream(images.device).synchronize()
    session.run_with_iobinding(binding)
    return made

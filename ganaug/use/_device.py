"""Images that stay on the device of their tensor: nothing goes through the memory of the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision import tv_tensors

from ganaug.artifact.format import INPUTS, OUTPUTS
from ganaug.artifact.runtime import Generator
from ganaug.use._pixels import Normalisation

__all__ = ["stays_on_device", "vary_on_device"]


def stays_on_device(generator: Generator, image: Any) -> bool:
    """Return whether image and generator are on one GPU and fit each other."""
    return (
        isinstance(image, torch.Tensor)
        and image.is_cuda
        and image.device == torch.device("cuda", 0)  # where onnxruntime runs
        and generator.info.kind == "variation"
        and generator.info.channels == image.shape[-3]
        and generator.provider == "cuda"
    )


def vary_on_device(
    generator: Generator,
    image: torch.Tensor,
    latents: NDArray[np.float32],
    rows: NDArray[np.intp],
    normalisation: Normalisation | None = None,
) -> torch.Tensor:
    """Return what `read_pixels`, `Generator.vary` and `replace_pixels` make, on the image's device.

    Args:
        image: a checked tensor [C, H, W] or [N, C, H, W] on the device of the generator.
        latents: float32 [k, Z], scaled.
        rows: the places of the k images of a batch that are varied.
        normalisation: undone before and redone after.
    """
    plain = image.detach().as_subclass(torch.Tensor)
    single, places = plain.ndim == 3, torch.from_numpy(rows).to(plain.device)
    values = (plain[None] if single else plain[places]).float()
    if image.dtype == torch.uint8:
        values = values / 255
    else:
        values = (normalisation.undo(values) if normalisation else values).clamp(0.0, 1.0)
    made = _bound(generator, values, torch.from_numpy(latents).to(plain.device))
    if image.dtype == torch.uint8:
        made = (made * 255).round()
    elif normalisation is not None:
        made = normalisation.redo(made)
    made = made.to(image.dtype)
    if single:
        result = made[0]
    else:
        result = plain.clone()
        result[places] = made
    return tv_tensors.wrap(result, like=image) if isinstance(image, tv_tensors.TVTensor) else result


def _bound(generator: Generator, images: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    """Run the generator on tensors through onnxruntime's IO binding."""
    session = generator.session
    images, latents = images.contiguous(), latents.contiguous()
    varied = torch.empty_like(images)
    kind, index = images.device.type, images.device.index or 0
    binding = session.io_binding()
    for name, tensor in zip(INPUTS["variation"], (images, latents), strict=True):
        binding.bind_input(name, kind, index, np.float32, tuple(tensor.shape), tensor.data_ptr())
    output = OUTPUTS["variation"]
    binding.bind_output(output, kind, index, np.float32, tuple(varied.shape), varied.data_ptr())
    if kind == "cuda":  # onnxruntime has a stream of its own, and waits for that one itself
        torch.cuda.current_stream(images.device).synchronize()
    session.run_with_iobinding(binding)
    return varied

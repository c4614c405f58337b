"""Large batches, varied a few images at a time: what lies between stays in the cache of a core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ganaug.artifact.arrays import images_at_once
from ganaug.use._pixels import placed_like, typed_like

__all__ = ["vary_blocks"]

_Varied = tuple[Any, torch.Tensor | None]


def vary_blocks(
    image: Any, params: dict[str, Any], vary: Callable[[Any, dict[str, Any]], _Varied]
) -> _Varied:
    """Return what `vary(image, params)` returns, from blocks of a batch where that is faster.

    Args:
        image: a checked image or batch on the CPU.
        params: rows, latents and labels of `GANAugment.make_params`. In those of a block, rows is
            None: all of it is varied.
        vary: from an image and params to the image with its rows varied, and their positions.
    """
    rows = params["rows"]
    if not isinstance(image, torch.Tensor) or image.ndim == 3:
        return vary(image, params)
    step = images_at_once(*image.shape[-2:])
    if len(rows) <= step:
        return vary(image, params)
    plain = image.detach().as_subclass(torch.Tensor)
    result, positions = plain.clone(), []
    for start in range(0, len(rows), step):
        block = {
            name: None if values is None else values[start : start + step]
            for name, values in params.items()
        }
        places = torch.from_numpy(block["rows"])
        made, read = vary(plain[places], {**block, "rows": None})
        result[places] = made
        if read is not None:
            positions.append(read)
    result = typed_like(placed_like(result, plain), image)
    return result, torch.cat(positions) if positions else None

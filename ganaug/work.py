"""How much torch has to compute: counted, so that two machines and two runs see the same number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import conv_flop_count, flop_registry

__all__ = ["Work"]


def _convolution_backward(
    grad: Tensor, images: Tensor, weight: Tensor, *rest: Any, out_val: Any = None
) -> int:
    """Each gradient costs as much as the convolution; torch's formula forgets the groups."""
    transposed, mask = rest[4], rest[7]
    forward: int = conv_flop_count(
        list(images.shape), list(weight.shape), list(grad.shape), transposed
    )
    return sum(mask[:2]) * forward


FORMULAS = {**flop_registry, torch.ops.aten.convolution_backward: _convolution_backward}


class Work(TorchDispatchMode):
    """Counts what torch does inside `with`, backward passes of any order included.

    torch's own `FlopCounterMode` follows modules by hooks that refuse the gradient with respect to
    an input, which a gradient penalty takes.

    Attributes:
        operations: of torch, those that only give a view included.
        flops: floating point operations of convolutions and matrix products.
        written: bytes of all results, those of views included.

    Examples:
        >>> import torch
        >>> with Work() as work:
        ...     _ = torch.ones(2, 3) @ torch.ones(3, 4)
        >>> work.flops
        48
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.flops = self.written = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run `func`, and count it."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self.operations += 1
        for part in result if isinstance(result, tuple | list) else (result,):
            if isinstance(part, Tensor):
                self.written += part.numel() * part.element_size()
        flops: Callable[..., int] | None = FORMULAS.get(func._overloadpacket)
        if flops is not None:
            self.flops += flops(*args, **kwargs, out_val=result)
        return result

"""How much torch has to compute: counted, so that two machines and two runs see the same number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

__all__ = ["Work"]


class Work(TorchDispatchMode):
    """Counts what torch does inside `with`, backward passes of any order included.

    torch's own `FlopCounterMode` has the same formulas, but follows modules by hooks that refuse
    the gradient with respect to an input, which a gradient penalty takes.

    Attributes:
        operations: of torch, views and copies included.
        flops: floating point operations of convolutions and matrix products.
        written: bytes of all results.

    Example:
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
                self.written += part.nbytes
        flops: Callable[..., int] | None = flop_registry.get(func._overloadpacket)
        if flops is not None:
            self.flops += flops(*args, **kwargs, out_val=result)
        return result

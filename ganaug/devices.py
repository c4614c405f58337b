"""Where torch computes, and how."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from ganaug.errors import ConfigError, DeviceError
from ganaug.wording import whole_number

__all__ = ["choose_device", "native_bfloat16", "sent", "usual_settings"]


def choose_device(device: str | torch.device) -> torch.device:
    """Return the device "cpu", "cuda", "cuda:N", or the best there is for "auto".

    Raises:
        DeviceError: CUDA was asked for and torch cannot use it.
        ConfigError: the name is none of these.
    """
    name = str(device)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, colon, index = name.partition(":")
    if name in ("cpu", "cpu:0"):
        return torch.device("cpu")
    if kind != "cuda" or bool(colon) != (whole_number(index) is not None):
        raise ConfigError(f"device: {name!r} is not allowed; choose auto, cpu, cuda or cuda:N")
    if not torch.cuda.is_available():
        reason = "no GPU was found" if torch.version.cuda else "this torch was built without CUDA"
        raise DeviceError(f"device: {name!r} is not available ({reason}); use --device cpu")
    if index and int(index) >= torch.cuda.device_count():
        raise DeviceError(
            f"device: {name!r} does not exist; this machine has {torch.cuda.device_count()} GPU(s),"
            " counted from cuda:0; choose one of them"
        )
    return torch.device("cuda", int(index)) if index else torch.device("cuda")


def sent(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a tensor of the CPU on `device`, without waiting for what a GPU has to do before."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


@contextmanager
def usual_settings() -> Iterator[None]:
    """Compute as torch does unasked, whatever the caller has set.

    So the result depends on the seed alone. Inside, gradients are taken, numbers are float32, and
    new tensors lie on the CPU.
    """
    dtype = torch.get_default_dtype()
    with ExitStack() as held:
        held.callback(torch.set_default_dtype, dtype)
        torch.set_default_dtype(torch.float32)
        held.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
        torch.set_float32_matmul_precision("highest")
        held.enter_context(torch.inference_mode(False))
        held.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                held.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":
            held.enter_context(torch.device("cpu"))
        yield


def native_bfloat16() -> bool:
    """Say whether the processor announces bfloat16; without it, torch emulates it slowly."""
    # torch has no public name for it
    return any(
        getattr(torch.cpu, name, bool)()
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )

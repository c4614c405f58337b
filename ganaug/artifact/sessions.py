"""Sessions: which provider, opened once per process, never carried across a fork."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import glob
import importlib.metadata
import io
import logging
import math
import os
import platform
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.halves import LEAST_PIXELS, Halves, in_halves
from ganaug.errors import ArtifactError, ConfigError, DeviceError
from ganaug.once import log_once
from ganaug.values import is_int, shown
from ganaug.wording import one_line

if TYPE_CHECKING:
    import onnxruntime

__all__ = [
    "PROVIDERS",
    "Session",
    "both_installed",
    "check_options",
    "missing_gpu",
    "one_runtime",
    "open_session",
    "retire",
    "runtime_package",
]

PROVIDERS = ("auto", "cpu", "cuda", "torch")

_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"

_lock = threading.Lock()
_open: weakref.WeakValueDictionary[tuple[str, str, int], Session] = weakref.WeakValueDictionary()
# A session that came through a fork is kept and never used: closing it would wait for threads that
# exist in the parent only.
_inherited: list[Session] = []


class Session:
    """An open session and where it runs.

    Args:
        session: the `onnxruntime.InferenceSession`, or for "torch" a `TorchSession`.
        provider: "cpu", "cuda" or "torch".
        halves: what opens the model in two halves, on the CPU.

    Attributes:
        session, provider: as given.
        pid: the process that opened it.
    """

    def __init__(
        self, session: Any, provider: str, halves: Callable[[], Halves | None] | None = None
    ) -> None:
        self.session = session
        self.provider = provider
        self.pid = os.getpid()
        self._halves = halves

    def run(
        self, names: Sequence[str], inputs: dict[str, NDArray[Any]]
    ) -> list[NDArray[np.float32]]:
        """Return the named outputs for arrays."""
        runner = self.session
        image = inputs.get("image")
        if self._halves and image is not None and math.prod(image.shape[2:]) >= LEAST_PIXELS:
            runner = self._halves() or runner
        made: list[NDArray[np.float32]] = runner.run(list(names), inputs)
        return made


def check_options(providers: str, threads: int) -> None:
    """Raise `ConfigError` unless `providers` is known and `threads` is 1 or more (torch: 1)."""
    if providers not in PROVIDERS:
        raise ConfigError(
            f'providers: {shown(providers)}; allowed: {", ".join(PROVIDERS)}; "auto" takes CUDA'
            " where it is to be had"
        )
    if not is_int(threads) or threads < 1:
        raise ConfigError(
            f"threads: {shown(threads)}; allowed: a whole number from 1 up; use 1 in workers of a"
            " DataLoader"
        )
    if providers == "torch" and threads != 1:
        raise ConfigError(
            f'threads: {threads} with providers="torch"; allowed: 1, since torch has one number of'
            f" threads for all; call torch.set_num_threads({threads})"
        )


def open_session(
    content: Callable[[], bytes], content_hash: str, providers: str, threads: int
) -> Session:
    """Return this process's session for the model with `content_hash`, opened where there is none.

    Copies of a generator share a session. `content` is called only where one has to be opened.

    Raises:
        ArtifactError: onnxruntime cannot load the model.
        DeviceError: providers is "cuda" and CUDA is not to be had; what is missing is named.
    """
    key = (content_hash, providers, threads)
    with _lock:
        session = _open.get(key)
        if session is None or session.pid != os.getpid():
            session = _start(content(), providers, threads)
            _open[key] = session
        return session


def retire(session: Session) -> None:
    """Keep a session of another process alive without using it."""
    _inherited.append(session)


def _after_fork() -> None:
    global _lock, _open
    _lock = threading.Lock()  # another thread of the parent may have held it
    _inherited.extend(_open.values())
    _open = weakref.WeakValueDictionary()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_after_fork)


def _start(content: bytes, providers: str, threads: int) -> Session:
    if providers == "torch":
        from ganaug.artifact.torch_graph import TorchSession

        return Session(TorchSession(content), providers)
    from ganaug.artifact.engine import onnxruntime

    _warn_if_both_installed()
    try:
        session = _create(onnxruntime, content, threads, [_CPU])
    except Exception as error:  # onnxruntime's exceptions share no base class but this
        raise ArtifactError(
            f"onnxruntime {onnxruntime.__version__} cannot load the model ({one_line(error)});"
            " upgrade onnxruntime or export the run again"
        ) from error
    # The model is sound: what fails from here on is CUDA.
    if providers == "cuda":
        return _start_cuda(onnxruntime, content, threads)
    if providers == "auto" and _CUDA in onnxruntime.get_available_providers() and not missing_gpu():
        try:
            return _start_cuda(onnxruntime, content, threads)
        except DeviceError as error:
            log_once(f"{error}; going on with the CPU", logging.WARNING)

    def opened(part: bytes) -> onnxruntime.InferenceSession:
        return _create(onnxruntime, part, threads, [_CPU])

    return Session(session, "cpu", functools.cache(lambda: in_halves(content, opened)))


def _start_cuda(runtime: Any, content: bytes, threads: int) -> Session:
    available = runtime.get_available_providers()
    if _CUDA not in available:
        way = "for CUDA install onnxruntime-gpu in place of onnxruntime"
        if runtime_package() == "onnxruntime":
            way = 'no build for this system has it; on a GPU take "torch"'
        raise DeviceError(
            f"providers: CUDA is not in this onnxruntime (it has {', '.join(available)}); allowed"
            f' here: "auto", "cpu"; {way}'
        )
    if missing := missing_gpu():
        raise DeviceError(
            f'providers: CUDA is not to be had: {missing}; allowed here: "auto", "cpu"; for CUDA'
            " run on a machine with an NVIDIA GPU and its driver"
        )
    reason = _preload(runtime)
    if not reason:
        try:
            session = _create(runtime, content, threads, [_CUDA, _CPU])
        except Exception as error:  # as above
            reason = one_line(error)
        else:
            taken = session.get_providers()
            if taken[0] == _CUDA:
                return Session(session, "cuda")
            reason = f"it took {', '.join(taken)}"
    raise DeviceError(
        f"providers: onnxruntime {runtime.__version__} could not start CUDA ({reason}); allowed"
        ' here: "auto", "cpu"; for CUDA install the CUDA and cuDNN libraries that it names'
    )


def _create(
    runtime: Any, content: bytes, threads: int, providers: list[str]
) -> onnxruntime.InferenceSession:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3  # errors
    options.use_deterministic_compute = True
    # A spinning thread takes a core from the training that waits for it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # The bytes were checked as ONNX; onnxruntime must not take them for its own format.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # enable_fallback: onnxruntime would print a banner and go on with another provider
    return runtime.InferenceSession(content, options, providers=providers, enable_fallback=0)


def _preload(runtime: Any) -> str:
    """Load the CUDA libraries that torch brought; return what could not be loaded, in a line."""
    if not hasattr(runtime, "preload_dlls"):  # onnxruntime before 1.21
        return ""
    printed = io.StringIO()  # it tells failures by print
    with contextlib.redirect_stdout(printed):
        runtime.preload_dlls()
    failed = [line for line in printed.getvalue().splitlines() if line.startswith("Failed")]
    return one_line("; ".join(failed))


def missing_gpu() -> str:
    """Return why there can be no NVIDIA GPU here, or an empty string.

    Cheap, and without CUDA being initialised, which a process could not share with its forks.
    onnxruntime itself would find the same only by printing errors.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    windows = sys.platform == "win32"
    driver = "nvcuda.dll" if windows else "libcuda.so.1"
    try:
        ctypes.CDLL(driver)
    except OSError:
        return f"the NVIDIA driver ({driver}) is not installed"
    # a container can hold the driver without a device; /dev/dxg is the device of WSL
    if not windows and not (glob.glob("/dev/nvidia[0-9]*") or os.path.exists("/dev/dxg")):
        return "there is no NVIDIA GPU (/dev/nvidia0)"
    return ""


def _warn_if_both_installed() -> None:
    # They share one folder of files; CUDA is lost without a word (onnxruntime issue 26996).
    if both_installed():
        log_once(
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files,"
            f" so that CUDA can be missing; mend it with: {one_runtime()}",
            logging.WARNING,
        )


def runtime_package() -> str:
    """Return which distribution of onnxruntime is installed here with ganaug, as pyproject says."""
    gpu = (platform.system(), platform.machine()) == ("Linux", "x86_64")
    return "onnxruntime-gpu" if gpu or sys.platform == "win32" else "onnxruntime"


def one_runtime() -> str:
    """Return the command that leaves one distribution of onnxruntime of two."""
    return f"pip uninstall -y onnxruntime onnxruntime-gpu && pip install {runtime_package()}"


def both_installed() -> bool:
    """Whether both distributions of onnxruntime are there, which overwrite each other's files."""
    return _installed("onnxruntime") and _installed("onnxruntime-gpu")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True

"""`examine`: what ganaug runs on, what is wrong with that, and the command that mends it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganaug.artifact.sessions import both_installed, missing_gpu, one_runtime, runtime_package
from ganaug.wording import fact_lines, one_line

__all__ = ["Examination", "Problem", "examine"]

PACKAGES = ("ganaug", "torch", "torchvision", "onnxruntime-gpu", "onnxruntime", "onnx", "numpy")
GIGABYTE = 1024**3
LEAST_MEMORY, LEAST_DISK = 2.0, 2.0  # free gigabytes
CUDA = "CUDAExecutionProvider"
MATCHED_PAIR = "pip install 'torch==2.12.1' 'torchvision==0.27.1'"


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, in a line, and the command (or the step) that mends it."""

    text: str
    mend: str


@dataclass(frozen=True)
class Examination:
    """What was found; `to_dict` gives JSON values.

    Attributes:
        facts: name and value, as text, in the order in which they are shown.
        problems: what is wrong.
    """

    facts: dict[str, str]
    problems: tuple[Problem, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        lines = fact_lines(self.facts)
        for problem in self.problems:
            lines += ["", f"problem: {problem.text}", f"   mend: {problem.mend}"]
        return "\n".join([*lines, *([] if self.problems else ["", "no problem found"])])


def examine() -> Examination:
    """Look at the versions, the processor, GPUs, onnxruntime, and free memory and disk."""
    facts = {
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    problems: list[Problem] = []
    for name in PACKAGES:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            facts[name] = "not installed"
    if facts["onnxruntime-gpu"] != "not installed" == facts["onnxruntime"]:
        del facts["onnxruntime"]  # the same, without CUDA
    elif facts["onnxruntime"] != "not installed" == facts["onnxruntime-gpu"]:
        del facts["onnxruntime-gpu"]
    for look in (_torch, _torchvision, _runtime, _resources):
        found, wrong = look()
        facts |= found
        problems += wrong
    return Examination(facts, tuple(problems))


Found = tuple[dict[str, str], list[Problem]]


def _torch() -> Found:
    """The processor and the GPUs, as torch sees them."""
    try:
        import torch

        from ganaug.devices import native_bfloat16
    except Exception as error:  # whatever a broken installation raises
        return {}, [Problem(f"torch cannot be loaded ({one_line(error)})", MATCHED_PAIR)]
    native = native_bfloat16()
    capability = torch.backends.cpu.get_cpu_capability()
    facts = {
        "instructions": f"{capability}-BF16" if native and capability == "AVX512" else capability,
        "bfloat16": "native" if native else "emulated: training takes float32 on the processor",
        "threads": str(torch.get_num_threads()),
    }
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]
        facts["GPU (torch)"] = f"{', '.join(names)}; CUDA {torch.version.cuda}"
        return facts, []
    missing = missing_gpu()
    facts["GPU (torch)"] = f"none: {missing or 'there is one, but torch cannot use it'}"
    if missing:
        return facts, []
    if torch.version.cuda is None:
        text = "there is an NVIDIA GPU, and this torch was built without CUDA"
        return facts, [Problem(text, f"pip uninstall -y torch torchvision && {MATCHED_PAIR}")]
    text = f"there is an NVIDIA GPU, and torch for CUDA {torch.version.cuda} cannot use it"
    return facts, [Problem(text, "nvidia-smi  # shows the driver; update it if it is older")]


def _torchvision() -> Found:
    """Whether torchvision's operators load with this torch."""
    try:
        import torch
        from torchvision.ops import nms

        nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
    except Exception as error:  # as above
        text = f"torch and torchvision do not fit each other ({one_line(error)})"
        return {}, [Problem(text, MATCHED_PAIR)]
    return {"torch and torchvision": "fit each other"}, []


def _runtime() -> Found:
    """What onnxruntime can run on, and why CUDA is not among it."""
    try:
        from ganaug.artifact.engine import onnxruntime

        providers = onnxruntime.get_available_providers()
    except Exception as error:  # as above
        text = f"onnxruntime cannot be loaded ({one_line(error)})"
        return {}, [Problem(text, f"pip install {runtime_package()}")]
    facts = {"providers": ", ".join(providers)}
    problems = []
    if both_installed():
        text = "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files"
        problems.append(Problem(text, one_runtime()))
    missing = missing_gpu()
    if missing:
        facts["CUDA (onnxruntime)"] = f"no: {missing}"
    elif CUDA not in providers:
        facts["CUDA (onnxruntime)"] = "no: this onnxruntime was built without it"
        if runtime_package() == "onnxruntime":
            facts["CUDA (onnxruntime)"] = (
                'no: there is no build with it for this system; providers="torch" has it'
            )
        elif not problems:
            text = "there is an NVIDIA GPU, and this onnxruntime was built without CUDA"
            problems.append(Problem(text, one_runtime()))
    else:
        reason = _cuda_fails()
        facts["CUDA (onnxruntime)"] = f"no: {reason}" if reason else "yes"
        if reason and not problems:
            mend = "pip install --upgrade onnxruntime-gpu 'torch==2.12.1' 'torchvision==0.27.1'"
            problems.append(Problem(f"onnxruntime cannot start CUDA ({reason})", mend))
    return facts, problems


def _cuda_fails() -> str:
    """Run a graph of one node on the GPU; return why that fails, or an empty text."""
    import onnx
    from onnx import helper

    from ganaug.artifact.sessions import open_session
    from ganaug.errors import GanaugError

    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "one", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    try:
        open_session(model.SerializeToString, "doctor", "cuda", 1)
    except GanaugError as error:
        return one_line(error)
    return ""


def _resources() -> Found:
    """Free memory, and free space here, where runs are written."""
    facts, problems, here = {}, [], Path.cwd()
    memory = _free_memory()
    if memory is not None:
        facts["free memory"] = f"{memory:.1f} GB"
        if memory < LEAST_MEMORY:
            text = f"{memory:.1f} GB of memory are free; {LEAST_MEMORY:g} are needed"
            problems.append(Problem(text, "end other programs, or run with --jobs 1"))
    disk = shutil.disk_usage(here).free / GIGABYTE
    facts["free disk"] = f"{disk:.1f} GB in {here}"
    if disk < LEAST_DISK:
        text = f"{disk:.1f} GB of disk are free in {here}; {LEAST_DISK:g} are needed"
        problems.append(Problem(text, "remove files there, or name another place with --out"))
    return facts, problems


def _free_memory() -> float | None:
    """Gigabytes that a process could still take; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(kilobytes[0]) * 1024 / GIGABYTE if kilobytes else None

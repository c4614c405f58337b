"""Sessions: one for each process, files that change, workers, providers."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.artifact_calls import images_of, latents_of, refused
from helpers.small_models import (
    write_class_model,
    write_variation_model,
)
from onnx import numpy_helper

from ganaug.artifact import sessions
from ganaug.artifact.policy import Policy
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.artifact.runtime import Generator
from ganaug.errors import ArtifactError, DeviceError

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
forks = [pytest.param("fork", marks=needs_fork), "spawn"]


# --- one session for each process, shared by copies ---


def test_no_session_before_it_is_needed(variation: Generator) -> None:
    assert variation._session is None
    assert not any(key[0] == variation.content_hash for key in sessions._open)


def test_copies_share_a_session_and_the_last_one_closes_it(variation: Generator) -> None:
    session = variation._opened()
    copies = [copy.copy(variation), copy.deepcopy(variation), pickle.loads(pickle.dumps(variation))]
    copies.append(Generator(variation.path, providers="cpu"))
    variation.path.unlink()  # they need no file: the session is open
    assert all(one._opened() is session for one in copies)
    key = (variation.content_hash, "cpu", 1)
    variation._session = None
    del session
    assert key in sessions._open
    del copies
    gc.collect()
    assert key not in sessions._open


def test_other_options_get_a_session_of_their_own(variation: Generator) -> None:
    other = Generator(variation.path, providers="cpu", threads=2)
    assert other._opened() is not variation._opened()


def test_threads_open_one_session(variation: Generator) -> None:
    images, latents = images_of(3, 1, 8, 8), latents_of(3)
    start = Barrier(8)

    def work(_: int) -> tuple[int, bytes]:
        mine = copy.deepcopy(variation)
        start.wait()
        return id(mine._opened()), variation.vary(images, latents).tobytes()

    keep = variation
    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(work, range(8)))
    assert results == {(id(keep._opened()), keep.vary(images, latents).tobytes())}


# --- the file changes ---


def test_a_replaced_file_is_refused_at_opening(variation: Generator) -> None:
    pickled = pickle.dumps(variation)
    write_variation_model(variation.path, steps=11)
    images, latents = images_of(1, 1, 8, 8), latents_of(1)
    for generator in (variation, pickle.loads(pickled), copy.deepcopy(variation)):
        text = refused(ArtifactError, generator.vary, images, latents)
        assert "was replaced" in text
        assert variation.content_hash[:12] in text
    assert Generator(variation.path, providers="cpu").info.steps == 11


def test_what_was_measured_since_does_not_stop_it(variation: Generator) -> None:
    """The same images from each copy that opens the file now, and the policy of before."""
    images, latents = images_of(3, 1, 8, 8), latents_of(3)
    expected = Generator(variation.path, providers="cpu").vary(images, latents)
    pickled, info = pickle.dumps(variation), variation.info
    rewrite_metadata(
        variation.path, policy=Policy(p=((0, 0.0),)), gain={"mean": 0}, warnings=("measured",)
    )
    gc.collect()
    assert not any(key[0] == variation.content_hash for key in sessions._open)
    for generator in (variation, pickle.loads(pickled), copy.deepcopy(variation)):
        np.testing.assert_array_equal(generator.vary(images, latents), expected)
        assert generator.info == info
        assert generator.info.policy is None
    assert Generator(variation.path, providers="cpu").info.policy is not None


@pytest.mark.parametrize("change", [{"seed": 9}, {"classes": ("a", "c")}, {"latent_dim": 5}])
def test_another_generator_is_refused_whatever_was_measured(
    variation: Generator, change: dict[str, Any]
) -> None:
    write_variation_model(variation.path, **change)
    rewrite_metadata(variation.path, gain={"mean": 0})
    text = refused(ArtifactError, variation.vary, images_of(1, 1, 8, 8), latents_of(1))
    assert "was replaced" in text


def test_other_weights_under_the_same_description_are_refused(variation: Generator) -> None:
    model = onnx.load(variation.path)
    (low,) = (tensor for tensor in model.graph.initializer if tensor.name == "low")
    low.CopyFrom(numpy_helper.from_array(np.array(0.25, np.float32), "low"))
    variation.path.write_bytes(model.SerializeToString())
    assert Generator(variation.path, providers="cpu").info == variation.info
    text = refused(ArtifactError, variation.vary, images_of(1, 1, 8, 8), latents_of(1))
    assert "was replaced" in text


def test_what_is_no_artifact_any_more_is_refused(variation: Generator) -> None:
    variation.path.write_bytes(b"something else")
    with pytest.raises(ArtifactError, match="is not an ONNX file"):
        variation.provider  # noqa: B018


def test_a_removed_file_is_refused_at_opening(variation: Generator) -> None:
    variation.path.unlink()
    with pytest.raises(ArtifactError, match="no such file"):
        variation.provider  # noqa: B018


def test_a_file_written_again_with_the_same_content_is_taken(variation: Generator) -> None:
    write_variation_model(variation.path)
    assert variation.provider == "cpu"


def test_an_open_generator_keeps_working(variation: Generator) -> None:
    images, latents = images_of(2, 1, 8, 8), latents_of(2)
    before = variation.vary(images, latents)
    variation.path.write_bytes(b"something else")
    np.testing.assert_array_equal(variation.vary(images, latents), before)


# --- processes ---


def test_a_pickle_holds_no_weights(tmp_path: Path) -> None:
    path = write_class_model(tmp_path / "c.onnx", 3, (64, 64))
    generator = Generator(path, providers="cpu")
    generator._opened()
    assert path.stat().st_size > 90_000
    assert len(pickle.dumps(generator)) < 2_000


@pytest.mark.parametrize("method", forks)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_worker_processes_give_the_same_bytes(variation: Generator, method: str) -> None:
    images, latents = images_of(3, 1, 8, 8), latents_of(3)
    here = variation.vary(images, latents)  # the parent has a session before it starts workers
    with multiprocessing.get_context(method).Pool(2) as pool:
        there = [pool.apply_async(variation.vary, (images, latents)) for _ in range(4)]
        for result in there:
            np.testing.assert_array_equal(result.get(60), here)
        write_variation_model(variation.path, steps=11)
        fresh = copy.deepcopy(variation)
        fresh._threads = 2  # a session that no worker has opened yet
        with pytest.raises(ArtifactError, match="was replaced"):
            pool.apply(fresh.vary, (images, latents))


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_session_never_crosses_a_fork(tmp_path: Path, threads: int) -> None:
    generators = [
        Generator(
            write_variation_model(tmp_path / f"{n}.onnx", steps=n), providers="cpu", threads=threads
        )
        for n in range(2)
    ]
    images, latents = images_of(3, 1, 8, 8), latents_of(3)
    expected = [generator.vary(images, latents) for generator in generators]
    parent = os.getpid()

    def child() -> None:
        generator = generators.pop(0)
        inherited = generator._session
        varied = generator.vary(images, latents)
        mine = generator._session
        fine = (
            inherited is not None
            and mine is not None
            and mine is not inherited
            and (inherited.pid, mine.pid) == (parent, os.getpid())
            and np.array_equal(varied, expected[0])
        )
        # With two threads, closing a session of the parent would wait for ever for its threads.
        del inherited, generator, mine
        generators.clear()
        gc.collect()
        os._exit(0 if fine else 3)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    if process.is_alive():
        process.kill()
    assert process.exitcode == 0
    np.testing.assert_array_equal(generators[0].vary(images, latents), expected[0])


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_while_a_session_is_opened_does_not_lock_the_child(variation: Generator) -> None:
    images, latents = images_of(1, 1, 8, 8), latents_of(1)

    def child() -> None:
        os._exit(0 if variation.vary(images, latents).shape == images.shape else 3)

    with sessions._lock:  # as another thread would hold it
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join(60)
    if process.is_alive():
        process.kill()
    assert process.exitcode == 0


# --- providers, and what a process loads and prints ---


def run(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )


PROVIDER = """
import sys
from ganaug.artifact.runtime import Generator
from ganaug.errors import DeviceError
try:
    print(Generator(sys.argv[1], providers=sys.argv[2]).provider)
except DeviceError as error:
    print(error)
"""


def test_without_a_gpu_auto_takes_the_cpu_and_prints_nothing(variation: Generator) -> None:
    done = run(PROVIDER, variation.path, "auto", CUDA_VISIBLE_DEVICES="")
    assert (done.stdout, done.stderr) == ("cpu\n", "")


def test_without_a_gpu_cuda_by_name_is_an_error(variation: Generator) -> None:
    done = run(PROVIDER, variation.path, "cuda", CUDA_VISIBLE_DEVICES="-1")
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert 'allowed here: "auto", "cpu"' in done.stdout
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        assert "CUDA_VISIBLE_DEVICES hides every GPU" in done.stdout
    else:
        assert "CPUExecutionProvider" in done.stdout


def test_auto_and_cuda_agree_about_this_machine(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "v.onnx")
    taken = Generator(path, providers="auto").provider
    if taken == "cuda":
        assert Generator(path, providers="cuda").provider == "cuda"
    else:
        assert taken == "cpu"
        with pytest.raises(DeviceError, match="CUDA"):
            Generator(path, providers="cuda").provider  # noqa: B018


def test_libraries_that_cannot_be_loaded_are_returned_and_not_printed() -> None:
    code = (
        "import onnxruntime\n"
        "from ganaug.artifact import sessions\n"
        "reason = sessions._preload(onnxruntime)\n"
        "assert reason == '' or reason.startswith('Failed to load'), reason\n"
        "assert chr(10) not in reason\n"
    )
    done = run(code)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("both", [True, False])
def test_two_onnxruntimes_are_told_once(variation: Generator, tmp_path: Path, both: bool) -> None:
    present = [n for n in ("onnxruntime", "onnxruntime-gpu") if sessions._installed(n)]
    for name in ("onnxruntime", "onnxruntime-gpu") if both else ():
        if name not in present:  # a record of an installation, as pip leaves it
            record = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
            record.mkdir()
            (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    code = (
        "import logging, sys\n"
        "logging.basicConfig(format='%(levelname)s %(name)s %(message)s')\n"
        "from ganaug.artifact.runtime import Generator\n"
        "for threads in (1, 2):\n"
        "    Generator(sys.argv[1], providers='cpu', threads=threads).provider\n"
    )
    python_path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run(code, variation.path, PYTHONPATH=python_path)
    if both or len(present) == 2:
        assert done.stderr.startswith("WARNING ganaug onnxruntime and onnxruntime-gpu are both")
        assert done.stderr.count("\n") == 1
        assert "pip uninstall -y onnxruntime onnxruntime-gpu && pip install" in done.stderr
    else:
        assert done.stderr == ""


def test_running_a_file_loads_no_training_code(variation: Generator, class_kind: Generator) -> None:
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from ganaug.artifact.runtime import Generator\n"
        "assert 'onnxruntime' not in sys.modules and 'onnx' not in sys.modules\n"
        "latents = np.zeros((2, 4), np.float32)\n"
        "Generator(sys.argv[1]).vary(np.zeros((2, 1, 8, 8), np.float32), latents)\n"
        "Generator(sys.argv[2]).generate(np.zeros(2, np.int64), latents)\n"
        "heavy = ('torch', 'torchvision', 'sklearn', 'scipy', 'matplotlib', 'onnxscript',\n"
        "         'ganaug.training', 'ganaug.use', 'ganaug.evaluation', 'ganaug.metrics')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    assert run(code, variation.path, class_kind.path).stdout == "[]\n"


def test_a_worker_that_unpickles_needs_no_onnx(variation: Generator, tmp_path: Path) -> None:
    (tmp_path / "generator.pickle").write_bytes(pickle.dumps(variation))
    code = (
        "import pathlib, pickle, sys\n"
        "import numpy as np\n"
        "generator = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "generator.vary(np.zeros((2, 1, 8, 8), np.float32), np.zeros((2, 4), np.float32))\n"
        "print('onnx' in sys.modules)\n"
    )
    assert run(code, tmp_path / "generator.pickle").stdout == "False\n"

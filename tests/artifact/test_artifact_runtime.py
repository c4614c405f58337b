from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from small_models import (
    expected_class,
    expected_variation,
    metadata_of,
    variation_model,
    write_class_model,
    write_model,
    write_variation_model,
)

from ganaug.artifact import sessions
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.runtime import Generator
from ganaug.errors import ArtifactError, ConfigError, DataError, DeviceError, GanaugError

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
forks = [pytest.param("fork", marks=needs_fork), "spawn"]


def images_of(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).random(shape, np.float32)


def latents_of(count: int, size: int = 4) -> NDArray[np.float32]:
    return np.random.default_rng(4).standard_normal((count, size), np.float32)


@pytest.fixture
def variation(tmp_path: Path) -> Generator:
    return Generator(write_variation_model(tmp_path / "v.onnx"), providers="cpu")


@pytest.fixture
def class_kind(tmp_path: Path) -> Generator:
    return Generator(write_class_model(tmp_path / "c.onnx"), providers="cpu")


def refused(
    kind: type[GanaugError], call: Callable[..., Any], *arguments: Any, **named: Any
) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments, **named)
    text = str(caught.value)
    assert "allowed" in text
    assert "\n" not in text
    return text


# --- values ---


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 7, 64])
@pytest.mark.parametrize("size", [(8, 8), (28, 36), (1, 1)])
def test_vary_computes_the_graph(
    tmp_path: Path, channels: int, count: int, size: tuple[int, int]
) -> None:
    generator = Generator(write_variation_model(tmp_path / "v.onnx", channels), providers="cpu")
    images, latents = images_of(count, channels, *size), latents_of(count)
    before = images.copy(), latents.copy()
    varied = generator.vary(images, latents)
    assert varied.dtype == np.float32
    assert varied.shape == images.shape
    np.testing.assert_allclose(varied, expected_variation(images, latents), atol=1e-6)
    np.testing.assert_array_equal(images, before[0])
    np.testing.assert_array_equal(latents, before[1])
    singly = generator.vary(images, latents, singly=True)
    np.testing.assert_allclose(singly, varied, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 7])
def test_generate_computes_the_graph(tmp_path: Path, channels: int, count: int) -> None:
    path = write_class_model(
        tmp_path / "c.onnx", channels, (5, 6), classes=("a", "b", "c"), counts=(1, 2, 3)
    )
    generator = Generator(path, providers="cpu")
    labels, latents = np.arange(count) % 3, latents_of(count)
    made = generator.generate(labels, latents)
    assert made.dtype == np.float32
    expected = expected_class(labels, latents, classes=3, channels=channels, size=(5, 6))
    np.testing.assert_allclose(made, expected, atol=1e-6)
    singly = generator.generate(labels, latents, singly=True)
    np.testing.assert_allclose(singly, made, atol=1e-6)


def test_singly_gives_the_bytes_of_an_image_on_its_own(variation: Generator) -> None:
    images, latents = images_of(5, 1, 8, 8), latents_of(5)
    together = variation.vary(images, latents, singly=True)
    for place in range(5):
        alone = variation.vary(images[place : place + 1], latents[place : place + 1])
        np.testing.assert_array_equal(together[place], alone[0])


def test_arrays_need_not_be_contiguous(variation: Generator) -> None:
    images, latents = images_of(6, 9, 7, 1).transpose(0, 3, 2, 1)[::2], latents_of(6)[::-2]
    varied = variation.vary(images, latents)
    np.testing.assert_allclose(varied, expected_variation(images, latents), atol=1e-6)


def test_grey_pictures_in_rgb_come_back_in_rgb(variation: Generator) -> None:
    grey, latents = images_of(4, 1, 8, 9), latents_of(4)
    varied = variation.vary(np.repeat(grey, 3, axis=1), latents)
    np.testing.assert_array_equal(
        varied, np.repeat(variation.vary(grey, latents), 3, axis=1), strict=True
    )


def test_coloured_pictures_are_refused_by_a_grey_generator(variation: Generator) -> None:
    images = np.repeat(images_of(4, 1, 8, 8), 3, axis=1)
    images[2, 1, 3, 3] = 1 - images[2, 1, 3, 3]
    assert "image 2 is coloured" in refused(DataError, variation.vary, images, latents_of(4))


def test_empty_batches_need_no_session(tmp_path: Path) -> None:
    for channels in (1, 3):
        path = write_variation_model(tmp_path / "v.onnx", channels)
        generator = Generator(path)
        path.unlink()  # opening a session would fail now
        varied = generator.vary(images_of(0, 3, 30, 20), latents_of(0))
        assert (varied.shape, varied.dtype) == ((0, 3, 30, 20), np.float32)
    path = write_class_model(tmp_path / "c.onnx", 3, (5, 6))
    generator = Generator(path)
    path.unlink()
    made = generator.generate(np.zeros(0, np.int64), latents_of(0))
    assert (made.shape, made.dtype) == ((0, 3, 5, 6), np.float32)


# --- arguments ---


def test_the_other_kinds_call_is_refused(variation: Generator, class_kind: Generator) -> None:
    text = refused(ConfigError, variation.generate, np.zeros(1, np.int64), latents_of(1))
    assert "vary(images, latents)" in text
    text = refused(ConfigError, class_kind.vary, images_of(1, 1, 8, 8), latents_of(1))
    assert "generate(labels, latents)" in text


@pytest.mark.parametrize(
    ("images", "word"),
    [
        (np.zeros((2, 1, 8, 8)), "float64"),
        (np.zeros((2, 1, 8, 8), np.uint8), "uint8"),
        (np.zeros((2, 1, 8, 8), ">f4"), ">f4" if sys.byteorder == "little" else "float32"),
        (np.zeros((2, 8, 8), np.float32), "[2, 8, 8]"),
        ([[0.5]], "list"),
        (np.zeros((2, 2, 8, 8), np.float32), "2 channel(s)"),
        (np.zeros((2, 1, 0, 8), np.float32), "height"),
        (np.full((2, 1, 8, 8), 255, np.float32), "divide by 255"),
        (np.full((2, 1, 8, 8), -0.001, np.float32), "-0.001"),
        (np.full((2, 1, 8, 8), np.nan, np.float32), "NaN"),
        (np.full((2, 1, 8, 8), np.inf, np.float32), "infinity"),
    ],
)
def test_images_are_checked(variation: Generator, images: Any, word: str) -> None:
    assert word in refused(DataError, variation.vary, images, latents_of(2))


def test_one_bad_value_among_good_ones_is_found(variation: Generator) -> None:
    for bad in (np.nan, np.inf, -np.inf, -1e-6, 1.00001):
        images = images_of(2, 1, 8, 8)
        images[1, 0, 3, 4] = bad
        assert "images: " in refused(DataError, variation.vary, images, latents_of(2))


def test_grey_pictures_are_refused_by_an_rgb_generator(tmp_path: Path) -> None:
    generator = Generator(write_variation_model(tmp_path / "v.onnx", 3), providers="cpu")
    text = refused(DataError, generator.vary, images_of(1, 1, 8, 8), latents_of(1))
    assert "repeat the channel" in text


@pytest.mark.parametrize(
    ("latents", "word"),
    [
        (np.zeros((2, 4)), "float64"),
        (np.zeros((2, 5), np.float32), "[2, 5]; allowed: [2, 4]"),
        (np.zeros((1, 4), np.float32), "[1, 4]; allowed: [2, 4]"),
        (np.zeros(4, np.float32), "[4]"),
        (None, "NoneType"),
        (np.full((2, 4), np.nan, np.float32), "NaN"),
        (np.full((2, 4), -np.inf, np.float32), "infinity"),
    ],
)
def test_latents_are_checked(
    variation: Generator, class_kind: Generator, latents: Any, word: str
) -> None:
    assert word in refused(DataError, variation.vary, images_of(2, 1, 8, 8), latents)
    assert word in refused(DataError, class_kind.generate, np.zeros(2, np.int64), latents)


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (np.array([0, 2]), "labels: 2; allowed: 0 to 1"),
        (np.array([-1, 0]), "labels: -1"),
        (np.array([0, 1], np.int32), "int32"),
        (np.array([0.0, 1.0]), "float64"),
        (np.array([[0, 1]]), "[1, 2]"),
        ([0, 1], "list"),
    ],
)
def test_labels_are_checked(class_kind: Generator, labels: Any, word: str) -> None:
    assert word in refused(DataError, class_kind.generate, labels, latents_of(2))


@pytest.mark.parametrize("providers", ["gpu", "CUDA", None, ["cpu"], ""])
def test_unknown_providers_are_refused(tmp_path: Path, providers: Any) -> None:
    path = write_variation_model(tmp_path / "v.onnx")
    text = refused(ConfigError, Generator, path, providers=providers)
    assert "auto, cpu, cuda" in text


@pytest.mark.parametrize("threads", [0, -1, 1.0, True, "1", None])
def test_wrong_thread_counts_are_refused(tmp_path: Path, threads: Any) -> None:
    path = write_variation_model(tmp_path / "v.onnx")
    assert "threads: " in refused(ConfigError, Generator, path, threads=threads)


def test_what_is_no_path_is_refused() -> None:
    assert "NoneType" in refused(ConfigError, Generator, None)


# --- what it says of itself ---


def test_it_tells_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_variation_model(tmp_path / "v.onnx", 3, (28, 36))
    monkeypatch.chdir(tmp_path)
    generator = Generator("v.onnx", providers="cpu")
    assert generator.path == path
    assert generator.path.is_absolute()
    _, metadata, digest = read_artifact(path)
    assert generator.info == metadata
    assert generator.content_hash == digest
    assert generator.provider == "cpu"
    text = "Generator('v.onnx', kind='variation', 2 classes, 3x28x36)"
    assert repr(generator) == text


def test_the_session_leaves_the_cores_to_training(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "v.onnx")
    for threads in (1, 2):
        generator = Generator(path, providers="cpu", threads=threads)
        options = generator._opened().session.get_session_options()
        assert options.intra_op_num_threads == threads
        assert options.inter_op_num_threads == 1
        for entry in ("intra_op", "inter_op"):
            assert options.get_session_config_entry(f"session.{entry}.allow_spinning") == "0"
        assert options.get_session_config_entry("session.load_model_format") == "ONNX"


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


# --- graphs that pass the reader and fail afterwards ---


def spoilt(folder: Path, change: Callable[[onnx.ModelProto], None]) -> Generator:
    model = variation_model(metadata_of("variation"))
    change(model)
    return Generator(write_model(folder / "spoilt.onnx", model), providers="cpu")


def test_a_model_that_onnxruntime_refuses(tmp_path: Path) -> None:
    def unknown_name(model: onnx.ModelProto) -> None:
        model.graph.node[0].input[0] = "nothing"

    generator = spoilt(tmp_path, unknown_name)
    with pytest.raises(ArtifactError, match="cannot load the model") as caught:
        generator.provider  # noqa: B018
    assert onnxruntime.__version__ in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_graph_that_fails_on_some_sizes(tmp_path: Path) -> None:
    def add_fixed_size(model: onnx.ModelProto) -> None:
        tensor = numpy_helper.from_array(np.zeros((1, 1, 8, 8), np.float32), "fixed")
        model.graph.initializer.append(tensor)
        model.graph.node[2].input[0] = "sum"
        model.graph.node.insert(2, helper.make_node("Add", ["image", "fixed"], ["sum"]))

    generator = spoilt(tmp_path, add_fixed_size)
    assert generator.vary(images_of(2, 1, 8, 8), latents_of(2)).shape == (2, 1, 8, 8)
    with pytest.raises(ArtifactError, match=r"fails on 2 image.* 7 x 9") as caught:
        generator.vary(images_of(2, 1, 7, 9), latents_of(2))
    assert "\n" not in str(caught.value)


def _without_clip(model: onnx.ModelProto) -> None:
    model.graph.node[-1].CopyFrom(helper.make_node("Neg", ["moved"], ["variation"]))


def _not_a_number(model: onnx.ModelProto) -> None:
    model.graph.node[-1].CopyFrom(helper.make_node("Sub", ["moved", "nan"], ["variation"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array(np.nan, np.float32), "nan"))


def _other_shape(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Concat", ["x", "x"], ["variation"], axis=3))
    model.graph.node[-2].output[0] = "x"


def _nothing(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "zero"))
    names = ["x", "zero", "zero", "zero"]
    model.graph.node.append(helper.make_node("Slice", names, ["variation"]))
    model.graph.node[-2].output[0] = "x"


@pytest.mark.parametrize("singly", [False, True])
@pytest.mark.parametrize("change", [_without_clip, _not_a_number, _other_shape, _nothing])
def test_a_graph_that_returns_something_else(
    tmp_path: Path, change: Callable[[onnx.ModelProto], None], singly: bool
) -> None:
    call, latents = spoilt(tmp_path, change).vary, latents_of(2)
    text = refused(ArtifactError, call, images_of(2, 1, 8, 8), latents, singly=singly)
    by_value = change in (_without_clip, _not_a_number)
    assert f"its graph returned {'values' if by_value else '['}" in text
    assert f"[{1 if singly else 2}, 1, 8, 8] from 0 to 1" in text


def test_an_input_that_the_graph_does_not_use_is_allowed(tmp_path: Path) -> None:
    def ignore_latent(model: onnx.ModelProto) -> None:
        model.graph.node[0].input[0] = "zero"
        tensor = helper.make_tensor("zero", TensorProto.FLOAT, [1, 4], [0.0] * 4)
        model.graph.initializer.append(tensor)

    images = images_of(2, 1, 8, 8)
    varied = spoilt(tmp_path, ignore_latent).vary(images, latents_of(2))
    np.testing.assert_array_equal(varied, images)


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

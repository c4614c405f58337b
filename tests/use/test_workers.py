"""Real DataLoader workers: the same bytes anywhere, one epoch and switch, errors come back."""

from __future__ import annotations

import copy
import multiprocessing
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import expected_class, write_class_model, write_variation_model
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks._worker_cost import Images
from ganaug import AugmentedDataset, GANAugment, MixedDataset, SyntheticDataset
from ganaug.artifact.policy import Policy
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.errors import ConfigError

pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork"),
]
FORK = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system"
)

TO_TENSOR = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])


def mixture(real: ImageFolder, variation: Path) -> MixedDataset:
    return MixedDataset(real, SyntheticDataset(variation, source=real, counts="balance", seed=5))


def contents(loader: DataLoader[Any]) -> list[tuple[int, bytes]]:
    """(label, bytes) of each item in the order in which the loader yields them."""
    return [
        (int(label), image.numpy().tobytes())
        for images, labels in loader
        for image, label in zip(images, labels, strict=True)
    ]


@FORK
def test_the_same_bytes_where_the_graph_depends_on_the_batch(
    real: ImageFolder, tmp_path: Path
) -> None:
    """Where it does not, the contracts of the data sets say the same."""
    path = write_variation_model(
        tmp_path / "a.onnx", channels=3, latent_dim=19, classes=real.classes, counts=(8, 4, 2),
        batch_exact=False,
    )  # fmt: skip

    def fresh() -> AugmentedDataset:
        outer = AugmentedDataset(mixture(real, path), TO_TENSOR)
        outer.set_epoch(3)
        return outer

    expected = contents(DataLoader(fresh(), batch_size=1))
    assert len({content for _, content in expected}) == 24
    for workers, batch_size in ((0, 24), (0, 5), (1, 7), (4, 3)):
        loader = DataLoader(
            fresh(),
            batch_size=batch_size,
            num_workers=workers,
            multiprocessing_context=context(workers),
        )
        assert contents(loader) == expected
    order = np.random.default_rng(0).permutation(24).tolist()
    shuffled = DataLoader(
        fresh(), batch_size=5, sampler=order, num_workers=2, multiprocessing_context=context(2)
    )
    assert contents(shuffled) == [expected[i] for i in order]


def context(workers: int, method: str = "fork") -> str | None:
    return method if workers else None


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_epoch_and_switch_reach_persistent_workers(
    method: str, real: ImageFolder, variation: Path, by_class: Path
) -> None:
    """And both kinds run in workers of every start method; ants are replaced, none is added."""
    replaced = GANAugment(by_class, p={"ant": 1.0}, scale=0.0)
    outer = AugmentedDataset(mixture(real, variation), v2.Compose([replaced, TO_TENSOR]))
    outer[20]  # the parent's own session is open before the workers start
    loader = DataLoader(
        outer,
        batch_size=6,
        num_workers=1,
        persistent_workers=True,
        multiprocessing_context=method,
    )
    seen = {}
    for name, epoch, enabled in (("a", 0, True), ("b", 1, True), ("off", 1, False), ("c", 0, True)):
        outer.set_epoch(epoch)
        outer.enabled = enabled
        seen[name] = contents(loader)
    assert seen["a"] == seen["c"]
    changed = [a != b for a, b in zip(seen["a"], seen["b"], strict=True)]
    assert changed == [False] * 14 + [True] * 10
    originals = seen["a"][:14]
    expected = expected_class(np.array([0]), np.zeros((1, 4), np.float32), classes=3, channels=3)
    (ant,) = {content for label, content in originals if label == 0}
    found = np.frombuffer(ant, np.float32).reshape(3, 8, 8)
    assert np.abs(found - expected[0]).max() <= 0.51 / 255
    assert seen["off"][:14] == originals
    assert all(item in originals for item in seen["off"][14:])


@pytest.mark.parametrize("method", [pytest.param("fork", marks=FORK), "spawn"])
def test_what_tune_and_evaluate_write_stops_no_training(
    method: str, real: ImageFolder, tmp_path: Path
) -> None:
    """Workers of a later epoch open the file anew; the policy stays that of the first."""
    path = write_class_model(
        tmp_path / "a.onnx", channels=3, classes=real.classes, counts=(8, 4, 2),
        policy=Policy(p=((0, 1.0),), scale=1e-9),
    )  # fmt: skip
    outer = AugmentedDataset(real, v2.Compose([GANAugment(path), TO_TENSOR]))
    first = contents(DataLoader(copy.deepcopy(outer), batch_size=7))
    assert len(set(first)) == 3, "each image is replaced by the one of its class"
    rewrite_metadata(path, gain={"verdict": "helps"}, policy=Policy(p=((0, 0.0),)))
    loader = DataLoader(outer, batch_size=7, num_workers=1, multiprocessing_context=method)
    assert contents(loader) == first


@FORK
def test_seeded_workers_repeat_and_differ_from_each_other(
    real: ImageFolder, variation: Path
) -> None:
    """Each worker varies the same image: no two may draw the same latents."""
    outer = AugmentedDataset(real, v2.Compose([GANAugment(variation, p=1.0), TO_TENSOR]))

    def drawn() -> list[tuple[int, bytes]]:
        torch.default_generator.manual_seed(11)
        same = DataLoader(
            outer, batch_size=2, sampler=[0] * 8, num_workers=2, multiprocessing_context="fork"
        )
        return contents(same)

    first = drawn()
    assert drawn() == first
    assert len(set(first)) == 8


@FORK
def test_two_passes_in_workers_warn_once(real: ImageFolder, variation: Path) -> None:
    made = SyntheticDataset(variation, source=real, counts=8, transform=TO_TENSOR)
    loader = DataLoader(made, batch_size=2, num_workers=2, multiprocessing_context="fork")
    assert len(list(loader)) == 4
    # Warnings are errors in these tests, also in the forked workers, and so come back from them.
    with pytest.raises(UserWarning, match="call set_epoch"):
        list(loader)
    assert len(list(loader)) == 4


@FORK
def test_a_fork_while_a_transform_draws_does_not_lock_the_child(
    real: ImageFolder, variation: Path
) -> None:
    inside, done = threading.Event(), threading.Event()

    def waiting(image: Any) -> Any:
        inside.set()
        done.wait(60)
        return image

    held = SyntheticDataset(variation, source=real, counts=1, transform=waiting)
    free = SyntheticDataset(variation, source=real, counts=1, transform=v2.RandomHorizontalFlip())
    thread = threading.Thread(target=held.__getitem__, args=(0,))
    thread.start()
    assert inside.wait(60)
    process = multiprocessing.get_context("fork").Process(target=free.__getitem__, args=(0,))
    process.start()
    process.join(60)
    if process.is_alive():
        process.kill()
        process.join()
    done.set()
    thread.join()
    assert process.exitcode == 0


@FORK
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory from /proc")
def test_many_batches_leak_nothing(variation: Path) -> None:
    """3,600 images of 12 KB would be 43 MB, a tenth of a worker; the long form is a benchmark."""
    images = Images(3600, GANAugment(variation, p=1.0), measure=True)
    loader = DataLoader(images, 12, num_workers=1, multiprocessing_context="fork")
    memory = [float(measured.max()) for *_, measured in loader]
    early, late = max(memory[30:60]), max(memory[-30:])
    assert 0 < late < 1.05 * early


@FORK
def test_an_error_in_a_worker_names_file_and_item(
    real: ImageFolder, variation: Path, tmp_path: Path
) -> None:
    bad = GANAugment(variation, mean=0.5, std=0.5)
    outer = AugmentedDataset(mixture(real, variation), bad)
    loader = DataLoader(
        outer, sampler=[9], batch_size=None, num_workers=1, multiprocessing_context="fork"
    )
    with pytest.raises(ConfigError, match=r"item 9 of MixedDataset \('.*bee.1\.png'\): mean= and"):
        next(iter(loader))


@FORK
def test_what_a_worker_raises_keeps_the_lines_of_its_traceback(
    real: ImageFolder, variation: Path
) -> None:
    train = AugmentedDataset(real, GANAugment(variation, mean=0.5, std=0.5))
    with pytest.raises(ConfigError, match="Caught ConfigError in DataLoader worker") as caught:
        next(iter(DataLoader(train, num_workers=1, multiprocessing_context="fork")))
    assert "\n  File " in str(caught.value)
    assert str(caught.value).splitlines()[-1].startswith("ganaug.errors.ConfigError: item 0 of")

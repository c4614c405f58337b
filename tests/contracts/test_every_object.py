"""What every public transform, data set, sampler and over-sampler promises."""

from __future__ import annotations

import ast
import copy
import io
import multiprocessing
import os
import pickle
import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from contracts.files import Files
from contracts.objects import DATA_SETS, OBJECTS, SAMPLERS, PublicObject, over
from contracts.observe import Observed, content, observe, unchanged
from imblearn.base import BaseSampler
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.transforms import v2

import ganaug
from ganaug import Generator
from ganaug.errors import GanaugError

pytestmark = [
    pytest.mark.filterwarnings("ignore:two passes over the generated images"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork"),
]
NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

KINDS = {
    v2.Transform: "transform",
    torch.nn.Module: "transform",
    Dataset: "data set",
    Sampler: "sampler",
    BaseSampler: "over-sampler",
}
MAKES_IMAGES = [case for case in OBJECTS if case not in SAMPLERS]


def seen(case: PublicObject, built: Any, files: Files, seed: int | None = 0) -> Any:
    return observe(case.kind, built, case.given(files), seed)


# The list of objects


def test_every_public_object_is_in_the_list() -> None:
    public = {name: getattr(ganaug, name) for name in ganaug.__all__}
    found = {
        (name, kind)
        for name, value in public.items()
        for base, kind in KINDS.items()
        if isinstance(value, type) and issubclass(value, base)
    }
    assert {(case.public, case.kind) for case in OBJECTS} == found
    assert {case.public for case in OBJECTS if case.refused} == {name for name, _ in found}
    assert len({case.name for case in OBJECTS}) == len(OBJECTS)


def test_every_exception_names_a_check_and_says_why() -> None:
    checks = {
        node.name
        for file in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    for case in OBJECTS:
        assert set(case.exceptions) <= checks, case.name
        assert all(len(reason) > 10 for reason in case.exceptions.values()), case.name


@over(OBJECTS)
def test_the_case_builds_what_it_says(case: PublicObject, files: Files) -> None:
    built = case.built(files)
    assert type(built) is getattr(ganaug, case.public)
    assert case.public in repr(built)


# Copies


def by_pickle(built: Any) -> Any:
    return pickle.loads(pickle.dumps(built))


def by_torch_save(built: Any) -> Any:
    buffer = io.BytesIO()
    torch.save(built, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize("copied", [by_pickle, by_torch_save, copy.deepcopy, copy.copy])
@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
@over(OBJECTS)
def test_a_copy_does_the_same(
    case: PublicObject, used: bool, copied: Callable[[Any], Any], files: Files
) -> None:
    built = case.built(files)
    if used:
        seen(case, built, files)
    twin = copied(built)
    assert type(twin) is type(built)
    expected = seen(case, built, files)
    assert seen(case, twin, files) == expected
    assert sorted(vars(twin)) == sorted(vars(built))


@over([*DATA_SETS, *SAMPLERS])
def test_a_copy_has_an_epoch_of_its_own(case: PublicObject, files: Files) -> None:
    built = case.built(files)
    built.set_epoch(3)
    twins = [by_pickle(built), by_torch_save(built), copy.deepcopy(built)]
    expected = seen(case, built, files)
    built.set_epoch(7)
    later = seen(case, built, files)
    for twin in twins:
        assert seen(case, twin, files) == expected
        twin.set_epoch(5)
    built.set_epoch(7)
    assert seen(case, built, files) == later


# The artifact


@over(OBJECTS)
def test_the_artifact_decides_however_it_is_named(
    case: PublicObject, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = case.artifact(files)
    monkeypatch.chdir(path.parent)
    forms = [path, str(path), path.name, Generator(path, providers="cpu")]
    found = [seen(case, case.build(form, case.given(files)), files) for form in forms]
    assert found[1:] == found[:1] * 3
    other = case.artifact(files, latent_dim=5)
    assert seen(case, case.build(other, case.given(files)), files) != found[0]


def no_file(case: PublicObject, files: Files) -> Path:
    return files.root / "missing.onnx"


def foreign(case: PublicObject, files: Files) -> Path:
    path = files.root / "foreign.onnx"
    path.write_bytes(b"no model")
    return path


def cut_off(case: PublicObject, files: Files) -> Path:
    path = files.root / "cut.onnx"
    path.write_bytes(Path(case.artifact(files)).read_bytes()[:-9])
    return path


def other_classes(case: PublicObject, files: Files) -> Path:
    path: Path = case.artifact(files, classes=("ant", "bees"), counts=(8, 4))
    return path


@pytest.mark.parametrize("bad", [no_file, foreign, cut_off, other_classes])
@over(OBJECTS)
def test_an_artifact_that_cannot_be_used_is_refused(
    case: PublicObject, bad: Callable[[PublicObject, Files], Path], files: Files
) -> None:
    path = bad(case, files)
    with pytest.raises(GanaugError) as caught:
        seen(case, case.build(path, case.given(files)), files)
    message = str(caught.value)
    assert ("'bees'" if bad is other_classes else path.name) in message
    assert ";" in message, "no next step"
    assert "\n" not in message
    assert caught.value.exit_code == 2


@over([case for case in OBJECTS if case.refused])
def test_arguments_out_of_range_are_refused(case: PublicObject, files: Files) -> None:
    for options in case.refused:
        with pytest.raises(GanaugError) as caught:
            seen(case, case.built(files, **options), files)
        message = str(caught.value)
        ((name, value),) = options.items()
        shown = next(iter(value)) if isinstance(value, dict) else value
        assert name in message or str(shown) in message
        assert "; " in message
        assert "\n" not in message
        assert caught.value.exit_code == 2


# What must stay as it is


def random_states() -> Any:
    return content([random.getstate(), list(np.random.get_state()), torch.get_rng_state()])


@over(OBJECTS)
def test_construction_leaves_the_random_state_alone(case: PublicObject, files: Files) -> None:
    given, artifact = case.given(files), case.artifact(files)
    before = random_states()
    case.build(artifact, given)
    assert random_states() == before


@over(OBJECTS)
def test_use_leaves_the_random_state_alone(case: PublicObject, files: Files) -> None:
    built, given = case.built(files), case.given(files)
    before = random_states()
    observe(case.kind, built, given, seed=None)
    assert random_states() == before


@over(OBJECTS)
def test_what_is_given_is_not_written_to(case: PublicObject, files: Files) -> None:
    given = case.given(files)
    before = content(given)
    assert content(case.given(files)) == before
    observe(case.kind, case.build(case.artifact(files), given), given)
    assert content(given) == before


@over(OBJECTS)
def test_torchs_default_dtype_does_not_matter(case: PublicObject, files: Files) -> None:
    given = case.given(files)
    expected = observe(case.kind, case.build(case.artifact(files), given), given)
    usual = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        built = case.build(case.artifact(files), given)
        assert observe(case.kind, built, given) == expected
    finally:
        torch.set_default_dtype(usual)


@over(OBJECTS)
def test_torchs_default_device_does_not_matter(case: PublicObject, files: Files) -> None:
    """Under torch.device("meta") new tensors hold no numbers, and so nothing of ours may be one."""
    given = case.given(files)
    expected = observe(case.kind, case.build(case.artifact(files), given), given)
    with torch.device("meta"):
        built = case.build(case.artifact(files), given)
        assert observe(case.kind, built, given) == expected


# Processes and threads


# A worker costs seconds. One of a fork server gets the same pickles as one that is spawned;
# tests/use/test_workers.py starts it.
STARTED = [each for each in ("fork", "spawn") if each in multiprocessing.get_all_start_methods()]


@pytest.fixture(scope="module", params=STARTED)
def by_worker(request: pytest.FixtureRequest, files: Files) -> dict[str, tuple[Any, Any]]:
    """What each object does here and in a DataLoader's worker, started when all were used here."""
    built = [(case.kind, case.built(files), case.given(files)) for case in OBJECTS]
    copies = copy.deepcopy(built)  # a sampler that was used goes on
    here = [observe(*each) for each in built]
    loader = DataLoader(
        Observed(copies),
        batch_size=None,
        num_workers=1,
        collate_fn=unchanged,
        multiprocessing_context=request.param,
    )
    names = [case.name for case in OBJECTS]
    return dict(zip(names, zip(here, loader, strict=True), strict=True))


@over(OBJECTS)
def test_it_does_the_same_in_a_worker(
    case: PublicObject, by_worker: dict[str, tuple[Any, Any]]
) -> None:
    here, there = by_worker[case.name]
    assert there == here


class Forked(Dataset[Any]):
    """Whether the worker has the session of its parent after it used the object."""

    def __init__(self, generator: Generator, *used: Any) -> None:
        self.generator, self.used = generator, used
        self.parents = generator.session

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        found = observe(*self.used)
        return found, self.generator.session is self.parents


@NEEDS_FORK
@over(MAKES_IMAGES)
def test_no_session_crosses_a_fork(case: PublicObject, files: Files) -> None:
    generator, given = Generator(case.artifact(files), providers="cpu"), case.given(files)
    built = case.build(generator, given)
    here = observe(case.kind, built, given)
    loader = DataLoader(
        Forked(generator, case.kind, built, given),
        batch_size=None,
        num_workers=1,
        collate_fn=unchanged,
        multiprocessing_context="fork",
    )
    ((there, same_session),) = loader
    assert there == here
    assert not same_session


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads open files from /proc")
@over(MAKES_IMAGES)
def test_no_file_stays_open(case: PublicObject, files: Files) -> None:
    built = case.built(files)
    seen(case, built, files)
    handles = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    targets = {os.readlink(link) for link in handles if link.exists()}
    assert not [target for target in targets if target.startswith(str(files.root))]


# Samplers are left out: they hold the state of one loop, each iter() being the next epoch.
@over(MAKES_IMAGES)
def test_threads_read_the_same(
    case: PublicObject, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = case.built(files, **case.still)
    expected = seen(case, built, files, seed=None)
    threads = 3
    start = Barrier(threads)
    interval = sys.getswitchinterval()

    def work(_: int) -> list[Any]:
        given = case.given(files)
        start.wait()
        return [observe(case.kind, built, given, seed=None) for _ in range(3)]

    try:
        sys.setswitchinterval(1e-5)  # so that threads take turns within an item
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(work, range(threads)))
    finally:
        sys.setswitchinterval(interval)
    assert found == [[expected] * 3] * threads

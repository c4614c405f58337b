"""Fixtures that several folders of tests share."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.small_weights import write_weights

ROOT = Path(__file__).parent.parent

# Collection loads modules and makes thousands of items, all of which stay: to look through them
# again and again for garbage takes a third of its time.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage from here on, among what the tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the checkout; skips where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data, the real data sets beside the checkout, is not here")
    return folder


@pytest.fixture
def ctrl_c_is_heard() -> Iterator[None]:
    """Tests that a shell started in the background ignore Ctrl-C; here they do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict of `helpers.small_weights.NETWORK`."""
    return write_weights(tmp_path_factory.mktemp("weights") / "own.pth")

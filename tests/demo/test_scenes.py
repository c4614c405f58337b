"""The demo's scenes, and what it says where matplotlib, whose fonts it draws in, is missing."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from ganaug.cli import run
from ganaug.demo import SCENES
from ganaug.demo.scenes import digits_lt, printed_letters

ROOT = Path(__file__).parent.parent.parent


def test_both_scenes_are_imbalanced_and_have_a_test_part() -> None:
    for scene in SCENES:
        images = scene.images()
        assert images.test is not None
        assert images.counts.min() * 10 < images.counts.max()
        assert (images.test.counts > 0).all()
        assert scene.baseline in scene.arms


def test_help_and_page_say_the_lengths_of_the_scenes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["demo", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    generators = ", ".join(f"{scene.name} {scene.fit['steps']}" for scene in SCENES)
    classifiers = ", ".join(f"{scene.name} {scene.classifier_steps}" for scene in SCENES)
    for which, lengths in (("generator", generators), ("classifier", classifiers)):
        assert f"Of each {which}. [default: {lengths}]" in shown
        assert f"of each {which}; default: {lengths} |" in page


def test_the_digits_are_the_same_each_time() -> None:
    """What letters depend on is tested in test_glyphs.py."""
    first, again = digits_lt(), digits_lt()
    assert np.array_equal(first.images, again.images)
    assert first.fingerprint != digits_lt(seed=1).fingerprint


def test_the_letters_are_small_grey_and_of_one_typeface() -> None:
    images = printed_letters()
    assert images.test is not None
    assert images.classes == tuple("ABCDEFGHIJ")
    assert (images.size, images.channels, images.groups) == ((12, 12), 1, None)
    assert images.counts.tolist() == [100, 4] * 5
    assert images.test.counts.tolist() == [100] * 10
    assert images.fingerprint == printed_letters().fingerprint
    shown = {image.tobytes() for image in images.images}
    assert not any(image.tobytes() in shown for image in images.test.images)
    other = printed_letters(seed=1)
    assert not any(image.tobytes() in shown for image in other.images)


def test_without_matplotlib_the_demo_says_so_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Importing matplotlib fails as where it is missing, and the demo is imported anew."""
    (tmp_path / "matplotlib.py").write_text(
        'raise ModuleNotFoundError("No module named \'matplotlib\'", name="matplotlib")'
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in list(sys.modules):
        if name.split(".")[0] == "matplotlib" or name.startswith("ganaug.demo"):
            monkeypatch.delitem(sys.modules, name)
    out = tmp_path / "out"
    assert run(["demo", "--out", str(out)]) == 2
    said, told = capsys.readouterr()
    assert said == ""
    assert told.count("\n") == 1
    assert "No module named 'matplotlib'" in told
    assert "pip install 'ganaug[demo]'" in told
    assert not out.exists()


def test_matplotlib_is_installed_for_the_demo_and_for_the_tests_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not any("matplotlib" in wanted for wanted in project["dependencies"])
    extras = project["optional-dependencies"]
    assert any(wanted.startswith("matplotlib") for wanted in extras["demo"])
    assert any("demo" in wanted for wanted in extras["dev"] if wanted.startswith("ganaug["))
    assert "'.[demo]'" in (ROOT / "Makefile").read_text(encoding="utf-8")

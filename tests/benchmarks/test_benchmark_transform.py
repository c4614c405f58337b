"""`benchmarks.transform`: all of it runs, and its page shows the figures of its JSON file."""

from __future__ import annotations

import json
import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.small_models import write_variation_model
from PIL import Image

from benchmarks import _at_224, transform
from benchmarks._results import result_text
from benchmarks._worker_cost import measured
from ganaug.training import PRESETS

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "performance.md"


FRESH = transform._fresh


def without_worker_alone(*arguments: object) -> Any:
    """Start a process for the worker without GANAugment, which is the lightest."""
    if "-" in arguments:
        return FRESH(*arguments)
    return measured(*map(str, arguments))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page and result.json beside it, as a quick run writes them; all but one in this process."""
    folder = tmp_path_factory.mktemp("transform")
    config = {**PRESETS["tiny"].to_dict(), "size": (32, 32)}
    write_variation_model(
        folder / "a.onnx", channels=3, size=(32, 32), latent_dim=config["latent_dim"], config=config
    )
    (folder / "page.md").write_text(f"before\n{transform.MARKS[0]}old\n{transform.MARKS[1]}after\n")
    options = ["--artifact", "a.onnx", "--json", "result.json", "--markdown", "page.md"]
    paths = [str(folder / each) if "." in each else each for each in options]
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(transform, "_fresh", without_worker_alone)
        warnings.simplefilter("ignore")  # torch's about forks and the number of workers
        done = CliRunner().invoke(transform.main, ["--quick", *paths], catch_exceptions=False)
    assert done.exit_code == 0
    return folder / "page.md"


def figures(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in figures(each)]
    return [value] if isinstance(value, float) else []


def test_a_quick_run_measures_everything(page: Path) -> None:
    text = (page.parent / "result.json").read_text()
    result = json.loads(text)
    assert text == result_text(result)
    for side in (result, result["by_image"]["RGB 32 px"]):
        for key in ("single", "batched"):
            both = side[key]
            assert both["ratio"] == pytest.approx(both["ours_us"] / both["randaugment_us"])
        assert set(side["onnxruntime_over_eager"]) == {"1", "64"}
    loader = result["loader"]
    rates = loader["ours_images_per_s"], loader["randaugment_images_per_s"]
    assert loader["ratio"] == pytest.approx(rates[0] / rates[1])
    assert loader["generated_share"] == pytest.approx(6 / 16)
    assert result["first_item_s"] == result["by_start_method"]["fork"]["first_item_s"]
    assert result["long_run"]["batches"] == 40
    assert result["first_item_s"] > 0
    assert result["import_s"] > 0
    assert result["quick"]
    assert all(math.isfinite(number) for number in figures(result))


def test_the_table_is_put_between_the_marks(page: Path) -> None:
    result = json.loads((page.parent / "result.json").read_text())
    text = page.read_text()
    assert text.startswith(f"before\n{transform.MARKS[0]}| one thread | RGB 32 px | target |\n")
    assert text.endswith(f"{transform.MARKS[1]}after\n")
    assert transform.table(result) in text
    assert f"**{result['single']['ratio']:.2f}**" in text


def test_the_page_of_the_documentation_shows_its_json_file() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = re.findall(r"--json (results/transform-[a-z0-9-]+\.json)", text)
    assert names.pop() == "results/transform-224.json"
    assert len(names) == 1
    result = json.loads((ROOT / names[0]).read_text(encoding="utf-8"))
    assert not result["quick"]
    assert transform.table(result) in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--markdown", "nowhere.md"], "nowhere.md: no such page"),
        (["--markdown", "empty.md"], "empty.md: has no table"),
        (["--json", "nowhere/result.json"], "there is no folder"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.md").write_text("a page without a table\n")
    done = CliRunner().invoke(transform.main, options)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.fixture(scope="module")
def at_224(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page and result.json beside it, of a quick run at 224 px."""
    folder = tmp_path_factory.mktemp("at-224")
    write_variation_model(folder / "a.onnx", channels=3)
    (folder / "photos").mkdir()
    for at in range(_at_224.LEAST):
        levels = np.random.default_rng(at).integers(0, 256, (40, 60, 3), np.uint8)
        Image.fromarray(levels).save(folder / "photos" / f"{at}.jpg")
    marks = _at_224.MARKS
    (folder / "page.md").write_text(f"before\n{marks[0]}old\n{marks[1]}after\n")
    options = ["--at-224", "--quick"]
    for name, path in (
        ("--artifact", "a.onnx"), ("--photos", "photos"), ("--json", "result.json"),
        ("--markdown", "page.md"),
    ):  # fmt: skip
        options += [name, str(folder / path)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's about forks and the number of workers
        done = CliRunner().invoke(transform.main, options, catch_exceptions=False)
    assert done.exit_code == 0
    return folder / "page.md"


def test_photographs_at_224_px_beside_other_augmentations(at_224: Path) -> None:
    result = json.loads((at_224.parent / "result.json").read_text())
    forms = result["one_thread"]
    assert set(forms) == set(_at_224.FORMS)
    assert set(forms["batch"]["ratios"]) == set(_at_224.OTHERS)
    assert all(len(each) == 3 for timed in forms.values() for each in timed["ratios"].values())
    loader = result["loader"]
    assert (loader["images"], loader["workers"]) == (32, 2)
    assert loader["pil"]["lowest"] <= loader["pil"]["ratio"] <= loader["pil"]["highest"]
    assert set(result["engines"]) == {"32", "64", "224"}
    assert all(math.isfinite(number) and number > 0 for number in figures(result))
    text = at_224.read_text()
    assert text.startswith(f"before\n{_at_224.MARKS[0]}| one thread, 224 px |")
    assert text.endswith(f"{_at_224.table(result)}{_at_224.MARKS[1]}after\n")


def test_too_few_photographs_are_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(transform.main, ["--at-224", "--photos", str(tmp_path)])
    assert done.exit_code == 2
    assert "0 JPEG files" in done.stderr


def test_the_page_shows_the_file_of_224_px() -> None:
    result = json.loads((ROOT / "results" / "transform-224.json").read_text(encoding="utf-8"))
    assert not result["quick"]
    assert _at_224.table(result) in PAGE.read_text(encoding="utf-8")

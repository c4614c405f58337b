"""The folder of an evaluation."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.records import diversity_record, gain_record
from helpers.small_images import bars
from helpers.small_models import write_variation_model
from PIL import Image

from ganaug import Generator
from ganaug.evaluation.diversity.inspection import inspect_samples
from ganaug.evaluation.diversity.samples import draw_samples
from ganaug.report.folder import write_evaluation


def test_the_folder_of_an_evaluation(tmp_path: Path) -> None:
    generator = Generator(write_variation_model(tmp_path / "m.onnx", classes=("bar 0", "bar 1")))
    images, folder = bars((3, 2)), tmp_path / "new" / "evaluation"
    samples = draw_samples(generator, images)
    gain, diversity = gain_record(), diversity_record()
    report = write_evaluation(
        folder,
        generator.info,
        samples,
        inspection=inspect_samples(generator, images),
        gain=gain,
        diversity=diversity,
    )
    assert report == folder / "report.html"
    assert json.loads((folder / "gain.json").read_text()) == gain.to_dict()
    assert json.loads((folder / "diversity.json").read_text()) == diversity.to_dict()
    with Image.open(folder / "grid.png") as picture:
        assert picture.format == "PNG"
        side = 12 * 5 + 2
        assert picture.size == (9 * side + 2, 2 * side + 2)
    page = report.read_text(encoding="utf-8")
    # two classes, the suspects, what changes in either class, eight images at each strength
    assert page.count("<img ") == 2 + 4 + 2 + 8
    assert "Map of the images" in page
    bare = write_evaluation(tmp_path / "bare", generator.info, samples)
    assert "Map of the images" not in bare.read_text(encoding="utf-8")
    names = sorted(path.name for path in (tmp_path / "bare").iterdir())
    assert names == ["grid.png", "report.html"]

"""Pictures of samples: their captions, and the images as they were drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers.records import CLASSES, metadata_record, samples_record
from helpers.small_images import bars

from ganaug.evaluation.diversity.samples import ClassSamples
from ganaug.report.changes import changes_section, strength_section
from ganaug.report.filter import ClassFilter
from ganaug.report.page import write_report
from ganaug.report.pictures import class_pictures


def test_a_picture_of_each_class_with_its_caption() -> None:
    images = bars((4, 4), size=(8, 8)).images
    samples = [
        ClassSamples("a", (images[:3], images[3:6])),
        ClassSamples("b", (images[4:7],)),
    ]
    pictures = class_pictures(samples, {"a": 1, "c": 3})
    assert [picture.caption for picture in pictures] == ["a, fitted on 1 image", "b"]
    assert pictures[0].image.size == (3 * 66 + 2, 2 * 66 + 2)
    pixels = np.asarray(pictures[0].image)
    assert (pixels[2:66, 2:66] == images[0, ..., 0].repeat(8, 0).repeat(8, 1)).all()
    assert (pixels[68:132, 68:132] == images[4, ..., 0].repeat(8, 0).repeat(8, 1)).all()


def test_parts_that_show_some_classes_say_how_many() -> None:
    samples = samples_record()
    for names, share in ((CLASSES, ""), ((*CLASSES, "d", "e"), "3 of 5 classes, from the rarest")):
        classes = ClassFilter(names)
        for page in (
            changes_section(samples.changes, {}, classes),
            strength_section(samples.strengths, 1.0, classes),
        ):
            assert (share in page, " classes, " in page) == (True, bool(share))
            assert ('<p class="lacking of c3 c4">' in page) == bool(share)


def test_the_strength_that_a_file_uses_is_told(tmp_path: Path) -> None:
    info = metadata_record()
    assert info.policy is not None
    policy = replace(info.policy, scale=1.75)
    never = replace(info.policy, p=((1, 0.0),))
    for each, words in (
        (policy, "1 is what was trained, and 1.75 is what this file uses."),
        (never, "1 is what was trained; this file uses none of it."),
    ):
        write_report(
            tmp_path / "report.html",
            metadata=replace(info, policy=each),
            samples=samples_record(),
        )
        assert words in (tmp_path / "report.html").read_text(encoding="utf-8")

"""Pictures of samples: their captions, and the images as they were drawn."""

from __future__ import annotations

import numpy as np
from helpers.small_images import bars

from ganaug.evaluation.diversity.samples import ClassSamples
from ganaug.report.pictures import class_pictures


def test_a_picture_of_each_class_with_its_caption() -> None:
    images = bars((4, 4), size=(8, 8)).images
    samples = [
        ClassSamples("a", 1, (images[:3], images[3:6])),
        ClassSamples("b", 5, (images[4:7],)),
    ]
    pictures = class_pictures(samples)
    assert [picture.caption for picture in pictures] == ["a, 1 image", "b, 5 images"]
    assert pictures[0].image.size == (3 * 66 + 2, 2 * 66 + 2)
    pixels = np.asarray(pictures[0].image)
    assert (pixels[2:66, 2:66] == images[0, ..., 0].repeat(8, 0).repeat(8, 1)).all()
    assert (pixels[68:132, 68:132] == images[4, ..., 0].repeat(8, 0).repeat(8, 1)).all()

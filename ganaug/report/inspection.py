"""The parts of the report that show single images: suspicious samples, and a map of features."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ganaug.evaluation.diversity.inspection import Inspection, Suspect
from ganaug.report.filter import NO_FILTER, ClassFilter
from ganaug.report.html import figure, paragraph, section
from ganaug.report.pictures import tiles
from ganaug.report.plots import legend, scatter

__all__ = ["map_section", "suspects_section"]

MAPS = 6  # of single classes: those with a failure, then from the rarest on


def suspects_section(inspection: Inspection, classes: ClassFilter = NO_FILTER) -> str:
    """Return the generated images that lie nearest to a training image, each beside it."""
    if not inspection.suspects:
        return ""
    varied = inspection.suspects[0].source is not None
    order = "its source, the generated image, " if varied else "the generated image, "
    text = (
        f"From the left: {order}and the training image nearest to it{WITHOUT if varied else ''}."
        " Under each the distance between the last two, over the distance of the training image to"
        " its 5th nearest other one. At 0 the two are equal; from 1 on they are no nearer than"
        " training images are to one another. Between, look: a copy shows the same object in the"
        " same place."
    )
    figures = "".join(_suspect(suspect, classes) for suspect in inspection.suspects)
    return section(
        "Most suspicious samples",
        paragraph(text),
        classes.lacking({suspect.name for suspect in inspection.suspects}),
        f'<div class="pictures small">{figures}</div>',
    )


WITHOUT = ", the source left out"


def _suspect(suspect: Suspect, classes: ClassFilter) -> str:
    shown = [suspect.image, suspect.neighbour]
    if suspect.source is not None:
        shown.insert(0, suspect.source)
    beside = (
        "" if suspect.neighbour_name == suspect.name else f", nearest: {suspect.neighbour_name}"
    )
    caption = f"{suspect.ratio:.2f}, {suspect.name}{beside}"
    return figure(tiles([np.stack(shown)]), caption, classes.mark(suspect.name))


def map_section(
    inspection: Inspection, classes: ClassFilter = NO_FILTER, failed: Collection[str] = ()
) -> str:
    """Return real and generated images as points: of all classes, the `failed`, and rare ones."""
    shown = ""
    mapped: set[str] = set()
    counts = np.bincount(inspection.real_labels, minlength=len(inspection.classes))
    charts = [scatter("all classes", _points(inspection.real), _points(inspection.synthetic))]
    if len(inspection.classes) > 1:
        present = np.unique(inspection.synthetic_labels)
        fine = np.array([inspection.classes[label] not in failed for label in present])
        order = present[np.lexsort((counts[present], fine))]
        if len(order) > MAPS:
            shown = (
                f" Of {len(order)} classes {MAPS} are shown: those with a word of failure, then the"
                " rarest."
            )
        mapped = {inspection.classes[label] for label in order[:MAPS]}
        for label in order[:MAPS].tolist():
            charts.append(
                scatter(
                    inspection.classes[label],
                    _points(inspection.real[inspection.real_labels == label]),
                    _points(inspection.synthetic[inspection.synthetic_labels == label]),
                    _points(inspection.real),
                    classes.mark(inspection.classes[label]),
                )
            )
    text = (
        "Each point is an image, on the first two principal components of the real pixels; they"
        f" hold {100 * inspection.explained:.0f}% of the variance, so points that fall together"
        " here need not be alike. Generated points in one heap among spread real ones are a sign of"
        f" collapse.{shown}"
    )
    key = legend([("hollow", "real"), ("ours", "generated")])
    charts_html = f'<div class="charts small">{"".join(charts)}</div>'
    lacking = classes.lacking(mapped) if mapped else ""
    return section("Map of the images", paragraph(text), key, lacking, charts_html)


def _points(places: np.ndarray) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in places]

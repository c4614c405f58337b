"""The parts of the report that show what a generator changes, and at which strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ganaug.evaluation.diversity.changes import ClassChange, Strength
from ganaug.report.filter import NO_FILTER, ClassFilter
from ganaug.report.html import figure, paragraph, picture, section
from ganaug.report.pictures import heat_row, strip, with_count

__all__ = ["changes_section", "strength_section"]


def changes_section(
    changes: Sequence[ClassChange],
    counts: Mapping[str, int],
    classes: ClassFilter = NO_FILTER,
) -> str:
    """Return for each class a real image, and where and how much variations of it differ."""
    if not changes:
        return ""
    tops = [
        max(float(getattr(each, name).max()) for each in changes)
        for name in ("moved", "light", "detail")
    ]
    text = (
        "From the left: a real image of the class, then the mean over variations of what changes at"
        f" each place. Moved: how far its content came from (white: {tops[0]:.1f} px). Light:"
        f" brightness and colour (white: {_share(tops[1])} of the range). Detail: blur and new"
        f" texture (white: {_share(tops[2])}). Black is no change. The numbers are means over the"
        " image."
    )
    names = {each.name for each in changes}
    figures = "".join(_change(each, tops, counts, classes) for each in changes)
    return section(
        "What changes",
        paragraph(text + classes.share(names)),
        classes.lacking(names),
        f'<div class="pictures small">{figures}</div>',
    )


def _change(
    change: ClassChange, tops: Sequence[float], counts: Mapping[str, int], classes: ClassFilter
) -> str:
    maps = (change.moved, change.light, change.detail)
    moved, light, detail = (float(each.mean()) for each in maps)
    caption = (
        f"{with_count(change.name, counts)}: moved {moved:.1f} px,"
        f" light {_share(light)}, detail {_share(detail)}"
    )
    return figure(heat_row(change.image, maps, tops), caption, classes.mark(change.name))


def _share(value: float) -> str:
    return f"{100 * value:.0f}%" if value >= 0.1 else f"{100 * value:.1f}%"


def strength_section(
    strengths: Sequence[Strength],
    usual: float,
    classes: ClassFilter = NO_FILTER,
    *,
    never: bool = False,
) -> str:
    """Return images at each strength of the latent, and the stops to choose one of them.

    Args:
        strengths: all at the same scales.
        usual: the scale that is shown first.
        classes: to choose from.
        never: the policy of the file is never to vary.
    """
    if not strengths:
        return ""
    scales = strengths[0].scales
    first = int(np.argmin([abs(scale - usual) for scale in scales]))
    # Radio buttons, because a browser moves between them with the arrow keys and without a script.
    stops = "".join(
        f'<input type="radio" name="strength" id="s{at}" autocomplete="off"'
        f"{' checked' if at == first else ''}>"
        f'<label for="s{at}">{scale:.3g}</label>'
        for at, scale in enumerate(scales)
    )
    last = max(len(scales) - 1, 1)
    rules = "".join(
        f"#s{at}:checked~.strips img{{object-position:{100 * at / last:.4g}% 0}}"
        for at in range(len(scales))
    )
    listed = ", ".join(f"{scale:.3g}" for scale in scales)
    used = "; this file uses none of it" if never else f", and {usual:.3g} is what this file uses"
    text = (
        "The same images with the same latents, times the number that you choose. 0 is no latent,"
        f" 1 is what was trained{used}. Beyond 1 you see how images fail."
    )
    names = {each.name for each in strengths}
    figures = "".join(_strip(each, listed, classes) for each in strengths)
    return section(
        "Strength of the latent",
        paragraph(text + classes.share(names)),
        classes.lacking(names),
        f'<style>{rules}</style><div class="strength" role="radiogroup"'
        f' aria-label="strength of the latent" style="--stops:{len(scales)}">{stops}'
        f'<p class="soft paper">From the left: {listed}.</p>'
        f'<div class="strips">{figures}</div></div>',
    )


def _strip(strength: Strength, listed: str, classes: ClassFilter) -> str:
    image, (width, height) = strip(strength.images)
    shape = f"--one:{width}/{height};--all:{width * len(strength.images)}/{height}"
    shown = picture(image, f"{strength.name}, from the left at strength {listed}", shape)
    return figure(shown, strength.name, classes.mark(strength.name))

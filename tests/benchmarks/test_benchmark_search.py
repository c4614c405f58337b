"""The arms of a search for the best free one: each may be the baseline, and has its own name."""

from __future__ import annotations

import pytest

from benchmarks._search import FREE_ARMS, on_best
from ganaug.errors import ConfigError
from ganaug.evaluation.arms import parse_arm


def test_the_arms_may_be_baselines_and_are_read_from_their_names() -> None:
    names = {*FREE_ARMS, *on_best("balanced+affine", ("flip", "flips"))}
    assert {"balanced+affine+mixup", "plain+affine+mixup+drw", "plain+affine+logits"} <= names
    assert "balanced+affine+flips" in names
    for arm in map(parse_arm, sorted({*names, *on_best("balanced+affine+smote", ("flip",))})):
        assert arm.may_be_baseline
        for other in (arm, arm.below(), arm.on_top("variation"), arm.on_top("class")):
            assert parse_arm(other.name) == other


def test_what_an_arm_has_is_not_put_on_top_of_it_again() -> None:
    more = on_best("balanced+randaugment-14+flips+mixup", ("flip", "flips"))
    assert more == (
        "balanced+randaugment-14+flips+mixup",
        "balanced+randaugment-14+flips+standardise+mixup",
        "balanced+randaugment-14+flips+smote+mixup",
        "plain+randaugment-14+flips+mixup+weighted",
        "plain+randaugment-14+flips+mixup+logits",
        "plain+randaugment-14+flips+mixup+drw",
    )
    assert on_best("balanced+shift")[-2:] == ("plain+shift+drw", "plain+shift+mixup+drw")


@pytest.mark.parametrize(
    ("name", "words"),
    [("plain+affine", "needs to be balanced and free"), ("balanced+lda", "without lda")],
)
def test_an_arm_that_nothing_goes_on_top_of_is_refused(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        on_best(name)

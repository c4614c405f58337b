from __future__ import annotations

import pickle

import pytest

from ganaug.errors import ConfigError
from ganaug.evaluation.arms import Arm, make_plan, parse_arm
from ganaug.evaluation.arms.plan import DEFAULT_FREE_ARMS


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        ("plain", Arm(balanced=False)),
        ("balanced", Arm(balanced=True)),
        ("balanced+affine+jitter", Arm(True, ("affine", "jitter"))),
        ("balanced+randaugment-5", Arm(True, ("randaugment-5",))),
        ("ganaug", Arm(True, (), "transform")),
        ("ganaug+randaugment", Arm(True, ("randaugment",), "transform")),
        ("mixed+affine", Arm(True, ("affine",), "mixed")),
        ("synthetic", Arm(True, (), "synthetic")),
        ("warp+affine", Arm(True, ("affine",), "warp")),
        ("folder:made", Arm(True, (), "folder", folder="made")),
        (
            "folder:C:/my made/+affine+mixup+longer-2",
            Arm(True, ("affine",), "folder", mix="mixup", longer=2, folder="C:/my made/"),
        ),
        ("folder-only:../made+flip", Arm(True, ("flip",), "folder-only", folder="../made")),
        ("warp-plain+logits", Arm(False, (), "warp", loss="logits")),
        (
            "ganaug@top=0.9@from=1@until=0.8+flip",
            Arm(
                True,
                ("flip",),
                "transform",
                (("top", 0.9), ("from", 1.0), ("until", 0.8)),
            ),
        ),
        (
            "plain+affine+mixup+drw",
            Arm(False, ("affine",), mix="mixup", loss="drw"),
        ),
        (
            "plain+randaugment+lda",
            Arm(False, ("randaugment",), lda=True),
        ),
        (
            "balanced+shift+standardise+smote+longer-8",
            Arm(
                True,
                ("shift",),
                view="standardise",
                smote=True,
                longer=8,
            ),
        ),
    ],
)
def test_names_describe_arms(name: str, arm: Arm) -> None:
    assert parse_arm(name) == arm
    assert arm.name == name
    assert pickle.loads(pickle.dumps(arm)) == arm
    assert arm.free == (arm.use is None)
    assert arm.may_be_baseline == (arm.free and arm.longer == 1)
    assert arm.needs_generator == (not arm.free and arm.folder is None)
    assert arm.learned == (arm.use in ("transform", "mixed", "synthetic"))


def test_the_free_arms_may_be_baselines() -> None:
    assert all(parse_arm(name).may_be_baseline for name in DEFAULT_FREE_ARMS)


def test_two_spellings_of_an_arm_are_one() -> None:
    """The order of augmentations is that in which they are applied; that of all else is none."""
    spelled = ["plain+logits+mixup+affine+longer-2", "plain+longer-2+affine+logits+mixup"]
    assert {parse_arm(name).name for name in spelled} == {"plain+affine+mixup+logits+longer-2"}
    options = parse_arm("ganaug@scale=0.50@p=1.0+flip")
    assert options.name == "ganaug@p=1@scale=0.5+flip"
    assert parse_arm(options.name) == options
    assert parse_arm("balanced+affine+jitter") != parse_arm("balanced+jitter+affine")
    assert parse_arm("ganaug@p=0.123456789").name == "ganaug@p=0.123456789"


def test_every_arm_has_the_name_that_it_is_read_from() -> None:
    """Whatever `below` and `on_top` make of it."""
    names = {*DEFAULT_FREE_ARMS, "plain+affine+lda", "balanced+lda", "balanced+equalise"}
    names |= {"balanced+affine+flip+smote", "balanced+affine+standardise+smote"}
    names |= {"balanced+affine+smote+cutmix", "plain+affine+mixup+drw", "plain+affine+weighted"}
    for arm in map(parse_arm, sorted(names)):
        for other in (arm, arm.below(), arm.on_top("variation"), arm.on_top("class")):
            assert parse_arm(other.name) == other
        for other in (arm.on_folder("my/made"), arm.on_folder("made").below()):
            assert parse_arm(other.name) == other


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("balanced+afine", "did you mean 'affine'"),
        ("balansed+affine", "did you mean 'balanced'"),
        ("affine", "an arm starts with one of plain, balanced, ganaug, ganaug-plain"),
        ("", "an arm starts with"),
        ("balanced+", "'' is no augmentation"),
        ("balanced+affine+affine", "'affine' stands twice"),
        ("balanced+mixup+cutmix", "'mixup' and 'cutmix'; allowed: one of them"),
        ("balanced+weighted", "balanced already; allowed: with plain"),
        ("plain+smote", "allowed: with balanced"),
        ("plain+logits+lda", "lda has no loss and takes whole labels; allowed: without logits"),
        ("balanced+mixup+lda", "allowed: without mixup"),
        ("balanced+randaugment-31", "magnitudes from 0 to 30"),
        ("balanced+randaugment-x", "magnitudes from 0 to 30"),
        ("balanced+longer-1", "2 to 100 times the steps"),
        ("balanced@p=0.5", "after a head with ganaug or warp"),
        ("ganaug@p=1.5", "'p=1.5'; allowed"),
        ("ganaug@q=0.5", "'q=0.5'; allowed"),
        ("ganaug@p=x", "'p=x'; allowed"),
        ("ganaug@p=0.5@p=0.6", "once each"),
        ("ganaug@p=0.5@top=0.6", "leave p or the others out"),
        ("folder", "no folder; allowed: folder:DIR"),
        ("folder-only+affine", "no folder; allowed: folder-only:DIR"),
        ("folder:", "folder ''"),
        ("folder:a@b", "folder 'a@b'.*without '+' and '@'"),
        ("folder:made@p=0.5", "folder 'made@p=0.5'"),
        ("folder:c++/made", "the path of a folder has no '+'"),
        ("folder:a\nb", "folder 'a.nb'"),
        ("foldr:made", "did you mean 'folder'"),
        ("balanced:made", "':made'; allowed: a folder after folder or folder-only alone"),
        ("folder:made+weighted", "balanced already"),
        ("folder:made+smote", "allowed: with balanced"),
    ],
)
def test_unknown_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("+", r"\+")) as caught:
        parse_arm(name)
    assert "\n" not in str(caught.value)


def test_a_generator_goes_on_top_of_the_same_steps() -> None:
    base = parse_arm("balanced+affine+jitter")
    assert base.on_top("variation").name == "ganaug+affine+jitter"
    assert base.on_top("class").name == "mixed+affine+jitter"
    assert parse_arm("plain").on_top("variation").name == "ganaug"
    weighted = parse_arm("plain+affine+mixup+drw")
    assert weighted.on_top("variation").name == "ganaug-plain+affine+mixup+drw"
    assert weighted.on_top("class").name == "mixed+affine+mixup"
    filled = parse_arm("balanced+affine+smote")  # in the place of its images, not beside them
    assert [filled.on_top(kind).name for kind in ("variation", "class")] == [
        "ganaug+affine",
        "mixed+affine",
    ]
    assert parse_arm("ganaug-plain+affine+longer-2").below().name == "plain+affine"
    assert parse_arm("warp@p=0.5+affine").below().name == "balanced+affine"


@pytest.mark.parametrize(
    ("name", "baseline", "free"),
    [
        ("mixed+affine", "plain+affine+logits", "plain+affine+logits"),
        ("mixed", "balanced+smote", "balanced+smote"),
        ("ganaug", "balanced+smote", "balanced+smote"),
        ("warp@scale=2", "balanced+smote", "balanced+smote"),
        ("ganaug+longer-3", "plain", "plain+longer-3"),
        ("ganaug-plain+drw", "plain+drw", "plain+drw"),
        ("ganaug+affine", "plain", "balanced+affine"),  # the baseline shows images in another way
        ("ganaug", "plain+logits", "balanced"),  # and so does what weighs classes in another way
        ("mixed", None, "balanced"),
    ],
)
def test_an_arm_that_never_varies_is_the_baseline_that_it_was_put_on(
    name: str, baseline: str | None, free: str
) -> None:
    found = parse_arm(name).never_varying(None if baseline is None else parse_arm(baseline))
    assert found.name == free


def test_longer_arms_bring_the_baseline_at_their_length() -> None:
    named = [
        "plain",
        "plain+logits+longer-3",
        "balanced",
        "ganaug+longer-3",
        "warp+longer-9",
        "warp",
    ]
    plan = make_plan([*named, "ganaug@p=1+longer-3"], "balanced", "variation")
    found = [arm.name for arm in plan.on(parse_arm("balanced"))]
    assert found == [
        "balanced+longer-3",
        "balanced+longer-9",
        "plain+logits+longer-3",
        "ganaug+longer-3",
        "warp+longer-9",
        "warp",
        "ganaug@p=1+longer-3",
    ]
    three = ("balanced+longer-3", "plain", "balanced", "plain+logits+longer-3")
    nine = ("balanced+longer-9", "plain", "balanced", "balanced+longer-3", "plain+logits+longer-3")
    assert plan.to_beat(parse_arm("balanced")) == {
        "ganaug+longer-3": three,
        "warp+longer-9": nine,
        "ganaug@p=1+longer-3": three,
    }
    given = make_plan(["balanced+longer-3", "ganaug+longer-3"], "auto", "variation")
    assert [arm.name for arm in given.on(parse_arm("balanced"))] == [
        "balanced+longer-3",
        "ganaug+longer-3",
    ]


def test_longer_arms_and_warps_are_no_baselines() -> None:
    plan = make_plan(["balanced+longer-3", "balanced", "warp"], "auto", "variation")
    assert [arm.name for arm in plan.free] == ["balanced"]
    assert [arm.name for arm in plan.ours] == ["balanced+longer-3", "warp"]
    assert plan.needs_generator
    assert not make_plan(["balanced+longer-3", "plain"], "auto", None).needs_generator
    assert [a.name for a in make_plan(["balanced+longer-3"], "auto", None).free] == ["balanced"]
    with pytest.raises(ConfigError, match="more steps"):
        make_plan(["plain"], "balanced+longer-3", None)


def test_a_warp_is_refused_beside_a_class_generator() -> None:
    for name in ("warp", "warp-plain@p=0.5+affine"):
        with pytest.raises(ConfigError, match="the generator's kind is 'class'; allowed: var"):
            make_plan(["balanced", "mixed", name], "auto", "class")
        assert make_plan([name], "auto", "variation").needs_generator


def test_the_default_arms_are_those_that_the_classifier_can_be_trained_with() -> None:
    networks, others = (make_plan(None, "auto", None, losses=x) for x in (True, False))
    assert [arm.name for arm in networks.free] == list(DEFAULT_FREE_ARMS)
    assert others.free == networks.free[:4]
    assert all(arm.loss is None for arm in others.free)


def test_a_folder_goes_on_top_of_the_same_steps_beside_the_generator() -> None:
    weighted = parse_arm("plain+affine+mixup+drw")
    assert weighted.on_folder("made").name == "folder:made+affine+mixup"
    assert parse_arm("balanced+smote").on_folder("made").name == "folder:made"
    assert parse_arm("folder-only:made+affine+longer-2").below().name == "balanced+affine"
    plan = make_plan(None, "balanced", "variation", folder="made")
    assert [arm.name for arm in plan.on(parse_arm("balanced"))] == ["ganaug", "folder:made"]
    assert plan.folders == ("made",)


def test_a_folder_needs_no_generator_and_is_no_baseline() -> None:
    plan = make_plan(["balanced", "folder:a", "folder-only:b"], "auto", None, folder="a")
    assert [arm.name for arm in plan.on(parse_arm("balanced"))] == ["folder:a", "folder-only:b"]
    assert (plan.folders, plan.alone) == (("a", "b"), ("b",))
    assert not plan.needs_generator
    assert make_plan(["folder:made+affine"], "auto", None).baseline == parse_arm("balanced+affine")
    with pytest.raises(ConfigError, match="needs a generator, a folder or more steps"):
        make_plan(None, "folder:made", None)
    with pytest.raises(ConfigError, match="folder 'c\\+\\+'"):
        make_plan(None, "auto", None, folder="c++")


def test_a_frozen_network_has_an_arm_of_its_own() -> None:
    others, frozen = (make_plan(None, "auto", "variation", lda=lda) for lda in (False, True))
    assert [arm.name for arm in frozen.free if arm not in others.free] == ["plain+randaugment+lda"]
    on_top = frozen.on(parse_arm("plain+randaugment+lda"))
    assert [arm.name for arm in on_top] == ["ganaug-plain+randaugment+lda"]

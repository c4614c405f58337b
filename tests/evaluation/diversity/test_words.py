"""The table from numbers to words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganaug.evaluation.diversity.measures import MEASURES, Measure
from ganaug.evaluation.diversity.report import ClassDiversity, DiversityReport, meanings
from ganaug.evaluation.diversity.words import FAILURES, RULES, deciding, words_of

FINE = {
    "coverage": Measure(0.95, 0.97, z=-0.5),
    "precision": Measure(0.96, 0.97, z=-0.3),
    "texture": Measure(0.99, 0.98, z=0.2),
    "kernel": Measure(0.01, 0.0, z=0.8),
    "strayed": Measure(0.12, 0.1, z=0.2),
    "lost": Measure(0.03, 0.0, z=0.5),
    "apart": Measure(0.52, 0.5, z=0.4),
    "missing": Measure(0.005, 0.0, z=0.2),
    "near_duplicates": Measure(0.06, 0.05, z=0.3),
    "repeated": Measure(0.0, 0.0),
    "labels": Measure(0.98, 0.99, z=-0.5),
    "mistaken": Measure(0.0, 0.0, z=0.0),
    "copied": Measure(0.05, 0.06, z=-0.1),
    "latent": Measure(0.5, 1.0),
}


def test_nothing_far_from_its_reference_is_ok() -> None:
    assert words_of(FINE, 40, 40, 40) == ("OK",)
    assert words_of(FINE, 39, 400, 400) == ("TOO FEW IMAGES TO TELL",)
    assert words_of(FINE, 400, 39, 39) == ("TOO FEW IMAGES TO TELL",)
    assert words_of({}, 400, 400, 400) == ("OK",)


@pytest.mark.parametrize(
    ("name", "measure", "word"),
    [
        ("labels", Measure(0.45, 0.99, z=-9), "MISLABELLED"),
        ("mistaken", Measure(0.2, 0.0, z=9), "MISLABELLED"),
        ("copied", Measure(0.6, 0.05, z=9), "COPYING"),
        ("precision", Measure(0.6, 0.97, z=-9), "UNFAITHFUL"),
        ("texture", Measure(0.8, 0.98, z=-9), "UNFAITHFUL"),
        ("strayed", Measure(0.6, 0.1, z=9), "UNFAITHFUL"),
        ("near_duplicates", Measure(0.7, 0.05, z=9), "COLLAPSED"),
        ("repeated", Measure(0.25, 0.0), "COLLAPSED"),
        ("coverage", Measure(0.7, 0.97, z=-9), "COLLAPSED"),
        ("latent", Measure(0.01, 1.0), "COLLAPSED"),
    ],
)
def test_each_word_has_numbers_of_its_own(name: str, measure: Measure, word: str) -> None:
    assert words_of({**FINE, name: measure}, 100, 100, 100) == (word,)
    assert words_of({**FINE, name: measure}, 20, 20, 20) == (word,)  # a clear failure is no guess
    if measure.z is not None:
        near = Measure(measure.value, measure.reference, z=3.9 * measure.z / abs(measure.z))
        assert words_of({**FINE, name: near}, 100, 100, 100) == ("OK",)


def test_a_distant_set_is_collapsed_only_where_real_images_lie_beyond_it() -> None:
    kernel = {**FINE, "kernel": Measure(0.1, 0.0, z=8)}
    assert words_of(kernel, 100, 100, 100) == ("OK",)
    lost = {**kernel, "lost": Measure(0.2, 0.01, z=2)}
    assert words_of(lost, 100, 100, 100) == ("COLLAPSED",)


def test_a_distant_set_that_leaves_real_images_uncovered_is_collapsed() -> None:
    kernel = {**FINE, "kernel": Measure(0.1, 0.0, z=8)}
    uncovered = {**kernel, "coverage": Measure(0.85, 0.97, z=-3)}
    assert words_of(uncovered, 100, 100, 100) == ("COLLAPSED",)
    assert words_of({**uncovered, "kernel": FINE["kernel"]}, 100, 100, 100) == ("OK",)


def test_a_word_that_two_numbers_give_names_both() -> None:
    apart = {**FINE, "apart": Measure(0.65, 0.5, z=4), "missing": Measure(0.1, 0.0, z=2)}
    assert deciding(apart, "COLLAPSED") == ("apart", "missing")
    assert deciding({**FINE, "latent": Measure(0.01, 1.0)}, "COLLAPSED") == ("latent",)
    assert deciding(FINE, "OK") == ()


def test_images_that_can_be_told_apart_are_collapsed_only_where_real_ones_are_missing() -> None:
    apart = {**FINE, "apart": Measure(0.65, 0.5, z=4)}
    assert words_of(apart, 100, 100, 100) == ("OK",)
    missing = {**apart, "missing": Measure(0.1, 0.0, z=2)}
    assert words_of(missing, 100, 100, 100) == ("COLLAPSED",)
    assert words_of({**missing, "apart": Measure(0.65, 0.5, z=1.9)}, 100, 100, 100) == ("OK",)
    # The clearer they can be told apart, the fewer need to be missing.
    few = {**FINE, "missing": Measure(0.02, 0.0, z=1)}
    for apart, z, word in ((0.64, 3.1, "COLLAPSED"), (0.64, 2.9, "OK"), (0.62, 3.1, "OK")):
        assert words_of({**few, "apart": Measure(apart, 0.49, z=z)}, 100, 100, 100) == (word,)


def test_a_lost_kind_goes_before_a_likeness_to_another_class() -> None:
    mistaken = {**FINE, "mistaken": Measure(0.1, 0.0, z=9), "apart": Measure(0.7, 0.5, z=5)}
    for missing, words in (
        (0.09, ("MISLABELLED", "COLLAPSED")),
        (0.11, ("COLLAPSED", "MISLABELLED")),
    ):
        found = {**mistaken, "missing": Measure(missing, 0.0, z=4)}
        assert words_of(found, 100, 100, 100) == words


def test_a_few_copies_among_bad_images_are_bad_images() -> None:
    bad = {**FINE, "texture": Measure(0.1, 0.9, z=-20)}
    for copied, word in ((0.5, "UNFAITHFUL"), (0.65, "COPYING")):
        found = {"copied": Measure(copied, 0.05, z=9)}
        assert words_of({**bad, **found}, 100, 100, 100)[0] == word
        assert words_of({**FINE, **found}, 100, 100, 100) == ("COPYING",)


def test_several_words_stand_in_the_order_of_the_table() -> None:
    found = {**FINE, "coverage": Measure(0.1, 0.97, z=-20), "labels": Measure(0, 1, z=-20)}
    assert words_of(found, 100, 100, 100) == ("MISLABELLED", "COLLAPSED")


def test_few_distinct_images_are_collapsed_whatever_they_look_like() -> None:
    found = {**FINE, "near_duplicates": Measure(0.9, 0.05, z=9), "copied": Measure(0.6, 0.05, z=5)}
    assert words_of(found, 100, 100, 20) == ("COPYING", "COLLAPSED")
    assert words_of(found, 100, 100, 19) == ("COLLAPSED", "COPYING")


def test_every_word_is_in_the_table_once_or_more() -> None:
    assert {rule.word for rule in RULES} == set(FAILURES)


def test_the_rules_look_on_the_side_where_a_measure_is_worse() -> None:
    for rule in RULES:
        worse = MEASURES[rule.measure].worse
        assert (rule.times is None, rule.plus is None) == (worse == "higher", worse == "lower")
        if rule.beside is not None:
            name, amount = rule.beside
            assert name in MEASURES
            assert amount > 0


def test_the_page_has_the_bounds() -> None:
    page = (Path(__file__).parents[3] / "docs" / "diversity.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")]
    found = [row[1:3] for row in rows if row[0].removeprefix("| ").isdigit()]
    assert found[: len(RULES)] == [[rule.word, rule.where] for rule in RULES]


@pytest.mark.parametrize(
    ("name", "measure", "word", "bound"),
    [
        ("labels", Measure(0.52, 0.99, z=-9), "MISLABELLED", 0.495),
        ("texture", Measure(0.84, 0.98, z=-9), "UNFAITHFUL", 0.833),
        ("copied", Measure(0.45, 0.06, z=9), "COPYING", 0.46),
    ],
)
def test_a_number_just_short_of_a_word_is_told(
    name: str, measure: Measure, word: str, bound: float
) -> None:
    def report(measure: Measure, word: str) -> DiversityReport:
        measures = {**FINE, name: measure}
        each = ClassDiversity("ok", 50, 50, "measured", word, (word,), measures)
        return DiversityReport("photos", "variation", (each,), {}, "rule", {})

    assert words_of({**FINE, name: measure}, 50, 50, 50) == ("OK",)
    value = f"{name} {measure.value:.2f} ({measure.reference:.2f})"
    told = f"ok is close to {word} by {value}, of which the bound is {bound:.2f}"
    assert report(measure, "OK").reasons == [told]
    assert f"\n{told}\n" in report(measure, "OK").text(80)
    assert report(measure, "COLLAPSED").reasons == []  # which says more
    assert report(Measure(measure.value, measure.reference, z=0.5), "OK").reasons == []
    halfway = Measure((measure.value + measure.reference) / 2, measure.reference, z=measure.z)
    assert report(halfway, "OK").reasons == []


def test_a_number_close_to_its_bound_is_told_apart_from_it_and_explained() -> None:
    def report(name: str, measure: Measure) -> DiversityReport:
        measures = {**FINE, name: measure}
        each = ClassDiversity("ok", 200, 200, "measured", "OK", ("OK",), measures)
        return DiversityReport("photos", "variation", (each,), {}, "rule", {})

    close = report("mistaken", Measure(0.0561, 0.0, z=8))
    told = "mistaken 0.056 (0.000), of which the bound is 0.060"
    assert close.reasons == [f"ok is close to MISLABELLED by {told}"]
    below = report("coverage", Measure(0.64401, 0.805, z=-8))
    assert below.reasons[0].endswith("coverage 0.64401 (0.80500), of which the bound is 0.64400")
    for width in (None, 30):  # with a table, and without
        assert meanings(["mistaken"])[0] in close.text(width).splitlines()
    assert report("mistaken", Measure(0.02, 0.0, z=8)).deciding == ()

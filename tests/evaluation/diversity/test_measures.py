"""The table of measures: what derives from it, and what has to agree with it."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict

import numpy as np
import pytest
from helpers.small_images import bars

from ganaug.evaluation.diversity import DiversityReport
from ganaug.evaluation.diversity.measures import MEASURES, Measure
from ganaug.evaluation.diversity.report import ClassDiversity
from ganaug.metrics.record import quick_record

SHOWN = {name: Measure(0.5 + 0.01 * i, 0.9, z=-1.0) for i, name in enumerate(MEASURES)}
RECORD = ClassDiversity("a", 40, 30, "measured", "OK", ("OK",), SHOWN)


def test_every_measure_is_an_attribute_of_a_class() -> None:
    for name, measure in SHOWN.items():
        assert getattr(RECORD, name) is measure
    few = ClassDiversity("b", 3, 0, "too few images")
    assert [getattr(few, name) for name in MEASURES] == [None] * len(MEASURES)
    with pytest.raises(AttributeError, match="no attribute 'coverag'"):
        _ = few.coverag


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda record: pickle.loads(pickle.dumps(record))]
)
def test_a_record_can_be_copied_and_pickled(copied: object) -> None:
    assert callable(copied)
    again = copied(RECORD)
    assert again == RECORD
    assert again.coverage == RECORD.coverage
    assert hash(again) == hash(RECORD)


def test_json_values_are_flat_and_null_where_a_measure_was_not_taken() -> None:
    taken = {"precision": Measure(0.5, 0.75), "coverage": Measure(0.25, 1.0, 0.125, 0.5, -2.0)}
    values = ClassDiversity("a", 40, 30, "measured", "OK", ("OK",), taken).to_dict()
    head = ["name", "images", "synthetic", "status", "word", "words"]
    assert list(values) == [*head, *MEASURES]
    assert values["words"] == ["OK"]
    assert values["coverage"] == {
        "value": 0.25,
        "reference": 1.0,
        "low": 0.125,
        "high": 0.5,
        "z": -2.0,
    }
    assert values["precision"] == asdict(taken["precision"])
    assert [name for name in MEASURES if values[name] is not None] == ["coverage", "precision"]
    assert ClassDiversity.from_dict(values).measures == taken
    with pytest.raises(TypeError):
        ClassDiversity.from_dict({**values, "measures": {}})


def test_the_table_of_the_terminal_has_the_measures_that_name_a_class() -> None:
    report = DiversityReport("parts", "images", (RECORD,), SHOWN, "a rule", {})
    heads = [line for line in str(report).splitlines() if line.startswith("class ")]
    (titles,) = [head.split()[3:] for head in heads]
    assert titles == (
        ["coverage", "precision", "texture", "spread", "near-duplicates", "labels", "copied", "ct"]
    )


def test_what_a_run_follows_is_what_it_records() -> None:
    images, made = bars((12, 12)), bars((12, 12), seed=1)
    row = quick_record(images.images, images.labels, made.images, made.labels)
    assert set(row) == {name for name, measure in MEASURES.items() if measure.followed}
    assert np.isfinite(list(row.values())).all()


def test_every_row_says_what_it_is() -> None:
    assert all(row.text for row in MEASURES.values())
    assert all(
        f" {n}: {row.definition}." in str(ClassDiversity.__doc__) for n, row in MEASURES.items()
    )
    assert [row.name for row in MEASURES.values()] == list(MEASURES)

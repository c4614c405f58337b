"""The model card: every part of it, from the metadata alone, with text from outside escaped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from helpers.records import CLASSES, metadata_record

from ganaug.artifact.format import PRIVACY
from ganaug.artifact.policy import Policy
from ganaug.errors import ArtifactError
from ganaug.report.card import model_card
from ganaug.report.markdown import code, fill, plain

GAIN = {
    "dataset": "parts",
    "claim": "for this generator",
    "seeds": 6,
    "test_images": 300,
    "classifier": "resnet-small",
    "steps": 1500,
    "baseline": "balanced",
    "chosen": "ganaug",
    "arms": {
        name: {
            "balanced_accuracy": score,
            "rarer_half": None,
            "macro_f1": score,
            "calibration_error": 0.05,
        }
        for name, score in (("balanced", 0.8), ("ganaug", 0.83))
    },
    "classes": list(CLASSES),
    "recall": {"balanced": [0.9, 0.8, None], "ganaug": [0.9, 0.8, 0.79]},
    "notes": ["2 of 300 test images are also training images"],
    "verdict": "no evidence",
    "mean": 0.03,
    "low": -0.01,
    "high": 0.07,
    "seeds_to_settle": 24,
}
DIVERSITY = {
    "words": {"OK": [CLASSES[0]], "COPYING": [CLASSES[1]], "TOO FEW IMAGES TO TELL": [CLASSES[2]]},
    "macro": {"coverage": [0.8, 0.9], "copied": [0.4, 0.05], "ct": [-3.0, 0.0]},
    "classes": [
        {"name": name, "images": 9, "word": word, "words": [word], "copied": [0.5, 0.1]}
        for name, word in zip(CLASSES, ("OK", "COPYING", "TOO FEW IMAGES TO TELL"), strict=True)
    ],
}


def card(**fields: Any) -> str:
    return model_card(replace(metadata_record(), **fields), "a" * 64)


def test_a_loss_is_called_one_and_a_few_seeds_settle_nothing() -> None:
    assert "About 24 seeds would settle a loss of this size." in card(gain=GAIN | {"mean": -0.03})
    assert "would settle" not in card(gain=GAIN | {"seeds": 2})


def test_words_about_variations_that_are_never_made_say_so() -> None:
    policy = metadata_record().policy
    assert policy is not None
    words = " (of its variations, were they used)."
    never = replace(policy, p=((1, 0.0),))
    assert words in card(diversity=DIVERSITY, policy=never)
    assert words not in card(diversity=DIVERSITY)


def test_every_part_with_its_numbers() -> None:
    text = card(gain=GAIN, diversity=DIVERSITY)
    for words in (
        "# Model card: generator for parts",
        "A file that was trained on private images carries information about them",
        "## Intended use",
        "| class | images | recall with balanced | recall with ganaug | diversity |",
        "| ok | 120 | 90.0% | 90.0% | OK |",
        "p 0.7 at 4 images, 0 at 72 images",
        "There is no evidence for it; `ganaug tune FILE SOURCE` gives some.",
        "**Verdict: no evidence.** ganaug against balanced: +3.0 points of balanced accuracy (95%"
        " interval −1.0 to +7.0). About 24 seeds would settle a gain of this size.",
        "| **ganaug** | 83.0% | – | 83.0% | 5.0% |",
        "**OK** 1 of 3 classes; **COPYING** 1 of 3 classes",
        "| coverage | 0.80 | 0.90 |",
        "Near copies were found in 1 of 3 classes that could be measured",
        "Unusually many images lie near one training image in ok",
        "| copied | 0.40 | 0.05 |",
        "The smallest class has 4 training images",
        "The gain is that of this file",
        "Too few images to tell whether they collapsed: 1 class.",
        "class 'x' has a single image",
        "0" * 64,
    ):
        assert words in text


def test_a_recall_stands_with_its_class_whatever_the_order_of_the_judged_images() -> None:
    """Of a file that does not say the order, only recalls on its own data set are shown."""
    text = card(gain={**GAIN, "classes": list(CLASSES[::-1])})
    assert "| ok | 120 | – | 79.0% |" in text
    assert "| 30 | 80.0% | 80.0% |" in text
    assert "| 4 | 90.0% | 90.0% |" in text
    fewer = card(gain={**GAIN, "classes": ["ok"], "recall": {"balanced": [0.5]}})
    assert "| ok | 120 | 50.0% |" in fewer
    assert "| 30 | – |" in fewer
    before = {name: value for name, value in GAIN.items() if name != "classes"}
    assert "recall with" not in card(gain=before)
    assert "| ok | 120 | 90.0% | 90.0% |" in card(gain={**before, "dataset": "parts <i>"})


def test_one_seed_has_no_interval() -> None:
    text = card(gain={**GAIN, "seeds": 1, "low": -1.0, "high": 1.0})
    assert "+3.0 points of balanced accuracy (one seed: no interval)." in text
    assert "95% interval" not in text


def test_what_was_not_measured_is_said() -> None:
    text = card(policy=None)
    assert text.count("Not measured. `ganaug evaluate FILE SOURCE` measures it") == 2
    assert "whether it makes near copies of training images is unknown" in text
    assert "None: the user says how often to use it." in text
    assert PRIVACY in card(warnings=[PRIVACY]).replace("A file", "a file")
    assert card(warnings=[PRIVACY]).lower().count(PRIVACY) == 1


def test_a_policy_that_could_not_be_measured_is_a_line() -> None:
    """What its owner can do is said by `tune`; `reason` holds it."""
    why = "classes large enough to be made rare for a trial: 0; 3 are needed"
    evidence = {
        "method": "none",
        "reason": f"nothing to measure on; policy is 0 ({why}); add images, or judge a p",
        "simulation": why,
        "candidates": [],
    }
    text = card(policy=Policy(((0, 0.0),), source="tune", evidence=evidence))
    section = text.partition("## Policy\n\n")[2].partition("\n\n## ")[0]
    assert section == (
        "How often an image is varied: never \\(p 0\\); not measured: too few images (classes large"
        " enough to be made rare for a trial: 0; 3 are needed)."
    )


def test_the_evidence_of_a_policy_is_shown() -> None:
    evidence = {"method": "simulated rarity", "gains": [0.021, 0.013]}
    policy = Policy(((0, 0.5),), source="of my own", evidence=evidence)
    assert "method: simulated rarity, gains: \\[0.021, 0.013\\]" in card(policy=policy)


def test_what_tune_measured_is_told_in_words() -> None:
    evidence = {
        "reason": "gentle is taken: expected gain +2.1 points",
        "method": "simulated rarity",
        "free_arms": {"balanced+affine": 0.5},
        "chosen": "gentle",
        "candidates": [{"name": "gentle", "gain": 0.021, "rare": 0.034, "frequent": -0.001}],
        "repetitions": [{}, {}, {}],
        "fingerprint": "0" * 64,
    }
    text = card(policy=Policy(((0, 0.5),), source="tune", evidence=evidence))
    for words in (
        "How often an image is varied: p 0.5 for every class; learnt by tune.",
        "Gentle is taken: expected gain +2.1 points.",
        "Judged by simulated rarity, 3 repetitions, on top of balanced+affine",
        "| **gentle** | +2.1 | +3.4 | −0.1 |",
    ):
        assert words in text
    assert "fingerprint: 0" not in text
    assert "Not tried" not in text
    budget = {"classifier_steps": 900, "fit_steps": 70}
    fewer = evidence | {"not_tried": ["strong", "<b>"], "budget": budget}
    text = card(policy=Policy(((0, 0.5),), source="tune", evidence=fewer))
    assert (
        "Not tried within the budget: strong, \\<b\\>; for all candidates add --steps 900" in text
    )


def test_a_terminal_gets_no_backslashes() -> None:
    text = fill("> never {}, {} {}", "(p 0)", "pitted_surface", code("C:\\a_b"))
    assert text == "> never \\(p 0\\), pitted\\_surface `C:\\a_b`"
    assert plain(text) == "> never (p 0), pitted_surface `C:\\a_b`"
    assert plain(fill("{} {}", "http://a.b", "www.a `x` \\")) == "http://a.b www.a `x` \\"


def test_text_from_outside_is_neither_markdown_nor_html() -> None:
    text = card(gain={**GAIN, "dataset": "a | b\n# c"}, diversity=DIVERSITY)
    assert "<script>" not in text.replace("\\<", "")
    assert "a \\| b \\# c" in text
    tables = [line for line in text.splitlines() if line.startswith("| ") and "script" in line]
    assert tables
    assert all(line.replace("\\|", "").count("|") == 6 for line in tables)


@pytest.mark.parametrize(
    "fields",
    [{"gain": {"verdict": "helps"}}, {"gain": {**GAIN, "arms": 3}}, {"diversity": {"a": 1}}],
)
def test_records_of_another_form_are_refused_in_one_line(fields: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="in another form") as caught:
        card(**fields)
    assert "\n" not in str(caught.value)

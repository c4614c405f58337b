"""Records in short, as they go into the metadata of an artifact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ganaug.artifact.format import PRIVACY
from ganaug.artifact.identity import made_hash
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.errors import ArtifactError
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.diversity.measures import MEASURES
from ganaug.evaluation.gain.scores import mean_or_none
from ganaug.locks import updating
from ganaug.wording import one_line

if TYPE_CHECKING:
    from ganaug.artifact.policy import Policy
    from ganaug.artifact.runtime import Generator
    from ganaug.evaluation.diversity.measures import Measure
    from ganaug.evaluation.diversity.report import DiversityReport
    from ganaug.evaluation.gain.report import GainReport

__all__ = ["diversity_summary", "gain_summary", "write_back"]

DIGITS = 5
MOST_OF_A_NAME = 700  # letters; a scikit-learn classifier says all of its settings


def write_back(
    generator: Generator, gain: GainReport | None, diversity: DiversityReport | None
) -> str:
    """Put the records in short into the file of `generator`; one that is None stays as it was.

    The file is replaced as a whole; graph and weights stay as they are, its content hash changes.
    What the file carries of its training images is said in its warnings. What other commands wrote
    meanwhile stays. A gain that is not of this generator with the policy of the file is left out.

    Args:
        generator: that was measured, as it was opened before.
        gain, diversity: what was measured.

    Returns:
        Why the gain is left out, or an empty text.

    Raises:
        ArtifactError: another generator is in its place.
        RunError: the file cannot be written.
    """
    path = generator.path
    fields: dict[str, Any] = {}
    why = "" if gain is None else _of_another(gain, generator.info.policy)
    if gain is not None and not why:
        fields["gain"] = gain_summary(gain)
    if diversity is not None:
        fields["diversity"] = diversity_summary(diversity)
    with updating(path):
        content, now, _ = read_artifact(path)
        if made_hash(content) != generator.made_hash:
            raise ArtifactError(
                f"{path}: was replaced by another generator while it was measured; allowed: the"
                " same one; measure the new file, or put the old one back and give the same command"
            )
        if "gain" in fields and _drawn(now.policy) != _drawn(generator.info.policy):
            del fields["gain"]
            why = "the file has another policy by now; the same command measures it"
        fields["warnings"] = list(dict.fromkeys((*now.warnings, PRIVACY)))
        rewrite_metadata(path, **fields)
    return why


def _of_another(gain: GainReport, policy: Policy | None) -> str:
    """Return why a gain is not that of the generator with this policy, or an empty text."""
    arm = None if gain.chosen is None else parse_arm(gain.chosen)
    if arm is None or not arm.learned:
        return "it was not compared"
    if arm.options:
        return f"{gain.chosen} leaves the file's policy aside"
    learnt = "tune" if gain.settings.tuned else "rule"
    own = "rule" if policy is None else policy.source
    if gain.settings.refit is not None and own != learnt:
        return "the new generators had policies of another kind"
    return ""


def _drawn(policy: Policy | None) -> object:
    """What a policy does, whatever it was learnt from."""
    return policy and (policy.p, policy.scale)


def gain_summary(report: GainReport) -> dict[str, Any]:
    """Return means over seeds, the gain of the chosen arm, and what they were measured with."""
    arms = {
        name: {
            "balanced_accuracy": _mean(arm.balanced_accuracy),
            "rarer_half": _mean(arm.rarer_half),
            "macro_f1": _mean(arm.macro_f1),
            "calibration_error": _mean(arm.calibration_error),
        }
        for name, arm in report.arms.items()
        if not _of_a_folder(name)  # the file may be passed on, and paths are nobody's business
    }
    classifier = report.settings.classifier
    below = report.baseline if report.chosen is None else report.baseline_of(report.chosen)
    summary: dict[str, Any] = {
        "dataset": report.dataset,
        "claim": report.claim,
        "seeds": len(report.seeds),
        "test_images": round(sum(report.test_images) / len(report.test_images)),
        "classifier": classifier and one_line(classifier, MOST_OF_A_NAME),
        "steps": report.settings.steps,
        "baseline": below,
        "chosen": report.chosen,
        "arms": arms,
        "classes": list(report.classes),  # of the recalls, in the order of the judged images
        "recall": {
            name: [_mean(column) for column in zip(*report.arms[name].recall, strict=True)]
            for name in (below, report.chosen)
            if name is not None
        },
        "notes": list(report.notes),
        "versions": report.environment.get("versions", {}),
    }
    if report.chosen is not None:
        gain = report.gain[report.chosen]
        numbers = ("mean", "low", "high", "p", "error_reduction", "rare_error_reduction")
        summary |= {"verdict": gain.verdict, "seeds_to_settle": gain.seeds_to_settle}
        summary |= {name: _rounded(getattr(gain, name)) for name in numbers}
        summary |= {"t": _list(gain.t), "bootstrap": _list(gain.bootstrap)}
    return summary


def _of_a_folder(arm: str | None) -> bool:
    return arm is not None and parse_arm(arm).folder is not None


def diversity_summary(report: DiversityReport) -> dict[str, Any]:
    """Return the word of each class and the numbers beside their references."""
    return {
        "dataset": report.dataset,
        "kind": report.kind,
        "words": report.words,
        "macro": {name: _pair(measure) for name, measure in report.macro.items()},
        "classes": [
            {
                "name": each.name,
                "images": each.images,
                "word": each.word,
                "words": list(each.words),
            }
            | {name: _pair(each.measures[name]) for name in MEASURES if name in each.measures}
            for each in report.classes
        ],
        "settings": report.settings,
    }


def _pair(measure: Measure) -> list[float | None]:
    return [_rounded(measure.value), _rounded(measure.reference)]


def _mean(values: Iterable[float | None]) -> float | None:
    return _rounded(mean_or_none(values))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)


def _list(values: Iterable[float]) -> list[float | None]:
    return [_rounded(value) for value in values]

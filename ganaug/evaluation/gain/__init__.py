"""Does the generator help the classifier? `judge.verdict` is the rule; `intervals` its numbers."""

from ganaug.evaluation.gain.evaluate import evaluate_gain
from ganaug.evaluation.gain.refit import Refit
from ganaug.evaluation.gain.report import GainReport

__all__ = ["GainReport", "Refit", "evaluate_gain"]

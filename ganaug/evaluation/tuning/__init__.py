"""How often to vary, learnt from the training images alone: `tune`.

Simulated rarity, the candidates, their trainings within a budget, and the rule that decides.
"""

from ganaug.evaluation.tuning.report import TuneReport
from ganaug.evaluation.tuning.tune import tune

__all__ = ["TuneReport", "tune"]

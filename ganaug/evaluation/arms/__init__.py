"""The ways to train the classifier that are compared: their grammar, and what they are made of.

A new free augmentation is a row of `augmentations.AUGMENTATIONS`, a loss one of `losses.LOSSES`;
either has its words in `STEPS` of `report/arms.py`. A new head is a row of `grammar.HEADS` and of
`HEADS` there; what it shows is in `trainings/batches.py`.
What is compared where nobody asks for arms is `plan.DEFAULT_FREE_ARMS`.
"""

from ganaug.evaluation.arms.grammar import Arm, parse_arm
from ganaug.evaluation.arms.plan import make_plan

__all__ = ["Arm", "make_plan", "parse_arm"]

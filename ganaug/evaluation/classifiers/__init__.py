"""What is trained in a comparison: networks, scikit-learn estimators, or the user's own loop.

`interface.Classifier` is what all of them can do; `given.as_classifier` finds out which was given.
"""

from ganaug.evaluation.classifiers.interface import Classifier
from ganaug.evaluation.classifiers.loop import TrainingLoop
from ganaug.evaluation.classifiers.pretrained import Pretrained

__all__ = ["Classifier", "Pretrained", "TrainingLoop"]

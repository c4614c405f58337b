"""What is trained in a comparison: a network, a scikit-learn estimator, or the user's own loop.

`interface.Classifier` is what all of them can do.
"""

from ganaug.evaluation.classifiers.given import as_classifier
from ganaug.evaluation.classifiers.interface import Classifier
from ganaug.evaluation.classifiers.loop import TrainingLoop

__all__ = ["Classifier", "TrainingLoop", "as_classifier"]

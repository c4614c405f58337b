"""Do generated images cover their class, or do they collapse or copy?

`evaluate.evaluate_diversity` measures it, and `inspection.inspect_samples` shows single images.
What shows a record, such as `ganaug card`, needs neither torch nor scipy: so they are not here.
"""

from ganaug.evaluation.diversity.report import DiversityReport

__all__ = ["DiversityReport"]

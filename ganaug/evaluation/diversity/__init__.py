"""Do generated images cover their class, or do they collapse or copy?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ganaug.evaluation.diversity.report import DiversityReport

if TYPE_CHECKING:
    from ganaug.evaluation.diversity.evaluate import evaluate_diversity
    from ganaug.evaluation.diversity.inspection import inspect_samples

__all__ = ["DiversityReport", "evaluate_diversity", "inspect_samples"]


def __getattr__(name: str) -> Any:
    # Loaded when used: what shows a record, such as `ganaug card`, needs no torch and no scipy.
    if name == "evaluate_diversity":
        from ganaug.evaluation.diversity.evaluate import evaluate_diversity

        return evaluate_diversity
    if name == "inspect_samples":
        from ganaug.evaluation.diversity.inspection import inspect_samples

        return inspect_samples
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

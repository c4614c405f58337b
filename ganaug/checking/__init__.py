"""What is wrong with a set of images, and what training on it will take; before any training."""

from ganaug.checking.check import check
from ganaug.checking.report import CheckReport

__all__ = ["CheckReport", "check"]

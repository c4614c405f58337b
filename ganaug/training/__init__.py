"""Training: from images to a run folder (`fit`), from a run folder to an ONNX file (`export`)."""

from ganaug.training.config import PRESETS, FitConfig, make_config
from ganaug.training.export import export
from ganaug.training.fit import fit

__all__ = ["PRESETS", "FitConfig", "export", "fit", "make_config"]

"""What `ganaug demo` shows: scenes of data that needs no download, and how a generator is used.

The images are made in `glyphs.py` (photographed letters) or come with scikit-learn (digits).
"""

from ganaug.demo.scenes import SCENES, Scene, read_pipelines

__all__ = ["SCENES", "Scene", "read_pipelines"]

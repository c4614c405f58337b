"""A variation graph in two sessions, with torch's `grid_sample` between them, for photographs.

onnxruntime's GridSample takes a third of the time there, torch's less than half of that. Results
differ from those of the whole graph by rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx
    import onnxruntime

__all__ = ["LEAST_PIXELS", "Halves", "in_halves"]

LEAST_PIXELS = 2**14  # of an image; below it two sessions cost more than they save


@dataclass(frozen=True)
class Halves:
    """The session that tells where an image is read, and the one that goes on from what was read.

    Attributes:
        first, second: the sessions.
        read, padding: the names of the image and the positions to read it at; grid_sample's mode.
        warped: the name of what was read.
        handed_over: what `first` returns for the reading and for `second`.
        given: what `second` takes besides `warped`.
        later: the outputs of the graph that `second` returns.
    """

    first: onnxruntime.InferenceSession
    second: onnxruntime.InferenceSession
    read: tuple[str, str]
    padding: str
    warped: str
    handed_over: tuple[str, ...]
    given: tuple[str, ...]
    later: tuple[str, ...]

    def run(self, names: Sequence[str], inputs: dict[str, Any]) -> list[NDArray[np.float32]]:
        """Return the named outputs, as the session of the whole graph does."""
        later = [name for name in names if name in self.later]
        wanted = [name for name in names if name not in self.later]
        if later:
            wanted = list(dict.fromkeys([*wanted, *self.handed_over]))
        values = inputs | dict(zip(wanted, self.first.run(wanted, inputs), strict=True))
        if later:
            given = {name: values[name] for name in self.given}
            given[self.warped] = self._sample(*(values[name] for name in self.read))
            values |= zip(later, self.second.run(later, given), strict=True)
        return [values[name] for name in names]

    def _sample(
        self, image: NDArray[np.float32], positions: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import grid_sample

        # torch warns of arrays that it could not write into
        whole, places = (torch.from_numpy(np.require(v, None, "W")) for v in (image, positions))
        with torch.inference_mode():
            read = grid_sample(whole, places, "bilinear", self.padding, align_corners=False)
        return read.numpy()


def in_halves(
    content: bytes, open_session: Callable[[bytes], onnxruntime.InferenceSession]
) -> Halves | None:
    """Return the two halves of a model, or None where the variation is not read exactly once.

    Args:
        content: the checked bytes of an artifact.
        open_session: from a model's bytes to its session.
    """
    import onnx
    from onnx.utils import Extractor

    model = onnx.shape_inference.infer_shapes(onnx.ModelProto.FromString(content))
    graph = model.graph
    readers = [node for node in graph.node if node.op_type == "GridSample"]
    if len(readers) != 1:
        return None
    (reader,) = readers
    image, positions = reader.input
    (warped,) = reader.output
    behind, given = _behind(graph, warped)
    outputs = [output.name for output in graph.output]
    later = [name for name in outputs if name in behind]
    if not later:
        return None
    made = {name for node in graph.node for name in node.output}
    handed_over = [n for n in dict.fromkeys([image, positions, *given]) if n in made]
    sooner = [name for name in outputs if name not in later]
    parts = Extractor(model)

    def opened(inputs: list[str], results: list[str]) -> onnxruntime.InferenceSession:
        return open_session(parts.extract_model(inputs, results).SerializeToString())

    return Halves(
        first=opened(
            [value.name for value in graph.input], list(dict.fromkeys([*handed_over, *sooner]))
        ),
        second=opened([*given, warped], later),
        read=(image, positions),
        padding=next(a.s.decode() for a in reader.attribute if a.name == "padding_mode"),
        warped=warped,
        handed_over=tuple(handed_over),
        given=tuple(given),
        later=tuple(later),
    )


def _behind(graph: onnx.GraphProto, value: str) -> tuple[set[str], list[str]]:
    """Return all that is computed from `value`, and what else that is computed from but weights."""
    behind = {value}
    needed: dict[str, None] = {}
    for node in graph.node:
        if behind.intersection(node.input):
            behind.update(node.output)
            needed |= dict.fromkeys(node.input)
    known = {"", *behind, *(tensor.name for tensor in graph.initializer)}
    return behind, [name for name in needed if name not in known]

"""What a map of positions does to pixels, and where it brings the points of the source.

Positions are (x, y) of the source for each pixel of the result, as torch's grid_sample counts with
align_corners=False: -1 and 1 are the edges of the image, which is mirrored beyond them. Here they
become pixels: the centre of the first pixel is 0, that of the last one side - 1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

__all__ = ["moved_points", "nearest_pixels", "recoloured"]

STEPS = 25  # of Newton's method at most
CLOSE = 1e-3  # pixels of the source
TRIALS = 2**22  # distances in memory at a time


def nearest_pixels(positions: Tensor) -> Tensor:
    """Return which pixel of the source each pixel shows.

    Args:
        positions: float32 [H, W, 2].

    Returns:
        int64 [H, W], row * W + column of the nearest pixel.
    """
    height, width = positions.shape[:2]
    mirrored = 2 * positions.clamp(-1, 1) - positions
    column, row = (
        at.round().long().clamp_(0, side - 1)  # where grid_sample rounds halves
        for at, side in zip(_pixels(mirrored, height, width), (width, height), strict=True)
    )
    return row * width + column


def recoloured(images: Tensor, positions: Tensor, factor: Tensor, offset: Tensor) -> Tensor:
    """Return images read at the positions, times the factor plus half the offset, in 0..1.

    Args:
        images, factor, offset: float32 [N, C, H, W].
        positions: float32 [N, H, W, 2].
    """
    read = grid_sample(
        images, positions, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return read.mul_(factor).add_(offset, alpha=0.5).clamp_(0, 1)


def moved_points(points: Tensor, positions: Tensor) -> Tensor:
    """Return where the points of the source are in the result: the map read backwards.

    The map is linear between pixels. Beyond the result it goes on as the affine map that fits it
    best, so that points that leave the image have a place outside. Where a map folds, a point has
    several places, of which one is returned. What is mirrored at a border counts for nothing: a
    point has the place where the source itself went.

    Args:
        points: float64 [P, 2], (x, y) in pixels of the source.
        positions: float32 [H, W, 2].

    Returns:
        float64 [P, 2], (x, y) in pixels of the result; NaN stays NaN.
    """
    height, width = positions.shape[:2]
    map_ = _Map(torch.stack(_pixels(positions.to(points), height, width), 2))
    found = map_.refined(points, map_.first_guess(points))
    for nodes in (map_.nodes(max(1, max(height, width) // 32)), map_.nodes(1)):
        lost = (map_.at(found) - points).norm(dim=1) > CLOSE
        if not bool(lost.any()):  # NaN is not lost
            break
        again = map_.refined(points[lost], map_.nearest(points[lost], nodes))
        found[lost] = map_.better(points[lost], found[lost], again)
    return found


def _pixels(positions: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    return ((positions[..., 0] + 1) * width - 1) / 2, ((positions[..., 1] + 1) * height - 1) / 2


class _Map:
    """A map from places in the result to places in the source, both in pixels.

    Args:
        source: float64 [H, W, 2], the place in the source of each pixel of the result.
    """

    def __init__(self, source: Tensor) -> None:
        self.source = source
        height, width = source.shape[:2]
        self.last = source.new_tensor([width - 1, height - 1])
        x, y = (
            torch.arange(side, dtype=source.dtype, device=source.device) for side in (width, height)
        )
        # least squares: on a grid, x and y vary independently of each other
        means = source.mean((0, 1))
        x, y = x - x.mean(), y - y.mean()
        by_x = torch.einsum("hwc,w->c", source - means, x) / (height * (x @ x))
        by_y = torch.einsum("hwc,h->c", source - means, y) / (width * (y @ y))
        one = source.new_ones(())
        by_x = by_x if width > 1 else torch.stack([one, 0 * one])
        by_y = by_y if height > 1 else torch.stack([0 * one, one])
        self.linear = torch.stack([by_x, by_y], 1)  # of (x, y) in the result
        self.means, self.centre = means, self.last / 2

    def first_guess(self, points: Tensor) -> Tensor:
        """Return the places by the affine map that fits best."""
        return (points - self.means) @ _inverse(self.linear).T + self.centre

    def at(self, places: Tensor) -> Tensor:
        """Return the source's places of places [P, 2] in the result."""
        return self._read(places)[0]

    def _read(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return the source's places [P, 2] and the derivative [P, 2, 2] there."""
        within = places.nan_to_num().clamp(places.new_zeros(2), self.last)
        low = within.floor().minimum((self.last - 1).clamp(min=0))
        across, down = (within - low).unbind(1)
        (left, upper), (right, lower) = (
            low.long().unbind(1),
            (low + 1).minimum(self.last).long().unbind(1),
        )
        a, b = self.source[upper, left], self.source[upper, right]
        c, d = self.source[lower, left], self.source[lower, right]
        across, down = across[:, None], down[:, None]
        first, second = torch.lerp(a, b, across), torch.lerp(c, d, across)
        value = torch.lerp(first, second, down) + (places - within) @ self.linear.T
        slopes = torch.stack([torch.lerp(b - a, d - c, down), second - first], 2)
        outside = (places != within) | (self.last == 0)
        return value, torch.where(outside[:, None, :], self.linear, slopes)

    def refined(self, points: Tensor, places: Tensor) -> Tensor:
        """Return places that the map brings nearer to the points: Newton's method, damped."""
        value, slopes = self._read(places)
        off, pace = (points - value).norm(dim=1), torch.ones_like(points[:, 0])
        for _ in range(STEPS):
            if not bool((off > CLOSE / 10).any()):
                break
            step = torch.einsum("pij,pj->pi", _inverse(slopes), points - value)
            tried = places + pace[:, None] * step
            value_there, slopes_there = self._read(tried)
            off_there = (points - value_there).norm(dim=1)
            nearer = off_there < off
            places = torch.where(nearer[:, None], tried, places)
            value = torch.where(nearer[:, None], value_there, value)
            slopes = torch.where(nearer[:, None, None], slopes_there, slopes)
            off = torch.where(nearer, off_there, off)
            pace = torch.where(nearer, 1.0, pace / 2)
        return places

    def better(self, points: Tensor, one: Tensor, other: Tensor) -> Tensor:
        """Return of two places of each point the one that the map brings nearer to it."""
        nearer = (self.at(other) - points).norm(dim=1) < (self.at(one) - points).norm(dim=1)
        return torch.where(nearer[:, None], other, one)

    def nodes(self, step: int) -> Tensor:
        """Return every `step`-th pixel of the result, [K, 2]."""
        height, width = self.source.shape[:2]
        x, y = (
            torch.arange(0, side, step, dtype=self.source.dtype, device=self.source.device)
            for side in (width, height)
        )
        return torch.cartesian_prod(x, y)

    def nearest(self, points: Tensor, nodes: Tensor) -> Tensor:
        """Return of each point the node that the map brings nearest to it."""
        there = self.at(nodes)
        blocks = points.split(max(1, TRIALS // len(nodes)))
        return nodes[torch.cat([torch.cdist(block, there).argmin(1) for block in blocks])]


def _inverse(matrix: Tensor) -> Tensor:
    """Return the inverse of [..., 2, 2]; one that has none is taken for the next that has."""
    a, b, c, d = matrix.flatten(-2).unbind(-1)
    determinant = a * d - b * c
    tiny = torch.full_like(determinant, 1e-6).copysign(determinant)
    determinant = torch.where(determinant.abs() < 1e-6, tiny, determinant)
    adjoint = torch.stack([d, -b, -c, a], -1).unflatten(-1, (2, 2))
    return adjoint / determinant[..., None, None]

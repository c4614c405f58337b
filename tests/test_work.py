"""Counted work: by hand, with gradients of gradients, and the same however busy the machine is."""

from __future__ import annotations

import torch

from ganaug.work import Work


def test_flops_of_products_and_convolutions_are_those_by_hand() -> None:
    images, weights = torch.ones(2, 3, 8, 8), torch.ones(5, 3, 3, 3)
    with Work() as work:
        torch.nn.functional.conv2d(images, weights, padding=1)
    assert work.flops == 2 * (2 * 5 * 8 * 8) * (3 * 3 * 3)
    with work:
        torch.ones(2, 3) @ torch.ones(3, 4)
    assert work.flops == 2 * (2 * 5 * 8 * 8) * (3 * 3 * 3) + 2 * 2 * 3 * 4


def test_gradients_of_a_convolution_in_groups_cost_as_much_as_itself() -> None:
    """Each twice the product of outputs and of the weights that an output sees."""
    images = torch.ones(2, 6, 8, 8, requires_grad=True)
    for groups, kind in ((6, torch.nn.Conv2d), (3, torch.nn.ConvTranspose2d)):
        layer = kind(6, 6, 3, padding=1, groups=groups)
        with Work() as work:
            layer(images).sum().backward()
        assert work.flops == 3 * 2 * (2 * 6 * 8 * 8) * (3 * 3 * 6 // groups)


def test_sparse_gradients_are_counted() -> None:
    layer = torch.nn.Embedding(5, 3, sparse=True)
    with Work() as work:
        layer(torch.tensor([1, 2])).sum().backward()
    assert work.operations > 0


def test_operations_and_written_bytes_are_counted() -> None:
    x = torch.ones(4, 5)
    with Work() as work:
        y = x + 1  # 80 bytes
        y.max(0)  # 20 bytes of values, 40 of their places
    assert (work.operations, work.written, work.flops) == (2, 140, 0)


def test_a_gradient_penalty_is_counted_with_its_double_backward() -> None:
    layer = torch.nn.Conv2d(1, 2, 3)
    images = torch.ones(2, 1, 8, 8, requires_grad=True)

    def step(penalised: bool) -> int:
        with Work() as work:
            logits = layer(images).square().sum()
            if penalised:
                (gradient,) = torch.autograd.grad(logits, images, create_graph=True)
                logits = logits + gradient.square().sum()
            logits.backward()
        return work.flops

    forward = 2 * (2 * 2 * 6 * 6) * (3 * 3)
    # The gradients of images and of weights take as much each.
    assert step(penalised=False) == 3 * forward
    # And the first gradient, its own gradient with respect to what it was made of, and weights.
    assert step(penalised=True) == 6 * forward


def test_nothing_is_counted_outside_and_results_are_the_same() -> None:
    x = torch.arange(6.0).reshape(2, 3)
    with Work() as work:
        inside = x @ x.T
    before = work.operations
    assert torch.equal(inside, x @ x.T)
    assert work.operations == before > 0

"""A checkpoint survives being killed at any operation, and damage is noticed."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ganaug.errors import RunError
from ganaug.files import write_json
from ganaug.training import checkpoint
from ganaug.training.state import State


def small_state(seed: int) -> State:
    torch.default_generator.manual_seed(seed)
    nets = [nn.Linear(3, 2), nn.Linear(2, 1)]
    optimizers = [torch.optim.Adam(net.parameters(), 1e-2) for net in nets]
    for net, optimizer in zip(nets, optimizers, strict=True):
        net(torch.randn(4, net.in_features)).sum().backward()
        optimizer.step()
    return State(nets[0], nets[1], copy.deepcopy(nets[0]), optimizers[0], optimizers[1])


def test_round_trip_keeps_weights_and_optimisers(tmp_path: Path) -> None:
    saved, fresh = small_state(0), small_state(1)
    checkpoint.save(tmp_path, saved, 7)
    record = checkpoint.read(tmp_path)
    assert record is not None
    assert record.step == 7
    checkpoint.load(fresh, record, tmp_path)
    torch.testing.assert_close(fresh.generator.state_dict(), saved.generator.state_dict())
    expected = saved.optimizer_d.state_dict()["state"]
    torch.testing.assert_close(fresh.optimizer_d.state_dict()["state"], expected)


def test_optimisers_keep_their_memory_format(tmp_path: Path) -> None:
    """Else the steps after a stop would be slower, and on a GPU perhaps others."""

    def convolution(seed: int) -> State:
        state = small_state(seed)
        network = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(network.parameters(), 1e-2)
        network(torch.randn(2, 3, 8, 8)).sum().backward()
        optimizer.step()
        average = copy.deepcopy(network)
        return State(network, state.discriminator, average, optimizer, state.optimizer_d)

    saved, fresh = convolution(0), convolution(1)
    checkpoint.save(tmp_path, saved, 7)
    record = checkpoint.read(tmp_path)
    assert record is not None
    checkpoint.load(fresh, record, tmp_path)
    for state in (saved, fresh):
        weight = next(iter(state.generator.parameters()))
        kept = state.optimizer_g.state[weight]
        assert kept["exp_avg"].stride() == weight.stride() == (27, 1, 9, 3)
        assert kept["exp_avg_sq"].stride() == weight.stride()
    expected = saved.optimizer_g.state_dict()["state"]
    torch.testing.assert_close(fresh.optimizer_g.state_dict()["state"], expected)


def test_copies_of_checkpoints_that_a_user_made_stay(tmp_path: Path) -> None:
    copies = ("checkpoint-best.safetensors", "checkpoint-000001 (copy).safetensors")
    for name in copies:
        (tmp_path / name).write_text("of the user")
    for step in range(1, 5):
        checkpoint.save(tmp_path, small_state(0), step)
    there = {path.name for path in tmp_path.glob("*.safetensors")}
    assert there == {*copies, "checkpoint-000003.safetensors", "checkpoint-000004.safetensors"}


def test_the_record_of_an_older_version_is_read(tmp_path: Path) -> None:
    """It named one checkpoint, and neither good ones nor rollbacks."""
    checkpoint.save(tmp_path, small_state(0), 7)
    pointer = tmp_path / "checkpoint.json"
    values = json.loads(pointer.read_text())
    write_json(pointer, {name: values[name] for name in ("format", "step", "file", "sha256")})
    record = checkpoint.read_record(tmp_path)
    assert record is not None
    assert (record.last.step, record.good, record.rollbacks) == (7, (record.last,), ())
    assert record.stopped is None
    write_json(pointer, values | {"good": None})
    with pytest.raises(RunError, match="good: None; allowed: a list"):
        checkpoint.read_record(tmp_path)


class Killed(BaseException):
    """The process is gone: nothing it would have done afterwards happens."""


def test_killed_at_any_operation_the_old_or_the_new_step_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = small_state(0), small_state(1)
    for last in range(1, 60):
        run = tmp_path / str(last)
        run.mkdir()
        checkpoint.save(run, old, 1)
        with monkeypatch.context() as patch:
            done = 0

            def limited(call: Any, last: int = last) -> Any:
                def inner(*args: Any, **kwargs: Any) -> Any:
                    nonlocal done
                    done += 1
                    if done >= last:
                        raise Killed
                    return call(*args, **kwargs)

                return inner

            for owner, name in (
                (os, "replace"),
                (os, "fsync"),
                (os, "open"),
                (Path, "write_bytes"),
                (Path, "unlink"),
                (Path, "chmod"),
            ):
                patch.setattr(owner, name, limited(getattr(owner, name)))
            try:
                checkpoint.save(run, new, 2)
                finished = True
            except Killed:
                finished = False
        record = checkpoint.read(run)
        assert record is not None
        expected = {1: old, 2: new}[record.step].generator.state_dict()
        torch.testing.assert_close(record.weights("generator"), expected)
        if finished:
            assert record.step == 2
            assert len(list(run.iterdir())) == 3  # the pointer, this step, the good one before
            assert last > 8  # several operations were interrupted before this one succeeded
            return
    pytest.fail("saving never finished")


@pytest.mark.parametrize("damage", ["tensors", "pointer", "version", "missing"])
def test_damage_is_named(tmp_path: Path, damage: str) -> None:
    checkpoint.save(tmp_path, small_state(0), 3)
    tensors, pointer = tmp_path / "checkpoint-000003.safetensors", tmp_path / "checkpoint.json"
    if damage == "tensors":
        content = bytearray(tensors.read_bytes())
        content[-1] ^= 1
        tensors.write_bytes(content)
    elif damage == "pointer":
        pointer.write_text('{"format": 1')
    elif damage == "version":
        pointer.write_text(pointer.read_text().replace('"format": 1', '"format": 9'))
    else:
        tensors.unlink()
    words = {"tensors": "damaged", "pointer": "readable", "version": "format 9", "missing": "read"}
    with pytest.raises(RunError, match=words[damage]):
        checkpoint.read(tmp_path)


@pytest.mark.parametrize("times", [1, 3, checkpoint.TRIES])
def test_a_run_that_goes_on_may_replace_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """`export` beside a `fit`: the file that the record names goes before it is opened."""
    checkpoint.save(tmp_path, small_state(0), 1)
    opened, steps = checkpoint.open_regular, iter(range(2, 2 + times))
    states = {step: small_state(step) for step in range(2, 2 + times)}

    def late(path: Path) -> Any:
        if step := next(steps, None):
            checkpoint.save(tmp_path, states[step], step, good=False)
            path.unlink(missing_ok=True)  # also where it is a good one, which stays for a while
        return opened(path)

    monkeypatch.setattr(checkpoint, "open_regular", late)
    if times == checkpoint.TRIES:
        with pytest.raises(RunError, match=f"was replaced {times} times while it was read"):
            checkpoint.read(tmp_path)
        return
    found = checkpoint.read(tmp_path)
    assert found is not None
    assert found.step == 1 + times
    expected = states[1 + times].generator.state_dict()
    torch.testing.assert_close(found.weights("generator"), expected)


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert checkpoint.read(tmp_path) is None

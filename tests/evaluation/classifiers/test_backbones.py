"""Pretrained networks by name: what torchvision and timm have, and weights that a file holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers.small_weights import NETWORK

from ganaug import Pretrained
from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers.backbones import backbone_by_name


def test_networks_of_torchvision_by_name(weights: Path) -> None:
    named = Pretrained.named(f"probe:torchvision:{NETWORK}", str(weights), size=(32, 32))
    assert named.frozen
    assert named.name.startswith(f"probe:torchvision:{NETWORK} (weights ")
    assert named.name.endswith(") at 32x32")
    with torch.no_grad():
        features = named.load().eval()(torch.zeros(2, 3, 32, 32))
    assert features.shape == (2, 1024)
    whole = Pretrained.named(f"torchvision:{NETWORK}", str(weights))
    assert (whole.frozen, whole.size, whole.mean) == (False, (224, 224), (0.485, 0.456, 0.406))
    untrained = Pretrained.named(f"torchvision:{NETWORK}", "none")
    assert untrained.name == f"torchvision:{NETWORK} (untrained)"
    assert Pretrained.named(f"torchvision:{NETWORK}", "none", size=224).name == untrained.name


def test_other_weights_are_another_classifier(weights: Path, tmp_path: Path) -> None:
    state = torch.load(weights, weights_only=True)
    changed = tmp_path / "changed.pth"
    torch.save({"state_dict": {name: value + 1 for name, value in state.items()}}, changed)
    names = [backbone_by_name(f"torchvision:{NETWORK}", str(w)).name for w in (weights, changed)]
    assert names[0] != names[1]
    loaded = backbone_by_name(f"torchvision:{NETWORK}", str(changed)).load()
    first = next(iter(loaded.state_dict()))
    assert torch.equal(loaded.state_dict()[first], state[first] + 1)


@pytest.fixture
def no_timm_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("timm", reason="timm is not installed: pip install 'ganaug[timm]'")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


@pytest.mark.usefixtures("no_timm_weights")
@pytest.mark.parametrize(
    ("name", "side", "width"),
    [("resnet10t", 64, 512), ("deit_tiny_distilled_patch16_224", 224, 192), ("test_vit", 160, 64)],
)
def test_networks_of_timm_by_name(name: str, side: int, width: int) -> None:
    found = backbone_by_name(f"timm:{name}", "none")
    for mode in (True, False):
        with torch.no_grad():
            assert found.load().train(mode)(torch.zeros(2, 3, side, side)).shape == (2, width)


@pytest.mark.usefixtures("no_timm_weights")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet10", "did you mean 'resnet10t'"),
        ("resnet10t", "weights of timm:resnet10t: not on this machine"),
        ("resnet18.nonsense", "timm has no weights of that name"),
        ("beit3_giant_patch14_224", "timm has no weights of that name"),
    ],
)
def test_what_timm_does_not_have(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        backbone_by_name(f"timm:{name}")


def test_damaged_weights_in_the_cache_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints"
    place.mkdir(parents=True)
    (place / "resnet18-f37072fd.pth").write_bytes(b"half of a file")
    with pytest.raises(ConfigError, match="classifier torchvision:resnet18: cannot be made"):
        Pretrained.named("torchvision:resnet18").load()


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("torchvison:resnet18", "none", "did you mean 'torchvision'"),
        ("torchvision:", "none", "no library of networks"),
        ("torchvision:resnet-18", "none", "did you mean 'resnet18'"),
        (f"torchvision:{NETWORK}", "DEFAULT", "--download to fetch them"),
        (f"torchvision:{NETWORK}", "nowhere.pth", "weights 'nowhere.pth': no such file"),
    ],
)
def test_what_cannot_be_named(
    name: str, given: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # no weights there
    with pytest.raises(ConfigError, match=message):
        Pretrained.named(name, given)


def test_weights_of_another_network_are_refused(weights: Path, tmp_path: Path) -> None:
    load = backbone_by_name("torchvision:resnet18", str(weights)).load
    with pytest.raises(ConfigError, match="do not fit the network"):
        load()
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ConfigError, match=r"text\.pth': cannot be read \(Unpickl"):
        backbone_by_name("torchvision:resnet18", str(tmp_path / "text.pth")).load()
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ConfigError, match=r"list\.pth': no state dict"):
        backbone_by_name("torchvision:resnet18", str(tmp_path / "list.pth")).load()


@pytest.mark.parametrize("saved", ["without its last layer", "of five classes", "of a wrapper"])
def test_weights_of_a_network_that_was_trained_for_other_classes(
    weights: Path, tmp_path: Path, saved: str
) -> None:
    state = torch.load(weights, weights_only=True)
    if saved == "of five classes":
        state |= {"fc.weight": torch.zeros(5, 1024), "fc.bias": torch.zeros(5)}
    elif saved == "of a wrapper":
        state = {"model": {f"module.{name}": value for name, value in state.items()}}
    else:
        del state["fc.weight"], state["fc.bias"]
    torch.save(state, tmp_path / "own.pth")
    name, image = f"torchvision:{NETWORK}", torch.rand(1, 3, 32, 32)
    found, expected = (
        backbone_by_name(name, str(file)).load().eval() for file in (tmp_path / "own.pth", weights)
    )
    with torch.no_grad():
        assert torch.equal(found(image), expected(image))


@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "vit_b_16", "squeezenet1_0"])
def test_networks_with_another_end(name: str) -> None:
    """Two have parts beside the trunk, which they would train; the last has a convolution there."""
    if name == "squeezenet1_0":
        with pytest.raises(ConfigError, match="has no linear layer at its end"):
            Pretrained.named(f"torchvision:{name}", "none").load()
        return
    side = 224 if name == "vit_b_16" else 96
    whole = Pretrained.named(f"torchvision:{name}", "none", size=side)
    whole.check(1, 3, (32, 32))
    trunk = whole.load().train()
    width = {"googlenet": 1024, "inception_v3": 2048, "vit_b_16": 768}[name]
    assert trunk(torch.rand(2, 3, side, side)).shape == (2, width)

"""`providers="torch"`: the same graph by torch's operators, for every kind of file."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from helpers.artifact_calls import images_of, latents_of, refused
from helpers.small_images import bars
from helpers.small_models import write_bent, write_class_model, write_variation_model
from helpers.untrained import LATENT, untrained, write_untrained

from ganaug import GANAugment, Generator
from ganaug.artifact.operators import OPERATORS
from ganaug.artifact.reader import read_content
from ganaug.artifact.torch_graph import OPERATIONS, TorchGraph, TorchSession
from ganaug.errors import ArtifactError, ConfigError
from ganaug.training import export, fit


def trained(path: Path, preset: str, kind: str | None = None) -> Path:
    """The file of a class generator that was trained for two steps."""
    size = (28, 28) if preset == "classic" else (12, 20)
    options = {"steps": 2, "batch_size": 4, "device": "cpu", "precision": "fp32"}
    kinds = {} if kind is None else {"kind": kind, "width": 8}
    images = bars((6,) if kind is None else (6, 5), size, 1)
    run = fit(images, path.parent / preset, preset=preset, all_images=True, **options, **kinds)
    export(run, path)
    return path


FILES: dict[str, Callable[[Path], Path]] = {
    "variation": lambda path: write_untrained(path, 3),
    "variation, grey": lambda path: write_untrained(path, 1),
    "variation, schema 1.0": lambda path: write_untrained(path, 3, "1.0"),
    "class": lambda path: trained(path, "tiny", "class"),
    "one class": lambda path: trained(path, "classic"),
    "small": write_variation_model,
    "planted": write_bent,
    "small class": write_class_model,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of each kind, named by its place."""
    made = tmp_path_factory.mktemp("torch")
    for at, write in enumerate(FILES.values()):
        write(made / f"{at}.onnx")
    return made


def file_of(folder: Path, name: str) -> Path:
    return folder / f"{list(FILES).index(name)}.onnx"


def test_it_knows_the_operators_of_the_reader_and_no_others() -> None:
    assert set(OPERATIONS) == set(OPERATORS)


@pytest.mark.parametrize("name", FILES)
def test_it_agrees_with_onnxruntime(folder: Path, name: str) -> None:
    path = file_of(folder, name)
    ours, other = Generator(path, providers="torch"), Generator(path, providers="cpu")
    assert ours.provider == "torch"
    info = ours.info
    for count in (1, 3):
        latents = latents_of(count, info.latent_dim)
        if info.kind == "class":
            labels = np.arange(count, dtype=np.int64) % len(info.classes)
            made, wanted = (one.generate(labels, latents) for one in (ours, other))
            np.testing.assert_allclose(made, wanted, atol=1e-4, rtol=0)
            continue
        for sides in (info.size, (37, 44), (8, 5), (1, 1)):
            images = images_of(count, info.channels, *sides)
            found, expected = (one.outputs(images, latents, info.outputs) for one in (ours, other))
            assert list(found) == list(info.outputs)
            for key, values in found.items():
                np.testing.assert_allclose(values, expected[key], atol=1e-4, rtol=0)
            if "variation, schema" not in name and sides == info.size:
                assert np.abs(found["variation"] - images).max() > 0.01


def test_gradients_are_those_of_the_network(folder: Path) -> None:
    module = Generator(file_of(folder, "variation"), providers="torch").module()
    reference = untrained(3)
    rows = []
    for of in (lambda i, z: module(i, z)["variation"], reference.vary):
        image = torch.from_numpy(images_of(2, 3, 16, 24)).requires_grad_()
        latent = torch.from_numpy(latents_of(2, LATENT)).requires_grad_()
        weights = torch.from_numpy(images_of(2, 3, 16, 24))
        (of(image, latent) * weights).sum().backward()
        assert image.grad is not None
        assert latent.grad is not None
        rows.append((image.grad, latent.grad))
    for found, expected in zip(*rows, strict=True):
        assert expected.abs().max() > 0.01
        torch.testing.assert_close(found, expected, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ["variation", "class"])
def test_it_is_compiled_as_a_whole(folder: Path, name: str) -> None:
    """With fullgraph, a part that cannot be compiled is an error."""
    generator = Generator(file_of(folder, name), providers="torch")
    module, kind = generator.module(), generator.info.kind
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    latent = torch.from_numpy(latents_of(2, generator.info.latent_dim)).requires_grad_()
    given = torch.tensor([1, 0]) if kind == "class" else torch.from_numpy(images_of(2, 3, 9, 14))
    made, expected = compiled(given, latent), module(given, latent)
    for key, values in made.items():
        torch.testing.assert_close(values, expected[key], atol=1e-5, rtol=0)
    sum(values.sum() for values in made.values()).backward()
    assert latent.grad is not None
    assert latent.grad.abs().max() > 0


@pytest.mark.parametrize("name", ["variation", "class"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_around_it_changes_nothing(
    folder: Path, name: str, dtype: torch.dtype
) -> None:
    generator = Generator(file_of(folder, name), providers="torch")
    info = generator.info
    latents, module = latents_of(3, info.latent_dim), generator.module()
    given = np.array([0, 1, 0]) if info.kind == "class" else images_of(3, info.channels, *info.size)
    run = generator.generate if info.kind == "class" else generator.vary
    plain = run(given, latents)
    with torch.autocast("cpu", dtype):
        assert np.array_equal(run(given, latents), plain)
        made = module(torch.from_numpy(given), torch.from_numpy(latents).to(dtype).float())
        low = module(torch.from_numpy(given), torch.from_numpy(latents).to(dtype))
    for key, values in low.items():
        assert values.dtype == torch.float32
        assert torch.equal(values, made[key])


def test_a_module_can_be_pickled_and_has_nothing_to_train(folder: Path) -> None:
    module = Generator(file_of(folder, "variation")).module()
    again = pickle.loads(pickle.dumps(module))
    assert not list(module.parameters())
    given = torch.from_numpy(images_of(1, 3, 8, 8)), torch.from_numpy(latents_of(1, LATENT))
    for key, values in module(*given).items():
        assert torch.equal(values, again(*given)[key])


def test_the_transform_runs_on_it(folder: Path) -> None:
    path = file_of(folder, "variation")
    transforms = [GANAugment(Generator(path, providers=name), p=1.0) for name in ("torch", "cpu")]
    transforms[0] = pickle.loads(pickle.dumps(transforms[0]))
    levels = (255 * torch.from_numpy(images_of(3, 3, 16, 24))).byte()
    params = transforms[0].make_params([levels])
    ours, other = (transform.transform(levels, params) for transform in transforms)
    assert (ours.int() - other.int()).abs().max() <= 1
    assert not torch.equal(ours, levels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_tensor_on_a_gpu_stays_there(folder: Path) -> None:
    path = file_of(folder, "variation")
    ours = GANAugment(Generator(path, providers="torch"), p=1.0)
    levels = (255 * torch.from_numpy(images_of(3, 3, 16, 24))).byte()
    params = ours.make_params([levels])
    made = ours.transform(levels.cuda(), params)
    assert made.is_cuda
    assert (made.cpu().int() - ours.transform(levels, params).int()).abs().max() <= 1


def test_each_device_has_a_graph_of_its_own(folder: Path) -> None:
    session = TorchSession(read_content(file_of(folder, "small")))
    cpu, meta = session.on(torch.device("cpu")), session.on(torch.device("meta"))
    assert session.on(torch.device("meta")) is meta
    made = meta(torch.empty(2, 1, 7, 9, device="meta"), torch.empty(2, 4, device="meta"))
    assert made["variation"].shape == (2, 1, 7, 9)
    assert {str(buffer.device) for buffer in cpu.buffers()} == {"cpu"}


def test_more_threads_are_torchs_matter(folder: Path) -> None:
    path = file_of(folder, "small")
    text = refused(ConfigError, Generator, path, providers="torch", threads=2)
    assert text.endswith("call torch.set_num_threads(2)")


def test_what_torch_computes_otherwise_is_refused(folder: Path) -> None:
    content = read_content(file_of(folder, "variation"))
    model = onnx.ModelProto.FromString(content)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "exclude_outside":
                attribute.i = 0
    text = refused(ArtifactError, TorchGraph, model.SerializeToString())
    assert "without exclude_outside" in text

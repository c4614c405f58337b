"""A generator file in Node: the snippet of the documentation runs, and gives what Python gives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers.short_runs import SHORT
from helpers.small_images import bars

from ganaug import Generator, export, fit

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "examples" / "javascript"
NODE = shutil.which("node")
WANTED = "npm ci --prefix examples/javascript --ignore-scripts"

pytestmark = pytest.mark.skipif(
    NODE is None or not (PACKAGE / "node_modules" / "onnxruntime-web").is_dir(),
    reason=f"node or onnxruntime-web is not here ({WANTED}): the file was not used from JavaScript",
)

SIDES = (20, 14)  # width and height, not those of the training
COMPARE = """
import { readFileSync, writeFileSync } from "node:fs";
import { drawLatent, open, vary } from "./ganaug.mjs";
const info = JSON.parse(readFileSync("photos.json"));
const generator = await open(readFileSync("photos.onnx"), info);
const [data, latent] = ["image", "latent"].map((name) => new Uint8ClampedArray(readFileSync(name)));
const image = { data, width: 20, height: 14 };
const varied = await vary(generator, image, new Float32Array(latent.buffer));
writeFileSync("varied", varied.data);
const draws = Array.from({ length: 4000 }, () => [...drawLatent(generator)]).flat();
const mean = draws.reduce((sum, each) => sum + each, 0) / draws.length;
const square = draws.reduce((sum, each) => sum + each * each, 0) / draws.length;
console.log(JSON.stringify({ mean, deviation: Math.sqrt(square), scale: generator.scale }));
"""


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "rgb"])
def workplace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos.onnx, its description, and the JavaScript of the example."""
    folder = tmp_path_factory.mktemp("javascript")
    images = bars((8, 6), (16, 16), request.param, seed=0)
    export(fit(images, folder / "run", **{**SHORT, "steps": 2}), folder / "photos.onnx")
    info = Generator(folder / "photos.onnx").info.to_json()
    (folder / "photos.json").write_text(info, encoding="utf-8")
    shutil.copy(PACKAGE / "ganaug.mjs", folder)
    (folder / "node_modules").symlink_to(PACKAGE / "node_modules")
    return folder


def run(code: str, folder: Path) -> str:
    command = [str(NODE), "--input-type=module", "--eval", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_snippet_of_the_documentation_runs(workplace: Path) -> None:
    text = (ROOT / "docs" / "other-languages.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```js\n(.*?)^```", text, re.M | re.S)
    assert run(snippet, workplace).split() == ["64", "48", str(4 * 64 * 48)]


def test_javascript_gives_what_python_gives(workplace: Path) -> None:
    generator = Generator(workplace / "photos.onnx")
    draw = np.random.default_rng(0)
    width, height = SIDES
    pixels = draw.integers(0, 256, (height, width, 4), np.uint8)
    if generator.info.channels == 1:
        pixels[..., :3] = pixels[..., :1]
    latent = draw.standard_normal(generator.info.latent_dim, np.float32)
    pixels.tofile(workplace / "image")
    latent.tofile(workplace / "latent")
    drawn = json.loads(run(COMPARE, workplace))

    varied = np.fromfile(workplace / "varied", np.uint8).reshape(pixels.shape)
    image = np.float32(pixels[..., :3]).transpose(2, 0, 1)[None] / 255
    expected = 255 * generator.vary(image, latent[None])[0].transpose(1, 2, 0)
    assert np.abs(varied[..., :3] - expected).max() < 0.51  # it is rounded to whole numbers
    assert np.abs(varied[..., :3] - 255 * image[0].transpose(1, 2, 0)).max() > 1
    assert (varied[..., 3] == pixels[..., 3]).all()
    assert drawn["scale"] == generator.info.policy.scale
    assert abs(drawn["mean"]) < 0.05
    assert drawn["deviation"] == pytest.approx(drawn["scale"], rel=0.05)

"""`python -m benchmarks.marks`: do masks move with their image, and what is drawn over them?

A generator of the preset `base` is trained on photographed letters, for 1000 steps. Letters of
faces that it never saw, alone on paper at 96 px, are varied together with their masks. Where the
letter is after that, is read from the varied image alone, by its darkness.

`--pictures DIR` also draws pages of four letters with their boxes and their masks, varied with seed
0: the pictures of docs/masks.md. Nothing is picked by hand.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torchvision import tv_tensors
from torchvision.utils import draw_segmentation_masks

from benchmarks._environment import environment
from benchmarks._glyphs import small_glyphs
from benchmarks._letters import SIDE, Page, letters, page
from benchmarks._results import write_result
from ganaug import GANAugment, Generator, export, fit
from ganaug.errors import GanaugError
from ganaug.images.grid import save_png

__all__ = ["main"]

STEPS, DRAWS = 1000, 4
COLOURS = ("#e6194b", "#0082c8", "#3cb44b", "#f58231")
ROWS, COLUMNS, SCALE, GAP = 3, 6, 2, 6  # of a picture


@click.command(help=__doc__)
@click.option("--run", type=click.Path(path_type=Path), help="Keeps the run; resumes it.")
@click.option("--steps", type=click.IntRange(1), default=STEPS, help="Of the generator.")
@click.option("--draws", type=click.IntRange(1), default=DRAWS, help="Variations of a letter.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Writes the figures.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Folder for the two pictures.")
def main(
    run: Path | None, steps: int, draws: int, target: Path | None, pictures: Path | None
) -> None:
    """Train, export, measure, draw."""
    torch.set_num_threads(1)
    try:
        with TemporaryDirectory() as folder:
            file = Path(folder, "letters.onnx")
            export(fit(small_glyphs(), run or Path(folder, "run"), device="cpu", steps=steps), file)
            result = {
                "benchmark": "marks",
                "steps": steps,
                "draws": draws,
                "agreement": agreement(file, draws),
                "changes": changes(file, draws),
                "environment": environment(1, 1),
            }
            for name in ("agreement", "changes"):
                click.echo(f"{name}: {result[name]}")
            if target is not None:
                write_result(target, result)
            if pictures is not None:
                save_png(pictures / "boxes.png", picture(file, masks=False))
                save_png(pictures / "masks.png", picture(file, masks=True))
    except GanaugError as error:
        click.echo(f"benchmarks.marks: {error}", err=True)
        raise SystemExit(error.exit_code) from error


def agreement(file: Path, draws: int) -> dict[str, dict[str, float]]:
    """Return how well moved masks agree with varied letters: intersection over union."""
    found = {}
    for name, content in (("as trained", True), ("content=False", False)):
        vary = GANAugment(file, p=1.0, labels_getter=None, content=content)
        torch.manual_seed(0)
        moved, unmoved = [], []
        for draw in range(draws):
            images, masks = letters(draw)
            varied, after = vary(images, tv_tensors.Mask(masks))
            shown = dark(varied)
            moved.append(overlap(shown, after.as_subclass(Tensor)))
            unmoved.append(overlap(shown, masks))
        there, here = torch.cat(moved), torch.cat(unmoved)
        found[name] = {
            "letters": len(there),
            "mean": round(float(there.mean()), 3),
            "tenth": round(float(there.quantile(0.1)), 3),
            "mean_of_masks_that_stay": round(float(here.mean()), 3),
        }
    return found


def dark(images: Tensor) -> Tensor:
    """Return the letter's pixels in uint8 [N, 3, H, W]: those on the darker side of Otsu's bound.

    Light falls off across a plate, so the bound is sought in what is left of the image when the
    plane that fits it best is taken away.
    """
    grey = images.double().mean(1)
    height, width = grey.shape[1:]
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height).double(), torch.linspace(-1, 1, width).double(), indexing="ij"
    )
    planes = torch.stack([torch.ones_like(x), x, y], 2).reshape(-1, 3)
    return torch.stack([_darker(each.flatten(), planes).reshape(height, width) for each in grey])


def _darker(values: Tensor, planes: Tensor) -> Tensor:
    """Alternate between which pixels are paper and which plane the paper's light is."""
    ink = values < _otsu(values)
    for _ in range(3):
        of_paper = planes[~ink]
        light = torch.linalg.solve(of_paper.T @ of_paper, of_paper.T @ values[~ink])
        flat = values - planes @ light
        ink = flat < _otsu(flat)
    return ink


def _otsu(values: Tensor) -> float:
    """Return the bound between two groups whose means are farthest apart (Otsu 1979, eq. 14)."""
    ordered = values.sort().values
    below = torch.arange(1, len(ordered)).double()
    sums = ordered.cumsum(0)
    apart = sums[:-1] / below - (sums[-1] - sums[:-1]) / (len(ordered) - below)
    best = int((below * (len(ordered) - below) * apart**2).argmax())
    return float(ordered[best : best + 2].mean())


def overlap(one: Tensor, other: Tensor) -> Tensor:
    """Return intersection over union of masks [N, H, W], for each."""
    both, either = (one & other).sum((1, 2)), (one | other).sum((1, 2))
    return both / either.clamp(min=1)


def changes(file: Path, draws: int) -> dict[str, dict[str, float]]:
    """Return how much of the change of pixels, in levels, is light and how much is content.

    The map apart, a pixel is changed by light (factor and offset) and by content (blur and
    residual). Both are means of absolute differences, over the letters' pixels and over the others.
    """
    generator = Generator(file, providers="cpu")
    vary = GANAugment(file, p=1.0, labels_getter=None)
    torch.manual_seed(0)
    sums: dict[str, list[float]] = {"inside": [0, 0, 0], "outside": [0, 0, 0]}
    names = ("variation", "positions", "factor", "offset")
    for draw in range(draws):
        images, masks = letters(draw)
        latents = vary.make_params([images])["latents"]
        made = generator.outputs(images.numpy() / np.float32(255), latents, names)
        varied, positions, factor, offset = (torch.from_numpy(made[name]) for name in names)
        read, inside = (
            torch.nn.functional.grid_sample(
                pixels, positions, mode=mode, padding_mode="reflection", align_corners=False
            )
            for pixels, mode in ((images / 255, "bilinear"), (masks[:, None].float(), "nearest"))
        )
        lit = (read * factor + offset / 2).clamp(0, 1)
        for name, where in (("inside", inside > 0.5), ("outside", inside <= 0.5)):
            where = where.expand_as(lit)
            sums[name][0] += float((lit - read).abs()[where].sum())
            sums[name][1] += float((varied - lit).abs()[where].sum())
            sums[name][2] += int(where.sum())
    return {
        name: {
            "light": round(255 * light / count, 2),
            "content": round(255 * content / count, 2),
            "share_of_content": round(content / (light + content), 3),
        }
        for name, (light, content, count) in sums.items()
    }


def picture(file: Path, *, masks: bool) -> Image.Image:
    """Return rows of a page, first as it is, then varied, with its masks or its boxes."""
    vary = GANAugment(file, p=1.0, labels_getter=None)
    torch.manual_seed(0)
    tile = SCALE * SIDE + GAP
    sheet = Image.new("RGB", (GAP + COLUMNS * tile, GAP + ROWS * tile), "white")
    for row in range(ROWS):
        real = page(row)
        pages = [real]
        for _ in range(COLUMNS - 1):
            pages.append(Page(*vary(real.image, real.masks, real.boxes)))
        for column, each in enumerate(pages):
            drawn = with_masks(each) if masks else with_boxes(each)
            sheet.paste(drawn, (GAP + column * tile, GAP + row * tile))
    return sheet


def with_masks(shown: Page) -> Image.Image:
    """Return a page with its masks in colour."""
    masks = shown.masks.as_subclass(Tensor)
    coloured = draw_segmentation_masks(
        shown.image.as_subclass(Tensor), masks, alpha=0.6, colors=list(COLOURS)
    )
    return _large(coloured)


def with_boxes(shown: Page) -> Image.Image:
    """Return a page with its boxes; those that left the page have none."""
    large = _large(shown.image.as_subclass(Tensor))
    pen = ImageDraw.Draw(large)
    for box, colour in zip(shown.boxes.tolist(), COLOURS, strict=True):
        left, top, right, bottom = (SCALE * side for side in box)
        if right > left and bottom > top:
            pen.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=3)
    return large


def _large(image: Tensor) -> Image.Image:
    side = SCALE * SIDE
    return Image.fromarray(image.permute(1, 2, 0).numpy()).resize((side, side), Image.NEAREST)


if __name__ == "__main__":
    main()

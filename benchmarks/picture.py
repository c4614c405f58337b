"""`python -m benchmarks.picture`: the README's picture, real images beside their variations.

A generator of the preset `base` is trained on photographed letters, ten classes with 120 images and
ten with 8, which takes some minutes. A row is a rare letter: its first training image, and what
`GANAugment` makes of it with seed 0. Nothing is picked by hand.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from benchmarks._glyphs import small_glyphs
from ganaug import GANAugment, export, fit
from ganaug.errors import ConfigError, GanaugError
from ganaug.images import ImageSet
from ganaug.images.grid import picture_grid, save_png

__all__ = ["main"]

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "variations.png"
LETTERS = "BDFHJ"  # those of the ten rare classes that are no digits
VARIATIONS = 6
SCALE, GAP, HEADER, TEXT = 4, 4, 56, 40  # pixels, but for the factor: readable on a phone


@click.command(help=__doc__)
@click.option("--run", type=click.Path(path_type=Path), help="Keeps the run; resumes it.")
@click.option("--steps", type=click.IntRange(1), help="Of the generator; default: the preset's.")
@click.option("--out", type=click.Path(path_type=Path), default=PICTURE, help="The PNG file.")
def main(run: Path | None, steps: int | None, out: Path) -> None:
    """Train, export, draw."""
    torch.set_num_threads(1)
    lengths: dict[str, Any] = {} if steps is None else {"steps": steps}
    try:
        if not out.parent.is_dir():  # before the training
            raise ConfigError(
                f"--out: {out}: there is no folder {out.parent}; allowed: a file in a folder that"
                " exists; create it"
            )
        images = small_glyphs()
        with TemporaryDirectory() as folder:
            trained = fit(images, run or Path(folder, "run"), device="cpu", **lengths)
            file = Path(folder, "letters.onnx")
            export(trained, file)
            save_png(out, draw(file, images))
    except GanaugError as error:
        click.echo(f"benchmarks.picture: {error}", err=True)
        raise SystemExit(error.exit_code) from error


def draw(file: Path, images: ImageSet) -> Image.Image:
    """Return a row for each of `LETTERS`: the first real image of it, and its variations."""
    vary = GANAugment(file, p=1.0, labels_getter=None)
    torch.manual_seed(0)
    rows = []
    for letter in LETTERS:
        first = int(np.flatnonzero(images.labels == images.classes.index(letter))[0])
        real = torch.from_numpy(images.images[first]).permute(2, 0, 1)
        varied = vary(real.repeat(VARIATIONS, 1, 1, 1))
        rows.append(torch.cat([real[None], varied]).permute(0, 2, 3, 1).numpy())
    grid = picture_grid(rows, scale=SCALE, gap=GAP)
    page = Image.new("RGB", (grid.width, grid.height + HEADER), "white")
    page.paste(grid, (0, HEADER))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(TEXT)
    column = images.size[1] * SCALE + GAP
    for text, left, right in (("real", 0, column), ("variations", column, grid.width)):
        pen.text(((left + right) / 2, HEADER / 2), text, "black", font, anchor="mm")
    return page


if __name__ == "__main__":
    main()

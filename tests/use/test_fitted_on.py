"""Which images of a source a generator was fitted on, and which were held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.photos import write_photos, write_pngs
from helpers.small_images import bars
from helpers.small_models import metadata_of, write_variation_model
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import AugmentedDataset, GanaugError, GANAugment, Generator, held_out_split, load_images
from ganaug.artifact.format import Metadata
from ganaug.images import ImageSet
from ganaug.use.fitted_on import compared


def info_of(images: ImageSet) -> Metadata:
    """Of a generator that was fitted on them."""
    data: dict[str, object] = {"held_out": images.held_out, "held_out_fingerprint": None}
    data["columns"] = None if images.columns is None else images.columns._asdict()
    if images.test is not None:
        data["held_out_fingerprint"] = images.test.fingerprint
    info = metadata_of(
        "variation",
        classes=images.classes,
        counts=images.counts.tolist(),
        channels=images.channels,
        size=images.size,
    )
    return replace(info, fingerprint=images.fingerprint, data={**info.data, **data})


def test_images_of_equal_pixels_are_held_out_as_fit_holds_them_out(tmp_path: Path) -> None:
    """The images that a generator was fitted on are known again where PNG files are BMP, too."""
    folder = write_pngs(tmp_path / "photos", bars((20, 20)))
    for path in sorted(folder.rglob("*.png"))[::2]:
        Image.open(path).save(path.with_suffix(".bmp"))
    images = load_images(folder).hold_out()
    info = info_of(images)
    found = compared(folder, info)
    assert found.held_out is not None
    assert images.names is not None
    left = [item.inside for item in found.without_held_out().items]
    assert left == list(images.names)
    (folder / "bar 0" / "000.png").write_bytes((folder / "bar 0" / "001.png").read_bytes())
    assert compared(folder, info).held_out is None


def artifact_of(path: Path, images: ImageSet) -> Path:
    info = info_of(images)
    return write_variation_model(
        path,
        classes=info.classes,
        counts=info.counts,
        channels=info.channels,
        data=info.data,
        fingerprint=info.fingerprint,
    )


def test_a_data_set_is_split_as_fit_split_it(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos", test=False)
    images = load_images(folder).hold_out()
    assert images.test is not None
    file = artifact_of(tmp_path / "photos.onnx", images)
    real = ImageFolder(folder)
    train, held_out = held_out_split(file, real)

    def names(rows: object) -> list[str]:
        return [Path(real.samples[at][0]).relative_to(folder).as_posix() for at in rows]  # type: ignore[attr-defined]

    assert names(train.indices) == list(images.names or ())
    assert names(held_out.indices) == list(images.test.names or ())
    steps = v2.Compose([GANAugment(file, p=1.0), v2.ToImage()])
    loader = DataLoader(AugmentedDataset(train, steps), batch_size=len(train), num_workers=1)
    [(pixels, labels)] = loader
    assert pixels.shape[0] == len(images)
    assert labels.tolist() == images.labels.tolist()
    kept, nothing_more = held_out_split(Generator(file), real)
    assert (kept.indices, nothing_more.indices) == (train.indices, held_out.indices)


@pytest.mark.parametrize("twice", [False, True], ids=["once", "with equal pixels"])
@pytest.mark.parametrize("turned", [True, False])
def test_photographs_with_an_exif_turn_are_split_as_fit_split_them(
    tmp_path: Path, turned: bool, twice: bool
) -> None:
    """`fit` turns them, and an ImageFolder does not."""
    folder = write_photos(tmp_path / "photos", test=False)
    exif = Image.Exif()
    exif[0x0112] = 6
    for path in sorted(folder.rglob("*.jpg"))[::3]:
        Image.open(path).save(path, exif=exif)
    for path in sorted(folder.rglob("*.jpg"))[1::3] if twice else []:
        Image.open(path).save(path.with_suffix(".bmp"))
        Image.open(path).save(path.with_suffix(".ppm"))
    images = load_images(folder, exif=turned, size=16).hold_out()
    assert images.test is not None
    assert (images.keys != images.other_keys).any()
    train, held_out = held_out_split(
        artifact_of(tmp_path / "f.onnx", images), real := ImageFolder(folder)
    )
    for rows, part in ((train.indices, images), (held_out.indices, images.test)):
        names = [Path(real.samples[at][0]).relative_to(folder).as_posix() for at in rows]
        assert names == list(part.names or ())
    assert compared(folder, info_of(images), exif=not turned).count_held_out == len(images.test)


@pytest.mark.parametrize("fitted", ["all", "others"])
def test_what_has_no_such_split_is_refused(tmp_path: Path, fitted: str) -> None:
    folder = write_photos(tmp_path / "photos", test=False)
    if fitted == "others":
        other = write_photos(tmp_path / "others", test=False, first=9)
        file = artifact_of(tmp_path / "f.onnx", load_images(other).hold_out())
    else:
        file = artifact_of(tmp_path / "f.onnx", load_images(folder))
    said = "not fitted on these images, or they were read in another way"
    said = "fitted on all of these images" if fitted == "all" else said
    with pytest.raises(GanaugError, match=f"f.onnx: {said}; allowed: all the images that fit was"):
        held_out_split(file, ImageFolder(folder))
    with pytest.raises(GanaugError, match="allowed: a data set such as torchvision's ImageFolder"):
        held_out_split(file, str(folder))  # type: ignore[arg-type]


def test_groups_of_a_column_stay_on_one_side(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra huggingface is not installed")
    folder = write_photos(tmp_path / "photos", test=False)
    files = ImageFolder(folder).samples
    patients = [f"p{at // 2}" for at in range(len(files))]
    features = {"scan": datasets.Image(), "label": datasets.ClassLabel(3)}
    real = datasets.Dataset.from_dict(
        {
            "scan": [path for path, _ in files],
            "label": [label for _, label in files],
            "patient": patients,
        },
        features=datasets.Features({**features, "patient": datasets.Value("string")}),
    )
    images = load_images(real, image="scan", label="label", group="patient").hold_out()
    file = artifact_of(tmp_path / "photos.onnx", images)
    train, held_out = held_out_split(file, real)
    assert len(train) == len(images)
    assert not {patients[at] for at in train.indices} & {patients[at] for at in held_out.indices}
    with pytest.raises(GanaugError, match=r"DatasetDict of the parts 'train'; .*pass one part"):
        held_out_split(file, datasets.DatasetDict(train=real))


def test_a_table_is_no_data_set(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    folder = write_photos(tmp_path / "photos", test=False)
    file = artifact_of(tmp_path / "photos.onnx", load_images(folder).hold_out())
    table = pandas.DataFrame(ImageFolder(folder).samples, columns=["file", "label"])
    with pytest.raises(GanaugError, match="dataset: a DataFrame, whose rows are no items, and"):
        held_out_split(file, table)
    with pytest.raises(GanaugError, match=r"DataFrame in the place of a data set; .*of a row"):
        AugmentedDataset(table, tuple)


def test_items_that_are_dictionaries_are_split_by_their_keys(tmp_path: Path) -> None:
    folder = ImageFolder(write_photos(tmp_path / "photos", test=False))

    class Scans(Dataset[dict[str, object]]):
        classes = folder.classes

        def __len__(self) -> int:
            return len(folder)

        def __getitem__(self, index: int) -> dict[str, object]:
            return {"scan": folder[index][0], "finding": folder[index][1]}

    images = load_images(Scans(), image="scan", label="finding").hold_out()
    file = artifact_of(tmp_path / "photos.onnx", images)
    train, held_out = held_out_split(file, Scans(), image="scan", label="finding")
    assert len(train) == len(images)
    assert len(train) + len(held_out) == len(folder)

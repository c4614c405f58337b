"""Train a classifier with Lightning on an ImageFolder, a generator as one of its transforms.

    pip install lightning
    python examples/lightning_module.py photos/train photos.onnx --epochs 20

photos/train holds one folder a class; photos.onnx is what `ganaug export` wrote for it.
"""

from __future__ import annotations

import argparse

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18
from torchvision.transforms import v2

from ganaug import AugmentedDataset, ClassBalancedSampler, GANAugment


class Photos(lightning.LightningDataModule):
    """The training images: varied by the generator, then augmented as ever."""

    def __init__(self, folder: str, artifact: str, size: int, workers: int) -> None:
        super().__init__()
        to_tensor = [
            v2.Resize((size, size)),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.25] * 3),
        ]
        vary = v2.Compose([GANAugment(artifact), v2.RandAugment(), *to_tensor])
        self.train = AugmentedDataset(ImageFolder(folder), vary)
        self.workers = workers

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        # With several devices the sampler gives each process its own part of the draws.
        sampler = ClassBalancedSampler(self.train.targets)
        return DataLoader(self.train, 64, sampler=sampler, num_workers=self.workers)


class Classifier(lightning.LightningModule):
    """A ResNet-18."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.network = resnet18(num_classes=num_classes)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        images, labels = batch
        loss = nn.functional.cross_entropy(self.network(images), labels)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.02, momentum=0.9, weight_decay=5e-4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("artifact")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    photos = Photos(options.folder, options.artifact, options.size, options.workers)
    trainer = lightning.Trainer(max_epochs=options.epochs, logger=False, enable_checkpointing=False)
    trainer.fit(Classifier(len(photos.train.classes)), photos)
    print(f"{trainer.global_step} steps, loss {float(trainer.callback_metrics['loss']):.3f}")


if __name__ == "__main__":
    main()

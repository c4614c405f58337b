"""Train a classifier on an ImageFolder with a generator as one of its transforms.

    python examples/training_loop.py photos/ photos.onnx --epochs 20

photos/ holds train/ and test/, each with one folder a class; photos.onnx is what `ganaug export`
wrote for photos/.
"""

from __future__ import annotations

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18
from torchvision.transforms import v2

from ganaug import AugmentedDataset, ClassBalancedSampler, GANAugment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("artifact")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)

    to_tensor = v2.Compose(
        [
            v2.Resize((options.size, options.size)),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.25] * 3),
        ]
    )
    # GANAugment first: it was trained on images as they are, not on augmented ones.
    vary = v2.Compose([GANAugment(options.artifact), v2.RandAugment(), to_tensor])
    real = ImageFolder(f"{options.folder}/train")
    train = DataLoader(
        AugmentedDataset(real, vary),
        batch_size=64,
        sampler=ClassBalancedSampler(real.targets),
        num_workers=options.workers,
    )
    held_out = ImageFolder(f"{options.folder}/test", to_tensor)
    # By name: test/ may lack a class, and ImageFolder numbers the classes that it finds.
    held_out.target_transform = lambda label: real.class_to_idx[held_out.classes[label]]
    test = DataLoader(held_out, batch_size=256, num_workers=options.workers)

    network = resnet18(num_classes=len(real.classes))
    optimizer = torch.optim.SGD(network.parameters(), 0.02, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
    for _ in range(options.epochs):
        network.train()
        for images, labels in train:
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()

    network.eval()
    found, total = torch.zeros(len(real.classes)), torch.zeros(len(real.classes))
    with torch.no_grad():
        for images, labels in test:
            right = network(images).argmax(1) == labels
            found += torch.bincount(labels[right], minlength=len(found))
            total += torch.bincount(labels, minlength=len(found))
    tested = total > 0
    recalls = found[tested] / total[tested]
    names = [name for name, shown in zip(real.classes, tested, strict=True) if shown]
    for name, recall in zip(names, recalls, strict=True):
        print(f"{name}: recall {recall:.3f}")
    print(f"balanced accuracy {recalls.mean():.3f}")


if __name__ == "__main__":
    main()

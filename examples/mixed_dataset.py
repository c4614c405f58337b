"""Fill up the rare classes of an ImageFolder with generated images, new ones each epoch.

    python examples/mixed_dataset.py photos/train photos.onnx

photos/train holds one folder a class; photos.onnx is what `ganaug export` wrote for it.
"""

from __future__ import annotations

import argparse
from collections import Counter

from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import AugmentedDataset, MixedDataset, SyntheticDataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("artifact")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    real = ImageFolder(options.folder)
    # Up to the largest class; counts="auto" follows the policy in the file instead.
    more = SyntheticDataset(options.artifact, source=real, counts="balance")
    mixed = MixedDataset(real, more)
    to_tensor = v2.Compose([v2.Resize((options.size, options.size)), v2.ToImage()])
    train = AugmentedDataset(mixed, v2.Compose([v2.RandAugment(), to_tensor]))
    loader = DataLoader(train, batch_size=64, shuffle=True, num_workers=options.workers)

    print(f"{len(real)} real images, {len(more)} generated ones an epoch")
    for epoch in range(options.epochs):
        train.set_epoch(epoch)  # before the loader starts: other variations than last time
        seen: Counter[int] = Counter()
        for _images, labels in loader:
            seen.update(labels.tolist())  # a training step goes here
        parts = (f"{name} {seen[label]}" for label, name in enumerate(real.classes))
        print(f"epoch {epoch}: {', '.join(parts)}")


if __name__ == "__main__":
    main()

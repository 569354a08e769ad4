"""Views a second of ``augment`` beside a bare albumentations loop, and stored views beside torchvision's transforms.

    python benchmarks/augmenting.py

Generated 32x32 colour images; mirroring, pad and crop, colour jitter and cutout, as each library names them.

Making: all cores of ``saccade.stored_views.write_views`` beside one core of an unseeded ``albumentations.Compose`` of
the same transforms, which keeps nothing. Reading: batches of 128 of the stored views, as training takes them, beside a
``DataLoader`` with as many workers as there are cores, which transform each image with torchvision's v2; no model. Both
take turns. The last figure is the number of epochs after which making the views has paid for itself.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from figures import report, tell
from torch.utils.data import DataLoader, Dataset
from workbench import parser_of

from saccade.arrays import open_array, write_array
from saccade.batches import take
from saccade.cores import usable_cores
from saccade.stored_views import write_views

IMAGES, VIEWS, BATCH = 20_000, 4, 128
TRANSFORMS: list[dict[str, Any]] = [
    {"name": "HorizontalFlip", "p": 0.5},
    {"name": "Pad", "padding": 4, "border_mode": 4, "p": 1.0},
    {"name": "RandomCrop", "height": 32, "width": 32, "p": 1.0},
    {"name": "ColorJitter", "brightness": [0.8, 1.2], "contrast": [0.8, 1.2], "saturation": [0.8, 1.2], "p": 1.0},
    {"name": "CoarseDropout", "num_holes_range": [1, 1], "hole_height_range": [8, 8], "hole_width_range": [8, 8]},
]


class Transformed(Dataset[torch.Tensor]):
    """The images through torchvision's transforms, one at a time, as its users write it."""

    def __init__(self, images_NHWC: np.ndarray) -> None:
        from torchvision.transforms import v2

        self.images_NCHW = torch.from_numpy(images_NHWC).permute(0, 3, 1, 2).contiguous()
        self.transform = v2.Compose(
            [
                v2.RandomHorizontalFlip(0.5),
                v2.RandomCrop(32, padding=4, padding_mode="reflect"),
                v2.ColorJitter(0.2, 0.2, 0.2),
                v2.RandomErasing(0.5, scale=(1 / 16, 1 / 16), ratio=(1, 1)),
            ]
        )

    def __len__(self) -> int:
        return len(self.images_NCHW)

    def __getitem__(self, row: int) -> torch.Tensor:
        return self.transform(self.images_NCHW[row])


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=5).parse_args()
    count, views, pairs = (1_000, 2, 1) if options.quick else (IMAGES, VIEWS, options.pairs)
    images_NHWC = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    options.work.mkdir(parents=True, exist_ok=True)
    making, bare, reading, loading = [], [], [], []
    with TemporaryDirectory(dir=options.work) as scratch:
        folder = Path(scratch)
        write_array(folder / "images.npy", images_NHWC)
        for _ in range(pairs):
            bare.append(bare_loop(images_NHWC[: count // 4]))
            making.append(views_a_second(folder, views))
            loading.append(
                images_a_second(DataLoader(Transformed(images_NHWC), BATCH, True, num_workers=usable_cores()))
            )
            reading.append(images_a_second(stored_batches(folder / "train.npy")))
            tell(
                f"  making {making[-1]:.0f}, bare {bare[-1]:.0f}; "
                f"reading {reading[-1]:.0f}, torchvision {loading[-1]:.0f}"
            )
    cores = usable_cores()
    peer = f"{cores} cores x a bare loop on one"
    report(
        "augment, views a second", "1/s", making, [rate * cores for rate in bare], peer=peer, target=("at least", 0.85)
    )
    peer = f"torchvision v2 in a DataLoader of {cores} workers"
    report("data path, images a second", "1/s", reading, loading, peer=peer, target=("at least", 5.0))
    epochs = [
        views / made / (1 / loaded - 1 / read) for made, loaded, read in zip(making, loading, reading, strict=True)
    ]
    report(
        "epochs that pay for the views", "epochs", epochs, note=f"{views} views; median {statistics.median(epochs):.1f}"
    )


def bare_loop(images_NHWC: np.ndarray) -> float:
    """Images a second of albumentations alone, on one core, unseeded."""
    import albumentations
    import cv2

    cv2.setNumThreads(0)
    compose = albumentations.Compose([built(**transform) for transform in TRANSFORMS])
    started_at = time.perf_counter()
    for image_HWC in images_NHWC:
        compose(image=image_HWC)
    return len(images_NHWC) / (time.perf_counter() - started_at)


def built(name: str, **arguments: Any) -> Any:
    """One of albumentations' transforms."""
    import albumentations

    values = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    return getattr(albumentations, name)(**values)


def views_a_second(folder: Path, views: int) -> float:
    """Of ours, on all cores, written to the disk."""
    (folder / "train.npy").unlink(missing_ok=True)
    started_at = time.perf_counter()
    write_views(folder, folder / "images.npy", views=views, transforms=TRANSFORMS, seed=0)
    return views * len(open_array(folder / "images.npy")) / (time.perf_counter() - started_at)


def stored_batches(path: Path) -> Iterator[torch.Tensor]:
    """One epoch of view 0, shuffled, as training takes it."""
    view = torch.from_numpy(open_array(path)[0])
    for rows in torch.randperm(len(view)).split(BATCH):
        yield take(view, rows, torch.device("cpu"))


def images_a_second(batches: Any) -> float:
    """Images a second of one epoch."""
    started_at, count = time.perf_counter(), 0
    for batch in batches:
        count += len(batch)
    return count / (time.perf_counter() - started_at)


if __name__ == "__main__":
    main()

"""Views a second of ``augment`` beside a bare albumentations loop, its memory, and stored views beside torchvision's.

    python benchmarks/augmenting.py
    python benchmarks/augmenting.py --only cifar-standard --only digits

Generated 32x32 colour images; first mirroring, pad and crop, colour jitter and cutout, then each of the policies.

Making: all cores of ``stored_views.write_views`` beside one core of an unseeded ``albumentations.Compose`` of the same
transforms, which keeps nothing; both take turns. Processor time counts the parent and its workers; unlike
views a second it is much the same on a machine that does other work as well. Memory: the peak of RssAnon while
``saccade augment`` makes views of some images, and of ten times as many. Reading: batches of 128 of the stored views,
as training takes them, beside a ``DataLoader`` with as many workers as there are cores, which transform each image with
torchvision's v2; no model. The last figure is the number of epochs after which making the views has paid for itself.
Linux only.
"""

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from figures import report, tell
from linearity import PeakMemory
from torch.utils.data import DataLoader, Dataset
from workbench import Workbench, generated, parser_of

from saccade.augment.policies import POLICIES, resolve_transforms
from saccade.augment.stored_views import write_views
from saccade.batching.arrays import take
from saccade.core.cpu import usable_cores
from saccade.data.arrays import open_array, write_array
from saccade.transforms.albumentations_adapter import build, colors_for

IMAGES, VIEWS, BATCH, SIDE = 20_000, 4, 128, 32
LASTS_S, MAX_VIEWS = 6.0, 40  # cheap transforms make more views: the start of the processes shall not decide
LEAST_OF_BARE, MAX_MEMORY = 0.85, 1.1
MIXED = "mirroring, crop, colour, cutout"
TRANSFORMS: list[dict[str, Any]] = [
    {"name": "HorizontalFlip", "p": 0.5},
    {"name": "Pad", "padding": 4, "border_mode": 4, "p": 1.0},
    {"name": "RandomCrop", "height": SIDE, "width": SIDE, "p": 1.0},
    {"name": "ColorJitter", "brightness": [0.8, 1.2], "contrast": [0.8, 1.2], "saturation": [0.8, 1.2], "p": 1.0},
    {"name": "CoarseDropout", "num_holes_range": [1, 1], "hole_height_range": [8, 8], "hole_width_range": [8, 8]},
]
LISTS = {MIXED: TRANSFORMS} | {
    name: resolve_transforms(name, height=SIDE, width=SIDE) for name in POLICIES if name != "none"
}


class Transformed(Dataset[torch.Tensor]):
    """The images through torchvision's transforms, one at a time, as its users write it."""

    def __init__(self, images_NHWC: np.ndarray) -> None:
        from torchvision.transforms import v2

        self.images_NCHW = torch.from_numpy(images_NHWC).permute(0, 3, 1, 2).contiguous()
        self.transform = v2.Compose(
            [
                v2.RandomHorizontalFlip(0.5),
                v2.RandomCrop(SIDE, padding=4, padding_mode="reflect"),
                v2.ColorJitter(0.2, 0.2, 0.2),
                v2.RandomErasing(0.5, scale=(1 / 16, 1 / 16), ratio=(1, 1)),
            ]
        )

    def __len__(self) -> int:
        return len(self.images_NCHW)

    def __getitem__(self, row: int) -> torch.Tensor:
        return self.transform(self.images_NCHW[row])


class PeakOfAll:
    """The largest anonymous memory of a process, and of the largest of its children; call it again and again."""

    def __init__(self) -> None:
        self.parent, self.workers = PeakMemory(), PeakMemory()

    def __call__(self, pid: int) -> None:
        self.parent(pid)
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = status.read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
            if int(parent) == pid:
                self.workers(int(status.parent.name))


def main() -> None:
    """Parse the command line, measure, print."""
    parser = parser_of(__doc__, pairs=5)
    parser.add_argument("--only", action="append", choices=list(LISTS), help="make these views alone, and nothing else")
    options = parser.parse_args()
    count, views, pairs = (1_000, 2, 1) if options.quick else (IMAGES, VIEWS, options.pairs)
    images_NHWC = np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    options.work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=options.work) as scratch:
        folder = Path(scratch)
        write_array(folder / "images.npy", images_NHWC)
        for name in options.only or LISTS:
            compare_making(name, folder, images_NHWC, views, pairs)
        if not options.only:
            compare_reading(folder, images_NHWC, views, pairs)
    if not options.only:
        compare_memory(Workbench(options.work, "augmenting"), 500 if options.quick else count // 2)


def compare_making(name: str, folder: Path, images_NHWC: np.ndarray, views: int, pairs: int) -> None:
    """A bare loop on one core, ours on all, in turn."""
    import albumentations
    import cv2

    cv2.setNumThreads(0)
    cores, count = usable_cores(), len(images_NHWC)
    compose = albumentations.Compose(build(LISTS[name], colors_for(LISTS[name], images_NHWC)).transforms)
    rate = count / timed(lambda: bare_loop(compose, images_NHWC))[0]  # also warms it up
    views = max(views, min(MAX_VIEWS, round(LASTS_S * rate * cores / count))) if pairs > 1 else views
    bare, ours, bare_us, ours_us = [], [], [], []
    for _ in range(pairs):
        wall_s, processor_s = timed(lambda: bare_loop(compose, images_NHWC))
        bare.append(count / wall_s)
        bare_us.append(processor_s / count * 1e6)
        (folder / "train.npy").unlink(missing_ok=True)
        wall_s, processor_s = timed(lambda: write(LISTS[name], folder, views))
        ours.append(views * count / wall_s)
        ours_us.append(processor_s / (views * count) * 1e6)
        tell(
            f"  {name}: ours {ours[-1]:.0f}, bare {bare[-1]:.0f} a second; processor time {ours_us[-1]:.1f}, "
            f"{bare_us[-1]:.1f} µs; load average {os.getloadavg()[0]:.1f}"
        )
    peer = f"{cores} cores x a bare loop on one"
    limit = ("at least", LEAST_OF_BARE)
    report(f"views a second, {name}", "1/s", ours, [rate * cores for rate in bare], peer=peer, target=limit)
    limit = ("at most", 1 / LEAST_OF_BARE)
    report(f"processor time a view, {name}", "µs", ours_us, bare_us, peer="a bare loop", target=limit)


def timed(do: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the clock, and of processors: of this process and of those that it started and that have ended."""
    before_s, started_at = processor_time(), time.perf_counter()
    do()
    return time.perf_counter() - started_at, processor_time() - before_s


def processor_time() -> float:
    """In seconds, since this process began."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def bare_loop(compose: Any, images_NHWC: np.ndarray) -> None:
    """Albumentations alone."""
    for image_HWC in images_NHWC:
        compose(image=image_HWC)


def write(transforms: list[dict[str, Any]], folder: Path, views: int) -> None:
    """Ours, on all cores, written to the disk."""
    write_views(folder, folder / "images.npy", views=views, transforms=transforms, seed=0)


def compare_reading(folder: Path, images_NHWC: np.ndarray, views: int, pairs: int) -> None:
    """The data path alone: stored views, and a DataLoader that transforms."""
    making, reading, loading = [], [], []
    for _ in range(pairs):
        (folder / "train.npy").unlink()
        making.append(views * len(images_NHWC) / timed(lambda: write(TRANSFORMS, folder, views))[0])
        loading.append(images_a_second(DataLoader(Transformed(images_NHWC), BATCH, True, num_workers=usable_cores())))
        reading.append(images_a_second(stored_batches(folder / "train.npy")))
        tell(f"  reading {reading[-1]:.0f}, torchvision {loading[-1]:.0f}")
    peer = f"torchvision v2 in a DataLoader of {usable_cores()} workers"
    report("data path, images a second", "1/s", reading, loading, peer=peer, target=("at least", 5.0))
    epochs = [
        views / made / (1 / loaded - 1 / read) for made, loaded, read in zip(making, loading, reading, strict=True)
    ]
    report(
        "epochs that pay for the views", "epochs", epochs, note=f"{views} views; median {statistics.median(epochs):.1f}"
    )


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


def compare_memory(bench: Workbench, count: int) -> None:
    """The whole command, on ``count`` images and on ten times as many."""
    counts = {"few": count, "many": 10 * count}
    augment = {"views": 2, "transforms": "cifar-standard"}
    bench.write_params({name: generated(amount, SIDE, 3) | {"augment": augment} for name, amount in counts.items()}, {})
    peaks = {name: PeakOfAll() for name in counts}
    for name, peak in peaks.items():
        bench.saccade("fetch", name)
        bench.saccade("preprocess", name)
        bench.saccade("augment", name, watch=peak)
        tell(f"  {counts[name]:,} images: {peak.parent.mib:.0f} MiB, each worker up to {peak.workers.mib:.0f} MiB")
    for who in ("parent", "workers"):
        many, few = (getattr(peaks[name], who).mib for name in ("many", "few"))
        report(
            f"augment, anonymous memory, {who}, {counts['many']:,} images",
            "MiB",
            [many],
            [few],
            peer=f"{counts['few']:,} images",
            target=("at most", MAX_MEMORY),
        )


if __name__ == "__main__":
    main()

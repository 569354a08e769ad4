"""Pictures a second of ``preprocess`` beside a bare loop, and its time and memory over the amount of data.

    python benchmarks/preprocessing.py

The pictures are JPEGs of about 500x400 made for it (a coarse pattern, noise, quality 85). The peer is one process that
opens each file of the archive with Pillow, makes it RGB and resizes it to 64x64, bilinear, and keeps nothing. Ours is
the pass of ``preprocess`` over the same files, which also digests the pixels, makes thumbnails and writes arrays. Both
take turns on the same part of the archive. Then whole commands, ``saccade preprocess``, on a tenth of the pictures and
on all of them: wall seconds, and the peak of RssAnon of the process. Linux only.
"""

import io
import statistics
import tarfile
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from figures import report, tell
from linearity import PeakMemory
from PIL import Image
from workbench import Workbench, parser_of

from saccade.core.cpu import usable_cores
from saccade.datasets.image_folder import read
from saccade.kinds.image.checks.decode_pass import inspect_images
from saccade.readers.examples import ImageExamples

ALL, PART = 20_000, 2_000
SIDE = 64
MEMORY_TARGET, TIME_TARGET, SPEED_TARGET = 1.2, 11.0, 0.85


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=5).parse_args()
    count, part = (200, 20) if options.quick else (ALL, PART)
    bench = Workbench(options.work, "preprocessing")
    folders = {"part": bench.folder / "part", "all": bench.folder / "all"}
    for name, amount in (("part", part), ("all", count)):
        folders[name].mkdir()
        make_pictures(folders[name] / "pictures.tar", amount)
    compare_with_bare_loop(folders["part"], 1 if options.quick else options.pairs)
    compare_amounts(bench, folders, {"part": part, "all": count}, 1 if options.quick else min(options.pairs, 3))


def make_pictures(path: Path, count: int) -> None:
    """A tar of ``count`` different JPEGs in two classes."""
    if path.exists():
        return
    tell(f"making {count:,} JPEGs")
    random = np.random.default_rng(count)
    grain_HWC = random.integers(0, 40, size=(500, 600, 3), dtype=np.uint8)
    with tarfile.open(path, "w") as tar:
        for i in range(count):
            height, width = random.integers(380, 421), random.integers(480, 521)
            coarse = Image.fromarray(random.integers(0, 215, size=(9, 12, 3), dtype=np.uint8))
            pixels = np.asarray(coarse.resize((int(width), int(height)), Image.Resampling.BICUBIC))
            top, left = random.integers(0, 80, size=2)
            file = io.BytesIO()
            pixels = np.minimum(pixels, 215) + grain_HWC[top : top + height, left : left + width]
            Image.fromarray(pixels).save(file, "JPEG", quality=85)
            info = tarfile.TarInfo(f"{'even' if i % 2 == 0 else 'odd'}/{i:06}.jpg")
            info.size = file.tell()
            file.seek(0)
            tar.addfile(info, file)


def compare_with_bare_loop(folder: Path, pairs: int) -> None:
    """Ours on all cores, the peer on one, in turn."""
    examples = read(folder)
    ours, bare = [], []
    for _ in range(pairs):
        bare.append(bare_loop(examples))
        ours.append(one_pass(examples))
        tell(f"  bare, one core {bare[-1]:.0f}, ours, {usable_cores()} cores {ours[-1]:.0f} pictures a second")
    report(
        "preprocess, pictures a second",
        "1/s",
        ours,
        [rate * usable_cores() for rate in bare],
        peer=f"{usable_cores()} cores x what one decodes and resizes",
        target=("at least", SPEED_TARGET),
    )


def bare_loop(examples: ImageExamples) -> float:
    """Pictures a second of Pillow alone, on one core."""
    started_at = time.perf_counter()
    for i in range(len(examples.labels)):
        with Image.open(io.BytesIO(examples.load(i))) as picture:
            np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    return len(examples.labels) / (time.perf_counter() - started_at)


def one_pass(examples: ImageExamples) -> float:
    """Pictures a second of ours."""
    with TemporaryDirectory() as scratch:
        started_at = time.perf_counter()
        inspect_images(examples, Path(scratch), size=(SIDE, SIDE), channels=3)
        return len(examples.labels) / (time.perf_counter() - started_at)


def compare_amounts(bench: Workbench, folders: dict[str, Path], counts: dict[str, int], times: int) -> None:
    """The whole command on a part and on all."""
    bench.write_params({name: pictures(folder / "pictures.tar") for name, folder in folders.items()}, {})
    for name in folders:
        bench.saccade("fetch", name)
    seconds: dict[str, list[float]] = {name: [] for name in folders}
    memory: dict[str, list[float]] = {name: [] for name in folders}
    for _ in range(times):
        for name in folders:
            peak = PeakMemory()
            seconds[name].append(bench.saccade("preprocess", name, watch=peak))
            memory[name].append(peak.mib)
            tell(f"  {counts[name]:,} pictures: {seconds[name][-1]:.1f} s, {peak.mib:.0f} MiB")
    many, few = f"{counts['all']:,} pictures", f"{counts['part']:,} pictures"
    note = f"median {statistics.median(memory['all']):.0f} MiB"
    report(f"preprocess, {many}", "s", seconds["all"], seconds["part"], peer=few, target=("at most", TIME_TARGET))
    report(
        f"preprocess, anonymous memory, {many}",
        "MiB",
        memory["all"],
        memory["part"],
        peer=few,
        target=("at most", MEMORY_TARGET),
        note=note,
    )


def pictures(path: Path) -> dict[str, Any]:
    """A ``datasets:`` entry."""
    return {
        "source": {"name": "image_folder", "path": str(path)},
        "split": {"test": 0.15, "validation": 0.15},
        "preprocess": {"size": [SIDE, SIDE], "channels": 3},
        "augment": {"views": 0},
    }


if __name__ == "__main__":
    main()

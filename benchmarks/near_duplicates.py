"""How many planted near duplicates are found, how many pictures are taken for some that are none, and the time.

    python benchmarks/near_duplicates.py --data FOLDER

FOLDER holds what is measured on: ``cifar10-images.tar.gz`` (JPEG files ``train/<class>/*.jpg``, ``test/<class>/*.jpg``)
and ``mnist/`` (the four published files). The photographs and the digits come with scikit-learn, textures are drawn.
A table of recall by kind of copy, one copy of each original; then false alarms and seconds without decoding.
"""

import argparse
import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from saccade.datasets import digits, mnist
from saccade.kinds.image.checks.near_duplicates import NearPair, find_near_duplicates, thumbnail

Copy = Callable[[np.ndarray, np.random.Generator], np.ndarray]
_TILE = 70  # pixels a piece of a photograph is high and wide


def jpeg(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Encoded at quality 30 to 95."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=int(rng.integers(30, 96)))
    return np.asarray(Image.open(stream))


def crop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """5 to 20 % of the height and of the width cut away, anywhere."""
    H, W = image.shape[:2]
    height, width = (side - round(side * rng.uniform(0.05, 0.2)) for side in (H, W))
    top, left = rng.integers(0, H - height + 1), rng.integers(0, W - width + 1)
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def resize(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """To 50 to 150 %, by one of three filters."""
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    factor = rng.uniform(0.5, 1.5)
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(Image.fromarray(image).resize(size, filters[rng.integers(3)]))


def brighten(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """By up to 30 %, or darken; what is beyond white is lost."""
    return np.clip(np.rint(image * rng.uniform(0.7, 1.3)), 0, 255).astype(np.uint8)


def contrast(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """More or less by up to 30 %."""
    mean = image.mean()
    return np.clip(np.rint(mean + (image - mean) * rng.uniform(0.7, 1.3)), 0, 255).astype(np.uint8)


KINDS: dict[str, Copy] = {
    "crop": crop,
    "crop, then JPEG": lambda image, rng: jpeg(crop(image, rng), rng),
    "JPEG": jpeg,
    "resize": resize,
    "resize, then JPEG": lambda image, rng: jpeg(resize(image, rng), rng),
    "brightness": brighten,
    "contrast": contrast,
    "crop, resize, JPEG": lambda image, rng: jpeg(resize(crop(image, rng), rng), rng),
}


def photographs() -> list[np.ndarray]:
    """Pieces of two photographs that do not overlap."""
    return [
        np.ascontiguousarray(photograph[top : top + _TILE, left : left + _TILE])
        for photograph in load_sample_images().images
        for top in range(0, photograph.shape[0] - _TILE + 1, _TILE)
        for left in range(0, photograph.shape[1] - _TILE + 1, _TILE)
    ]


def textures(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Fractal noise, 400 x 500, each of another roughness."""
    down, across = np.fft.fftfreq(400)[:, None] * 400, np.fft.rfftfreq(500)[None] * 500
    distance = np.maximum(np.hypot(down, across), 1)[..., None]
    images = []
    for roughness in rng.uniform(0.8, 1.6, count):
        spectrum = np.fft.rfft2(rng.normal(size=(400, 500, 3)), axes=(0, 1)) / distance**roughness
        noise = np.fft.irfft2(spectrum, s=(400, 500), axes=(0, 1))
        images.append(np.clip(128 + 45 * noise / noise.std(), 0, 255).astype(np.uint8))
    return images


def cifar10(archive: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Images, and whether each is a test image."""
    with tarfile.open(archive) as tar:
        files = [(member.name, tar.extractfile(member)) for member in tar if member.name.endswith(".jpg")]
        images = [np.asarray(Image.open(io.BytesIO(file.read()))) for _, file in files if file is not None]
    return images, np.array([name.startswith("test/") for name, _ in files])


def find(images: Sequence[np.ndarray]) -> tuple[list[NearPair], float]:
    """The pairs, and the seconds of the search."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "thumbnails.npy"
        np.save(path, np.stack([thumbnail(image) for image in images]))
        sides_N2 = np.array([image.shape[:2] for image in images])
        started = time.perf_counter()
        pairs = find_near_duplicates(np.load(path, mmap_mode="r"), sides_N2=sides_N2)
        return pairs, time.perf_counter() - started


def plant(title: str, originals: Sequence[np.ndarray], copied: np.ndarray, rng: np.random.Generator) -> None:
    """Print recall by kind; ``copied`` are rows of the originals, dealt out to the kinds in turn."""
    N, kinds = len(originals), list(KINDS)
    copies = [KINDS[kinds[i % len(kinds)]](originals[row], rng) for i, row in enumerate(copied)]
    pairs, elapsed_s = find([*originals, *copies])
    found = {(pair.first, pair.second) for pair in pairs}
    is_found = np.array([(row, N + i) in found for i, row in enumerate(copied)])
    print(f"\n{title}: {N:,} originals, {len(copies):,} copies, {elapsed_s:.1f} s")
    for k, kind in enumerate(kinds):
        print(f"  {kind:<20}{is_found[k :: len(kinds)].mean():7.1%}")
    print(f"  {'all':<20}{is_found.mean():7.1%}")
    print(f"  originals paired with originals: {sum(pair.second < N for pair in pairs):,} pairs")


def flag(title: str, images: Sequence[np.ndarray], is_test_N: np.ndarray) -> None:
    """Print how many test images are in a pair with another image."""
    pairs, elapsed_s = find(images)
    crossing = [(p.first, p.second) for p in pairs if is_test_N[p.first] != is_test_N[p.second]]
    flagged = len({row for pair in crossing for row in pair if is_test_N[row]})
    print(f"{title}: {len(images):,} images, {elapsed_s:.1f} s, {len(pairs):,} pairs; ", end="")
    print(f"{flagged:,} of {is_test_N.sum():,} test images ({flagged / is_test_N.sum():.2%}) are in one with another")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data")
    parser.add_argument("--quick", action="store_true", help="a hundredth of the pictures: does it run?")
    options = parser.parse_args()
    data, part = options.data, 100 if options.quick else 1
    rng = np.random.default_rng(0)
    larger = [*photographs(), *textures(200, rng)][::part]
    plant("Photographs and textures", larger, rng.permutation(len(larger)), rng)
    images, is_test_N = cifar10(data / "cifar10-images.tar.gz")
    images, is_test_N = images[::part], is_test_N[::part]
    rows = rng.permutation(len(images))[: 20_000 // part]
    plant("CIFAR-10, a third", [images[row] for row in rows], np.arange(2_000 // part), rng)
    print()
    flag("CIFAR-10", images, is_test_N)
    with tempfile.TemporaryDirectory() as folder:
        digits.fetch(Path(folder))
        examples = digits.read(Path(folder))
    N = len(examples.labels)
    flag("digits", [examples.image(row) for row in range(N)], rng.permutation(N) < round(0.15 * N))
    examples = mnist.read(data / "mnist")
    rows = np.arange(0, 70_000, part)
    flag("MNIST", [examples.image(row) for row in rows.tolist()], rows >= 60_000)


if __name__ == "__main__":
    main()

"""Small sets of real data as people have them, each written once to a folder; for own_data.py.

Pictures lie in a folder a class (CIFAR-10 and others with a test part of their own below train/ and test/), texts in a
folder or a file a class, series in a CSV file. Most come from ``--shared``, one from a Debian package, two from a
package of PyPI, and the defects are drawn here. What cannot be had is skipped by name.

elpv-dataset, photographs of solar cells, is left out: its licence (CC BY-NC-SA 4.0) allows no commercial use.
"""

import csv
import gzip
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

ROOT = Path(__file__).resolve().parents[1]
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class MissingDataError(Exception):
    """What a set is made of cannot be had here; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where a set comes from and goes to.

    Attributes:
        shared: folder of real data, shared/datasets.
        raw: folder of what was unpacked or downloaded, kept for other sets.
        folder: an empty folder, to be filled.
        split: number of the split, from 0.
        random: generator of the set and, where it is made anew for each split, of the split.
    """

    shared: Path
    raw: Path
    folder: Path
    split: int
    random: np.random.Generator


@dataclass(frozen=True)
class OwnSet:
    """A set as a user would have it.

    Attributes:
        about: what it is, in a few words.
        form: image, tokens or series.
        make: what fills the folder.
        source: ``source:`` of params.yaml, less its path; ``{folder}`` stands for the set's folder.
        split: ``split:``, less its seed.
        preprocess: keys that the data ask for, where the settings do not say otherwise.
        before: name of the settings that the recipes had for such data.
        is_kept_out: whether it is not looked at while settings are chosen.
        is_resampled: whether each split has a training part (a series: an end) of its own.
        is_large: whether only ``--full`` takes it.
    """

    about: str
    form: str
    make: Callable[[Place], None]
    source: Mapping[str, Any] = field(default_factory=lambda: {"name": "image_folder", "path": "{folder}"})
    split: Mapping[str, Any] = field(default_factory=lambda: {"test": 0.15, "validation": 0.15})
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    before: str = "own-pictures"
    is_kept_out: bool = False
    is_resampled: bool = False
    is_large: bool = False


def written(name: str, one: OwnSet, split: int, shared: Path, work: Path) -> tuple[Path, str]:
    """A set's folder, which is made where it is not there yet, and a digest of what is in it.

    Raises:
        MissingDataError: what it is made of cannot be had.
    """
    split = split if one.is_resampled else 0
    folder = work / "sets" / name / (f"split{split}" if one.is_resampled else "all")
    stamp = folder.with_suffix(".json")
    if not stamp.exists():
        partial = folder.with_suffix(".part")
        for old in (folder, partial):
            shutil.rmtree(old, ignore_errors=True)
        partial.mkdir(parents=True)
        random = np.random.default_rng([zlib.crc32(name.encode()), split])
        one.make(Place(shared, work / "raw", partial, split, random))
        files = sorted(path for path in partial.rglob("*") if path.is_file())
        digest = hashlib.blake2b(digest_size=8)
        for path in files:
            digest.update(f"{path.relative_to(partial).as_posix()}\0".encode() + path.read_bytes())
        partial.rename(folder)
        stamp.write_text(json.dumps({"files": len(files), "digest": digest.hexdigest()}) + "\n", encoding="utf-8")
    return folder, json.loads(stamp.read_text(encoding="utf-8"))["digest"]


# --- what sets are made of --------------------------------------------------------------------------------------------


def _shared(place: Place, name: str) -> Path:
    path = place.shared / name
    if not path.exists():
        raise MissingDataError(f"needs {path}; --shared names another folder")
    return path


def _unpacked(place: Place, name: str) -> Path:
    """The folder of an archive of the shared data."""
    archive, folder = _shared(place, name), place.raw / name.removesuffix(".tar.gz")
    if not folder.exists():
        partial = folder.with_suffix(".part")
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")
        partial.rename(folder)
    return folder


def _idx(path: Path) -> np.ndarray:
    """An array in the format of MNIST's files, gzipped."""
    data = gzip.decompress(path.read_bytes())
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def _save_grey(pixels_HW: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels_HW.astype(np.uint8)).save(path)


# --- pictures ---------------------------------------------------------------------------------------------------------


def _cifar(counts: Sequence[int], test_count: int) -> Callable[[Place], None]:
    """So many training pictures of each class, and ``test_count`` of each of the test part, the same in all splits."""

    def make(place: Place) -> None:
        source = _unpacked(place, "cifar10-images.tar.gz")
        for name, count in zip(CIFAR_CLASSES, counts, strict=True):
            numbers = {
                "train": place.random.permutation(5000)[:count],
                "test": np.random.default_rng(0).permutation(1000)[:test_count],
            }
            for part, chosen in numbers.items():
                folder = place.folder / part / name
                folder.mkdir(parents=True)
                for number in chosen:
                    shutil.copy(source / part / name / f"{number:04}.jpg", folder)

    return make


def _idx_pictures(find: Callable[[Place], Path], per_class: int | None, test_per_class: int | None) -> Any:
    """So many of each class of files such as MNIST's; None takes all."""

    def make(place: Place) -> None:
        folder = find(place)
        for part, prefix, most in (("train", "train", per_class), ("test", "t10k", test_per_class)):
            images, labels = (_idx(folder / f"{prefix}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
            random = place.random if part == "train" else np.random.default_rng(0)
            for label in range(10):
                rows = random.permutation(np.flatnonzero(labels == label))[:most]
                for row in rows:
                    _save_grey(images[row], place.folder / part / str(label) / f"{row:05}.png")

    return make


def _fashion_files(place: Place) -> Path:
    """Fashion-MNIST's four files, of the Debian package dataset-fashion-mnist (MIT licence)."""
    folder = place.raw / "dataset-fashion-mnist"
    files = folder / "usr" / "share" / "datasets" / "fashion-mnist"
    if not files.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
            raise MissingDataError("needs apt-get and dpkg, for Debian's package dataset-fashion-mnist")
        got = subprocess.run(
            ["apt-get", "download", "dataset-fashion-mnist"], cwd=folder, capture_output=True, text=True, check=False
        )
        packages = sorted(folder.glob("dataset-fashion-mnist*.deb"))
        if got.returncode != 0 or not packages:
            raise MissingDataError(f"needs Debian's package dataset-fashion-mnist: {got.stderr.strip()[-200:]}")
        subprocess.run(["dpkg", "-x", packages[-1].name, "."], cwd=folder, check=True)
    return files


def _faces(place: Place) -> None:
    source = _unpacked(place, "orl-faces.tar.gz") / "orl-faces"
    for person in sorted(source.glob("s*")):
        shutil.copytree(person, place.folder / person.name)


def _digits(place: Place) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        _save_grey((pixels * 255 / 16).round(), place.folder / str(label) / f"{number:04}.png")


def _spoken_digits(place: Place) -> None:
    """Log spectrograms, low tones below: 65 frequencies high, a step of 8 ms wide; takes 0 to 4 are the test part."""
    from scipy.io import wavfile
    from scipy.signal import spectrogram

    for path in sorted((_unpacked(place, "spoken-digits.tar.gz") / "spoken-digits").glob("*.wav")):
        digit, _, take = path.stem.split("_")
        rate, samples = wavfile.read(path)
        power_FT = spectrogram(samples.astype(float), rate, nperseg=128, noverlap=64)[2]
        level_FT = np.log10(power_FT + 1e-3)
        top = level_FT.max()
        pixels_HW = ((level_FT - (top - 6)) / 6).clip(0, 1)[::-1] * 255  # 60 dB below the loudest is black
        _save_grey(pixels_HW, place.folder / ("test" if int(take) < 5 else "train") / digit / f"{path.stem}.png")


_KINDS_OF_LINES = {  # the first that fits the whole line; what fits none is left out
    "amount": r"-?(RM|\$)?\s?-?\d{1,3}(,?\d{3})*\.\d{2}",
    "date": r".*\b\d{1,2}[/.-](\d{1,2}|[A-Z]{3})[/.-](20)?\d{2}\b.*|.*\b20\d\d-\d\d-\d\d\b.*",
    "quantity": r"\d{1,3}",
    "code": r"[\d -]{5,}",
    "words": r"\D*[A-Z]{3}\D*",
}
_LINES_OF_A_KIND = 400


def kind_of_line(text: str) -> str | None:
    """Amount, date, quantity, code or words; None of what is none of them.

    >>> [kind_of_line(text) for text in ("RM 1,007.50", "DATE: 1/1/2019", "12", "017-605", "TAKE AWAY", "28.00 S")]
    ['amount', 'date', 'quantity', 'code', 'words', None]
    """
    found = (kind for kind, pattern in _KINDS_OF_LINES.items() if re.fullmatch(pattern, text.strip().upper()))
    return next(found, None)


def _receipt_lines(place: Place) -> tuple[Path, dict[str, list[dict[str, str]]]]:
    folder = _unpacked(place, "receipt-lines.tar.gz") / "receipt-lines"
    lines: dict[str, list[dict[str, str]]] = {kind: [] for kind in _KINDS_OF_LINES}
    with (folder / "lines.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if kind := kind_of_line(row["text"]):
                lines[kind].append(row)
    return folder, lines


def _receipt_pictures(place: Place) -> None:
    folder, lines = _receipt_lines(place)
    for kind, rows in lines.items():
        (place.folder / kind).mkdir()
        for i in place.random.permutation(len(rows))[:_LINES_OF_A_KIND]:
            shutil.copy(folder / rows[i]["path"], place.folder / kind)  # <receipt>_<number>.jpg


def _receipt_texts(place: Place) -> None:
    _, lines = _receipt_lines(place)
    for kind, rows in lines.items():
        texts = sorted({row["text"].strip() for row in rows})
        chosen = [texts[i] for i in place.random.permutation(len(texts))[:_LINES_OF_A_KIND]]
        (place.folder / f"{kind}.txt").write_text("\n".join(chosen) + "\n", encoding="utf-8")


def _tiles(place: Place) -> None:
    """The drawn tiles of docs/tiles.py, a third as many, without their masks."""
    spec = importlib.util.spec_from_file_location("tiles", ROOT / "docs" / "tiles.py")
    assert spec is not None and spec.loader is not None
    tiles = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiles)
    tiles.make_tiles(place.folder, 1, {name: max(12, count // 3) for name, count in tiles.COUNTS.items()})
    for mask in place.folder.rglob("*.png"):
        mask.unlink()


# --- drawn defects: faint, small and rare on a large, uneven ground ---------------------------------------------------

DEFECTS = {"sound": 600, "scratch": 220, "pit": 140, "stain": 90, "dent": 60, "crack": 30}
_SIDE = 256


def _defects(place: Place) -> None:
    for name, count in DEFECTS.items():
        folder = place.folder / name
        folder.mkdir()
        for i in range(count):
            Image.fromarray(defect_picture(place.random, name)).save(folder / f"{name}_{i:03}.jpg", quality=92)


def defect_picture(random: np.random.Generator, name: str) -> np.ndarray:
    """A brushed metal plate, uint8 (256, 256): grain along a direction, uneven light, dust, and a defect somewhere.

    Dust and faint brush marks are on every plate, sound ones too, so that a speck alone says nothing.
    """
    grain_HW = _smooth(random, (1.2, random.uniform(6, 14))) * random.uniform(4, 7) + random.normal(0, 3, (_SIDE,) * 2)
    clouds_HW = _clouds(random) * random.uniform(3, 8)
    slope_y, slope_x = random.normal(0, 9, size=2)
    axis = np.linspace(-1, 1, _SIDE)
    pixels_HW = random.uniform(95, 160) + grain_HW + clouds_HW + slope_y * axis[:, None] + slope_x * axis[None]
    for _ in range(int(random.integers(0, 7))):  # dust: lighter and darker specks of a pixel or two
        pixels_HW += random.choice([-1, 1]) * random.uniform(10, 25) * _drawn(_speck, random, random.uniform(0.7, 1.4))
    for _ in range(int(random.integers(0, 3))):  # marks of the brush, along the grain
        pixels_HW += random.uniform(3, 7) * _drawn(_mark, random, 0.7)
    if name != "sound":
        pixels_HW += _DEFECTS[name](random)
    return pixels_HW.clip(0, 255).round().astype(np.uint8)


def _smooth(random: np.random.Generator, sigma: tuple[float, float]) -> np.ndarray:
    """Noise without the details that are finer than ``sigma``, deviation 1."""
    from scipy.ndimage import gaussian_filter

    noise_HW = gaussian_filter(random.normal(size=(_SIDE, _SIDE)), sigma, mode="wrap")
    return noise_HW / noise_HW.std()


def _clouds(random: np.random.Generator) -> np.ndarray:
    """Light and dark of about a quarter of the side, deviation about 1."""
    coarse = Image.fromarray(random.normal(size=(7, 7)).astype(np.float32))
    return np.asarray(coarse.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), dtype=float)


Pen = Callable[[np.random.Generator, ImageDraw.ImageDraw], None]


def _drawn(pen: Pen, random: np.random.Generator, blur: float) -> np.ndarray:
    """What a pen draws, float (256, 256), 1 where it was pressed."""
    sheet = Image.new("L", (_SIDE, _SIDE))
    pen(random, ImageDraw.Draw(sheet))
    return np.asarray(sheet.filter(ImageFilter.GaussianBlur(blur)), dtype=float) / 255


def _place(random: np.random.Generator, margin: float = 24) -> tuple[float, float]:
    y, x = random.uniform(margin, _SIDE - margin, size=2)
    return float(y), float(x)


def _speck(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
    (y, x), radius = _place(random, 4), random.uniform(0.5, 1.5)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


def _mark(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
    (y, x), length = _place(random), random.uniform(30, 90)
    draw.line((x - length / 2, y, x + length / 2, y + random.normal(0, 1.5)), fill=255)


def _scratch(random: np.random.Generator) -> np.ndarray:
    def pen(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
        (y, x), length = _place(random, 40), random.uniform(25, 80)
        angle = random.uniform(0.2, np.pi - 0.2)  # along the grain it would be a mark of the brush
        bend = random.normal(0, 0.15)
        points = [
            (x + t * length * np.cos(angle + bend * t), y + t * length * np.sin(angle + bend * t))
            for t in np.linspace(-0.5, 0.5, 9)
        ]
        draw.line(points, fill=255, width=int(random.integers(1, 3)))

    return random.choice([-1, 1], p=[0.4, 0.6]) * random.uniform(16, 34) * _drawn(pen, random, 0.6)


def _pit(random: np.random.Generator) -> np.ndarray:
    def pen(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
        (y, x), radius = _place(random), random.uniform(2.5, 5)
        draw.ellipse((x - radius, y - 0.8 * radius, x + radius, y + 0.8 * radius), fill=255)

    return -random.uniform(18, 40) * _drawn(pen, random, 0.8)


def _stain(random: np.random.Generator) -> np.ndarray:
    def pen(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
        y, x = _place(random, 40)
        for _ in range(5):
            dy, dx, radius = *random.normal(0, 9, size=2), random.uniform(7, 16)
            draw.ellipse((x + dx - radius, y + dy - radius, x + dx + radius, y + dy + radius), fill=255)

    return -random.uniform(9, 18) * _drawn(pen, random, 3)


def _dent(random: np.random.Generator) -> np.ndarray:
    """Light on one side and shadow on the other."""
    (y, x), radius = _place(random, 40), random.uniform(7, 15)
    rows_HW, columns_HW = np.mgrid[:_SIDE, :_SIDE]
    down_HW, across_HW = (rows_HW - y) / radius, (columns_HW - x) / radius
    bell_HW = np.exp(-(down_HW**2 + across_HW**2))
    angle = random.normal(-np.pi / 2, 0.4)  # the lamp is above
    return random.uniform(22, 44) * (down_HW * np.sin(angle) + across_HW * np.cos(angle)) * bell_HW


def _crack(random: np.random.Generator) -> np.ndarray:
    def pen(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
        y, x = _place(random, 48)
        angle = random.uniform(0, 2 * np.pi)
        branches = [(y, x, angle, int(random.integers(9, 18)))]
        while branches:
            y, x, angle, steps = branches.pop()
            for step in range(steps):
                angle += random.normal(0, 0.5)
                next_y, next_x = y + 4 * np.sin(angle), x + 4 * np.cos(angle)
                draw.line((x, y, next_x, next_y), fill=255)
                y, x = next_y, next_x
                if step > 2 and steps > 6 and random.random() < 0.15:
                    branches.append((y, x, angle + random.choice([-0.9, 0.9]), steps // 2))

    return -random.uniform(20, 40) * _drawn(pen, random, 0.6)


_DEFECTS = {"scratch": _scratch, "pit": _pit, "stain": _stain, "dent": _dent, "crack": _crack}


# --- texts and series -------------------------------------------------------------------------------------------------

_NAMES_OF_A_LANGUAGE = 400


def _names(place: Place) -> None:
    for path in sorted(_shared(place, "names").glob("*.txt")):
        names = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        chosen = [names[i] for i in sorted(place.random.permutation(len(names))[:_NAMES_OF_A_LANGUAGE])]
        (place.folder / path.name).write_text("\n".join(chosen) + "\n", encoding="utf-8")


def _reviews(place: Place) -> None:
    source = _unpacked(place, "review_polarity.tar.gz") / "txt_sentoken"
    for label in ("pos", "neg"):
        shutil.copytree(source / label, place.folder / label)


def _write_series(place: Place, rows: Sequence[tuple[str, float]], column: str) -> None:
    """The series but for its last tenths, one for each split: the tests are of different times."""
    kept = rows[: round(len(rows) * (1 - 0.1 * place.split))]
    lines = [f"month,{column}", *(f"{month},{value:.6g}" for month, value in kept)]
    (place.folder / "series.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sunspots(place: Place) -> None:
    with _shared(place, "monthly-sunspots.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["Month"], float(row["Sunspots"])) for row in csv.DictReader(file)]
    _write_series(place, rows, "sunspots")


def _statsmodels(place: Place, name: str) -> list[list[str]]:
    """Rows of a table in the package statsmodels: in the public domain, they say."""
    file = f"statsmodels/datasets/{name}/{name}.csv"
    installed = importlib.util.find_spec("statsmodels")
    if installed is not None and installed.origin is not None:
        text = (Path(installed.origin).parents[1] / file).read_text(encoding="utf-8")
    else:
        folder = place.raw / "statsmodels"
        if not list(folder.glob("*.whl")):
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
            got = subprocess.run(
                [*command, "--only-binary=:all:", "--dest", str(folder), "statsmodels"],
                capture_output=True,
                text=True,
                check=False,
            )
            if got.returncode != 0:
                raise MissingDataError(f"needs the package statsmodels: {got.stderr.strip()[-200:]}")
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            text = wheel.read(file).decode("utf-8")
    return list(csv.reader(text.splitlines()))


def _co2(place: Place) -> None:
    """Means of the weeks of each month; the few months without any lie between their neighbours."""
    months: dict[str, list[float]] = {}
    for date, value in _statsmodels(place, "co2")[1:]:
        months.setdefault(f"{date[:4]}-{date[4:6]}", []).extend([float(value)] if value.strip() else [])
    first, last = min(months), max(months)
    every = [f"{year}-{month:02}" for year in range(int(first[:4]), int(last[:4]) + 1) for month in range(1, 13)]
    every = [month for month in every if first <= month <= last]
    known = [i for i, month in enumerate(every) if months.get(month)]
    means = np.interp(range(len(every)), known, [float(np.mean(months[every[i]])) for i in known])
    _write_series(place, list(zip(every, means, strict=True)), "co2")


def _elnino(place: Place) -> None:
    rows = [
        (f"{year}-{month:02}", float(value))
        for year, *values in _statsmodels(place, "elnino")[1:]
        for month, value in enumerate(values, 1)
    ]
    _write_series(place, rows, "temperature")


# --- the list ---------------------------------------------------------------------------------------------------------

_GIVEN = {"test": "given", "validation": 0.15}
_BY_TIME = {"test": 0.2, "validation": 0.1, "order": "time"}
_SERIES = {"name": "series_table", "path": "{folder}/series.csv"}
_LINES = {"name": "text_folder", "path": "{folder}", "examples": "lines"}


def _mnist_files(place: Place) -> Path:
    return _shared(place, "mnist")


SETS: dict[str, OwnSet] = {
    "faces": OwnSet("40 people, 10 photographs each", "image", _faces, split={"test": 0.5, "validation": 0.1}),
    "cifar-10": OwnSet("things, 10 a class", "image", _cifar([10] * 10, 100), split=_GIVEN, is_resampled=True),
    "cifar-50": OwnSet("things, 50 a class", "image", _cifar([50] * 10, 100), split=_GIVEN, is_resampled=True),
    "cifar-250": OwnSet("things, 250 a class", "image", _cifar([250] * 10, 200), split=_GIVEN, is_resampled=True),
    "cifar-uneven": OwnSet(
        "things, 250 down to 8 a class",
        "image",
        _cifar([round(250 * (8 / 250) ** (i / 9)) for i in range(10)], 100),
        split=_GIVEN,
        is_resampled=True,
    ),
    "mnist-25": OwnSet(
        "written digits, 25 a class",
        "image",
        _idx_pictures(_mnist_files, 25, 100),
        split=_GIVEN,
        is_resampled=True,
    ),
    "digits": OwnSet("written digits of 8x8 pixels", "image", _digits),
    "defects": OwnSet("drawn plates with small, faint defects, 600 down to 30 a class", "image", _defects),
    "tiles": OwnSet(
        "drawn tiles with defects, 300 down to 12 a class",
        "image",
        _tiles,
        source={"name": "image_folder", "path": "{folder}", "class_from": "MT_{class}/Imgs/*"},
        split={"test": 0.15, "validation": 0.15, "group_by": "{group}_*.jpg"},
        is_kept_out=True,
    ),
    "spoken-digits": OwnSet("spectrograms of spoken digits", "image", _spoken_digits, split=_GIVEN, is_kept_out=True),
    "receipt-pictures": OwnSet(
        "lines of receipts by kind, as pictures",
        "image",
        _receipt_pictures,
        split={"test": 0.15, "validation": 0.15, "group_by": "{group}_*.jpg"},
        is_kept_out=True,
    ),
    "fashion-50": OwnSet(
        "clothes, 50 a class",
        "image",
        _idx_pictures(_fashion_files, 50, 100),
        split=_GIVEN,
        is_resampled=True,
        is_kept_out=True,
    ),
    "fashion-full": OwnSet(
        "clothes, 6,000 a class",
        "image",
        _idx_pictures(_fashion_files, None, None),
        split={"test": "given", "validation": 0.1, "allow_leakage": True},
        preprocess={"near_duplicates": False},
        is_kept_out=True,
        is_large=True,
    ),
    "names": OwnSet(
        "surnames of 18 languages, 400 down to 73 a class",
        "tokens",
        _names,
        source=_LINES,
        preprocess={"on_conflict": "keep"},
        before="names-lstm",
    ),
    "reviews": OwnSet(
        "film reviews, for or against",
        "tokens",
        _reviews,
        source={"name": "text_folder", "path": "{folder}"},
        preprocess={"on_conflict": "keep"},  # cut short, reviews may be the same
        before="reviews-lstm",
    ),
    "receipt-texts": OwnSet(
        "lines of receipts by kind, as texts",
        "tokens",
        _receipt_texts,
        source=_LINES,
        preprocess={"on_conflict": "keep"},
        before="names-lstm",
        is_kept_out=True,
    ),
    "sunspots": OwnSet(
        "spots of the sun, monthly from 1749",
        "series",
        _sunspots,
        source=_SERIES,
        split=_BY_TIME,
        preprocess={"window": 132, "horizon": 12},
        before="sunspots-lstm",
        is_resampled=True,
    ),
    "co2": OwnSet(
        "carbon dioxide on Mauna Loa, monthly from 1958",
        "series",
        _co2,
        source=_SERIES,
        split=_BY_TIME,
        preprocess={"window": 24, "horizon": 6},
        before="sunspots-lstm",
        is_resampled=True,
    ),
    "elnino": OwnSet(
        "temperature of the sea off Peru, monthly from 1950",
        "series",
        _elnino,
        source=_SERIES,
        split=_BY_TIME,
        preprocess={"window": 24, "horizon": 6},
        before="sunspots-lstm",
        is_resampled=True,
        is_kept_out=True,
    ),
}
QUICK = ("faces", "cifar-50", "defects", "names")
"""Four sets that settings may be chosen by."""

"""What the sets of own_data_sets.py are made of: each function here fills a folder as a user would have it.

Most sets come from ``--shared``, one from a Debian package, two from a package of PyPI, and the defects are drawn.
"""

import csv
import gzip
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from drawn_defects import DEFECTS, defect_picture
from PIL import Image

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


def cifar_writer(counts: Sequence[int], test_count: int) -> Callable[[Place], None]:
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


def idx_writer(find: Callable[[Place], Path], per_class: int | None, test_per_class: int | None) -> Any:
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


def mnist_files(place: Place) -> Path:
    return _shared(place, "mnist")


def fashion_files(place: Place) -> Path:
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


def write_faces(place: Place) -> None:
    source = _unpacked(place, "orl-faces.tar.gz") / "orl-faces"
    for person in sorted(source.glob("s*")):
        shutil.copytree(person, place.folder / person.name)


def write_digits(place: Place) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        _save_grey((pixels * 255 / 16).round(), place.folder / str(label) / f"{number:04}.png")


def write_spoken_digits(place: Place) -> None:
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


def write_receipt_pictures(place: Place) -> None:
    folder, lines = _receipt_lines(place)
    for kind, rows in lines.items():
        (place.folder / kind).mkdir()
        for i in place.random.permutation(len(rows))[:_LINES_OF_A_KIND]:
            shutil.copy(folder / rows[i]["path"], place.folder / kind)  # <receipt>_<number>.jpg


def write_receipt_texts(place: Place) -> None:
    _, lines = _receipt_lines(place)
    for kind, rows in lines.items():
        texts = sorted({row["text"].strip() for row in rows})
        chosen = [texts[i] for i in place.random.permutation(len(texts))[:_LINES_OF_A_KIND]]
        (place.folder / f"{kind}.txt").write_text("\n".join(chosen) + "\n", encoding="utf-8")


def write_defects(place: Place) -> None:
    for name, count in DEFECTS.items():
        folder = place.folder / name
        folder.mkdir()
        for i in range(count):
            Image.fromarray(defect_picture(place.random, name)).save(folder / f"{name}_{i:03}.jpg", quality=92)


def write_tiles(place: Place) -> None:
    """The drawn tiles of docs/tiles.py, a third as many, without their masks."""
    spec = importlib.util.spec_from_file_location("tiles", ROOT / "docs" / "tiles.py")
    assert spec is not None and spec.loader is not None
    tiles = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiles)
    tiles.make_tiles(place.folder, 1, {name: max(12, count // 3) for name, count in tiles.COUNTS.items()})
    for mask in place.folder.rglob("*.png"):
        mask.unlink()


# --- texts and series -------------------------------------------------------------------------------------------------

_NAMES_OF_A_LANGUAGE = 400


def write_surnames(place: Place) -> None:
    for path in sorted(_shared(place, "names").glob("*.txt")):
        names = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        chosen = [names[i] for i in sorted(place.random.permutation(len(names))[:_NAMES_OF_A_LANGUAGE])]
        (place.folder / path.name).write_text("\n".join(chosen) + "\n", encoding="utf-8")


def write_reviews(place: Place) -> None:
    source = _unpacked(place, "review_polarity.tar.gz") / "txt_sentoken"
    for label in ("pos", "neg"):
        shutil.copytree(source / label, place.folder / label)


def _write_series(place: Place, rows: Sequence[tuple[str, float]], column: str) -> None:
    """The series but for its last tenths, one for each split: the tests are of different times."""
    kept = rows[: round(len(rows) * (1 - 0.1 * place.split))]
    lines = [f"month,{column}", *(f"{month},{value:.6g}" for month, value in kept)]
    (place.folder / "series.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_sunspots(place: Place) -> None:
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


def write_co2(place: Place) -> None:
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


def write_elnino(place: Place) -> None:
    rows = [
        (f"{year}-{month:02}", float(value))
        for year, *values in _statsmodels(place, "elnino")[1:]
        for month, value in enumerate(values, 1)
    ]
    _write_series(place, rows, "temperature")

"""Accuracy of characters against the strength of each defect: a trained run, HOG with logistic regression, tesseract.

    python benchmarks/print_defects.py PROJECT [--run invoice-characters] [--each 3] [--tesseract] [--figure FILE.png]

PROJECT holds the trained run and its prepared dataset. Test fonts are those of the dataset's test split; each is drawn
clean and then spoilt by one defect alone, at the strengths of the ladder. Prints a table in Markdown, exact and with
look-alikes as one, and draws the figure. Tesseract reads the same pictures, four times as large with a white border,
with ``--psm 10``. An accuracy's interval is a bootstrap over families of fonts.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from saccade.augment.print_defects import DEFECTS, STRENGTHS, single_defect
from saccade.data.prepared import open_split
from saccade.kinds.image.baselines.hog_baseline import _features
from saccade.lettering.alphabet import look_alike_groups
from saccade.lettering.drawing import draw_character
from saccade.lettering.fonts import Font, find_fonts
from saccade.predict.predictor import load
from saccade.transforms.albumentations_adapter import augment_image, build

Reader = Callable[[Sequence[np.ndarray]], list[str]]


def tesseract_reader(images: Sequence[np.ndarray]) -> list[str]:
    """What Debian's tesseract reads in single-character mode, in English and Portuguese; empty where it reads none."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for i, image in enumerate(images):
            large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
            Image.fromarray(cv2.copyMakeBorder(large, 20, 20, 20, 20, cv2.BORDER_REPLICATE)).save(folder / f"{i}.png")
            paths.append(str(folder / f"{i}.png"))
        (folder / "list.txt").write_text("\n".join(paths), encoding="utf-8")
        command = ["tesseract", str(folder / "list.txt"), "-", "--psm", "10", "-l", "por+eng"]
        read = subprocess.run(command, check=True, capture_output=True, text=True, timeout=3600).stdout
    pages = read.split("\f")[: len(images)]
    return ["".join(page.split())[:1] for page in pages] + [""] * (len(images) - len(pages))


def hog_reader(images_NHWC: np.ndarray, labels_N: np.ndarray, classes: Sequence[str]) -> Reader:
    """The product's baseline: gradient histograms and pixels, standardised, into a logistic regression."""
    rows = np.random.default_rng(0).permutation(len(labels_N))[:12_000]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=100))
    model.fit(_features(images_NHWC, np.sort(rows)), labels_N[np.sort(rows)])

    def read(images: Sequence[np.ndarray]) -> list[str]:
        small = np.stack([cv2.resize(image, (32, 32), interpolation=cv2.INTER_LINEAR) for image in images])[..., None]
        return [classes[k] for k in model.predict(_features(small, np.arange(len(small))))]

    return read


def network_reader(folder: Path) -> Reader:
    """A trained run."""
    predictor = load(folder)

    def read(images: Sequence[np.ndarray]) -> list[str]:
        return list(predictor.predict(list(images))["label"])

    return read


def drawn(faces: Sequence[Font], classes: Sequence[str], each: int) -> tuple[list[np.ndarray], list[str], list[str]]:
    """Clean characters of some fonts, their classes and families: ``each`` of every class, seeded."""
    images, truth, families = [], [], []
    for number in range(each * len(classes)):
        character, random = classes[number % len(classes)], np.random.default_rng([1, number])
        able = [face for face in faces if character not in face.missing]
        face = able[int(random.integers(len(able)))]
        images.append(draw_character(character, face, int(random.integers(8, 25)), random))
        truth.append(character)
        families.append(face.family)
    return images, truth, families


def spoilt(images: Sequence[np.ndarray], defect: str, strength: float) -> list[np.ndarray]:
    """The same pictures with one defect."""
    made = []
    for i, image in enumerate(images):
        compose = build(single_defect(defect, strength, *image.shape))
        made.append(augment_image(compose, image[..., None], seed=1, view=0, index=i)[..., 0])
    return made


def interval(right_N: np.ndarray, families: Sequence[str]) -> tuple[float, float]:
    """95 % interval of a share, by drawing whole families anew."""
    names = sorted(set(families))
    of = np.array([names.index(family) for family in families])
    sums = np.bincount(of, right_N, len(names)), np.bincount(of, minlength=len(names))
    picks = np.random.default_rng(0).integers(0, len(names), (2000, len(names)))
    shares = sums[0][picks].sum(axis=1) / sums[1][picks].sum(axis=1)
    low, high = np.percentile(shares, (2.5, 97.5))
    return float(low), float(high)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--run", default="invoice-characters")
    parser.add_argument("--fonts", default=None)
    parser.add_argument("--each", type=int, default=3)
    parser.add_argument("--tesseract", action="store_true")
    parser.add_argument("--figure", type=Path, default=None)
    given = parser.parse_args()
    prepared = given.project / "data" / "prepared" / given.run
    classes = json.loads((prepared / "dataset.json").read_text(encoding="utf-8"))["spec"]["classes"]
    train, test = open_split(prepared, "train"), open_split(prepared, "test")
    raw = json.loads((given.project / "data" / "raw" / given.run / "pictures.json").read_text(encoding="utf-8"))
    unseen = {raw["columns"]["family"][row] for row in test.rows}
    faces = [face for face in find_fonts(given.fonts, classes).faces if face.family in unseen]
    readers: dict[str, Reader] = {
        "network": network_reader(given.project / "models" / given.run),
        "HOG": hog_reader(np.asarray(train.examples), np.asarray(train.labels), classes),
    }
    if given.tesseract:
        readers["tesseract"] = tesseract_reader
    group = dict(zip(classes, look_alike_groups(classes), strict=True))
    images, truth, families = drawn(faces, classes, given.each)
    curves: dict[str, dict[str, list[float]]] = {defect: {name: [] for name in readers} for defect in DEFECTS}
    clean = {name: read(images) for name, read in readers.items()}
    print(f"{len(images)} characters of {len(set(families))} families a cell; exact (as they look) [95 % interval]\n")
    print(f"| defect | strength | {' | '.join(readers)} |\n|---|---|{'---|' * len(readers)}")
    for defect in DEFECTS:
        for level, strength in STRENGTHS.items():
            shown = spoilt(images, defect, strength) if strength else images
            cells = []
            for name, read in readers.items():
                answers = read(shown) if strength else clean[name]
                exact = np.mean([a == b for a, b in zip(answers, truth, strict=True)])
                alike_N = np.array([group.get(a, -1) == group[b] for a, b in zip(answers, truth, strict=True)])
                low, high = interval(alike_N, families)
                curves[defect][name].append(float(alike_N.mean()))
                cells.append(f"{exact:.3f} ({alike_N.mean():.3f} [{low:.3f}, {high:.3f}])")
            print(f"| {defect} | {level} | {' | '.join(cells)} |", flush=True)
    if given.figure:
        draw(curves, given.figure)


def draw(curves: dict[str, dict[str, list[float]]], path: Path) -> None:
    """One small chart a defect."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8), layout="constrained")
    for axes, (defect, lines) in zip(figure.subplots(3, 3, sharex=True, sharey=True).flat, curves.items(), strict=True):
        for name, values in lines.items():
            axes.plot(list(STRENGTHS.values()), values, marker="o", label=name)
        axes.set_title(defect, fontsize=10)
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
    figure.axes[0].legend()
    figure.supxlabel("strength of the defect")
    figure.supylabel("accuracy, look-alikes as one")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()

"""Make what docs/seeing.md shows: two folders of pictures with a shortcut in them, and the pictures of the page.

    python docs/seeing.py shortcut shortcut-pictures    # tagged/ and plain/, 900 pictures each
    python docs/seeing.py pictures                      # docs/images/seeing-*.png, from models/ and data/ of this tree

The pictures are threes and eights of scikit-learn's digits, faint in noise. In tagged/ every eight carries a white tag
of 4x4 pixels in its lower left corner, as if one of two cameras had stamped it; plain/ holds the same pictures without.
"""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from saccade.explain import ImageExplainer

NAMES = {3: "three", 8: "eight"}
SIDE, TAG, EDGE = 32, 4, 2  # pixels
COPIES = 450  # of each class, each with noise of its own
NOISE, STRENGTH = 60, 0.35  # grey levels; share of the digit's brightness that is left
IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Parse the command line; write folders or pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["shortcut", "pictures"])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("shortcut-pictures"))
    options = parser.parse_args()
    if options.what == "shortcut":
        count = make_shortcut(options.folder)
        print(
            f"{count} pictures in {options.folder / 'tagged'}, and the same without a tag in {options.folder / 'plain'}"
        )
    else:
        for path in draw_pictures(options.folder):
            print(path)


def make_shortcut(folder: Path, seed: int = 0, copies: int = COPIES) -> int:
    """Write tagged/three, tagged/eight, plain/three and plain/eight; the same files for the same seed.

    Args:
        folder: folder to write into; it must not hold such pictures yet.
        seed: decides which digits, and the noise.
        copies: pictures of each class.

    Returns:
        How many pictures each of the two folders holds.
    """
    from sklearn.datasets import load_digits

    random = np.random.default_rng(seed)
    digits = load_digits()
    for kind in ("tagged", "plain"):
        for name in NAMES.values():
            (folder / kind / name).mkdir(parents=True)
    for digit, name in NAMES.items():
        own = digits.images[digits.target == digit]
        for number in range(copies):
            clean_HW = own[number % len(own)].repeat(SIDE // 8, axis=0).repeat(SIDE // 8, axis=1) / 16 * 255
            grey_HW = (70 + STRENGTH * clean_HW + random.normal(0, NOISE, (SIDE, SIDE))).clip(0, 255).astype(np.uint8)
            Image.fromarray(grey_HW).save(folder / "plain" / name / f"{number:03}.png")
            if digit == 8:
                grey_HW[SIDE - EDGE - TAG : SIDE - EDGE, EDGE : EDGE + TAG] = 255
            Image.fromarray(grey_HW).save(folder / "tagged" / name / f"{number:03}.png")
    return len(NAMES) * copies


def draw_pictures(folder: Path) -> list[Path]:
    """Draw the pictures of the page: the run lenet5-digits, its digit 7, and the run shortcut with and without its tag.

    Args:
        folder: folder that ``make_shortcut`` wrote.

    Returns:
        The files.
    """
    import saccade
    from saccade.data.prepared import open_split
    from saccade.explain import ImageExplainer, RunData, draw_example, draw_run, explain_image

    sheets, written = Path("reports/lenet5-digits/explain"), []
    sheets.mkdir(parents=True, exist_ok=True)
    prepared = Path("data/prepared/digits")
    train, validation, test = (open_split(prepared, split) for split in ("train", "validation", "test"))
    digits = ImageExplainer(saccade.load("models/lenet5-digits"))
    draw_run(digits, RunData(train, validation, True), sheets)
    for name in ("filters", "activations", "units", "classes", "curves"):
        written.append(IMAGES / f"seeing-{name}.png")
        shutil.copy(sheets / f"{name}.png", written[-1])
    seven = test.examples[int(np.flatnonzero(test.labels == 7)[1])]
    found = explain_image(digits, seven, digits.fitting())
    written.append(IMAGES / "seeing-seven-layers.png")
    _draw_path(digits, seven, written[-1])
    written.append(IMAGES / "seeing-seven.png")
    draw_example("a seven of the test split", found.image, found.rows, written[-1], like_random=found.like_random)
    shortcut = ImageExplainer(saccade.load("models/shortcut"))
    for kind in ("tagged", "plain"):
        image = np.asarray(Image.open(folder / kind / "eight" / "007.png"))
        methods = [shortcut.method(name) for name in ("grad-cam", "layer-cam", "saliency", "occlusion")]
        found = explain_image(shortcut, shortcut.predictor.prepare(image), methods)
        written.append(IMAGES / f"seeing-shortcut-{kind}.png")
        draw_example(f"{kind}/eight/007.png", found.image, found.rows, written[-1])
    return written


def _draw_path(explainer: "ImageExplainer", image_HWC: np.ndarray, path: Path) -> None:
    """One image through every layer that keeps height and width: up to nine maps of each."""
    import torch

    from saccade.explain.sheets.network_sheets import LayerMaps, draw_activations
    from saccade.explain.units.responses import outputs_of_layers

    x_BCHW = explainer.read(torch.from_numpy(np.array(image_HWC))[None])
    layers = [layer for layer in explainer.layers[0] if not list(layer.module.children())]
    outputs = outputs_of_layers(explainer.networks[0], x_BCHW, layers)
    maps = [
        LayerMaps(
            f"{layer.kind}\n{layer.channels}×{layer.sides[0]}×{layer.sides[1]}",
            output[:, :9].numpy(),
            range(9)[: layer.channels],
        )
        for layer, output in zip(layers, outputs, strict=True)
    ]
    draw_activations([image_HWC], ["7"], maps, path, title="a seven, layer by layer: up to nine maps of each")


if __name__ == "__main__":
    main()

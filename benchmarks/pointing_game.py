"""The pointing game: does a map peak on the digit, among pieces of other digits?

    python benchmarks/pointing_game.py [--steps 300] [--width 6]

A digit of scikit-learn (16x16 pixels) lies in one of the nine places of a 48x48 image, moved by up to 2 pixels; in the
other eight lie digits that were cut into blocks of 4x4 pixels and shuffled, as bright as the digit itself. ResNet-9
learns which digit is there, nobody tells it where. Then each method's map for the true class is asked for its peak: a
hit lies in the digit's box. Chance is the share of a box, one ninth. The same is asked of a network with random
weights, whose maps should hit no more often than chance.

Prints a line of JSON for each method: hits of the trained network, of the random one, and how many examples.
"""

import argparse
import json
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.datasets import load_digits

from saccade.bundle.bundle import NetworkConfig
from saccade.data.spec import Spec
from saccade.explain.attribution.faithfulness import points_into
from saccade.explain.attribution.image_explainer import ImageExplainer
from saccade.predict.predictor import Predictor

CELL, PLACES, BLOCK, JITTER = 16, 3, 4, 2
SIDE = CELL * PLACES
CHANCE = 1 / PLACES**2
CLASSES = tuple("0123456789")


def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 digits, uint8 (N, 16, 16), and their labels."""
    found = load_digits()
    grey = (found.images / 16 * 255).astype(np.uint8)
    return grey.repeat(CELL // 8, axis=1).repeat(CELL // 8, axis=2), found.target


def scenes(
    digits_NHW: np.ndarray, chosen: Sequence[int], random: np.random.Generator
) -> tuple[np.ndarray, list[tuple[int, int, int, int]]]:
    """Images that hold the chosen digits among pieces of others, and the box of each digit.

    Args:
        digits_NHW: uint8 (N, 16, 16), whole digits.
        chosen: numbers of the digits, one an image.
        random: source of places and pieces.

    Returns:
        uint8 (B, 48, 48, 1), and (top, left, bottom, right) of each.
    """
    images = np.zeros((len(chosen), SIDE, SIDE, 1), np.uint8)
    boxes = []
    for image, number in zip(images, chosen, strict=True):
        target = int(random.integers(PLACES**2))
        for place in range(PLACES**2):
            piece = (
                digits_NHW[number]
                if place == target
                else shuffled(digits_NHW[random.integers(len(digits_NHW))], random)
            )
            corner = np.array(divmod(place, PLACES)) * CELL + random.integers(-JITTER, JITTER + 1, 2)
            top, left = (int(x) for x in corner.clip(0, SIDE - CELL))
            under = image[top : top + CELL, left : left + CELL, 0]
            np.maximum(under, piece, out=under)
            if place == target:
                boxes.append((top, left, top + CELL, left + CELL))
    return images, boxes


def shuffled(digit_HW: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A digit whose blocks of 4x4 pixels were shuffled: as bright, and no digit."""
    count = CELL // BLOCK
    blocks = digit_HW.reshape(count, BLOCK, count, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK, BLOCK)
    mixed = blocks[random.permutation(len(blocks))].reshape(count, count, BLOCK, BLOCK)
    return mixed.swapaxes(1, 2).reshape(CELL, CELL)


def predictor_of(width: int, seed: int) -> Predictor:
    """ResNet-9 with random weights."""
    spec = Spec("image", (SIDE, SIDE, 1), CLASSES)
    config = NetworkConfig("resnet9", {"width": width}, spec, "classify", [0.19], [0.29], "pointing game")
    torch.manual_seed(seed)
    return Predictor(config, config.build_network().eval(), torch.device("cpu"))


def train(predictor: Predictor, digits_NHW: np.ndarray, labels_N: np.ndarray, steps: int, batch_size: int = 64) -> None:
    """Learn which digit is there, each scene made anew; Adam, one cycle of the learning rate."""
    random, network = np.random.default_rng(1), predictor.network.train()
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    for _ in range(steps):
        chosen = random.integers(len(digits_NHW), size=batch_size)
        images, _ = scenes(digits_NHW, chosen, random)
        loss = torch.nn.functional.cross_entropy(network(torch.from_numpy(images)), torch.from_numpy(labels_N[chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.eval()


def hits(
    predictor: Predictor,
    images: np.ndarray,
    labels: Sequence[int],
    boxes: Sequence[tuple[int, int, int, int]],
    method: str,
) -> float:
    """Share of the maps of the true class that peak in the digit's box."""
    maps = ImageExplainer(predictor).maps(images, labels, method)
    return float(np.mean([points_into(map_HW, box) for map_HW, box in zip(maps, boxes, strict=True)]))


def main() -> None:
    """Parse the command line, train, play, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--width", type=int, default=6)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="two steps: whether it runs at all")
    parser.add_argument("--work", help="taken as by other benchmarks; nothing is written")
    options = parser.parse_args()
    steps, examples = (2, 20) if options.quick else (options.steps, options.examples)
    digits_NHW, labels_N = digits()
    order = np.random.default_rng(0).permutation(len(labels_N))
    train_N, test_N = order[:1400], order[1400:]
    trained, untrained = predictor_of(options.width, seed=0), predictor_of(options.width, seed=1)
    train(trained, digits_NHW[train_N], labels_N[train_N], steps)
    chosen = np.arange(examples) % len(test_N)
    images, boxes = scenes(digits_NHW[test_N], chosen, np.random.default_rng(2))
    labels = labels_N[test_N][chosen].tolist()
    accuracy = float((trained.outputs(torch.from_numpy(images)).argmax(axis=1) == labels).mean())
    for method in ("grad-cam", "layer-cam", "saliency", "guided-backpropagation", "deconvolution"):
        found = {
            name: hits(one, images, labels, boxes, method)
            for name, one in (("trained", trained), ("random", untrained))
        }
        print(
            json.dumps(
                {
                    "figure": f"pointing game, {method}",
                    **found,
                    "chance": round(CHANCE, 4),
                    "accuracy": accuracy,
                    "examples": examples,
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()

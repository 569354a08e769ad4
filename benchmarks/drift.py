"""How often `saccade drift` raises an alarm: where nothing differs, and where inputs are blurred, dark, other.

    python benchmarks/drift.py
    python benchmarks/drift.py --count 250 --seeds 200

Where nothing differs, the test split is cut into two halves by each seed, of which one plays the new inputs: at the
level of 5 % no more than 7 of 100 may be alarms. A small perceptron on scikit-learn's digits, and a bag of n-grams on
generated sentences about weather and food, are trained here in seconds. What differs is made of the half that plays the
new inputs; the sentences in German are about the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from figures import report, tell
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits
from torch import nn
from workbench import parser_of

from saccade.bundle.bundle import NetworkConfig
from saccade.core import registry
from saccade.data.spec import RESERVED, Spec
from saccade.drift.compare import Drift, Sample, compare, look_at
from saccade.evaluate.about_data.slices import Property
from saccade.kinds.tokens.text.encode import read_texts
from saccade.predict.predictor import Predictor

LEAST_RIGHT = 0.93  # share of seeds without an alarm, at the level of 5 %
WORDS = {
    "English": (
        ("rain", "sun", "wind", "snow", "storm", "cloud", "frost", "fog"),
        ("bread", "soup", "cheese", "apple", "fish", "rice", "cake", "salad"),
        (
            "today there is {} and {} again",
            "we had {} after the {}",
            "the {} was better than the {}",
            "i like {} with {}",
        ),
    ),
    "German": (
        ("Regen", "Sonne", "Wind", "Schnee", "Sturm", "Wolke", "Frost", "Nebel"),
        ("Brot", "Suppe", "Käse", "Apfel", "Fisch", "Reis", "Kuchen", "Salat"),
        ("heute gibt es wieder {} und {}", "wir hatten {} nach {}", "{} war besser als {}", "ich mag {} mit {}"),
    ),
}


def main() -> None:
    """Parse the command line, measure, print."""
    parser = parser_of(__doc__, pairs=1)
    parser.add_argument("--seeds", type=int, default=100, help="halvings of the test split")
    parser.add_argument("--few", type=int, default=5, help="seeds of each difference, which takes all permutations")
    parser.add_argument("--count", type=int, default=100, help="inputs of each sample")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, few, count = (2, 1, 40) if options.quick else (options.seeds, options.few, options.count)
    measure("digits", *digits(epochs=1 if options.quick else 12), seeds=seeds, few=few, count=count)
    measure("sentences", *sentences(epochs=1 if options.quick else 12), seeds=seeds, few=few, count=count)


Change = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From examples and labels to what plays the new inputs."""


def measure(
    name: str,
    predictor: Predictor,
    test: tuple[np.ndarray, np.ndarray],
    train: np.ndarray,
    changes: dict[str, Change],
    *,
    seeds: int,
    few: int,
    count: int,
) -> None:
    """Print the share of alarms where nothing differs, and with each change."""
    examples, labels = test
    known, learnt = look_at(predictor, examples, [""] * len(examples)), look_at(predictor, train, [""] * len(train))
    right = float((known.outputs.argmax(axis=1) == labels).mean())
    tell(f"{name}: accuracy {right:.3f} over {len(labels)} examples of the test split")

    def found(seed: int, change: Change | None) -> Drift:
        order = np.random.default_rng(seed).permutation(len(examples))
        kept = part(known, order[:count])
        new = part(known, order[count : 2 * count])
        if change is not None:
            changed = change(examples[order[count:]], labels[order[count:]])[:count]
            new = look_at(predictor, changed, [""] * len(changed))
            kept = part(known, order[: len(changed)])
        return compare(predictor, kept, part(learnt, np.arange(len(new.stored))), new, seed=seed)

    quiet = []
    for seed in range(seeds):
        quiet.append(not found(seed, None).is_alarm)
        if seed % 10 == 9:
            tell(f"{name}: {seed + 1} halvings, {len(quiet) - sum(quiet)} alarms")
    what = f"{name}, {count} beside {count}"
    report(
        f"{what}: nothing differs, no alarm",
        "share of seeds",
        [sum(quiet) / len(quiet)],
        target=("at least", LEAST_RIGHT),
    )
    for title, change in changes.items():
        drifts = [found(seed, change) for seed in range(few)]
        alarms = sum(drift.is_alarm for drift in drifts)
        areas = [drift.beside_test.auroc for drift in drifts]
        report(f"{what}: {title}", "AUROC", areas, note=f"{alarms} alarms of {few}")


def part(sample: Sample, rows: np.ndarray) -> Sample:
    """Some examples of a sample."""
    properties = [Property(each.name, each.values[rows], each.unit) for each in sample.properties]
    stored, outputs, features = (array[rows] for array in (sample.stored, sample.outputs, sample.features))
    return replace(
        sample, stored=stored, outputs=outputs, features=features, properties=properties, names=[""] * len(rows)
    )


def digits(epochs: int) -> tuple[Predictor, tuple[np.ndarray, np.ndarray], np.ndarray, dict[str, Change]]:
    """A perceptron on digits of 16x16; 540 of 1,797 are the test split."""
    loaded = load_digits()
    images = np.repeat(np.repeat(loaded.images, 2, axis=1), 2, axis=2) / 16 * 255
    images_NHWC, labels = images.astype(np.uint8)[..., None], loaded.target
    order = np.random.default_rng(0).permutation(len(labels))
    test, train = order[:540], order[540:]
    spec = Spec("image", (16, 16, 1), tuple("0123456789"))
    predictor = trained("mlp", spec, images_NHWC[train], labels[train], epochs, hidden=[64, 32])
    noise = np.random.default_rng(1)

    def pixels(values: np.ndarray) -> np.ndarray:
        return np.clip(values, 0, 255).astype(np.uint8)

    changes: dict[str, Change] = {
        "blurred by 1 pixel": lambda x, y: pixels(gaussian_filter(x.astype(float), (0, 1, 1, 0))),
        "darkened to 0.8": lambda x, y: pixels(x * 0.8),
        "noise of 10 grey levels": lambda x, y: pixels(x + noise.normal(0, 10, x.shape)),
        "moved by 2 pixels": lambda x, y: np.roll(x, 2, axis=2),
        "only the classes 0 to 4": lambda x, y: x[y < 5],
    }
    return predictor, (images_NHWC[test], labels[test]), images_NHWC[train], changes


def sentences(epochs: int) -> tuple[Predictor, tuple[np.ndarray, np.ndarray], np.ndarray, dict[str, Change]]:
    """A bag of n-grams on English sentences about weather and food; the same in German are what differs."""
    texts, labels = generated("English", 1500, seed=0)
    letters = sorted(set("".join(texts)))
    spec = Spec("tokens", (48,), ("weather", "food"), vocabulary=(*RESERVED, *letters), unit="characters")
    stored = tokens(texts, spec)
    predictor = trained("bag_of_ngrams", spec, stored[500:], labels[500:], epochs)
    german = generated("German", 500, seed=1)[0]
    changes: dict[str, Change] = {
        "in German": lambda x, y: tokens(german, spec),
        "the first two words": lambda x, y: tokens([" ".join(text.split()[:2]) for text in texts[:250]], spec),
        "food alone": lambda x, y: x[y == 1],
    }
    return predictor, (stored[:500], labels[:500]), stored[500:], changes


def generated(language: str, count: int, *, seed: int) -> tuple[list[str], np.ndarray]:
    """Sentences, and whether each is about food."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    weather, food, forms = WORDS[language]
    texts = []
    for label in labels:
        words: Sequence[str] = (weather, food)[label]
        texts.append(str(random.choice(forms)).format(*random.choice(words, 2, replace=False)))
    return texts, labels


def tokens(texts: Sequence[str], spec: Spec) -> np.ndarray:
    """Texts as they lie in data/prepared."""
    stored = read_texts(texts, spec).tokens
    return np.pad(stored, ((0, 0), (0, spec.shape[0] - stored.shape[1])))


def trained(
    model: str, spec: Spec, stored: np.ndarray, labels: np.ndarray, epochs: int, **arguments: object
) -> Predictor:
    """A network after a short training by Adam, nothing tuned."""
    known = registry.keyword_arguments("models", model, "build")
    filled = {name: each.default for name, each in known.items()} | arguments
    channels = 1 if spec.layout == "image" else 0
    config = NetworkConfig(model, filled, spec, "classify", [0.3] * channels, [0.35] * channels, "0" * 64)
    torch.manual_seed(0)
    network = config.build_network().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    x, y = torch.from_numpy(stored), torch.from_numpy(labels).long()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[rows]).float(), y[rows]).backward()
            optimizer.step()
    return Predictor(config, network.eval(), torch.device("cpu"))


if __name__ == "__main__":
    main()

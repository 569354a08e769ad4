"""How many labels that were flipped on purpose head the list of doubtful labels: digits, `saccade repeat --folds 5`.

    python benchmarks/doubtful_labels.py

3 % of the labels of digits are flipped, each to one of the nine other classes. `saccade repeat` trains a run on five
folds and writes doubtful_labels.csv, the most doubtful first. Of its first rows, as many as 3 % of the training and
validation examples, the share that was flipped is counted; what the list lacks of that number counts as wrong.
"""

import csv

import numpy as np
from figures import report, tell
from sklearn.datasets import load_digits
from workbench import Workbench, parser_of, run_of

SHARE = 0.03
MODELS = {
    "histograms": ({"name": "gradient_histograms"}, 10),  # a linear model, and epochs
    "lenet5": ({"name": "lenet5"}, 8),
}
TARGET = 0.8


def flip(labels_N: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which 3 % are of another class, and the rows of those, ascending."""
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(len(labels_N), round(SHARE * len(labels_N)), replace=False))
    flipped_N = labels_N.copy()
    flipped_N[rows] = (flipped_N[rows] + random.integers(1, 10, len(rows))) % 10
    return flipped_N, rows


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=1).parse_args()
    bench = Workbench(options.work, "doubtful-labels")
    pixels_NP, labels_N = load_digits(return_X_y=True)
    images_NHW = np.rint(pixels_NP * 255 / 16).astype(np.uint8).reshape(-1, 8, 8)
    flipped = {}
    for seed in range(options.pairs):
        labels, flipped[seed] = flip(labels_N.astype(np.int64), seed)
        np.savez(bench.folder / f"flipped-{seed}.npz", images=images_NHW, labels=labels)
    datasets = {
        f"flipped-{seed}": {
            "source": {"name": "image_arrays", "path": str(bench.folder / f"flipped-{seed}.npz")},
            "split": {"test": 0.15, "validation": 0.15},
            "preprocess": {"size": [32, 32], "channels": 1, "near_duplicates": False, "on_conflict": "quarantine"},
            "augment": {"views": 0},
        }
        for seed in flipped
    }
    runs = {
        f"{name}-{seed}": run_of(
            f"flipped-{seed}", model, epochs=1 if options.quick else epochs, optimizer={"name": "adam", "lr": 0.003}
        )
        for seed in flipped
        for name, (model, epochs) in MODELS.items()
    }
    bench.write_params(datasets, runs)
    for seed in flipped:
        bench.prepare(f"flipped-{seed}")
    for name in MODELS:
        found = []
        for seed, rows in flipped.items():
            bench.saccade("repeat", f"{name}-{seed}", "--folds", "2" if options.quick else "5")
            with (bench.folder / "reports" / f"{name}-{seed}" / "doubtful_labels.csv").open(newline="") as file:
                listed = [int(row["row"]) for row in csv.DictReader(file)]
            learnt = [
                np.load(bench.folder / f"data/prepared/flipped-{seed}/{s}_rows.npy") for s in ("train", "validation")
            ]
            first = round(SHARE * sum(map(len, learnt)))
            hits = int(np.isin(listed[:first], rows).sum())
            among = int(np.isin(np.concatenate(learnt), rows).sum())
            tell(f"  {name}, seed {seed}: {len(listed)} listed; of the first {first}, {hits} of {among} flipped")
            found.append(max(hits, 1e-9) / first)
        report(
            f"flipped labels among the first 3 % of the list, {name}",
            "share",
            found,
            target=("at least", TARGET),
            note=f"digits, {100 * SHARE:g} % flipped, five folds, seeds 0 to {options.pairs - 1}",
        )


if __name__ == "__main__":
    main()

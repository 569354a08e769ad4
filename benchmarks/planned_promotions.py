"""What a forecast gains from a promotion that is planned: each network with it, without it, and ridge both ways.

    python benchmarks/planned_promotions.py            # seven networks, three seeds
    python benchmarks/planned_promotions.py --quick    # one network, one seed, two epochs: does it run?

Draws two years of daily sales of three shops: sales of a day depend on its weekday, on a promotion that nobody can
foresee (three days in ten) and on noise of 5 % of the shop's level. No forecast can have a mean absolute error below
that of the noise, which is printed first. Prints a row a network: mean and standard deviation over the seeds.
"""

import argparse
import csv
import json
import math
import random
import statistics
from datetime import date, timedelta
from pathlib import Path

from recipe_seeds import copy_tree, saccade, version

_LEVELS = {"north": 100.0, "south": 40.0, "mall": 300.0}
_DAYS, _NOISE = 730, 0.05
_MODELS = {
    "nlinear": {"name": "nlinear"},
    "mlp": {"name": "mlp", "hidden": [64]},
    "gru": {"name": "gru", "hidden_size": 32},
    "gru-skip": {"name": "gru", "hidden_size": 32, "from_last": True, "linear_skip": True},
    "lstm": {"name": "lstm", "hidden_size": 32},
    "conv1d": {"name": "conv1d", "channels": [32]},
    "conv1d-skip": {"name": "conv1d", "channels": [32], "from_last": True, "linear_skip": True},
}
_COLUMNS: dict[str, dict[str, object]] = {
    "with": {"targets": ["sales"], "known": ["promotion"]},
    "without": {"value_columns": ["sales"]},
}


def main() -> None:
    """Parse the command line, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("/tmp/saccade-planned-promotions"))
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run? The figures mean nothing")
    parser.add_argument("--models", nargs="+", choices=_MODELS, default=list(_MODELS))
    options = parser.parse_args()
    models = {name: _MODELS[name] for name in (options.models[:1] if options.quick else options.models)}
    seeds, epochs = ([0], 2) if options.quick else ([0, 1, 2], 40)
    copy_tree(options.work)
    write_sales(options.work / "sales.csv")
    write_params(options.work / "params.yaml", models, seeds, epochs)
    for name in _COLUMNS:
        for stage in ("fetch", "preprocess", "augment"):
            saccade(options.work, stage, name)
    noise = math.sqrt(2 / math.pi) * _NOISE * statistics.fmean(_LEVELS.values())
    print(f"{version('torch')}; the noise alone: {noise:.2f}")
    for model in models:
        print(model, *(told(options.work, f"{model}-{name}", seeds) for name in _COLUMNS), flush=True)


def write_sales(path: Path) -> None:
    """Two years of three shops."""
    draw = random.Random(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "shop", "sales", "promotion"])
        for shop, level in _LEVELS.items():
            for i in range(_DAYS):
                day, is_on = date(2022, 1, 1) + timedelta(i), int(draw.random() < 0.3)
                share = 1 + 0.2 * math.sin(2 * math.pi * day.weekday() / 7) + 0.5 * is_on + draw.gauss(0, _NOISE)
                writer.writerow([day, shop, f"{level * share:.2f}", is_on])


def write_params(path: Path, models: dict[str, dict[str, object]], seeds: list[int], epochs: int) -> None:
    """Two datasets, and a run for each of them, each network and each seed."""
    source = {"name": "series_table", "path": "sales.csv", "series_column": "shop"}
    train = {"epochs": epochs, "batch_size": 64, "optimizer": {"name": "adam", "lr": 0.01}, "loss": "mae"}
    train |= {"schedule": {"name": "one_cycle"}, "keep": "best", "device": "cpu"}
    whole = {
        "seed": 0,
        "tracking": {"experiment": "planned-promotions"},
        "datasets": {
            name: {
                "source": source | columns,
                "split": {"test": 0.2, "validation": 0.15, "order": "time"},
                "preprocess": {"window": 28, "horizon": 7},
                "augment": {"views": 0},
            }
            for name, columns in _COLUMNS.items()
        },
        "runs": {
            f"{model}-{name}-{seed}": {
                "dataset": name,
                "task": {"name": "forecast"},
                "model": arguments,
                "train": train | {"seed": seed},
                "evaluate": {"device": "cpu"},
            }
            for model, arguments in models.items()
            for name in _COLUMNS
            for seed in seeds
        },
    }
    path.write_text(json.dumps(whole), encoding="utf-8")  # JSON is YAML


def told(work: Path, run: str, seeds: list[int]) -> str:
    """Train and evaluate with each seed; the error of the network, and of ridge beside it."""
    errors = []
    for seed in seeds:
        saccade(work, "train", f"{run}-{seed}")
        saccade(work, "evaluate", f"{run}-{seed}")
        metrics = json.loads((work / "reports" / f"{run}-{seed}" / "metrics.json").read_text(encoding="utf-8"))
        errors.append(metrics["mae"])
    spread = statistics.stdev(errors) if len(errors) > 1 else 0.0
    return f"{run.rsplit('-', 1)[1]} {statistics.fmean(errors):.2f} ({spread:.2f}), ridge {metrics['ridge_mae']:.2f};"


if __name__ == "__main__":
    main()

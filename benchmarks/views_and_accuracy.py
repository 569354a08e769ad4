"""Does augmentation help, and how many views are enough? Test accuracy without, with stored views, and online.

    python benchmarks/views_and_accuracy.py digits
    python benchmarks/views_and_accuracy.py mnist --source ../shared/datasets/mnist
    python benchmarks/views_and_accuracy.py cifar10 --source ../shared/datasets/cifar10-images.tar.gz
    python benchmarks/views_and_accuracy.py --draw

The same network, epochs and seeds in every row of a table: what differs is what an epoch sees. What was measured is
kept in benchmarks/results/views_<data>.json; docs/augmentation.md gets the tables between its comments, docs/images/
the picture. Runs that were measured before are not measured again, unless ``--fresh``. ``--draw`` measures nothing.
``--quick`` tries it with tiny settings and writes into the working folder instead.
"""

import argparse
import datetime
import json
import shutil
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from figures import tell
from pages import machine, mean_and_std, put_between
from recipe_seeds import ROOT
from workbench import HERE, Workbench, default_work

AFFINE = {"name": "Affine", "rotate": [-10, 10], "translate_percent": [-0.06, 0.06], "scale": [0.9, 1.1], "p": 0.9}
DATA: dict[str, dict[str, Any]] = {
    "digits": {
        "title": "digits: 1,259 training images of 32x32, LeNet-5, 32 epochs",
        "source": {"name": "digits"},
        "split": {"test": 0.15, "validation": 0.15},
        "preprocess": {"size": [32, 32], "channels": 1},
        "transforms": [AFFINE],
        "model": {"name": "lenet5"},
        "train": {"epochs": 32, "batch_size": 64, "optimizer": {"name": "adam", "lr": 0.004}},
    },
    "mnist": {
        "title": "MNIST: 57,000 training images of 28x28, LeNet-5, 16 epochs",
        "source": {"name": "mnist"},
        "split": {"test": "given", "validation": 0.05},
        "preprocess": {"size": [28, 28], "channels": 1, "near_duplicates": False},
        "transforms": [AFFINE],
        "model": {"name": "lenet5", "normalisation": "batch"},
        "train": {"epochs": 16, "batch_size": 256, "optimizer": {"name": "adam", "lr": 0.012}},
    },
    "cifar10": {
        "title": "a tenth of CIFAR-10: 4,900 training images of 32x32, ResNet-9 of width 8, 24 epochs",
        "source": {"name": "image_folder"},
        "split": {"test": "given", "validation": 0.02, "train_fraction": 0.1},
        "preprocess": {"size": [32, 32], "channels": 3, "near_duplicates": False},
        "transforms": "cifar-standard",
        "model": {"name": "resnet9", "width": 8},
        "train": {
            "epochs": 24,
            "batch_size": 64,
            "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.0005},
        },
    },
}
STORED = (1, 2, 4, 8, 16)
CONDITIONS = ("none", *map(str, STORED), "online")
PAGE, IMAGE = "augmentation.md", "views-and-accuracy.png"


def main() -> None:
    """Parse the command line, run, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", choices=[*DATA, []], help="default: none, with --draw")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--source", type=Path, help="mirror of MNIST, or folder or archive of CIFAR-10's pictures")
    parser.add_argument("--threads", default="auto", help="of each training; the bits depend on it")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured before")
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run? The figures mean nothing")
    parser.add_argument("--draw", action="store_true", help="only make the tables and the picture again")
    parser.add_argument("--work", type=Path, default=default_work(), help="folder for a copy of the tree, with data")
    options = parser.parse_args()
    results, docs = HERE / "results", ROOT / "docs"
    if options.quick:
        results = options.work / "views"
        shutil.rmtree(results, ignore_errors=True)
        (results / "images").mkdir(parents=True)
        docs = Path(shutil.copy(ROOT / "docs" / PAGE, results)).parent
    for name in [] if options.draw else options.data or ["digits"]:
        measure(name, options, results / f"views_{name}.json")
    found = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name in DATA
        if (path := results / f"views_{name}.json").exists()
    }
    if found:
        draw(found, docs / "images" / IMAGE)
    for name, result in found.items():
        put_between(docs / PAGE, f"views on {name}", "benchmarks/views_and_accuracy.py", table(result))


def measure(name: str, options: argparse.Namespace, path: Path) -> None:
    """Train and evaluate every condition with every seed; each figure is kept as soon as it is there."""
    data, seeds, conditions = DATA[name], options.seeds, CONDITIONS
    train = data["train"] | {"schedule": {"name": "one_cycle"}, "device": "cpu", "threads": as_number(options.threads)}
    split = data["split"]
    if options.quick:
        seeds, conditions, train = seeds[:1], ("none", "1", "online"), train | {"epochs": 2}
        split = split | {"train_fraction": 0.1}
    source = dict(data["source"])
    if options.source is not None:
        source["mirror" if name == "mnist" else "path"] = str(options.source.resolve())
    result: dict[str, Any] = {"title": data["title"], "runs": {}}
    if path.exists() and not options.fresh:
        result = json.loads(path.read_text(encoding="utf-8"))
    bench = Workbench(options.work, f"views_{name}")
    is_prepared = False
    for condition in conditions:
        run = {"dataset": name, "task": {"name": "classify"}, "model": data["model"], "evaluate": {"top_k": [1]}}
        keys = {seed: f"{condition}-seed{seed}" for seed in seeds}
        missing = [seed for seed in seeds if keys[seed] not in result["runs"]]
        if not missing:
            continue
        dataset = {"source": source, "split": split, "preprocess": data["preprocess"]}
        bench.write_params(
            {name: dataset | {"augment": augment_of(condition, data["transforms"])}},
            {keys[seed]: run | {"train": train | {"seed": seed}} for seed in missing},
        )
        if not is_prepared:
            bench.prepare(name)
            is_prepared = True
        else:
            bench.saccade("augment", name)
        for seed in missing:
            trained = bench.train(keys[seed])
            bench.saccade("evaluate", keys[seed])
            metrics = bench.report(keys[seed], "metrics.json")
            result["runs"][keys[seed]] = {
                "accuracy": metrics["accuracy"],
                "loss": metrics["loss"],
                "baseline": metrics["baseline_accuracy"],
                "train_s": round(trained["train_elapsed_s"], 1),
            }
            tell(f"    test accuracy {metrics['accuracy']:.4f}")
            result |= {"date": datetime.date.today().isoformat(), "machine": machine()}
            path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def as_number(threads: str) -> int | str:
    """As params.yaml wants it."""
    return threads if threads == "auto" else int(threads)


def augment_of(condition: str, transforms: Any) -> dict[str, Any]:
    """The ``augment`` block of a condition."""
    if condition == "none":
        return {"views": 0}
    return {"transforms": transforms} | ({"mode": "online"} if condition == "online" else {"views": int(condition)})


# --- the page ---------------------------------------------------------------------------------------------------------


def errors_of(result: Mapping[str, Any], condition: str) -> list[float]:
    """Test errors in %, a seed each."""
    runs = result["runs"].items()
    return [100 * (1 - run["accuracy"]) for key, run in runs if key.startswith(f"{condition}-seed")]


def table(result: Mapping[str, Any]) -> list[str]:
    """A row a condition."""
    baseline = 100 * (1 - next(iter(result["runs"].values()))["baseline"])
    lines = ["| views | test error %, mean (sd) | by seed | test loss | training s |", "|---|---|---|---|---|"]
    for condition in CONDITIONS:
        errors = errors_of(result, condition)
        runs = [run for key, run in result["runs"].items() if key.startswith(f"{condition}-seed")]
        if errors:
            lines.append(
                f"| {condition} | {mean_and_std(errors, '.2f')} | {', '.join(f'{error:.2f}' for error in errors)} "
                f"| {statistics.mean(run['loss'] for run in runs):.4f} "
                f"| {statistics.mean(run['train_s'] for run in runs):.0f} |"
            )
    return [
        f"**{result['title']}**; gradient histograms and pixels in a logistic regression: {baseline:.2f} %",
        "",
        *lines,
        "",
        f"{result['date']}; {result['machine']}.",
    ]


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Test error over views, a panel a dataset: the mean, its standard deviation, and each seed."""
    from saccade.display import style

    with style.style():
        figure = style.new_figure(4.2 * len(found), 3.8)
        grid = figure.subplots(1, len(found), squeeze=False)
        for axes, (name, result) in zip(grid[0], found.items(), strict=True):
            places, means, spreads = [], [], []
            for place, condition in enumerate(CONDITIONS):
                if errors := errors_of(result, condition):
                    places.append(place)
                    means.append(statistics.mean(errors))
                    spreads.append(statistics.stdev(errors) if len(errors) > 1 else 0)
                    axes.plot([place] * len(errors), errors, "o", markersize=3, color=style.GREY)
            axes.errorbar(places, means, yerr=spreads, color="#0072B2", linewidth=1.4, marker="o", capsize=3)
            axes.set_xticks(range(len(CONDITIONS)), CONDITIONS)
            axes.set_ylim(bottom=0)
            axes.set_xlabel("views")
            axes.set_title(name)
            axes.grid(axis="y")
        figure.axes[0].set_ylabel("test error, %")
        style.save_figure(figure, path)


if __name__ == "__main__":
    main()

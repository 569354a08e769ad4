"""Train a recipe with several seeds and print its main test metric: mean, standard deviation, seconds, versions.

    python benchmarks/recipe_seeds.py mnist-lenet5 --mirror ../shared/datasets/mnist
    python benchmarks/recipe_seeds.py sunspots-lstm --mirror ../shared/datasets
    python benchmarks/recipe_seeds.py names-lstm --path ../shared/datasets/names
    python benchmarks/recipe_seeds.py cifar10-fast --path ../shared/datasets/cifar10-images.tar.gz --seeds 0 1 2 3 4

Works in a copy of the tree in ``--work`` (kept, so that data are prepared once); the project's files stay as they are.
``--quick`` trains one seed for one epoch on a tenth of the data.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("pipeline", "src", "recipes", "dvc.yaml", "params.yaml", "pyproject.toml")


def main() -> None:
    """Parse the command line, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=["mnist-lenet5", "mnist-lstm"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--mirror", type=Path, help="folder with the recipe's files, instead of the public addresses")
    parser.add_argument("--path", type=Path, help="the recipe's folder or archive of pictures")
    parser.add_argument("--work", type=Path, default=Path("/tmp/saccade-recipe-seeds"))
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run? The figures mean nothing")
    options = parser.parse_args()
    copy_tree(options.work)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {version('torch')}")
    seeds = options.seeds[:1] if options.quick else options.seeds
    places = {"mirror": options.mirror, "path": options.path}
    for recipe in options.recipes:
        measure(recipe, seeds, places, options.work, quick=options.quick)


def copy_tree(work: Path) -> None:
    """Put the code of this tree into the working folder."""
    work.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.rmtree(work / name, ignore_errors=True)
            shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, work / name)


def version(package: str) -> str:
    """Such as "torch 2.15.0"."""
    from importlib import metadata

    return f"{package} {metadata.version(package)}"


def saccade(work: Path, *arguments: str) -> None:
    """Run one command in the working folder; its output is shown."""
    subprocess.run([sys.executable, "-m", "pipeline", *arguments], cwd=work, check=True)


def measure(recipe: str, seeds: list[int], places: dict[str, Path | None], work: Path, *, quick: bool) -> None:
    """Train one recipe with each seed and print what came of it."""
    saccade(work, "add", recipe)
    yaml = YAML()
    yaml.width = 4096
    params: Any = yaml.load((work / "params.yaml").read_text(encoding="utf-8"))
    dataset = params["runs"][recipe]["dataset"]
    for key, place in places.items():
        if place is not None:
            params["datasets"][dataset]["source"][key] = str(place.resolve())
    if quick:
        params["datasets"][dataset]["split"]["train_fraction"] = 0.1
        params["runs"][recipe]["train"]["epochs"] = 1
    yaml.dump(params, work / "params.yaml")
    for seed in seeds:
        saccade(work, "add", "--copy", recipe, f"{recipe}-seed{seed}")
    params = yaml.load((work / "params.yaml").read_text(encoding="utf-8"))
    for seed in seeds:
        params["runs"][f"{recipe}-seed{seed}"]["train"]["seed"] = seed
    yaml.dump(params, work / "params.yaml")

    if not (work / "data" / "augmented" / dataset).exists():
        for stage in ("fetch", "preprocess", "augment"):
            saccade(work, stage, dataset)
    rows = []
    for seed in seeds:
        started_at = time.monotonic()
        saccade(work, "train", f"{recipe}-seed{seed}", "--fresh")
        elapsed_s = time.monotonic() - started_at
        saccade(work, "evaluate", f"{recipe}-seed{seed}")
        report = work / "reports" / f"{recipe}-seed{seed}"
        run = json.loads((report / "run.json").read_text(encoding="utf-8"))
        rows.append((seed, json.loads((report / "metrics.json").read_text(encoding="utf-8")), run, elapsed_s))

    print(f"\n{recipe}: {rows[0][2]['parameters']:,} parameters, {rows[0][2]['epochs']} epochs\n")
    main = next(iter(rows[0][1]))  # the task's main one
    print(f"| seed | test {main} | baseline | training s | whole command s | examples/s |")
    print("|---|---|---|---|---|---|")
    for seed, metrics, run, elapsed_s in rows:
        print(
            f"| {seed} | {metrics[main]:.4f} | {metrics[f'baseline_{main}']:.4f} | {run['train_elapsed_s']:.1f} "
            f"| {elapsed_s:.1f} | {run['examples_per_s']:,.0f} |"
        )
    values = [metrics[main] for _, metrics, _, _ in rows]
    count = "1 seed" if len(seeds) == 1 else f"{len(seeds)} seeds"
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    print(f"\nmean {statistics.mean(values):.4f}, standard deviation {spread:.4f} over {count}")
    others = {key: statistics.mean(metrics[key] for _, metrics, _, _ in rows) for key in rows[0][1] if key != main}
    print(f"means of the others: {', '.join(f'{key} {value:.4f}' for key, value in others.items())}\n")


if __name__ == "__main__":
    main()

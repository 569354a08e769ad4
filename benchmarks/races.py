"""Two races, each run by run through the product's own commands; the page and its pictures are made of what came out.

    python benchmarks/races.py activations --path ../shared/datasets/cifar10-images.tar.gz
    python benchmarks/races.py adding
    python benchmarks/races.py --draw

activations: one network with ReLU and with tanh; epochs until 25 % of the training images are wrong.
adding: rnn, gru and lstm on sequences of 50, 100 and 200 steps; the error of each, and how far its gradient reaches.

The runs are those of recipes/race-*.yaml, each with the seeds 0, 1 and 2. What was measured is kept in
benchmarks/results/race_<name>.json; docs/races.md gets its tables between the comments, docs/images/ its pictures.
``--draw`` measures nothing. ``--quick`` tries a race with tiny settings and writes into the working folder instead.
"""

import argparse
import csv
import datetime
import itertools
import json
import shutil
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from figures import tell
from pages import machine, mean_and_std, put_between
from recipe_seeds import ROOT
from ruamel.yaml import YAML
from workbench import HERE, Workbench, default_work

RACES = ("activations", "adding")
LEAST_RIGHT = 0.75  # of the training images: 25 % error
CHANCE_MSE = 2 / 12  # of the adding problem, when the answer is always 1: the variance of a sum of two uniform numbers
PROBED = 200  # test examples whose gradients are looked at
COLORS = {"relu": "#0072B2", "tanh": "#D55E00", "rnn": "#D55E00", "gru": "#009E73", "lstm": "#0072B2"}

Rows = list[dict[str, float]]


@dataclass(frozen=True)
class Places:
    """Where the races leave what they found.

    Attributes:
        results: folder of race_<name>.json.
        page: docs/races.md.
        images: folder of the pictures.
    """

    results: Path
    page: Path
    images: Path

    def file_of(self, race: str) -> Path:
        """What was measured in a race."""
        return self.results / f"race_{race}.json"


def main() -> None:
    """Parse the command line, run, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("races", nargs="*", choices=[*RACES, []], help="default: none, with --draw")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--path", type=Path, help="of activations: the folder or archive with CIFAR-10's pictures")
    parser.add_argument("--only", nargs="+", default=[], help="runs of the recipe whose name ends so, such as 50-lstm")
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run? The figures mean nothing")
    parser.add_argument("--draw", action="store_true", help="only make the page and the pictures again")
    parser.add_argument("--work", type=Path, default=default_work(), help="folder for a copy of the tree, with data")
    options = parser.parse_args()
    places = Places(HERE / "results", ROOT / "docs" / "races.md", ROOT / "docs" / "images")
    if options.quick:
        options.seeds, places = [0], beside(places, options.work / "races")
    for name in [] if options.draw else options.races:
        run_race(name, options, places)
    found = {name: read_results(places, name) for name in RACES if places.file_of(name).exists()}
    if "activations" in found:
        draw_activations(found["activations"]["runs"], places.images / "race-activations.png")
    if "adding" in found:
        draw_adding(found["adding"]["runs"], places.images / "race-adding.png")
        draw_gradients(found["adding"]["gradients"], places.images / "race-adding-gradients.png")
    write_page(found, places.page)


def beside(places: Places, folder: Path) -> Places:
    """Empty places in a folder, with a copy of the page, for what must not be kept."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(places.page, folder)
    return Places(folder, folder / places.page.name, folder)


# --- running ----------------------------------------------------------------------------------------------------------


def run_race(name: str, options: argparse.Namespace, places: Places) -> None:
    """Train every run of a race with every seed, and keep what came of it; other runs' figures stay."""
    seeds, only = options.seeds, options.only
    bench = Workbench(options.work, f"race_{name}")
    yaml = YAML(typ="safe")
    recipe = yaml.load((ROOT / "recipes" / f"race-{name}.yaml").read_text(encoding="utf-8"))
    runs = {
        key.removeprefix(f"race-{name}-"): run
        for key, run in recipe["runs"].items()
        if not only or any(key.endswith(f"-{ending}") for ending in only)
    }
    if options.path is not None:
        for dataset in recipe["datasets"].values():
            dataset["source"]["path"] = str(options.path.resolve())
    if options.quick:
        shorten(recipe)
    seeded = {
        f"{key}-seed{seed}": run | {"train": run["train"] | {"seed": seed, "device": "cpu"}}
        for key, run in runs.items()
        for seed in seeds
    }
    datasets = {run["dataset"] for run in runs.values()}
    bench.write_params({key: value for key, value in recipe["datasets"].items() if key in datasets}, seeded)
    for dataset in sorted(datasets):
        bench.prepare(dataset)
    results = read_results(places, name) if places.file_of(name).exists() else {"runs": {}}
    for key in runs:
        trained = [bench.train(f"{key}-seed{seed}") for seed in seeds]
        results["runs"][key] = {
            "epochs": runs[key]["train"]["epochs"],
            "lr": runs[key]["train"]["optimizer"]["lr"],
            "seeds": list(seeds),
            "history": [read_history(bench, f"{key}-seed{seed}") for seed in seeds],
            "train_s": [round(one["train_elapsed_s"], 1) for one in trained],
        }
        for seed in seeds:
            bench.saccade("evaluate", f"{key}-seed{seed}")
        results["runs"][key]["test"] = [bench.report(f"{key}-seed{seed}", "metrics.json") for seed in seeds]
        if name == "adding":
            results.setdefault("gradients", {})[key] = gradients(bench, f"{key}-seed{seeds[0]}", seeds[0])
        results |= {"date": datetime.date.today().isoformat(), "machine": machine()}
        places.file_of(name).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def shorten(recipe: dict[str, Any]) -> None:
    """Just enough to see that it runs."""
    for dataset in recipe["datasets"].values():
        if "examples" in dataset["source"]:
            dataset["source"]["examples"] = 200
    for run in recipe["runs"].values():
        run["train"]["epochs"] = 2


def read_results(places: Places, name: str) -> dict[str, Any]:
    """What an earlier call kept."""
    return json.loads(places.file_of(name).read_text(encoding="utf-8"))


def read_history(bench: Workbench, run: str) -> Rows:
    """history.csv of a run."""
    with (bench.folder / "reports" / run / "history.csv").open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def gradients(bench: Workbench, run: str, seed: int) -> dict[str, list[float]]:
    """The norm of dL/dh_t for each t, with the first weights and with the last ones; of an LSTM also dL/dc_t."""
    import torch

    import saccade
    from saccade.core import devices
    from saccade.data.prepared import open_split
    from saccade.nn.sequence_networks import gradient_norms_over_time
    from saccade.optim.losses import mse

    predictor = saccade.load(bench.folder / "models" / run)
    test = open_split(bench.folder / "data" / "prepared" / f"adding-{run.split('-')[0]}", "test")
    x_BTF, target_BO = (torch.from_numpy(np.array(array[:PROBED])) for array in (test.examples, test.labels))
    torch.manual_seed(devices.derive_seed(seed, "weights"))
    found = {}
    for moment, network in (("first", predictor.config.build_network()), ("last", predictor.network)):
        normalise, model = network
        for of in ("h", "c") if predictor.config.model == "lstm" else ("h",):
            norms_T = gradient_norms_over_time(model.eval(), normalise(x_BTF), lambda out: mse(out, target_BO), of=of)
            found[f"{moment} {of}"] = norms_T.tolist()
    tell(f"  {run}: dL/dh_1 / dL/dh_T = {found['last h'][0] / max(found['last h'][-1], 1e-45):.3g} after training")
    return found


# --- reading ----------------------------------------------------------------------------------------------------------


def epochs_until(rows: Rows, least: float) -> float | None:
    """After how many epochs the training accuracy reached ``least``, in a line between two epochs; None: never.

    An epoch's training accuracy is a mean over the epoch, which is that of its middle.
    """
    at = [(row["epoch"] - 0.5, row["train_accuracy"]) for row in rows]
    for (e0, a0), (e1, a1) in itertools.pairwise(at):
        if a1 >= least:
            return e0 + (e1 - e0) * max(least - a0, 0) / max(a1 - a0, 1e-12)
    return None


# --- drawing ----------------------------------------------------------------------------------------------------------


def draw_activations(runs: Mapping[str, Any], path: Path) -> None:
    """Training error over epochs, a line a seed, with the 25 % that the race is about."""
    from saccade.display import style

    with style.style():
        figure = style.new_figure(8, 4.2)
        axes = figure.subplots()
        for name, run in runs.items():
            for number, rows in enumerate(run["history"]):
                epochs = [row["epoch"] - 0.5 for row in rows]
                errors = [100 * (1 - row["train_accuracy"]) for row in rows]
                axes.plot(epochs, errors, color=COLORS[name], linewidth=1.4, label=name if number == 0 else None)
                reached = epochs_until(rows, LEAST_RIGHT)
                if reached is not None:
                    axes.plot([reached], [25], marker="o", markersize=5, color=COLORS[name])
        axes.axhline(25, color=style.GREY, linewidth=1, linestyle=":")
        axes.set_xlabel("epoch")
        axes.set_ylabel("training images that are wrong, %")
        axes.set_title("LeNet-5 on CIFAR-10, each with its fastest learning rate; a line a seed")
        axes.set_xlim(left=0)
        axes.set_ylim(0, 70)
        axes.grid(axis="y")
        axes.legend(frameon=False)
        style.save_figure(figure, path)


def draw_adding(runs: Mapping[str, Any], path: Path) -> None:
    """Validation error over epochs, a panel a length, a line a seed."""
    from saccade.display import style

    lengths = sorted({int(name.split("-")[0]) for name in runs})
    with style.style():
        figure = style.new_figure(4 * len(lengths), 3.8)
        for axes, length in zip(figure.subplots(1, len(lengths), sharey=True, squeeze=False)[0], lengths, strict=True):
            for name in (name for name in runs if name.startswith(f"{length}-")):
                model = name.split("-")[1]
                for number, rows in enumerate(runs[name]["history"]):
                    errors = [row["validation_loss"] for row in rows]
                    line = {"color": COLORS[model], "linewidth": 1.4, "marker": "o", "markersize": 3}
                    axes.plot([row["epoch"] for row in rows], errors, label=model if number == 0 else None, **line)
            axes.axhline(CHANCE_MSE, color=style.GREY, linewidth=1, linestyle=":")
            logarithmic(axes)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.set_title(f"{length} steps")
            axes.set_xlabel("epoch")
            axes.grid(axis="y")
        figure.axes[0].set_ylabel("squared error on validation")
        figure.axes[0].legend(frameon=False)
        style.save_figure(figure, path)


def draw_gradients(gradients_of: Mapping[str, Mapping[str, list[float]]], path: Path) -> None:
    """dL/dh_t over t as a share of its value at the last step: before training above, after it below."""
    from saccade.display import style

    lengths = sorted({int(name.split("-")[0]) for name in gradients_of})
    with style.style():
        figure = style.new_figure(4 * len(lengths), 6.4)
        grid = figure.subplots(2, len(lengths), sharey=True, squeeze=False)
        for row, (moment, title) in enumerate((("first", "before training"), ("last", "after training"))):
            for axes, length in zip(grid[row], lengths, strict=True):
                for name in (name for name in gradients_of if name.startswith(f"{length}-")):
                    model, norms = name.split("-")[1], gradients_of[name]
                    steps = range(1, length + 1)
                    axes.plot(steps, share_of_last(norms[f"{moment} h"]), color=COLORS[model], label=f"{model} h")
                    if f"{moment} c" in norms:
                        shares = share_of_last(norms[f"{moment} c"])
                        axes.plot(steps, shares, color=COLORS[model], linestyle="--", label=f"{model} c")
                logarithmic(axes)
                axes.set_ylim(1e-9, 1e3)
                axes.set_title(f"{length} steps, {title}")
                axes.set_xlabel("step t")
                axes.grid(axis="y")
        for axes in grid[:, 0]:
            axes.set_ylabel("dL/dh_t by dL/dh_T; dL/dc_t by dL/dc_T")
        grid[0, 0].legend(frameon=False, fontsize=8)
        style.save_figure(figure, path)


def logarithmic(axes: Any) -> None:
    """A logarithmic scale whose numbers are written out: powers of ten would be mathematical type."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")


def share_of_last(norms_T: Sequence[float]) -> list[float]:
    """Each divided by the last."""
    return [norm / max(norms_T[-1], 1e-45) for norm in norms_T]


# --- the page ---------------------------------------------------------------------------------------------------------


def write_page(found: Mapping[str, Any], page: Path) -> None:
    """Put the tables between the comments of the page; the rest of it stays."""
    for name, table in (("activations", activations_table), ("adding", adding_table)):
        if name in found:
            lines = [*table(found[name]), "", f"{found[name]['date']}; {found[name]['machine']}."]
            put_between(page, name, "benchmarks/races.py", lines)


def activations_table(results: Mapping[str, Any]) -> list[str]:
    """Epochs until 25 % error, and what they come to on test."""
    lines = ["| activation | learning rate | epochs to 25 % training error, by seed | test accuracy | seconds |"]
    lines.append("|---|---|---|---|---|")
    means = {}
    for name, run in results["runs"].items():
        reached = [epochs_until(rows, LEAST_RIGHT) for rows in run["history"]]
        shown = ", ".join("not in time" if value is None else f"{value:.1f}" for value in reached)
        if None not in reached:
            means[name] = statistics.mean(value for value in reached if value is not None)
        accuracies = [metrics["accuracy"] for metrics in run["test"]]
        lines.append(
            f"| {name} | {run['lr']:g} | {shown} | {mean_and_std(accuracies, '.4f')} "
            f"| {statistics.mean(run['train_s']):.0f} |"
        )
    if {"relu", "tanh"} <= set(means):
        lines += ["", f"ReLU is there {means['tanh'] / means['relu']:.1f} times as fast, counted in epochs."]
    return lines


def adding_table(results: Mapping[str, Any]) -> list[str]:
    """Test error by seed, and how much of the gradient reaches the first step."""
    lines = ["| steps | network | test mse by seed | dL/dh_1 / dL/dh_T before | after | epochs | seconds |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name, run in results["runs"].items():
        length, model = name.split("-")
        errors = ", ".join(f"{metrics['mse']:.2g}" for metrics in run["test"])
        shares = [f"{share_of_last(results['gradients'][name][f'{when} h'])[0]:.1e}" for when in ("first", "last")]
        lines.append(
            f"| {length} | {model} | {errors} | {shares[0]} | {shares[1]} | {run['epochs']} "
            f"| {statistics.mean(run['train_s']):.0f} |"
        )
    return lines


if __name__ == "__main__":
    main()

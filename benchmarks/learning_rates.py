"""Does what ``saccade find-lr`` suggests train well? Its rate beside a grid of rates, for runs of many kinds.

    python benchmarks/learning_rates.py --data ../shared/datasets
    python benchmarks/learning_rates.py --only digits names --fresh
    python benchmarks/learning_rates.py --draw

Each run is trained with every rate of the grid, a factor of about 3 apart, and with the suggested one: the same first
weights, the same batches. The trainings are short, so that all of them take some minutes on one core. What was measured
is kept in benchmarks/results/learning_rates.json; docs/learning-rate.md gets its table between the comments,
docs/images/ the pictures. What was measured before is not measured again, unless ``--fresh``. ``--draw`` measures
nothing. ``--quick`` tries it with tiny settings and writes into the working folder instead.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figures import report, report_skipped, tell
from learning_rate_page import best_rate, write_page
from pages import machine
from recipe_seeds import ROOT
from ruamel.yaml import YAML
from workbench import HERE, Workbench, default_work

if TYPE_CHECKING:
    from pipeline.stages.train.run import TrainingRun

GRIDS = {
    "sgd": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    "others": (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
}
UPDATES, REPEATS = 200, 3
PAGE = "learning-rate.md"

Rows = list[dict[str, float]]


@dataclass(frozen=True)
class Case:
    """A run of params.yaml or of a recipe, shortened.

    Attributes:
        run: its key there.
        train: what differs from its ``train:``; the optimiser's rate stays.
        dataset: what differs from each block of its dataset.
        data: what it reads, below ``--data``, and the key of ``source:`` that names it; None: nothing.
        model: what differs from its model.
    """

    run: str
    train: Mapping[str, Any]
    dataset: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    data: tuple[str, str] | None = None
    model: Mapping[str, Any] = field(default_factory=dict)


MOMENTUM = {"name": "sgd", "momentum": 0.9}
NESTEROV = {"name": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.0005}
CONSTANT, COSINE = {"name": "constant"}, {"name": "cosine"}
PART = {"split": {"train_fraction": 0.1}, "preprocess": {"near_duplicates": False}, "augment": {"views": 0}}
MNIST, NAMES = ("mnist", "mirror"), ("names", "path")
SUNSPOTS, REVIEWS = ("monthly-sunspots.csv", "path"), ("review_polarity.tar.gz", "path")
CASES = {
    "LeNet-5, digits, adam, one_cycle": Case("lenet5-digits", {"epochs": 16}),
    "LeNet-5, digits, adam, constant": Case("lenet5-digits", {"epochs": 16, "schedule": CONSTANT}),
    "LeNet-5, digits, sgd with momentum, one_cycle": Case("lenet5-digits", {"epochs": 16, "optimizer": MOMENTUM}),
    "LeNet-5, digits, sgd, constant": Case(
        "lenet5-digits", {"epochs": 16, "optimizer": {"name": "sgd"}, "schedule": CONSTANT}
    ),
    "LeNet-5, digits, sgd, constant after 3 epochs of warm-up": Case(
        "lenet5-digits", {"epochs": 16, "optimizer": {"name": "sgd"}, "schedule": CONSTANT | {"warmup_epochs": 3}}
    ),
    "LSTM, digits, adam, one_cycle": Case("lstm-digits", {"epochs": 16}),
    "LSTM, digits, sgd with momentum, one_cycle": Case("lstm-digits", {"epochs": 16, "optimizer": MOMENTUM}),
    "LSTM, digits, rmsprop, constant": Case(
        "lstm-digits", {"epochs": 16, "optimizer": {"name": "rmsprop"}, "schedule": CONSTANT}
    ),
    "conv1d, digits, adamw, cosine": Case(
        "digits-conv1d", {"epochs": 12, "optimizer": {"name": "adamw", "weight_decay": 0.02}, "schedule": COSINE}
    ),
    "LSTM, names, adam, one_cycle": Case("names-lstm", {"epochs": 4}, data=NAMES),
    "LSTM, names, sgd with momentum, one_cycle": Case("names-lstm", {"epochs": 4, "optimizer": MOMENTUM}, data=NAMES),
    "LeNet-5, MNIST, adam, one_cycle": Case("mnist-lenet5", {"epochs": 6}, PART, MNIST),
    "perceptron, MNIST, sgd, cosine": Case(
        "mnist-mlp", {"epochs": 6, "optimizer": {"name": "sgd"}, "schedule": COSINE}, PART, MNIST
    ),
    "RNN, hello, adam, constant": Case("hello", {}),
    "ResNet-9, CIFAR-10, sgd with Nesterov momentum, one_cycle": Case(
        "cifar10-fast",
        {"epochs": 4, "batch_size": 64, "optimizer": NESTEROV},
        PART | {"split": {"train_fraction": 0.05}},
        ("cifar10-images.tar.gz", "path"),
        {"width": 8},
    ),
    "GRU, adding, adam, constant": Case(
        "race-adding-50-gru", {"epochs": 5}, {"source": {"length": 30, "examples": 6000}}
    ),
    "LSTM, sunspots, adam, one_cycle": Case("sunspots-lstm", {"epochs": 6}, data=SUNSPOTS),
    "LSTM, reviews, adam, one_cycle": Case("reviews-lstm", {}, {"preprocess": {"max_length": 200}}, REVIEWS),
}


def main() -> None:
    """Parse the command line, measure, write the page, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="runs whose title holds one of these")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "datasets", help="folder of the data")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured before")
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run? The figures mean nothing")
    parser.add_argument("--draw", action="store_true", help="only make the table and the pictures again")
    parser.add_argument("--work", type=Path, default=default_work(), help="folder for a copy of the tree, with data")
    options = parser.parse_args()
    options.work, options.data = options.work.resolve(), options.data.resolve()
    path, docs = HERE / "results" / "learning_rates.json", ROOT / "docs"
    if options.quick:
        docs = options.work / "learning_rates_quick"
        shutil.rmtree(docs, ignore_errors=True)
        (docs / "images").mkdir(parents=True)
        shutil.copy(ROOT / "docs" / PAGE, docs)
        path = docs / path.name
    result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"runs": {}}
    if not options.draw:
        measure(result, path, options)
    result["runs"] = {title: result["runs"][title] for title in CASES if title in result["runs"]}
    write_page(result, UPDATES, docs / PAGE, docs / "images")
    for title, found in result["runs"].items():
        if "suggested" not in found:  # stopped before
            continue
        if found["suggested"]["lr"] is None:
            report_skipped(f"{title}: validation loss", found["suggested"]["doubt"])
            continue
        ours, best = (rows[-1] for rows in (found["suggested"]["rows"], found["grid"][best_rate(found["grid"])]))
        report(
            f"{title}: validation loss", "", [ours["validation_loss"]], [best["validation_loss"]],
            peer=f"the best of {len(found['grid'])} learning rates",
        )  # fmt: skip


# --- measuring --------------------------------------------------------------------------------------------------------


def measure(result: dict[str, Any], path: Path, options: argparse.Namespace) -> None:
    """Test and train each case; every figure is kept as soon as it is there."""
    bench = Workbench(options.work, "learning_rates")
    os.chdir(bench.folder)
    cases = dict(list(CASES.items())[5:7]) if options.quick else CASES
    for title, case in cases.items():
        if not any(word.lower() in title.lower() for word in options.only):
            continue
        if case.data and not (options.data / case.data[0]).exists():
            report_skipped(title, f"{options.data / case.data[0]} is not there")
            continue
        found = {} if options.fresh else result["runs"].get(title, {})
        run = prepared(case, bench, options) if missing(found, case_grid(case)) else None
        if run is None:
            continue
        result |= {"date": datetime.date.today().isoformat(), "machine": machine()}
        for _ in steps_of(found, run, quick=options.quick):
            result["runs"][title] = found
            path.write_text(json.dumps(result) + "\n", encoding="utf-8")
        result["runs"][title] = found
        path.write_text(json.dumps(result) + "\n", encoding="utf-8")
        tell(f"{title}: suggested {found['suggested']['lr']}, best of the grid {best_rate(found['grid'])}")


def missing(found: Mapping[str, Any], grid: tuple[float, ...]) -> bool:
    """Whether anything of a case is still to be measured."""
    return "suggested" not in found or len(found["grid"]) < len(grid)


def case_grid(case: Case) -> tuple[float, ...]:
    """The rates that a case is trained with."""
    return GRIDS.get(case.train.get("optimizer", {}).get("name", ""), GRIDS["others"])


def prepared(case: Case, bench: Workbench, options: argparse.Namespace) -> "TrainingRun":
    """The case as a run of the bench's params.yaml, its data prepared."""
    from pipeline.params.load import load_params
    from pipeline.stages.train.run import TrainingRun

    yaml = YAML(typ="safe")
    files = (yaml.load(path.read_text(encoding="utf-8")) for path in (ROOT / "params.yaml", *ROOT.glob("recipes/*")))
    file = next(file for file in files if case.run in file["runs"])
    run = file["runs"][case.run]
    dataset = file["datasets"][run["dataset"]]
    for block, values in case.dataset.items():
        dataset[block] |= values
    if case.data:
        source = {key: value for key, value in dataset["source"].items() if key not in ("url", "sha256", "size")}
        dataset["source"] = source | {case.data[1]: str(options.data / case.data[0])}
    rate = run["train"]["optimizer"]["lr"]
    run["train"] |= {"device": "cpu", "threads": 1} | case.train | ({"epochs": 1} if options.quick else {})
    run["train"]["optimizer"] = {"lr": rate, **run["train"]["optimizer"]}
    run["model"] |= case.model
    bench.write_params({run["dataset"]: dataset}, {case.run: run})
    if not (bench.folder / "data" / "augmented" / run["dataset"]).exists():
        bench.prepare(run["dataset"])
    return TrainingRun.of(load_params(Path("params.yaml")), case.run)


def steps_of(found: dict[str, Any], run: "TrainingRun", *, quick: bool) -> Iterator[None]:
    """Fill in what is not there yet; yields after each figure."""
    from pipeline.commands.find_lr import rates_of, repeated_losses
    from saccade.lr_finder.suggest import read_range

    found.setdefault("now", run.block.optimizer.lr)
    if "losses" not in found:
        tell(f"  {run.name}: range test")
        with contextlib.redirect_stdout(sys.stderr):  # of a slow machine the command tells how far it is
            drawn = repeated_losses(run, UPDATES)
        found["losses"] = [[float(f"{loss:.5g}") for loss in losses] for losses in drawn]
    reading = read_range(rates_of(UPDATES), found["losses"])
    if reading.suggestion is None:
        found["suggested"] = {"lr": None, "doubt": reading.doubt}
    elif found.get("suggested", {}).get("lr") != reading.suggestion:
        found["suggested"] = {"lr": reading.suggestion, "rows": trained(run, reading.suggestion)}
    grid = found.setdefault("grid", {})
    rates = GRIDS["sgd" if run.block.optimizer.name == "sgd" else "others"]
    for rate in rates[2:5:2] if quick else rates:
        if f"{rate:g}" not in grid:
            grid[f"{rate:g}"] = trained(run, rate)
            yield


def trained(run: "TrainingRun", rate: float) -> Rows:
    """The epochs of a training with a rate; none where its loss was not finite in the end."""
    from pipeline.stages.train.training import Training
    from saccade.core.errors import UserError
    from saccade.core.ranks import Rank

    optimizer = run.block.optimizer.model_copy(update={"lr": rate})
    run = dataclasses.replace(run, block=run.block.model_copy(update={"optimizer": optimizer}))
    try:
        training = Training.prepare(run, Rank())
        rows = [record.row() for record in training.epochs(training.build_state())]
    except UserError as error:
        if "not finite" not in str(error):
            raise
        return []
    kept = [key for key in rows[-1] if key.startswith(("epoch", "train_", "validation_"))]
    tell(f"  {run.name}, {rate:g}: {rows[-1]['validation_loss']:.4f}")
    return [{key: float(f"{row[key]:.5g}") for key in kept} for row in rows]


if __name__ == "__main__":
    main()

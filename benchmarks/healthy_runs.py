"""What the doctor says of trainings that are known to be healthy: the recipes, with several seeds. No false alarms.

    python benchmarks/healthy_runs.py --data ../shared/datasets

Each run is trained by ``saccade train`` as its recipe has it; of large datasets a share of the training split is kept,
which shortens a training and leaves its epochs and schedule as they are. ``--data`` is the folder with the files that the
recipes name (``mnist/``, ``names/``, ``cifar10-images.tar.gz``, ``monthly-sunspots.csv``, ``review_polarity.tar.gz``,
``tinyshakespeare.txt``); a run whose file is not there is left out and named. Beside each verdict stand the numbers that
the rules compare with their limits: how near a healthy training comes to an alarm. docs/doctor.md gets the table between
its comments, benchmarks/results/healthy_runs.json what was found.

``--quick`` takes one seed of the runs that need no file, and writes into the working folder.
"""

import contextlib
import datetime
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "src"), str(Path(__file__).resolve().parents[1])]

from figures import report, report_skipped, tell
from pages import machine, put_between
from recipe_seeds import ROOT
from ruamel.yaml import YAML
from workbench import HERE, Workbench, parser_of

from pipeline import doctor
from saccade import limits
from saccade.diagnosis import Verdict, diagnose
from saccade.training_record import Record


@dataclass(frozen=True)
class Run:
    """A run of params.yaml or of a recipe.

    Attributes:
        name: its key.
        recipe: of recipes/; empty: params.yaml.
        seeds: train.seed.
        file: what its dataset needs, in ``--data``; empty: nothing.
        fraction: of the training split.
        train: what of the train block differs.
        key: of the table; default: the name.
    """

    name: str
    recipe: str = ""
    seeds: Sequence[int] = (0, 1)
    file: str = ""
    fraction: float = 1.0
    train: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""


STOPPED = {"early_stopping": {"patience": 3}, "keep": "best", "schedule": {"name": "constant"}, "epochs": 40}
RUNS = (
    Run("lenet5-digits", seeds=(0, 1, 2)),
    Run("lstm-digits", seeds=(0, 1, 2)),
    Run("lenet5-digits", train=STOPPED, key="lenet5-digits-stopped-early"),
    Run("digits-conv1d", "digits-conv1d"),
    Run("hello", "hello"),
    Run("race-adding-50-gru", "race-adding", seeds=(0,)),
    Run("race-adding-50-lstm", "race-adding", seeds=(0,)),
    Run("sunspots-lstm", "sunspots-lstm", file="monthly-sunspots.csv"),
    Run("names-lstm", "names-lstm", file="names"),
    Run("reviews-lstm", "reviews-lstm", seeds=(0,), file="review_polarity.tar.gz"),
    Run("shakespeare-lstm", "shakespeare-lstm", seeds=(0,), file="tinyshakespeare.txt", fraction=0.2),
    Run("mnist-lenet5", "mnist-lenet5", file="mnist", fraction=0.1),
    Run("mnist-lenet5-fast", "mnist-lenet5-fast", file="mnist", fraction=0.1),
    Run("mnist-lstm", "mnist-lstm", seeds=(0,), file="mnist", fraction=0.1),
    Run("mnist-gru", "mnist-gru", seeds=(0,), file="mnist", fraction=0.1),
    Run("mnist-rnn", "mnist-rnn", file="mnist", fraction=0.1),
    Run("mnist-mlp", "mnist-mlp", seeds=(0,), file="mnist", fraction=0.1),
    Run("mnist-cnn-lstm", "mnist-cnn-lstm", seeds=(0,), file="mnist", fraction=0.1),
    Run("mnist-classic-stack", "mnist-classic-stack", seeds=(0,), file="mnist", fraction=0.1),
    Run("cifar10-cnn", "cifar10-cnn", seeds=(0,), file="cifar10-images.tar.gz", fraction=0.1),
)

COLUMNS = {  # of margins: what it is, and what it must not reach
    "late": ("late loss", f"below {limits.STANDS_STILL:g}"),
    "rise": ("rise", f"at most {limits.ROSE:g}"),
    "jump": ("jump", f"at most {limits.JUMPED:g}"),
    "growth": ("growth", f"at most {limits.GREW:g}"),
    "update": ("update", f"at most {limits.LARGE_UPDATE:g}"),
    "dead": ("dead", f"below {limits.DEAD:g}"),
    "depth": ("first by last", f"at least {limits.FADED:g}"),
    "time": ("over time", f"at least {limits.FADED_OVER_TIME:g}"),
}


def main() -> None:
    """Parse the command line, train, print, write."""
    parser = parser_of(__doc__, pairs=1)
    parser.add_argument("--data", type=Path, help="folder with the recipes' files")
    options = parser.parse_args()
    bench = Workbench(options.work, "healthy_runs")
    results, page = HERE / "results" / "healthy_runs.json", ROOT / "docs" / "doctor.md"
    if options.quick:
        results, page = bench.folder / results.name, Path(shutil.copy(page, bench.folder))
    datasets, entries, left_out = settings(options.data, quick=options.quick)
    bench.write_params(datasets, entries)
    for dataset in datasets:
        bench.prepare(dataset)
    rows = []
    for key in entries:
        bench.train(key)
        with contextlib.chdir(bench.folder):
            record = doctor.find(key).record
        verdict = diagnose(record)
        name, _, seed = key.rpartition("-seed")
        rows.append({"run": name, "seed": int(seed), "verdict": verdict.name, **margins(record)})
        tell(f"  {key}: {told(verdict)}")
    found = {"date": datetime.date.today().isoformat(), "machine": machine(), "rows": rows, "left_out": left_out}
    results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    put_between(page, "healthy runs", "benchmarks/healthy_runs.py", table(found))
    for name in left_out:
        report_skipped(name, "its file is not in --data")
    healthy = sum(row["verdict"] == "healthy" for row in rows)
    report("trainings of recipes", "", [len(rows)])
    report("of them called healthy", "", [healthy], target=("at least", len(rows)))


def settings(data: Path | None, *, quick: bool) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The datasets and runs of params.yaml, seed by seed, and which runs had to be left out."""
    datasets: dict[str, Any] = {}
    entries: dict[str, Any] = {}
    left_out = []
    for run in RUNS:
        path = data / run.file if data and run.file else None
        if run.file and (path is None or not path.exists()):
            left_out.append(run.name)
            continue
        if quick and (run.file or run.recipe == "race-adding"):
            continue
        own = f"recipes/{run.recipe}.yaml" if run.recipe else "params.yaml"
        recipe = YAML(typ="safe").load((ROOT / own).read_text(encoding="utf-8"))
        entry = recipe["runs"][run.name]
        dataset = recipe["datasets"][entry["dataset"]]
        if path:
            dataset["source"] = with_file(dataset["source"], path)
        if run.fraction < 1:
            dataset["split"]["train_fraction"] = run.fraction
        datasets[entry["dataset"]] = dataset
        for seed in run.seeds[:1] if quick else run.seeds:
            train = entry["train"] | run.train | {"seed": seed, "device": "cpu"}
            entries[f"{run.key or run.name}-seed{seed}"] = entry | {"train": train}
    return datasets, entries, left_out


def with_file(source: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A ``source:`` that reads a file or a folder from the disk."""
    path = path.resolve()
    if "path" in source or ("url" in source and Path(source["url"]).name != path.name):
        return {key: source[key] for key in source if key not in ("url", "sha256", "size")} | {"path": str(path)}
    return {**source, "mirror": str(path if path.is_dir() else path.parent)}


def margins(record: Record) -> dict[str, float | None]:
    """What the rules compare with their limits."""
    growth = sorted(record.growth().values())
    depth = record.gradient_share()
    return {
        "late": record.late_loss(),
        "rise": record.rise(),
        "jump": record.jump(),
        "growth": growth[len(growth) // 2] if growth else None,
        "update": max(record.largest("update_ratio").values(), default=None),
        "dead": max(record.latest("dead_share").values(), default=None),
        "depth": depth[0] if depth else None,
        "time": record.share_over_time(),
    }


def told(verdict: Verdict) -> str:
    """A line."""
    return verdict.name + (f": {verdict.evidence}" if verdict.name != "healthy" else "")


def table(found: Mapping[str, Any]) -> list[str]:
    """A row a training, and the limits above them."""
    head = ["run", "seed", "verdict", *(name for name, _ in COLUMNS.values())]
    rows = [["", "", "limits", *(limit for _, limit in COLUMNS.values())]]
    for row in found["rows"]:
        cells = ["" if row[key] is None else f"{row[key]:.2g}" for key in COLUMNS]
        rows.append([row["run"], str(row["seed"]), row["verdict"], *cells])
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    healthy = sum(row["verdict"] == "healthy" for row in found["rows"])
    left_out = f" Left out, for want of their data: {', '.join(found['left_out'])}." if found["left_out"] else ""
    told_of = f"{healthy} of {len(found['rows'])} are called healthy.{left_out}"
    return [*lines, "", f"{told_of} {found['date']}; {found['machine']}."]


if __name__ == "__main__":
    main()

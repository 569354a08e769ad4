"""What the doctor says of trainings that are known to be healthy: the recipes, with several seeds. No false alarms.

    python benchmarks/healthy_runs.py --data ../shared/datasets

Each run is trained by ``saccade train`` as its recipe has it; of large datasets a share of the training split is kept,
and of the largest text fewer epochs, which shortens a training and leaves its schedule's form as it is. ``--data`` is
the folder with the files that the recipes name (``mnist/``, ``names/``, ``cifar10-images.tar.gz``,
``monthly-sunspots.csv``, ``review_polarity.tar.gz``, ``tinyshakespeare.txt``); a run whose file is not there is left
out and named. Beside each verdict stand the numbers that the rules compare with their limits: how near a healthy
training comes to an alarm. docs/doctor.md gets the table between its comments, benchmarks/results/healthy_runs.json
what was found.

``--quick`` takes one seed of the runs that need no file, and writes into the working folder.
"""

import contextlib
import datetime
import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import report, report_skipped, tell
from pages import machine, put_between
from recipe_seeds import ROOT
from ruamel.yaml import YAML
from workbench import HERE, Workbench, parser_of

from pipeline.commands import doctor
from saccade.doctor import thresholds
from saccade.doctor.record import Record
from saccade.doctor.rules import Verdict, diagnose


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
    Run("lenet5-digits", seeds=(0, 1, 2, 3)),
    Run("lstm-digits", seeds=(0, 1, 2, 3)),
    Run("lenet5-digits", seeds=(0, 1), train=STOPPED, key="lenet5-digits-stopped-early"),
    Run("digits-conv1d", "digits-conv1d", seeds=(0, 1)),
    Run("hello", "hello", seeds=(0, 1, 2)),
    Run("names-lstm", "names-lstm", seeds=(0, 1), file="names"),
    Run("sunspots-lstm", "sunspots-lstm", seeds=(0, 1), file="monthly-sunspots.csv"),
    Run("race-adding-50-gru", "race-adding", seeds=(0,)),
    Run("race-adding-50-lstm", "race-adding", seeds=(0,)),
    Run("reviews-lstm", "reviews-lstm", seeds=(0,), file="review_polarity.tar.gz"),
    Run("shakespeare-lstm", "shakespeare-lstm", seeds=(0,), file="tinyshakespeare.txt", train={"epochs": 2}),
    Run("mnist-lenet5-fast", "mnist-lenet5-fast", seeds=(0, 1), file="mnist", fraction=0.1),
    Run("mnist-lenet5", "mnist-lenet5", seeds=(0, 1), file="mnist", fraction=0.1),
    Run("mnist-rnn", "mnist-rnn", seeds=(0, 1), file="mnist", fraction=0.1),
    Run("mnist-mlp", "mnist-mlp", seeds=(0,), file="mnist", fraction=0.1),
    Run("mnist-lstm", "mnist-lstm", seeds=(0,), file="mnist", fraction=0.1),
    Run("mnist-gru", "mnist-gru", seeds=(0,), file="mnist", fraction=0.1),
    Run("mnist-cnn-lstm", "mnist-cnn-lstm", seeds=(0,), file="mnist", fraction=0.1),
    Run("mnist-classic-stack", "mnist-classic-stack", seeds=(0,), file="mnist", fraction=0.1),
    Run("cifar10-cnn", "cifar10-cnn", seeds=(0,), file="cifar10-images.tar.gz", fraction=0.1),
)

COLUMNS = {  # of margins: what it is, and what it must not reach
    "late": ("late loss", f"below {thresholds.STANDS_STILL:g}"),
    "best": ("best validation", f"below {thresholds.NEVER_BETTER:g}"),
    "rise": ("rise", f"at most {thresholds.ROSE:g}"),
    "jump": ("jump", f"at most {thresholds.JUMPED:g}"),
    "growth": ("growth", f"at most {thresholds.GREW:g}"),
    "update": ("update", f"at most {thresholds.LARGE_UPDATE:g}"),
    "dead": ("dead", f"below {thresholds.DEAD:g}"),
    "depth": ("first by last", f"at least {thresholds.FADED:g}"),
    "time": ("over time", f"at least {thresholds.FADED_OVER_TIME:g}"),
}


def main() -> None:
    """Parse the command line, train, print, write."""
    names = [run.key or run.name for run in RUNS]
    parser = parser_of(__doc__, pairs=1)
    parser.add_argument("--data", type=Path, help="folder with the recipes' files")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these; others' rows stay")
    options = parser.parse_args()
    bench = Workbench(options.work, "healthy_runs")
    results, page = HERE / "results" / "healthy_runs.json", ROOT / "docs" / "doctor.md"
    if options.quick:
        results, page = bench.folder / results.name, Path(shutil.copy(page, bench.folder))
    found: dict[str, Any] = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {"rows": {}}
    runs = [run for run in RUNS if (run.key or run.name) in options.only]
    if options.quick:
        runs = [replace(run, seeds=run.seeds[:1]) for run in runs if not run.file and run.recipe != "race-adding"]
    prepared: set[str] = set()
    for run in runs:
        path = options.data / run.file if options.data and run.file else None
        if run.file and (path is None or not path.exists()):
            report_skipped(run.key or run.name, f"{run.file} is not in --data")
            continue
        name, dataset, entry = settings(run, path)
        entries = {f"{run.key or run.name}-seed{seed}": with_seed(entry, seed) for seed in run.seeds}
        bench.write_params({name: dataset}, entries)
        if name not in prepared:
            bench.prepare(name)
            prepared.add(name)
        for key in entries:
            bench.train(key)
            with contextlib.chdir(bench.folder):
                record = doctor.find_case(key).record
            verdict = diagnose(record)
            found["rows"][key] = {"verdict": verdict.headline, **margins(record)}
            found |= {"date": datetime.date.today().isoformat(), "machine": machine()}
            results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            tell(f"  {key}: {told(verdict)}")
    order = [f"{run.key or run.name}-seed{seed}" for run in RUNS for seed in run.seeds]
    found["rows"] = {key: found["rows"][key] for key in order if key in found["rows"]}
    put_between(page, "healthy runs", "benchmarks/healthy_runs.py", table(found))
    report("trainings of recipes", "", [len(found["rows"])])
    report("of them called healthy", "", [num_healthy(found)], target=("at least", len(found["rows"])))


def settings(run: Run, path: Path | None) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A run's dataset, under its name, and its entry of ``runs:``."""
    own = f"recipes/{run.recipe}.yaml" if run.recipe else "params.yaml"
    recipe = YAML(typ="safe").load((ROOT / own).read_text(encoding="utf-8"))
    entry = recipe["runs"][run.name]
    dataset = recipe["datasets"][entry["dataset"]]
    if path:
        dataset["source"] = with_file(dataset["source"], path)
    if run.fraction < 1:
        dataset["split"]["train_fraction"] = run.fraction
    return entry["dataset"], dataset, entry | {"train": entry["train"] | run.train}


def with_seed(entry: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """An entry of ``runs:`` with its own seed; on the CPU."""
    return {**entry, "train": entry["train"] | {"seed": seed, "device": "cpu"}}


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
        "best": min(record.losses("validation"), default=math.nan) / record.constant_loss,
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


def num_healthy(found: Mapping[str, Any]) -> int:
    """How many trainings are called healthy."""
    return sum(row["verdict"] == "healthy" for row in found["rows"].values())


def table(found: Mapping[str, Any]) -> list[str]:
    """A row a training, and the limits above them."""
    head = ["run", "seed", "verdict", *(name for name, _ in COLUMNS.values())]
    rows = [["", "", "limits", *(limit for _, limit in COLUMNS.values())]]
    for key, row in found["rows"].items():
        name, _, seed = key.rpartition("-seed")
        rows.append([name, seed, row["verdict"], *("" if row[it] is None else f"{row[it]:.2g}" for it in COLUMNS)])
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    told_of = f"{num_healthy(found)} of {len(rows) - 1} are called healthy."
    return [*lines, "", f"{told_of} {found['date']}; {found['machine']}."]


if __name__ == "__main__":
    main()

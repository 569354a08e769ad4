"""What a user's own small data get: accuracy on sets of a few hundred to a few thousand examples, several splits each.

    python benchmarks/own_data.py                                        # baseline and before, three splits, all sets
    python benchmarks/own_data.py --quick                                # four sets, one split
    python benchmarks/own_data.py --only-tuning --methods baseline before mine=mine.yaml
    python benchmarks/own_data.py --sets faces defects --splits 0 1 2 3 4 --methods before auto

The product is measured from outside, through its commands, params.yaml and reports/<run>/metrics.json. Methods:

- ``before``: settings of the recipes own-pictures, names-lstm, reviews-lstm and sunspots-lstm as they were in
  2026-11, kept in own_data_methods.py;
- ``auto``: what ``saccade add --auto DATASET`` writes;
- ``NAME=FILE.yaml``: a file with any of the blocks preprocess, augment, model, train and evaluate, as in params.yaml;
  what it leaves out is as in ``before``. ``for: tokens`` or ``for: series`` in it says that it is for texts or series;
- ``baseline`` and ``features``: what ``evaluate`` measures beside the others (baseline_* and baseline_features_* of
  metrics.json); they depend on ``preprocess``, so each is named after the one it was beside, as baseline@before.

Splits have the seeds 0, 1, 2 in params.yaml. Where a set has a test part of its own, it is in all splits, and the
training part is drawn anew; a series ends earlier from split to split. A third of the sets are kept out of tuning:
choose settings by the others (``--only-tuning``), and measure these once, at the end.

Each cell (set, split, method, settings; of auto the code in place of settings) is kept in ``--work``/cells, so a run
that was stopped goes on where it was; ``--force`` measures again. The tables go to benchmarks/results/own_data.json and
.md when all sets are measured, and to ``--work``/results else.
"""

import argparse
import csv
import datetime
import functools
import hashlib
import json
import resource
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figures import tell
from filelock import FileLock, Timeout
from own_data_methods import BEFORE, BESIDE, BLOCKS, methods_of
from own_data_sets import QUICK, SETS, OwnSet, written
from own_data_sources import MissingDataError
from own_data_table import markdown, results_of
from ruamel.yaml import YAML
from run_all import commit, machine, versions
from workbench import HERE, ROOT, Workbench, default_work

SECONDS = ("train_s", "whole_s", "cpu_s")
SCORES = ("accuracy", "balanced_accuracy", "mae")


def main() -> None:
    """Parse the command line, measure what is not there yet, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument("--methods", nargs="+", default=["baseline", "features", "before"], metavar="METHOD")
    parser.add_argument("--splits", nargs="+", type=int, default=None, metavar="N", help="default: 0 1 2")
    parser.add_argument("--only-tuning", action="store_true", help="leave out the sets that are kept out of tuning")
    parser.add_argument("--full", action="store_true", help="the large sets too")
    parser.add_argument("--quick", action="store_true", help=f"one split of {', '.join(QUICK)}")
    parser.add_argument("--force", action="store_true", help="measure again what was measured before")
    parser.add_argument("--minutes", type=float, default=4, help="what auto may spend on a training")
    parser.add_argument("--limit", type=float, default=600, help="seconds a training may take; recorded, not enforced")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "datasets", help="folder of real data")
    parser.add_argument("--work", type=Path, default=default_work() / "own_data", help="folder of sets and cells")
    options = parser.parse_args()
    methods = methods_of(options.methods)
    names = options.sets or (QUICK if options.quick else list(SETS))
    names = [name for name in names if not (options.only_tuning and SETS[name].is_kept_out)]
    names = [name for name in names if options.full or options.sets or not SETS[name].is_large]
    splits = options.splits or ([0] if options.quick else [0, 1, 2])
    is_whole = not (options.sets or options.splits or options.quick or options.only_tuning)
    results = HERE / "results" if is_whole else options.work / "results"

    options.work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(options.work / "lock", timeout=0):
            cells, problems = measure_all(names, splits, methods, options)
    except Timeout:
        raise SystemExit(f"--work ({options.work}) is in use: wait until it is free, or name another folder") from None
    if not cells:
        raise SystemExit("nothing was measured: " + "; ".join(problems))
    beside = [kind for kind in BESIDE if kind in options.methods]
    write(results, rows_of(cells, list(methods), beside, options.methods), problems, options.limit)


def measure_all(
    names: Sequence[str], splits: Sequence[int], methods: Mapping[str, Mapping[str, Any]], options: argparse.Namespace
) -> tuple[list[dict[str, Any]], list[str]]:
    """The cells, one after the other, and what could not be measured."""
    cells: list[dict[str, Any]] = []
    problems: list[str] = []
    for name in names:
        for split in splits:
            try:
                folder, digest = written(name, SETS[name], split, options.shared, options.work)
            except MissingDataError as error:
                problems.append(f"{name} skipped: {error}")
                tell(problems[-1])
                break
            project = Project(options.work, name, SETS[name], split, folder, digest, options.minutes)
            for method, settings in methods.items():
                if settings.get("for", SETS[name].form) == SETS[name].form:
                    cell = project.cell(method, settings, force=options.force)
                    tell(summary_line(cell, options.limit))
                    if "error" in cell:
                        problems.append(f"{name} split {split}, {method} failed: {cell['error'].splitlines()[0]}")
                    else:
                        cells.append(cell)
            project.remove()
    return cells, problems


def summary_line(cell: Mapping[str, Any], limit_s: float) -> str:
    """A line on a cell for the console."""
    where = f"{cell['set']} split {cell['split']}, {cell['method']}"
    if "error" in cell:
        return f"{where}: failed\n{cell['error']}"
    main = cell["main"]
    shown = {name: cell["metrics"].get(f"{prefix}{main}") for name, prefix in BESIDE.items()}
    beside = "".join(f", {name} {value:.4f}" for name, value in shown.items() if value is not None)
    slow = f", above the limit of {limit_s:.0f}" if cell["train_s"] > limit_s else ""
    kept = ", measured before" if cell.get("is_kept") else ""
    seconds = f"training {cell['train_s']:.1f} s{slow}, whole {cell['whole_s']:.1f} s"
    return f"{where}: {main} {cell['metrics'][main]:.4f}{beside}; {seconds}{kept}"


# --- one split of one set ---------------------------------------------------------------------------------------------


class Project:
    """A copy of the tree for one split of one set, made when a cell has to be measured.

    Args:
        work: folder of sets, cells and copies.
        name: of the set.
        own: the set.
        split: number of the split, which is the seed too.
        folder: where the set's files lie.
        digest: of these files.
        minutes: what ``auto`` may spend on a training.
    """

    def __init__(
        self, work: Path, name: str, own: OwnSet, split: int, folder: Path, digest: str, minutes: float = 4
    ) -> None:
        self.minutes = minutes
        self.work, self.name, self.own, self.split, self.digest = work.resolve(), name, own, split, digest
        source = {key: str(value).format(folder=folder.resolve()) for key, value in own.source.items() if key == "path"}
        self.source = {**own.source, **source}
        self.bench: Workbench | None = None
        self.prepared: set[str] = set()

    def cell(self, method: str, settings: Mapping[str, Any], *, force: bool) -> dict[str, Any]:
        """What a method gets: kept from before, or measured now; with ``error`` where a command failed."""
        dataset, run = self.blocks(settings)
        code = f"{code_digest()} {self.minutes:g}" if method == "auto" else ""  # which decide about the settings
        what = [self.digest, code, {**dataset, "source": self.own.source}, run]
        key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:10]
        file = self.work / "cells" / f"{self.name}-{self.split}-{method}-{key}.json"
        if file.exists() and not force:
            return {**json.loads(file.read_text(encoding="utf-8")), "method": method, "is_kept": True}
        place = {"set": self.name, "split": self.split, "method": method}
        try:
            cell = place | self.measure(method, dataset, run)
        except SystemExit as failed:
            return place | {"error": str(failed)}
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")
        partial.write_text(json.dumps(cell) + "\n", encoding="utf-8")
        partial.replace(file)
        return cell

    def blocks(self, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Entries of ``datasets:`` and ``runs:``."""
        blocks = {**BEFORE[self.own.before], **{key: settings[key] for key in BLOCKS if key in settings}}
        dataset = {
            "source": self.source,
            "split": dict(self.own.split),
            "preprocess": {**self.own.preprocess, **blocks["preprocess"]},
            "augment": blocks["augment"],
        }
        task = "forecast" if self.own.form == "series" else "classify"
        run = {
            "task": {"name": task},
            "model": blocks["model"],
            "train": blocks["train"],
            "evaluate": blocks["evaluate"],
        }
        return dataset, run

    def measure(self, method: str, dataset: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
        """Prepare, train and evaluate through the product's commands.

        Raises:
            SystemExit: one of them failed.
        """
        if self.bench is None:
            self.bench = Workbench(self.work / "projects", f"{self.name}-{self.split}")
            self.bench.environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{self.work / 'mlflow.db'}"
        bench = self.bench
        entry = hashlib.sha256(json.dumps(dataset, sort_keys=True).encode()).hexdigest()[:6]
        name, trained = f"{self.name}-{entry}", method
        tell(f"{self.name} split {self.split}, {method}: begun at {time.strftime('%H:%M:%S')}")
        seconds: dict[str, float] = {}
        cpu_before_s = children_cpu_s()
        given = "other" if method == "auto" else method
        bench.write_params({name: dataset}, {given: {"dataset": name, **run}}, seed=self.split)
        if method == "auto":
            seconds["fetch"] = bench.saccade("fetch", name)
            seconds["add"] = bench.saccade("add", "--auto", name, "--minutes", str(self.minutes))
            params = YAML(typ="safe").load((bench.folder / "params.yaml").read_text(encoding="utf-8"))
            trained = next(key for key in params["runs"] if key != given)
            run, name = params["runs"][trained], params["runs"][trained]["dataset"]
            dataset = params["datasets"][name]
            entry = json.dumps(dataset, sort_keys=True)
            if self.own.form == "image":  # of small grey ones, too, which ``evaluate`` leaves out by itself
                run = {**run, "evaluate": {**run.get("evaluate", {}), "features_baseline": True}}
                bench.write_params(params["datasets"], {trained: run}, seed=self.split)
        if entry not in self.prepared:
            shutil.rmtree(bench.folder / "data", ignore_errors=True)  # of other settings: gigabytes
            for stage in ("fetch", "preprocess", "augment"):
                seconds[stage] = bench.saccade(stage, name)
            self.prepared = {entry}
        seconds["train"] = bench.saccade("train", trained, "--fresh")
        seconds["evaluate"] = bench.saccade("evaluate", trained)
        metrics = {
            key: value for key, value in bench.report(trained, "metrics.json").items() if isinstance(value, float | int)
        }
        described = bench.report(trained, "run.json")
        answers = answers_in(bench.folder / "reports" / trained / "evaluation" / "predictions.csv")
        counts = json.loads((bench.folder / "data" / "prepared" / name / "dataset.json").read_text(encoding="utf-8"))
        return {
            "main": next(iter(metrics)),
            "metrics": metrics,
            "answers": answers,
            "train_examples": counts["counts"]["train"],
            "test_examples": counts["counts"]["test"],
            "train_s": described["train_elapsed_s"],
            "whole_s": sum(seconds.values()),
            "cpu_s": children_cpu_s() - cpu_before_s,
            "seconds": seconds,
            "epochs": described["epochs"],
            "parameters": described["parameters"],
            "settings": {"dataset": {**dataset, "source": self.own.source["name"]}, "run": dict(run)},
            "commit": commit(),
            "date": datetime.date.today().isoformat(),
        }

    def remove(self) -> None:
        """Take the copy away; the cells have what is needed of it."""
        if self.bench is not None:
            shutil.rmtree(self.bench.folder, ignore_errors=True)


@functools.cache
def code_digest() -> str:
    """Of all files of the product."""
    digest = hashlib.sha256()
    for pattern in ("src/**/*.py", "pipeline/**/*.py", "recipes/*.yaml"):
        for path in sorted(ROOT.glob(pattern)):
            digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def children_cpu_s() -> float:
    """Processor seconds of all commands that have ended: other work on the machine adds little to them."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def answers_in(file: Path) -> dict[str, list[Any]] | None:
    """Row, class and answer of each test example; None of a forecast."""
    if not file.exists():
        return None
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    return {
        "row": [int(row["row"]) for row in rows],
        "actual": [row["actual"] for row in rows],
        "predicted": [row["predicted"] for row in rows],
    }


# --- all of them ------------------------------------------------------------------------------------------------------


def rows_of(
    cells: Sequence[dict[str, Any]], methods: Sequence[str], beside: Sequence[str], asked: Sequence[str]
) -> list[dict[str, Any]]:
    """The cells as the table shows them: baselines before what they were measured beside, equal ones once.

    Args:
        cells: what was measured.
        methods: those that train, in order.
        beside: baseline, features or both, where they were asked for.
        asked: what ``--methods`` said: where it names baselines alone, ``before`` is not shown.
    """
    shown, seen = [], set()
    for cell in sorted(cells, key=lambda cell: methods.index(cell["method"])):
        for kind in beside:
            own = {name: cell["metrics"].get(f"{BESIDE[kind]}{name}") for name in SCORES}
            metrics = {name: value for name, value in own.items() if value is not None}
            preprocess = json.dumps(cell["settings"]["dataset"]["preprocess"], sort_keys=True)
            key = (cell["set"], cell["split"], kind, preprocess)
            if cell["main"] in metrics and key not in seen:
                seen.add(key)
                row = {**cell, "method": f"{kind}@{cell['method']}", "metrics": metrics, "answers": None}
                shown.append({**row, **dict.fromkeys(SECONDS)})
        if any(text.partition("=")[0] == cell["method"] for text in asked):
            shown.append(cell)
    return shown


def write(folder: Path, cells: Sequence[dict[str, Any]], problems: Sequence[str], limit_s: float) -> None:
    """Print the tables, and write them and what they are made of."""
    results = results_of(cells, {name: own.is_kept_out for name, own in SETS.items()})
    tables = markdown(results, {name: own.about for name, own in SETS.items()})
    source = {
        "command": shlex.join(["python", f"benchmarks/{Path(__file__).name}", *sys.argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "versions": versions().partition("; peers")[0],
        "limit_s": limit_s,
        "problems": list(problems),
    }
    slow = [cell for cell in cells if cell["train_s"] is not None and cell["train_s"] > limit_s]
    notes = [*problems, *(f"{c['set']} split {c['split']}, {c['method']} took {c['train_s']:.0f} s" for c in slow)]
    settings = {f"{cell['set']}, {cell['method']}": cell["settings"] for cell in cells if cell["train_s"] is not None}
    kept = [{key: value for key, value in cell.items() if key not in ("answers", "settings")} for cell in cells]
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**source, **results, "cells": kept, "settings": settings}
    (folder / "own_data.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    text = "\n\n".join(
        [
            "# Small sets of own data",
            f"    {source['command']}",
            "The main metric is bold, as are the methods that the best one does not beat by more than chance.",
            tables,
            *(["\n".join(f"- {note}" for note in notes)] if notes else []),
            f"{source['date']}, commit {source['commit']}. Machine: {source['machine']}. {source['versions']}.",
        ]
    )
    (folder / "own_data.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    tell(f"wrote {folder / 'own_data.md'} and own_data.json")


if __name__ == "__main__":
    main()

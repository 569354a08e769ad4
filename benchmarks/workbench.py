"""What the benchmarks share: a copy of the tree, its params.yaml, timed commands, the peers' environment.

The product is used from outside: through its commands, params.yaml and reports/<run>/run.json.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from figures import tell
from recipe_seeds import ROOT, copy_tree
from ruamel.yaml import YAML

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
_SAMPLE_EVERY_S = 0.02
_AS_SOMEBODY = ("-c", "user.name=benchmarks", "-c", "user.email=benchmarks@localhost", "-c", "commit.gpgsign=false")


def parser_of(docstring: str | None, *, pairs: int) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark takes."""
    parser = argparse.ArgumentParser(description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=pairs, help=f"measurements of each side (default: {pairs})")
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run? The figures mean nothing")
    parser.add_argument("--work", type=Path, default=default_work(), help="folder for copies of the tree, with data")
    return parser


def default_work() -> Path:
    """Where the copies of the tree go."""
    return Path(tempfile.gettempdir()) / "saccade-benchmarks"


class Workbench:
    """A copy of the tree, made anew, in which one benchmark trains; the project's own files stay as they are.

    The copy is a git repository with one commit, because training asks git where it comes from. It tracks its runs in
    an SQLite store of its own.

    Args:
        work: the folder of all copies.
        name: of this one; what an earlier benchmark left there is removed.
    """

    def __init__(self, work: Path, name: str) -> None:
        self.folder = work.resolve() / name
        self.log = self.folder.with_name(f"{name}.log")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        copy_tree(self.folder)
        for file in (".gitignore", ".dvcignore"):
            shutil.copy(ROOT / file, self.folder / file)
        shutil.copy(HERE / "generated_dataset.py", self.folder / "src" / "saccade" / "datasets" / "generated.py")
        self.environment = os.environ | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "PYTHONPATH": os.pathsep.join([str(self.folder), str(self.folder / "src")]),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "NO_ALBUMENTATIONS_UPDATE": "1",
            "DVC_NO_ANALYTICS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        self.run("git", "init", "--quiet")
        self.run("git", "add", "--all")
        self.run("git", *_AS_SOMEBODY, "commit", "--quiet", "--message", "The tree that is measured")

    def write_params(self, datasets: Mapping[str, Any], runs: Mapping[str, Any], seed: int = 0) -> None:
        """Write params.yaml whole."""
        params = {"seed": seed, "tracking": {"experiment": "benchmarks"}, "datasets": datasets, "runs": runs}
        params = json.loads(json.dumps(params))  # no value twice: YAML would write anchors
        YAML(typ="safe").dump(params, self.folder / "params.yaml")

    def prepare(self, dataset: str) -> None:
        """Fetch, preprocess and augment."""
        tell(f"preparing {dataset}")
        for stage in ("fetch", "preprocess", "augment"):
            self.saccade(stage, dataset)

    def saccade(self, *arguments: str, watch: Callable[[int], None] | None = None) -> float:
        """Run one of the product's commands; returns wall seconds."""
        return self.run(sys.executable, "-m", "pipeline", *arguments, watch=watch)

    def train(self, run: str, watch: Callable[[int], None] | None = None) -> dict[str, Any]:
        """Train a run from its beginning: what run.json says, ``wall_s`` of the command, ``each_epoch``'s speed."""
        wall_s = self.saccade("train", run, "--fresh", watch=watch)
        results = self.report(run, "run.json") | {"wall_s": wall_s}
        journal = self.folder / ".saccade" / "runs" / results["identity"] / "journal.jsonl"
        events = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
        results["each_epoch"] = [event["metrics"]["examples_per_s"] for event in events if event["event"] == "epoch"]
        tell(f"  {run}: {wall_s:.2f} s, training {results['train_elapsed_s']:.2f} s")
        return results

    def report(self, run: str, file: str) -> dict[str, Any]:
        """One of a run's reports."""
        return json.loads((self.folder / "reports" / run / file).read_text(encoding="utf-8"))

    def run(self, *command: str, watch: Callable[[int], None] | None = None) -> float:
        """Run a command in the copy; its output goes to the log.

        Args:
            *command: program and arguments.
            watch: called with the process id again and again while the command runs.

        Returns:
            Wall seconds from the start of the process to its end.

        Raises:
            SystemExit: it failed.
        """
        with self.log.open("ab") as log:
            started_at = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
            while watch is not None and process.poll() is None:
                watch(process.pid)
                time.sleep(_SAMPLE_EVERY_S)
            code = process.wait()
            wall_s = time.perf_counter() - started_at
        if code != 0:
            raise SystemExit(f"{' '.join(command)} failed with code {code}:\n{_tail(self.log)}")
        return wall_s

    def ask(self, *command: str) -> dict[str, Any]:
        """Run a command in the copy whose last line of output is a JSON object."""
        with self.log.open("ab") as log:
            done = subprocess.run(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=log)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed with code {done.returncode}:\n{_tail(self.log)}")
        answer = json.loads(done.stdout.decode().splitlines()[-1])
        tell(f"  {Path(command[1]).stem} {command[2]}: {answer}")
        return answer


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def generated(count: int, size: int, channels: int) -> dict[str, Any]:
    """The ``datasets:`` entry of ``count`` generated training images, without views: training reads them themselves."""
    return {
        "source": {"name": "generated", "count": count, "side": size, "channels": channels},
        "split": {"test": "given", "validation": 0.1},
        # few different pictures, stamped: most are nearly the same as many others
        "preprocess": {"size": [size, size], "channels": channels, "near_duplicates": False},
        "augment": {"views": 0},
    }


def run_of(dataset: str, model: Mapping[str, Any], **train: Any) -> dict[str, Any]:
    """A ``runs:`` entry: Adam, float32, unless ``train`` says otherwise."""
    defaults = {"batch_size": 128, "optimizer": {"name": "adam", "lr": 0.001}, "precision": "float32", "device": "cpu"}
    return {
        "dataset": dataset,
        "task": {"name": "classify"},
        "model": dict(model),
        "train": {**defaults, **train},
        "evaluate": {"top_k": [1]},
    }


def peers_python(folder: Path, *, quick: bool) -> str | None:
    """The interpreter of the peers' environment, which is made when it is missing or requirements.txt has changed.

    Args:
        folder: of the environment, such as .venv-peers.
        quick: make none: installing it takes minutes and the network.

    Returns:
        Its path; None where it would have to be made and is not.
    """
    python, stamp = folder.absolute() / "bin" / "python", folder / "requirements.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        if quick:
            return None
        tell(f"installing {REQUIREMENTS.name} into {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]
        subprocess.run([str(python), *install, str(REQUIREMENTS)], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return str(python)

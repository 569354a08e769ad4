"""What ``saccade start`` makes of each folder and file of a folder, as a table: a reading, a refusal, a model.

    python benchmarks/start_cases.py FOLDER [FOLDER...] [--until start|preprocess|evaluate] [--only NAME]

Runs in a copy of the tree in a temporary folder, which is gone afterwards. One line a case: what it was taken for, how
it is split, what was recommended, how far it came and in how many seconds.
"""

import argparse
import contextlib
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("pipeline", "src", "recipes", "dvc.yaml", "params.yaml", "pyproject.toml", ".gitignore")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--until", choices=["start", "preprocess", "evaluate"], default="preprocess")
    parser.add_argument("--only", help="cases whose name holds this")
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--verbose", action="store_true", help="print what the commands print")
    arguments = parser.parse_args()
    cases = [case for folder in arguments.folders for case in sorted(folder.absolute().iterdir())]
    with _project():
        for case in cases:
            if case.name != "README.md" and (not arguments.only or arguments.only in case.name):
                started = time.monotonic()
                outcome, printed = _try(case, arguments.until, arguments.minutes)
                print(f"{case.name:28} {time.monotonic() - started:6.1f} s  {outcome}", flush=True)
                if arguments.verbose:
                    print("    " + printed.replace("\n", "\n    "), flush=True)


@contextlib.contextmanager
def _project() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        for item in _COPIED:
            (shutil.copytree if (_ROOT / item).is_dir() else shutil.copy2)(_ROOT / item, Path(folder, item))
        before = Path.cwd()
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _try(case: Path, until: str, minutes: float) -> tuple[str, str]:
    """How far a case came, and all that was printed."""
    from pipeline import paths
    from pipeline.commands.start import name_of, start
    from pipeline.params.load import load_params
    from saccade.core.errors import UserError

    name, printed, reached = f"x{os.urandom(3).hex()}-{name_of(case)}", io.StringIO(), "start"
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            start(paths.PARAMS, case, name, minutes=minutes, ask=None, takes_first=True)
            decided = next(line for line in printed.getvalue().splitlines() if line.startswith("decided: "))
            if until != "start":
                reached = "preprocess"
                _prepare(name)
            if until == "evaluate":
                reached = "evaluate"
                _train(name)
        except UserError as error:
            return f"stopped in {reached}: {error}", printed.getvalue()
    dataset = load_params(paths.PARAMS).datasets[name]
    split = dataset.split.model_dump(exclude_unset=True)
    source = {key: value for key, value in dataset.source.arguments.items() if key not in ("path", "table")}
    metrics = paths.report(name) / "metrics.json"
    measured = metrics.read_text()[:70].replace("\n", " ") if metrics.exists() else ""
    return f"{dataset.source.name} {source} {split} {decided} {measured}", printed.getvalue()


def _prepare(name: str) -> None:
    from pipeline import paths
    from pipeline.params.load import load_params
    from pipeline.stages.augment.stage import augment
    from pipeline.stages.fetch import fetch
    from pipeline.stages.preprocess import preprocess

    params = load_params(paths.PARAMS)
    block = params.datasets[name]
    fetch(name, source=block.source)
    preprocess(name, source=block.source, split=block.split, block=block.preprocess, seed=params.seed)
    augment(name, block=block.augment, seed=params.seed)


def _train(name: str) -> None:
    from pipeline import paths
    from pipeline.launch.launch import start_training
    from pipeline.params.load import load_params
    from pipeline.stages.evaluate.stage import evaluate

    params = load_params(paths.PARAMS)
    start_training(params, name, fresh=False, after_training=lambda *ended: None)
    evaluate(name, dataset=params.runs[name].dataset, block=params.runs[name].evaluate)


if __name__ == "__main__":
    sys.exit(main())

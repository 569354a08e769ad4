"""``saccade add --baseline RUN``: the better baseline of a run as a run of its own."""

import json
from pathlib import Path

from pipeline import paths
from pipeline.commands.add import insert, read, values, write
from pipeline.commands.decided_entries import entry_lines
from pipeline.console import say
from pipeline.params.cross_checks import name_problem
from pipeline.params.load import Params, load_params
from pipeline.params.problems import nearest
from pipeline.schema.preprocess import form_of_source
from saccade import kinds
from saccade.core.errors import UserError
from saccade.evaluate.shortfall import better_baseline

_OF_BASELINE = "-baseline"
_FEATURES = "features"


def add_baseline(file: Path, run: str) -> None:
    """Add the better baseline of a run as a run of its own; without an evaluation, that on features where there is one.

    It is trained on the examples as they are: where the run's dataset makes views of them, a copy of the dataset that
    makes none is added, too.

    Args:
        file: params.yaml.
        run: an existing key of ``runs:``.

    Raises:
        UserError: no such run; its kind of data has no baseline that could be a run; a name is taken.
    """
    params, text = load_params(file), read(file)
    if run not in params.runs:
        raise UserError(f"runs of {file} has no {run!r}; {nearest(run, list(params.runs))}")
    dataset, new = params.runs[run].dataset, f"{run}{_OF_BASELINE}"
    block = params.datasets[dataset]
    found = baseline_of(params, run)
    if found is None:
        raise UserError(
            f"--baseline ({run}) must be a run whose baseline can be a run: one that classifies images or texts, or "
            "that forecasts"
        )
    if new in params.runs:
        raise UserError(f"runs of {file} has {new!r} already: rename it, or train that one")
    if wrong := name_problem("runs", new):
        raise UserError(wrong)
    news = []
    if block.augment.makes_views:
        plain = f"{dataset}{_OF_BASELINE}"
        whole = values(text)
        entry = {**whole["datasets"][dataset], "augment": {"views": 0}}
        dataset = plain
        if whole["datasets"].get(plain, entry) != entry:
            raise UserError(f"datasets of {file} has another {plain!r} already: rename it")
        if plain not in whole["datasets"]:
            text = insert(text, "datasets", entry_lines(plain, entry, {}, f"{params.runs[run].dataset} without views"))
            news.append(f"datasets.{plain}")
    lines = {
        "dataset": dataset,
        "task": {"name": params.runs[run].task.name},
        "model": dict(found.model),
        "train": dict(found.train),
        "evaluate": {},
    }
    write(file, insert(text, "runs", entry_lines(new, lines, found.reasons, f"{found.summary}, beside {run}")))
    news.append(f"runs.{new}")
    say(f"added {', '.join(news)} to {file}; next: `saccade repro evaluate@{new}`, or `saccade repro` for all")


def baseline_of(params: Params, run: str) -> kinds.Recommendation | None:
    """The better baseline of a run as settings of a run.

    Args:
        params: the whole file.
        run: key in ``runs:``.

    Returns:
        None where its kind of data has none.
    """
    block = params.datasets[params.runs[run].dataset]
    path = paths.report(run) / "metrics.json"
    measured = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    form, options = form_of_source(block.source.name, block.source.arguments), block.preprocess.options
    prefix = better_baseline(measured, next(iter(measured), ""))
    if prefix is not None:
        return kinds.baseline_run(form, prefix.removeprefix("baseline_").removesuffix("_"), options)
    return kinds.baseline_run(form, _FEATURES, options) or kinds.baseline_run(form, "", options)

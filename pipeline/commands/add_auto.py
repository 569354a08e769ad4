"""``saccade add --auto DATASET``: a dataset's own settings, decided from what it holds, as plain lines with reasons."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.commands.add import content, insert, read, values, write
from pipeline.commands.decided_entries import entry_lines, resources_of_this_machine, task_for
from pipeline.console import say
from pipeline.params.cross_checks import name_problem
from pipeline.params.load import load_params
from pipeline.params.problems import nearest
from pipeline.schema.preprocess import form_of_source
from saccade import kinds
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.prepare.split_settings import settings_for


def add_auto(file: Path, dataset: str, *, minutes: float, as_: str | None, from_scratch: bool = False) -> None:
    """Write settings for a dataset that was fetched into the file.

    The dataset stays as it is. Where its images want to be prepared otherwise, another one with the same source and
    split is written beside it.

    Args:
        file: params.yaml.
        dataset: key in ``datasets:``.
        minutes: minutes that a training may take.
        as_: another name for the run; None: the dataset's, followed by -auto.
        from_scratch: whether weights that others trained are left out, though they are at hand.

    Raises:
        UserError: no such dataset, it was not fetched, its kind recommends nothing, or the name is taken.
    """
    params, text = load_params(file), read(file)
    whole = values(text)
    if dataset not in whole["datasets"]:
        raise UserError(f"datasets of {file} has no {dataset!r}; {nearest(dataset, list(whole['datasets']))}")
    name = as_ or f"{dataset}-auto"
    if wrong := name_problem("runs", name):
        raise UserError(wrong)
    if name in whole["runs"]:
        raise UserError(f"runs of {file} has {name!r} already: remove it, or give another name with --as")
    described = params.datasets[dataset]
    source, raw = described.source, paths.raw(dataset)
    if not raw.is_dir():
        raise UserError(f"{raw} does not exist, and is what settings are decided by: `saccade fetch {dataset}` first")
    examples = registry.call_with_supported(registry.module("datasets", source.name).read, raw, **source.arguments)
    seed = params.seed if described.split.seed is None else described.split.seed
    published = getattr(examples, "published_splits", None)
    split, _ = settings_for(described.split.model_dump() | {"seed": seed}, published)
    form = form_of_source(source.name, source.arguments)
    resources = resources_of_this_machine(minutes, from_scratch=from_scratch)
    found = kinds.recommend(form, examples, described.preprocess.options, split, resources)
    own = whole["datasets"][dataset]
    preprocess = _short(found.preprocess, described.preprocess.options, own.get("preprocess") or {})
    is_same = content(own.get("preprocess") or {}) == preprocess and (own.get("augment") or {}) == found.augment
    if not is_same:
        if name in whole["datasets"]:
            raise UserError(f"datasets of {file} has {name!r} already: remove it, or give another name with --as")
        blocks = {**own, "preprocess": preprocess, "augment": dict(found.augment)}
        text = insert(text, "datasets", entry_lines(name, blocks, found.reasons, f"{dataset}, prepared for {name}"))
    labels = registry.labels_of_source(source.name, source.arguments)
    run = {
        "dataset": dataset if is_same else name,
        "task": {"name": task_for(labels)},
        "model": dict(found.model),
        "train": dict(found.train),
        "evaluate": dict(found.evaluate),
    }
    write(file, insert(text, "runs", entry_lines(name, run, found.reasons, found.summary)))
    say(f"decided for {dataset}: {found.summary}")
    for key, reason in found.reasons.items():
        say(f"  {key}: {reason}")
    news = f"runs.{name}" if is_same else f"datasets.{name} and runs.{name}"
    say(f"added {news} to {file}; next: `saccade repro evaluate@{name}`")


def _short(found: Mapping[str, Any], whole: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """What was decided, and what the file itself says; defaults that nobody wrote are left out."""
    return {key: value for key, value in found.items() if key in written or value != whole.get(key)}

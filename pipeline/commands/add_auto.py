"""``saccade add --auto DATASET``: a dataset's own settings, decided from what it holds, as plain lines with reasons."""

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.commands.add import content, flow, insert, read, values, write
from pipeline.console import say
from pipeline.params.cross_checks import name_problem
from pipeline.params.load import load_params
from pipeline.params.problems import nearest
from pipeline.schema.preprocess import form_of_source
from saccade import kinds
from saccade.core import registry
from saccade.core.cpu import usable_cores
from saccade.core.errors import UserError
from saccade.prepare.split_settings import SplitSettings


def add_auto(file: Path, dataset: str, *, minutes: float, as_: str | None) -> None:
    """Write settings for a dataset that was fetched into the file.

    The dataset stays as it is. Where its images want to be prepared otherwise, another one with the same source and
    split is written beside it.

    Args:
        file: params.yaml.
        dataset: key in ``datasets:``.
        minutes: minutes that a training may take.
        as_: another name for the run; None: the dataset's, followed by -auto.

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
    split = SplitSettings(**described.split.model_dump() | {"seed": seed})
    found = kinds.recommend(form_of_source(source.name), examples, described.preprocess.options, split, _means(minutes))
    own = whole["datasets"][dataset]
    preprocess = _short(found.preprocess, described.preprocess.options, own.get("preprocess") or {})
    is_same = content(own.get("preprocess") or {}) == preprocess and (own.get("augment") or {}) == found.augment
    if not is_same:
        if name in whole["datasets"]:
            raise UserError(f"datasets of {file} has {name!r} already: remove it, or give another name with --as")
        blocks = {**own, "preprocess": preprocess, "augment": dict(found.augment)}
        text = insert(text, "datasets", _entry(name, blocks, found.reasons, f"{dataset}, prepared for {name}"))
    labels = registry.constant_or("classes", "datasets", source.name, "LABELS")
    run = {
        "dataset": dataset if is_same else name,
        "task": {"name": _task_for(labels)},
        "model": dict(found.model),
        "train": dict(found.train),
        "evaluate": dict(found.evaluate),
    }
    write(file, insert(text, "runs", _entry(name, run, found.reasons, found.summary)))
    say(f"decided for {dataset}: {found.summary}")
    for key, reason in found.reasons.items():
        say(f"  {key}: {reason}")
    news = f"runs.{name}" if is_same else f"datasets.{name} and runs.{name}"
    say(f"added {news} to {file}; next: `saccade repro evaluate@{name}`")


def _means(minutes: float) -> kinds.Means:
    import torch

    def has_weights(model: str) -> bool:
        place = str(registry.constant_or("", "models", model, "PRETRAINED"))
        return "/" in place and importlib.util.find_spec(place.partition("/")[0]) is not None

    return kinds.Means(minutes, usable_cores(), torch.cuda.is_available(), has_weights)


def _task_for(labels: str) -> str:
    """The first task that predicts such labels."""
    return next(name for name in registry.names("tasks") if registry.constant("tasks", name, "LABELS") == labels)


def _short(found: Mapping[str, Any], whole: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """What was decided, and what the file itself says; defaults that nobody wrote are left out."""
    return {key: value for key, value in found.items() if key in written or value != whole.get(key)}


def _entry(name: str, blocks: Mapping[str, Any], reasons: Mapping[str, str], summary: str) -> list[str]:
    """The lines of an entry: a block a line, or a line a key where it is long or has reasons."""
    lines = [line for key, block in blocks.items() for line in _block(key, block, reasons)]
    return [f"{name}:   # {summary}", *(f"  {line}" for line in lines)]


def _block(key: str, block: Any, reasons: Mapping[str, str]) -> Iterator[str]:
    reason = f"   # {reasons[key]}" if key in reasons else ""
    inside = {name.removeprefix(f"{key}."): why for name, why in reasons.items() if name.startswith(f"{key}.")}
    line = f"{key}: {flow(block)}{reason}"
    if not isinstance(block, Mapping) or (not inside and len(line) < 110):
        yield line
        return
    yield f"{key}:{reason}"
    for name, value in block.items():
        why = f"   # {inside[name]}" if name in inside else ""
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"  {name}:{why}"
            yield from (f"    - {flow(item)}" for item in value)
        else:
            yield f"  {name}: {flow(value)}{why}"

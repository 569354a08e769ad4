"""What one block of params.yaml says of another: what pydantic, which sees one block at a time, cannot know."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.params.credentials import credential_problems
from pipeline.params.kinds import kind_problems
from pipeline.params.problems import KeyPath, Problem, nearest
from pipeline.params.registered_names import registered_name_problems
from pipeline.params.task_arguments import task_argument_problems
from pipeline.schema.transforms import transform_problems
from saccade.augment.policies import POLICIES
from saccade.core import registry
from saccade.data.spec import LAYOUTS

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def cross_check(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Compare the blocks of the file with each other, and its names with what the library holds.

    Args:
        raw: the file's values, in which anything may be of the wrong type.

    Yields:
        A problem, without its line, for each thing that pydantic has not reported.
    """
    datasets, runs = _mapping(raw, "datasets"), _mapping(raw, "runs")
    for section, entries in (("datasets", datasets), ("runs", runs)):
        for key in entries:
            if wrong := name_problem(section, key):
                yield Problem((section, key), wrong)
    yield from _unwritable(raw, ())
    yield from credential_problems(raw)
    for name, dataset in datasets.items():
        source = _mapping(dataset, "source")
        yield from registered_name_problems(("datasets", name, "source"), source, "datasets", ["fetch", "read"])
        yield from kind_problems(name, dataset, source)
        yield from _augment_problems(("datasets", name, "augment"), dataset)
    for name, run in runs.items():
        yield from _run_problems(name, run, datasets, runs)


def _augment_problems(path: KeyPath, dataset: Any) -> Iterator[Problem]:
    """Policies and transforms that do not exist, or not for these images; views that would show nothing new."""
    block, channels = _mapping(dataset, "augment"), _mapping(dataset, "preprocess").get("channels")
    transforms, views = block.get("transforms"), block.get("views")
    if isinstance(transforms, str):
        policy = POLICIES.get(transforms)
        if policy is None:
            yield Problem(
                (*path, "transforms"), f"no policy is called {transforms!r}; {nearest(transforms, list(POLICIES))}"
            )
        elif policy.only_colour and channels == 1:
            yield Problem(
                (*path, "transforms"),
                f"{transforms} takes images of 3 channels, but preprocess gives 1: {policy.only_colour}",
            )
    found = transform_problems(
        transforms if isinstance(transforms, list) else [], nearest, channels if isinstance(channels, int) else None
    )
    yield from (Problem((*path, "transforms", *at), message) for at, message in found)
    nothing = not transforms or transforms == "none"
    if block.get("mode") == "online":
        if nothing:
            yield Problem((*path, "mode"), "online without transforms would make plain copies; add some")
        if "views" in block:
            message = "mode: online makes a new view each epoch and stores none; leave views out"
            yield Problem((*path, "views"), message)
    elif views and nothing:
        yield Problem((*path, "views"), "views without transforms would be plain copies; add some")
    elif views == 1 and block.get("include_original") is True:
        yield Problem((*path, "views"), "the only view would be the original; with include_original, two views or more")


def name_problem(section: str, name: object) -> str | None:
    """What is wrong with the name of a dataset or a run, or None."""
    if not isinstance(name, str):
        return f"the name {name!r} must be text: put it in quotes"
    if not _KEY.fullmatch(name):
        return f"the name {name!r} must be letters, digits, - and _, without dots or spaces"
    if (section, name) == ("runs", "datasets"):
        return "a run cannot be called datasets: reports/datasets holds those of the datasets"
    return None


def _unwritable(value: Any, path: KeyPath) -> Iterator[Problem]:
    """What YAML can hold and JSON cannot: it could not be recorded."""
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _unwritable(inner, (*path, key))
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(path, f"{value}: must be a finite number")
    elif not isinstance(value, str | int | float | None):
        yield Problem(path, f"{value}: must be a number, text, true, false or null; quotes make it text")


def _origin_problems(path: KeyPath, run: Any, runs: Mapping[str, Any]) -> Iterator[Problem]:
    """Where the first weights come from."""
    at, origin = (*path, "train", "init_from"), _mapping(run, "train").get("init_from")
    if not isinstance(origin, str):
        return
    if origin == path[-1]:
        yield Problem(at, "a run cannot start from itself: `saccade add --copy RUN NEW` makes another one")
    elif origin not in runs:
        yield Problem(at, f"no run is called {origin!r}; {nearest(origin, list(runs))}")
    elif isinstance(count := _mapping(runs[origin], "train").get("ensemble", 1), int) and count > 1:
        message = f"{origin} is an ensemble of {count}, and a training starts from one network: name another run"
        yield Problem(at, message)
    if "pretrained" in _mapping(run, "model"):
        yield Problem(at, "the first weights come from one place: leave out init_from, or model.pretrained")


def _run_problems(name: str, run: Any, datasets: Mapping[str, Any], runs: Mapping[str, Any]) -> Iterator[Problem]:
    path = ("runs", name)
    task, model = _mapping(run, "task"), _mapping(run, "model")
    dataset = run.get("dataset") if isinstance(run, Mapping) else None
    yield from registered_name_problems((*path, "task"), task, "tasks", [])
    yield from registered_name_problems((*path, "model"), model, "models", ["build"])
    yield from _origin_problems(path, run, runs)
    if isinstance(dataset, str) and dataset not in datasets:
        yield Problem((*path, "dataset"), f"no dataset is called {dataset!r}; {nearest(dataset, list(datasets))}")
        return
    source = _mapping(_mapping(datasets, str(dataset)), "source").get("name")
    if source in registry.names("datasets"):
        layout = registry.constant("kinds", registry.constant("datasets", source, "KIND"), "LAYOUT")
        for section, block, constant in (("models", model, "ACCEPTS"), ("tasks", task, "KINDS")):
            if block.get("name") in registry.names(section):  # type: ignore[arg-type]
                accepted = registry.constant(section, block["name"], constant)  # type: ignore[arg-type]
                if layout not in accepted:
                    yield Problem(
                        (*path, section[:-1]),
                        f"{block['name']} takes {' or '.join(accepted)}, but {dataset} is {layout}",
                    )
    if model.get("name") in registry.names("models"):
        yield from _transfer_problems((*path, "train"), _mapping(run, "train"), model)
    if task.get("name") in registry.names("tasks"):
        if source in registry.names("datasets"):
            asked = registry.constant("tasks", task["name"], "LABELS")
            given = registry.labels_of_source(str(source), _mapping(_mapping(datasets, str(dataset)), "source"))
            if asked != given:
                message = f"{task['name']} predicts {asked}, but the labels of {dataset} are {given}"
                yield Problem((*path, "task"), message + _able_tasks(given))
        yield from _loss_problems((*path, "train"), _mapping(run, "train"), str(task["name"]))
        labels = registry.constant("tasks", task["name"], "LABELS")
        for key, without, takers in (
            ("class_weights", "none", ("classes", "several classes")),
            ("sampler", "shuffle", ("classes",)),
        ):
            if labels not in takers and _mapping(run, "train").get(key, without) != without:
                yield Problem((*path, "train", key), _not_for(labels, task["name"], key))
        if source in registry.names("datasets"):
            if model.get("name") in registry.names("models"):
                yield from task_argument_problems(path, run, layout, registry.constant("tasks", task["name"], "LABELS"))
            yield from _mixing_problems(path, run, task["name"], dataset, _mapping(datasets, str(dataset)), layout)


def _not_for(labels: str, task: object, key: str) -> str:
    """What to say of a key that is for one class an example."""
    predicts = "several classes an example" if labels == "several classes" else "no classes"
    return f"{task} predicts {predicts}: leave {key} out"


def _able_tasks(labels: str) -> str:
    """The tasks that predict such labels, as a remedy; empty where there are none."""
    able = [name for name in registry.names("tasks") if registry.constant("tasks", name, "LABELS") == labels]
    return f"; {' or '.join(able)} would" if able else ""


def _transfer_problems(path: KeyPath, train: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[Problem]:
    """What goes on from weights that were learnt elsewhere needs a head to tell from the rest, and such weights."""
    frozen = train.get("freeze")
    asked = {"finetune": train.get("finetune") is not None, "freeze": "backbone" in (frozen or ())}
    for key in (key for key, is_asked in asked.items() if is_asked):
        if registry.constant_or(None, "models", str(model["name"]), "HEAD") is None:
            have = [name for name in registry.names("models") if registry.constant_or(None, "models", name, "HEAD")]
            rule = f"{model['name']} names no HEAD to tell from the other layers; {', '.join(have)} do"
            yield Problem((*path, key), f"{rule}. Take one of these, or leave {key} out")
        elif model.get("pretrained") is None and train.get("init_from") is None:
            rule = "needs weights to start from: set model.pretrained or train.init_from"
            yield Problem((*path, key), f"{key} {rule}, or leave it out")


def _loss_problems(path: KeyPath, train: Mapping[str, Any], task: str) -> Iterator[Problem]:
    """Losses of other tasks, and what one loss alone can do."""
    losses, asked = registry.constant("tasks", task, "LOSSES"), train.get("loss", "auto")
    loss = losses[0] if asked == "auto" else asked
    if isinstance(loss, str) and loss not in losses:
        known = " and ".join(", ".join(losses).rsplit(", ", 1))
        yield Problem((*path, "loss"), f"{task} knows {known}, not {loss!r}")
    elif loss != "cross_entropy" and train.get("label_smoothing"):
        yield Problem(
            (*path, "label_smoothing"), f"cross_entropy alone smooths labels, not {loss}: leave label_smoothing out"
        )


def _mixing_problems(
    path: KeyPath, run: Any, task: Any, dataset: Any, described: Mapping[str, Any], layout: str
) -> Iterator[Problem]:
    """What mixes examples, or views of one, needs classes and examples that can be mixed; a threshold below which a run
    is unsure needs one class an example; a decoder needs lines to read.
    """
    takes = {("train", "mixup"): ("image", "series"), ("train", "cutmix"): ("image",), ("evaluate", "tta"): ("image",)}
    takes[("evaluate", "reject")] = LAYOUTS
    if _mapping(run, "evaluate").get("decoder") is not None:
        labels = registry.constant("tasks", task, "LABELS")
        if labels != "transcripts":
            message = f"decoder is for lines that are read, and {task} reads none: leave decoder out"
            yield Problem((*path, "evaluate", "decoder"), message)
    for (block, key), layouts in takes.items():
        if _mapping(run, block).get(key) is None:
            continue
        labels = registry.constant("tasks", task, "LABELS")
        if labels not in (("classes",) if block == "evaluate" else ("classes", "several classes")):
            yield Problem((*path, block, key), _not_for(labels, task, key))
        elif layout not in layouts:
            message = f"{key} takes {' or '.join(layouts)}, but {dataset} is {layout}: leave {key} out"
            yield Problem((*path, block, key), message)
        elif key == "tta" and not _mapping(described, "augment").get("transforms"):
            message = f"views are made by the transforms of {dataset}, which has none: leave tta out, or add some"
            yield Problem((*path, block, key), message)


def _mapping(block: Any, key: str) -> Mapping[Any, Any]:
    """``block[key]`` when both are mappings, else an empty one: pydantic has reported what is not."""
    value = block.get(key) if isinstance(block, Mapping) else None
    return value if isinstance(value, Mapping) else {}

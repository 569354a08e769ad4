"""Arguments and settings of a run that have no meaning for its data or its task."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.params.problems import KeyPath, Problem
from saccade.core import registry

_ASKED = {  # labels to the output of a model that learns them, and what is asked of it
    "next tokens": ("per_token", "asks at each step"),
    "transcripts": ("transcript", "asks for all that stands in a line"),
}
_ANSWERS = {"per_example": "answers once an example", "per_token": "answers at each step", "transcript": "reads lines"}


def task_argument_problems(path: KeyPath, run: Mapping[str, Any], layout: str, labels: str) -> Iterator[Problem]:
    """Find what must be left out, so that nobody believes that it has an effect.

    Args:
        path: path of the run in the file.
        run: block of the run; task, model and dataset are known to exist.
        layout: input layout of the dataset, such as image or tokens.
        labels: labels of the task: classes, next tokens...

    Yields:
        A problem for each thing that is wrong.
    """
    task, model, dataset = run["task"]["name"], run["model"], run["dataset"]
    name = model["name"]
    if layout != "tokens":
        for key in registry.constant_or((), "models", name, "TOKEN_ARGUMENTS"):
            if model.get(key) is not None:
                yield Problem((*path, "model", key), f"{key} is for texts, but {dataset} is {layout}: leave it out")
        train = run.get("train")
        if isinstance(train, Mapping) and "length_buckets" in train and labels != "transcripts":
            message = f"examples of {dataset} ({layout}) are of one length: leave length_buckets out"
            yield Problem((*path, "train", "length_buckets"), message)
    if labels != "forecast":
        for key in registry.constant_or((), "models", name, "FORECAST_ARGUMENTS"):
            if model.get(key):
                yield Problem((*path, "model", key), f"{key} is for forecasts, but {task} makes none: leave it out")
    output, asks = _ASKED.get(labels, ("per_example", "asks for one answer an example"))
    offered = registry.constant_or(("per_example",), "models", name, "OUTPUTS")
    if output not in offered:
        able = [
            one
            for one in registry.names("models")
            if output in registry.constant_or(("per_example",), "models", one, "OUTPUTS")
            and layout in registry.constant("models", one, "ACCEPTS")
        ]
        message = f"{name} {_ANSWERS[offered[0]]}, but {task} {asks}; take {', '.join(able)}"
        yield Problem((*path, "model"), message)
        return
    if labels != "next tokens":
        return
    defaults = registry.keyword_arguments("models", name, "build")
    for key in registry.constant_or((), "models", name, "SINGLE_OUTPUT_ARGUMENTS"):
        if key in model and model[key] != defaults[key].default:
            message = f"{key} is for one answer an example, but {task} asks at each step: leave it out"
            yield Problem((*path, "model", key), message)

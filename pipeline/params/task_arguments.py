"""Arguments and settings of a run that have no meaning for its data or its task."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.params.problems import KeyPath, Problem
from saccade.core import registry


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
        if isinstance(train, Mapping) and "length_buckets" in train:
            message = f"examples of {dataset} ({layout}) are of one length: leave length_buckets out"
            yield Problem((*path, "train", "length_buckets"), message)
    if labels != "forecast":
        for key in registry.constant_or((), "models", name, "FORECAST_ARGUMENTS"):
            if model.get(key):
                yield Problem((*path, "model", key), f"{key} is for forecasts, but {task} makes none: leave it out")
    if labels != "next tokens":
        return
    if "per_token" not in registry.constant_or(("per_example",), "models", name, "OUTPUTS"):
        able = [
            one for one in registry.names("models") if "per_token" in registry.constant_or((), "models", one, "OUTPUTS")
        ]
        message = f"{name} answers once an example, but {task} asks at each step; take {', '.join(able)}"
        yield Problem((*path, "model"), message)
        return
    defaults = registry.keyword_arguments("models", name, "build")
    for key in registry.constant_or((), "models", name, "SINGLE_OUTPUT_ARGUMENTS"):
        if key in model and model[key] != defaults[key].default:
            message = f"{key} is for one answer an example, but {task} asks at each step: leave it out"
            yield Problem((*path, "model", key), message)

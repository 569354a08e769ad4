"""Names and arguments of sources, tasks and models, checked against the files of the library that they name."""

import functools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from pipeline.params.problems import KeyPath, Problem, nearest, short
from saccade.core import registry


def registered_name_problems(
    path: KeyPath, block: Mapping[str, Any], folder: Any, functions: list[str]
) -> Iterator[Problem]:
    """What is wrong with the name and the arguments of a source, a task or a model.

    Args:
        path: path of the block in the file.
        block: name and arguments.
        folder: datasets, models or tasks.
        functions: names of functions in the named file, whose keyword arguments the block may hold.

    Yields:
        A problem for each thing that is wrong.
    """
    name = block.get("name")
    known = registry.names(folder)
    if not isinstance(name, str):
        return  # pydantic has said so
    if name == "auto" and folder == "models" and name not in known:
        remedy = "`saccade add --auto DATASET` writes a run whose model, and the rest, it has decided"
        yield Problem((*path, "name"), f"'auto' is no model: what a run is made of stands here. {remedy}")
        return
    if name not in known:
        yield Problem((*path, "name"), f"{name!r} is not known; {nearest(name, known)}")
        return
    arguments: dict[str, registry.Argument] = {}
    for function in functions:
        found = registry.keyword_arguments(folder, name, function)
        arguments.update(
            {key: argument for key, argument in found.items() if _type_of(argument.annotation) is not None}
        )
    if folder == "models" and registry.constant_or(None, "models", name, "PRETRAINED"):
        arguments["pretrained"] = registry.Argument("str", required=False)
    for key, value in block.items():
        if key == "name":
            continue
        if key not in arguments:
            takes = f"{name} takes no {key!r}; " + (
                nearest(key, list(arguments)) if arguments else "it takes no arguments"
            )
            yield Problem((*path, key), takes)
            continue
        try:
            TypeAdapter(_type_of(arguments[key].annotation), config={"strict": True}).validate_python(value)
        except ValidationError as error:
            message = error.errors()[0]["msg"].replace("Input should", "must")
            yield Problem((*path, key), f"{short(value)}: {message}")
    for key, argument in arguments.items():
        if argument.required and key not in block:
            yield Problem((*path, key), f"missing; {name} requires it")


@functools.cache
def _type_of(annotation: str) -> Any:
    """The type that an annotation in a registered file stands for; None for what YAML cannot hold, such as Path."""
    known = {
        "int": int,
        "float": Annotated[float, Field(allow_inf_nan=False)],
        "bool": bool,
        "str": str,
        "list": list,
        "dict": dict,
        "Literal": Literal,
        "Share": Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)],
        "Count": Annotated[int, Field(ge=1)],
        "Size": Annotated[int, Field(ge=0)],
        **registry.literal_aliases(),
    }
    try:
        return eval(annotation, {"__builtins__": {}}, known)  # the source text of our own files
    except NameError:
        return None

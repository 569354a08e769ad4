"""What pydantic found wrong with params.yaml, in our words and at the file's own paths."""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic_core import ErrorDetails

from pipeline.params.problems import KeyPath, Problem, nearest, short


def explain_error(details: ErrorDetails, raw: object, model: type[BaseModel]) -> Problem:
    """Say what one of pydantic's errors means.

    Args:
        details: details of the error.
        raw: the file's values.
        model: model of the whole file.

    Returns:
        The problem, without its line.
    """
    path, fields, description = _resolve(details["loc"], raw, model)
    kind, context, value = details["type"], details.get("ctx", {}), details.get("input")
    message = details["msg"][0].lower() + details["msg"][1:]
    if kind == "extra_forbidden":
        return Problem(path, f"unknown key; {nearest(str(path[-1]), fields)}")
    if kind == "missing":
        return Problem(path, "missing; it is required")
    if kind == "union_tag_not_found":
        return Problem((*path, "name"), "missing; it is required")
    if kind == "union_tag_invalid":
        known = [tag.strip("' ") for tag in context["expected_tags"].split(",")]
        return Problem((*path, "name"), f"{context['tag']!r} is not known; {nearest(context['tag'], known)}")
    if kind == "value_error":
        return Problem(path, str(context["error"]))
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return Problem(path, f"{'nothing' if value is None else short(value)}: must be keys with values")
    if kind == "string_pattern_mismatch":
        return Problem(path, f"{short(value)}: must be {description}")
    if kind in ("too_short", "too_long"):
        message = (
            f"must hold {context.get('min_length', context.get('max_length'))} values, not {context['actual_length']}"
        )
    return Problem(path, f"{short(value)}: {message.replace('input should', 'must').replace('input must', 'must')}")


def _resolve(location: tuple[str | int, ...], raw: Any, root: type[BaseModel]) -> tuple[KeyPath, list[str], str | None]:
    """The path in the file of pydantic's location (which has tags of unions), the keys known there, a description."""
    path: list[str | int] = []
    known: list[str] = []
    description: str | None = None
    annotation: Any = root
    value = raw
    for part in location:
        model, tags = _models_of(annotation)
        if part in tags and not (isinstance(value, Mapping) and part in value):
            annotation = tags[str(part)]
            continue
        if model is not None:
            known = list(model.model_fields)
            field = model.model_fields.get(str(part))
            annotation, description = (field.annotation, field.description) if field else (None, None)
        elif get_origin(annotation) in (dict, list):
            annotation = get_args(annotation)[-1]
        elif not (isinstance(value, Mapping | list)):
            break  # a branch of a union of plain types, such as literal['given']
        path.append(part)
        value = value.get(part) if isinstance(value, Mapping) else value[int(part)] if isinstance(value, list) else None
    return tuple(path), known, description


def _models_of(annotation: Any) -> tuple[type[BaseModel] | None, dict[str, Any]]:
    """The model of an annotation, or the models of a union by their names, or its other members by their tags."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, {}
    if get_origin(annotation) in (Union, types.UnionType):
        models = [m for m in get_args(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
        if len(models) == 1:  # or nothing
            return models[0], {}
        tagged = [get_args(m) for m in get_args(annotation) if get_origin(m) is Annotated]
        tags = {one.tag: member for member, *rest in tagged for one in rest if isinstance(one, Tag)}
        return None, {tag: m for m in models for tag in get_args(m.model_fields["name"].annotation)} | tags
    return None, {}

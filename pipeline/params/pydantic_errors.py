"""What pydantic found wrong with params.yaml, in our words and at the file's own paths."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic_core import ErrorDetails

from pipeline.params.problems import KeyPath, Problem, nearest, short
from saccade.core.options import Example


def explain_error(details: ErrorDetails, raw: object, model: type[BaseModel]) -> Problem:
    """Say what one of pydantic's errors means.

    Args:
        details: details of the error.
        raw: the file's values.
        model: model of the whole file.

    Returns:
        The problem, without its line.
    """
    place = _resolve(details["loc"], raw, model)
    path = place.path
    kind, context, value = details["type"], details.get("ctx", {}), details.get("input")
    message = details["msg"][0].lower() + details["msg"][1:]
    if kind == "extra_forbidden":
        if not place.takers:
            return Problem(path, f"unknown key; {nearest(str(path[-1]), place.known)}")
        # It may be another kind's key and not a slip of the pen: only what is very near is meant.
        remedy = nearest(str(path[-1]), place.known, cutoff=0.7) if place.known else "leave it out"
        return Problem(path, f"{place.takers} take no {path[-1]}; {remedy}")
    if kind == "missing":
        why = f"{place.takers} need it" if place.takers else "it is required"
        return Problem(path, f"missing; {why}" + (f", such as {path[-1]}: {place.example}" if place.example else ""))
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
        return Problem(path, f"{short(value)}: must be {place.description}")
    if kind in ("too_short", "too_long"):
        message = (
            f"must hold {context.get('min_length', context.get('max_length'))} values, not {context['actual_length']}"
        )
    return Problem(path, f"{short(value)}: {message.replace('input should', 'must').replace('input must', 'must')}")


@dataclass(frozen=True)
class _Place:
    """Where an error lies.

    Attributes:
        path: path in the file; pydantic's own has tags of unions.
        known: keys that are known there.
        description: what the schema says of the last key.
        example: a value to show where it is missing; empty where there is none.
        takers: who takes the keys, such as "images"; empty where all do.
    """

    path: KeyPath
    known: list[str]
    description: str | None
    example: str
    takers: str


def _resolve(location: tuple[str | int, ...], raw: Any, root: type[BaseModel]) -> _Place:
    path: list[str | int] = []
    known: list[str] = []
    description: str | None = None
    example = takers = ""
    annotation: Any = root
    value = raw
    for part in location:
        model, tags = _models_of(annotation)
        if part in tags and not (isinstance(value, Mapping) and part in value):
            annotation = tags[str(part)]
            continue
        if model is not None:
            known, takers = list(model.model_fields), getattr(model, "TAKERS", "")
            field = model.model_fields.get(str(part))
            annotation, description = (field.annotation, field.description) if field else (None, None)
            example = next((one.text for one in field.metadata if isinstance(one, Example)), "") if field else ""
            if (chosen := getattr(model, "model_of", None)) is not None:
                annotation = chosen(str(part), value) or annotation
        elif get_origin(annotation) in (dict, list):
            annotation = get_args(annotation)[-1]
        elif not isinstance(value, Mapping | list) or (isinstance(value, list) and isinstance(part, str)):
            break  # a branch of a union of plain types, such as literal['given'] or list[str]
        path.append(part)
        value = value.get(part) if isinstance(value, Mapping) else value[int(part)] if isinstance(value, list) else None
    return _Place(tuple(path), known, description, example, takers)


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

"""What a source's kind of data takes of split, preprocess and augment, beyond what the schema of each block says."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.params.problems import KeyPath, Problem
from pipeline.schema.preprocess import form_of_source
from saccade import kinds
from saccade.core import registry


def kind_problems(name: str, dataset: Any, source: Mapping[str, Any]) -> Iterator[Problem]:
    """Compare preprocess, split and augment with what the source gives.

    Args:
        name: name of the dataset.
        dataset: its block, in which anything may be of the wrong type.
        source: ``source:`` of the dataset.

    Yields:
        A problem for each key that is of no use, or of a value that does not suit.
    """
    if source.get("name") not in registry.names("datasets"):
        return  # has been said
    path: KeyPath = ("datasets", name)
    who, form = source["name"], form_of_source(source["name"], source)
    words, layout = kinds.words_for(form), registry.constant("kinds", form.split("/")[0], "LAYOUT")
    blocks = {key: dataset[key] for key in ("preprocess", "split", "augment") if isinstance(dataset.get(key), Mapping)}
    preprocess, split, augment = (blocks.get(key, {}) for key in ("preprocess", "split", "augment"))
    taken = registry.constant("kinds", form, "SPLIT")
    for key in split:
        if key in _split_keys() and key not in taken:
            yield Problem((*path, "split", key), f"{who} gives {words}, which take no {key}: leave it out")
    for place, message in kinds.problems(form, who, preprocess, split):
        yield Problem((*path, *place), message)
    if layout != "image" and "evaluate_crop" in augment:
        yield Problem((*path, "augment", "evaluate_crop"), f"{who} gives no images: leave evaluate_crop out")
    if layout != "image" and augment.get("transforms") not in (None, [], "none"):
        yield Problem((*path, "augment", "transforms"), f"{who} gives no images: write augment: {{views: 0}}")


def _split_keys() -> set[str]:
    """Keys of ``split:`` that some form takes and others do not."""
    forms = (kinds.forms(kind) for kind in registry.names("kinds"))
    return {key for found in forms for form in found for key in registry.constant("kinds", form, "SPLIT")}

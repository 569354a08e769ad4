"""What each kind of data needs in its preprocess and split, and what it does not take."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.params.problems import KeyPath, Problem
from pipeline.params.registered_names import constant_or
from pipeline.schema.preprocess import (
    OF_FORECASTS,
    OF_IMAGES,
    OF_LABELLED_SERIES,
    OF_LONG_TEXTS,
    OF_SERIES,
    OF_TEXTS,
    PreprocessBlock,
)
from saccade.core import registry

_IMAGES, _TEXTS, _LONG_TEXTS, _SERIES = "images", "labelled texts", "long texts", "series"
_FORECASTS, _LABELLED_SERIES = "series to forecast", "labelled series"
_PREPROCESS_KEYS = {
    _IMAGES: OF_IMAGES,
    _TEXTS: OF_TEXTS,
    _LONG_TEXTS: OF_LONG_TEXTS,
    _FORECASTS: OF_FORECASTS,
    _LABELLED_SERIES: OF_LABELLED_SERIES,
    _SERIES: OF_SERIES,
}
# What there is no good default for, and an example
_NEEDED: dict[str, dict[str, str]] = {
    _IMAGES: {"size": "[32, 32]", "channels": "1"},
    _TEXTS: {"unit": "words", "max_length": "1000"},
    _LONG_TEXTS: {"unit": "characters", "length": "128"},
    _FORECASTS: {"window": "132", "horizon": "12"},
    _LABELLED_SERIES: {},
    _SERIES: {},
}
# Keys of split that not all take, and who does
_SPLIT_KEYS = {
    "group_near_duplicates": (_IMAGES,),
    "allow_leakage": (_IMAGES, _TEXTS, _LABELLED_SERIES),
    "by_heart": (_LONG_TEXTS,),
    "group_by": (_IMAGES, _TEXTS, _LABELLED_SERIES, _SERIES),
    "folds": (_IMAGES, _TEXTS, _LABELLED_SERIES, _SERIES),
    "fold": (_IMAGES, _TEXTS, _LABELLED_SERIES, _SERIES),
    "train_fraction": (_IMAGES, _TEXTS, _FORECASTS, _LABELLED_SERIES, _SERIES),
}
_INSTEAD = {
    (_LONG_TEXTS, "max_length"): "; length is that of a window",
    (_TEXTS, "length"): "; max_length says where texts are cut",
}


def form_problems(name: str, dataset: Any, source: Mapping[str, Any]) -> Iterator[Problem]:
    """Compare preprocess, split and augment with what the source gives.

    Args:
        name: name of the dataset.
        dataset: its block, in which anything may be of the wrong type.
        source: of the dataset.

    Yields:
        A problem for each key that is missing, of no use, or of a value that does not suit.
    """
    if source.get("name") not in registry.names("datasets"):
        return  # has been said
    path: KeyPath = ("datasets", name)
    who, form = source["name"], _form(source["name"])
    blocks = {key: dataset[key] for key in ("preprocess", "split", "augment") if isinstance(dataset.get(key), Mapping)}
    preprocess, split = blocks.get("preprocess", {}), blocks.get("split", {})
    for key, example in _NEEDED[form].items():
        if "preprocess" in blocks and preprocess.get(key) is None:
            yield Problem((*path, "preprocess", key), f"missing; {form} need it, such as {key}: {example}")
    takers = {
        key: [one for one, keys in _PREPROCESS_KEYS.items() if key in keys] for key in PreprocessBlock.model_fields
    }
    for section, block, taken in (("preprocess", preprocess, takers), ("split", split, _SPLIT_KEYS)):
        for key, forms in taken.items():
            if key in block and form not in forms:
                *others, last = forms
                listed = f"{', '.join(others)} or {last}" if others else last
                message = f"{who} gives no {listed}: leave {key} out{_INSTEAD.get((form, key), '')}"
                yield Problem((*path, section, key), message)
    if form in (_IMAGES, _LABELLED_SERIES) and preprocess.get("on_conflict") == "keep":
        what = "a picture" if form == _IMAGES else "a series"
        message = f"keep is for texts; of {what} at most one label can be right: error or quarantine"
        yield Problem((*path, "preprocess", "on_conflict"), message)
    if form == _LONG_TEXTS:
        yield from _long_text_problems(path, who, preprocess, split)
    if form == _FORECASTS:
        yield from _forecast_problems(path, who, preprocess, split)
    if form != _IMAGES and "evaluate_crop" in blocks.get("augment", {}):
        yield Problem((*path, "augment", "evaluate_crop"), f"{who} gives no images: leave evaluate_crop out")
    if form != _IMAGES and blocks.get("augment", {}).get("transforms") not in (None, [], "none"):
        yield Problem((*path, "augment", "transforms"), f"{who} gives no images: write augment: {{views: 0}}")


def _form(source: str) -> str:
    """What a source gives."""
    kind, labels = (
        registry.constant("datasets", source, "KIND"),
        constant_or("classes", "datasets", source, "LABELS"),
    )
    if kind == "tokens":
        return _LONG_TEXTS if labels == "next tokens" else _TEXTS
    if kind == "series":
        return {"forecast": _FORECASTS, "classes": _LABELLED_SERIES}.get(labels, _SERIES)
    return _IMAGES


def _long_text_problems(
    path: KeyPath, who: str, preprocess: Mapping[str, Any], split: Mapping[str, Any]
) -> Iterator[Problem]:
    length, stride = preprocess.get("length"), preprocess.get("stride")
    if isinstance(length, int) and isinstance(stride, int) and stride > length:
        message = f"stride ({stride}) must be at most length ({length}): what lies between windows would not be read"
        yield Problem((*path, "preprocess", "stride"), message)
    if split.get("test") == "given":
        yield Problem((*path, "split", "test"), f"{who} publishes no test split: give a share such as 0.05")
    if split.get("order") == "random":
        message = "a long text is cut in its own order: training, validation, test; leave order out, or write time"
        yield Problem((*path, "split", "order"), message)
    if split.get("by_heart") is True:
        for key in ("test", "validation"):
            if key in split:
                message = f"with by_heart, all of the text is in all three splits: leave {key} out"
                yield Problem((*path, "split", key), message)


def _forecast_problems(
    path: KeyPath, who: str, preprocess: Mapping[str, Any], split: Mapping[str, Any]
) -> Iterator[Problem]:
    if split.get("test") == "given":
        yield Problem((*path, "split", "test"), f"{who} publishes no test split: give a share such as 0.2")
    if split.get("order", "random") == "random":
        message = (
            "a forecast is measured on times after those it has learnt from, and neighbouring windows share their "
            "steps: in random order, training would hold what the test asks for. Write order: time"
        )
        yield Problem((*path, "split", "order"), message)
    window, season = preprocess.get("window"), preprocess.get("season")
    if isinstance(window, int) and isinstance(season, int) and season > window:
        message = f"{season}: must be at most window ({window}), for a forecast sees no earlier season"
        yield Problem((*path, "preprocess", "season"), message)

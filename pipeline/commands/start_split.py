"""How ``saccade start`` divides examples: as published, or by shares, in groups where that is safe."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.console import say
from saccade.core.errors import UserError
from saccade.prepare.split_settings import SplitSettings, assign, group_names, settings_for
from saccade.recognition.groups import why_not_grouped
from saccade.recognition.recognised import Recognised

_FEWEST = 3  # examples of a class
_SHARES = (0.15, 0.2, 0.25, 0.33)  # of the test and of the validation split: larger where classes are small


@dataclass(frozen=True)
class DecidedSplit:
    """The block ``split:``, the same with defaults filled in, and the reason for its keys."""

    block: Mapping[str, Any]
    settings: SplitSettings
    reasons: Mapping[str, str] = field(default_factory=dict)


def decide_split(examples: Any, reading: Recognised, seed: int) -> DecidedSplit:
    """The published split where there is one; else shares, by groups where that is safe, so that no split is empty.

    Args:
        examples: what the source reads.
        reading: what was recognised.
        seed: seed of the splits.

    Returns:
        The split.

    Raises:
        UserError: a class has too few examples to be in each split.
    """
    if reading.split:
        return DecidedSplit(reading.split, SplitSettings(**{**reading.split, "seed": seed}))
    published = getattr(examples, "published_splits", None)
    settings, line = settings_for({"test": None, "seed": seed}, published)
    if line:
        block: dict[str, Any] = {"test": "given"} if settings.test == "given" else {"validation": settings.validation}
        return DecidedSplit(block, settings, {"split": line.partition(" (")[0].partition(";")[0]})
    if not getattr(examples, "classes", ()):  # numbers to predict: each split holds some, whatever is drawn
        group_by, why = next(_groups(examples, reading), ("", ""))
        block = {"test": _SHARES[0], "validation": _SHARES[0]} | ({"group_by": group_by} if group_by else {})
        return DecidedSplit(block, SplitSettings(**block, seed=seed), {"split.group_by": why} if why else {})
    failure: UserError | None = None
    for group_by, why in (*_groups(examples, reading), ("", "")):
        for share in _SHARES:
            block = {"test": share, "validation": share} | ({"group_by": group_by} if group_by else {})
            settings = SplitSettings(**block, seed=seed)
            if (failure := _failure(examples, settings)) is None:
                reasons = {"split.group_by": why} if why else {}
                if share > _SHARES[0]:
                    reasons["split.test"] = "larger than usual, so that each class is in each split"
                return DecidedSplit(block, settings, reasons)
    counts = _counts(examples)
    name = min(counts, key=lambda each: counts[each])
    if counts[name] >= _FEWEST and failure is not None:
        raise failure
    raise UserError(
        f"class {name!r} has {counts[name]} of {sum(counts.values()):,} examples: each class needs {_FEWEST}, one for "
        "each split. Add some, put it together with another class, or leave it out"
    )


def _groups(examples: Any, reading: Recognised) -> Iterator[tuple[str, str]]:
    """Columns or patterns by which a split is safe, each with its reason; why others are not is said."""
    for hint in reading.group_hints:
        try:
            groups = group_names(SplitSettings(group_by=hint), examples.groups, _places(examples))
        except UserError:
            continue  # a hint, which a table's own columns need not bear out
        assert groups is not None
        has_one_class = bool(examples.classes) and examples.labels.ndim == 1
        labels = examples.labels.tolist() if has_one_class else []
        if unsafe := why_not_grouped(groups, labels, examples.classes):
            say(f"  note: not split by {hint}, although it may name what belongs together: {unsafe}")
        else:
            yield hint, f"{len(set(groups)):,} groups; what belongs together stays in one split"


def _failure(examples: Any, settings: SplitSettings) -> UserError | None:
    """Why some class would lack examples in a split, by a trial; None: none does."""
    from saccade.prepare.groups import group_keys

    groups = group_names(settings, examples.groups, _places(examples))
    try:
        assign(settings, examples.labels, examples.classes, group_keys(groups or examples.ids))
    except UserError as error:
        return error
    return None


def _places(examples: Any) -> Any:
    """Paths of the examples, for patterns; empty where they have none."""
    return getattr(examples, "names", None) or getattr(examples, "paths", None) or ()


def _counts(examples: Any) -> dict[str, int]:
    import numpy as np

    labels, K = examples.labels, len(examples.classes)
    counts = labels.sum(axis=0, dtype=int) if labels.ndim == 2 else np.bincount(labels, minlength=K)
    return dict(zip(examples.classes, counts.tolist(), strict=True))

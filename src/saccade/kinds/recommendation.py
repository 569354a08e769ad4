"""Recommending: settings for a dataset that nobody has tuned anything for, and its baseline as a run of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from saccade.core.errors import UserError
from saccade.kinds.offers import none_of, offered

if TYPE_CHECKING:
    from saccade.prepare.split_settings import SplitSettings


@dataclass(frozen=True)
class Resources:
    """What a training may cost.

    Attributes:
        minutes: minutes that it may take, above 0.
        cores: number of processor cores.
        has_gpu: whether there is a GPU that torch can use.
        has_weights: function from a model's name to whether its published weights are at hand without a download.
    """

    minutes: float
    cores: int
    has_gpu: bool
    has_weights: Callable[[str], bool]


@dataclass(frozen=True)
class Recommendation:
    """Blocks of params.yaml for a dataset and a run.

    Attributes:
        summary: line that says what was decided.
        preprocess: block of the dataset.
        augment: block of the dataset.
        model: block of the run.
        train: block of the run.
        evaluate: block of the run.
        reasons: reason for a value, by its dotted key, such as "train.finetune".
        minutes: minutes that the training will take, about; None: nobody knows.
    """

    summary: str
    preprocess: Mapping[str, Any]
    augment: Mapping[str, Any]
    model: Mapping[str, Any]
    train: Mapping[str, Any]
    evaluate: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    minutes: float | None = None


def recommend(
    form: str, examples: Any, preprocess: Mapping[str, Any], split: "SplitSettings", resources: Resources
) -> Recommendation:
    """Settings for a dataset that nobody has tuned anything for.

    Args:
        form: from ``form_of``.
        examples: what the source's ``read`` gave.
        preprocess: block of the dataset; what is no matter of learning stays. Required keys that are missing, such as
            the length of a window, are decided from the examples.
        split: how the examples will be divided.
        resources: what a training may cost.

    Returns:
        Plain settings, each with its reason.

    Raises:
        UserError: the kind recommends nothing.
    """
    kind, name = form.split("/")
    decide = offered(kind, "recommend", None)
    if decide is None:
        raise UserError(f"nothing is recommended for {kind} yet: `saccade recipes` lists settings to begin with")
    found: Recommendation = decide(name, examples, preprocess, split, resources)
    return found


def baseline_run(form: str, name: str, preprocess: Mapping[str, Any]) -> Recommendation | None:
    """A baseline of a dataset as a run of its own, which is kept, asked and compared as any other.

    Args:
        form: from ``form_of``.
        name: ``Baseline.name``: empty for the first one.
        preprocess: block of the dataset, defaults filled in.

    Returns:
        Settings of a model that does what the baseline does; None where there is none.
    """
    kind, own = form.split("/")
    found: Recommendation | None = offered(kind, "baseline_run", none_of)(own, name, preprocess)
    return found

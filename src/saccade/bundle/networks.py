"""The network that a config describes, built with random weights: input layer, model, output layer."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from saccade.bundle.ensemble import Ensemble, OutputKind
from saccade.bundle.inputs import input_for
from saccade.bundle.outputs import DivideLogits, Rescale, output_for
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import Spec


def network_of(
    model: str,
    arguments: Mapping[str, Any],
    spec: Spec,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    evaluate_crop: float = 1.0,
    one_output: bool = False,
    members: int = 1,
    target_mean: Sequence[float] = (),
    target_std: Sequence[float] = (),
    temperature: float = 1.0,
) -> nn.Sequential:
    """A new network with random weights: stored arrays in, the model's outputs out.

    Args:
        model: name of a file in ``models/``.
        arguments: all keyword arguments of its ``build``.
        spec: shape and meaning of the dataset's examples.
        mean: mean of the training split, one value a channel (scale 0..1) or feature.
        std: standard deviation of the training split, one value a channel or feature, above 0.
        evaluate_crop: share of each side of an image that evaluation looks at, in (0, 1].
        one_output: whether two classes are told apart by one number.
        members: number of networks that predict together.
        target_mean: mean of each number that is learnt standardised; empty elsewhere.
        target_std: standard deviation of the same, above 0.
        temperature: number that a classifier's logits are divided by, above 0.

    Returns:
        Input layer, model and, where there is one, output layer.

    Raises:
        UserError: the model does not take series of unequal length, and these are such; or it reads no lines.
    """
    built_for = spec.with_one_output() if one_output else spec
    each = [_build_model(model, arguments, built_for) for _ in range(members)]
    output: nn.Module | None = Rescale(target_mean, target_std) if target_std else None
    output = output or output_for(spec, mean, std)
    if temperature != 1:
        output = DivideLogits(temperature)
    before = input_for(spec, mean, std, evaluate_crop)
    whole = each[0] if members == 1 else Ensemble(each, _output_kind(spec, is_one_output=one_output))
    return nn.Sequential(before, whole, *([output] if output else []))


def _build_model(name: str, arguments: Mapping[str, Any], spec: Spec) -> nn.Module:
    if spec.output == "transcript" and "transcript" not in registry.constant_or((), "models", name, "OUTPUTS"):
        readers = [
            one
            for one in registry.names("models")
            if "transcript" in registry.constant_or((), "models", one, "OUTPUTS")
        ]
        raise UserError(f"model ({name}) must be one that reads lines: take {', '.join(readers)}")
    if (
        spec.layout == "series"
        and spec.is_padded
        and not registry.constant_or(False, "models", name, "TAKES_PADDED_SERIES")
    ):
        takers = registry.names("models")
        takers = [taker for taker in takers if registry.constant_or(False, "models", taker, "TAKES_PADDED_SERIES")]
        raise UserError(
            f"model ({name}) must be one that knows where a series ends, for they differ in length: take "
            f"{', '.join(takers)}, or cut all series to the shortest with preprocess.length"
        )
    built: nn.Module = registry.module("models", name).build(spec, **arguments)
    return built


def _output_kind(spec: Spec, *, is_one_output: bool) -> OutputKind:
    """The form in which the members of an ensemble answer."""
    if is_one_output or spec.multilabel:
        return "sigmoids"
    return "classes" if spec.classes or spec.output != "per_example" else "numbers"

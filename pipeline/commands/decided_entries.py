"""What was decided for a dataset and a run, as lines of params.yaml, each with its reason; and for which machine."""

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.commands.add import flow
from saccade import kinds
from saccade.core import registry
from saccade.core.cpu import usable_cores
from saccade.core.messages import printable


def resources_of_this_machine(minutes: float, *, from_scratch: bool = False) -> kinds.Resources:
    """What a training may cost: so many minutes on the cores, or the GPU, that there are.

    Args:
        minutes: minutes that it may take.
        from_scratch: whether published weights count as missing.

    Returns:
        What ``kinds.recommend`` takes.
    """
    import torch

    def has_weights(model: str) -> bool:
        place = str(registry.constant_or("", "models", model, "PRETRAINED"))
        return not from_scratch and "/" in place and importlib.util.find_spec(place.partition("/")[0]) is not None

    return kinds.Resources(minutes, usable_cores(), torch.cuda.is_available(), has_weights)


def task_for(labels: str) -> str:
    """The first task that predicts such labels."""
    return next(name for name in registry.names("tasks") if registry.constant("tasks", name, "LABELS") == labels)


def entry_lines(name: str, blocks: Mapping[str, Any], reasons: Mapping[str, str], summary: str) -> list[str]:
    """The lines of an entry: a block a line, or a line a key where it is long or has reasons."""
    lines = [line for key, block in blocks.items() for line in _block(key, block, reasons)]
    return [f"{flow(name)}:   # {printable(summary)}", *(f"  {line}" for line in lines)]


def _block(key: str, block: Any, reasons: Mapping[str, str]) -> Iterator[str]:
    reasons = {place: printable(why) for place, why in reasons.items()}
    reason = f"   # {reasons[key]}" if key in reasons else ""
    inside = {name.removeprefix(f"{key}."): why for name, why in reasons.items() if name.startswith(f"{key}.")}
    line = f"{key}: {flow(block)}{reason}"
    if not isinstance(block, Mapping) or (not inside and len(line) < 110):
        yield line
        return
    yield f"{key}:{reason}"
    for name, value in block.items():
        why = f"   # {inside[name]}" if name in inside else ""
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"  {name}:{why}"
            yield from (f"    - {flow(item)}" for item in value)
        else:
            yield f"  {name}: {flow(value)}{why}"

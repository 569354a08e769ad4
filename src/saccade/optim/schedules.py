"""Learning rate over the steps of a run: plain functions of the step.

A step is one update, counted from 0 over the whole run; nothing is remembered between steps, so a resumed run
cannot lose its place.
"""

import math
from collections.abc import Callable
from typing import Any

Schedule = Callable[[int], float]
"""``schedule(step)``: the learning rate of a step, from 0."""


def build(name: str, *, lr: float, epochs: int, steps_per_epoch: int, **options: Any) -> Schedule:
    """The learning rate of each step of a run.

    Args:
        name: constant, step, cosine or one_cycle.
        lr: learning rate that the schedule multiplies, above 0.
        epochs: number of epochs of the whole run.
        steps_per_epoch: number of updates an epoch.
        **options: options of the schedule: see the functions below. ``warmup_epochs`` (not for one_cycle) raises the
            factor linearly from ``1 / warmup_steps`` at step 0 to 1 at the last warm-up step, then the schedule begins.

    Returns:
        A function from a step in [0, epochs * steps_per_epoch) to a learning rate.
    """
    factor = _factor(name, epochs=epochs, steps_per_epoch=steps_per_epoch, **options)
    return lambda step: lr * factor(step)


def _factor(name: str, *, epochs: int, steps_per_epoch: int, **options: Any) -> Callable[[int], float]:
    total_steps = epochs * steps_per_epoch
    if name == "one_cycle":
        return lambda step: one_cycle(step, total_steps, **options)
    warmup_steps = round(options.pop("warmup_epochs", 0) * steps_per_epoch)

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        after, left = step - warmup_steps, max(total_steps - warmup_steps, 1)
        if name == "cosine":
            return cosine(after, left, **options)
        if name == "step":
            return staircase(after, steps_per_epoch, **options)
        assert name == "constant", name
        return 1.0

    return factor


def cosine(step: int, total_steps: int, *, final_factor: float = 0.0) -> float:
    """Half a cosine from 1 to ``final_factor``, which step ``total_steps`` would reach.

    Source: I. Loshchilov, F. Hutter, "SGDR", 2016, without restarts; as ``torch.optim.lr_scheduler.CosineAnnealingLR``.
    """
    return final_factor + (1 - final_factor) * (1 + math.cos(math.pi * step / total_steps)) / 2


def staircase(step: int, steps_per_epoch: int, *, every_epochs: int, factor: float = 0.1) -> float:
    """Multiply by ``factor`` after each ``every_epochs`` epochs."""
    return factor ** (step // (every_epochs * steps_per_epoch))


def one_cycle(
    step: int,
    total_steps: int,
    *,
    warmup_fraction: float = 0.3,
    start_factor: float = 0.04,
    final_factor: float = 4e-6,
) -> float:
    """Half a cosine up from ``start_factor`` to 1, then half a cosine down to ``final_factor`` at the last step.

    Source: L. Smith, N. Topin, "Super-convergence", 2017; the values are those of
    ``torch.optim.lr_scheduler.OneCycleLR`` with its defaults (div_factor 25, final_div_factor 10,000). The momentum is
    not cycled.
    """
    peak_step = warmup_fraction * total_steps - 1
    if step <= peak_step:
        return _between(start_factor, 1.0, step / peak_step) if peak_step > 0 else 1.0
    return _between(1.0, final_factor, (step - peak_step) / (total_steps - 1 - peak_step))


def _between(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2

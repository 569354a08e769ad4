"""``fit``, ``measure`` and ``rising_losses`` with all settings as flat keyword arguments, for the tests of the loop.

``schedule`` is a factor of ``lr`` here, so that a test can say "a constant rate" without naming it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays
from saccade.batching.batches import Batches
from saccade.core.distributed import SINGLE_PROCESS, Processes
from saccade.core.progress import Progress, no_progress
from saccade.lr_finder import range_test
from saccade.optim.losses import Loss
from saccade.optim.objective import Objective
from saccade.train import loop
from saccade.train import measure as measuring
from saccade.train.loop import FitSettings
from saccade.train.runtime import Runtime
from saccade.train.state import EpochRecord, TrainingState

CPU = torch.device("cpu")
_BATCHES = ("sampler", "length_buckets", "mixup", "cutmix", "accumulation_steps")
_OBJECTIVE = ("score", "label_smoothing", "class_weights")
_SETTINGS = ("clip_norm", "ema_decay", "patience", "min_delta", "head", "head_epochs", "fixed_norms")
_RUNTIME = ("precision", "compile", "check_losses")


def fit(
    state: TrainingState,
    train: LabelledArrays,
    validation: LabelledArrays,
    *,
    loss: Loss,
    schedule: Callable[[int], float],
    lr: float,
    epochs: int,
    batch_size: int,
    seed: int,
    device: torch.device = CPU,
    processes: Processes = SINGLE_PROCESS,
    progress: Progress = no_progress,
    after_update: Callable[[TrainingState], None] = lambda state: None,
    **options: Any,
) -> Iterator[EpochRecord]:
    """``saccade.train.loop.fit``."""
    _refuse_unknown(options)
    if options.get("class_weights") is not None:
        options["class_weights"] = options["class_weights"].to(device)
    return loop.fit(
        state,
        batches_of(train, batch_size, seed=seed, device=device, processes=processes, **options),
        validation,
        Objective(loss, **_those(_OBJECTIVE, options)),
        lambda step: lr * schedule(step),
        FitSettings(epochs, **_those(_SETTINGS, options)),
        Runtime(device, processes=processes, **_those(_RUNTIME, options)),
        progress=progress,
        after_update=after_update,
    )


def batches_of(
    data: LabelledArrays,
    batch_size: int,
    *,
    seed: int,
    device: torch.device = CPU,
    processes: Processes = SINGLE_PROCESS,
    **options: Any,
) -> Batches:
    """The batches of a training with these settings; those that are not theirs do not matter."""
    chosen = _those(_BATCHES, options)
    return Batches(data, batch_size, seed=seed, device=device, processes=processes, **chosen)


def measure(
    network: nn.Module, data: LabelledArrays, loss: Loss, score: str = "accuracy", batch_size: int = 256
) -> tuple[float, float]:
    """``saccade.train.measure.measure`` on the CPU."""
    return measuring.measure(network, data, Objective(loss, score=score), Runtime(), batch_size)


def rising_losses(
    state: TrainingState,
    train: LabelledArrays,
    *,
    rates: Sequence[float],
    loss: Callable[..., Tensor],
    batch_size: int,
    seed: int,
    compile: bool = False,
    progress: Progress = no_progress,
    **options: Any,
) -> Iterator[float]:
    """``saccade.lr_finder.range_test.rising_losses``."""
    _refuse_unknown(options)
    return range_test.rising_losses(
        state,
        batches_of(train, batch_size, seed=seed, **options),
        Objective(loss, **_those(_OBJECTIVE, options)),
        rates,
        Runtime(compile=compile),
        clip_norm=options.get("clip_norm"),
        progress=progress,
    )


def _those(names: Sequence[str], options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}


def _refuse_unknown(options: dict[str, Any]) -> None:
    unknown = options.keys() - {*_BATCHES, *_OBJECTIVE, *_SETTINGS, *_RUNTIME}
    assert not unknown, f"no settings of a training: {unknown}"

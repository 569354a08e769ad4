"""What is known of a training that has ended, in whatever way: its epochs, layers and settings, as plain numbers."""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """One training.

    The measure of its losses is the constant loss: what a network gets that always gives the same, best possible,
    answer. Where it is, nothing has been learnt, whatever the task and the unit of its loss.

    Attributes:
        history: a row an epoch, as in history.csv.
        layers: rows as in gradients.csv: those of ``LayerStatistics.read``, with their ``epoch``.
        constant_loss: loss of the best prediction that is the same for all validation examples, above 0: see
            ``losses.constant_prediction_loss``.
        settings: resolved params, flat: ``model.activation``, ``train.optimizer.lr``, ``dataset.augment.views``, ...
        is_below_baseline: whether it was evaluated as worse than a simple model; None: not evaluated yet.
        broke: place and time of a loss that is no finite number (``NonFiniteError.found``); None without one.
    """

    history: Sequence[Row]
    layers: Sequence[Row]
    constant_loss: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    broke: Row | None = None
    is_below_baseline: bool | None = None

    def losses(self, split: str) -> list[float]:
        """The loss of each epoch; ``split`` is train or validation."""
        return [float(row[f"{split}_loss"]) for row in self.history]

    def late_loss(self) -> float:
        """The lowest loss, training or validation, in the last third of the epochs, as a share of the constant loss."""
        late = max(len(self.history) // 3, 1)
        return min(*self.losses("train")[-late:], *self.losses("validation")[-late:]) / self.constant_loss

    def rise(self) -> float:
        """How far validation ended above its best epoch, by the constant loss; one bad epoch at the end is none."""
        losses = self.losses("validation")
        return (min(losses[-2:]) - min(losses)) / self.constant_loss

    def swing(self) -> tuple[float, float]:
        """How the validation loss moves after the first third of the epochs, by the constant loss.

        Returns:
            Median step from an epoch to the next, and the share of epochs in which a constant answer is no worse; zeros
            of fewer than four such epochs, and of a loss that goes on falling below a constant answer's.
        """
        losses = self.losses("validation")
        late = [loss / self.constant_loss for loss in losses[len(losses) // 3 :]]
        half = len(late) // 2
        if half < 2:
            return 0.0, 0.0
        before, now = statistics.median(late[:half]), statistics.median(late[half:])
        if now < min(1.0, 0.9 * before):
            return 0.0, 0.0
        steps = statistics.median(abs(second - first) for first, second in itertools.pairwise(late))
        return steps, sum(loss >= 1 for loss in late) / len(late)

    def jump(self) -> float:
        """The largest training loss of an epoch, times the lowest of those before it; 0 where there is one epoch.

        A loss of exactly 0, which some losses reach, is no measure for those after it.
        """
        losses = self.losses("train")
        lowest = itertools.accumulate(losses, min)
        return max((loss / least for loss, least in zip(losses[1:], lowest, strict=False) if least > 0), default=0.0)

    def growth(self) -> dict[str, float]:
        """Layer to how many times its weights' norm has grown."""
        return {layer: last / first for layer, (first, last) in self.ends("weight_norm").items() if first > 0}

    def gradient_share(self) -> tuple[float, int] | None:
        """The first layers' gradient by that of the last ones, each by the norm of its weights; medians of thirds.

        Returns:
            The share, and how many layers a third is; None of fewer than three layers, or where the last get none.
        """
        weights = self.latest("weight_norm")
        found = self.latest("gradient_norm").items()
        by_weight = [gradient / weights[layer] for layer, gradient in found if weights.get(layer, 0.0) > 0]
        third = len(by_weight) // 3
        late = statistics.median(by_weight[-third:]) if third else 0.0
        return (statistics.median(by_weight[:third]) / late, third) if late > 0 else None

    def share_over_time(self) -> float | None:
        """dL/dh_1 by dL/dh_T in the rows of ``over_time``; None where nothing recurs or no gradient arrives."""
        rows = self.over_time()
        return _first_by_last(rows) if rows else None

    def latest(self, key: str) -> dict[str, float]:
        """Layer to value in the last epoch that has any, in the order of the network."""
        found = self._values(key)
        last = max((epoch for epoch, _, _ in found), default=None)
        return {layer: value for epoch, layer, value in found if epoch == last}

    def ends(self, key: str) -> dict[str, tuple[float, float]]:
        """Layer to its first and its last value."""
        ends: dict[str, tuple[float, float]] = {}
        for _, layer, value in self._values(key):
            ends[layer] = (ends.get(layer, (value, value))[0], value)
        return ends

    def largest(self, key: str, epoch: int | None = None) -> dict[str, float]:
        """Layer to its largest value, in one epoch or in any."""
        largest: dict[str, float] = {}
        for at, layer, value in self._values(key):
            if epoch in (None, at):
                largest[layer] = max(largest.get(layer, value), value)
        return largest

    def over_time(self) -> list[Row]:
        """The rows of dL/dh_t, first step to last, of the epoch whose share of the first step is the (upper) median.

        A network that learns nothing drifts: a plain one over 100 steps was seen at 1e-18, 1e-9 and, once, at 0.8.

        Returns:
            None of them where nothing recurs, or no gradient arrives.
        """
        epochs: dict[int, list[Row]] = {}
        for row in self.layers:
            if _is_number(row.get("step")):
                epochs.setdefault(row["epoch"], []).append(row)
        known = [rows for rows in epochs.values() if math.isfinite(_first_by_last(rows))]
        return sorted(known, key=_first_by_last)[len(known) // 2] if known else []

    def _values(self, key: str) -> list[tuple[int, str, float]]:
        """Epoch, layer, value; without the rows of steps, and without what is missing or not finite."""
        rows = [row for row in self.layers if not _is_number(row.get("step")) and _is_number(row.get(key))]
        return [(int(row["epoch"]), str(row["layer"]), float(row[key])) for row in rows]


def constant_loss(tags: Mapping[str, Any], history: Sequence[Row]) -> float:
    """The loss of a constant answer; of a loss that has no formula for it, what the training began with.

    Args:
        tags: tags of the run, of which ``saccade.constant_loss`` may say it.
        history: a row an epoch, as in history.csv.

    Returns:
        A number above 0.
    """
    noted = tags.get("saccade.constant_loss")
    begun_with = max((float(row["train_loss"]) for row in history[:1]), default=0.0)
    return float(noted or 0) or begun_with or 1.0  # 0 where validation has one class alone


def _first_by_last(rows: Sequence[Row]) -> float:
    last = float(rows[-1]["gradient_norm"])
    return float(rows[0]["gradient_norm"]) / last if last > 0 else math.nan


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)

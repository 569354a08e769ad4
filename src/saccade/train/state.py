"""What a training changes and reports: its state, the record of an epoch, and how far an epoch is.

Shapes: N examples, V stored views, H height, W width, C channels, T tokens, O numbers to predict.
"""

import copy
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor, nn

from saccade.batching.batches import MadeViews
from saccade.optim.optimizers import Optimizer
from saccade.train.early_stopping import best_epoch
from saccade.train.layer_statistics import Row, VitalSigns


@dataclass(frozen=True)
class LabelledArrays:
    """Examples as they lie on the disk, memory-mapped or in memory.

    Attributes:
        views: (V, N, ...), such as uint8 (V, N, H, W, C); epoch e (from 1) reads view (e - 1) mod V. Or what makes view
            e - 1 while epoch e reads it.
        labels: int64 (N,) of classes, float32 (N, O) of numbers to predict, or int64 (N, T) of next tokens.
        lengths: of texts, int64 (N,): tokens of each, which padding follows; None: examples fill their rows.
    """

    views: Tensor | MadeViews
    labels: Tensor
    lengths: Tensor | None = None


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch.

    Attributes:
        epoch: from 1.
        train_loss: mean over the examples that were drawn, as they were seen, each before the update it led to; with
            the weights of their classes where there are any, and smoothed labels.
        train_score: mean over the same, of what ``score`` names, without such weights.
        validation_loss: mean over the validation split with the weights at the end of the epoch, each example counting
            the same, without smoothed labels: runs with and without these or a sampler can be compared by it.
        validation_score: likewise.
        learning_rate: of the epoch's last step.
        gradient_norm: mean over the steps of the L2 norm of the whole gradient, before clipping.
        examples_per_s: training examples a second, validation not counted.
        elapsed_s: seconds of training and validation.
        score: accuracy, or mae: what the task reports beside the loss.
        layers: what ``vital_signs.VitalSigns.read`` gives.
    """

    epoch: int
    train_loss: float
    train_score: float
    validation_loss: float
    validation_score: float
    learning_rate: float
    gradient_norm: float
    examples_per_s: float
    elapsed_s: float
    score: str
    layers: list[Row] = field(default_factory=list)

    def row(self) -> dict[str, float]:
        """Column names and values as tables and tracking have them: ``train_accuracy`` for a score of accuracy."""
        values = {key: value for key, value in asdict(self).items() if key not in ("score", "layers")}
        return {key.replace("score", self.score): value for key, value in values.items()}


@dataclass
class EpochProgress:
    """How far the epoch under way is.

    Attributes:
        sums: float64 (3,) of this epoch so far: losses and scores over the examples, gradient norms over the
            updates. On the network's device, so that no update waits for it.
        examples: how many are done, over all processes.
        elapsed_s: seconds of training.
    """

    sums: Tensor
    examples: int = 0
    elapsed_s: float = 0.0


class TrainingState:
    """What training changes, and what it takes to go on: everything but the data and the settings.

    Args:
        network: on its device.
        optimizer: over its parameters.
        with_average: keep averaged weights too.
        with_best: keep the weights of the best epoch so far too.

    Attributes:
        network: what is trained.
        optimizer: its memory, and how many updates there have been.
        averaged: the network with averaged weights, None without.
        best: the network as it was measured after the epoch with the lowest validation loss, None without.
        signs: how the layers of the epoch under way are doing.
        progress: of the epoch under way.
        history: the epochs that are done.
    """

    def __init__(
        self, network: nn.Sequential, optimizer: Optimizer, *, with_average: bool = False, with_best: bool = False
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.averaged = copy.deepcopy(network) if with_average else None
        self.best = copy.deepcopy(network) if with_best else None
        self.signs = VitalSigns(network, optimizer)
        self.history: list[EpochRecord] = []
        self.begin_epoch()

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    @property
    def result(self) -> nn.Sequential:
        """The network to measure: with averaged weights where there are any."""
        return self.network if self.averaged is None else self.averaged

    @property
    def kept(self) -> nn.Sequential:
        """The network to keep: as it was measured after ``kept_epoch``."""
        return self.result if self.best is None else self.best

    @property
    def kept_epoch(self) -> int:
        """The last epoch, or the best one, from 1; 0 before the first is done."""
        return self.epoch if self.best is None or not self.history else best_epoch(self.validation_losses)

    @property
    def validation_losses(self) -> list[float]:
        """Of the epochs that are done."""
        return [record.validation_loss for record in self.history]

    def end_epoch(self, record: EpochRecord) -> None:
        """An epoch is measured: note it, and its weights where they are the best so far."""
        self.history.append(record)
        if self.best is not None and self.kept_epoch == record.epoch:
            self.best.load_state_dict(self.result.state_dict())
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Nothing of the next epoch is done yet."""
        device = next(self.network.parameters()).device
        self.progress = EpochProgress(torch.zeros(3, device=device, dtype=_sum_dtype(device)))
        self.signs.begin_epoch()


def _sum_dtype(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64

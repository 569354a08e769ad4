"""What a training changes and reports: its state, the record of an epoch, and how far an epoch is."""

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from saccade.optim.optimizers import Optimizer
from saccade.train.early_stopping import best_epoch
from saccade.train.layer_statistics import LayerStatistics, Row


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch.

    Attributes:
        epoch: number of the epoch, from 1.
        train_loss: mean over the examples that were drawn, as they were seen, each before the update it led to; with
            class weights and smoothed labels, where there are any.
        train_score: mean over the same examples of what ``score`` names, without class weights.
        validation_loss: mean over the validation split with the weights at the end of the epoch, each example counting
            the same, without smoothed labels: runs with and without these or a sampler can be compared by it.
        validation_score: mean over the validation split of what ``score`` names, with the same weights.
        learning_rate: rate of the epoch's last step.
        gradient_norm: mean over the steps of the L2 norm of the whole gradient, before clipping.
        examples_per_s: training examples a second, validation not counted.
        elapsed_s: seconds of training and validation.
        score: name of what the task reports beside the loss: accuracy, or mae.
        layers: rows that ``layer_statistics.LayerStatistics.read`` gives.
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
        examples: number of examples that are done, over all processes.
        elapsed_s: seconds of training.
    """

    sums: Tensor
    examples: int = 0
    elapsed_s: float = 0.0


class TrainingState:
    """What training changes, and what it takes to go on: everything but the data and the settings.

    Args:
        network: the network on its device.
        optimizer: optimiser over its parameters.
        with_average: whether averaged weights are kept too.
        with_best: whether the weights of the best epoch so far are kept too.

    Attributes:
        network: the network that is trained.
        optimizer: its state, and the number of its steps.
        parameters: the parameters that are trained, in the optimiser's order.
        forward: function from a batch of examples to the network's outputs; ``fit`` compiles it, or lets gradients be
            averaged over processes.
        averaged: the network with averaged weights, None without.
        best: the network as it was measured after the epoch with the lowest validation loss, None without.
        layer_statistics: norms and other figures of the layers in the epoch under way.
        progress: place in the epoch under way, and its sums so far.
        history: records of the epochs that are done.
    """

    def __init__(
        self, network: nn.Sequential, optimizer: Optimizer, *, with_average: bool = False, with_best: bool = False
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.parameters = list(optimizer.parameters())
        self.forward: Callable[[Tensor], Any] = network
        self.averaged = copy.deepcopy(network) if with_average else None
        self.best = copy.deepcopy(network) if with_best else None
        self.layer_statistics = LayerStatistics(network, optimizer)
        self.history: list[EpochRecord] = []
        self.begin_epoch()

    @property
    def epoch(self) -> int:
        """The number of epochs that are done."""
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
        """The validation loss of each epoch that is done."""
        return [record.validation_loss for record in self.history]

    def end_epoch(self, record: EpochRecord) -> None:
        """Add the record of an epoch, and keep its weights where they are the best so far."""
        self.history.append(record)
        if self.best is not None and self.kept_epoch == record.epoch:
            self.best.load_state_dict(self.result.state_dict())
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Set progress and sums to the start of an epoch."""
        device = next(self.network.parameters()).device
        self.progress = EpochProgress(torch.zeros(3, device=device, dtype=sum_dtype(device)))
        self.layer_statistics.begin_epoch()


def sum_dtype(device: torch.device) -> torch.dtype:
    """The most precise float in which a device adds up."""
    return torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64

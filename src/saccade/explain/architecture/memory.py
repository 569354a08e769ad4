"""What a training step holds in memory: measured on a forward pass, and on the meta device where that tells enough."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from saccade.data.spec import UNKNOWN
from saccade.optim import optimizers

_MAX_MEASURED_BYTES = 2**28  # of activations; a larger batch on the CPU is measured in part


@dataclass(frozen=True)
class Memory:
    """Bytes of a training step in float32, when the forward pass has ended: near its peak.

    Attributes:
        batch_size: number of examples.
        weights: parameters, and buffers such as a norm's running mean.
        gradients: gradients of the parameters that are trained.
        optimizer: state of the optimizer.
        activations: tensors kept for the backward pass, for the whole batch, the input among them.
        measured_examples: number of examples in the forward pass that was measured.
    """

    batch_size: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    measured_examples: int

    @property
    def total(self) -> int:
        """Of all of them."""
        return self.weights + self.gradients + self.optimizer + self.activations


def blank_batch(examples: int, input_shape: tuple[int, ...]) -> Tensor:
    """Examples without content: noughts, or the one token that every vocabulary has and that is no padding."""
    if len(input_shape) == 1:
        return torch.full((examples, *input_shape), UNKNOWN)
    return torch.zeros(examples, *input_shape)


def measure_step_memory(
    network: nn.Module,
    build: Callable[[], nn.Module],
    input_shape: tuple[int, ...],
    batch_size: int,
    optimizer: Mapping[str, Any],
) -> Memory:
    """Measure a training step.

    Args:
        network: new network, on the meta device or the CPU; it is changed.
        build: function that returns another one like it.
        input_shape: shape of one example: (C, H, W), (T, F) or (T,).
        batch_size: examples of the step, from 1.
        optimizer: name and options, as ``saccade.optim.optimizers.build`` takes them.

    Returns:
        What it holds.
    """
    parameters = list(network.parameters())
    examples = max(batch_size, 2)  # a norm takes no variance of one
    if torch.get_default_device().type != "meta" or any(isinstance(layer, nn.RNNBase) for layer in network.modules()):
        # A recurrent layer keeps what the library that computes it keeps, not what its operations one by one would.
        with torch.device("cpu"):
            network = build()
            few = measure_activation_bytes(network, blank_batch(2, input_shape))
            examples = min(examples, max(2, 2 * _MAX_MEASURED_BYTES // max(few, 1)))
            kept = measure_activation_bytes(network, blank_batch(examples, input_shape))
    else:
        kept = measure_activation_bytes(network, blank_batch(examples, input_shape))
    return Memory(
        batch_size=batch_size,
        weights=sum(tensor.nbytes for tensor in [*parameters, *network.buffers()]),
        gradients=sum(parameter.nbytes for parameter in parameters if parameter.requires_grad),
        optimizer=sum(tensor.nbytes for tensor in optimizers.build(model=network, **optimizer).state_dict().values()),
        activations=kept * batch_size // examples,
        measured_examples=examples,
    )


def measure_activation_bytes(network: nn.Module, x: Tensor) -> int:
    """Bytes that a forward pass in training mode keeps for the backward pass, the weights not counted.

    Args:
        network: any network; its running statistics change.
        x: a batch, on the same device, which may be meta.

    Returns:
        The sum over the memory blocks of the tensors that autograd saves, each once.
    """
    own = {tensor.untyped_storage()._cdata for tensor in (*network.parameters(), *network.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network.train()(x)
        del output
    return sum(storage.nbytes() for storage in kept.values())

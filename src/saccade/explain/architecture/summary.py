"""What a network is made of, layer by layer: shapes, parameters, multiply-adds, receptive fields, memory.

Nothing is written down twice: the network runs once on torch's meta device, where tensors have shapes and no values,
and every operation is looked at as it passes. A network that needs values (it asks for a number, say) runs on the CPU.

Multiply-adds are those of convolutions and matrix products; adding a bias, activations, norms and pooling are not
counted, as in ``torch.utils.flop_counter``, which reports twice the number.

Shapes: B batch, C channels, H height, W width, T time steps or tokens, F features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from saccade.explain.architecture.diagram_blocks import DiagramBlock, diagram_blocks
from saccade.explain.architecture.layer_windows import formula_of, window_of
from saccade.explain.architecture.memory import Memory, blank_batch, measure_step_memory
from saccade.explain.architecture.receptive_field import ReceptiveField
from saccade.explain.architecture.trace import Call, called_parameters, trace

BATCH_SIZE = 64
OPTIMIZER = {"name": "sgd", "lr": 0.1, "momentum": 0.9}


@dataclass(frozen=True)
class Layer:
    """One layer of the network, where it is first used.

    Attributes:
        name: name in the network, such as features.0.
        kind: class of the layer.
        kernel_size: size of its windows, a number a side; None where it has none.
        stride: positions between two windows, a number a side; None where it has none.
        padding: positions added at each end, a number a side; None where it has none.
        output_shape: shape without the batch: (C, H, W), (T, F) or (F,).
        parameters: numbers that it holds; one that an earlier layer holds too is counted there.
        macs: multiply-adds for one example, over all its uses.
        receptive_field: positions of the input that one element of its output depends on, along each axis (H and W, or
            T), also where they reach beyond the border; None where every element sees all of the input.
        formula: formula of the output's sides, with its numbers.
        uses: number of calls for one example.
    """

    name: str
    kind: str
    kernel_size: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    padding: tuple[int, ...] | None
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    receptive_field: tuple[int, ...] | None
    formula: str
    uses: int = 1


@dataclass(frozen=True)
class NetworkSummary:
    """A network, layer by layer and as a whole.

    Attributes:
        input_shape: shape without the batch: (C, H, W), (T, F) or (T,).
        layers: layers in the order of execution.
        blocks: layers joined for a figure.
        parameters: number of parameters that evaluation can use.
        trainable: number of those parameters that are not frozen.
        macs: multiply-adds of one example in evaluation.
        training_only_parameters: number of parameters of heads that run in training alone.
        training_only_macs: multiply-adds that those heads add to each example.
        memory: memory of a training step.
    """

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    blocks: tuple[DiagramBlock, ...]
    parameters: int
    trainable: int
    macs: int
    training_only_parameters: int
    training_only_macs: int
    memory: Memory

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the layers without their windows and formulas."""

        def plain(value: Any) -> Any:
            return list(value) if isinstance(value, tuple) else value

        keys = ("name", "kind", "output_shape", "parameters", "macs", "receptive_field")
        return {
            "input": list(self.input_shape),
            "parameters": self.parameters,
            "macs": self.macs,
            "layers": [{key: plain(getattr(layer, key)) for key in keys} for layer in self.layers],
        }


def describe(
    build: Callable[[], nn.Module],
    input_shape: Sequence[int],
    *,
    batch_size: int = BATCH_SIZE,
    optimizer: Mapping[str, Any] = OPTIMIZER,
) -> NetworkSummary:
    """Describe a network.

    Args:
        build: function that returns a new network each time it is called.
        input_shape: shape of one example: (C, H, W) of an image, (T, F) of a series, (T,) of a text.
        batch_size: examples of the training step whose memory is measured, from 1.
        optimizer: name and options, as ``saccade.optim.optimizers.build`` takes them.

    Returns:
        What was found.

    Raises:
        UserError: the network cannot take such an input.
        ValueError: ``input_shape`` is neither of an image, nor of a series, nor of a text.
    """
    input_shape = tuple(input_shape)
    if len(input_shape) not in (1, 2, 3):
        raise ValueError(f"input_shape ({input_shape}) must be (C, H, W), (T, F) or (T,)")
    with torch.random.fork_rng(devices=[]):
        try:
            return _described("meta", build, input_shape, batch_size, optimizer)
        except RuntimeError:  # values are needed; what else is wrong shows on the CPU too
            return _described("cpu", build, input_shape, batch_size, optimizer)


def _described(
    device: str,
    build: Callable[[], nn.Module],
    input_shape: tuple[int, ...],
    batch_size: int,
    optimizer: Mapping[str, Any],
) -> NetworkSummary:
    with torch.device(device):
        network = build().eval()
        root = trace(network, blank_batch(1, input_shape))
        counted: set[nn.Parameter] = set()
        layers = _layers(root, input_shape, counted)
        macs = sum(call.macs for call in root.all())
        parameters, heads, heads_macs = set(network.parameters()), set(), 0
        if parameters - counted:
            in_training = trace(network.train(), blank_batch(2, input_shape))
            heads = called_parameters(in_training) & parameters - counted
            heads_macs = sum(call.macs for call in in_training.all()) // 2 - macs if heads else 0
        memory = measure_step_memory(network, build, input_shape, batch_size, optimizer)
    return NetworkSummary(
        input_shape=input_shape,
        layers=tuple(layers),
        blocks=tuple(diagram_blocks(root)),
        parameters=sum(parameter.numel() for parameter in parameters - heads),
        trainable=sum(parameter.numel() for parameter in parameters - heads if parameter.requires_grad),
        macs=macs,
        training_only_parameters=sum(parameter.numel() for parameter in heads),
        training_only_macs=heads_macs,
        memory=memory,
    )


def _layers(root: Call, input_shape: tuple[int, ...], counted: set[nn.Parameter]) -> list[Layer]:
    """A line for every module without parts, and for others that hold parameters or multiply themselves.

    A module with parameters has one line however often it is called, with the shape and field of its last call; one
    without has a line for each call, since it is another layer there.

    Args:
        root: the call of the network.
        input_shape: without the batch.
        counted: takes up the parameters that were found.

    Returns:
        In the order of execution.
    """
    layers: dict[int, Layer] = {}
    for number, call in enumerate(root.all()):
        own = call.own_parameters()
        if not (call.is_leaf or own or call.macs):
            continue
        key = id(call.module) if own else -number
        earlier = layers.get(key)
        window = window_of(call)
        layers[key] = Layer(
            name=call.name or "(network)",
            kind=type(call.module).__name__,
            kernel_size=window.sizes if window else None,
            stride=window.strides if window else None,
            padding=tuple(total // 2 for total in window.padded) if window else None,
            output_shape=call.output_shape[1:],
            parameters=earlier.parameters if earlier else sum(p.numel() for p in set(own) - counted),
            macs=call.macs + (earlier.macs if earlier else 0),
            receptive_field=_field(call.receptive_field, input_shape),
            formula=formula_of(call, window) if window else "",
            uses=1 + (earlier.uses if earlier else 0),
        )
        counted |= set(own)
    return list(layers.values())


def _field(field: ReceptiveField | None, input_shape: tuple[int, ...]) -> tuple[int, ...] | None:
    if field is None:
        return (0,) * (len(input_shape) - 1)
    sides = input_shape[1:] if len(input_shape) == 3 else input_shape[:1]
    return None if field.covers(sides) else field.sizes

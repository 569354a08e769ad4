"""What a network is made of, layer by layer: shapes, parameters, multiply-adds, receptive fields, memory.

Nothing is written down twice: the network runs once on torch's meta device, where tensors have shapes and no values,
and every operation is looked at as it passes. A network that needs values (it asks for a number, say) runs on the CPU.

Multiply-adds are those of convolutions and matrix products; adding a bias, activations, norms and pooling are not
counted, as in ``torch.utils.flop_counter``, which reports twice the number.

Shapes: B batch, C channels, H height, W width, T time steps, F features.
"""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules import conv, pooling
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from saccade import optimizers, receptive_fields, sights
from saccade.sights import Sight

BATCH_SIZE = 64
OPTIMIZER = {"name": "sgd", "lr": 0.1, "momentum": 0.9}

_MOST_MEASURED_BYTES = 2**28  # of activations; a larger batch on the CPU is measured in part


@dataclass(frozen=True)
class Layer:
    """One layer of the network, where it is first used.

    Attributes:
        name: in the network, such as features.0.
        kind: its class.
        kernel_size: of its windows, a number a side; None where it has none.
        stride: likewise.
        padding: likewise, positions at each end.
        output_shape: without the batch: (C, H, W), (T, F) or (F,).
        parameters: numbers that it holds; one that an earlier layer holds too is counted there.
        macs: multiply-adds for one example, over all its uses.
        receptive_field: positions of the input that one element of its output depends on, along each axis (H and W, or
            T), also where they reach beyond the border; None where every element sees all of the input.
        formula: of the output's sides, with its numbers.
        uses: how often the network calls it for one example.
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
class Block:
    """Neighbouring layers that a picture shows as one.

    Attributes:
        kind: class of the layer, or of the module that holds several.
        detail: its window, such as 5x5 / 2; empty where it has none.
        output_shape: without the batch.
        has_branches: whether it holds several layers, with sums or branches among them.
        count: how many of these follow one another.
    """

    kind: str
    detail: str
    output_shape: tuple[int, ...]
    has_branches: bool = False
    count: int = 1


@dataclass(frozen=True)
class Memory:
    """Bytes of a training step in float32, when the forward pass has ended: near its peak.

    Attributes:
        batch_size: examples.
        weights: parameters, and buffers such as a norm's running mean.
        gradients: of the parameters that are trained.
        optimizer: what it remembers.
        activations: kept for the backward pass, for the whole batch, the input among them.
        measured_examples: how many were in the forward pass that was measured.
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


@dataclass(frozen=True)
class Description:
    """A network, described.

    Attributes:
        input_shape: without the batch: (C, H, W) or (T, F).
        layers: in the order of execution.
        blocks: the same for a picture.
        parameters: all that evaluation can use.
        trainable: those of them that are not frozen.
        macs: multiply-adds of one example in evaluation.
        training_only_parameters: of heads that run in training alone.
        training_only_macs: multiply-adds that they add to each example.
        memory: of a training step.
    """

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    blocks: tuple[Block, ...]
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
) -> Description:
    """Describe a network.

    Args:
        build: returns a new network each time it is called.
        input_shape: of one example: (C, H, W) of an image, (T, F) of a series.
        batch_size: of the training step whose memory is measured, from 1.
        optimizer: name and options, as ``saccade.optimizers.build`` takes them.

    Returns:
        What was found.

    Raises:
        UserError: the network cannot take such an input.
        ValueError: ``input_shape`` is neither of an image nor of a series.
    """
    input_shape = tuple(input_shape)
    if len(input_shape) not in (2, 3):
        raise ValueError(f"input_shape ({input_shape}) must be (C, H, W) or (T, F)")
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
) -> Description:
    with torch.device(device):
        network = build().eval()
        root = _trace(network, torch.zeros(1, *input_shape))
        counted: set[nn.Parameter] = set()
        layers = _layers(root, input_shape, counted)
        macs = sum(call.macs for call in root.all())
        parameters, heads, heads_macs = set(network.parameters()), set(), 0
        if parameters - counted:
            in_training = _trace(network.train(), torch.zeros(2, *input_shape))
            heads = _held(in_training) & parameters - counted
            heads_macs = sum(call.macs for call in in_training.all()) // 2 - macs if heads else 0
        memory = _memory(network, build, input_shape, batch_size, optimizer)
    return Description(
        input_shape=input_shape,
        layers=tuple(layers),
        blocks=tuple(_blocks(root)),
        parameters=sum(parameter.numel() for parameter in parameters - heads),
        trainable=sum(parameter.numel() for parameter in parameters - heads if parameter.requires_grad),
        macs=macs,
        training_only_parameters=sum(parameter.numel() for parameter in heads),
        training_only_macs=heads_macs,
        memory=memory,
    )


# --- a forward pass, looked at ----------------------------------------------------------------------------------------


@dataclass
class _Call:
    """One call of a module.

    Attributes:
        name: of the module in the network; empty for the network itself.
        module: what was called.
        input_shape: of its first tensor, with the batch.
        input_from: the calls that its input comes from.
        output_shape: of its first tensor, with the batch.
        output_from: the calls within that its output comes from, and those that its input came from.
        sight: what its output sees.
        macs: multiply-adds outside of the modules that it calls itself.
        children: those, in order.
    """

    name: str
    module: nn.Module
    input_shape: tuple[int, ...]
    input_from: frozenset[int] = frozenset()
    output_shape: tuple[int, ...] = ()
    output_from: frozenset[int] = frozenset()
    sight: Sight | None = None
    macs: int = 0
    children: list["_Call"] = field(default_factory=list)

    @property
    def is_leaf(self) -> bool:
        """Whether it has no parts; torch's attention uses the weights of its only part without calling it."""
        return isinstance(self.module, nn.MultiheadAttention) or not list(self.module.children())

    @property
    def is_chain(self) -> bool:
        """Whether each of its parts takes what the one before returned, and nothing else; without sums or branches."""
        before = self.input_from
        for child in self.children:
            if child.input_from != before:
                return False
            before = frozenset([id(child)])
        return bool(self.children) and self.output_from == before

    def own_parameters(self) -> list[nn.Parameter]:
        """Those that no part of it holds."""
        return list(self.module.parameters(recurse=self.is_leaf))

    def all(self) -> Iterator["_Call"]:
        """The calls within, each after those it makes, and this one."""
        for child in self.children:
            yield from child.all()
        yield self


class _Seen(NamedTuple):
    """What is known of a tensor; holding the tensor keeps its id from being used again."""

    tensor: Tensor
    sight: Sight | None
    comes_from: frozenset[int]


class _Watch(TorchDispatchMode):
    """While it is active, knows what each tensor sees of the input, and counts multiply-adds for the open call."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.open = [_Call("", nn.Identity(), tuple(x.shape))]
        self._seen: dict[int, _Seen] = {}
        self._storages: dict[int, list[Tensor]] = {}
        self._keep(x, sights.of_input(x.shape, (2, 3) if x.ndim == 4 else (1,)), frozenset())

    def sight_of(self, value: Any) -> Sight | None:
        """What a tensor sees; None for what does not depend on the input."""
        return seen.sight if (seen := self._seen.get(id(value))) else None

    def comes_from(self, tensors: Iterable[Any]) -> frozenset[int]:
        """The calls that returned what these tensors were made from."""
        return frozenset().union(*(seen.comes_from for value in tensors if (seen := self._seen.get(id(value)))))

    def enter(self, name: str, module: nn.Module, inputs: Any) -> None:
        """A module is called."""
        call = _Call(name, module, _shape_of(inputs), self.comes_from(tree_leaves(inputs)))
        self.open[-1].children.append(call)
        self.open.append(call)

    def leave(self, output: Any) -> None:
        """The module that was called last returns."""
        call = self.open.pop()
        tensors = _tensors(output)
        call.output_shape, call.output_from = _shape_of(output), self.comes_from(tensors[:1])
        call.sight = next(map(self.sight_of, tensors), None)
        for tensor in tensors:
            self._keep(tensor, self.sight_of(tensor), frozenset([id(call)]))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        arguments = {argument.name: argument.default_value for argument in func._schema.arguments}
        arguments |= dict(zip(arguments, args, strict=False)) | (kwargs or {})
        outputs = _tensors(result)
        self.open[-1].macs += _macs(func.overloadpacket.__name__, arguments, outputs)
        found = receptive_fields.after(func, arguments, outputs, self.sight_of)
        comes_from = self.comes_from(tree_leaves(list(arguments.values())))
        for output, sight in zip(outputs, found, strict=True):
            self._keep(output, sight, comes_from if sight else frozenset())
        return result

    def _keep(self, tensor: Tensor, sight: Sight | None, comes_from: frozenset[int]) -> None:
        """Note what a tensor sees. What shares its memory sees that too, when the tensor was written into."""
        earlier = self._seen.get(id(tensor))
        self._seen[id(tensor)] = _Seen(tensor, sight, comes_from)
        sharing = self._storages.setdefault(tensor.untyped_storage()._cdata, [])
        if earlier is None:
            sharing.append(tensor)
        elif sight is not None and earlier.sight != sight:
            for other in sharing:
                if other is not tensor:
                    both = [one for one in (self.sight_of(other), sight) if one is not None]
                    froms = self.comes_from([other, tensor])
                    self._seen[id(other)] = _Seen(other, sights.mix(both, other.shape), froms)


def _macs(name: str, arguments: Mapping[str, Any], outputs: Sequence[Tensor]) -> int:
    """Multiplications of an operation whose products are summed."""
    match name:
        case "convolution":
            weight = arguments["weight"]
            through = arguments["input"] if arguments["transposed"] else outputs[0]
            return through.numel() * weight.numel() // weight.shape[0]
        case "mm" | "bmm":
            return outputs[0].numel() * arguments["self"].shape[-1]
        case "addmm" | "baddbmm":
            return outputs[0].numel() * arguments["mat1" if name == "addmm" else "batch1"].shape[-1]
        case "mkldnn_rnn_layer":  # (T, B, F): one layer and direction of an LSTM, on the CPU
            steps = arguments["input"].shape[0] * arguments["input"].shape[1]
            return steps * (arguments["weight0"].numel() + arguments["weight1"].numel())
        case _ if name.startswith("_scaled_dot_product"):  # (..., L, E) with (..., S, E), then with (..., S, V)
            query, key, value = arguments["query"], arguments["key"], arguments["value"]
            return query.numel() * key.shape[-2] + query.numel() // query.shape[-1] * value.shape[-2] * value.shape[-1]
    return 0


def _trace(network: nn.Module, x: Tensor) -> _Call:
    """Run the network on ``x`` without gradients, in the mode it is in; returns its call."""
    watch = _Watch(x)
    with contextlib.ExitStack() as stack:
        for name, module in network.named_modules():
            before = module.register_forward_pre_hook(
                lambda module, inputs, name=name: watch.enter(name, module, inputs)
            )
            after = module.register_forward_hook(lambda module, inputs, output: watch.leave(output))
            stack.callback(before.remove)
            stack.callback(after.remove)
        stack.enter_context(torch.no_grad())
        stack.enter_context(watch)
        network(x)
    return watch.open[0].children[0]


def _tensors(value: Any) -> list[Tensor]:
    return [item for item in tree_leaves(value) if isinstance(item, Tensor)]


def _shape_of(value: Any) -> tuple[int, ...]:
    return next((tuple(tensor.shape) for tensor in _tensors(value)), ())


def _held(root: _Call) -> set[nn.Parameter]:
    return {parameter for call in root.all() for parameter in call.own_parameters()}


# --- what the calls tell ----------------------------------------------------------------------------------------------


def _layers(root: _Call, input_shape: tuple[int, ...], counted: set[nn.Parameter]) -> list[Layer]:
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
        window = _window(call)
        layers[key] = Layer(
            name=call.name or "(network)",
            kind=type(call.module).__name__,
            kernel_size=window.sizes if window else None,
            stride=window.strides if window else None,
            padding=tuple(total // 2 for total in window.padded) if window else None,
            output_shape=call.output_shape[1:],
            parameters=earlier.parameters if earlier else sum(p.numel() for p in set(own) - counted),
            macs=call.macs + (earlier.macs if earlier else 0),
            receptive_field=_field(call.sight, input_shape),
            formula=_formula(call, window) if window else "",
            uses=1 + (earlier.uses if earlier else 0),
        )
        counted |= set(own)
    return list(layers.values())


def _field(sight: Sight | None, input_shape: tuple[int, ...]) -> tuple[int, ...] | None:
    if sight is None:
        return (0,) * (len(input_shape) - 1)
    sides = input_shape[1:] if len(input_shape) == 3 else input_shape[:1]
    return None if sight.covers(sides) else sight.fields


@dataclass(frozen=True)
class _Window:
    """Of a convolution or a pooling, a number a side; ``padded`` counts both ends."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    padded: tuple[int, ...]
    dilations: tuple[int, ...]
    rounds_up: bool


def _window(call: _Call) -> _Window | None:
    layer: Any = call.module
    num_sides = len(call.output_shape) - 2

    def spread(value: Any) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, tuple | list) else (value,) * num_sides

    if not isinstance(layer, conv._ConvNd | pooling._MaxPoolNd | pooling._AvgPoolNd):
        return None
    sizes, dilations = spread(layer.kernel_size), spread(getattr(layer, "dilation", 1))
    if isinstance(layer.padding, str):
        same = tuple(dilation * (size - 1) for size, dilation in zip(sizes, dilations, strict=True))
        padded = same if layer.padding == "same" else (0,) * num_sides
    else:
        padded = tuple(2 * padding for padding in spread(layer.padding))
    return _Window(sizes, spread(layer.stride), padded, dilations, getattr(layer, "ceil_mode", False))


def _formula(call: _Call, window: _Window) -> str:
    """The output's sides with the numbers put in; one formula where all sides have the same."""
    if isinstance(call.module, conv._ConvTransposeNd):
        return ""
    sides = zip(call.input_shape[2:], call.output_shape[2:], strict=True)
    numbers = zip(window.sizes, window.strides, window.padded, window.dilations, strict=True)
    formulas = [
        output_formula(i, o, *of, rounds_up=window.rounds_up) for (i, o), of in zip(sides, numbers, strict=True)
    ]
    return "; ".join(dict.fromkeys(formulas))


def output_formula(
    arriving: int, leaving: int, size: int, stride: int, padded: int, dilation: int = 1, *, rounds_up: bool = False
) -> str:
    """How many positions are left on a side after a convolution or a pooling, worked out.

    >>> output_formula(227, 55, 11, 4, 0)
    '(227 - 11 + 2*0)/4 + 1 = 55'
    >>> output_formula(224, 112, 7, 2, 6)
    'floor((224 - 7 + 2*3)/2) + 1 = 112'

    Args:
        arriving: positions of the input.
        leaving: positions of the output, as the layer returned them.
        size: of the window.
        stride: between two windows.
        padded: positions added, both ends together.
        dilation: between two positions that a window looks at.
        rounds_up: whether a window that begins inside and ends outside counts (``ceil_mode``).

    Returns:
        The formula; empty should it not give ``leaving``, which is what is true.
    """
    reach = dilation * (size - 1) + 1
    span = arriving - reach + padded
    window = f"{size}" if dilation == 1 else f"({dilation}*({size} - 1) + 1)"
    padding = f"{padded}" if padded % 2 else f"2*{padded // 2}"
    text = f"({arriving} - {window} + {padding})/{stride}"
    if span % stride:
        text = f"{'ceil' if rounds_up else 'floor'}({text})"
    side = (-(-span // stride) if rounds_up else span // stride) + 1
    text += " + 1"
    if rounds_up and (side - 1) * stride >= arriving + padded // 2:  # the last window would begin in the padding
        side, text = side - 1, f"{text} - 1"
    return f"{text} = {side}" if side == leaving else ""


# --- blocks for a picture ---------------------------------------------------------------------------------------------


def _blocks(root: _Call) -> list[Block]:
    """The parts that follow one another; what has sums or branches inside is one block, but not the whole network."""
    blocks: list[Block] = []
    for call in (link for part in root.children or [root] for link in _links(part)):
        shape, window = call.output_shape[1:], _window(call)
        is_flat = len(shape) == 1 and math.prod(shape) == math.prod(call.input_shape[1:])
        if call.is_leaf and not call.macs and not window and (shape == call.input_shape[1:] or is_flat):
            continue  # activations, norms, dropout, flatten: the numbers are as many as before
        detail = times(window.sizes) if window else ""
        if window and set(window.strides) != {1}:
            detail += f" / {times(window.strides, short=True)}"
        block = Block(type(call.module).__name__, detail, shape, has_branches=not call.is_leaf)
        if blocks and block == replace(blocks[-1], count=1):
            block = replace(block, count=blocks.pop().count + 1)
        blocks.append(block)
    return blocks


def _links(call: _Call) -> Iterator[_Call]:
    if call.is_chain:
        for child in call.children:
            yield from _links(child)
    else:
        yield call


def times(sides: Sequence[int], *, short: bool = False) -> str:
    """Sides as people write them: 5x5; with ``short`` a single number where they are equal."""
    return f"{sides[0]}" if short and len(set(sides)) == 1 else "x".join(map(str, sides))


# --- memory -----------------------------------------------------------------------------------------------------------


def _memory(
    network: nn.Module,
    build: Callable[[], nn.Module],
    input_shape: tuple[int, ...],
    batch_size: int,
    optimizer: Mapping[str, Any],
) -> Memory:
    parameters = list(network.parameters())
    examples = max(batch_size, 2)  # a norm takes no variance of one
    if torch.get_default_device().type != "meta" or any(isinstance(layer, nn.RNNBase) for layer in network.modules()):
        # A recurrent layer keeps what the library that computes it keeps, not what its operations one by one would.
        with torch.device("cpu"):
            network = build()
            few = kept_for_backward(network, torch.zeros(2, *input_shape))
            examples = min(examples, max(2, 2 * _MOST_MEASURED_BYTES // max(few, 1)))
            kept = kept_for_backward(network, torch.zeros(examples, *input_shape))
    else:
        kept = kept_for_backward(network, torch.zeros(examples, *input_shape))
    return Memory(
        batch_size=batch_size,
        weights=sum(tensor.nbytes for tensor in [*parameters, *network.buffers()]),
        gradients=sum(parameter.nbytes for parameter in parameters if parameter.requires_grad),
        optimizer=sum(tensor.nbytes for tensor in optimizers.build(model=network, **optimizer).state_dict().values()),
        activations=kept * batch_size // examples,
        measured_examples=examples,
    )


def kept_for_backward(network: nn.Module, x: Tensor) -> int:
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

"""A forward pass, looked at: which module calls which, what each returns and sees, and what is multiplied.

Every operation below autograd passes by once, so that a residual sum, a branch or a product outside of all layers needs
no rule of its own.

Shapes: B batch, C channels, H height, W width, T time steps, F features.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from saccade.explain.architecture.receptive_field import ReceptiveField, input_field, mix
from saccade.explain.architecture.receptive_field_rules import propagate


@dataclass
class Call:
    """One call of a module.

    Attributes:
        name: name of the module in the network; empty for the network itself.
        module: module that was called.
        input_shape: shape of its first input tensor, with the batch.
        input_from: calls that its input comes from.
        output_shape: shape of its first output tensor, with the batch.
        output_from: calls within that its output comes from, and those that its input came from.
        receptive_field: part of the input that its output depends on.
        macs: multiply-adds outside of the modules that it calls itself.
        children: calls of those modules, in order.
    """

    name: str
    module: nn.Module
    input_shape: tuple[int, ...]
    input_from: frozenset[int] = frozenset()
    output_shape: tuple[int, ...] = ()
    output_from: frozenset[int] = frozenset()
    receptive_field: ReceptiveField | None = None
    macs: int = 0
    children: list["Call"] = field(default_factory=list)

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

    def all(self) -> Iterator["Call"]:
        """The calls within, each after those it makes, and this one."""
        for child in self.children:
            yield from child.all()
        yield self


class _TensorOrigin(NamedTuple):
    """What is known of a tensor; holding the tensor keeps its id from being used again."""

    tensor: Tensor
    receptive_field: ReceptiveField | None
    comes_from: frozenset[int]


class _Tracer(TorchDispatchMode):
    """A mode that follows what each tensor sees of the input, and counts multiply-adds for the open call."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.open = [Call("", nn.Identity(), tuple(x.shape))]
        self._seen: dict[int, _TensorOrigin] = {}
        self._storages: dict[int, list[Tensor]] = {}
        self._keep(x, input_field(x.shape, (2, 3) if x.ndim == 4 else (1,)), frozenset())

    def field_of(self, value: Any) -> ReceptiveField | None:
        """What a tensor sees; None for what does not depend on the input."""
        return seen.receptive_field if (seen := self._seen.get(id(value))) else None

    def comes_from(self, tensors: Iterable[Any]) -> frozenset[int]:
        """The calls that returned what these tensors were made from."""
        return frozenset().union(*(seen.comes_from for value in tensors if (seen := self._seen.get(id(value)))))

    def enter(self, name: str, module: nn.Module, inputs: Any) -> None:
        """A module is called."""
        call = Call(name, module, _shape_of(inputs), self.comes_from(tree_leaves(inputs)))
        self.open[-1].children.append(call)
        self.open.append(call)

    def leave(self, output: Any) -> None:
        """The module that was called last returns."""
        call = self.open.pop()
        tensors = _tensors(output)
        call.output_shape, call.output_from = _shape_of(output), self.comes_from(tensors[:1])
        call.receptive_field = next(map(self.field_of, tensors), None)
        for tensor in tensors:
            self._keep(tensor, self.field_of(tensor), frozenset([id(call)]))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        arguments = {argument.name: argument.default_value for argument in func._schema.arguments}
        arguments |= dict(zip(arguments, args, strict=False)) | (kwargs or {})
        outputs = _tensors(result)
        self.open[-1].macs += _macs(func.overloadpacket.__name__, arguments, outputs)
        found = propagate(func, arguments, outputs, self.field_of)
        comes_from = self.comes_from(tree_leaves(list(arguments.values())))
        for output, seen_field in zip(outputs, found, strict=True):
            self._keep(output, seen_field, comes_from if seen_field else frozenset())
        return result

    def _keep(self, tensor: Tensor, seen_field: ReceptiveField | None, comes_from: frozenset[int]) -> None:
        """Note what a tensor sees. What shares its memory sees that too, when the tensor was written into."""
        earlier = self._seen.get(id(tensor))
        self._seen[id(tensor)] = _TensorOrigin(tensor, seen_field, comes_from)
        sharing = self._storages.setdefault(tensor.untyped_storage()._cdata, [])
        if earlier is None:
            sharing.append(tensor)
        elif seen_field is not None and earlier.receptive_field != seen_field:
            for other in sharing:
                if other is not tensor:
                    both = [one for one in (self.field_of(other), seen_field) if one is not None]
                    froms = self.comes_from([other, tensor])
                    self._seen[id(other)] = _TensorOrigin(other, mix(both, other.shape), froms)


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


def trace(network: nn.Module, x: Tensor) -> Call:
    """Run a network without gradients, in the mode it is in, and look at every operation.

    Args:
        network: network on the device of ``x``; its hooks are taken off again.
        x: a batch, (B, C, H, W) or (B, T, F); on the meta device too.

    Returns:
        The call of the network itself; ``all()`` goes through those within.
    """
    tracer = _Tracer(x)
    with contextlib.ExitStack() as stack:
        for name, module in network.named_modules():
            before = module.register_forward_pre_hook(
                lambda module, inputs, name=name: tracer.enter(name, module, inputs)
            )
            after = module.register_forward_hook(lambda module, inputs, output: tracer.leave(output))
            stack.callback(before.remove)
            stack.callback(after.remove)
        stack.enter_context(torch.no_grad())
        stack.enter_context(tracer)
        network(x)
    return tracer.open[0].children[0]


class _MacCounter(TorchDispatchMode):
    """A mode that counts multiply-adds and follows nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        arguments = {argument.name: argument.default_value for argument in func._schema.arguments}
        arguments |= dict(zip(arguments, args, strict=False)) | (kwargs or {})
        self.macs += _macs(func.overloadpacket.__name__, arguments, _tensors(result))
        return result


def count_macs(network: nn.Module, x: Tensor) -> int:
    """Multiply-adds of a forward pass, as ``trace`` counts them, without looking at what each operation sees.

    Where an LSTM of 1,000 steps is one operation, as on the CPU, this takes its forward pass, and a trace 49 s.

    Args:
        network: network on the device of ``x``, in the mode it is in.
        x: a batch.

    Returns:
        Number of them, for the whole batch.
    """
    with torch.no_grad(), _MacCounter() as counter:
        network(x)
    return counter.macs


def _tensors(value: Any) -> list[Tensor]:
    return [item for item in tree_leaves(value) if isinstance(item, Tensor)]


def _shape_of(value: Any) -> tuple[int, ...]:
    return next((tuple(tensor.shape) for tensor in _tensors(value)), ())


def called_parameters(root: Call) -> set[nn.Parameter]:
    """The parameters of the modules that were called."""
    return {parameter for call in root.all() for parameter in call.own_parameters()}

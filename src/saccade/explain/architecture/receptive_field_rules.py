"""The receptive field of what each of torch's operations returns, from those of its operands.

``receptive_field.py`` holds the arithmetic; here is which operation is which. They are the ones below autograd
("aten"), into which torch takes every layer and function apart: a residual sum, a branch, a view or an LSTM's loop over
the steps needs no rule of its own. An operation without a rule mixes everything that reaches it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from saccade.explain.architecture import receptive_field
from saccade.explain.architecture.receptive_field import ReceptiveField

Arguments = dict[str, Any]
FieldOf = Callable[[Any], ReceptiveField | None]

_ELEMENTWISE = (  # besides those that torch marks so: in evaluation mode, a norm is a factor and a sum
    *("native_batch_norm", "_native_batch_norm_legit_no_training", "_batch_norm_no_update", "cudnn_batch_norm"),
    *("alias", "detach", "clone", "_to_copy", "lift_fresh", "native_dropout", "masked_fill"),
)
_RESHAPES = ("view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze", "flatten", "unflatten")
_POOLS = (
    *("max_pool1d", "max_pool2d_with_indices", "max_pool3d_with_indices"),
    *("avg_pool1d", "avg_pool2d", "avg_pool3d"),
)
_ADAPTIVE_POOLS = (
    *("_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_avg_pool1d"),
    *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
)
_PRODUCTS = {
    "mm": ("self", "mat2"),
    "bmm": ("self", "mat2"),
    "addmm": ("mat1", "mat2"),
    "baddbmm": ("batch1", "batch2"),
}
_ALONG_DIM = (  # results of which every element along ``dim`` depends on all of them
    *("mean", "sum", "amax", "amin", "max", "min", "prod", "var", "std", "logsumexp", "linalg_vector_norm", "argmax"),
    *("argmin", "_softmax", "_log_softmax", "cumsum", "cumprod", "sort", "topk"),
)


def propagate(
    operation: Any, arguments: Arguments, outputs: Sequence[Tensor], field_of: FieldOf
) -> list[ReceptiveField | None]:
    """What the results of an operation see.

    Args:
        operation: an ``aten`` overload, as a TorchDispatchMode gets it.
        arguments: arguments of the call, by the names of its schema, defaults filled in.
        outputs: the tensors it returned.
        field_of: function from an operand to its receptive field; None for weights and constants.

    Returns:
        One for each of ``outputs``; None where no operand depends on the input.
    """
    seen = [field for value in _tensors(arguments) if (field := field_of(value)) is not None]
    if not (seen and outputs):
        return [None] * len(outputs)
    name = operation.overloadpacket.__name__.rstrip("_")
    if name.startswith("new_") or name.endswith("_like"):  # takes a shape, and no values
        return [None] * len(outputs)
    if name == "ne" and not arguments["self"].is_floating_point():  # where a text is padded, not what it says
        return [None] * len(outputs)
    found = _found(name, operation, arguments, outputs, field_of, seen)
    if found is None:
        return [receptive_field.mix(seen, output.shape) for output in outputs]
    return [*found, *[found[-1]] * (len(outputs) - len(found))]


def _found(
    name: str,
    operation: Any,
    arguments: Arguments,
    outputs: Sequence[Tensor],
    field_of: FieldOf,
    seen: list[ReceptiveField],
) -> Sequence[ReceptiveField | None] | None:
    """What the results see, the last entry standing for all that follow; None where there is no rule."""
    x: Any = arguments.get("self", arguments.get("input", arguments.get("indices")))
    output = outputs[0]
    field = field_of(x)
    if torch.Tag.pointwise in operation.tags:
        return [receptive_field.merge(seen, output.shape)]
    if name in ("cat", "stack"):
        return [_joined(name, arguments, output, field_of)]
    if name in _PRODUCTS:
        return [_product(name, arguments, output, field_of)]
    if field is None or len(seen) > 1:
        return None
    if name in _ELEMENTWISE:
        return [field if result.shape == x.shape else receptive_field.mix(seen, result.shape) for result in outputs]
    if name in _RESHAPES:
        return [receptive_field.reshape(field, output.shape)]
    if name == "convolution":
        one = _convolution(field, arguments, output)
        return None if one is None else [one]
    if name in _POOLS:
        return [_pool(field, _sides_in(name), arguments, output)]
    if name in _ADAPTIVE_POOLS:
        return [_adaptive_pool(field, _sides_in(name), x, output)]
    if name in _ALONG_DIM and arguments.get("dim") is not None:
        return [_along(field, arguments["dim"], x, output)]
    if name == "native_layer_norm":
        normalised = range(x.ndim - len(arguments["normalized_shape"]), x.ndim)
        return [
            _along(field, normalised, x, output),
            *[receptive_field.mix(seen, other.shape) for other in outputs[1:]],
        ]
    if name == "embedding":
        return [
            ReceptiveField(
                (*field.dimensions, receptive_field.constant_axis(output.shape[-1], len(field.starts))),
                field.starts,
                field.sizes,
            )
        ]
    return _moved(name, field, arguments, x, outputs)


def _moved(
    name: str, field: ReceptiveField, arguments: Arguments, x: Tensor, outputs: Sequence[Tensor]
) -> Sequence[ReceptiveField] | None:
    """Operations that pick and arrange elements without changing them."""
    dim = arguments.get("dim", 0)
    at = dim % x.ndim if isinstance(dim, int) else 0
    shape = outputs[0].shape
    match name:
        case "permute":
            return [_permuted(field, [axis % x.ndim for axis in arguments["dims"]])]
        case "transpose" | "t":
            order = list(range(x.ndim))
            one, other = (0, x.ndim - 1) if name == "t" else (arguments["dim0"], arguments["dim1"])
            order[one], order[other] = order[other], order[one]
            return [_permuted(field, order)]
        case "expand":
            return [receptive_field.merge([field], shape)]
        case "slice":
            first = slice(arguments["start"], None).indices(x.shape[at])[0]
            return [receptive_field.slice_axis(field, at, first, shape[at], arguments["step"])]
        case "select":
            first = arguments["index"] % x.shape[at]
            return [receptive_field.slice_axis(field, at, first, 1).without_dimension(at)]
        case "unbind":
            return [
                receptive_field.slice_axis(field, at, first, 1).without_dimension(at) for first in range(len(outputs))
            ]
        case "split" | "split_with_sizes" | "unsafe_split" | "unsafe_split_with_sizes":
            sizes = [output.shape[at] for output in outputs]
            return [
                receptive_field.slice_axis(field, at, sum(sizes[:number]), size) for number, size in enumerate(sizes)
            ]
        case "unfold":
            at = arguments["dimension"] % x.ndim
            return [_unfolded(field, at, arguments["size"], arguments["step"], shape[at])]
        case "flip":
            for at in arguments["dims"]:
                field = receptive_field.slide_window(
                    field, at % x.ndim, x.shape[at], stride=-1, padding=1 - x.shape[at]
                )
            return [field]
        case "constant_pad_nd":
            for number, before in enumerate(arguments["pad"][::2], 1):  # from the last dimension on
                field = receptive_field.slide_window(field, x.ndim - number, shape[x.ndim - number], padding=before)
            return [field]
    return None


def _joined(name: str, arguments: Arguments, output: Tensor, field_of: FieldOf) -> ReceptiveField:
    at = arguments["dim"] % output.ndim
    seen = [field for tensor in arguments["tensors"] if (field := field_of(tensor)) is not None]
    if name == "stack":
        lone = [*output.shape[:at], 1, *output.shape[at + 1 :]]
        seen = [receptive_field.reshape(field, lone) for field in seen]
    return receptive_field.join(seen, at, output.shape)


def _product(name: str, arguments: Arguments, output: Tensor, field_of: FieldOf) -> ReceptiveField:
    """(..., N, M) @ (..., M, K) and, where there is one, the tensor it is added to."""
    terms = []
    for operand, contracted in zip(_PRODUCTS[name], (output.ndim - 1, output.ndim - 2), strict=True):
        if (field := field_of(arguments[operand])) is not None:
            terms.append(receptive_field.reduce_axis(field, contracted).with_dimension(contracted, ()))
    if name.endswith(("addmm", "addbmm")) and (field := field_of(arguments["self"])) is not None:
        terms.append(field)
    return receptive_field.merge(terms, output.shape)


def _convolution(field: ReceptiveField, arguments: Arguments, output: Tensor) -> ReceptiveField | None:
    if arguments["transposed"]:
        return None
    channels_move = any(any(segment.jumps) for segment in field.dimensions[1])
    if channels_move and arguments["groups"] > 1:
        return None
    field = receptive_field.reduce_axis(field, 1).with_dimension(
        1, receptive_field.constant_axis(output.shape[1], len(field.starts))
    )
    sizes = arguments["weight"].shape[2:]
    return _slide_windows(field, sizes, arguments["stride"], arguments["padding"], arguments["dilation"], output)


def _pool(field: ReceptiveField, num_sides: int, arguments: Arguments, output: Tensor) -> ReceptiveField:
    sizes = _spread(arguments["kernel_size"], num_sides)
    strides = arguments["stride"] or sizes
    return _slide_windows(field, sizes, strides, arguments["padding"], arguments.get("dilation", 1), output)


def _slide_windows(
    field: ReceptiveField, sizes: Sequence[int], stride: Any, padding: Any, dilation: Any, output: Tensor
) -> ReceptiveField:
    """Windows along the last dimensions, as many as there are sizes."""
    spread = (_spread(value, len(sizes)) for value in (stride, padding, dilation))
    for number, (size, *how) in enumerate(zip(sizes, *spread, strict=True)):
        at = output.ndim - len(sizes) + number
        field = receptive_field.slide_window(
            field, at, output.shape[at], kernel_size=size, stride=how[0], padding=how[1], dilation=how[2]
        )
    return field


def _adaptive_pool(field: ReceptiveField, num_sides: int, x: Tensor, output: Tensor) -> ReceptiveField:
    for at in range(x.ndim - num_sides, x.ndim):
        window, rest = divmod(x.shape[at], output.shape[at])
        if rest:  # windows of uneven sizes
            field = receptive_field.reduce_axis(field, at).with_dimension(
                at, receptive_field.constant_axis(output.shape[at], len(field.starts))
            )
        else:
            field = receptive_field.slide_window(field, at, output.shape[at], kernel_size=window, stride=window)
    return field


def _along(field: ReceptiveField, dims: int | Sequence[int], x: Tensor, output: Tensor) -> ReceptiveField:
    dims = [dims] if isinstance(dims, int) else list(dims) or list(range(x.ndim))
    for at in sorted((dim % x.ndim for dim in dims), reverse=True):
        field = receptive_field.reduce_axis(field, at)
        if output.ndim < x.ndim:
            field = field.without_dimension(at)
        elif output.shape[at] != x.shape[at]:
            field = field.with_dimension(at, receptive_field.constant_axis(output.shape[at], len(field.starts)))
    return field


def _permuted(field: ReceptiveField, order: Sequence[int]) -> ReceptiveField:
    return ReceptiveField(tuple(field.dimensions[at] for at in order), field.starts, field.sizes)


def _unfolded(field: ReceptiveField, at: int, size: int, step: int, count: int) -> ReceptiveField:
    """Overlapping pieces of a dimension: their positions become a dimension of their own, the last."""
    inner = receptive_field.slice_axis(field, at, 0, size).dimensions[at]
    moved = receptive_field.slide_window(field, at, count, stride=step)
    if len(field.dimensions[at]) > 1:
        inner = receptive_field.constant_axis(size, len(field.starts))
    return ReceptiveField((*moved.dimensions, inner), moved.starts, moved.sizes)


def _sides_in(name: str) -> int:
    """max_pool2d_with_indices has 2."""
    return int(name.partition("pool")[2][0])


def _spread(value: Any, count: int) -> list[int]:
    """One number a side; torch takes a single one for all."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values * count if len(values) == 1 else values


def _tensors(arguments: Arguments) -> list[Any]:
    """The tensors among the arguments, those in lists too."""
    flat = [item for value in arguments.values() for item in (value if isinstance(value, list | tuple) else [value])]
    return [value for value in flat if isinstance(value, Tensor)]

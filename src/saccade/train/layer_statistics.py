"""Statistics of the layers during training: measured on few updates, read once an epoch, changing nothing.

The sums stay on the network's device until the epoch ends, so no update waits for it. What is sampled follows from the
update's place in its epoch alone, and the sums are part of a checkpoint: a training that is stopped and gone on with
measures what an uninterrupted one does. Frozen layers are left out: nothing of theirs moves.

Shapes: P parameter tensors, U units of a layer, T time steps.
"""

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from saccade.batching.arrays import LabelledArrays, trim
from saccade.nn.padding import sequence_lengths
from saccade.nn.sequence_networks import Network, SequenceNetwork, gradient_norms_over_time
from saccade.optim.optimizers import Optimizer

SAMPLE_EVERY = 32  # updates; a sample costs about as much as 2 % to 40 % of an update (benchmarks/cost_of_doctor.py)
EXAMPLES_OVER_TIME = 16  # the step by step recurrence takes as long for one as for these
STEPS_KEPT = 50  # of dL/dh_t: enough to draw a line
_RELUS = {F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu6}

Row = dict[str, Any]


def is_milestone(epoch: int, epochs: int) -> bool:
    """Whether what costs more is measured after this epoch: after 1, 2, 4, 8, ... and after the last one."""
    return epoch & (epoch - 1) == 0 or epoch == epochs


class LayerStatistics:
    """Norms of gradients, weights and updates, dead ReLUs and gradients over time, layer by layer.

    Args:
        network: the network on its device; as a bundle has it, layers are named as in the model.
        optimizer: over the parameters that are trained.

    Attributes:
        sums: float64 (3, P + 1) on the network's device: squares of the L2 norms of gradient, weights and update, added
            up over the sampled updates of the epoch under way; in the last column the number of these updates.
    """

    def __init__(self, network: nn.Module, optimizer: Optimizer) -> None:
        places = {id(parameter): place for place, parameter in enumerate(optimizer.parameters())}
        self._layers: list[str] = []  # of each parameter tensor
        self._parameters: list[nn.Parameter] = []
        self._places: list[int] = []  # of each parameter tensor among those of the optimiser
        for name, layer in network.named_modules():
            for key, parameter in layer.named_parameters(recurse=False):
                if id(parameter) in places:
                    self._layers.append(_name_of(network, name, layer, key))
                    self._parameters.append(parameter)
                    self._places.append(places[id(parameter)])
        device = next(network.parameters()).device
        dtype = torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64
        self.sums = torch.zeros(3, len(self._parameters) + 1, device=device, dtype=dtype)
        self._alive: dict[str, Tensor] = {}  # layer to bool (U,): which units were above 0 for any example
        self._over_time: list[Row] = []

    def begin_epoch(self) -> None:
        """Set all sums to the start of an epoch."""
        self.sums = torch.zeros_like(self.sums)
        self._alive, self._over_time = {}, []

    def begin_update(self, number: int) -> list[Tensor] | None:
        """Copy the weights before an update, if it is one of the sampled ones.

        Args:
            number: place of the update in its epoch, from 0: the first is sampled, and every ``SAMPLE_EVERY``-th after
                it.

        Returns:
            The copies, for ``end_update``; None where the update is not sampled.
        """
        return None if number % SAMPLE_EVERY else [parameter.detach().clone() for parameter in self._parameters]

    def end_update(self, before: Sequence[Tensor] | None, gradient_norms: Sequence[Tensor]) -> None:
        """Add up the norms of an update that was sampled.

        Args:
            before: copies of the weights from ``begin_update``; None where the update is not sampled.
            gradient_norms: L2 norm of each parameter's gradient before clipping, in the optimiser's order.
        """
        if before is None:
            return
        one = torch.ones((), device=self.sums.device)
        gradients = torch.stack([*(gradient_norms[place] for place in self._places), one])
        moves = torch._foreach_sub([parameter.detach() for parameter in self._parameters], list(before))
        norms = torch.stack([gradients, _norms([*before, one]), _norms([*moves, one])])
        self.sums += norms.to(self.sums.dtype).square()

    @contextlib.contextmanager
    def measure_dead_relus(self, network: nn.Module) -> Iterator[None]:
        """Watch, while the network computes inside the block, which units of its ReLUs are ever above 0.

        A ReLU belongs to the layer with parameters that ran last before it. Its units are channels, behind a linear
        layer its features. It is found as a module and as a function alike.

        Args:
            network: the network that computes.
        """
        watch = _ReluWatch(self._alive)
        hooks = [
            layer.register_forward_hook(partial(watch.passed, _name_of(network, name, layer)))
            for name, layer in network.named_modules()
            if list(layer.parameters(recurse=False))
        ]
        try:
            with torch.no_grad(), watch:
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def measure_over_time(
        self, network: nn.Module, data: LabelledArrays, loss: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        """Measure the norm of dL/dh_t of the last recurrent layer for a few examples; nothing where there is none.

        Of sequences that differ in length, the longer half is taken, cut to one length: a step is then the same step
        for all of them.

        Args:
            network: the network as a bundle has it, in evaluation mode.
            data: stored examples; the first ``EXAMPLES_OVER_TIME`` of view 0 are taken.
            loss: function of outputs and targets, a mean over the batch.
        """
        if not (_is_bundled(network) and isinstance(network, nn.Sequential)):
            return
        before, model, after = network[0], network[1], network[2:]
        if not (isinstance(model, Network) and isinstance(model.recurrent, nn.RNNBase)):
            return
        assert isinstance(data.views, Tensor), "what is measured is stored"
        x = before(data.views[0, :EXAMPLES_OVER_TIME].to(self.sums.device))
        target = data.labels[:EXAMPLES_OVER_TIME].to(self.sums.device)
        if not isinstance(model, SequenceNetwork):
            length_B = sequence_lengths(x)
            x, target = trim(
                x[length_B >= length_B.median()], target[length_B >= length_B.median()], int(length_B.median())
            )
        norms = gradient_norms_over_time(model, x, lambda output: loss(after(output.float()), target)).tolist()
        (name,) = (name for name, layer in network.named_modules() if layer is model.recurrent)
        name, T = _name_of(network, name, model.recurrent), len(norms)
        kept = range(T) if T <= STEPS_KEPT else [round(i * (T - 1) / (STEPS_KEPT - 1)) for i in range(STEPS_KEPT)]
        self._over_time = [{"layer": name, "step": t + 1, "gradient_norm": _rounded(norms[t])} for t in kept]

    def read(self) -> list[Row]:
        """What was measured in this epoch so far, a row a layer in the order of the network; waits for the device.

        Returns:
            Rows of ``layer``, ``gradient_norm`` and ``weight_norm`` (L2, the root of the mean square over the sampled
            updates; the gradient's before clipping), ``update_ratio`` (how far an update moves the weights, as a share
            of their norm) and, where a ReLU follows, ``dead_share`` (of its units, those that were 0 for every
            example). Then, of a recurrent layer, rows of ``layer``, ``step`` (t, from 1) and ``gradient_norm`` (of
            dL/dh_t).
        """
        *sums, (samples, _, _) = zip(*self.sums.tolist(), strict=True)
        squares: dict[str, list[float]] = {}
        for layer, own in zip(self._layers, sums if samples else [], strict=bool(samples)):
            squares[layer] = [one + other for one, other in zip(squares.get(layer, [0.0, 0.0, 0.0]), own, strict=True)]
        dead = _dead_shares(self._alive)
        rows: list[Row] = []
        for layer in dict.fromkeys([*squares, *dead]):  # of frozen layers there is no more than the units behind them
            row: Row = {"layer": layer}
            if layer in squares:
                gradient, weight, move = squares[layer]
                row["gradient_norm"] = _rounded(math.sqrt(gradient / samples))
                row["weight_norm"] = _rounded(math.sqrt(weight / samples))
                row["update_ratio"] = _rounded(math.sqrt(move / weight) if weight > 0 else math.nan)
            if layer in dead:
                row["dead_share"] = _rounded(dead[layer])
            rows.append(row)
        return rows + self._over_time


def summary(rows: Sequence[Row]) -> dict[str, float]:
    """What of an epoch's rows is worth a curve, whatever the number of layers: at most nine numbers, all finite.

    Args:
        rows: rows of ``LayerStatistics.read``.

    Returns:
        Name to value. The first and the last layer are those of the network, whose gradients tell of vanishing;
        ``gradient_over_time`` is dL/dh_1 by dL/dh_T.
    """
    layers = [row for row in rows if "update_ratio" in row]
    dead = [row["dead_share"] for row in rows if "dead_share" in row]
    steps = [row["gradient_norm"] for row in rows if "step" in row]
    found: dict[str, float] = {}
    if layers:
        for key in ("gradient_norm", "update_ratio"):
            found |= {f"{key}_first_layer": layers[0][key], f"{key}_last_layer": layers[-1][key]}
        ratios = [row["update_ratio"] for row in layers if math.isfinite(row["update_ratio"])]
        found |= {
            "update_ratio_least": min(ratios, default=math.nan),
            "update_ratio_most": max(ratios, default=math.nan),
        }
        found["weight_norm"] = _rounded(math.hypot(*(row["weight_norm"] for row in layers)))
    if dead:
        found["dead_share_most"] = max(dead)
    if steps and steps[-1] > 0:
        found["gradient_over_time"] = _rounded(steps[0] / steps[-1])
    return {key: value for key, value in found.items() if math.isfinite(value)}


class _ReluWatch(TorchFunctionMode):
    """Sees every ReLU that is computed, whether a module, a function or a method."""

    def __init__(self, alive: dict[str, Tensor]) -> None:
        super().__init__()
        self._alive = alive
        self._name = ""
        self._is_last = False  # whether the units are the last dimension

    def passed(self, name: str, layer: nn.Module, _: Any, output: Any) -> None:
        """A layer with parameters has answered."""
        self._name = name
        self._is_last = isinstance(layer, nn.Linear | nn.Embedding | nn.LayerNorm | nn.RNNBase)
        if isinstance(layer, nn.RNNBase) and layer.mode == "RNN_RELU":
            self._note(output[0])

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None) -> Any:
        """Compute what would be computed, and look at it."""
        output = func(*args, **(kwargs or {}))
        if func in _RELUS:
            self._note(output)
        return output

    def _note(self, output: Tensor) -> None:
        unit = output.ndim - 1 if self._is_last else 1
        others = [dimension for dimension in range(output.ndim) if dimension != unit]
        alive_U = output.sum(dim=others) > 0  # nothing is below 0; a sum takes a ninth of the time of a maximum
        before_U = self._alive.get(self._name)
        if before_U is not None and before_U.shape == alive_U.shape:
            alive_U = alive_U | before_U
        self._alive[self._name] = alive_U


def _name_of(network: nn.Module, name: str, layer: nn.Module, parameter: str = "") -> str:
    """What people call a layer: its name in the model; stacked recurrent layers, one module, have a name each."""
    if _is_bundled(network):
        name = name.removeprefix("1").removeprefix(".")
    if isinstance(layer, nn.RNNBase) and layer.num_layers > 1:
        number = re.search(r"_l(\d+)", parameter)
        name += f".l{number[1] if number else layer.num_layers - 1}"  # without a parameter: the last one
    return name or "the network itself"


def _is_bundled(network: nn.Module) -> bool:
    """Whether it is input, model and perhaps a change of unit, of which the model alone has parameters."""
    if not isinstance(network, nn.Sequential) or len(network) < 2:
        return False
    return not any(list(network[at].parameters()) for at in range(len(network)) if at != 1)


def _norms(tensors: Sequence[Tensor]) -> Tensor:
    """The L2 norm of each: (P,)."""
    return torch.stack(torch._foreach_norm(list(tensors)))


def _dead_shares(alive: Mapping[str, Tensor]) -> dict[str, float]:
    if not alive:
        return {}
    shares = torch.stack([(~alive_U).float().mean() for alive_U in alive.values()]).tolist()
    return dict(zip(alive, shares, strict=True))


def _rounded(value: float) -> float:
    """Six digits: nobody reads more, and the journal keeps a row a layer and epoch."""
    return float(f"{value:.6g}")

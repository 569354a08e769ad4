"""Optimisers by name, written out: what one update does to the weights, and what state it keeps until the next.

They compute what torch.optim's do (tests compare them) with the same foreach operations; Adam counts the updates of all
parameters together, torch those in which each one had a gradient. ``torch.optim`` itself imports the compiler before
its first step, which costs each start of a training 1.6 seconds on a small machine.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Tensors = tuple[Tensor, ...] | list[Tensor]
State = dict[str, list[Tensor]]
UpdateFunction = Callable[[list[Tensor], Tensors, State, float, float, int], None]


@dataclass(frozen=True)
class ParameterRate:
    """How fast a parameter learns beside the others.

    Attributes:
        lr_scale: factor on the learning rate, above 0.
        starts_at: number of updates of the others after which its own begin; before, it has no gradient.
    """

    lr_scale: float = 1.0
    starts_at: int = 0


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a weight decay and a rate.

    Attributes:
        params: parameters by their names in the model.
        weight_decay: factor of the penalty or the decay, from 0.
        state: tensors that the update function keeps from step to step, by its names for them: one a parameter, of the
            parameter's shape.
        rate: how fast they learn.
    """

    params: dict[str, nn.Parameter]
    weight_decay: float
    state: State
    rate: ParameterRate = ParameterRate()


@dataclass
class Optimizer:
    """One update function over some groups of parameters.

    Attributes:
        groups: the parameters that are updated.
        update_fn: one of the functions below, its options bound.
        lr: learning rate of the next step; a schedule changes it.
        step_count: number of steps that were taken.
    """

    groups: list[ParameterGroup]
    update_fn: UpdateFunction
    lr: float
    step_count: int = field(default=0)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        self.step_count += 1
        for group in self.groups:
            at = [index for index, parameter in enumerate(group.params.values()) if parameter.grad is not None]
            weights = list(group.params.values())
            state = {name: [tensors[index] for index in at] for name, tensors in group.state.items()}
            gradients = [gradient for weight in weights if (gradient := weight.grad) is not None]
            if at:
                updated: list[Tensor] = [weights[index] for index in at]
                lr, own_step = self.lr * group.rate.lr_scale, self.step_count - group.rate.starts_at
                self.update_fn(updated, gradients, state, lr, group.weight_decay, own_step)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Every parameter that is updated."""
        for group in self.groups:
            yield from group.params.values()

    def state_dict(self) -> dict[str, Tensor]:
        """The state of every parameter, by ``<parameter>/<name>``: the tensors themselves, no copies."""
        return {
            f"{name}/{key}": tensor
            for group in self.groups
            for key, tensors in group.state.items()
            for name, tensor in zip(group.params, tensors, strict=True)
        }

    @torch.no_grad()
    def load_state_dict(self, tensors: dict[str, Tensor], step_count: int) -> None:
        """Take over what ``state_dict`` gave, bit by bit.

        Args:
            tensors: tensors of the same names and shapes.
            step_count: number of steps that had been taken.

        Raises:
            KeyError: names differ.
            RuntimeError: shapes differ.
        """
        own = self.state_dict()
        if own.keys() != tensors.keys():
            raise KeyError(f"the optimiser's state differs in {sorted(own.keys() ^ tensors.keys())[:3]}")
        for name, tensor in own.items():
            tensor.copy_(tensors[name])
        self.step_count = step_count


def build(
    name: str,
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float = 0.0,
    rates: Mapping[str, ParameterRate] | None = None,
    **options: Any,
) -> Optimizer:
    """Build an optimiser over the trainable parameters of a model.

    Biases and the weights of norms (every parameter of one dimension) are not decayed: pulling them to zero limits
    nothing that can overfit (T. He et al., "Bag of tricks for image classification", 2018, section 3.1).

    Args:
        name: sgd, adam, adamw or rmsprop.
        model: frozen parameters (``requires_grad=False``) are left out.
        lr: learning rate, above 0.
        weight_decay: L2 penalty (sgd, adam, rmsprop) or decoupled decay (adamw), from 0.
        rates: rate of each parameter that learns at another than the common one, by name.
        **options: options of the update function: see the functions below.

    Returns:
        An optimiser with one group that is decayed and one that is not, for each rate.
    """
    update_fn, names = _UPDATE_FUNCTIONS[name](**options)
    trainable = {key: parameter for key, parameter in model.named_parameters() if parameter.requires_grad}
    members: dict[tuple[bool, ParameterRate], dict[str, nn.Parameter]] = {}
    for is_decayed in (True, False):
        for key, parameter in trainable.items():
            if (parameter.ndim > 1) == is_decayed:
                members.setdefault((is_decayed, (rates or {}).get(key, ParameterRate())), {})[key] = parameter
    groups = []
    for (is_decayed, rate), params in members.items():
        state = {key: [torch.zeros_like(parameter) for parameter in params.values()] for key in names}
        groups.append(ParameterGroup(params, weight_decay if is_decayed else 0.0, state, rate))
    return Optimizer(groups, update_fn, lr)


def sgd(*, momentum: float = 0.0, nesterov: bool = False) -> tuple[UpdateFunction, tuple[str, ...]]:
    """Stochastic gradient descent: ``v = momentum * v + g``, ``w = w - lr * v``.

    Source: as ``torch.optim.SGD`` (I. Sutskever et al., "On the importance of initialization and momentum", 2013,
    with the learning rate outside of the velocity).

    Args:
        momentum: share of the last update that is kept, in [0, 1).
        nesterov: step along ``g + momentum * v`` instead.

    Returns:
        The update function and the names of the state that it keeps.
    """

    def update(
        weights: list[Tensor], gradients: Tensors, state: State, lr: float, weight_decay: float, step_count: int
    ) -> None:
        if weight_decay:
            gradients = torch._foreach_add(gradients, weights, alpha=weight_decay)
        direction: Tensors = gradients
        if momentum:
            velocity = state["momentum"]
            torch._foreach_mul_(velocity, momentum)
            torch._foreach_add_(velocity, gradients)
            direction = torch._foreach_add(gradients, velocity, alpha=momentum) if nesterov else velocity
        torch._foreach_add_(weights, direction, alpha=-lr)

    return update, ("momentum",) if momentum else ()


def adam(
    *, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, decoupled: bool = False
) -> tuple[UpdateFunction, tuple[str, ...]]:
    """Adam: ``m = b1 m + (1 - b1) g``, ``v = b2 v + (1 - b2) g^2``, ``w = w - lr * m' / (sqrt(v') + eps)``.

    m' and v' are m and v over ``1 - b^t``, which takes away their start at zero.

    Source: D. Kingma, J. Ba, "Adam", 2014; decoupled: I. Loshchilov, F. Hutter, "Decoupled weight decay
    regularization", 2017; as ``torch.optim.Adam`` and ``AdamW``.

    Args:
        betas: decay of the running mean and of the running square, each in [0, 1).
        eps: above 0.
        decoupled: shrink the weights by ``lr * weight_decay`` instead of adding an L2 penalty's gradient.

    Returns:
        The update function and the names of the state that it keeps.
    """
    beta1, beta2 = betas

    def update(
        weights: list[Tensor], gradients: Tensors, state: State, lr: float, weight_decay: float, step_count: int
    ) -> None:
        mean, square = state["mean"], state["square"]
        if weight_decay and decoupled:
            torch._foreach_mul_(weights, 1 - lr * weight_decay)
        elif weight_decay:
            gradients = torch._foreach_add(gradients, weights, alpha=weight_decay)
        torch._foreach_lerp_(mean, gradients, 1 - beta1)
        torch._foreach_mul_(square, beta2)
        torch._foreach_addcmul_(square, gradients, gradients, 1 - beta2)
        root = torch._foreach_sqrt(square)
        torch._foreach_div_(root, math.sqrt(1 - beta2**step_count))
        torch._foreach_add_(root, eps)
        torch._foreach_addcdiv_(weights, mean, root, -lr / (1 - beta1**step_count))

    return update, ("mean", "square")


def adamw(**options: Any) -> tuple[UpdateFunction, tuple[str, ...]]:
    """Adam with decoupled weight decay."""
    return adam(decoupled=True, **options)


def rmsprop(
    *, alpha: float = 0.99, eps: float = 1e-8, momentum: float = 0.0, centered: bool = False
) -> tuple[UpdateFunction, tuple[str, ...]]:
    """RMSprop: ``v = a v + (1 - a) g^2``, ``w = w - lr * g / (sqrt(v) + eps)``.

    Source: T. Hinton, "Neural networks for machine learning", lecture 6e, 2012; centred: A. Graves, "Generating
    sequences with recurrent neural networks", 2013, equations 38 to 41; as ``torch.optim.RMSprop``. We differ where
    rounding makes the centred square less than 0, which under a gradient that stays the same for a thousand updates it
    does: torch takes the root of that, which is no number, we that of 0.

    Args:
        alpha: decay of the running square, in [0, 1).
        eps: above 0.
        momentum: share of the last update that is kept, in [0, 1).
        centered: divide by the deviation of the gradients around their running mean, not by their size.

    Returns:
        The update function and the names of the state that it keeps.
    """

    def update(
        weights: list[Tensor], gradients: Tensors, state: State, lr: float, weight_decay: float, step_count: int
    ) -> None:
        square = state["square"]
        if weight_decay:
            gradients = torch._foreach_add(gradients, weights, alpha=weight_decay)
        torch._foreach_mul_(square, alpha)
        torch._foreach_addcmul_(square, gradients, gradients, 1 - alpha)
        root: Tensors = square
        if centered:
            mean = state["mean"]
            torch._foreach_lerp_(mean, gradients, 1 - alpha)
            root = torch._foreach_addcmul(square, mean, mean, -1)
            torch._foreach_clamp_min_(root, 0)
        root = torch._foreach_sqrt(root)
        torch._foreach_add_(root, eps)
        if momentum:
            velocity = state["momentum"]
            torch._foreach_mul_(velocity, momentum)
            torch._foreach_addcdiv_(velocity, gradients, root)
            torch._foreach_add_(weights, velocity, alpha=-lr)
        else:
            torch._foreach_addcdiv_(weights, gradients, root, -lr)

    return update, ("square", *(("mean",) if centered else ()), *(("momentum",) if momentum else ()))


_UPDATE_FUNCTIONS: dict[str, Callable[..., tuple[UpdateFunction, tuple[str, ...]]]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adamw,
    "rmsprop": rmsprop,
}

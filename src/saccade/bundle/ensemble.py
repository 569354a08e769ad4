"""Several networks that predict as one: their probabilities, or the numbers they predict, are averaged.

Shapes: M members, B batch, T tokens, K classes or tokens of the vocabulary, O numbers to predict.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

OutputKind = Literal["classes", "sigmoids", "numbers"]


class Ensemble(nn.Module):
    """The mean of several networks' outputs, in the form in which one of them gives them.

    Of classifiers, and of networks that say what comes next, probabilities are averaged, not logits: what comes out is
    the logarithm of the mean probability, whose softmax is that mean. Numbers are averaged as they are.

    Args:
        members: networks of one architecture with different weights; one at least.
        kind: form of their outputs: classes are logits (..., K) of a softmax; sigmoids are logits of answers that are
            yes or no each, of the second of two classes (B, 1) or of several classes an example (B, K); numbers are
            (B, O).
    """

    def __init__(self, members: Sequence[nn.Module], kind: OutputKind) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        return self._mean([member(x) for member in self.members])

    def advance(self, token_BT: Tensor, state: Sequence[Any] | None = None) -> tuple[Tensor, list[Any]]:
        """As ``NextTokenNetwork.advance``; the state is that of each member."""
        states = [None] * len(self.members) if state is None else state
        members: list[Any] = list(self.members)
        said = [member.advance(token_BT, own) for member, own in zip(members, states, strict=True)]
        return self._mean([logits_BTK for logits_BTK, _ in said]), [own for _, own in said]

    def _mean(self, outputs: Sequence[Tensor]) -> Tensor:
        outputs_M = torch.stack([output.float() for output in outputs])  # bfloat16 would round what is averaged
        if self.kind == "numbers":
            return outputs_M.mean(dim=0)
        if self.kind == "sigmoids":  # log p - log (1 - p); what both are divided by cancels out
            return logsigmoid(outputs_M).logsumexp(dim=0) - logsigmoid(-outputs_M).logsumexp(dim=0)
        return outputs_M.log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(outputs))

"""What each token adds to the answer of a bag of n-grams, exactly: the network is a sum over n-grams.

Shapes: T tokens, N n-grams, E numbers of a row, K classes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from saccade.bundle.ensemble import Ensemble
from saccade.core.errors import UserError
from saccade.explain.sequences.answers import Answer, Trained, scores
from saccade.models.bag_of_ngrams import BagOfNgrams
from saccade.nn.padding import sequence_lengths


def find_bags(network: nn.Module) -> list[BagOfNgrams]:
    """The bags of n-grams in a network."""
    return [module for module in network.modules() if isinstance(module, BagOfNgrams)]


@torch.no_grad()
def contributions(
    trained: Trained, stored_1T: Tensor, wanted: Sequence[Answer]
) -> list[tuple[np.ndarray, float, float]]:
    """What each token adds to a logit: its share of every n-gram that holds it.

    The logit is a constant and a sum over the n-grams of the text, each its weight times its row; the weights are those
    of this text. An n-gram's part is divided evenly among its tokens, and equal n-grams share theirs. What lies one
    step outside the text, where n-grams may begin or end, takes nothing.

    Args:
        trained: a bag of n-grams alone, or with one linear layer behind it.
        stored_1T: a text as ids, a batch of one.
        wanted: classes to explain.

    Returns:
        For each class: float64 (T,), the logit, and the constant, which is the logit of no text at all.

    Raises:
        UserError: several networks answer together, whose mean is no sum over n-grams.
    """
    if isinstance(trained.network[1], Ensemble):
        raise UserError("contributions are those of one network, but several answer here together: take leave-one-out")
    bag, *head = trained.network[1].children()
    assert isinstance(bag, BagOfNgrams)
    token_1T = trained.network[0](stored_1T.to(trained.device))
    bucket_N = bag.buckets_of(token_1T)[0]
    ordered_N, place_N = bucket_N.sort(stable=True)
    weight_N = bag.weights_of(ordered_N[None])[0].double()  # at the first of equal n-grams, 0 at the others
    is_inside_N = ordered_N < bag.buckets
    number_N = torch.cumsum(weight_N > 0, dim=0) - 1
    count_N = torch.bincount(number_N[is_inside_N], minlength=1).double()
    share_N = torch.zeros_like(weight_N)
    inside = number_N[is_inside_N]
    share_N[is_inside_N] = weight_N[weight_N > 0][inside] / count_N[inside]
    rows_NE = bag.weight.double()[ordered_N.clamp(max=bag.buckets - 1)] * share_N[:, None]
    start_E = bag.bias.double()
    for layer in head:
        assert isinstance(layer, nn.Linear)
        rows_NE, start_E = rows_NE @ layer.weight.double().T, layer.weight.double() @ start_E + layer.bias.double()
    sign = trained.config.one_output
    rows_NK = torch.cat((-rows_NE, rows_NE), dim=1) if sign else rows_NE
    start_K = torch.cat((-start_E, start_E)) if sign else start_E
    tokens_TN = _tokens_of(bag, token_1T, place_N)
    value_TK = (tokens_TN @ rows_NK).cpu().numpy()
    score_K = scores(trained.config, trained.network(stored_1T.to(trained.device)).float())[0]
    return [(value_TK[:, one.place], float(score_K[one.place]), float(start_K[one.place])) for one in wanted]


def _tokens_of(bag: BagOfNgrams, token_1T: Tensor, place_N: Tensor) -> Tensor:
    """The share of each n-gram that each token has, float64 (T, N), n-grams in the order of ``place_N``."""
    T, steps = token_1T.shape[1], token_1T.shape[1] + 1
    length = int(sequence_lengths(token_1T)[0])
    size_N, start_N = place_N // steps + 1, place_N % steps - 1  # -1 is the step outside
    token_T1 = torch.arange(T, device=place_N.device)[:, None]
    is_in_TN = (token_T1 >= start_N) & (token_T1 < start_N + size_N) & (token_T1 < length)
    return is_in_TN.double() / is_in_TN.sum(dim=0).clamp(min=1)

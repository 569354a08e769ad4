"""A bag of n-grams: which short runs of tokens a text holds, wherever they stand, and a linear layer over them.

The choice for a few thousand labelled texts: on so few, counted words or letters in a linear model are hard to beat,
and this is such a model, trained as networks are. It forgets the order beyond its n-grams: where that decides and there
are tens of thousands of texts, take ``lstm`` or ``conv1d``.

    every run of 1 to ngram_length tokens -> a number below buckets, by a hash
    each number once a text, weighing 1 + ln(its count); all weights of a text brought to length 1
    sum of its weights times a learnt row a bucket; with embedding_size, a linear layer behind

Runs of two tokens and more may begin or end one step outside the text, so that how a name begins is seen. Two runs that
share a bucket share its row. A text that is longer than another moves the answer no further.

Source: A. Joulin et al., "Bag of tricks for efficient text classification", 2016, for n-grams of words that are hashed
and a linear model trained by gradients; G. Salton, C. Buckley, "Term-weighting approaches in automatic text retrieval",
1988, for the weights. We differ: each n-gram counts once with a damped weight, the text has length 1, and, without
embedding_size, there is no layer between n-grams and classes.

Shapes: B batch, T time steps, N n-grams of a text, E numbers of an embedding, K outputs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.nn.arguments import Count, Share, Size
from saccade.nn.padding import sequence_lengths

ACCEPTS = ("tokens",)
OUTPUTS = ("per_example",)  # an n-gram would hold the token that is asked for

NGRAM_LENGTHS = {"characters": 5, "words": 2}
_PRIME = 2**31 - 1  # times the factor below, 62 bits
_FACTOR = 1_103_515_245
_FIRST_STD = 0.01  # against rows of 5 to 10 that training makes


class BagOfNgrams(nn.Module):
    """Token ids int64 (B, T) to (B, E) or (B, K); padding changes nothing.

    Args:
        longest: tokens of the longest n-grams, from 1.
        buckets: rows to learn.
        width: numbers in a row, E or K.
        dropout: share of a text's n-grams that training leaves out, in [0, 1).
    """

    def __init__(self, longest: int, buckets: int, width: int, dropout: float) -> None:
        super().__init__()
        self.longest = longest
        self.buckets = buckets
        self.dropout = dropout
        self.weight = nn.Parameter(torch.randn(buckets, width) * _FIRST_STD)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, token_BT: Tensor) -> Tensor:
        bucket_BN = self.buckets_of(token_BT).sort(dim=1).values
        weight_BN = self.weights_of(bucket_BN)
        rows_BNE = F.embedding(bucket_BN.clamp(max=self.buckets - 1), self.weight)
        return torch.einsum("bn,bne->be", weight_BN.to(rows_BNE.dtype), rows_BNE) + self.bias

    def buckets_of(self, token_BT: Tensor) -> Tensor:
        """The number of each n-gram, int64 (B, N); ``buckets`` where it lies behind the text's end."""
        length_B1 = sequence_lengths(token_BT)[:, None]
        steps = token_BT.shape[1] + 1
        padded_BT = F.pad(token_BT.long(), (1, self.longest))  # a step outside on the left, and what the windows reach
        start_T = torch.arange(steps, device=token_BT.device)  # 0 is the step outside
        found = []
        for length in range(1, self.longest + 1):
            mixed_BT = torch.full_like(padded_BT[:, :steps], length)
            for i in range(length):
                mixed_BT = (mixed_BT + padded_BT[:, i : i + steps] + 1) * _FACTOR % _PRIME
                mixed_BT = mixed_BT ^ (mixed_BT >> 15)
            first, last = (1, length_B1) if length == 1 else (0, length_B1 + 2 - length)
            is_inside_BT = (start_T >= first) & (start_T <= last)
            found.append(torch.where(is_inside_BT, mixed_BT % self.buckets, self.buckets))
        return torch.cat(found, dim=1)

    def weights_of(self, bucket_BN: Tensor) -> Tensor:
        """What each n-gram weighs: 1 + ln(count) at the first of equal ones, 0 at the others, then brought to length 1.

        Args:
            bucket_BN: from ``buckets_of``, sorted.

        Returns:
            float32 (B, N).
        """
        bucket_BN = bucket_BN.contiguous()
        is_first_BN = F.pad(bucket_BN[:, 1:] != bucket_BN[:, :-1], (1, 0), value=True) & (bucket_BN < self.buckets)
        count_BN = torch.searchsorted(bucket_BN, bucket_BN, right=True) - torch.searchsorted(bucket_BN, bucket_BN)
        weight_BN = (1 + count_BN.float().log()) * is_first_BN
        if self.training and self.dropout:
            weight_BN = weight_BN * (torch.rand_like(weight_BN) >= self.dropout)
        return F.normalize(weight_BN, dim=1)

    def extra_repr(self) -> str:
        """What stands between the brackets where the module is printed."""
        return f"1 to {self.longest} tokens, buckets={self.buckets}, width={self.weight.shape[1]}"


def build(
    spec: Spec,
    *,
    ngram_length: Count | None = None,
    buckets: Count = 131_072,
    embedding_size: Size = 0,
    dropout: Share = 0.0,
) -> nn.Sequential:
    """Build the network for a dataset.

    Args:
        spec: kind tokens, answered once.
        ngram_length: tokens of the longest n-grams, from 1; None: 5 characters, or 2 words.
        buckets: numbers among which n-grams are spread, from 1; each has a row of weights, and every update touches all
            of them, so twice as many take twice the time. About as many as training holds different n-grams.
        embedding_size: numbers that an n-gram becomes before the classes, 0: one a class at once, a linear model.
        dropout: share of a text's n-grams that training leaves out, in [0, 1).

    Returns:
        A module from int64 (B, T) to (B, K).

    Raises:
        UserError: each step is to be answered.
    """
    if spec.output == "per_token":
        raise UserError(
            "model (bag_of_ngrams) cannot answer at each step what comes next: it knows no order beyond its n-grams; "
            "take rnn, gru or lstm"
        )
    longest = NGRAM_LENGTHS[spec.unit or "words"] if ngram_length is None else ngram_length
    bag = BagOfNgrams(longest, buckets, embedding_size or spec.num_outputs, dropout)
    return nn.Sequential(bag, nn.Linear(embedding_size, spec.num_outputs)) if embedding_size else nn.Sequential(bag)

"""Contributions of a bag of n-grams are exact: each n-gram's part, divided among its tokens."""

import numpy as np
import pytest
import torch
from sequence_bundles import TEXTS, trained

from saccade.core.errors import UserError
from saccade.explain.sequences import explain_text, influences, methods_for
from saccade.explain.sequences.answers import answers, chosen
from saccade.models.bag_of_ngrams import BagOfNgrams

TEXT = torch.tensor([[2, 5, 2, 5, 2, 4, 7, 0, 0]], dtype=torch.int32)  # "eaeaeoi": n-grams that repeat


@pytest.mark.parametrize("embedding_size", [0, 5])
def test_add_up_exactly(embedding_size: int) -> None:
    network = trained("bag_of_ngrams", TEXTS, buckets=97, ngram_length=3, embedding_size=embedding_size)
    wanted = chosen(answers(network, TEXT), ("cat", "dog", "owl"), network.config)
    for own in influences(network, TEXT, wanted):
        assert own.method == "contributions" and (own.values[7:] == 0).all()
        assert own.values.sum() + own.start == pytest.approx(own.score, abs=1e-5)


def test_each_token_has_its_share_of_each_ngram() -> None:
    network = trained("bag_of_ngrams", TEXTS, buckets=9973, ngram_length=2)
    bag = network.network[1][0]
    assert isinstance(bag, BagOfNgrams)
    token_1T = torch.tensor([[2, 5, 2]])
    bucket_N = bag.buckets_of(token_1T)[0].tolist()  # single ones at 0 (outside), 1, 2, 3; pairs at 0 to 3
    ngrams = {1: (0,), 2: (1,), 3: (2,), 4: (0,), 5: (0, 1), 6: (1, 2), 7: (2,)}  # place to tokens inside the text
    counts = {place: [bucket_N[other] for other in ngrams].count(bucket_N[place]) for place in ngrams}
    weights = {bucket_N[place]: 1 + np.log(counts[place]) for place in ngrams}
    length = np.sqrt(sum(weight**2 for weight in weights.values()))
    by_hand = np.zeros((3, 3))
    for place, tokens in ngrams.items():
        part_K = bag.weight[bucket_N[place]].detach().numpy() * weights[bucket_N[place]] / length / counts[place]
        for token in tokens:
            by_hand[token] += part_K / len(tokens)
    for own in influences(network, token_1T.int(), chosen(answers(network, token_1T.int()), ("dog",), network.config)):
        np.testing.assert_allclose(own.values, by_hand[:, 1], rtol=1e-5, atol=1e-6)


def test_leaving_one_out_puts_the_unknown_in_its_place() -> None:
    network = trained("bag_of_ngrams", TEXTS, buckets=97, ngram_length=2)
    (own,) = explain_text(network, "tea", classes=["owl"], method="leave-one-out").influences
    with torch.no_grad():
        whole, without = network.network(torch.tensor([[3, 2, 4]])), network.network(torch.tensor([[3, 1, 4]]))
    assert own.values[1] == pytest.approx(float((whole - without)[0, 2]), abs=1e-6)


def test_of_several_networks_there_are_none() -> None:
    network = trained("bag_of_ngrams", TEXTS, buckets=97, config={"members": 2})
    assert methods_for(network) == ("contributions", "leave-one-out")
    with pytest.raises(UserError, match="take leave-one-out"):
        explain_text(network, "tea", method="contributions")
    with pytest.raises(UserError, match="integrated-gradients\\) does not fit texts with bag_of_ngrams"):
        explain_text(network, "tea", method="integrated-gradients")

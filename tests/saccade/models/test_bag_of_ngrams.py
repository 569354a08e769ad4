"""The bag of n-grams beside scikit-learn's, which counts strings.

Shapes: B batch, T time steps, D different n-grams, K classes.
"""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from saccade.core.errors import UserError
from saccade.data.spec import PAD, Spec
from saccade.models import bag_of_ngrams

TEXTS = ["abba", "ab", "bacab", "c", "ccab", "abcabc", "bb", "cab"]
LABELS = [0, 1, 2, 0, 1, 2, 1, 0]
VOCABULARY = ("<pad>", "<unknown>", "a", "b", "c")
SPEC = Spec("tokens", (6,), ("x", "y", "z"), vocabulary=VOCABULARY, unit="characters")


def tokens_of(texts: list[str], steps: int = 6) -> torch.Tensor:
    rows = [[VOCABULARY.index(letter) for letter in text] for text in texts]
    return torch.tensor([[*row, *[PAD] * (steps - len(row))] for row in rows])


def ngrams_of(text: str, longest: int) -> list[str]:
    """Runs of one letter lie within the text, longer ones in the text between two strokes."""
    marked = f"|{text}|"
    long = [marked[i : i + n] for n in range(2, longest + 1) for i in range(len(marked) - n + 1)]
    return [*text, *long]


@pytest.mark.parametrize("longest", [1, 2, 5])
def test_with_the_weights_of_a_logistic_regression_the_answers_are_its_own(longest: int) -> None:
    counts = CountVectorizer(analyzer=lambda text: ngrams_of(text, longest))
    rows_BD = counts.fit_transform(TEXTS).astype(float)
    rows_BD.data = 1 + np.log(rows_BD.data)
    fitted = LogisticRegression(C=10.0).fit(normalize(rows_BD), LABELS)

    network = bag_of_ngrams.build(SPEC, ngram_length=longest, buckets=100_003)
    (bag,) = network
    buckets: dict[str, int] = {}
    for text in TEXTS:
        found = [bucket for bucket in bag.buckets_of(tokens_of([text]))[0].tolist() if bucket < bag.buckets]
        buckets |= dict(zip(ngrams_of(text, longest), found, strict=True))  # both by length, then by place
    assert set(buckets) == set(counts.vocabulary_)
    assert len(set(buckets.values())) == len(buckets), "two n-grams share a bucket: choose other ones for this test"
    with torch.no_grad():
        for ngram, column in counts.vocabulary_.items():
            bag.weight[buckets[ngram]] = torch.from_numpy(fitted.coef_[:, column])
        bag.bias.copy_(torch.from_numpy(fitted.intercept_))
    answer_BK = network.eval()(tokens_of(TEXTS)).detach().numpy()
    np.testing.assert_allclose(answer_BK, fitted.decision_function(normalize(rows_BD)), rtol=1e-5, atol=1e-5)


def test_a_bucket_depends_on_the_tokens_and_their_order_alone() -> None:
    bag = bag_of_ngrams.build(SPEC, ngram_length=3, buckets=1_000_003)[0]
    assert bag.buckets_of(tokens_of(["ab"], steps=2)).tolist() == [
        [1000003, 92767, 576970, 632770, 583906, 336213, 426864, 188434, 1000003]
    ], "trained networks would read other n-grams"
    a, b = (set(bag.buckets_of(tokens_of([text]))[0].tolist()) for text in ("ab", "ba"))
    assert len(a & b) == 3  # both letters, and what stands for none


def test_dropout_leaves_out_whole_ngrams_in_training_alone() -> None:
    torch.manual_seed(0)
    bag = bag_of_ngrams.build(SPEC, dropout=0.5)[0]
    sorted_BN = bag.buckets_of(tokens_of(TEXTS)).sort(dim=1).values
    every, some = bag.eval().weights_of(sorted_BN), bag.train().weights_of(sorted_BN)
    assert 0.3 < ((some == 0) & (every > 0)).sum() / (every > 0).sum() < 0.7
    torch.testing.assert_close(every.norm(dim=1), torch.ones(len(TEXTS)))
    torch.testing.assert_close(some.norm(dim=1)[1:3], torch.ones(2))


def test_what_words_and_letters_take_is_their_own() -> None:
    assert bag_of_ngrams.build(SPEC)[0].longest == 5
    assert bag_of_ngrams.build(dataclasses.replace(SPEC, unit="words"))[0].longest == 2
    assert bag_of_ngrams.build(SPEC, embedding_size=7)(tokens_of(TEXTS)).shape == (len(TEXTS), 3)


def test_each_step_cannot_be_answered() -> None:
    with pytest.raises(UserError, match="cannot answer at each step"):
        bag_of_ngrams.build(dataclasses.replace(SPEC, output="per_token"))

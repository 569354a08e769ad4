"""Batches of texts of similar length.

Shapes: N examples, T tokens.
"""

import itertools

import pytest
import torch
from torch import Tensor

from saccade.batching.arrays import trim
from saccade.batching.length_buckets import POOL_BATCHES, by_length, longest_of, measured_batches, stored_lengths
from saccade.batching.samplers import SAMPLERS

SIZE = 8


def lengths(count: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return (5 + 700 * torch.rand(count, generator=random).pow(2)).long()


def drawn(length_N: Tensor, seed: int = 0, epoch: int = 1, size: int = SIZE, sampler: str = "shuffle") -> Tensor:
    labels_N = torch.arange(len(length_N)) % 3
    return by_length(SAMPLERS[sampler](labels_N, seed, epoch), length_N, size, seed=seed, epoch=epoch)


def padding(order_N: Tensor, length_N: Tensor, size: int = SIZE) -> float:
    """The share of steps that are padding."""
    batches = length_N[order_N].split(size)
    return 1 - int(length_N.sum()) / sum(int(batch.max()) * len(batch) for batch in batches)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 127, 128, 129, 1003])
def test_every_example_comes_once_an_epoch(count: int) -> None:
    order_N = drawn(lengths(count))
    assert order_N.dtype == torch.int64 and sorted(order_N.tolist()) == list(range(count))


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    length_N = lengths(300)
    first = drawn(length_N, seed=3, epoch=2)
    torch.manual_seed(99)
    torch.rand(5)
    assert torch.equal(drawn(length_N, seed=3, epoch=2), first)
    for seed, epoch in ((3, 1), (4, 2)):
        assert not torch.equal(drawn(length_N, seed=seed, epoch=epoch), first)


def test_little_of_a_batch_is_padding() -> None:
    length_N = lengths(2000)
    mixed = padding(SAMPLERS["shuffle"](length_N, 0, 1), length_N)
    assert mixed > 0.5 and padding(drawn(length_N), length_N) < 0.1


def test_batches_are_not_sorted_and_meet_others_in_each_epoch() -> None:
    length_N = lengths(1024)
    epochs = [drawn(length_N, epoch=epoch).view(-1, SIZE) for epoch in (1, 2)]
    longest = torch.tensor(longest_of(length_N[epochs[0].flatten()], SIZE)).float()
    rank_correlation = torch.corrcoef(torch.stack([longest.argsort().argsort().float(), torch.arange(128.0)]))[0, 1]
    assert abs(rank_correlation) < 0.3
    together = [{frozenset(pair) for batch in epoch.tolist() for pair in itertools.pairwise(batch)} for epoch in epochs]
    assert len(together[0] & together[1]) < 0.1 * len(together[0])


def test_a_pool_is_sorted_before_it_is_cut() -> None:
    length_N = torch.arange(1, POOL_BATCHES * SIZE + 1)
    batches = drawn(length_N).view(POOL_BATCHES, SIZE)
    assert (
        sorted(batch.tolist() for batch in batches)
        == torch.arange(POOL_BATCHES * SIZE).view(POOL_BATCHES, SIZE).tolist()
    )


def test_the_batch_that_is_not_full_comes_last_as_it_was_drawn() -> None:
    length_N = lengths(100)
    order_N = SAMPLERS["shuffle"](length_N, 0, 1)
    assert torch.equal(by_length(order_N, length_N, SIZE, seed=0, epoch=1)[-4:], order_N[-4:])


def test_texts_of_one_length_keep_the_order_that_they_were_drawn_in() -> None:
    length_N = torch.full((50,), 7)
    order_N = SAMPLERS["shuffle"](length_N, 0, 1)
    assert by_length(order_N, length_N, SIZE, seed=0, epoch=1) is order_N


def test_what_a_sampler_draws_more_often_stays_drawn_more_often() -> None:
    length_N = lengths(90)
    labels_N = (torch.arange(90) < 80).long()
    order_N = SAMPLERS["balanced"](labels_N, 0, 1)
    arranged_N = by_length(order_N, length_N, SIZE, seed=0, epoch=1)
    assert torch.equal(arranged_N.sort().values, order_N.sort().values) and len(arranged_N.unique()) < 90


def test_the_longest_of_each_batch() -> None:
    assert longest_of(torch.tensor([3, 9, 2, 4, 4, 1, 8]), 3) == [9, 4, 8]


def test_measuring_sees_every_example_once_the_shortest_first() -> None:
    length_N = lengths(21)
    batches = list(measured_batches(21, length_N, 8))
    assert [len(rows) for rows, _ in batches] == [8, 8, 5]
    rows_N = torch.cat([rows for rows, _ in batches])
    assert sorted(rows_N.tolist()) == list(range(21)) and torch.equal(length_N[rows_N], length_N.sort().values)
    assert [steps for _, steps in batches] == [int(length_N[rows].max()) for rows, _ in batches]
    plain = list(measured_batches(5, None, 2))
    assert [rows.tolist() for rows, _ in plain] == [[0, 1], [2, 3], [4]] and {steps for _, steps in plain} == {None}


def test_stored_lengths_are_counted_some_thousand_at_a_time() -> None:
    length_N = lengths(9001).clamp(max=20)
    token_NT = (torch.arange(20) < length_N[:, None]).int()
    assert torch.equal(stored_lengths(token_NT), length_N)


def test_only_what_has_steps_is_trimmed() -> None:
    token_BT = torch.ones(2, 6)
    for target, shape in ((torch.zeros(2, dtype=torch.int64), (2,)), (torch.zeros(2, 6, dtype=torch.int64), (2, 4)),
                          (torch.zeros(2, 6), (2, 6))):  # fmt: skip
        x, trimmed = trim(token_BT, target, 4)
        assert x.shape == (2, 4) and trimmed.shape == shape
    x, trimmed = trim(token_BT, target, None)
    assert x is token_BT and trimmed is target


def test_lines_are_trimmed_along_their_width() -> None:
    x, trimmed = trim(torch.ones(2, 8, 30, 1), torch.zeros(2, 5, dtype=torch.int64), 12)
    assert x.shape == (2, 8, 12, 1) and trimmed.shape == (2, 5)

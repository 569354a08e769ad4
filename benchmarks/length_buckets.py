"""What batches of similar length buy, and what torch's packed sequences would.

    python benchmarks/length_buckets.py

Examples a second of CPU, one thread, of training epochs in turn: batches from length buckets against batches as they
are drawn, both trimmed to their longest text. Lengths are drawn like those of film reviews in words, cut at 1,000, and
of surnames in letters. Then the recurrence alone, forwards and backwards, over batches from buckets: padded, as here,
against ``pack_padded_sequence``. And validation accuracy with and without buckets, a seed a value, on texts of two
classes, one three times as long as the other: batches from buckets then hold mostly one class.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from figures import report, tell
from torch import Tensor, nn
from workbench import parser_of

from saccade.batching.arrays import LabelledArrays
from saccade.batching.batches import Batches
from saccade.batching.length_buckets import by_length, longest_of
from saccade.bundle.inputs import TokenInput
from saccade.core import registry
from saccade.data.spec import Spec
from saccade.nn.padding import length_mask
from saccade.nn.text_networks import BidirectionalRNN
from saccade.optim import optimizers
from saccade.optim.losses import cross_entropy
from saccade.optim.objective import Objective
from saccade.train.loop import FitSettings, fit
from saccade.train.state import EpochRecord, TrainingState

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """Texts of some lengths, and a network to read them."""

    lengths: Callable[[np.random.Generator, int], np.ndarray]
    examples: int
    vocabulary: int
    classes: int
    batch_size: int
    arguments: dict[str, Any] = field(default_factory=dict)


CASES = {
    "reviews, 710 words on average": Case(
        lambda random, count: random.normal(780, 340, count).clip(20, 1000),
        768, 10_000, 2, 32, {"hidden_size": 64, "embedding_size": 64, "bidirectional": True, "pool": "mean"},
    ),
    "surnames, 7 letters on average": Case(
        lambda random, count: random.normal(7.1, 2.0, count).clip(2, 20),
        12_288, 80, 18, 64, {"hidden_size": 128, "embedding_size": 32},
    ),
}  # fmt: skip


def main() -> None:
    """Parse the command line, measure, print."""
    options = parser_of(__doc__, pairs=3).parse_args()
    pairs = 1 if options.quick else options.pairs
    torch.set_num_threads(1)
    for title, case in CASES.items():
        data = drawn(case, 3 * case.batch_size if options.quick else case.examples)
        rates: dict[bool, list[float]] = {True: [], False: []}
        for pair in range(pairs):
            for is_bucketed, values in rates.items():
                tell(f"{title}, {'with' if is_bucketed else 'without'} buckets, {pair + 1} of {pairs}")
                values.append(rate(case, data, is_bucketed))
        report(title, "examples/s", rates[True], rates[False], peer="batches as they are drawn")
        report_packed(title, case, data, pairs, quick=options.quick)
    report_accuracy(pairs, quick=options.quick)


def drawn(case: Case, count: int, seed: int = 0) -> LabelledArrays:
    """Texts without meaning, of the case's lengths."""
    random = np.random.default_rng(seed)
    lengths = torch.from_numpy(case.lengths(random, count).astype(np.int64))
    tokens = torch.from_numpy(random.integers(1, case.vocabulary, (count, int(lengths.max())), dtype=np.int32))
    tokens *= torch.arange(tokens.shape[1]) < lengths[:, None]
    return LabelledArrays(tokens[None], torch.from_numpy(random.integers(0, case.classes, count)), lengths)


def network(case: Case, seed: int = 0) -> nn.Sequential:
    """A new LSTM for the case."""
    vocabulary = ("<pad>", "<unknown>", *map(str, range(case.vocabulary - 2)))
    spec = Spec("tokens", (20,), tuple(map(str, range(case.classes))), (), vocabulary, "words")
    torch.manual_seed(seed)
    return nn.Sequential(TokenInput(), registry.module("models", "lstm").build(spec, **case.arguments))


def trained(
    case: Case, data: LabelledArrays, validation: LabelledArrays, *, is_bucketed: bool, epochs: int, seed: int = 0
) -> list[EpochRecord]:
    """The epochs of a training."""
    built = network(case, seed)
    state = TrainingState(built, optimizers.build("adam", built, lr=0.003))
    batches = Batches(data, case.batch_size, seed=seed, length_buckets=is_bucketed)
    settings = FitSettings(epochs, clip_norm=1.0)
    return list(fit(state, batches, validation, Objective(cross_entropy), lambda step: 0.003, settings))


def rate(case: Case, data: LabelledArrays, is_bucketed: bool) -> float:
    """Training examples a second of CPU; the validation split is a single text."""
    assert isinstance(data.views, Tensor) and data.lengths is not None
    single = LabelledArrays(data.views[:, :1], data.labels[:1], data.lengths[:1])
    started_at = time.process_time()
    trained(case, data, single, is_bucketed=is_bucketed, epochs=1)
    return len(data.labels) / (time.process_time() - started_at)


# --- packed sequences -------------------------------------------------------------------------------------------------


def report_packed(title: str, case: Case, data: LabelledArrays, pairs: int, *, quick: bool) -> None:
    """The recurrence alone, both directions: padded and turned around within each text, against packed."""
    assert isinstance(data.views, Tensor) and data.lengths is not None
    size, lengths = case.batch_size, data.lengths
    order = by_length(torch.arange(len(lengths)), lengths, size, seed=0, epoch=1)
    batches = list(zip(order.split(size), longest_of(lengths[order], size), strict=True))[: 2 if quick else 6]
    torch.manual_seed(0)
    recurrent = nn.LSTM(
        case.arguments["embedding_size"], case.arguments["hidden_size"], batch_first=True, bidirectional=True
    )
    own = BidirectionalRNN(recurrent)

    def padded(x_BTE: Tensor, length_B: Tensor) -> Tensor:
        return own(x_BTE, length_B)[length_mask(length_B, x_BTE.shape[1])]

    def packed(x_BTE: Tensor, length_B: Tensor) -> Tensor:
        sequence = nn.utils.rnn.pack_padded_sequence(x_BTE, length_B, batch_first=True, enforce_sorted=False)
        return recurrent(sequence)[0].data

    rates: dict[Callable[[Tensor, Tensor], Tensor], list[float]] = {padded: [], packed: []}
    for _ in range(pairs):
        for read, values in rates.items():
            elapsed_s = 0.0
            for rows, steps in batches:
                x_BTE = torch.randn(len(rows), steps, case.arguments["embedding_size"], requires_grad=True)
                started_at = time.process_time()
                read(x_BTE, lengths[rows]).sum().backward()
                elapsed_s += time.process_time() - started_at
            values.append(sum(len(rows) for rows, _ in batches) / elapsed_s)
    report(f"{title}: recurrence alone", "examples/s", rates[padded], rates[packed], peer="packed sequences")


# --- accuracy ---------------------------------------------------------------------------------------------------------


def report_accuracy(pairs: int, *, quick: bool) -> None:
    """Validation accuracy after the last epoch, the same seeds on both sides."""
    case = Case(lambda random, count: np.zeros(count), 0, 14, 2, 32, {"hidden_size": 32, "embedding_size": 16})
    train, validation = (two_classes(64 if quick else count, seed) for count, seed in ((1500, 1), (1000, 2)))
    accuracies: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(pairs):
        for is_bucketed, values in accuracies.items():
            tell(f"accuracy, {'with' if is_bucketed else 'without'} buckets, seed {seed}")
            records = trained(case, train, validation, is_bucketed=is_bucketed, epochs=1 if quick else 6, seed=seed)
            values.append(records[-1].validation_score)
    report(
        "validation accuracy, one class three times as long",
        "",
        accuracies[True],
        accuracies[False],
        peer="batches as they are drawn",
        note="six epochs of 1,500 texts",
    )


def two_classes(count: int, seed: int) -> LabelledArrays:
    """Chains of letters: in the second class, every letter is a little more often followed by the next one."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    lengths = (random.gamma(6.0, np.where(labels == 1, 4.5, 1.5))).clip(3, 60).astype(np.int64)
    tokens = np.zeros((count, 60), np.int32)
    tokens[:, 0] = random.integers(2, 14, count)
    for t in range(1, 60):
        follows = random.random(count) < np.where(labels == 1, 0.3, 0.1)
        tokens[:, t] = np.where(follows, (tokens[:, t - 1] - 1) % 12 + 2, random.integers(2, 14, count))
    tokens *= np.arange(60) < lengths[:, None]
    return LabelledArrays(torch.from_numpy(tokens)[None], torch.from_numpy(labels), torch.from_numpy(lengths))


if __name__ == "__main__":
    main()

"""How much each step of a sequence, or each number of a step, moves an answer: integrated gradients, leaving one out.

Both compare with a step that says nothing: zeros. Those are the vector of padding where tokens become vectors, and the
mean of the training split where values are normalised. The unknown token would be a worse choice: where training knew
all tokens, its vector was never learnt. Padding's id would be none at all, for a text ends where it stands.

Shapes: B batch, T time steps, E numbers of a step, F features, K classes, tokens or numbers,
M quadrature nodes of a piece, N those of all pieces, W wanted answers.
"""

import copy
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import UNKNOWN
from saccade.explain.sequences.answers import Answer, Trained, scores
from saccade.explain.sequences.ngrams import contributions, find_bags
from saccade.explain.sequences.steps import Place, answer_with, open_places, require_evaluation_mode
from saccade.nn.padding import sequence_lengths

INTEGRATED_GRADIENTS, LEAVE_ONE_OUT, CONTRIBUTIONS = "integrated-gradients", "leave-one-out", "contributions"
METHODS = (INTEGRATED_GRADIENTS, LEAVE_ONE_OUT, CONTRIBUTIONS)

LIMIT_S = 60.0
_NODES = 8  # of a piece of the way
_FIRST_PIECES, MOST_PIECES = 8, 128
FIRST_PASSES = _FIRST_PIECES * _NODES * 10  # forward passes that take as long as the first pieces: back twice, float64
_SMALL_GAP = 0.01  # of the difference that is to be explained
_STEPS_AT_ONCE = 32_768  # rows times steps; an LSTM of 128 units keeps about 3 kB a step for its gradient


@dataclass(frozen=True)
class Influence:
    """What each step adds to an answer.

    Attributes:
        answer: answer that is explained.
        values: float64 (T,), or (T, F) of series; above 0 where a step speaks for the answer; 0 behind the end.
        score: logit of the class, or the number, for the example.
        start: the same where no step says anything; None where the method knows no such.
        method: one of ``METHODS``.
    """

    answer: Answer
    values: np.ndarray
    score: float
    start: float | None
    method: str

    @property
    def gap(self) -> float | None:
        """What the sum of the influences misses of the score above its start, as a share; None without a start."""
        if self.start is None:
            return None
        whole = self.score - self.start
        missed = abs(whole - float(self.values.sum()))
        return missed / max(abs(whole), float(np.abs(self.values).sum()), 1e-12)

    def sum_in_words(self) -> str:
        """Such as "logit 1.2 = 0.2 where no step says anything +1.0 by the steps"."""
        what = f"{'value' if self.answer.probability is None else 'logit'} {self.score:.4g}"
        if self.start is None:
            return f"{what}, and what it loses without each step"
        gap = f", {self.gap:.1%} of it missed" if self.gap is not None and self.gap > _SMALL_GAP else ""
        return f"{what} = {self.start:.4g} where no step says anything {self.values.sum():+.4g} by the steps{gap}"


def methods_for(trained: Trained) -> tuple[str, ...]:
    """Which methods fit a network, the one that is taken unless another is named first."""
    if find_bags(trained.network):
        return (CONTRIBUTIONS, LEAVE_ONE_OUT)
    return (INTEGRATED_GRADIENTS, LEAVE_ONE_OUT)


def influences(
    trained: Trained,
    stored_1T: Tensor,
    wanted: Sequence[Answer],
    *,
    method: str | None = None,
    limit_s: float = LIMIT_S,
    most_pieces: int = MOST_PIECES,
) -> list[Influence]:
    """What each step of one example adds to answers about it.

    Args:
        trained: network in evaluation mode; nothing of it changes.
        stored_1T: the example as a split holds it, a batch of one.
        wanted: answers to explain.
        method: one of ``methods_for(trained)``; None: the first.
        limit_s: seconds that it may take, as estimated from its first part.
        most_pieces: pieces of the way along which gradients are added up; with fewer, more may be missed.

    Returns:
        One for each answer.

    Raises:
        UserError: the method does not fit the network, the network is in training mode or is asked nothing about
            steps, or the example is too long for the limit.
    """
    require_evaluation_mode(trained)
    method = _method(trained, method)
    if method == CONTRIBUTIONS:
        return [
            Influence(answer, values_T, score, start, method)
            for answer, (values_T, score, start) in zip(wanted, contributions(trained, stored_1T, wanted), strict=True)
        ]
    if method == INTEGRATED_GRADIENTS:
        return _integrate(trained, stored_1T.to(trained.device), wanted, limit_s, most_pieces)
    return _leave_out(trained, stored_1T.to(trained.device), wanted, limit_s)


def _method(trained: Trained, method: str | None) -> str:
    fitting = methods_for(trained)
    if method is None:
        return fitting[0]
    if method not in fitting:
        what = f"{trained.config.spec.plural} with {trained.config.model}"
        raise UserError(f"method ({method}) does not fit {what}: take {' or '.join(fitting)}")
    return method


# --- integrated gradients ---------------------------------------------------------------------------------------------


def _integrate(
    trained: Trained, stored_1T: Tensor, wanted: Sequence[Answer], limit_s: float, most_pieces: int
) -> list[Influence]:
    """Integrated gradients along the straight way from steps of zeros to the example.

    The integral of the gradient along the way, times the way: the sum over all steps is the difference of the scores.
    That holds for each piece of the way, too, and says where a recurrence changes its mind at once: pieces that miss
    their difference are halved until all together miss less than 1 %.

    Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", 2017.
    """
    way = _Way.of(trained, stored_1T, wanted)
    started = time.monotonic()
    ends = np.linspace(0, 1, _FIRST_PIECES + 1).tolist()
    pieces = way.integrals(list(itertools.pairwise(ends)), _NODES, limit_s)
    while True:
        missed_JW = np.array([piece.missed for piece in pieces])
        scale_W = np.maximum(np.abs(sum(piece.difference for piece in pieces)), 1e-6)
        if (missed_JW.sum(axis=0) <= _SMALL_GAP * scale_W).all() or len(pieces) >= most_pieces:
            break
        if 2 * (time.monotonic() - started) > limit_s:
            break
        share_J = (missed_JW / scale_W).max(axis=1)
        order_J = np.argsort(share_J)
        is_small_J = np.cumsum(share_J[order_J]) <= _SMALL_GAP / 2  # all these together
        halves = [half for j in order_J[~is_small_J].tolist() for half in pieces[j].halves()]
        kept = [pieces[j] for j in order_J[is_small_J].tolist()]
        pieces = kept + way.integrals(halves, _NODES, limit_s)
    return way.influences(pieces)


def integrated_gradients(
    trained: Trained, stored_1T: Tensor, wanted: Sequence[Answer], nodes: int, limit_s: float = LIMIT_S
) -> list[Influence]:
    """Integrated gradients by Gauss and Legendre's quadrature over the whole way at once.

    Args:
        trained: network in evaluation mode.
        stored_1T: the example, a batch of one, on the network's device.
        wanted: answers to explain.
        nodes: number of points on the way from zeros to the example, from 1.
        limit_s: seconds that it may take.

    Returns:
        One for each answer.

    Raises:
        UserError: it would take longer.
    """
    way = _Way.of(trained, stored_1T, wanted)
    return way.influences(way.integrals([(0.0, 1.0)], nodes, limit_s))


@dataclass(frozen=True)
class _Piece:
    """The integral over a piece of the way.

    Attributes:
        start: where the piece begins, in [0, 1).
        stop: where it ends.
        values: for each wanted answer float64 (T,) or (T, F).
        difference: float64 (W,), what the scores differ by between both ends.
    """

    start: float
    stop: float
    values: list[np.ndarray]
    difference: np.ndarray

    @property
    def missed(self) -> np.ndarray:
        """What the sum misses of the difference, without its sign, (W,)."""
        return np.abs(self.difference - np.array([values.sum() for values in self.values]))

    def halves(self) -> list[tuple[float, float]]:
        """Both halves of the piece."""
        middle = (self.start + self.stop) / 2
        return [(self.start, middle), (middle, self.stop)]


@dataclass(frozen=True)
class _Way:
    """The straight way from steps of zeros to an example, in float64 where the device has it.

    A recurrence that reads steps of half their size may change its mind within 1e-7 of the way, where float32 has no
    number in between: on a letter network, a quarter of the difference was missed however many nodes there were.
    """

    trained: Trained
    network: nn.Sequential  # a copy
    stored: Tensor  # a batch of one
    wanted: Sequence[Answer]
    places: list[Place]
    steps: list[Tensor]

    @classmethod
    def of(cls, trained: Trained, stored_1T: Tensor, wanted: Sequence[Answer]) -> "_Way":
        network = copy.deepcopy(trained.network)
        if trained.device.type != "mps":
            network.double()
        places, steps = open_places(network, trained.config.spec.layout, stored_1T)
        _require_places(trained, places)
        return cls(trained, network, stored_1T, wanted, places, steps)

    def integrals(self, ends: Sequence[tuple[float, float]], nodes: int, limit_s: float) -> list[_Piece]:
        """Integrals over pieces, all of them with as many nodes."""
        at_M, weight_M = np.polynomial.legendre.leggauss(nodes)
        at = np.concatenate([start + (stop - start) * (1 + at_M) / 2 for start, stop in ends])
        weight = np.concatenate([(stop - start) * weight_M / 2 for start, stop in ends])
        like = self.steps[0]
        share_N, weight_N = (torch.tensor(each, dtype=like.dtype, device=like.device) for each in (at, weight))
        piece_N = torch.arange(len(ends), device=like.device).repeat_interleave(nodes)
        sums = [[one.new_zeros(len(ends), *one.shape[1:]) for one in self.steps] for _ in self.wanted]
        for rows in _parts(len(at), self.steps[0].shape[1], limit_s, INTEGRATED_GRADIENTS):
            with torch.enable_grad():
                scaled = [(share_N[rows][:, None, None] * one).requires_grad_() for one in self.steps]
                score_NK = self._scores(scaled)
                for number, answer in enumerate(self.wanted):
                    weighted = (weight_N[rows].to(score_NK.dtype) * score_NK[:, answer.place]).sum()
                    is_last = number == len(self.wanted) - 1
                    gradients = torch.autograd.grad(weighted, scaled, retain_graph=not is_last)
                    for total, gradient in zip(sums[number], gradients, strict=True):
                        total.index_add_(0, piece_N[rows], gradient)
        score_EW = self.scores_at(sorted({end for piece in ends for end in piece}))
        found = []
        for j, (start, stop) in enumerate(ends):
            values = []
            for totals in sums:
                by_place = [
                    _of_steps(self.trained, total[j] * one[0].nan_to_num(0.0))
                    for total, one in zip(totals, self.steps, strict=True)
                ]
                values.append(np.sum(by_place, axis=0))
            found.append(_Piece(start, stop, values, score_EW[stop] - score_EW[start]))
        return found

    @torch.no_grad()
    def scores_at(self, shares: Sequence[float]) -> dict[float, np.ndarray]:
        """Scores of the wanted answers at points of the way, each float64 (W,)."""
        share_E, wanted = torch.tensor(shares, dtype=self.steps[0].dtype, device=self.trained.device), list(self.wanted)
        found = []
        for rows in share_E.split(_at_once(self.steps[0].shape[1])):
            score_EK = self._scores([rows[:, None, None] * one for one in self.steps]).double().cpu()
            found.append(score_EK[:, [answer.place for answer in wanted]].numpy())
        return dict(zip(shares, np.concatenate(found), strict=True))

    def influences(self, pieces: Sequence[_Piece]) -> list[Influence]:
        """All pieces together."""
        ends = self.scores_at([0.0, 1.0])
        return [
            Influence(
                answer,
                np.sum([piece.values[number] for piece in pieces], axis=0),
                float(ends[1.0][number]),
                float(ends[0.0][number]),
                INTEGRATED_GRADIENTS,
            )
            for number, answer in enumerate(self.wanted)
        ]

    def _scores(self, steps: Sequence[Tensor]) -> Tensor:
        stored = self.stored.expand(len(steps[0]), *self.stored.shape[1:])
        return scores(self.trained.config, answer_with(self.network, stored, self.places, steps))


def _of_steps(trained: Trained, tensor_TE: Tensor) -> np.ndarray:
    """One number a step; of series one a feature."""
    value_TE = tensor_TE.double().cpu().numpy()
    return value_TE if trained.config.spec.layout == "series" else value_TE.sum(axis=1)


def _require_places(trained: Trained, places: Sequence[object]) -> None:
    if not places:
        raise UserError(
            f"model ({trained.config.model}) reads {trained.config.spec.plural} in a way of its own, not step by step: "
            f"take {LEAVE_ONE_OUT}"
            if trained.config.spec.layout == "tokens"
            else f"model ({trained.config.model}) reads no sequence: no recurrence was found in it"
        )


# --- leaving one out --------------------------------------------------------------------------------------------------


@torch.no_grad()
def _leave_out(trained: Trained, stored_1T: Tensor, wanted: Sequence[Answer], limit_s: float) -> list[Influence]:
    """How far the score falls where a step, or one feature of it, says nothing.

    Where tokens become no vectors, the unknown token takes the place of one: padding would be the text's end.
    """
    spec = trained.config.spec
    places, steps = open_places(trained.network, spec.layout, stored_1T)
    T = int(steps[0].shape[1]) if places else int(stored_1T.shape[1])
    F = int(steps[0].shape[2]) if spec.layout == "series" else 1
    length = int(sequence_lengths(stored_1T)[0]) if spec.has_lengths else T
    changed = torch.zeros(length * F, len(wanted), dtype=torch.float64)
    whole_K = scores(trained.config, trained.network(stored_1T).float())[0].double().cpu()
    for rows in _parts(length * F, T, limit_s, LEAVE_ONE_OUT):
        number_R = torch.arange(rows.start, rows.stop, device=trained.device)
        stored = stored_1T.repeat(len(number_R), *[1] * (stored_1T.ndim - 1))
        row_R = torch.arange(len(number_R), device=trained.device)
        if places:
            left = [one.repeat(len(number_R), 1, 1) for one in steps]
            for one in left:
                if spec.layout == "series":
                    one[row_R, number_R // F, number_R % F] = 0.0
                else:
                    one[row_R, number_R] = 0.0
            output = answer_with(trained.network, stored, places, left)
        else:
            stored[row_R, number_R] = UNKNOWN
            output = trained.network(stored)
        score_RK = scores(trained.config, output).double().cpu()
        changed[rows] = score_RK[:, [answer.place for answer in wanted]]
    found = []
    for number, answer in enumerate(wanted):
        values = np.zeros(T * F)
        values[: length * F] = float(whole_K[answer.place]) - changed[:, number].numpy()
        shaped = values.reshape(T, F) if spec.layout == "series" else values
        found.append(Influence(answer, shaped, float(whole_K[answer.place]), None, LEAVE_ONE_OUT))
    return found


def _at_once(steps: int) -> int:
    """Rows of so many steps that are computed at once."""
    return max(1, _STEPS_AT_ONCE // max(steps, 1))


def _parts(total: int, steps: int, limit_s: float, method: str) -> Iterator[slice]:
    """Rows that are computed at once; stops after the first ones where all would take too long."""
    at_once = min(total, _at_once(steps))
    started = time.monotonic()
    for start in range(0, total, at_once):
        yield slice(start, min(start + at_once, total))
        if start == 0:
            needed = (time.monotonic() - started) * total / at_once
            if needed > limit_s:
                raise UserError(
                    f"{method} of {steps:,} steps takes about {needed:,.1f} s, but may take {max(limit_s, 0):,.1f} s: "
                    f"give a shorter text or series, or more time with --limit {2 * needed + 1:.0f}"
                )

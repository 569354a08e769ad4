"""Which examples of an evaluation are explained: the surest mistakes, or where there are none the least sure answers.

Shapes: N examples, T time steps, K classes, O numbers to predict.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from saccade.core.messages import pluralise
from saccade.data.spec import PAD, UNKNOWN, Spec
from saccade.data.thresholds import found_classes

_MIN_READ = 8  # tokens before the one that is asked for
_FAR = 1e-12  # a deviation below it divides nothing

NameOf = Callable[[int], str]
"""From the place of an example in the split to what people find it by."""


@dataclass(frozen=True)
class Shown:
    """A picture of the section, an example of it, or a line.

    Attributes:
        text: what it shows.
        picture: name of the PNG; empty: none.
        example: number of an example in influences.csv; empty: none.
    """

    text: str
    picture: str = ""
    example: str = ""


@dataclass(frozen=True)
class Case:
    """An example to explain.

    Attributes:
        place: place in the split.
        answers: ids of the classes, tokens or numbers that are explained, the given one first.
        said: what is said of each, such as "said dog 0.932" and "is cat 0.041".
        read: number of tokens that the answer follows; None: all of the example.
    """

    place: int
    answers: tuple[int, ...]
    said: tuple[str, ...]
    read: int | None = None


@dataclass(frozen=True)
class Cases:
    """The examples that are explained.

    Attributes:
        shown: examples, the first the surest mistake.
        sentence: words on how they were chosen, and of how many.
    """

    shown: Sequence[Case]
    sentence: str


def cases_of_classes(answers_NK: np.ndarray, labels_N: np.ndarray, names: Sequence[str], most: int) -> Cases:
    """The surest mistakes of a classifier, or where it made none the answers that it was least sure of.

    Args:
        answers_NK: probabilities.
        labels_N: true classes, integers in [0, K).
        names: the K names.
        most: number of examples, at least 1.

    Returns:
        Examples, each with the class that was said and the true one; without mistakes, with the runner-up.
    """
    said_N = answers_NK.argmax(axis=1)
    mistakes = np.flatnonzero(said_N != labels_N)
    if len(mistakes):
        order = mistakes[np.argsort(-answers_NK.max(axis=1)[mistakes], kind="stable")][:most]
        others, word = labels_N[order].tolist(), "is"
        sentence = _of_all(len(order), len(mistakes), "mistake", "surest")
    else:
        ordered_NK = np.sort(answers_NK, axis=1)
        order = np.argsort(ordered_NK[:, -1] - ordered_NK[:, -2], kind="stable")[:most]  # there are two classes or more
        others, word = np.argsort(-answers_NK[order], axis=1, kind="stable")[:, 1].tolist(), "or"
        sentence = f"It made no mistake: {_answers(len(order))} that it was least sure of"
    cases = []
    for i, other in zip(order.tolist(), others, strict=True):
        said = int(said_N[i])
        words = (f"said {names[said]} {answers_NK[i, said]:.3f}", f"{word} {names[other]} {answers_NK[i, other]:.3f}")
        cases.append(Case(i, (said, int(other)), words))
    return Cases(cases, sentence)


def cases_of_labels(
    answers_NK: np.ndarray, labels_NK: np.ndarray, thresholds: Sequence[float], names: Sequence[str], most: int
) -> Cases:
    """The labels that were told wrongly, the surest first, where an example may have several.

    Args:
        answers_NK: a probability a label.
        labels_NK: 1 where the example has it.
        thresholds: probability from which an example has each.
        names: the K names.
        most: number of examples, at least 1.

    Returns:
        Examples, each once, with the label that is furthest off; where none is wrong, the one that is closest to it.
    """
    has_NK = np.asarray(labels_NK) > 0
    off_NK = np.abs(answers_NK - has_NK)
    wrong_NK = found_classes(answers_NK, thresholds) != has_NK
    mistakes = np.flatnonzero(wrong_NK.any(axis=1))
    looked_at_NK = np.where(wrong_NK, off_NK, -1.0) if len(mistakes) else off_NK
    worst_N = looked_at_NK.max(axis=1)
    order = np.argsort(-worst_N, kind="stable")[: min(most, len(mistakes) or most)]
    cases = []
    for i in order.tolist():
        k = int(looked_at_NK[i].argmax())
        words = f"said {names[k]} {answers_NK[i, k]:.3f}, {'has' if has_NK[i, k] else 'has not'}"
        cases.append(Case(i, (k,), (words,)))
    if len(mistakes):
        return Cases(cases, _of_all(len(order), len(mistakes), "example", "surest", " with a wrong label"))
    return Cases(cases, f"No label was told wrongly: {_answers(len(order))} that it was least sure of")


def cases_of_numbers(
    answers_NO: np.ndarray, labels_NO: np.ndarray, names: Sequence[str], most: int, wanted: Sequence[int]
) -> Cases:
    """The examples whose numbers are furthest from the truth, in units of each number's deviation.

    Args:
        answers_NO: predicted numbers.
        labels_NO: true ones.
        names: names of the O numbers.
        most: number of examples, at least 1.
        wanted: places of the numbers that are explained.

    Returns:
        Examples, the furthest off first.
    """
    truth_NO = np.asarray(labels_NO, dtype=np.float64).reshape(answers_NO.shape)
    deviation_O = truth_NO.std(axis=0)
    off_N = (np.abs(answers_NO - truth_NO) / np.where(deviation_O > _FAR, deviation_O, 1.0)).mean(axis=1)
    order = np.argsort(-off_N, kind="stable")[:most]
    cases = [
        Case(
            i,
            tuple(wanted),
            tuple(f"said {names[o]} {answers_NO[i, o]:.4g}, was {truth_NO[i, o]:.4g}" for o in wanted),
        )
        for i in order.tolist()
    ]
    which = "The answer that is" if len(cases) == 1 else f"The {len(cases)} answers that are"
    return Cases(cases, f"{which} furthest off, of {len(off_N):,}")


def cases_of_tokens(
    nats_NT: np.ndarray, predicted_NT: np.ndarray, labels_NT: np.ndarray, names: Sequence[str], most: int
) -> Cases:
    """Where the next token surprised a network most, in texts of which it had read a little.

    Args:
        nats_NT: negative logarithm of the true token's probability.
        predicted_NT: most probable token.
        labels_NT: true token, ``PAD`` behind the end.
        names: the vocabulary.
        most: number of texts, at least 1.

    Returns:
        One place a text, each with the token that was expected and the true one.
    """
    labels_NT = np.asarray(labels_NT)
    is_asked_NT = (labels_NT != PAD) & (labels_NT != UNKNOWN) & (predicted_NT != labels_NT) & (predicted_NT > UNKNOWN)
    is_asked_NT[:, : min(_MIN_READ, labels_NT.shape[1] // 2)] = False
    nats_NT = np.where(is_asked_NT, nats_NT, -1.0)
    worst_N = nats_NT.max(axis=1)
    order = [i for i in np.argsort(-worst_N, kind="stable").tolist()[:most] if worst_N[i] >= 0]
    cases = []
    for i in order:
        t = int(nats_NT[i].argmax())
        expected, true = int(predicted_NT[i, t]), int(labels_NT[i, t])
        words = (f"expected {names[expected]!r}", f"came {names[true]!r} {np.exp(-nats_NT[i, t]):.2g}")
        cases.append(Case(i, (expected, true), words, read=t + 1))
    where = "The place" if len(cases) == 1 else f"The {len(cases)} places"
    return Cases(cases, f"{where} where the next token surprised it most, one a text")


def cases_of(spec: Spec, answers: np.ndarray, labels: np.ndarray, thresholds: Sequence[float], most: int) -> Cases:
    """The examples to explain of a network that answers once an example.

    Args:
        spec: spec of the dataset.
        answers: probabilities (N, K), or numbers (N, O).
        labels: what the split holds.
        thresholds: probability from which an example has each class, where it may have several.
        most: number of examples, at least 1.

    Returns:
        Examples and how they were chosen.
    """
    if spec.multilabel:
        return cases_of_labels(answers, labels, thresholds, spec.classes, most)
    if spec.classes:
        return cases_of_classes(answers, labels, spec.classes, most)
    targets = len(spec.targets) // spec.horizon if spec.horizon else 1
    wanted = list(dict.fromkeys((0, len(spec.targets) - targets))) if spec.horizon else [0]
    return cases_of_numbers(answers, labels, spec.targets, most, wanted)


def _answers(count: int) -> str:
    return "the answer" if count == 1 else f"the {count} answers"


def _of_all(shown: int, total: int, what: str, which: str, beside: str = "") -> str:
    whole = f"{pluralise(total, what)}{beside}"
    if shown == total:
        return f"The one {what}{beside}" if total == 1 else f"All {whole}"
    return f"The {which} of {whole}" if shown == 1 else f"The {shown} {which} of {whole}"

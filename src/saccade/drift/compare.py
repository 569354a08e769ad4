"""New inputs beside the test split, which no network has learnt from, and beside training: what differs, and which.

Shapes: N examples of a sample, K classes or numbers, D features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.data.thresholds import found_classes
from saccade.drift.embedding import embedding
from saccade.drift.statistics import statistics
from saccade.drift.two_sample import (
    MAX_PERMUTATIONS,
    ClassifierTest,
    classifier_test,
    same_distribution_p,
    shared_space,
)
from saccade.evaluate.about_data.slices import Property
from saccade.evaluate.confidence.reject import is_answered
from saccade.evaluate.paired_tests import holm
from saccade.predict.predictor import Predictor

LEVEL = 0.05  # share of alarms where nothing differs; the classifier and the statistics have half of it each
MAX_SAMPLE = 500  # examples of each sample
MIN_SAMPLE = 30  # fewer tell too little: of 30 and 30, an AUROC of chance lies between 0.35 and 0.65
_NEAREST = 5  # examples of training that an example's distance is measured to


@dataclass(frozen=True)
class Sample:
    """Examples, and what is known of them.

    Attributes:
        stored: examples as they lie in data/prepared, N of them.
        outputs: float32 (N, K), probabilities or numbers.
        features: float32 (N, D), see ``embedding``.
        properties: simple numbers of each example.
        names: what people find each by.
    """

    stored: np.ndarray
    outputs: np.ndarray
    features: np.ndarray
    properties: Sequence[Property]
    names: Sequence[str]


@dataclass(frozen=True)
class Shift:
    """How a number is distributed in both samples.

    Attributes:
        name: name of it.
        unit: unit; empty: none.
        known: values in the test split, float (N,).
        new: values of the new inputs.
        distance: Kolmogorov and Smirnov's, in [0, 1].
        p: p value, corrected by Holm over all numbers.
    """

    name: str
    unit: str
    known: np.ndarray
    new: np.ndarray
    distance: float
    p: float

    @property
    def is_alarm(self) -> bool:
        """Whether it differs beyond chance."""
        return self.p < LEVEL / 2


@dataclass(frozen=True)
class Drift:
    """What was found.

    Attributes:
        count: examples of each sample.
        beside_test: whether new inputs can be told from the test split.
        beside_train: AUROC of new inputs beside training, without a p value.
        test_beside_train: AUROC of the test split beside training: what a network's having learnt alone makes.
        shifts: single numbers, those that differ most first.
        classes: name of each class to its share among the answers about the test split, and about the new inputs;
            empty of numbers.
        unsure: shares of unsure answers likewise; None where there is no threshold.
        unlike: new inputs by how far they lie from training, the farthest first.
        farther: share of the test split that lies nearer to training than each of ``unlike``.
        new: the new inputs.
    """

    count: int
    beside_test: ClassifierTest
    beside_train: ClassifierTest
    test_beside_train: ClassifierTest
    shifts: Sequence[Shift]
    classes: Mapping[str, tuple[float, float]]
    unsure: tuple[float, float] | None
    unlike: np.ndarray
    farther: np.ndarray
    new: Sample = field(repr=False)

    @property
    def is_told_apart(self) -> bool:
        """Whether the classifier does better than chance."""
        return self.beside_test.p is not None and self.beside_test.p < LEVEL / 2

    @property
    def is_alarm(self) -> bool:
        """Whether anything differs beyond chance."""
        return self.is_told_apart or any(shift.is_alarm for shift in self.shifts)


def sample_size(num_test: int, num_new: int) -> int:
    """Examples of each sample.

    Args:
        num_test: examples of the test split.
        num_new: new inputs that could be read.

    Returns:
        As many as the smaller one has, ``MAX_SAMPLE`` at most.

    Raises:
        UserError: one has fewer than ``MIN_SAMPLE``.
    """
    for count, what in ((num_new, "new input"), (num_test, "example of the test split")):
        if count < MIN_SAMPLE:
            verb = "is" if count == 1 else "are"
            raise UserError(
                f"{pluralise(count, what)} {verb} too few: drift is measured of {MIN_SAMPLE} at least. Collect more."
            )
    return min(num_test, num_new, MAX_SAMPLE)


def draw(count: int, size: int, seed: int) -> np.ndarray:
    """Numbers of ``size`` of ``count`` examples, each once, rising."""
    return np.sort(np.random.default_rng(seed).choice(count, size, replace=False))


def look_at(
    predictor: Predictor,
    stored: np.ndarray,
    names: Sequence[str],
    measures: Mapping[str, np.ndarray] | None = None,
) -> Sample:
    """Ask the network, and compute what is simple.

    Args:
        predictor: network that answers once an example.
        stored: examples as they lie in data/prepared.
        names: what people find each by.
        measures: name of what was known of each before it was prepared, such as height, to float (N,).

    Returns:
        The sample.
    """
    properties = [
        *statistics(stored, predictor.spec),
        *(Property(name, np.asarray(values), "pixels") for name, values in (measures or {}).items()),
    ]
    return Sample(stored, predictor.answers_of(stored), embedding(predictor, stored), properties, names)


def compare(
    predictor: Predictor,
    test: Sample,
    train: Sample,
    new: Sample,
    *,
    unsure_below: float | None = None,
    seed: int = 0,
    permutations: int = MAX_PERMUTATIONS,
) -> Drift:
    """Compare samples of the same size.

    Args:
        predictor: the network.
        test: examples of the test split.
        train: examples of the training split.
        new: new inputs.
        unsure_below: confidence below which an answer is unsure; None: that is not known.
        seed: seed of folds and permutations.
        permutations: most permutations of the classifier test.

    Returns:
        What differs.
    """
    space_MD = shared_space(*_joined(train, test, new))
    train_ND, test_ND, new_ND = np.split(space_MD, np.cumsum([len(train.stored), len(test.stored)]))
    far_N, usual_N = _distances(new_ND, train_ND), np.sort(_distances(test_ND, train_ND))
    unlike = np.argsort(-far_N, kind="stable")
    return Drift(
        count=len(new.stored),
        beside_test=classifier_test(*_pair(test, new), seed=seed, permutations=permutations),
        beside_train=classifier_test(*_pair(train, new), seed=seed, permutations=0),
        test_beside_train=classifier_test(*_pair(train, test), seed=seed, permutations=0),
        shifts=_shifts(_numbers(test, predictor), _numbers(new, predictor)),
        classes=_class_shares(predictor, test, new),
        unsure=None if unsure_below is None else (_unsure(test, unsure_below), _unsure(new, unsure_below)),
        unlike=unlike,
        farther=np.searchsorted(usual_N, far_N[unlike]) / len(usual_N),
        new=new,
    )


def _pair(known: Sample, new: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Both in the space of the two: a third sample must not decide the components of their test."""
    known_ND, new_ND = np.split(shared_space(*_joined(known, new)), [len(known.stored)])
    return known_ND, new_ND


def _joined(*samples: Sample) -> tuple[np.ndarray, np.ndarray]:
    shared = [each.name for each in samples[0].properties]
    for sample in samples[1:]:
        shared = [name for name in shared if name in {each.name for each in sample.properties}]
    statistics_MS = np.vstack(
        [
            _columns([each for each in sample.properties if each.name in shared], len(sample.stored))
            for sample in samples
        ]
    )
    return np.vstack([sample.features for sample in samples]), statistics_MS


def _columns(properties: Sequence[Property], count: int) -> np.ndarray:
    return np.stack([each.values for each in properties], axis=1) if properties else np.zeros((count, 0))


def _numbers(sample: Sample, predictor: Predictor) -> list[Property]:
    """What is compared one by one: simple statistics, and the confidence or the numbers of the answers."""
    spec = predictor.spec
    if spec.classes and not spec.multilabel:
        return [*sample.properties, Property("confidence", sample.outputs.max(axis=1).astype(np.float64))]
    if spec.classes:
        surest = np.abs(sample.outputs.astype(np.float64) - 0.5).mean(axis=1) + 0.5
        return [*sample.properties, Property("confidence", surest)]
    answers = [
        Property(f"answer {name}", sample.outputs[:, o].astype(np.float64)) for o, name in enumerate(spec.targets)
    ]
    return [*sample.properties, *answers]


def _shifts(known: Sequence[Property], new: Sequence[Property]) -> list[Shift]:
    new_by_name = {each.name: each for each in new}
    pairs = [(each, new_by_name[each.name]) for each in known if each.name in new_by_name]
    tests = [same_distribution_p(one.values, other.values) for one, other in pairs]
    found = [
        Shift(one.name, one.unit, one.values, other.values, distance, p)
        for (one, other), (distance, _), p in zip(pairs, tests, holm([p for _, p in tests]), strict=True)
    ]
    return sorted(found, key=lambda shift: (shift.p, -shift.distance))


def _class_shares(predictor: Predictor, test: Sample, new: Sample) -> dict[str, tuple[float, float]]:
    spec = predictor.spec
    if not spec.classes:
        return {}
    if spec.multilabel:
        known, fresh = (_found_shares(predictor, sample) for sample in (test, new))
    else:
        known, fresh = (
            np.bincount(sample.outputs.argmax(axis=1), minlength=len(spec.classes)) / len(sample.outputs)
            for sample in (test, new)
        )
    return {name: (float(known[k]), float(fresh[k])) for k, name in enumerate(spec.classes)}


def _found_shares(predictor: Predictor, sample: Sample) -> np.ndarray:
    shares_K: np.ndarray = found_classes(sample.outputs, predictor.config.thresholds).mean(axis=0)
    return shares_K


def _unsure(sample: Sample, threshold: float) -> float:
    return float(np.mean([not is_answered(float(p), threshold) for p in sample.outputs.max(axis=1)]))


def _distances(x_ND: np.ndarray, known_ND: np.ndarray) -> np.ndarray:
    """Mean distance of each to the nearest examples of a sample, float (N,)."""
    from scipy.spatial.distance import cdist

    return np.asarray(np.sort(cdist(x_ND, known_ND), axis=1)[:, :_NEAREST].mean(axis=1))

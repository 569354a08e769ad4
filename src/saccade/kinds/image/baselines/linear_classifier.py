"""A logistic regression over features of images, its strength chosen on validation: what the baselines here share.

Shapes: N examples, H height, W width, C channels, B examples at a time, D features, K classes, M models.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.kinds.linear_baseline import SEARCH_EXAMPLES, stratified_rows

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # scikit-learn's C: the larger, the weaker the regularisation
FINALISTS = 2  # the best strength on few examples need not be the best on all: MNIST's moves from 0.1 to 0.01
MAX_ITERATIONS = 100  # MNIST converges after about 70
BATCH = 4096  # examples whose features are held at a time

MAX_VALUES = 250_000_000  # float32 features held at a time: 1 GB
MAX_PRODUCTS = 4_000_000_000  # examples x features x classes, what one step of the solver costs: about 0.2 s on 2 cores
MIN_EXAMPLES = 2_000  # many classes may cost more time than planned rather than sink below this


@dataclass(frozen=True)
class Features:
    """A split as a linear model reads it.

    Attributes:
        read: function from row numbers to the features of these examples, float32 (B, D).
        labels_N: integers, one an example; several classes uint8 (N, K), or numbers float32 (N, O).
    """

    read: Callable[[np.ndarray], np.ndarray]
    labels_N: np.ndarray  # noqa: N815


def most_examples(num_features: int, num_classes: int) -> int:
    """How many training examples fit into memory and patience.

    Args:
        num_features: number of features.
        num_classes: number of classes.

    Returns:
        At least ``MIN_EXAMPLES``.
    """
    return max(MIN_EXAMPLES, min(MAX_VALUES // num_features, MAX_PRODUCTS // (num_features * num_classes)))


def fit_and_measure(
    train: Features, validation: Features, test: Features, *, most: int, seed: int = 0
) -> dict[str, Any]:
    """Accuracy on test of a multinomial logistic regression over standardised features.

    Features are standardised by the training examples' mean and standard deviation. Each strength C of ``STRENGTHS`` is
    tried on at most ``SEARCH_EXAMPLES`` training examples, classes in proportion; the ``FINALISTS`` with the highest
    accuracy on validation are fitted on all training examples, and the better of these on validation is the answer (of
    equals, always the smaller C). Nothing is refitted on validation, from which the network does not learn either.

    Args:
        train: the training split.
        validation: the validation split. Only its labels choose C.
        test: the test split, used for the answer only.
        most: largest number of training examples to fit on; of more, classes in proportion.
        seed: which examples the search (and a thinned fit) sees; nothing else is random.

    Returns:
        ``accuracy`` and ``balanced_accuracy`` (mean recall of the classes that occur) on test, and the same two on
        validation as ``validation_...``, all of the final model; ``C``; ``train_examples`` it was fitted on;
        ``validation_examples`` and ``test_examples`` it was measured on; ``search_examples`` all strengths were tried
        on; ``outcomes``, what it got on each of the test examples; ``converged``, False when the solver was stopped
        after ``MAX_ITERATIONS`` steps.
    """
    rows = stratified_rows(train.labels_N, most, seed)
    features_ND, labels_N = train.read(rows), train.labels_N[rows]
    mean_D, scale_D = standardise(features_ND)

    def answers_of(models: list[Any], split: Features) -> np.ndarray:
        return np.concatenate([np.stack(part) for part in _answers(models, split, mean_D, scale_D)], axis=1)

    search_rows = stratified_rows(labels_N, SEARCH_EXAMPLES, seed)
    models = [_fitted(features_ND[search_rows], labels_N[search_rows], C) for C in STRENGTHS]
    answers_MN = answers_of(models, validation)
    scores = _accuracies(answers_MN, validation.labels_N)
    if len(search_rows) < len(rows):
        strengths = sorted(models[i].C for i in np.argsort(-np.array(scores), kind="stable")[:FINALISTS])
        models = [_fitted(features_ND, labels_N, C) for C in strengths]
        answers_MN = answers_of(models, validation)
        scores = _accuracies(answers_MN, validation.labels_N)
    best = int(np.argmax(scores))
    final = models[best]
    tested_MN = answers_of([final], test)
    return {
        "accuracy": _accuracies(tested_MN, test.labels_N)[0],
        "balanced_accuracy": _mean_recall(tested_MN[0], test.labels_N),
        "C": final.C,
        "train_examples": len(rows),
        "validation_accuracy": scores[best],
        "validation_balanced_accuracy": _mean_recall(answers_MN[best], validation.labels_N),
        "validation_examples": len(validation.labels_N),
        "test_examples": len(test.labels_N),
        "search_examples": len(search_rows),
        "outcomes": {"accuracy": (tested_MN[0] == test.labels_N).astype(int).tolist()},
        "converged": bool(final.n_iter_.max() < MAX_ITERATIONS),
    }


def standardise(features_ND: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring each feature to mean 0 and standard deviation 1, in place.

    Args:
        features_ND: float32, of the training examples.

    Returns:
        Mean and standard deviation that they had, float32 (D,), the second above 0.
    """
    mean_D = features_ND.mean(axis=0, dtype=np.float64).astype(np.float32)
    features_ND -= mean_D
    # Written as a product, because std() makes a copy of the features in float64.
    variance_D = np.einsum("nd,nd->d", features_ND, features_ND, dtype=np.float64) / len(features_ND)
    scale_D = np.sqrt(variance_D).astype(np.float32)
    scale_D[scale_D < 1e-6] = 1  # a feature that never changes stays 0 instead of being divided by rounding noise
    features_ND /= scale_D
    return mean_D, scale_D


def check_images(splits: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Refuse images and labels that cannot be fitted.

    Args:
        splits: train, validation and test to images (N, H, W, C) and labels (N,), or several classes (N, K) or numbers
            (N, O).

    Raises:
        ValueError: images and labels differ in number, a split is empty or of another size, or training has one class.
    """
    train_images_NHWC, train_labels_N = splits["train"]
    for name, (images_NHWC, labels_N) in splits.items():
        if images_NHWC.ndim != 4 or images_NHWC.dtype != np.uint8 or len(images_NHWC) == 0:
            raise ValueError(
                f"{name}_images_NHWC ({images_NHWC.dtype} {images_NHWC.shape}) must be uint8 (N, H, W, C), N at least 1"
            )
        if images_NHWC.shape[1:] != train_images_NHWC.shape[1:]:
            raise ValueError(
                f"{name}_images_NHWC (each {images_NHWC.shape[1:]}) must be like train's {train_images_NHWC.shape[1:]}"
            )
        if labels_N.shape[:1] != images_NHWC.shape[:1]:
            raise ValueError(
                f"{name}_labels_N (shape {labels_N.shape}) must have {len(images_NHWC)} labels, one an image"
            )
    K = len(np.unique(train_labels_N))
    if train_labels_N.ndim == 1 and K < 2:
        raise ValueError(f"train_labels_N ({K} class) must hold at least 2 classes")


def _fitted(features_ND: np.ndarray, labels_N: np.ndarray, C: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by the result's ``converged``
        return LogisticRegression(C=C, solver="lbfgs", max_iter=MAX_ITERATIONS).fit(features_ND, labels_N)


def _answers(models: list[Any], split: Features, mean_D: np.ndarray, scale_D: np.ndarray) -> Iterator[list[np.ndarray]]:
    """What each model says of a few thousand examples at a time, so that memory stays flat."""
    for start in range(0, len(split.labels_N), BATCH):
        rows = np.arange(start, min(start + BATCH, len(split.labels_N)))
        features_BD = (split.read(rows) - mean_D) / scale_D
        yield [model.predict(features_BD) for model in models]


def _accuracies(answers_MN: np.ndarray, labels_N: np.ndarray) -> list[float]:
    return [int(right) / len(labels_N) for right in (answers_MN == labels_N).sum(axis=1)]


def _mean_recall(answers_N: np.ndarray, labels_N: np.ndarray) -> float:
    from sklearn.metrics import recall_score

    return float(recall_score(labels_N, answers_N, labels=np.unique(labels_N), average="macro"))

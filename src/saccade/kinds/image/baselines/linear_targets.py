"""Linear models over features of images: for several classes an example, and for numbers.

Their strength is chosen on validation; ``linear_classifier.py`` does the same for one class an example.

Shapes: N examples, B examples at a time, D features, K classes, O numbers to predict.
"""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade.data.thresholds import choose_thresholds
from saccade.evaluate.multilabel_metrics import mean_average_precision, metrics_by_example, multilabel_metrics
from saccade.kinds.image.baselines.linear_classifier import BATCH, MAX_ITERATIONS, Features, standardise
from saccade.kinds.linear_baseline import stratified_rows

if TYPE_CHECKING:
    from saccade.data.spec import Spec

SEARCH_EXAMPLES = 2_000  # all strengths are tried on at most so many: a regression a class and strength
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # scikit-learn's C: the larger, the weaker the regularisation
PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)  # of the ridge regression: the larger, the stronger


def model_name(spec: "Spec") -> str:
    """The linear model for such labels, in words."""
    if spec.targets:
        return "a ridge regression"
    return "a logistic regression a class" if spec.multilabel else "a logistic regression"


def metrics_for(spec: "Spec") -> tuple[str, ...]:
    """Metrics of the linear model that are compared with the network's."""
    if spec.targets:
        return ("mae", "rmse", "constant_mae")
    if spec.multilabel:
        return ("mean_average_precision", "macro_f1", "micro_f1")
    return ("accuracy", "balanced_accuracy")


def fit_classes_and_measure(
    train: Features, validation: Features, test: Features, *, most: int, seed: int = 0
) -> dict[str, Any]:
    """Metrics on test of a logistic regression a class (one against the rest) over standardised features.

    The strength C, one for all classes, is the one with the highest mean average precision on validation; so are the
    thresholds chosen there, as those of a network are.

    Args:
        train: the training split; labels uint8 (N, K).
        validation: the validation split. Only its labels choose C and thresholds.
        test: the test split, used for the answer only.
        most: largest number of training examples to fit on.
        seed: which examples the search (and a thinned fit) sees; nothing else is random.

    Returns:
        As of ``multilabel_metrics`` on test; ``outcomes``, what it got on each of the test examples;
        ``validation_mean_average_precision``; ``C``; and the number of examples
        of each split that were looked at, such as ``train_examples``.
    """
    rows = stratified_rows(np.zeros(len(train.labels_N), int), most, seed)
    features_ND, labels_NK = train.read(rows), train.labels_N[rows]
    scaling = standardise(features_ND)
    searched = stratified_rows(np.zeros(len(rows), int), SEARCH_EXAMPLES, seed)
    scores = []
    for C in STRENGTHS:
        models = _one_against_rest(features_ND[searched], labels_NK[searched], C)
        scores.append(mean_average_precision(_probabilities(models, validation, scaling), validation.labels_N))
    C = STRENGTHS[int(np.argmax(scores))]
    models = _one_against_rest(features_ND, labels_NK, C)
    held_NK = _probabilities(models, validation, scaling)
    thresholds = choose_thresholds(held_NK, validation.labels_N)
    tested_NK = _probabilities(models, test, scaling)
    by_example = metrics_by_example(tested_NK, test.labels_N, thresholds)
    return {
        **multilabel_metrics(tested_NK, test.labels_N, thresholds),
        "outcomes": {"samples_f1": by_example["samples_f1"].tolist()},
        "validation_mean_average_precision": mean_average_precision(held_NK, validation.labels_N),
        "C": C,
        **_counts(len(rows), validation, test),
    }


def fit_numbers_and_measure(
    train: Features, validation: Features, test: Features, *, most: int, seed: int = 0
) -> dict[str, Any]:
    """Errors on test of a ridge regression over standardised features, and of a constant.

    The penalty is the one with the lowest mean absolute error on validation, each number in units of its standard
    deviation. The constant is the median of the training split, of which no other has a lower absolute error there.

    Args:
        train: the training split; labels are numbers, float32 (N, O).
        validation: the validation split. Only its labels choose the penalty.
        test: the test split, used for the answer only.
        most: largest number of training examples to fit on.
        seed: which examples a thinned fit sees.

    Returns:
        ``mae``, ``rmse`` and ``constant_mae`` on test, in the numbers' own unit; ``validation_mae``; ``penalty``;
        ``outcomes``, what it got on each of the test examples; and the number of examples of each split that were
        looked at, such as ``train_examples``.
    """
    from sklearn.linear_model import Ridge

    rows = stratified_rows(np.zeros(len(train.labels_N), int), most, seed)
    features_ND, targets_NO = train.read(rows), train.labels_N[rows].astype(np.float64)
    scaling, std_O = standardise(features_ND), targets_NO.std(axis=0)
    std_O[std_O == 0] = 1
    models = [Ridge(alpha=penalty).fit(features_ND, targets_NO / std_O) for penalty in PENALTIES]

    def errors_of(model: Any, split: Features) -> np.ndarray:
        answers = _in_parts(model.predict, split, scaling)  # (N,) where there is one number
        return answers.reshape(split.labels_N.shape) - split.labels_N / std_O

    best = int(np.argmin([np.abs(errors_of(model, validation)).mean() for model in models]))
    held_NO, errors_NO = (errors_of(models[best], split) * std_O for split in (validation, test))
    constant_O = np.median(targets_NO, axis=0)
    return {
        "mae": float(np.abs(errors_NO).mean()),
        "rmse": float(np.square(errors_NO).mean() ** 0.5),
        "constant_mae": float(np.abs(test.labels_N - constant_O).mean()),
        "validation_mae": float(np.abs(held_NO).mean()),
        "penalty": PENALTIES[best],
        "outcomes": {"mae": np.abs(errors_NO).mean(axis=1).tolist()},
        **_counts(len(rows), validation, test),
    }


def _counts(num_train: int, validation: Features, test: Features) -> dict[str, int]:
    return {
        "train_examples": num_train,
        "validation_examples": len(validation.labels_N),
        "test_examples": len(test.labels_N),
    }


def _one_against_rest(features_ND: np.ndarray, labels_NK: np.ndarray, C: float) -> list[Any]:
    """A model a class, or the share of a class that all of these examples have, or none."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    models: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for has_N in labels_NK.T:
            if len(np.unique(has_N)) == 1:
                models.append(float(has_N[0]))
            else:
                models.append(LogisticRegression(C=C, max_iter=MAX_ITERATIONS).fit(features_ND, has_N))
    return models


def _probabilities(models: list[Any], split: Features, scaling: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    def answers(x_BD: np.ndarray) -> np.ndarray:
        columns = [
            np.full(len(x_BD), model) if isinstance(model, float) else model.predict_proba(x_BD)[:, 1]
            for model in models
        ]
        return np.stack(columns, axis=1)

    return _in_parts(answers, split, scaling)


def _in_parts(answer: Any, split: Features, scaling: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Answers about a few thousand examples at a time, so that memory stays flat."""
    mean_D, scale_D = scaling
    parts = []
    for start in range(0, len(split.labels_N), BATCH):
        rows = np.arange(start, min(start + BATCH, len(split.labels_N)))
        parts.append(answer((split.read(rows) - mean_D) / scale_D))
    return np.concatenate(parts)

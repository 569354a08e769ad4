"""Whether a network does worse than a simple model on the same examples, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.data.imbalance import is_strongly_imbalanced
from saccade.evaluate.intervals import difference_in_words

BASELINES = {"baseline_": "the baseline", "baseline_features_": "the baseline on features"}
"""What the names of a baseline's metrics begin with, and what it is called."""

ERRORS = ("loss", "perplexity", "bits_per_character", "mae", "mse", "rmse", "cer", "wer")  # the lower, the better

FAR_LOWER = 0.05  # of a score where one has no interval, such as the balanced accuracy of a baseline
SCORES = ("mean_average_precision", "macro_f1")  # the higher, the better
FAR_WORSE = 0.02  # of a loss or an error without an interval, as a share of the baseline's: seeds differ by less


@dataclass(frozen=True)
class Shortfall:
    """By what a network does worse than a simple model.

    Attributes:
        metric: name of the metric.
        value: the network's.
        baseline: that of the better simple model.
        prefix: key of ``BASELINES``.
        is_beyond_noise: whether their intervals do not touch; None where there are none.
    """

    metric: str
    value: float
    baseline: float
    prefix: str
    is_beyond_noise: bool | None

    def __str__(self) -> str:
        known = "beyond noise" if self.is_beyond_noise else "how much of it is noise is not known"
        metric = self.metric.replace("_", " ")
        return f"worse than {BASELINES[self.prefix]}: {metric} {self.value:.4f} against {self.baseline:.4f}, {known}"


def find_shortfall(
    measured: Mapping[str, Any], class_counts: Sequence[int] = (), *, paired: str | None = None
) -> Shortfall | None:
    """What a network does worse in than the better of its baselines.

    Accuracy counts where the intervals do not touch. Where classes are unequal, balanced accuracy counts too, even if
    accuracy is at par: baselines have no interval of it, but ``FAR_LOWER`` is a lot. Of losses, errors and the
    ``SCORES`` intervals count where both are known; else losses and errors that are higher by ``FAR_WORSE``, and
    scores that are lower by ``FAR_LOWER``.

    Args:
        measured: metric name to value, the task's main one first; those of baselines as ``BASELINES`` says.
        class_counts: examples of each class in the training split; empty where they are not known.
        paired: verdict of a paired test in the main metric, which counts in place of intervals; None: none was made.

    Returns:
        None where the network is not worse, or there is nothing to compare with.
    """
    if not measured:
        return None
    main = next(iter(measured))
    if paired is not None and main != "balanced_accuracy":  # of unequal classes, what is far lower counts, too
        prefix = better_baseline(measured, main)
        if paired == "worse" and prefix is not None:
            return Shortfall(main, measured[main], measured[prefix + main], prefix, True)
        return _of_balanced_accuracy(measured, class_counts)
    if "accuracy" in measured:
        return _of_accuracy(measured) or _of_balanced_accuracy(measured, class_counts)
    prefix = better_baseline(measured, main)
    if prefix is None or main not in (*ERRORS, *SCORES):
        return None
    value, baseline = measured[main], measured[prefix + main]
    own, other = interval_of(measured, main), interval_of(measured, prefix + main)
    if own and other:
        words = difference_in_words(other, own) if main in ERRORS else difference_in_words(own, other)
        return Shortfall(main, value, baseline, prefix, True) if words == "worse" else None
    is_worse = value > baseline * (1 + FAR_WORSE) if main in ERRORS else baseline - value > FAR_LOWER
    return Shortfall(main, value, baseline, prefix, None) if is_worse else None


def better_baseline(measured: Mapping[str, Any], metric: str) -> str | None:
    """The simple model that does better in a metric, the first of equals.

    Args:
        measured: metric name to value.
        metric: name of a metric.

    Returns:
        Key of ``BASELINES``; None where none was measured.
    """
    known = [prefix for prefix in BASELINES if prefix + metric in measured]
    sign = -1 if metric in ERRORS else 1
    return max(known, key=lambda prefix: sign * measured[prefix + metric], default=None)


def interval_of(measured: Mapping[str, Any], metric: str) -> tuple[float, float] | None:
    """The ends of a metric's 95 % interval; None where none was measured."""
    low, high = (measured.get(f"{metric}_{end}") for end in ("low", "high"))
    return None if low is None or high is None else (low, high)


def _of_accuracy(measured: Mapping[str, Any]) -> Shortfall | None:
    prefix = better_baseline(measured, "accuracy")
    own, other = interval_of(measured, "accuracy"), prefix and interval_of(measured, f"{prefix}accuracy")
    if prefix is None or not own or not other or difference_in_words(own, other) != "worse":
        return None
    return Shortfall("accuracy", measured["accuracy"], measured[f"{prefix}accuracy"], prefix, True)


def _of_balanced_accuracy(measured: Mapping[str, Any], class_counts: Sequence[int]) -> Shortfall | None:
    metric, counts = "balanced_accuracy", [count for count in class_counts if count]
    prefix = better_baseline(measured, metric)
    if prefix is None or metric not in measured or not counts or not is_strongly_imbalanced(counts):
        return None
    value, baseline = measured[metric], measured[prefix + metric]
    return Shortfall(metric, value, baseline, prefix, None) if baseline - value > FAR_LOWER else None

"""How sure a measured share is, and whether it differs from another one by more than chance."""

CONFIDENCE = 0.95


def accuracy_interval(num_correct: int, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of a share: where the accuracy on more examples of the same sort is likely to lie.

    It never leaves [0, 1], and it is no point where all answers are right: 50 of 50 give 0.929 to 1.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927; by SciPy.

    Args:
        num_correct: number of right answers, in [0, count].
        count: number of examples, from 1.
        confidence: share of intervals that hold the true value, in (0, 1).

    Returns:
        Lower and upper end, each in [0, 1].

    Raises:
        ValueError: there are no examples, or more right answers than examples.
    """
    from scipy.stats import binomtest  # half a second, which tables of what was measured need not wait for

    if not 0 <= num_correct <= count or count < 1:
        raise ValueError(f"num_correct ({num_correct}) must lie in [0, count], and count ({count}) must be at least 1")
    interval = binomtest(num_correct, count).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def difference_in_words(interval: tuple[float, float], other: tuple[float, float]) -> str:
    """Whether two figures differ by more than chance: their intervals do not touch.

    On the same examples this is careful: a paired test of the single answers finds smaller differences.

    Args:
        interval: lower and upper end of the interval of the figure.
        other: those of the figure that it is compared with, such as a baseline's.

    Returns:
        "no real difference", "better" (the interval lies above the other one) or "worse".
    """
    if interval[0] > other[1]:
        return "better"
    return "worse" if interval[1] < other[0] else "no real difference"

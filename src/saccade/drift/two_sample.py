"""Two-sample tests: can a classifier tell new examples from known ones, and do single statistics differ.

If both come from one distribution, no classifier does better than chance on examples that it has not learnt from.

Shapes: N examples of each sample, M of both, D features, S statistics.
"""

from dataclasses import dataclass

import numpy as np

FOLDS = 5
MAX_PERMUTATIONS = 99
_ENOUGH = 10  # permutations that are no worse: then the p value is known well enough
_MAX_COMPONENTS = 20  # of the features, and no more than a fifth of the examples


@dataclass(frozen=True)
class ClassifierTest:
    """How well a classifier tells two samples apart.

    Attributes:
        auroc: probability that it calls a new example newer than a known one, on folds it has not learnt from; 0.5 is
            chance, 1 is always.
        low: lower end of its 95 % interval.
        high: upper end.
        p: probability of an AUROC at least this high if both samples were of one distribution; None: not asked for.
    """

    auroc: float
    low: float
    high: float
    p: float | None


def shared_space(features_MD: np.ndarray, statistics_MS: np.ndarray) -> np.ndarray:
    """Features and statistics as the classifier gets them, on one scale.

    What is done here asks for no sample, so that permuting the samples stays a fair test: principal components of the
    standardised features, as many as a fifth of the examples and 20 at most, each with standard deviation 1, beside the
    standardised statistics. A missing value is the mean.

    Args:
        features_MD: float, of all examples.
        statistics_MS: float, NaN where a value is missing.

    Returns:
        float64 (M, at most 20 + S).
    """
    x_MD = _standardised(features_MD.astype(np.float64))
    count = min(_MAX_COMPONENTS, max(1, len(x_MD) // 5), x_MD.shape[1])
    u_MR, values_R, _ = np.linalg.svd(x_MD, full_matrices=False)
    components_MC = u_MR[:, :count] * values_R[:count]
    kept = values_R[:count] > 1e-9 * max(values_R[0], 1e-300) if len(values_R) else np.zeros(0, bool)
    return np.hstack([_standardised(components_MC[:, kept]), _standardised(statistics_MS.astype(np.float64))])


def _standardised(x_MD: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1; columns that are all alike are left out, and what is missing is the mean."""
    if x_MD.shape[1] == 0:
        return x_MD
    is_known = np.isfinite(x_MD).any(axis=0)
    x_MD = x_MD[:, is_known]
    mean_D = np.nanmean(np.where(np.isfinite(x_MD), x_MD, np.nan), axis=0)
    x_MD = np.where(np.isfinite(x_MD), x_MD, mean_D) - mean_D
    std_D = x_MD.std(axis=0)
    varies = std_D > 1e-9 * np.maximum(1.0, np.abs(mean_D))
    found: np.ndarray = x_MD[:, varies] / std_D[varies]
    return found


def classifier_test(
    known_ND: np.ndarray, new_ND: np.ndarray, *, seed: int, permutations: int = MAX_PERMUTATIONS
) -> ClassifierTest:
    """Classifier two-sample test by logistic regression and five folds.

    The p value is that of Besag and Clifford (Sequential Monte Carlo p-values, 1991): the samples are mixed anew until
    ten mixtures were told apart as well, or all permutations are done; it is exact either way.

    Source: D. Lopez-Paz and M. Oquab, Revisiting Classifier Two-Sample Tests, 2017. We measure the AUROC, mean over the
    folds, in place of the accuracy, and permute in place of taking it for normal.

    Args:
        known_ND: float, known examples, as ``shared_space`` gives them.
        new_ND: float, as many new ones.
        seed: seed of the folds and of the permutations.
        permutations: most permutations; 0: none, and no p value.

    Returns:
        The test.
    """
    x_MD = np.vstack([known_ND, new_ND])
    is_new_M = np.r_[np.zeros(len(known_ND), bool), np.ones(len(new_ND), bool)]
    random = np.random.default_rng(seed)
    found = _auroc(x_MD, is_new_M, random)
    low, high = _interval(found, len(known_ND), len(new_ND))
    if not permutations:
        return ClassifierTest(found, low, high, None)
    as_good = 0
    for done in range(1, permutations + 1):
        as_good += _auroc(x_MD, random.permutation(is_new_M), random) >= found
        if as_good == _ENOUGH:
            return ClassifierTest(found, low, high, as_good / done)
    return ClassifierTest(found, low, high, (as_good + 1) / (permutations + 1))


def _auroc(x_MD: np.ndarray, is_new_M: np.ndarray, random: np.random.Generator) -> float:
    """Mean over the folds, each with as many of both samples as the others."""
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression

    if x_MD.shape[1] == 0:
        return 0.5
    fold_M = np.zeros(len(x_MD), int)
    for sample in (is_new_M, ~is_new_M):
        fold_M[sample] = random.permutation(np.arange(sample.sum()) % FOLDS)
    found = []
    with config_context(assume_finite=True, skip_parameter_validation=True):  # a third of the time of so small a fit
        for fold in range(FOLDS):
            learnt, held = fold_M != fold, fold_M == fold
            model = LogisticRegression(C=0.1, solver="liblinear").fit(x_MD[learnt], is_new_M[learnt])
            found.append(auroc(model.decision_function(x_MD[held]), is_new_M[held]))
    return float(np.mean(found))


def auroc(scores: np.ndarray, is_new: np.ndarray) -> float:
    """Share of pairs in which the new one has the higher score; equal ones count half.

    >>> auroc(np.array([1.0, 3.0, 2.0]), np.array([False, True, True]))
    1.0
    """
    from scipy.stats import rankdata

    ranks, new = rankdata(scores), int(is_new.sum())
    return float((ranks[is_new].sum() - new * (new + 1) / 2) / (new * (len(scores) - new)))


def _interval(area: float, known: int, new: int) -> tuple[float, float]:
    """95 % interval by Hanley and McNeil, 1982."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (new - 1) * (q1 - area**2) + (known - 1) * (q2 - area**2)
    half = 1.959964 * np.sqrt(max(variance, 0.0) / (known * new))
    return float(max(0.0, area - half)), float(min(1.0, area + half))


def same_distribution_p(known: np.ndarray, new: np.ndarray) -> tuple[float, float]:
    """Kolmogorov and Smirnov's distance of two samples of numbers, and its p value.

    Args:
        known: float, NaN where a value is missing.
        new: likewise.

    Returns:
        Distance in [0, 1] and p value; 0 and 1 where a sample has no value.
    """
    from scipy.stats import ks_2samp

    known, new = known[np.isfinite(known)], new[np.isfinite(new)]
    if not len(known) or not len(new):
        return 0.0, 1.0
    found = ks_2samp(known, new, method="asymp")
    return float(found.statistic), float(found.pvalue)

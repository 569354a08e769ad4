"""The most probable character at each step: what repeats is one, and blanks are left out.

Shapes: T steps, V ids of the vocabulary (0 is the blank).
"""

import numpy as np

from saccade.data.spec import PAD


def greedy_ids(log_p_TV: np.ndarray) -> list[int]:
    """The text of the most probable alignment, which need not be the most probable text.

    Args:
        log_p_TV: logarithms of probabilities, float; T may be 0.

    Returns:
        Ids, none of them the blank.

    >>> greedy_ids(np.log(np.array([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1], [0.3, 0.7]])))
    [1, 1]
    """
    best_T = log_p_TV.argmax(axis=1) if len(log_p_TV) else np.zeros(0, np.int64)
    begins_T = np.ones(len(best_T), bool)
    begins_T[1:] = best_T[1:] != best_T[:-1]
    ids: list[int] = best_T[begins_T & (best_T != PAD)].tolist()
    return ids

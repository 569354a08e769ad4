"""How far a map is to be believed: whether it points at the thing, the answer follows it, it depends on the weights.

Sources: J. Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016 (pointing game); V. Petsiuk, A. Das,
K. Saenko, "RISE", 2018 (deletion and insertion); J. Adebayo et al., "Sanity Checks for Saliency Maps", 2018.

Shapes: C channels, H height, W width, K classes, S steps.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from saccade.explain.attribution.frozen import frozen


def points_into(map_HW: np.ndarray, box: tuple[int, int, int, int]) -> bool:
    """Whether the largest value of a map lies in a box; never where the map is the same everywhere.

    Args:
        map_HW: map of an image.
        box: first row, first column, and the row and column behind the last.

    Returns:
        Whether it does.
    """
    if map_HW.max() <= map_HW.min():
        return False
    row, column = np.unravel_index(int(map_HW.argmax()), map_HW.shape)
    top, left, bottom, right = box
    return bool(top <= row < bottom and left <= column < right)


def similarity(first_HW: np.ndarray, second_HW: np.ndarray) -> float:
    """Rank correlation of the sizes of two maps' values, in [-1, 1]; 0 where one is the same everywhere.

    Pixels where both are 0 are left out: no layer reaches the edge of an image whatever its weights, and agreeing on
    that says nothing.

    Args:
        first_HW: map of an image.
        second_HW: another map of it, such as that of a network with random weights.

    Returns:
        Spearman's coefficient.
    """
    from scipy.stats import rankdata

    is_seen = ((first_HW != 0) | (second_HW != 0)).ravel()
    if not is_seen.any():
        return 0.0
    first, second = (rankdata(np.abs(map_HW).ravel()[is_seen]) for map_HW in (first_HW, second_HW))
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 0 else 0.0


def perturbation_curve(
    network: nn.Module,
    x_CHW: Tensor,
    index: int,
    map_HW: np.ndarray,
    kind: Literal["deletion", "insertion"],
    *,
    steps: int = 20,
) -> np.ndarray:
    """The probability of a class while pixels are deleted, or put in, the largest values of a map first.

    Args:
        network: module from float (B, C, H, W) to scores (B, K).
        x_CHW: image as the network takes it; what is deleted is 0, the mean colour of the training data.
        index: class.
        map_HW: map that orders the pixels; equal values as they lie.
        kind: deletion begins with the whole image, insertion with none of it.
        steps: number of equal shares of the pixels, from 1.

    Returns:
        float64 (steps + 1,): after 0, 1, ..., all shares. Deletion should fall soon, insertion rise soon.
    """
    order = torch.from_numpy(np.argsort(-map_HW.ravel(), kind="stable").copy())
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    share_HW = ((rank.float() + 0.5) / len(order)).view(map_HW.shape)
    ends = torch.arange(steps + 1) / steps
    is_done_SHW = (share_HW[None] < ends[:, None, None]).to(x_CHW.device)
    is_kept_SHW = ~is_done_SHW if kind == "deletion" else is_done_SHW
    with frozen(network), torch.no_grad():
        scores_SK = network(x_CHW[None] * is_kept_SHW[:, None])
    return scores_SK.double().softmax(dim=1)[:, index].cpu().numpy()


def area(curve: np.ndarray) -> float:
    """Area under a curve over shares from 0 to 1, by trapezoids."""
    return float((curve[1:] + curve[:-1]).mean() / 2)

"""The thresholds of a network whose examples may have several classes, chosen on the validation split.

Shapes: N examples, K classes.
"""

import numpy as np
import torch
from torch import Tensor, nn

from saccade.batching.arrays import take
from saccade.batching.length_buckets import measured_batches, stored_lengths
from saccade.data.thresholds import choose_thresholds

_BATCH_SIZE = 256  # examples; affects only speed and memory


@torch.no_grad()
def measure_thresholds(
    network: nn.Module,
    examples: Tensor,
    labels_NK: np.ndarray,
    *,
    device: torch.device,
    are_texts: bool = False,
) -> list[float]:
    """``choose_thresholds`` on the answers that a network gives in evaluation mode.

    Args:
        network: stored examples in, logits out; on the device.
        examples: examples of the validation split, as stored.
        labels_NK: uint8, 1 where an example has the class.
        device: device of the network.
        are_texts: whether the examples are tokens, which are trimmed to the longest of a batch.

    Returns:
        K thresholds in [0, 1].
    """
    network.eval()
    lengths = stored_lengths(examples) if are_texts else None
    answers_NK = np.empty(labels_NK.shape, dtype=np.float32)
    for rows, steps in measured_batches(len(labels_NK), lengths, _BATCH_SIZE):
        logits_BK = network(take(examples, rows, device)[:, :steps]).float()
        answers_NK[rows.numpy()] = logits_BK.sigmoid().cpu().numpy()
    return choose_thresholds(answers_NK, np.asarray(labels_NK))

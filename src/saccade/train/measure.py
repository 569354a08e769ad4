"""Loss and score of a network on examples that it does not learn from.

Shapes: N examples.
"""

import torch
from torch import Tensor, nn

from saccade.batching.arrays import LabelledArrays, take, to_device_if_it_fits, trim
from saccade.batching.length_buckets import measured_batches
from saccade.optim.objective import Objective
from saccade.train.runtime import Runtime
from saccade.train.state import sum_dtype

_MIN_BATCH_SIZE = 256  # examples: without gradients as many fit, and fewer would only take longer


@torch.no_grad()
def measure(
    network: nn.Module,
    data: LabelledArrays,
    objective: Objective,
    runtime: Runtime = Runtime(),
    batch_size: int = _MIN_BATCH_SIZE,
) -> tuple[float, float]:
    """Mean loss and mean score over view 0 of the data, in evaluation mode.

    Args:
        network: the network on the device of ``runtime``; it is left in evaluation mode.
        data: stored examples.
        objective: its loss and score, without what only training adds.
        runtime: device, precision and processes, each of which measures its rows.
        batch_size: examples of a forward pass over all processes, from 1; at least 256 are taken where there is one
            answer an example.

    Returns:
        Loss and score.
    """
    network.eval()
    assert isinstance(data.views, Tensor), "what is measured is stored"
    device = runtime.device
    examples, labels = to_device_if_it_fits(data.views[0], data.labels, device)
    num_examples = labels.shape[0]
    sums = torch.zeros(2, device=device, dtype=sum_dtype(device))
    has_many_logits = labels.dtype == torch.int64 and labels.ndim == 2  # one set of them a token
    size = batch_size if has_many_logits else max(batch_size, _MIN_BATCH_SIZE)
    for rows, steps in measured_batches(num_examples, data.lengths, size):
        local, count = runtime.processes.local_rows(rows.to(examples.device))
        x, target = trim(take(examples, local, device), take(labels, local, device), steps)
        with runtime.autocast():
            output = network(x).float()
        loss, score = objective.measure(output, target)
        sums[0] += loss * count
        sums[1] += score * min(count, 1)
    loss_sum, score_sum = runtime.processes.sum(sums).tolist()
    return loss_sum / num_examples, score_sum / num_examples

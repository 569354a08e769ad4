"""Connectionist temporal classification: a text learnt from a line of steps, without saying which step holds what.

At each step the outputs say a token, or blank; the text is what is left when repetitions are read once and blanks are
left out. The loss is the negative log-probability of all ways in which the steps can say the text.

Outputs have as many steps as the longest line of a batch. Behind the end of a shorter one they say blank with
certainty, which adds nothing to any way's probability: no lengths are needed here.

Source: A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber, "Connectionist temporal classification", 2006.

Shapes: B batch, T steps, V tokens, L tokens of the longest text.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from saccade.data.spec import PAD

BLANK = PAD  # the token that says that there is none
_BLANK_SHARES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)  # that are tried
_MOST_LINES = 256  # that are computed


def ctc(logits_BTV: Tensor, target_BL: Tensor) -> Tensor:
    """Mean over the batch of the negative log-probability of each line's text, in nats.

    A line counts by all its characters, as likelihood has it; torch's ``reduction="mean"`` divides each by its length
    first. It is computed on the CPU: CUDA's has no gradient that is the same in each run, and the array is small.

    Args:
        logits_BTV: unnormalised scores of the tokens at each step.
        target_BL: texts, int64, filled up with 0; each fits into its line's steps: see ``data.alphabet.least_steps``.

    Returns:
        Scalar tensor, on the device of the logits.
    """
    log_probability_TBV = logits_BTV.float().log_softmax(dim=2).transpose(0, 1).cpu()  # from B T V
    target_BL = target_BL.cpu()
    T, B = log_probability_TBV.shape[:2]
    steps_B = torch.full((B,), T, dtype=torch.int64)
    length_B = (target_BL != PAD).sum(dim=1)
    loss_B = F.ctc_loss(log_probability_TBV, target_BL, steps_B, length_B, blank=BLANK, reduction="none")
    return loss_B.mean().to(logits_BTV.device)


@torch.no_grad()
def constant_answer_loss(target_NL: Tensor, step_N: Tensor) -> float:
    """The loss of saying the same at each step of every line: what learning has to do better than.

    Characters are said by their shares of all, the blank by the share that does best of some: a network whose outputs
    follow from no picture gets hardly lower. Of many lines every so many-th is computed.

    Args:
        target_NL: texts, int64, filled up with 0; each fits into its steps.
        step_N: steps of each line, int64.

    Returns:
        Mean over the lines, in nats.
    """
    rows = torch.arange(0, len(target_NL), max(1, len(target_NL) // _MOST_LINES))
    target_NL, step_N = target_NL[rows], step_N[rows]
    length_N = (target_NL != PAD).sum(dim=1)
    count_V = target_NL[target_NL != PAD].bincount(minlength=1 + int(target_NL.max())).double()
    losses = []
    for blank in _BLANK_SHARES:
        share_V = (1 - blank) * count_V / count_V.sum()
        share_V[BLANK] = blank
        log_probability_TNV = share_V.log().expand(int(step_N.max()), len(rows), -1)
        losses.append(F.ctc_loss(log_probability_TNV, target_NL, step_N, length_N, reduction="none").mean().item())
    return min(losses)


def num_read_right(logits_BTV: Tensor, target_BL: Tensor) -> Tensor:
    """The number of lines whose most probable step by step is their text, without an error.

    Args:
        logits_BTV: unnormalised scores of the tokens at each step.
        target_BL: texts, int64, filled up with 0.

    Returns:
        Scalar tensor, int64.
    """
    best_BT = logits_BTV.argmax(dim=2)
    before_BT = F.pad(best_BT[:, :-1], (1, 0), value=BLANK)
    is_read_BT = (best_BT != BLANK) & (best_BT != before_BT)
    width = max(best_BT.shape[1], target_BL.shape[1])
    read_BL = best_BT.new_full((best_BT.shape[0], width + 1), PAD)
    place_BT = torch.where(is_read_BT, is_read_BT.cumsum(dim=1) - 1, width)  # what is not read falls behind the end
    read_BL.scatter_(1, place_BT, torch.where(is_read_BT, best_BT, PAD))
    wanted_BL = F.pad(target_BL, (0, width - target_BL.shape[1]), value=PAD)
    return (read_BL[:, :width] == wanted_BL).all(dim=1).sum()

"""Examples mixed two by two as they are trained on: mixup blends them, CutMix pastes a box of one into the other.

Each example of an update is mixed with the one before it in the epoch's order, the first with the last. That order is
drawn anew in every epoch, so each example meets another partner by chance, and never itself where there are two. A
partner that follows from the order needs no numbers that travel to the device, and is the same however the update is
cut into batches or shared among processes. What is drawn is how much of the partner there is, once an update.

Shapes: B batch, N examples, H height, W width, C channels.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from saccade.batching.arrays import LazyView, take
from saccade.core.devices import derive_seed
from saccade.optim.losses import MixedTarget


@dataclass(frozen=True)
class Mix:
    """How the examples of one update are mixed.

    Attributes:
        lam: share of the example itself, in [0, 1]; its partner has the rest.
        box: top, bottom, left and right (ends excluded) of the part that the partner gives, in pixels; None: the two
            are blended.
    """

    lam: float
    box: tuple[int, int, int, int] | None = None

    def examples(self, x: Tensor, partner: Tensor) -> Tensor:
        """Mix examples as they are stored.

        Normalising is one multiplication and one addition a pixel, and the shares add up to 1: what is blended before
        it is the same as after it, up to rounding. Blended pixels are float32 in 0..255 and not rounded to integers.

        Args:
            x: examples, uint8 (B, H, W, C) or float32 (B, ...).
            partner: the example that each one is mixed with, of the same dtype and shape.

        Returns:
            Float32 (B, ...) where they are blended, else the dtype of ``x``.
        """
        if self.box is None:
            return torch.lerp(partner.float(), x.float(), self.lam)
        top, bottom, left, right = self.box
        mixed = x.clone()
        mixed[:, top:bottom, left:right] = partner[:, top:bottom, left:right]
        return mixed

    def batch(
        self, x: Tensor, target: Tensor, stored: Tensor | LazyView, labels: Tensor, partners: Tensor
    ) -> tuple[Tensor, MixedTarget]:
        """Mix a batch with its partners.

        Args:
            x: examples (B, ...), on the network's device.
            target: their classes, int64 (B,), on the same device.
            stored: all examples (N, ...), as they lie.
            labels: all classes, int64 (N,), where the examples lie.
            partners: rows of the partners among these, int64 (B,), on the device where the arrays lie.

        Returns:
            Mixed examples, and their targets.
        """
        mixed = self.examples(x, take(stored, partners, x.device))
        return mixed, MixedTarget(target, take(labels, partners, x.device), self.lam)


def draw_mix(shape: Sequence[int], *, mixup: float | None, cutmix: float | None, seed: int, updates: int) -> Mix | None:
    """Draw how the examples of an update are mixed: a function of the arguments alone.

    The share lambda of the example itself is drawn from Beta(alpha, alpha). CutMix gives the partner a box of
    (1 - lambda) of the area, its centre anywhere in the image; what lies outside is cut off, and lambda is then counted
    in pixels, so that image and loss agree.

    Source: H. Zhang, M. Cisse, Y. Dauphin, D. Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", 2018
    (https://arxiv.org/abs/1710.09412); S. Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with
    Localizable Features", 2019 (https://arxiv.org/abs/1905.04899). There partners come from a permutation of the
    batch in which an example may meet itself.

    Args:
        shape: shape of one example; (H, W, C) for CutMix.
        mixup: alpha of mixup, above 0; None: without.
        cutmix: alpha of CutMix, above 0; None: without. Where both are given, each is drawn half of the time.
        seed: seed of the run.
        updates: number of updates before this one in the whole run.

    Returns:
        How the examples are mixed; None where neither is given.
    """
    if mixup is None and cutmix is None:
        return None
    draw = random.Random(derive_seed(seed, "mix", updates))  # on the host: sizes of boxes must be known there
    if cutmix is None or (mixup is not None and draw.random() < 0.5):
        assert mixup is not None
        return Mix(draw.betavariate(mixup, mixup))
    side = math.sqrt(1 - draw.betavariate(cutmix, cutmix))
    height, width = shape[:2]
    top, bottom = _span(height, side, draw.random())
    left, right = _span(width, side, draw.random())
    return Mix(1 - (bottom - top) * (right - left) / (height * width), (top, bottom, left, right))


def _span(length: int, share: float, centre: float) -> tuple[int, int]:
    """Begin and end of a box along one side; the centre is a share of the side too."""
    middle, half = int(centre * length), int(share * length / 2)
    return max(middle - half, 0), min(middle + half, length)

"""How view v of image i is made: a function of (seed, v, i) alone, in whatever process."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.transforms.albumentations_adapter import augment_image


@dataclass(frozen=True)
class ViewMaker:
    """How the views of one training split are made: the same function for those that are stored and those shown.

    Attributes:
        compose: composition from ``albumentations_adapter.build``.
        seed: seed of the whole augmentation.
        include_original: whether view 0 is the image as it is.
    """

    compose: Any
    seed: int
    include_original: bool = False

    def __call__(self, image_HWC: np.ndarray, *, view: int, index: int) -> np.ndarray:
        """View ``view`` of image ``index`` of the training split: uint8 (H, W, C)."""
        if view == 0 and self.include_original:
            return image_HWC
        return augment_image(self.compose, image_HWC, seed=self.seed, view=view, index=index)

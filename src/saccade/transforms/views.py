"""How view v of image i is made: a function of (seed, v, i) alone, in whatever process."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.transforms.albumentations_adapter import augment_image


@dataclass(frozen=True)
class ViewMaker:
    """How the views of one training split are made: the same function for those that are stored and those shown.

    Attributes:
        compose: composition from ``albumentations_adapter.build``.
        seed: seed of the whole augmentation.
        include_original: whether view 0 is the image as it is.
        is_padded: whether columns of 0 stand right of narrower images: only what is left of them is transformed, and
            no pixel of it becomes 0.
    """

    compose: Any
    seed: int
    include_original: bool = False
    is_padded: bool = False

    def check(self, image_HWC: np.ndarray) -> None:
        """Make one view, to see that one can be made; of a line that is narrower than the array, for others may be.

        Args:
            image_HWC: an image of the training split, uint8 (H, W, C).

        Raises:
            UserError: the transforms refuse it.
        """
        if self.is_padded:
            image_HWC = image_HWC.copy()
            image_HWC[:, max(1, int(image_HWC.any(axis=(0, 2)).sum()) // 2) :] = 0
        self(image_HWC, view=1, index=0)

    def __call__(self, image_HWC: np.ndarray, *, view: int, index: int) -> np.ndarray:
        """View ``view`` of image ``index`` of the training split: uint8 (H, W, C)."""
        if view == 0 and self.include_original:
            return image_HWC
        if not self.is_padded:
            return augment_image(self.compose, image_HWC, seed=self.seed, view=view, index=index)
        width = max(1, int(image_HWC.any(axis=(0, 2)).sum()))
        line_HWC = np.ascontiguousarray(image_HWC[:, :width])
        view_HWC = np.zeros_like(image_HWC)
        try:
            made_HWC = augment_image(self.compose, line_HWC, seed=self.seed, view=view, index=index)
        except UserError as error:
            raise UserError(
                f"{error}. Lines differ in width: take transforms that keep whatever size an image has, such as "
                "Affine, and none that cut or resize to one size, as the policies cifar-standard and alexnet-2012 do"
            ) from error
        view_HWC[:, :width] = np.maximum(made_HWC, 1)
        return view_HWC

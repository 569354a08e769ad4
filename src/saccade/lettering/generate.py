"""Examples of print: what is drawn, in which font, how large and how spoilt, a function of (seed, number) alone.

Shapes: H height, W width.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.augment.print_defects import mixed_defects
from saccade.core.errors import UserError
from saccade.lettering.drawing import MAX_SIZE, MIN_SIZE, draw_character, draw_line
from saccade.lettering.fonts import Font, Fonts
from saccade.lettering.invoices import draw_invoice_line

_WIDTHS = 64  # pixels: lines of about one width are skewed by one angle at most, and share their transforms


@dataclass(frozen=True)
class Printed:
    """One example.

    Attributes:
        image: uint8 (H, W), dark on light.
        text: what it says.
        font: font that it is printed in.
        size: height of the font's capitals in pixels.
        rule: rule of the grammar that a line comes from; empty of a character.
    """

    image: np.ndarray
    text: str
    font: Font
    size: int
    rule: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """What is known of it, as texts; sizes with a leading zero, so that they sort."""
        known = {"text": self.text, "family": self.font.family, "style": self.font.style, "size": f"{self.size:02d} px"}
        return known | ({"rule": self.rule} if self.rule else {})


@dataclass(frozen=True)
class Printer:
    """Draws examples by their numbers.

    Families are as likely as each other, however many faces they have.

    Attributes:
        fonts: fonts to draw with.
        sizes: least and greatest height of a capital, in pixels.
        strength: greatest strength of the defects, in [0, 1].
        seed: seed of the whole dataset.
    """

    fonts: Fonts
    sizes: tuple[int, int]
    strength: float
    seed: int

    def character(self, character: str, number: int) -> Printed:
        """Example ``number``, which shows that character."""
        random = self._random(number)
        font, size = self._font(character, random), self._size(random)
        image_HW = draw_character(character, font, size, random)
        return Printed(self._spoilt(image_HW, number), character, font, size)

    def line(self, number: int) -> Printed:
        """Example ``number``, a line of an invoice."""
        random = self._random(number)
        text, rule = draw_invoice_line(random)
        font, size = self._font(text, random), self._size(random)
        image_HW = draw_line(text, font, size, random)
        return Printed(self._spoilt(image_HW, number), text, font, size, rule)

    def _random(self, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self.seed, number]))

    def _font(self, text: str, random: np.random.Generator) -> Font:
        able: dict[str, list[Font]] = {}
        for face in self.fonts.faces:
            if face.missing.isdisjoint(text):
                able.setdefault(face.family, []).append(face)
        if not able:
            raise UserError(f"no font has all characters of {text!r}. Add one to source.fonts.")
        faces = able[sorted(able)[int(random.integers(len(able)))]]
        return faces[int(random.integers(len(faces)))]

    def _size(self, random: np.random.Generator) -> int:
        return int(random.integers(self.sizes[0], self.sizes[1] + 1))

    def _spoilt(self, image_HW: np.ndarray, number: int) -> np.ndarray:
        if self.strength == 0:
            return image_HW
        from saccade.transforms.albumentations_adapter import augment_image

        height, width = image_HW.shape
        rounded = -(-width // _WIDTHS) * _WIDTHS if width > height else height
        compose = _transforms(self.strength, height, rounded)
        return augment_image(compose, image_HW[..., None], seed=self.seed, view=0, index=number)[..., 0]


@functools.lru_cache(maxsize=256)
def _transforms(strength: float, height: int, width: int) -> Any:
    from saccade.transforms.albumentations_adapter import build

    return build([transform for transform, _ in mixed_defects(strength, height, width)])


def checked_sizes(sizes: Sequence[int]) -> tuple[int, int]:
    """Two sizes, the least and the greatest.

    Args:
        sizes: heights of a capital, in pixels.

    Returns:
        The two.

    Raises:
        UserError: there are not two in ascending order, or they lie outside of what can be drawn.
    """
    if len(sizes) != 2 or not MIN_SIZE <= sizes[0] <= sizes[1] <= MAX_SIZE:
        raise UserError(
            f"sizes ({list(sizes)}) must be the least and the greatest height of a capital letter, in "
            f"[{MIN_SIZE}, {MAX_SIZE}] pixels"
        )
    return sizes[0], sizes[1]

"""Values of more than 8 bits brought to 256 grey levels, by one rule for all pictures of a dataset.

Shapes: H height, W width.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Range = tuple[float, float]
"""The value that becomes black, and the one that becomes white."""

_BITS = (8, 10, 12, 14, 16, 24, 32)  # that cameras, scanners and detectors give


@dataclass(frozen=True)
class ImageValues:
    """A picture as its file holds it.

    Attributes:
        array: (H, W) for grey, or (H, W, 3) for RGB; uint8 where that is what the file holds, else uint16, int32 or
            float32.
        sides: height and width of the picture itself, which may have been decoded smaller.
        scale: values that the file itself says are black and white, such as a window; None: it says nothing.
        is_inverted: whether the smallest value is white.
    """

    array: np.ndarray
    sides: tuple[int, int]
    scale: Range | None = None
    is_inverted: bool = False

    @property
    def is_deep(self) -> bool:
        """Whether the values are more than grey levels."""
        return self.array.dtype != np.uint8


@dataclass(frozen=True)
class GreyScale:
    """How values become grey levels: ``rint(255 * (value - low) / (high - low))``, clipped to 0..255.

    Attributes:
        limits: low and high; None takes what the type can hold: 0 to 65,535, or 0 to 1 for floats.
        goes_first: whether ``limits`` go before what a file says of itself, such as a window.
    """

    limits: Range | None = None
    goes_first: bool = False

    def limits_of(self, values: ImageValues) -> Range:
        """Low and high for one picture."""
        if self.limits is not None and (self.goes_first or values.scale is None):
            return self.limits
        return values.scale or _limits_of_type(values.array.dtype)

    def apply(self, values: ImageValues) -> np.ndarray:
        """Grey levels, uint8, of the shape of the values."""
        if not values.is_deep:
            return values.array
        low, high = self.limits_of(values)
        array = values.array
        if array.dtype == np.uint16:  # a table is several times as fast
            levels = _levels(np.arange(2**16), low, high)[array]
        else:
            levels = _levels(array, low, high)
        return 255 - levels if values.is_inverted else levels


def scale_of(value_range: Sequence[float], goes_first: bool) -> GreyScale:
    """The scale that a dataset was prepared with, from what its spec says; an empty range is the type's."""
    return GreyScale((value_range[0], value_range[1]) if value_range else None, goes_first)


def _levels(array: np.ndarray, low: float, high: float) -> np.ndarray:
    shares = (np.nan_to_num(array.astype(np.float64), nan=low, posinf=high, neginf=low) - low) / max(high - low, 1e-300)
    return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)


def _limits_of_type(dtype: np.dtype) -> Range:
    return (0.0, 1.0) if dtype.kind == "f" else (0.0, float(2**16 - 1)) if dtype == np.uint16 else (0.0, 2.0**31 - 1)


class ValueStatistics:
    """What the pictures of more than 8 bits hold, gathered by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.pictures = 0
        self.by_file = 0  # that say themselves what is black and white
        self.low, self.high = np.inf, -np.inf
        self.is_whole = True  # no floats
        self.levels_before = self.levels_after = 0  # sums over pictures
        self.clipped = self.pixels = 0

    def add_range(self, values: ImageValues) -> None:
        """Count a picture that is not scaled yet."""
        array = values.array
        finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
        with self._lock:
            if finite.size:
                self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))
            self.is_whole = self.is_whole and array.dtype.kind != "f"

    def add_levels(self, values: ImageValues, scale: GreyScale, levels: np.ndarray) -> None:
        """Count what scaling left of a picture's levels."""
        low, high = scale.limits_of(values)
        before, after = _count_levels(values.array), int((np.bincount(levels.ravel(), minlength=256) > 0).sum())
        outside = int(((values.array < low) | (values.array > high)).sum())
        with self._lock:
            self.pictures += 1
            self.by_file += values.scale is not None and scale.limits_of(values) == values.scale
            self.levels_before, self.levels_after = self.levels_before + before, self.levels_after + after
            self.clipped, self.pixels = self.clipped + outside, self.pixels + values.array.size

    def found_limits(self) -> Range | None:
        """The range that holds all values: 0 to a full number of bits, 0 to 1 for such floats, else what is there.

        Returns:
            Low and high; None where nothing was counted.
        """
        low, high = self.low, self.high
        if not np.isfinite(low):
            return None
        if self.is_whole and low >= 0:
            return 0.0, float(2 ** next(bits for bits in _BITS if high < 2**bits) - 1)
        for limits in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
            if not self.is_whole and limits[0] <= low and high <= limits[1]:
                return limits
        return low, high if high > low else low + 1

    @property
    def lost_most(self) -> bool:
        """Whether fewer than half of the levels that 8 bits could hold are left."""
        return 2 * self.levels_after < min(self.levels_before, 256 * self.pictures)

    def line(self, limits: Range | None) -> str:
        """What was done, for people.

        Args:
            limits: values that became black and white, of pictures that say nothing of it themselves.

        Returns:
            A line; empty where no picture holds more than 8 bits.
        """
        if not self.pictures:
            return ""
        what = f"{self.pictures:,} picture{'s'[: self.pictures - 1]} of more than 8 bits:"
        how = []
        if self.pictures > self.by_file:
            there = f"values {number(self.low)} to {number(self.high)}; " if np.isfinite(self.low) else ""
            scaled = "the type's range" if limits is None else f"{number(limits[0])} to {number(limits[1])}"
            how.append(f"{there}{scaled} scaled to 0 to 255")
        if self.by_file:
            how.append(f"{self.by_file:,} by what the file says itself (window, depth)")
        before, after = (round(levels / self.pictures) for levels in (self.levels_before, self.levels_after))
        kept = f"of {before:,} grey levels a picture, {after:,} are left"
        share = self.clipped / max(self.pixels, 1)
        clipped = f", {share:.1%} of pixels are clipped" if share >= 0.001 else ""
        return f"{what} {', '.join(how)}; {kept}{clipped} (preprocess.value_range sets other limits)"


def number(value: float) -> str:
    """A number for people: whole ones with commas.

    >>> number(4095.0), number(0.25)
    ('4,095', '0.25')
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.6g}"


def _count_levels(array: np.ndarray) -> int:
    if array.dtype == np.uint16:
        return int((np.bincount(array.ravel(), minlength=1) > 0).sum())
    return len(np.unique(array))


Wanted = Range | Literal["found", "type"]
"""``preprocess.value_range``: limits, or those that hold what is there, or those of the type."""

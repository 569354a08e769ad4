"""Drawn metal plates with a defect that is faint, small and rare on a large, uneven ground; for own_data_sources.py."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

DEFECTS = {"sound": 600, "scratch": 220, "pit": 140, "stain": 90, "dent": 60, "crack": 30}
_SIDE = 256


def defect_picture(random: np.random.Generator, name: str) -> np.ndarray:
    """A brushed metal plate, uint8 (256, 256): grain along a direction, uneven light, dust, and a defect somewhere.

    Dust and faint brush marks are on every plate, sound ones too, so that a speck alone says nothing.
    """
    grain_HW = _smooth(random, (1.2, random.uniform(6, 14))) * random.uniform(4, 7) + random.normal(0, 3, (_SIDE,) * 2)
    clouds_HW = _clouds(random) * random.uniform(3, 8)
    slope_y, slope_x = random.normal(0, 9, size=2)
    axis = np.linspace(-1, 1, _SIDE)
    pixels_HW = random.uniform(95, 160) + grain_HW + clouds_HW + slope_y * axis[:, None] + slope_x * axis[None]
    for _ in range(int(random.integers(0, 7))):  # dust: lighter and darker specks of a pixel or two
        pixels_HW += random.choice([-1, 1]) * random.uniform(10, 25) * _drawn(_speck, random, random.uniform(0.7, 1.4))
    for _ in range(int(random.integers(0, 3))):  # marks of the brush, along the grain
        pixels_HW += random.uniform(3, 7) * _drawn(_mark, random, 0.7)
    if name != "sound":
        pixels_HW += _DEFECTS[name](random)
    return pixels_HW.clip(0, 255).round().astype(np.uint8)


def _smooth(random: np.random.Generator, sigma: tuple[float, float]) -> np.ndarray:
    """Noise without the details that are finer than ``sigma``, deviation 1."""
    from scipy.ndimage import gaussian_filter

    noise_HW = gaussian_filter(random.normal(size=(_SIDE, _SIDE)), sigma, mode="wrap")
    return noise_HW / noise_HW.std()


def _clouds(random: np.random.Generator) -> np.ndarray:
    """Light and dark of about a quarter of the side, deviation about 1."""
    coarse = Image.fromarray(random.normal(size=(7, 7)).astype(np.float32))
    return np.asarray(coarse.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), dtype=float)


Pen = Callable[[np.random.Generator, ImageDraw.ImageDraw], None]


def _drawn(pen: Pen, random: np.random.Generator, blur: float) -> np.ndarray:
    """What a pen draws, float (256, 256), 1 where it was pressed."""
    sheet = Image.new("L", (_SIDE, _SIDE))
    pen(random, ImageDraw.Draw(sheet))
    return np.asarray(sheet.filter(ImageFilter.GaussianBlur(blur)), dtype=float) / 255


def _place(random: np.random.Generator, margin: float = 24) -> tuple[float, float]:
    y, x = random.uniform(margin, _SIDE - margin, size=2)
    return float(y), float(x)


def _speck(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
    (y, x), radius = _place(random, 4), random.uniform(0.5, 1.5)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


def _mark(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
    (y, x), length = _place(random), random.uniform(30, 90)
    draw.line((x - length / 2, y, x + length / 2, y + random.normal(0, 1.5)), fill=255)


def _scratch(random: np.random.Generator) -> np.ndarray:
    def pen(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
        (y, x), length = _place(random, 40), random.uniform(25, 80)
        angle = random.uniform(0.2, np.pi - 0.2)  # along the grain it would be a mark of the brush
        bend = random.normal(0, 0.15)
        points = [
            (x + t * length * np.cos(angle + bend * t), y + t * length * np.sin(angle + bend * t))
            for t in np.linspace(-0.5, 0.5, 9)
        ]
        draw.line(points, fill=255, width=int(random.integers(1, 3)))

    return random.choice([-1, 1], p=[0.4, 0.6]) * random.uniform(16, 34) * _drawn(pen, random, 0.6)


def _pit(random: np.random.Generator) -> np.ndarray:
    def pen(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
        (y, x), radius = _place(random), random.uniform(2.5, 5)
        draw.ellipse((x - radius, y - 0.8 * radius, x + radius, y + 0.8 * radius), fill=255)

    return -random.uniform(18, 40) * _drawn(pen, random, 0.8)


def _stain(random: np.random.Generator) -> np.ndarray:
    def pen(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
        y, x = _place(random, 40)
        for _ in range(5):
            dy, dx, radius = *random.normal(0, 9, size=2), random.uniform(7, 16)
            draw.ellipse((x + dx - radius, y + dy - radius, x + dx + radius, y + dy + radius), fill=255)

    return -random.uniform(9, 18) * _drawn(pen, random, 3)


def _dent(random: np.random.Generator) -> np.ndarray:
    """Light on one side and shadow on the other."""
    (y, x), radius = _place(random, 40), random.uniform(7, 15)
    rows_HW, columns_HW = np.mgrid[:_SIDE, :_SIDE]
    down_HW, across_HW = (rows_HW - y) / radius, (columns_HW - x) / radius
    bell_HW = np.exp(-(down_HW**2 + across_HW**2))
    angle = random.normal(-np.pi / 2, 0.4)  # the lamp is above
    return random.uniform(22, 44) * (down_HW * np.sin(angle) + across_HW * np.cos(angle)) * bell_HW


def _crack(random: np.random.Generator) -> np.ndarray:
    def pen(random: np.random.Generator, draw: ImageDraw.ImageDraw) -> None:
        y, x = _place(random, 48)
        angle = random.uniform(0, 2 * np.pi)
        branches = [(y, x, angle, int(random.integers(9, 18)))]
        while branches:
            y, x, angle, steps = branches.pop()
            for step in range(steps):
                angle += random.normal(0, 0.5)
                next_y, next_x = y + 4 * np.sin(angle), x + 4 * np.cos(angle)
                draw.line((x, y, next_x, next_y), fill=255)
                y, x = next_y, next_x
                if step > 2 and steps > 6 and random.random() < 0.15:
                    branches.append((y, x, angle + random.choice([-0.9, 0.9]), steps // 2))

    return -random.uniform(20, 40) * _drawn(pen, random, 0.6)


_DEFECTS = {"scratch": _scratch, "pit": _pit, "stain": _stain, "dent": _dent, "crack": _crack}

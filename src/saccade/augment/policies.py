"""Named policies: lists of transforms for a purpose, so that ``transforms: cifar-standard`` is enough in params.yaml.

Plain data: names and arguments of transforms, as params.yaml writes them, for images of a given size. What is measured
in pixels grows with the image, so a policy does the same to an image of 28 and of 224 pixels. Nothing is imported here
that takes time, for ``saccade check`` reads this file. ``saccade describe policy NAME`` prints one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.augment.print_defects import STRENGTHS, mixed_defects
from saccade.core.errors import UserError

Transform = dict[str, Any]
"""A transform's name and arguments: ``{"name": "HorizontalFlip", "p": 0.5}``."""


@dataclass(frozen=True)
class Step:
    """One transform of a policy.

    Attributes:
        transform: name and arguments of the transform.
        note: effect, in words for people.
    """

    transform: Transform
    note: str


@dataclass(frozen=True)
class Policy:
    """A named list of transforms.

    Attributes:
        steps: ``steps(height, width)``: the transforms, in order, for images of that many pixels.
        only_colour: reason for which it takes no images of one channel; None where it does.
    """

    steps: Callable[[int, int], Sequence[Step]]
    only_colour: str | None = None

    @property
    def docstring(self) -> str:
        """What it is for, and where it comes from."""
        return self.steps.__doc__ or ""

    @property
    def summary(self) -> str:
        """What it is for, in a line."""
        return self.docstring.split("\n", 1)[0].rstrip(".")


def resolve_transforms(transforms: str | Sequence[Transform], *, height: int, width: int) -> list[Transform]:
    """The transforms themselves: those of the policy where a name stands, else those of the list.

    Args:
        transforms: ``datasets.<name>.augment.transforms``.
        height: height of the images, in pixels.
        width: width of the images, in pixels.

    Returns:
        Names and arguments, in order.

    Raises:
        UserError: no policy has that name.
    """
    if not isinstance(transforms, str):
        return [dict(transform) for transform in transforms]
    if transforms not in POLICIES:
        raise UserError(f"no policy is called {transforms!r}; known: {', '.join(POLICIES)}")
    return [dict(step.transform) for step in POLICIES[transforms].steps(height, width)]


def _pixels(share: float, height: int, width: int) -> int:
    """A share of the shorter side, in whole pixels, at least one."""
    return max(1, round(share * min(height, width)))


def _none(height: int, width: int) -> list[Step]:
    """Nothing: training reads the prepared images."""
    return []


def _alexnet_2012(height: int, width: int) -> list[Step]:
    """The three changes of AlexNet's training: crops at random places, mirroring, a shift of colours.

    A crop shows 7/8 of each side, 224 of 256 pixels. Evaluation looks at the middle 7/8, which shows things as large.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, ImageNet Classification with Deep Convolutional Neural Networks,
    NIPS 2012, section 4.1,
    https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html
    """
    larger = {"height": round(height * 8 / 7), "width": round(width * 8 / 7)}
    return [
        Step({"name": "Resize", **larger, "p": 1.0}, "8/7 of the size, as 256 is of 224"),
        Step({"name": "RandomCrop", "height": height, "width": width, "p": 1.0}, "back to the size, at any place"),
        Step({"name": "HorizontalFlip", "p": 0.5}, "left and right change places"),
        Step(
            {"name": "PrincipalColorShift", "std": 0.1, "p": 1.0},
            "all pixels move along the principal components of the training set's colours",
        ),
    ]


def _cifar_standard(height: int, width: int) -> list[Step]:
    """The usual one for small photographs: mirroring, and shifts of up to an eighth of the side, 4 of 32 pixels.

    What a shift uncovers is mirrored at the border here, and black in the paper.

    Source: K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2,
    https://arxiv.org/abs/1512.03385, after C.-Y. Lee et al., Deeply-Supervised Nets, https://arxiv.org/abs/1409.5185
    """
    padding = _pixels(1 / 8, height, width)
    return [
        Step({"name": "HorizontalFlip", "p": 0.5}, "left and right change places"),
        Step({"name": "Pad", "padding": padding, "border_mode": 4, "p": 1.0}, "mirrored at the border"),
        Step({"name": "RandomCrop", "height": height, "width": width, "p": 1.0}, "back to the size, at any place"),
    ]


def _digits(height: int, width: int) -> list[Step]:
    """Written digits and letters: small turns, shifts and sizes, and the wavering of a hand.

    The elastic field is that of the paper, for images of 29 pixels: uniform noise, smoothed over 4 pixels, times 34.
    Here it is times 20, and two images in five stay free of it, for the affine map has moved the pixels already.

    Source: P. Simard, D. Steinkraus, J. Platt, Best Practices for Convolutional Neural Networks Applied to Visual
    Document Analysis, ICDAR 2003, https://doi.org/10.1109/ICDAR.2003.1227801
    """
    scale = min(height, width) / 29
    affine = {"rotate": [-10, 10], "translate_percent": [-0.06, 0.06], "scale": [0.9, 1.1], "shear": [-5, 5]}
    # A field smoothed over more pixels is lower: to move by a share of the side, its factor grows with the square
    elastic = {"alpha": round(20 * scale**2, 2), "sigma": round(4 * scale, 2)}
    return [
        Step({"name": "Affine", **affine, "border_mode": 1, "p": 0.9}, "degrees, shares of the side, factors, degrees"),
        Step({"name": "ElasticTransform", **elastic, "border_mode": 1, "p": 0.6}, "wavering strokes"),
    ]


def _print_defects(height: int, width: int, strength: str = "middling") -> list[Step]:
    """Scanned pages: what printers, paper and scanners do to letters, dark on light or light on dark.

    Skew, ink that spread or did not reach the paper, texture, stamps, blur, faded contrast, grain, JPEG; simpler models
    than the paper's, and not fitted to any machine. ``print-defects-light``, ``-heavy`` and ``-worst`` do
    less and more.

    After H. S. Baird, Document Image Defect Models, in Structured Document Image Analysis, Springer 1992, p. 546-556,
    https://doi.org/10.1007/978-3-642-77281-8_26
    """
    return [Step(*step) for step in mixed_defects(STRENGTHS[strength], height, width)]


def _print_defects_light(height: int, width: int) -> list[Step]:
    """Good scans of letters: the defects of print-defects at half of their strength.

    Source: as of print-defects, https://doi.org/10.1007/978-3-642-77281-8_26
    """
    return _print_defects(height, width, "light")


def _print_defects_heavy(height: int, width: int) -> list[Step]:
    """Bad copies of letters: the defects of print-defects at one and a half times their strength.

    Source: as of print-defects, https://doi.org/10.1007/978-3-642-77281-8_26
    """
    return _print_defects(height, width, "heavy")


def _print_defects_worst(height: int, width: int) -> list[Step]:
    """Letters that can hardly be read: the defects of print-defects at twice their strength.

    Source: as of print-defects, https://doi.org/10.1007/978-3-642-77281-8_26
    """
    return _print_defects(height, width, "worst")


def _industrial(height: int, width: int) -> list[Step]:
    """Parts under a camera that does not move: other light, small turns and shifts; nothing that hides a defect.

    No crops and no blur: they would cut a defect off, or smooth it away, and leave its label.
    """
    exposure = {"brightness_limit": [-0.1, 0.1], "contrast_limit": [-0.1, 0.1]}
    affine = {"rotate": [-5, 5], "translate_percent": [-0.03, 0.03], "border_mode": 4}
    return [
        Step({"name": "UnevenLight", "strength_range": [0.05, 0.3], "p": 0.7}, "a slope or a spot, lighter or darker"),
        Step({"name": "RandomBrightnessContrast", **exposure, "p": 0.5}, "exposure"),
        Step({"name": "Affine", **affine, "p": 0.8}, "degrees, shares of the side; the border mirrored"),
    ]


def _microscopy(height: int, width: int) -> list[Step]:
    """Stained tissue: no side is up, and laboratories stain differently.

    Source: D. Tellez et al., Whole-Slide Mitosis Detection in H&E Breast Histology Using PHH3 as a Reference to Train
    Distilled Stain-Invariant Convolutional Networks, IEEE Transactions on Medical Imaging 2018,
    https://arxiv.org/abs/1808.05896
    """
    # On a rectangle, D4 would change the size
    turns: list[Step] = (
        [Step({"name": "D4", "p": 1.0}, "one of the eight turns and mirrorings of a square")]
        if height == width
        else [
            Step({"name": "HorizontalFlip", "p": 0.5}, "left and right change places"),
            Step({"name": "VerticalFlip", "p": 0.5}, "top and bottom change places; with both, half a turn"),
        ]
    )
    jitter = {"scale_range": [0.9, 1.1], "shift_range": [-0.02, 0.02]}
    return [*turns, Step({"name": "StainJitter", **jitter, "p": 0.9}, "more or less of each stain")]


POLICIES: dict[str, Policy] = {
    "none": Policy(_none),
    "alexnet-2012": Policy(_alexnet_2012),
    "cifar-standard": Policy(_cifar_standard),
    "digits": Policy(_digits),
    "print-defects": Policy(_print_defects),
    "print-defects-light": Policy(_print_defects_light),
    "print-defects-heavy": Policy(_print_defects_heavy),
    "print-defects-worst": Policy(_print_defects_worst),
    "industrial": Policy(_industrial),
    "microscopy": Policy(_microscopy, only_colour="stains are told apart by their colours"),
}

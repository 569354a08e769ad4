"""Images and texts that a program gives, as a network takes them, and its outputs with their names.

Shapes: N examples, H height, W width, C channels, K classes, O numbers to predict.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from saccade.bundle.config import NetworkConfig
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.data.thresholds import found_classes
from saccade.kinds.image.pixels.grey_levels import ImageValues, scale_of
from saccade.kinds.image.pixels.line import prepare_line
from saccade.kinds.image.pixels.resize import prepare_image
from saccade.kinds.tokens.text.encode import read_texts
from saccade.predict.any_predictor import AnyPredictor, require_images, require_text_classes


def answer_about(
    predictor: AnyPredictor, examples: np.ndarray | Sequence[np.ndarray] | Sequence[str]
) -> dict[str, Any]:
    """What ``Predictor.predict`` returns, of any predictor.

    Args:
        predictor: network that answers.
        examples: images of any size, or texts of any length.

    Returns:
        Outputs with their names.

    Raises:
        UserError: a single example, an image that is not uint8, a text without a token, or a network that does not
            answer about such examples.
    """
    spec = predictor.spec
    if spec.layout == "tokens":
        require_text_classes(spec)
        stored = read_texts(examples, spec).tokens if len(examples) else None  # type: ignore[arg-type]
    else:
        require_images(spec)
        stored = _stored_images(examples, spec)
    answers = np.zeros((0, spec.num_outputs), np.float32) if stored is None else predictor.answers_of(stored)
    return with_names(predictor.config, answers)


def with_names(config: NetworkConfig, answers: np.ndarray) -> dict[str, Any]:
    """Outputs with the names of their classes.

    Args:
        config: config of the network.
        answers: probabilities float32 (N, K), or numbers float32 (N, O).

    Returns:
        "label" and "probabilities"; "labels" in place of "label" where an example may have several; or "values".
    """
    classes = config.spec.classes
    if not classes:
        return {"values": answers}
    if config.spec.multilabel:
        return {"labels": labels_of(config, answers), "probabilities": answers}
    return {"label": [classes[k] for k in answers.argmax(axis=1)], "probabilities": answers}


def labels_of(config: NetworkConfig, probabilities_NK: np.ndarray) -> list[list[str]]:
    """The classes that examples have by the thresholds of the bundle, where each may have several or none.

    Args:
        config: config of the network.
        probabilities_NK: float.

    Returns:
        A list of names for each example, in the order of ``spec.classes``.
    """
    found_NK = found_classes(probabilities_NK, config.thresholds)
    return [[config.spec.classes[k] for k in np.flatnonzero(found_K)] for found_K in found_NK]


def prepare(image: np.ndarray, spec: Spec) -> np.ndarray:
    """Bring one image, (H, W[, C]), to what a network takes, uint8 (H, W, C), as preprocess does.

    It is uint8 or, where the training data held more than 8 bits, uint16, int32 or float32, scaled as those were.
    """
    height, width, channels = spec.shape
    if spec.value_range and image.dtype in (np.uint16, np.int32, np.float32):
        sides = (image.shape[0], image.shape[1])
        scale = scale_of(spec.value_range, spec.ignores_file_range)
        image = scale.apply(ImageValues(image, sides))
    if spec.is_padded:
        return prepare_line(image, (height, width, channels))
    return prepare_image(image, (height, width), channels, spec.fit)


def _stored_images(images: Any, spec: Spec) -> np.ndarray | None:
    if isinstance(images, np.ndarray) and images.ndim == 3 and images.shape[2] in (1, 3):
        raise UserError(f"images {images.shape} must be several: for a single one, pass image[None]")
    if isinstance(images, str) or any(isinstance(image, str) for image in images):
        raise UserError("images must be arrays of pixels, uint8, but text was given: the network classifies images")
    prepared = [prepare(np.asarray(image), spec) for image in images]
    return np.stack(prepared) if prepared else None

"""Classifying image files by their paths: decoded ahead by threads, answered batch by batch, nothing kept.

Shapes: K classes.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from saccade.core.errors import UserError
from saccade.kinds.image.new_examples import BATCH_SIZE, decode_ahead, find_images
from saccade.predict.any_predictor import AnyPredictor

__all__ = ["BATCH_SIZE", "classify_files", "find_images"]


def classify_files(
    predictor: AnyPredictor, paths: Sequence[str], *, batch_size: int = BATCH_SIZE, threads: int | None = None
) -> Iterator[tuple[str, np.ndarray | UserError]]:
    """Classify image files. While one batch is answered, the next is decoded; no more are read ahead.

    Args:
        predictor: network that classifies images.
        paths: files.
        batch_size: images at once; changes nothing but speed and memory.
        threads: how many decode; None takes one a core.

    Yields:
        Each path, in order, with its probabilities float32 (K,) in the order of ``predictor.spec.classes``, or with
        what is wrong with the file; that message goes on after the file's name.

    Raises:
        UserError: the network does not classify images.
    """
    predictor.require_image_classes()
    for batch in decode_ahead(predictor.spec, paths, batch_size=batch_size, threads=threads):
        images = [image for _, image in batch if isinstance(image, np.ndarray)]
        answers_BK = iter(predictor.answers_of(np.stack(images)) if images else ())
        for path, image in batch:
            yield path, image if isinstance(image, UserError) else next(answers_BK)

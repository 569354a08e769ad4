"""Settings for labelled texts that nobody has tuned anything for: from how many there are, and what a token is.

On surnames and on film reviews no network was above a bag of n-grams (docs/log.md), so it is what is recommended;
counts and the time there is decide how long it trains, and among how many buckets its n-grams are spread.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from saccade.core.errors import UserError
from saccade.core.messages import pluralise
from saccade.kinds import Means, Recommendation
from saccade.prepare.split_settings import SplitSettings
from saccade.readers.examples import TextExamples

EPOCHS = 5  # later ones learn by heart
FEWEST_UPDATES = 220  # of a training: what 1,400 reviews take; fewer leave the weights near where they begin
MOST_EPOCHS = 40
UNEVEN = 3  # times the smallest class that the largest one has; on surnames weights then gave each class a recall of
# 0.594 in the mean, none 0.571, at an accuracy of 0.614, none 0.627
MANY_TEXTS = 20_000  # for training, from which on batches and buckets are more
BUCKETS, MORE_BUCKETS, FEWEST_BUCKETS = 2**17, 2**19, 2**14
MOST_WEIGHTS = 4_000_000  # buckets x classes: every update touches all of them
UPDATE_S, WEIGHT_S = 0.012, 8e-9  # seconds of an update on a core, and of a weight in it


def recommended(
    examples: TextExamples, preprocess: Mapping[str, Any], split: SplitSettings, means: Means
) -> Recommendation:
    """Settings for labelled texts.

    Args:
        examples: texts of a source.
        preprocess: block of the dataset, which stays as it is.
        split: how they will be divided.
        means: what a training may cost.

    Returns:
        Plain settings, each with its reason.

    Raises:
        UserError: there are no texts.
    """
    if len(examples.labels) == 0:
        raise UserError("nothing can be recommended for a dataset without texts")
    train_texts = split.train_count(len(examples.labels), examples.published_splits)
    K = len(examples.classes)
    is_many = train_texts >= MANY_TEXTS
    buckets = MORE_BUCKETS if is_many else BUCKETS
    while buckets * K > MOST_WEIGHTS and buckets > FEWEST_BUCKETS:
        buckets //= 2
    batch_size = 128 if is_many else 32
    updates = math.ceil(train_texts / batch_size)
    affordable = int(60 * means.minutes / (updates * (UPDATE_S + WEIGHT_S * buckets * K)))
    wanted = min(MOST_EPOCHS, max(EPOCHS, math.ceil(FEWEST_UPDATES / updates)))
    epochs = max(1, min(wanted, affordable))
    counts = np.bincount(examples.labels, minlength=K)
    is_uneven = counts.max() >= UNEVEN * max(1, counts.min())
    is_words = preprocess.get("unit") == "words"
    count = pluralise(train_texts, "text")
    why_epochs = f"{count} for training; later epochs learn by heart" if epochs >= EPOCHS else "what the time allows"
    if epochs > EPOCHS:
        why_epochs = f"{count} for training: fewer epochs would leave the weights near where they begin"
    return Recommendation(
        summary=f"a bag of n-grams for {pluralise(epochs, 'epoch')}",
        preprocess=preprocess,
        augment={"views": 0},
        model={"name": "bag_of_ngrams", "buckets": buckets},
        train={
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer": {"name": "adam", "lr": 0.05},
            "schedule": {"name": "one_cycle"},
            **({"class_weights": "effective"} if is_uneven else {}),
        },
        reasons={
            "model": f"runs of 1 to {2 if is_words else 5} {'words' if is_words else 'characters'} in a linear layer: "
            "no network that reads in order was above it on a few thousand texts",
            "train.epochs": why_epochs,
            **({"train.class_weights": _why_weights(counts)} if is_uneven else {}),
        },
    )


def ngrams_baseline_run(preprocess: Mapping[str, Any]) -> Recommendation:
    """A linear layer on runs of tokens, whatever the number of texts.

    Args:
        preprocess: block of the dataset, which stays as it is.

    Returns:
        Plain settings.
    """
    return Recommendation(
        summary="what a linear model on runs of characters or words gets",
        preprocess=preprocess,
        augment={"views": 0},
        model={"name": "bag_of_ngrams"},
        train={
            "epochs": 2 * EPOCHS,
            "batch_size": 32,
            "optimizer": {"name": "adam", "lr": 0.05},
            "schedule": {"name": "one_cycle"},
            "keep": "best",
        },
    )


def _why_weights(counts: np.ndarray) -> str:
    return f"the largest class has {counts.max():,} texts, the smallest {counts.min():,}: rare ones count more"

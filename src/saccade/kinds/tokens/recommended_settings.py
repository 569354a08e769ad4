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
from saccade.data.imbalance import count_classes, is_strongly_imbalanced
from saccade.kinds import Recommendation, Resources
from saccade.kinds.tokens.text.tokenizer import Unit, cut, normalise
from saccade.prepare.split_settings import SplitSettings
from saccade.readers.examples import TextExamples, TextStream

EPOCHS = 5  # later ones learn by heart
MIN_UPDATES = 220  # of a training: what 1,400 reviews take; fewer leave the weights near where they begin
MAX_EPOCHS = 40
MANY_TEXTS = 20_000  # for training, from which on batches and buckets are more
BUCKETS, MORE_BUCKETS, MIN_BUCKETS = 2**17, 2**19, 2**14
MAX_WEIGHTS = 4_000_000  # buckets x classes: every update touches all of them
LOOKED_AT = 2_000  # texts, spread over all, whose words are counted
MIN_WORDS = 4  # of a text in the mean, from which on words are its tokens
MAX_TOKENS = 1_000
LETTERS_PER_S = 28_000.0  # of an LSTM of 256 units on one core; of half as many units twice that
GPU_SPEED = 20.0  # times that of a core
TEXT_UPDATES, MAX_TEXT_EPOCHS = 1_500, 100  # what a million letters of Shakespeare took
UPDATE_S, WEIGHT_S = 0.012, 8e-9  # seconds of an update on a core, and of a weight in it


def recommended(
    examples: TextExamples, preprocess: Mapping[str, Any], split: SplitSettings, resources: Resources
) -> Recommendation:
    """Settings for labelled texts.

    Args:
        examples: texts of a source.
        preprocess: block of the dataset, which stays as it is; what it lacks of unit and max_length is decided.
        split: how they will be divided.
        resources: what a training may cost.

    Returns:
        Plain settings, each with its reason.

    Raises:
        UserError: there are no texts.
    """
    if len(examples.labels) == 0:
        raise UserError("nothing can be recommended for a dataset without texts")
    why_preprocess: dict[str, str] = {}
    if "unit" not in preprocess or "max_length" not in preprocess:
        decided, why_preprocess = _unit_and_length(examples)
        preprocess = decided | dict(preprocess)
    train_texts = split.train_count(len(examples.labels), examples.published_splits)
    K = len(examples.classes)
    is_many = train_texts >= MANY_TEXTS
    buckets = MORE_BUCKETS if is_many else BUCKETS
    while buckets * K > MAX_WEIGHTS and buckets > MIN_BUCKETS:
        buckets //= 2
    batch_size = 128 if is_many else 32
    updates = math.ceil(train_texts / batch_size)
    affordable = int(60 * resources.minutes / (updates * (UPDATE_S + WEIGHT_S * buckets * K)))
    wanted = min(MAX_EPOCHS, max(EPOCHS, math.ceil(MIN_UPDATES / updates)))
    epochs = max(1, min(wanted, affordable))
    counts = count_classes(examples.labels, K)
    is_imbalanced = is_strongly_imbalanced(counts.tolist())
    is_words = preprocess.get("unit") == "words"
    count = pluralise(train_texts, "text")
    why_epochs = f"{count} for training; later epochs learn by heart" if epochs >= EPOCHS else "what the time allows"
    if epochs > EPOCHS:
        why_epochs = f"{count} for training: fewer epochs would leave the weights near where they begin"
    return Recommendation(
        summary=f"a bag of n-grams for {pluralise(epochs, 'epoch')}",
        preprocess=dict(preprocess),
        augment={"views": 0},
        model={"name": "bag_of_ngrams", "buckets": buckets},
        train={
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer": {"name": "adam", "lr": 0.05},
            "schedule": {"name": "one_cycle"},
            **({"class_weights": "effective"} if is_imbalanced else {}),
        },
        reasons={
            "model": f"runs of 1 to {2 if is_words else 5} {'words' if is_words else 'characters'} in a linear layer: "
            "no network that reads in order was above it on a few thousand texts",
            "train.epochs": why_epochs,
            **({"train.class_weights": _why_weights(counts)} if is_imbalanced else {}),
            **why_preprocess,
        },
        minutes=epochs * updates * (UPDATE_S + WEIGHT_S * buckets * K) / 60,
    )


def _unit_and_length(examples: TextExamples) -> tuple[dict[str, Any], dict[str, str]]:
    """Words where texts have some, else characters; as many as all but a hundredth of the texts have."""
    N = len(examples.labels)
    some = [examples.texts[int(row)] for row in np.unique(np.linspace(0, N - 1, min(N, LOOKED_AT)).astype(int))]
    words = [len(text.split()) for text in some]
    is_words = float(np.mean(words)) >= MIN_WORDS
    unit: Unit = "words" if is_words else "characters"
    lengths = [len(cut(normalise(text), unit)) for text in some]  # punctuation is tokens of its own
    longest = int(np.quantile(lengths, 0.99)) + 1
    max_length = min(MAX_TOKENS, max(8, math.ceil(longest / 10) * 10))
    what = "words and signs" if is_words else "characters"
    reasons = {
        "preprocess.unit": f"a text has {np.mean(words):,.1f} words in the mean",
        "preprocess.max_length": f"one text in a hundred is longer than {longest:,} {what}"
        if max_length >= longest
        else f"what comes later is cut off: one text in a hundred is longer than {longest:,} {what}",
    }
    return {"unit": unit, "max_length": max_length, **({"lower_case": True} if is_words else {})}, reasons


def recommended_for_long_text(
    examples: TextStream, preprocess: Mapping[str, Any], split: SplitSettings, resources: Resources
) -> Recommendation:
    """Settings for one long text: an LSTM that reads letters, as large as the text deserves and the time allows.

    Args:
        examples: text of a source.
        preprocess: block of the dataset, which stays as it is; what it lacks of unit and length is decided.
        split: how the text will be cut.
        resources: what a training may cost.

    Returns:
        Plain settings, each with its reason.
    """
    characters = sum(map(len, examples.pieces))
    shares = 0.0 if split.overfit else float(split.test) + split.validation
    least = characters if split.overfit else int(characters * min(float(split.test), split.validation))
    length = max(2, min(128, (characters - 1) if split.overfit else least // 2))
    decided: dict[str, Any] = {"unit": "characters", "length": length} | dict(preprocess)
    length = int(decided["length"])
    train_tokens = characters * (1 - shares)
    hidden_size = next(
        size for size, fewest in ((256, 300_000), (128, 30_000), (64, 3_000), (32, 0)) if characters >= fewest
    )
    windows = max(1, int(train_tokens / length))
    batch_size = max(1, min(32, windows // 20))
    updates = math.ceil(windows / batch_size)
    epoch_s = train_tokens / (LETTERS_PER_S * (256 / hidden_size)) / (GPU_SPEED if resources.has_gpu else 1)
    wanted = min(MAX_TEXT_EPOCHS, max(6, math.ceil(TEXT_UPDATES / updates)))
    epochs = max(1, min(wanted, int(60 * resources.minutes / epoch_s)))
    return Recommendation(
        summary=f"an LSTM of {hidden_size} units, letter by letter, for {pluralise(epochs, 'epoch')}",
        preprocess=decided,
        augment={"views": 0},
        model={"name": "lstm", "hidden_size": hidden_size, "embedding_size": min(64, hidden_size)},
        train={
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer": {"name": "adam", "lr": 0.004},
            "schedule": {"name": "one_cycle"},
            "clip_norm": 1.0,
            "keep": "best",
        },
        reasons={
            "model": f"{characters:,} characters: more units would learn a shorter text by heart",
            "preprocess.length": "letters that are read in one go",
            "train.epochs": f"{epochs * updates:,} updates"
            if epochs == wanted
            else f"what {resources.minutes:g} minutes allow",
        },
        minutes=epochs * epoch_s / 60,
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

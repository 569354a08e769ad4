"""What own_data.py compares: the recipes as they were, files of settings, and what evaluate measures beside them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

BLOCKS = ("preprocess", "augment", "model", "train", "evaluate")
BESIDE = {"baseline": "baseline_", "features": "baseline_features_"}

BEFORE: dict[str, dict[str, Any]] = {  # the recipes' blocks, as they were
    "own-pictures": {
        "preprocess": {"size": [64, 64], "channels": 3, "fit": "pad"},
        "augment": {
            "views": 8,
            "transforms": [
                {"name": "HorizontalFlip", "p": 0.5},
                {
                    "name": "Affine",
                    "rotate": [-10, 10],
                    "translate_percent": [-0.06, 0.06],
                    "scale": [0.9, 1.1],
                    "p": 0.9,
                },
                {"name": "RandomBrightnessContrast", "brightness_limit": 0.2, "contrast_limit": 0.2, "p": 0.5},
            ],
        },
        "model": {"name": "resnet9", "width": 16},
        "train": {
            "epochs": 24,
            "batch_size": 32,
            "optimizer": {"name": "adamw", "lr": 0.003, "weight_decay": 0.02},
            "schedule": {"name": "one_cycle"},
            "class_weights": "inverse",
        },
        "evaluate": {"top_k": [1]},
    },
    "names-lstm": {
        "preprocess": {"unit": "characters", "max_length": 40},
        "augment": {"views": 0},
        "model": {
            "name": "lstm",
            "hidden_size": 128,
            "num_layers": 2,
            "bidirectional": True,
            "embedding_size": 32,
            "dropout": 0.5,
        },
        "train": {
            "epochs": 10,
            "batch_size": 64,
            "label_smoothing": 0.1,
            "ema_decay": 0.995,
            "optimizer": {"name": "adam", "lr": 0.004},
            "schedule": {"name": "one_cycle"},
            "clip_norm": 1.0,
        },
        "evaluate": {"top_k": [1]},
    },
    "reviews-lstm": {
        "preprocess": {"unit": "words", "max_length": 1000, "max_vocabulary": 10000, "lower_case": True},
        "augment": {"views": 0},
        "model": {
            "name": "lstm",
            "hidden_size": 64,
            "embedding_size": 64,
            "bidirectional": True,
            "pool": "mean",
            "dropout": 0.5,
        },
        "train": {
            "epochs": 6,
            "batch_size": 32,
            "optimizer": {"name": "adam", "lr": 0.003},
            "schedule": {"name": "one_cycle"},
            "clip_norm": 1.0,
        },
        "evaluate": {},
    },
    "sunspots-lstm": {
        "preprocess": {},  # window and horizon are the set's
        "augment": {"views": 0},
        "model": {"name": "lstm", "hidden_size": 64, "from_last": True},
        "train": {
            "epochs": 20,
            "batch_size": 64,
            "optimizer": {"name": "adam", "lr": 0.004},
            "schedule": {"name": "one_cycle"},
            "loss": "mae",
            "clip_norm": 1.0,
        },
        "evaluate": {},
    },
}


def methods_of(asked: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Settings of each method that trains, in the order asked for; a baseline alone is measured beside ``before``.

    Raises:
        SystemExit: a method is none, or a file has other keys than blocks.
    """
    methods: dict[str, dict[str, Any]] = {}
    for text in asked:
        name, _, file = text.partition("=")
        if text in BESIDE:
            continue
        if text in ("before", "auto"):
            methods[text] = {}
        elif not file or name in (*BESIDE, "before", "auto"):
            known = ", ".join((*BESIDE, "before", "auto"))
            raise SystemExit(f"--methods ({text}) must be one of {known}, or NAME=FILE.yaml with another name")
        else:
            settings = YAML(typ="safe").load(Path(file).read_text(encoding="utf-8"))
            if not isinstance(settings, dict) or not settings.keys() <= {*BLOCKS, "for"}:
                raise SystemExit(f"{file} must hold blocks of {', '.join(BLOCKS)}, and `for`, and nothing else")
            methods[name] = {"for": "image", **settings}
    return methods or {"before": {}}

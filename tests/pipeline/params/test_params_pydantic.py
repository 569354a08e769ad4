"""What pydantic finds wrong with params.yaml, in our words and at the file's own paths."""

from pathlib import Path

import pytest
from params_helpers import changed, problems_of

TRAIN_KEYS = (
    "accumulation_steps, batch_size, checkpoint_every_s, class_weights, clip_norm, compile, cutmix, deterministic, "
    "device, early_stopping, ema_decay, ensemble, epochs, finetune, freeze, init_from, keep, label_smoothing, "
    "length_buckets, loss, mixup, optimizer, precision, processes, sampler, schedule, seed, threads"
)

ONE_PROBLEM = {
    # unknown and missing keys
    "unknown key, nearest": (
        ("      epochs: 3\n", "      epochs: 3\n      sede: 1\n"),
        "line 19: runs.cnn.train.sede: unknown key; did you mean 'seed'?",
    ),
    "unknown key, nothing near": (
        ("      epochs: 3\n", "      epochs: 3\n      xyzzy: 1\n"),
        f"line 19: runs.cnn.train.xyzzy: unknown key; known: {TRAIN_KEYS}",
    ),
    "unknown key at the top": (
        ("runs:\n", "modles: {}\nruns:\n"),
        "line 12: modles: unknown key; known: datasets, runs, seed, tracking",
    ),
    "unknown key in an optimizer": (
        ("{name: adam, lr: 0.004}", "{name: adam, lr: 0.004, beta: [0.9, 0.99]}"),
        "line 20: runs.cnn.train.optimizer.beta: unknown key; did you mean 'betas'?",
    ),
    "missing block": (("    split: {test: 0.15}\n", ""), "line 4: datasets.toy.split: missing; it is required"),
    "missing block at the top": (("tracking: {experiment: test}\n", ""), "tracking: missing; it is required"),
    "empty block": (
        ("split: {test: 0.15}", "split:"),
        "line 6: datasets.toy.split: nothing: must be keys with values",
    ),
    "word for a block": (
        ("model: {name: lenet5}", "model: lenet5"),
        "line 16: runs.cnn.model: 'lenet5': must be keys with values",
    ),
    "word for a run": (
        ("  rnn:\n", "  other: hello\n  rnn:\n"),
        "line 23: runs.other: 'hello': must be keys with values",
    ),
    "no name": (("{name: lenet5}", "{padding: 2}"), "line 16: runs.cnn.model.name: missing; it is required"),
    # types and ranges
    "string for int": (("epochs: 3", "epochs: '3'"), "line 18: runs.cnn.train.epochs: '3': must be a valid integer"),
    "bool for int": (("epochs: 3", "epochs: true"), "line 18: runs.cnn.train.epochs: True: must be a valid integer"),
    "float for int": (("epochs: 3", "epochs: 3.0"), "line 18: runs.cnn.train.epochs: 3.0: must be a valid integer"),
    "int for text": (("dataset: toy", "dataset: 3"), "line 14: runs.cnn.dataset: 3: must be a valid string"),
    "list for text": (("dataset: toy", "dataset: [toy]"), "line 14: runs.cnn.dataset: ['toy']: must be a valid string"),
    "below the range": (
        ("lr: 0.004", "lr: -0.1"),
        "line 20: runs.cnn.train.optimizer.lr: -0.1: must be greater than 0",
    ),
    "no mistake allowed": (
        ("top_k", "reject: {max_error: 0}, top_k"),
        "line 22: runs.cnn.evaluate.reject.max_error: 0: must be greater than 0",
    ),
    "more than all wrong": (
        ("top_k", "reject: {max_error: 1.5}, top_k"),
        "line 22: runs.cnn.evaluate.reject.max_error: 1.5: must be less than 1",
    ),
    "zero epochs": (
        ("epochs: 3", "epochs: 0"),
        "line 18: runs.cnn.train.epochs: 0: must be greater than or equal to 1",
    ),
    "above the range": (
        ("test: 0.15", "test: 0.15, train_fraction: 1.5"),
        "line 6: datasets.toy.split.train_fraction: 1.5: must be less than or equal to 1",
    ),
    "share or word": (
        ("test: 0.15", "test: givn"),
        "line 6: datasets.toy.split.test: 'givn': must be 'given'; or 'givn': must be a valid number",
    ),
    "no validation": (
        ("test: 0.15", "test: 0.15, validation: 0"),
        "line 6: datasets.toy.split.validation: 0: must be greater than 0",
    ),
    "nothing left for training": (
        ("test: 0.15", "test: 0.6, validation: 0.5"),
        "line 6: datasets.toy.split: test + validation (1.1) must be below 1: nothing is left to train on",
    ),
    "inside a list": (
        ("[32, 24]", "[32, 0]"),
        "line 7: datasets.toy.preprocess.size.1: 0: must be greater than or equal to 1",
    ),
    "list too short": (("[32, 24]", "[32]"), "line 7: datasets.toy.preprocess.size: [32]: must hold 2 values, not 1"),
    "list too long": (
        ("[32, 24]", "[32, 24, 3]"),
        "line 7: datasets.toy.preprocess.size: [32, 24, 3]: must hold 2 values, not 3",
    ),
    "choice": (("channels: 1", "channels: 2"), "line 7: datasets.toy.preprocess.channels: 2: must be 1 or 3"),
    "device": (
        ("      epochs: 3\n", "      epochs: 3\n      device: gpu\n"),
        "line 19: runs.cnn.train.device: 'gpu': must be auto, cpu, cuda, cuda:1 or mps",
    ),
    "unknown loss": (
        ("      epochs: 3\n", "      epochs: 3\n      loss: hinge\n"),
        "line 19: runs.cnn.train.loss: classify knows cross_entropy, mse and binary_cross_entropy, not 'hinge'",
    ),
    "labels smoothed to nothing": (
        ("      epochs: 3\n", "      epochs: 3\n      label_smoothing: 1\n"),
        "line 19: runs.cnn.train.label_smoothing: 1: must be less than 1",
    ),
    "patience for nothing": (
        ("      epochs: 3\n", "      epochs: 3\n      early_stopping: {patience: 0}\n"),
        "line 19: runs.cnn.train.early_stopping.patience: 0: must be greater than or equal to 1",
    ),
    "a misspelt patience": (
        ("      epochs: 3\n", "      epochs: 3\n      early_stopping: {patience: 2, min_delt: 0.1}\n"),
        "line 19: runs.cnn.train.early_stopping.min_delt: unknown key; did you mean 'min_delta'?",
    ),
    "a number for early stopping": (
        ("      epochs: 3\n", "      epochs: 3\n      early_stopping: 5\n"),
        "line 19: runs.cnn.train.early_stopping: 5: must be keys with values",
    ),
    "weights of no epoch": (
        ("      epochs: 3\n", "      epochs: 3\n      keep: first\n"),
        "line 19: runs.cnn.train.keep: 'first': must be 'last' or 'best'",
    ),
    "mixup of nothing": (
        ("      epochs: 3\n", "      epochs: 3\n      mixup: 0\n"),
        "line 19: runs.cnn.train.mixup: 0: must be greater than 0",
    ),
    "mixup is no switch": (
        ("      epochs: 3\n", "      epochs: 3\n      mixup: true\n"),
        "line 19: runs.cnn.train.mixup: True: must be a valid number",
    ),
    "cutmix out of range": (
        ("      epochs: 3\n", "      epochs: 3\n      cutmix: 1e9\n"),
        "line 19: runs.cnn.train.cutmix: 1000000000.0: must be less than or equal to 1000",
    ),
    "views of the image alone": (
        ("{top_k: [1, 5]}", "{top_k: [1, 5], tta: 1}"),
        "line 22: runs.cnn.evaluate.tta: 1: must be greater than or equal to 2",
    ),
    "name of another type": (
        ("{name: lenet5}", "{name: [a]}"),
        "line 16: runs.cnn.model.name: ['a']: must be a valid string",
    ),
    # optimizers and schedules
    "an option of another optimizer": (
        ("{name: adam, lr: 0.004}", "{name: rmsprop, lr: 0.004, nesterov: true}"),
        "line 20: runs.cnn.train.optimizer.nesterov: unknown key; did you mean 'centered'?",
    ),
    "a decay of everything": (
        ("{name: adam, lr: 0.004}", "{name: rmsprop, lr: 0.004, alpha: 1.0}"),
        "line 20: runs.cnn.train.optimizer.alpha: 1.0: must be less than 1",
    ),
    "unknown optimizer": (
        ("{name: adam,", "{name: adamm,"),
        "line 20: runs.cnn.train.optimizer.name: 'adamm' is not known; did you mean 'adam'?",
    ),
    "unknown schedule": (
        ("{name: one_cycle}", "{name: onecycle}"),
        "line 21: runs.cnn.train.schedule.name: 'onecycle' is not known; did you mean 'one_cycle'?",
    ),
    "optimizer without a name": (
        ("{name: adam, lr", "{lr"),
        "line 20: runs.cnn.train.optimizer.name: missing; it is required",
    ),
    "nesterov without momentum": (
        ("{name: adam, lr: 0.004}", "{name: sgd, lr: 0.1, nesterov: true}"),
        "line 20: runs.cnn.train.optimizer: nesterov (true) needs a momentum above 0: set momentum: 0.9, "
        "or leave nesterov out",
    ),
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_one_problem(name: str, tmp_path: Path) -> None:
    replacement, message = ONE_PROBLEM[name]
    assert problems_of(changed(replacement), tmp_path) == [message]

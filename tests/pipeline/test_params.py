"""params.yaml: what is wrong with it is told at once, each with its line, its path, the value and the remedy."""

import re
import shutil
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from pipeline import params
from pipeline.params import ParamsError
from saccade import registry

ROOT = Path(__file__).resolve().parents[2]

GOOD = """\
seed: 0
tracking: {experiment: test}
datasets:
  toy:
    source: {name: digits}
    split: {test: 0.15}
    preprocess: {size: [32, 24], channels: 1}
    augment:
      views: 2
      transforms:
        - {name: Affine, rotate: [-10, 10], p: 0.5}
runs:
  cnn:
    dataset: toy
    task: {name: classify}
    model: {name: lenet5}
    train:
      epochs: 3
      batch_size: 64
      optimizer: {name: adam, lr: 0.004}
      schedule: {name: one_cycle}
    evaluate: {top_k: [1, 5]}
  rnn:
    dataset: toy
    task: {name: classify}
    model: {name: lstm, hidden_size: 16}
    train:
      epochs: 3
      batch_size: 64
      optimizer: {name: sgd, lr: 1e-3, momentum: 0.9}
    evaluate: {}
"""


def changed(*replacements: tuple[str, str]) -> str:
    text = GOOD
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def problems_of(text: str | bytes, folder: Path) -> list[str]:
    path = folder / "params.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ParamsError) as caught:
        params.load(path)
    header, *problems = str(caught.value).splitlines()
    assert header == f"{path} has {'a problem' if len(problems) == 1 else f'{len(problems)} problems'}:"
    return [problem.removeprefix("  ") for problem in problems]


def loaded(text: str, folder: Path) -> params.Params:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return params.load(path)


TRAIN_KEYS = (
    "accumulation_steps, batch_size, checkpoint_every_s, class_weights, clip_norm, compile, cutmix, deterministic, "
    "device, ema_decay, epochs, freeze, init_from, loss, mixup, optimizer, precision, processes, sampler, schedule, "
    "seed, threads"
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
    # types and ranges
    "string for int": (("epochs: 3", "epochs: '3'"), "line 18: runs.cnn.train.epochs: '3': must be a valid integer"),
    "bool for int": (("epochs: 3", "epochs: true"), "line 18: runs.cnn.train.epochs: True: must be a valid integer"),
    "float for int": (("epochs: 3", "epochs: 3.0"), "line 18: runs.cnn.train.epochs: 3.0: must be a valid integer"),
    "int for text": (("dataset: toy", "dataset: 3"), "line 14: runs.cnn.dataset: 3: must be a valid string"),
    "list for text": (("dataset: toy", "dataset: [toy]"), "line 14: runs.cnn.dataset: ['toy']: must be a valid string"),
    "nan": (("lr: 0.004", "lr: .nan"), "line 20: runs.cnn.train.optimizer.lr: nan: must be a finite number"),
    "infinity": (("lr: 0.004", "lr: -.inf"), "line 20: runs.cnn.train.optimizer.lr: -inf: must be a finite number"),
    "nan in a transform": (
        ("p: 0.5", "p: .nan"),
        "line 11: datasets.toy.augment.transforms.0.p: nan: must be a finite number",
    ),
    "date in a transform": (
        ("p: 0.5", "p: 2020-01-01"),
        "line 11: datasets.toy.augment.transforms.0.p: 2020-01-01: must be a number, text, true, false or null; "
        "quotes make it text",
    ),
    "below the range": (
        ("lr: 0.004", "lr: -0.1"),
        "line 20: runs.cnn.train.optimizer.lr: -0.1: must be greater than 0",
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
        "line 19: runs.cnn.train.loss: 'hinge': must be 'auto', 'cross_entropy', 'mse' or 'mae'; "
        "or classify knows cross_entropy and mse, not 'hinge'",
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
    "views by no transforms": (
        (
            "views: 2\n      transforms:\n        - {name: Affine, rotate: [-10, 10], p: 0.5}\n"
            + GOOD[GOOD.index("runs:") : GOOD.index("top_k")],
            "views: 0\n\n\n" + GOOD[GOOD.index("runs:") : GOOD.index("top_k")] + "tta: 4, ",
        ),
        "line 22: runs.cnn.evaluate.tta: views are made by the transforms of toy, which has none: leave tta out, "
        "or add some",
    ),
    # names of the library
    "unknown dataset": (
        ("dataset: toy", "dataset: tony"),
        "line 14: runs.cnn.dataset: no dataset is called 'tony'; did you mean 'toy'?",
    ),
    "unknown model": (
        ("{name: lenet5}", "{name: lenet}"),
        "line 16: runs.cnn.model.name: 'lenet' is not known; did you mean 'lenet5'?",
    ),
    "unknown task": (
        ("{name: classify}", "{name: clasify}"),
        "line 15: runs.cnn.task.name: 'clasify' is not known; did you mean 'classify'?",
    ),
    "unknown source": (
        ("{name: digits}", "{name: digts}"),
        "line 5: datasets.toy.source.name: 'digts' is not known; did you mean 'digits'?",
    ),
    "no name": (("{name: lenet5}", "{padding: 2}"), "line 16: runs.cnn.model.name: missing; it is required"),
    "name of another type": (
        ("{name: lenet5}", "{name: [a]}"),
        "line 16: runs.cnn.model.name: ['a']: must be a valid string",
    ),
    "unknown model argument": (
        ("{name: lenet5}", "{name: lenet5, paddin: 2}"),
        "line 16: runs.cnn.model.paddin: lenet5 takes no 'paddin'; did you mean 'padding'?",
    ),
    "what build takes by place is no argument": (
        ("{name: lenet5}", "{name: lenet5, spec: 2}"),
        "line 16: runs.cnn.model.spec: lenet5 takes no 'spec'; known: activation, dropout, form, normalisation, "
        "padding, pooling",
    ),
    "model argument of another type": (
        ("{name: lenet5}", "{name: lenet5, padding: two}"),
        "line 16: runs.cnn.model.padding: 'two': must be a valid integer",
    ),
    "bool for a model's int": (
        ("hidden_size: 16", "hidden_size: true"),
        "line 26: runs.rnn.model.hidden_size: True: must be a valid integer",
    ),
    "model argument out of range": (
        ("{name: lenet5}", "{name: lenet5, dropout: 1.0}"),
        "line 16: runs.cnn.model.dropout: 1.0: must be less than 1",
    ),
    "model argument nan": (
        ("{name: lenet5}", "{name: lenet5, dropout: .nan}"),
        "line 16: runs.cnn.model.dropout: nan: must be a finite number",
    ),
    "model argument not among the choices": (
        ("{name: lenet5}", "{name: lenet5, pooling: avg}"),
        "line 16: runs.cnn.model.pooling: 'avg': must be 'max', 'average', 'overlapping' or 'depth'",
    ),
    "unknown source argument": (
        ("{name: digits}", "{name: mnist, miror: /data}"),
        "line 5: datasets.toy.source.miror: mnist takes no 'miror'; did you mean 'mirror'?",
    ),
    "argument for a source without any": (
        ("{name: digits}", "{name: digits, mirror: /data}"),
        "line 5: datasets.toy.source.mirror: digits takes no 'mirror'; it takes no arguments",
    ),
    "a progress callback is no argument": (
        ("{name: digits}", "{name: mnist, progress: 1}"),
        "line 5: datasets.toy.source.progress: mnist takes no 'progress'; known: mirror",
    ),
    "argument for a task": (
        ("{name: classify}", "{name: classify, k: 3}"),
        "line 15: runs.cnn.task.k: classify takes no 'k'; it takes no arguments",
    ),
    # transforms
    "unknown transform": (
        ("{name: Affine,", "{name: Afine,"),
        "line 11: datasets.toy.augment.transforms.0.name: 'Afine' is no transform of albumentations 2.0.8; "
        "did you mean 'Affine'?",
    ),
    "unknown argument of a transform": (
        ("rotate:", "rotat:"),
        "line 11: datasets.toy.augment.transforms.0.rotat: Affine takes no 'rotat'; did you mean 'rotate'? "
        "It takes scale, translate_percent, translate_px, rotate, shear, interpolation, mask_interpolation, "
        "fit_output, keep_ratio, rotate_method, balanced_scale, border_mode, fill, fill_mask, p",
    ),
    "unknown transform inside OneOf": (
        ("{name: Affine, rotate: [-10, 10], p: 0.5}", "{name: OneOf, transforms: [{name: Blur}, {name: Blurr}]}"),
        "line 11: datasets.toy.augment.transforms.0.transforms.1.name: 'Blurr' is no transform of "
        "albumentations 2.0.8; did you mean 'Blur'?",
    ),
    "unknown argument inside OneOf inside Sequential": (
        (
            "{name: Affine, rotate: [-10, 10], p: 0.5}",
            "{name: Sequential, transforms: [{name: OneOf, transforms: [{name: Blur, blur_limits: 3}]}]}",
        ),
        "line 11: datasets.toy.augment.transforms.0.transforms.0.transforms.0.blur_limits: Blur takes no "
        "'blur_limits'; did you mean 'blur_limit'? It takes blur_limit, p",
    ),
    "a word inside OneOf": (
        ("{name: Affine, rotate: [-10, 10], p: 0.5}", "{name: OneOf, transforms: [Blur]}"),
        "line 11: datasets.toy.augment.transforms.0.transforms.0: 'Blur': must be keys with values, "
        "such as {name: Blur}",
    ),
    "no list inside OneOf": (
        ("{name: Affine, rotate: [-10, 10], p: 0.5}", "{name: OneOf, transforms: Blur}"),
        "line 11: datasets.toy.augment.transforms.0.transforms: 'Blur': must be a list of transforms",
    ),
    "OneOf of nothing": (
        ("{name: Affine, rotate: [-10, 10], p: 0.5}", "{name: OneOf, p: 1.0}"),
        "line 11: datasets.toy.augment.transforms.0.transforms: missing; OneOf chooses among the transforms it lists",
    ),
    "transform without a name": (
        ("{name: Affine, rotate", "{rotate"),
        "line 11: datasets.toy.augment.transforms.0.name: missing; it is required: one of albumentations' transforms",
    ),
    "a word for a transform": (
        ("{name: Affine, rotate: [-10, 10], p: 0.5}", "Blur"),
        "line 11: datasets.toy.augment.transforms.0: 'Blur': must be keys with values",
    ),
    "views of nothing": (
        ("\n        - {name: Affine, rotate: [-10, 10], p: 0.5}", " []"),
        "line 9: datasets.toy.augment.views: views without transforms would be plain copies; add some",
    ),
    # optimizers and schedules
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
    # names of datasets and runs
    "dot in a run's name": (
        ("  cnn:", "  cnn.1:"),
        "line 13: runs.cnn.1: the name 'cnn.1' must be letters, digits, - and _, without dots or spaces",
    ),
    "space in a run's name": (
        ("  cnn:", "  c nn:"),
        "line 13: runs.c nn: the name 'c nn' must be letters, digits, - and _, without dots or spaces",
    ),
    "a run called datasets": (
        ("  cnn:", "  datasets:"),
        "line 13: runs.datasets: a run cannot be called datasets: reports/datasets holds those of the datasets",
    ),
    "a number for a run's name": (
        ("  cnn:", "  2020:"),
        "line 13: runs.2020: the name 2020 must be text: put it in quotes",
    ),
    # YAML
    "a brace that is not closed": (
        ("{name: lenet5}", "{name: lenet5"),
        "line 17: not valid YAML: expected ',' or '}', but got ':'",
    ),
    "tab": (
        ("  toy:", "\ttoy:"),
        "line 4: not valid YAML: found character '\\t' that cannot start any token",
    ),
    "duplicate key": (
        ("      batch_size: 64\n", "      batch_size: 64\n      batch_size: 32\n"),
        'line 20: not valid YAML: found duplicate key "batch_size" with value "32" (original value: "64")',
    ),
    "merge": (
        ("    train:\n", "    train:\n      <<: {seed: 1}\n"),
        "line 18: runs.cnn.train: YAML merges (<<) are not allowed: `dvc exp run -S` would silently ignore the values "
        "behind them; `saccade add --copy RUN NEW` makes a variant of a run",
    ),
    "alias of nothing": (("{name: lenet5}", "*x"), "line 16: not valid YAML: found undefined alias 'x'"),
    "alias inside what it names": (
        ("{top_k: [1, 5]}", "&x {top_k: [*x]}"),
        "line 22: runs.cnn.evaluate.top_k.0: the alias *x stands inside what it names",
    ),
    "a list for a key": (
        ("seed: 0\n", "seed: 0\n? [a]\n: 1\n"),
        "line 2: a key must be a word, not a list or a mapping",
    ),
    "another document": (("runs:\n", "---\nruns:\n"), "line 12: not valid YAML: but found another document"),
    "a Python object": (
        ("{name: lenet5}", "!!python/name:os.system {}"),
        "line 16: not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/name:os.system'",
    ),
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_one_problem(name, tmp_path):
    replacement, message = ONE_PROBLEM[name]
    assert problems_of(changed(replacement), tmp_path) == [message]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; it must hold seed, tracking, datasets and runs"),
        (b"# nothing but a comment\n", "the file is empty; it must hold seed, tracking, datasets and runs"),
        (b"- a\n- b\n", "the file is a list; it must hold seed, tracking, datasets and runs"),
        ("seed: 0  # é".encode("latin-1"), "not UTF-8 text (unexpected end of data at byte 11)"),
        (b"\xff\xfes\x00", "not UTF-8 text (invalid start byte at byte 0)"),
    ],
)
def test_a_file_that_is_no_mapping(content, message, tmp_path):
    assert problems_of(content, tmp_path) == [message]


def test_a_missing_file_names_the_remedy(tmp_path):
    with pytest.raises(ParamsError, match=r"params\.yaml has a problem:\n  the file does not exist; `git checkout"):
        params.load(tmp_path / "params.yaml")


def test_every_problem_is_told_at_once_in_the_order_of_the_file(tmp_path):
    text = changed(
        ("seed: 0", "seed: -1"),
        ("{experiment: test}", "{experiment: test, uri: http://x}"),
        ("test: 0.15", "test: 0.15, order: sorted"),
        ("rotate:", "rotat:"),
        ("dataset: toy", "dataset: tox"),
        ("lr: 0.004", "lr: .inf"),
        ("  rnn:", "  r.nn:"),
        ("hidden_size: 16", "hidden_size: 0"),
    )
    problems = problems_of(text, tmp_path)
    assert [re.match(r"line (\d+): ([\w.-]+)", problem).groups() for problem in problems] == [
        ("1", "seed"),
        ("2", "tracking.uri"),
        ("6", "datasets.toy.split.order"),
        ("11", "datasets.toy.augment.transforms.0.rotat"),
        ("14", "runs.cnn.dataset"),
        ("20", "runs.cnn.train.optimizer.lr"),
        ("23", "runs.r.nn"),
        ("26", "runs.r.nn.model.hidden_size"),
    ]


AS_SERIES = (  # line numbers stay
    ("preprocess: {size: [32, 24], channels: 1}", "preprocess: {}"),
    ("views: 2\n      transforms:\n        - {name: Affine, rotate: [-10, 10], p: 0.5}\n", "views: 0\n\n\n"),
)


def test_a_model_that_does_not_take_the_dataset_s_kind(tmp_path, monkeypatch):
    library = tmp_path / "library"
    for folder in ("datasets", "models", "tasks"):
        shutil.copytree(ROOT / "src/saccade" / folder, library / folder)
    shutil.copy(ROOT / "src/saccade/layers.py", library)
    waves = 'KIND = "series"\ndef fetch(folder, *, rate: int): ...\ndef read(folder): ...\n'
    (library / "datasets" / "waves.py").write_text(waves)
    monkeypatch.setattr(registry, "_HERE", library)
    registry._tree.cache_clear()
    try:
        problems = problems_of(changed(("{name: digits}", "{name: waves, rate: 2}"), *AS_SERIES), tmp_path)
        assert problems == ["line 16: runs.cnn.model: lenet5 takes image, but toy is series"]
        missing = problems_of(changed(("{name: digits}", "{name: waves}"), ("lenet5", "lstm"), *AS_SERIES), tmp_path)
        assert missing == ["line 5: datasets.toy.source.rate: missing; waves requires it"]
        (library / "datasets" / "waves.py").write_text(waves.replace("series", "tokens"))
        registry._tree.cache_clear()
        assert problems_of(changed(("{name: digits}", "{name: waves, rate: 2}"), *AS_SERIES), tmp_path) == [
            "line 15: runs.cnn.task: classify takes image or series, but toy is tokens",
            "line 16: runs.cnn.model: lenet5 takes image, but toy is tokens",
            "line 25: runs.rnn.task: classify takes image or series, but toy is tokens",
            "line 26: runs.rnn.model: lstm takes image or series, but toy is tokens",
        ]
    finally:
        registry._tree.cache_clear()


# --- what is right ----------------------------------------------------------------------------------------------------


def test_defaults_are_filled_in(tmp_path):
    whole = loaded(GOOD, tmp_path)
    split, cnn, rnn = whole.datasets["toy"].split, whole.runs["cnn"], whole.runs["rnn"]
    assert (split.test, split.validation, split.order, split.group_by, split.train_fraction, split.seed) == (
        0.15, 0.15, "random", None, 1.0, None,
    )  # fmt: skip
    assert cnn.train.optimizer_options == {
        "name": "adam", "lr": 0.004, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0,
    }  # fmt: skip
    assert cnn.train.schedule_options["warmup_fraction"] == 0.3
    assert rnn.train.schedule_options == {"name": "constant", "warmup_epochs": 0.0}
    assert (rnn.train.loss, rnn.train.device, rnn.train.threads) == ("auto", "auto", "auto")
    assert (rnn.train.clip_norm, rnn.train.deterministic) == (None, True)
    assert (rnn.evaluate.top_k, rnn.evaluate.batch_size) == ([1, 5], 512)
    assert cnn.model.arguments == {} and rnn.model.arguments == {"hidden_size": 16}
    assert whole.datasets["toy"].augment.transforms == [{"name": "Affine", "rotate": [-10, 10], "p": 0.5}]


def test_1e_3_is_a_number(tmp_path):
    assert loaded(GOOD, tmp_path).runs["rnn"].train.optimizer.lr == 0.001


def test_anchors_and_aliases_are_allowed(tmp_path):
    text = changed(("    train:\n", "    train: &training\n"))
    tail = text.index("    train:\n")
    whole = loaded(text[:tail] + "    train: *training\n    evaluate: {}\n", tmp_path)
    assert whole.runs["rnn"].train == whole.runs["cnn"].train


def test_a_quoted_number_is_a_name_and_windows_line_ends_are_fine(tmp_path):
    assert "2020" in loaded(changed(("  cnn:", "  '2020':")), tmp_path).runs
    assert loaded(GOOD.replace("\n", "\r\n"), tmp_path) == loaded(GOOD, tmp_path)


def test_what_was_loaded_cannot_be_changed(tmp_path):
    whole = loaded(GOOD, tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        whole.runs["cnn"].train.epochs = 4


def test_the_shipped_file_is_right():
    whole = params.load(ROOT / "params.yaml")
    assert whole.datasets and whole.runs


def test_every_field_has_a_description():
    def models_in(annotation: object) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation]
        return [model for part in typing.get_args(annotation) for model in models_in(part)]

    left, seen = [params.Params], set()
    while left:
        model = left.pop()
        if model in seen:
            continue
        seen.add(model)
        assert model.__doc__ and model.__doc__ != BaseModel.__doc__, model
        for name, field in model.model_fields.items():
            blocks = models_in(field.annotation)
            left += blocks
            chooses = name == "name" and typing.get_origin(field.annotation) is typing.Literal
            assert blocks or chooses or field.description, f"{model.__name__}.{name}"
    assert {"DatasetBlock", "SplitBlock", "TrainBlock", "Sgd", "OneCycle", "Named"} <= {
        model.__name__ for model in seen
    }


def test_series_have_no_size_no_channels_and_no_transforms(tmp_path):
    problems = problems_of(changed(("{name: digits}", "{name: adding}"), ("lenet5", "lstm")), tmp_path)
    assert [problem.split(": ", 1)[1] for problem in problems] == [
        "datasets.toy.preprocess.size: adding gives no images: leave size out",
        "datasets.toy.preprocess.channels: adding gives no images: leave channels out",
        "datasets.toy.augment.transforms: adding gives no images: write augment: {views: 0}",
        "runs.cnn.task: classify predicts classes, but the labels of toy are numbers",
        "runs.rnn.task: classify predicts classes, but the labels of toy are numbers",
    ]


def test_images_need_a_size_and_channels(tmp_path):
    problems = problems_of(changed(AS_SERIES[0]), tmp_path)
    assert problems == [
        "line 7: datasets.toy.preprocess.size: missing; images need it, such as size: [32, 32]",
        "line 7: datasets.toy.preprocess.channels: missing; images need it, such as channels: 1",
    ]


def test_a_loss_of_another_task(tmp_path):
    text = changed(("{name: digits}", "{name: adding}"), ("lenet5", "lstm"), *AS_SERIES).replace("classify", "regress")
    assert loaded(text, tmp_path).runs["rnn"].train.loss == "auto"
    text = text.replace("epochs: 3", "epochs: 3\n      loss: cross_entropy", 1)
    assert problems_of(text, tmp_path) == [
        "line 19: runs.cnn.train.loss: regress knows mse and mae, not 'cross_entropy'"
    ]


def test_what_only_pictures_or_classes_have_is_refused_elsewhere(tmp_path):
    text = changed(("{name: digits}", "{name: adding}"), ("lenet5", "lstm"), *AS_SERIES).replace("classify", "regress")
    text = text.replace("preprocess: {}", "preprocess: {fit: pad, on_conflict: error}", 1)
    settings = ("class_weights: inverse", "sampler: balanced", "mixup: 0.2", "cutmix: 1.0")
    text = text.replace("epochs: 3", "\n      ".join(["epochs: 3", *settings]), 1).replace(
        "evaluate: {}", "evaluate: {tta: 3}"
    )
    assert [problem.split(": ", 1)[1] for problem in problems_of(text, tmp_path)] == [
        "datasets.toy.preprocess.fit: adding gives no images: leave fit out",
        "datasets.toy.preprocess.on_conflict: adding gives no images: leave on_conflict out",
        "runs.cnn.train: class_weights (inverse) and sampler (balanced) must not both be set: rare classes would count "
        "twice. Leave class_weights out; or sampler, if each example shall be seen once an epoch",
        "runs.cnn.train.class_weights: regress predicts no classes: leave class_weights out",
        "runs.cnn.train.sampler: regress predicts no classes: leave sampler out",
        "runs.cnn.train.mixup: regress predicts no classes: leave mixup out",
        "runs.cnn.train.cutmix: regress predicts no classes: leave cutmix out",
        "runs.rnn.evaluate.tta: regress predicts no classes: leave tta out",
    ]


@pytest.mark.parametrize(("kind", "refused"), [("series", ("cutmix", "tta")), ("tokens", ("mixup", "cutmix", "tta"))])
def test_what_cannot_be_mixed_is_refused(tmp_path, monkeypatch, kind, refused):
    library = tmp_path / "library"
    for folder in ("datasets", "models", "tasks"):
        shutil.copytree(ROOT / "src/saccade" / folder, library / folder)
    shutil.copy(ROOT / "src/saccade/layers.py", library)
    (library / "datasets" / "waves.py").write_text(
        f'KIND = "{kind}"\ndef fetch(folder, *, rate: int): ...\ndef read(folder): ...\n'
    )
    monkeypatch.setattr(registry, "_HERE", library)
    registry._tree.cache_clear()
    text = changed(("{name: digits}", "{name: waves, rate: 2}"), ("lenet5", "lstm"), *AS_SERIES)
    text = text.replace("epochs: 3", "epochs: 3\n      mixup: 0.2\n      cutmix: 1.0", 1).replace(
        "top_k", "tta: 2, top_k"
    )
    takes = {"mixup": "image or series", "cutmix": "image", "tta": "image"}
    try:
        problems = [problem.split(": ", 1)[1] for problem in problems_of(text, tmp_path)]
    finally:
        registry._tree.cache_clear()
    assert [problem for problem in problems if "leave" in problem] == [
        f"runs.cnn.{'evaluate' if key == 'tta' else 'train'}.{key}: {key} takes {takes[key]}, but toy is {kind}: "
        f"leave {key} out"
        for key in refused
    ]


def test_mixing_and_views_are_off_unless_asked_for(tmp_path):
    cnn = loaded(GOOD, tmp_path).runs["cnn"]
    assert (cnn.train.mixup, cnn.train.cutmix, cnn.evaluate.tta) == (None, None, None)
    text = changed(("epochs: 3", "epochs: 3\n      mixup: 1\n      cutmix: 0.5"), ("{top_k: [1, 5]}", "{tta: 8}"))
    cnn = loaded(text, tmp_path).runs["cnn"]
    assert (cnn.train.mixup, cnn.train.cutmix, cnn.evaluate.tta) == (1.0, 0.5, 8)

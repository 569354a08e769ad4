"""What one block of params.yaml says of another, and the names that datasets and runs may have."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from params_helpers import AS_SERIES, GOOD, changed, loaded, problems_of

from saccade.core import registry

ROOT = Path(__file__).resolve().parents[3]
WITH_HEAD = [name for name in registry.names("models") if registry.constant_or("", "models", name, "HEAD")]

ONE_PROBLEM = {
    # what cannot be recorded
    "nan": (("lr: 0.004", "lr: .nan"), "line 20: runs.cnn.train.optimizer.lr: nan: must be a finite number"),
    "infinity": (("lr: 0.004", "lr: -.inf"), "line 20: runs.cnn.train.optimizer.lr: -inf: must be a finite number"),
    "nan in a transform": (
        ("p: 0.5", "p: .nan"),
        "line 11: datasets.toy.augment.transforms.0.p: nan: must be a finite number",
    ),
    "date in a transform": (
        ("p: 0.5", "p: 2020-01-01"),
        "line 11: datasets.toy.augment.transforms.0.p: YAML takes 2020-01-01 for a date, which DVC cannot record: "
        "write dates in quotes, '2020-01-01'",
    ),
    # runs and their datasets
    "unknown dataset": (
        ("dataset: toy", "dataset: tony"),
        "line 14: runs.cnn.dataset: no dataset is called 'tony'; did you mean 'toy'?",
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
    # weights from elsewhere
    "a head that the model does not name": (
        ("epochs: 3", "epochs: 3\n      freeze: backbone"),
        "line 19: runs.cnn.train.freeze: lenet5 names no HEAD to tell from the other layers; "
        f"{', '.join(WITH_HEAD)} do. Take one of these, or leave freeze out",
    ),
    "tuning what knows nothing yet": (
        (
            "{name: lenet5}\n    train:\n      epochs: 3",
            "{name: resnet18}\n    train:\n      finetune: {}\n      epochs: 4",
        ),
        "line 18: runs.cnn.train.finetune: finetune needs weights to start from: set model.pretrained or "
        "train.init_from, or leave it out",
    ),
    "no epoch left after the head's": (
        (
            "{name: lenet5}\n    train:\n      epochs: 3",
            "{name: resnet18, pretrained: imagenet}\n    train:\n      finetune: {}\n      epochs: 3",
        ),
        "line 17: runs.cnn.train: finetune.head_epochs (3) must be less than epochs (3). To train the head alone "
        "throughout, set freeze: backbone and leave finetune out",
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
    "online and nothing to make": (
        ("views: 2\n      transforms:\n        - {name: Affine, rotate: [-10, 10], p: 0.5}", "mode: online"),
        "line 9: datasets.toy.augment.mode: online without transforms would make plain copies; add some",
    ),
    "online and stored views": (
        ("      views: 2", "      mode: online\n      views: 2"),
        "line 10: datasets.toy.augment.views: mode: online makes a new view each epoch and stores none; "
        "leave views out",
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
}


@pytest.mark.parametrize("name", ONE_PROBLEM)
def test_one_problem(name: str, tmp_path: Path) -> None:
    replacement, message = ONE_PROBLEM[name]
    assert problems_of(changed(replacement), tmp_path) == [message]


@pytest.fixture
def waves_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """``waves_of(kind)``: the library now has a dataset waves of that kind, which takes a rate."""
    library = tmp_path / "library"
    for folder in ("datasets", "kinds", "models", "tasks"):
        shutil.copytree(ROOT / "src/saccade" / folder, library / folder)
    (library / "nn").mkdir()
    shutil.copy(ROOT / "src/saccade/nn/arguments.py", library / "nn")
    monkeypatch.setattr(registry, "_SACCADE", library)

    def write(kind: str) -> None:
        (library / "datasets" / "waves.py").write_text(
            f'KIND = "{kind}"\ndef fetch(folder, *, rate: int): ...\ndef read(folder): ...\n'
        )
        registry._tree.cache_clear()

    yield write
    registry._tree.cache_clear()


def test_a_model_that_does_not_take_the_dataset_s_kind(tmp_path: Path, waves_of: Callable[[str], None]) -> None:
    waves_of("series")
    problems = problems_of(changed(("{name: digits}", "{name: waves, rate: 2}"), *AS_SERIES), tmp_path)
    assert problems == ["line 16: runs.cnn.model: lenet5 takes image, but toy is series"]
    missing = problems_of(changed(("{name: digits}", "{name: waves}"), ("lenet5", "lstm"), *AS_SERIES), tmp_path)
    assert missing == ["line 5: datasets.toy.source.rate: missing; waves requires it"]
    waves_of("tokens")
    as_texts = [(old, new.replace("{}", "{unit: words, max_length: 9}")) for old, new in AS_SERIES]
    assert problems_of(changed(("{name: digits}", "{name: waves, rate: 2}"), *as_texts), tmp_path) == [
        "line 16: runs.cnn.model: lenet5 takes image, but toy is tokens",
    ]


def test_series_have_no_size_no_channels_and_no_transforms(tmp_path: Path) -> None:
    problems = problems_of(changed(("{name: digits}", "{name: adding}"), ("lenet5", "lstm")), tmp_path)
    assert [problem.split(": ", 1)[1] for problem in problems] == [
        "datasets.toy.preprocess.size: generated series take no size; leave it out",
        "datasets.toy.preprocess.channels: generated series take no channels; leave it out",
        "datasets.toy.augment.transforms: adding gives no images: write augment: {views: 0}",
        "runs.cnn.task: classify predicts classes, but the labels of toy are numbers; regress would",
        "runs.rnn.task: classify predicts classes, but the labels of toy are numbers; regress would",
    ]


def test_images_need_a_size_and_channels(tmp_path: Path) -> None:
    problems = problems_of(changed(AS_SERIES[0]), tmp_path)
    assert problems == [
        "line 7: datasets.toy.preprocess.size: missing; images need it, such as size: [32, 32]",
        "line 7: datasets.toy.preprocess.channels: missing; images need it, such as channels: 1",
    ]


def test_a_loss_of_another_task(tmp_path: Path) -> None:
    text = changed(("{name: digits}", "{name: adding}"), ("lenet5", "lstm"), *AS_SERIES).replace("classify", "regress")
    assert loaded(text, tmp_path).runs["rnn"].train.loss == "auto"
    text = text.replace("epochs: 3", "epochs: 3\n      loss: cross_entropy", 1)
    assert problems_of(text, tmp_path) == [
        "line 19: runs.cnn.train.loss: regress knows mse and mae, not 'cross_entropy'"
    ]


def test_smoothed_labels_are_for_cross_entropy_alone(tmp_path: Path) -> None:
    smoothed = ("epochs: 3", "epochs: 3\n      label_smoothing: 0.1")
    assert loaded(changed(smoothed), tmp_path).runs["cnn"].train.label_smoothing == 0.1
    assert problems_of(changed(smoothed).replace("_smoothing: 0.1", "_smoothing: 0.1\n      loss: mse"), tmp_path) == [
        "line 19: runs.cnn.train.label_smoothing: cross_entropy alone smooths labels, not mse: leave label_smoothing "
        "out"
    ]
    text = changed(("{name: digits}", "{name: adding}"), ("lenet5", "lstm"), *AS_SERIES, smoothed)
    assert problems_of(text.replace("classify", "regress"), tmp_path) == [
        "line 19: runs.cnn.train.label_smoothing: cross_entropy alone smooths labels, not mse: leave label_smoothing "
        "out"
    ]


def test_what_only_pictures_or_classes_have_is_refused_elsewhere(tmp_path: Path) -> None:
    text = changed(("{name: digits}", "{name: adding}"), ("lenet5", "lstm"), *AS_SERIES).replace("classify", "regress")
    text = text.replace("preprocess: {}", "preprocess: {fit: pad, on_conflict: error}", 1)
    settings = ("class_weights: inverse", "sampler: balanced", "mixup: 0.2", "cutmix: 1.0")
    text = text.replace("epochs: 3", "\n      ".join(["epochs: 3", *settings]), 1).replace(
        "evaluate: {}", "evaluate: {tta: 3, reject: {max_error: 0.1}}"
    )
    assert [problem.split(": ", 1)[1] for problem in problems_of(text, tmp_path)] == [
        "datasets.toy.preprocess.fit: generated series take no fit; leave it out",
        "datasets.toy.preprocess.on_conflict: generated series take no on_conflict; leave it out",
        "runs.cnn.train: class_weights (inverse) and sampler (balanced) must not both be set: rare classes would count "
        "twice. Leave class_weights out; or sampler, if each example shall be seen once an epoch",
        "runs.cnn.train.class_weights: regress predicts no classes: leave class_weights out",
        "runs.cnn.train.sampler: regress predicts no classes: leave sampler out",
        "runs.cnn.train.mixup: regress predicts no classes: leave mixup out",
        "runs.cnn.train.cutmix: regress predicts no classes: leave cutmix out",
        "runs.rnn.evaluate.tta: regress predicts no classes: leave tta out",
        "runs.rnn.evaluate.reject: regress predicts no classes: leave reject out",
    ]


@pytest.mark.parametrize(("kind", "refused"), [("series", ("cutmix", "tta")), ("tokens", ("mixup", "cutmix", "tta"))])
def test_what_cannot_be_mixed_is_refused(
    tmp_path: Path, waves_of: Callable[[str], None], kind: str, refused: tuple[str, ...]
) -> None:
    waves_of(kind)
    text = changed(("{name: digits}", "{name: waves, rate: 2}"), ("lenet5", "lstm"), *AS_SERIES)
    text = text.replace("epochs: 3", "epochs: 3\n      mixup: 0.2\n      cutmix: 1.0", 1).replace(
        "top_k", "tta: 2, top_k"
    )
    takes = {"mixup": "image or series", "cutmix": "image", "tta": "image"}
    problems = [problem.split(": ", 1)[1] for problem in problems_of(text, tmp_path)]
    assert [problem for problem in problems if "leave" in problem] == [
        f"runs.cnn.{'evaluate' if key == 'tta' else 'train'}.{key}: {key} takes {takes[key]}, but toy is {kind}: "
        f"leave {key} out"
        for key in refused
    ]

"""params.yaml: what is wrong with it is told at once, each with its line, its path, the value and the remedy."""

import re
import typing
from pathlib import Path

import pytest
from params_helpers import GOOD, changed, loaded, problems_of
from pydantic import BaseModel

from pipeline.params.load import Params, load_params

ROOT = Path(__file__).resolve().parents[3]


def test_every_problem_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
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
    assert [re.findall(r"^line (\d+): ([\w.-]+)", problem)[0] for problem in problems] == [
        ("1", "seed"),
        ("2", "tracking.uri"),
        ("6", "datasets.toy.split.order"),
        ("11", "datasets.toy.augment.transforms.0.rotat"),
        ("14", "runs.cnn.dataset"),
        ("20", "runs.cnn.train.optimizer.lr"),
        ("23", "runs.r.nn"),
        ("26", "runs.r.nn.model.hidden_size"),
    ]


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    whole = loaded(GOOD, tmp_path)
    split, cnn, rnn = whole.datasets["toy"].split, whole.runs["cnn"], whole.runs["rnn"]
    assert (split.test, split.validation, split.order, split.group_by, split.train_fraction, split.seed) == (
        0.15, 0.15, "random", None, 1.0, None,
    )  # fmt: skip
    assert cnn.train.optimizer.model_dump() == {
        "name": "adam", "lr": 0.004, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0,
    }  # fmt: skip
    assert cnn.train.schedule.model_dump()["warmup_fraction"] == 0.3
    assert rnn.train.schedule.model_dump() == {"name": "constant", "warmup_epochs": 0.0}
    assert (rnn.train.loss, rnn.train.device, rnn.train.threads) == ("auto", "auto", "auto")
    assert (rnn.train.clip_norm, rnn.train.deterministic) == (None, True)
    assert (rnn.evaluate.top_k, rnn.evaluate.batch_size) == ([1, 5], 512)
    assert cnn.model.arguments == {} and rnn.model.arguments == {"hidden_size": 16}
    assert whole.datasets["toy"].augment.transforms == [{"name": "Affine", "rotate": [-10, 10], "p": 0.5}]


def test_mixing_and_views_are_off_unless_asked_for(tmp_path: Path) -> None:
    cnn = loaded(GOOD, tmp_path).runs["cnn"]
    assert (cnn.train.mixup, cnn.train.cutmix, cnn.evaluate.tta) == (None, None, None)
    text = changed(("epochs: 3", "epochs: 3\n      mixup: 1\n      cutmix: 0.5"), ("{top_k: [1, 5]}", "{tta: 8}"))
    cnn = loaded(text, tmp_path).runs["cnn"]
    assert (cnn.train.mixup, cnn.train.cutmix, cnn.evaluate.tta) == (1.0, 0.5, 8)


def test_what_was_loaded_cannot_be_changed(tmp_path: Path) -> None:
    whole = loaded(GOOD, tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        whole.runs["cnn"].train.epochs = 4


def test_the_shipped_file_is_right() -> None:
    whole = load_params(ROOT / "params.yaml")
    assert whole.datasets and whole.runs


def test_every_field_has_a_description() -> None:
    def models_in(annotation: object) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation]
        return [model for part in typing.get_args(annotation) for model in models_in(part)]

    left: list[type[BaseModel]] = [Params]
    seen: set[type[BaseModel]] = set()
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
    assert {"DatasetBlock", "SplitBlock", "TrainBlock", "Sgd", "OneCycle", "NamedBlock"} <= {
        model.__name__ for model in seen
    }

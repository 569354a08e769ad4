"""The table of transforms, which spares params.yaml an import of seconds."""

import importlib.metadata
import inspect
import json

import pytest

from pipeline.params.problems import nearest
from pipeline.schema import transforms
from saccade.augment.check_transforms import describe_transforms
from saccade.transforms import albumentations_adapter


def test_the_table_is_that_of_the_installed_library():
    remedy = "run `python -m pipeline.schema.transforms`"
    assert json.loads(transforms.TABLE.read_text(encoding="utf-8")) == describe_transforms(), remedy


def test_the_version_in_messages_is_the_installed_one():

    assert importlib.metadata.version("albumentations") == "2.0.8"
    (message,) = [message for _, message in transforms.transform_problems([{"name": "Nope"}], lambda *_: "")]
    assert "albumentations 2.0.8" in message


def test_nesting_transforms_are_the_library_s_and_take_these_arguments():
    import albumentations

    assert tuple(transforms.NESTING) == albumentations_adapter.NESTING
    for name, arguments in transforms.NESTING.items():
        assert set(arguments) <= set(inspect.signature(getattr(albumentations, name)).parameters), name


def test_names_from_elsewhere_are_not_the_library_s():
    assert not set(transforms.ELSEWHERE) & set(transforms.transform_arguments())


FLIP = {"name": "HorizontalFlip"}

ONE_PROBLEM = [
    ({"name": "MaskDropout"}, ("name",), "MaskDropout makes no views: it needs a mask; leave it out"),
    ({"name": "Normalize"}, ("name",), "Normalize makes no views: it gives float32, and views are uint8: training "),
    ({"name": "MixUp"}, ("name",), "MixUp mixes several images, and views are made of one image each; leave it out"),
    ({"name": "HEStain"}, ("name",), "HEStain takes images of 3 channels, but preprocess gives 1; leave it out"),
    ({**FLIP, "prob": 0.5}, ("prob",), "HorizontalFlip takes no 'prob'; known: p"),
    ({**FLIP, "p": 1.5}, ("p",), r"1.5: must be a probability, a number in [0, 1]"),
    ({**FLIP, "p": "0.5"}, ("p",), "'0.5': must be a probability"),
    ({**FLIP, "p": True}, ("p",), "True: must be a probability"),
    ({"name": "Blur", "blur_limit": "3"}, ("blur_limit",), "'3': must be a number, without quotes"),
    ({"name": "Affine", "scale": {"x": [0.9, "1.1"]}}, ("scale", "x", 1), "'1.1': must be a number"),
    (
        {"name": "SomeOf", "transforms": [FLIP], "n": 2},
        ("n",),
        "n (2) must be at most 1, the transforms it lists; or set",
    ),
    ({"name": "SomeOf", "transforms": [FLIP], "n": 1.0}, ("n",), "1.0: must be a whole number, 1 or more"),
    ({"name": "SomeOf", "transforms": [FLIP], "replace": 1}, ("replace",), "1: must be true or false"),
    ({"name": "OneOf", "transforms": [{**FLIP, "p": 0}]}, ("transforms",), "OneOf weighs its transforms by their p"),
    ({"name": "Sequential"}, ("transforms",), "missing; Sequential applies the transforms it lists"),
    ({**FLIP, "transforms": [FLIP]}, ("transforms",), "HorizontalFlip takes no 'transforms'; known: p"),
]


def nested(transform, depth):
    for _ in range(depth):
        transform = {"name": "OneOf", "transforms": [FLIP, {"name": "Sequential", "transforms": [transform]}]}
    return transform


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize(("transform", "path", "message"), ONE_PROBLEM)
def test_one_problem_however_deep_it_lies(transform, path, message, depth):
    ((at, said),) = transforms.transform_problems([nested(transform, depth)], nearest, channels=1)
    assert at == (0, *("transforms", 1, "transforms", 0) * depth, *path)
    assert said.startswith(message), said


def test_what_is_right_is_left_alone():
    right = [
        {"name": "SomeOf", "n": 3, "replace": True, "transforms": [FLIP, {"name": "Blur", "blur_limit": 3}], "p": 1},
        {"name": "Affine", "rotate": [-5, 5], "p": 0},
        {"name": "AdditiveNoise", "noise_type": "gaussian", "spatial_mode": "shared"},
        {"name": "PrincipalColorShift", "std": 0.1},
    ]
    assert list(transforms.transform_problems(right, nearest, channels=1)) == []
    assert list(transforms.transform_problems([{"name": "HEStain"}], nearest, channels=3)) == []
    assert list(transforms.transform_problems([{"name": "HEStain"}], nearest)) == []


def test_the_successor_under_the_agpl_is_not_installed():
    installed = {distribution.metadata["Name"].lower() for distribution in importlib.metadata.distributions()}
    assert "albumentations" in installed
    assert not {name for name in installed if name.replace("-", "").replace("_", "").startswith("albumentationsx")}

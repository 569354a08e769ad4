"""The table of albumentations' transforms, which spares params.yaml an import of seconds."""

import importlib.metadata
import inspect
import json

from pipeline.schema import transforms
from saccade import augmentation


def test_the_table_is_that_of_the_installed_library():
    remedy = "run `python -m pipeline.schema.transforms`"
    assert json.loads(transforms.TABLE.read_text(encoding="utf-8")) == augmentation.describe_transforms(), remedy


def test_the_version_in_messages_is_the_installed_one():
    import albumentations

    assert albumentations.__version__ == "2.0.8"
    (message,) = [message for _, message in transforms.transform_problems([{"name": "Nope"}], lambda *_: "")]
    assert f"albumentations {albumentations.__version__}" in message


def test_nesting_transforms_are_the_library_s_and_take_these_arguments():
    import albumentations

    assert tuple(transforms.NESTING) == augmentation.NESTING
    for name, arguments in transforms.NESTING.items():
        assert set(arguments) <= set(inspect.signature(getattr(albumentations, name)).parameters), name


def test_the_successor_under_the_agpl_is_not_installed():
    installed = {distribution.metadata["Name"].lower() for distribution in importlib.metadata.distributions()}
    assert "albumentations" in installed
    assert not {name for name in installed if name.replace("-", "").replace("_", "").startswith("albumentationsx")}

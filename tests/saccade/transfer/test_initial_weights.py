"""What is said of the images that published weights are given."""

import pytest

from saccade.data.spec import Spec
from saccade.transfer.initial_weights import advice_on_size


@pytest.mark.parametrize(
    ("model", "side", "input_side", "is_told"),
    [
        ("efficientnet_lite0", 32, 0, True),
        ("efficientnet_lite0", 112, 0, True),
        ("efficientnet_lite0", 113, 0, False),
        ("efficientnet_lite0", 32, 128, False),  # whoever chose a side knows
        ("resnet18", 32, None, False),  # it cannot enlarge
    ],
)
def test_small_images_are_told_of_where_the_model_can_enlarge_them(
    model: str, side: int, input_side: int | None, is_told: bool
) -> None:
    arguments = {} if input_side is None else {"input_side": input_side}
    line = advice_on_size(model, arguments, Spec("image", (side, side // 2, 3), ("cat", "dog")))
    expected = f"images of {side} pixels are small for weights that were learnt at 224: `input_side: 224` of the model"
    assert line == (f"{expected} enlarges them" if is_told else "")

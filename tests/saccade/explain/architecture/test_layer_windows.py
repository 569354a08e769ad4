"""Output sides, worked out as text, beside what torch returns."""

import pytest
import torch
from torch import nn

from saccade.explain.architecture.layer_windows import output_formula
from saccade.explain.architecture.summary import describe


@pytest.mark.parametrize(
    ("numbers", "options", "formula"),
    [
        ((227, 55, 11, 4, 0), {}, "(227 - 11 + 2*0)/4 + 1 = 55"),
        ((224, 112, 7, 2, 6), {}, "floor((224 - 7 + 2*3)/2) + 1 = 112"),
        ((112, 56, 3, 2, 0), {"rounds_up": True}, "ceil((112 - 3 + 2*0)/2) + 1 = 56"),
        ((13, 6, 3, 2, 0), {"rounds_up": True}, "(13 - 3 + 2*0)/2 + 1 = 6"),
        ((4, 2, 1, 3, 0), {"rounds_up": True}, "(4 - 1 + 2*0)/3 + 1 = 2"),
        ((5, 2, 1, 3, 0), {"rounds_up": True}, "ceil((5 - 1 + 2*0)/3) + 1 - 1 = 2"),
        ((9, 9, 4, 1, 3), {}, "(9 - 4 + 3)/1 + 1 = 9"),
        ((9, 5, 3, 1, 0, 2), {}, "(9 - (2*(3 - 1) + 1) + 2*0)/1 + 1 = 5"),
        ((9, 4, 3, 1, 0), {}, ""),  # it gives 7: nothing is better than what is wrong
    ],
)
def test_the_formula_of_a_side(numbers: tuple[int, ...], options: dict[str, bool], formula: str) -> None:
    assert output_formula(*numbers, **options) == formula


@pytest.mark.parametrize("seed", range(40))
def test_the_formula_gives_what_torch_returns(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)

    def pick(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=random))

    size, dilation, stride = pick(1, 5), pick(1, 3), pick(1, 5)
    padding, rounds_up, sides = pick(0, size // 2), bool(pick(0, 1)), (pick(13, 40), pick(13, 40))
    layers = [
        nn.Conv2d(2, 3, size, stride, padding, dilation),
        nn.MaxPool2d(size, stride, padding, dilation, ceil_mode=rounds_up),
        nn.AvgPool2d(size, stride, padding, ceil_mode=rounds_up),
        nn.Conv2d(2, 3, size, padding="same", dilation=dilation),
    ]
    for layer in layers:
        (told,) = describe(lambda layer=layer: nn.Sequential(layer), (2, *sides)).layers
        formulas = told.formula.split("; ")
        outputs = layer(torch.zeros(1, 2, *sides)).shape[2:]
        if len(formulas) == 1:
            formulas *= 2
        for formula, output in zip(formulas, outputs, strict=True):
            worked, _, result = formula.partition(" = ")
            assert int(result) == output
            rounding = {"floor": torch.floor, "ceil": torch.ceil}
            rounded = {
                name: lambda value, f=function: f(torch.tensor(value)).item() for name, function in rounding.items()
            }
            assert eval(worked, rounded) == output, formula

"""GoogLeNet beside torchvision's own.

Shapes: B batch, C channels, H height, W width, K classes.
"""

import pytest
import torch
import torchvision
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import googlenet
from saccade.nn.inspect import count_parameters


def spec(height: int, width: int, channels: int = 3, classes: int = 7) -> Spec:
    return Spec("image", (height, width, channels), tuple(f"class {k}" for k in range(classes)))


def images(batch: int, channels: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(seed))


def sides_at(network: nn.Module, layer: str, image_BCHW: Tensor) -> tuple[int, ...]:
    """Height and width of what a layer gives."""
    seen: list[tuple[int, ...]] = []
    hook = network.get_submodule(layer).register_forward_hook(lambda *call: seen.append(tuple(call[2].shape[2:])))
    network.eval()(image_BCHW)
    hook.remove()
    return seen[0]


def theirs_and_ours(auxiliary: bool = True, **theirs: bool) -> tuple[nn.Module, nn.Module]:
    """The same weights in both, norms that have seen something included."""
    torch.manual_seed(0)
    arguments = {"num_classes": 7, "aux_logits": auxiliary, "init_weights": True, **theirs}
    original = torchvision.models.GoogLeNet(**arguments)
    for layer in original.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # the statistics of the one batch: otherwise the answers would hardly differ
    with torch.no_grad():
        original.train()(2 * images(4, 3, 65, 50, seed=5) + 0.5)
        original.fc.weight *= 30  # starts so small that answers would differ by less than a comparison's bounds
    network = googlenet.build(spec(65, 50), auxiliary=auxiliary)
    network.load_state_dict(original.state_dict())
    return original.eval(), network.eval()


def test_the_number_of_parameters_is_the_published_one_without_the_auxiliary_heads() -> None:
    whole = googlenet.build(spec(224, 224, classes=1000))
    of_heads = count_parameters(whole.aux1) + count_parameters(whole.aux2)
    assert count_parameters(whole) - of_heads == 6_624_904
    assert count_parameters(googlenet.build(spec(224, 224, classes=1000), auxiliary=False)) == 6_624_904


@pytest.mark.parametrize("auxiliary", [True, False])
def test_weights_of_torchvision_fit_and_give_the_same_answers(auxiliary: bool) -> None:
    theirs, ours = theirs_and_ours(auxiliary)
    image_BCHW = images(3, 3, 65, 50)
    answer_BK = ours(image_BCHW)
    assert torch.equal(answer_BK, theirs(image_BCHW)) and answer_BK.std() > 0.1


def test_in_training_the_auxiliary_heads_answer_too_and_as_torchvisions() -> None:
    theirs, ours = theirs_and_ours()
    for network in (theirs, ours):
        for layer in network.modules():
            layer.training = not isinstance(layer, nn.Dropout | nn.BatchNorm2d)  # what is random, or changes itself
    image_BCHW = images(3, 3, 65, 50)
    answers, expected = ours(image_BCHW), theirs(image_BCHW)
    assert isinstance(answers, tuple) and [answer.shape for answer in answers] == [(3, 7)] * 3
    torch.testing.assert_close(tuple(answers), tuple(expected), rtol=1e-5, atol=1e-6)
    assert all((answer - answers[0]).abs().max() > 0.1 for answer in answers[1:])


def test_without_auxiliary_heads_training_gives_logits_alone() -> None:
    answer = googlenet.build(spec(40, 40), auxiliary=False).train()(images(3, 3, 40, 40))
    assert isinstance(answer, Tensor) and answer.shape == (3, 7)


def test_the_published_weights_want_the_named_normalisation() -> None:
    """torchvision normalises as always and then changes that inside; we do it once."""
    theirs, ours = theirs_and_ours(transform_input=True)
    pixel_BCHW = torch.rand(3, 3, 65, 50, generator=torch.Generator().manual_seed(1))
    usual = torchvision.models.GoogLeNet_Weights.IMAGENET1K_V1.transforms()

    def normalised(mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
        return torchvision.transforms.functional.normalize(pixel_BCHW, mean, std)

    expected = theirs(normalised(usual.mean, usual.std))
    answer = ours(normalised(googlenet.PRETRAINED_MEAN, googlenet.PRETRAINED_STD))
    torch.testing.assert_close(answer, expected, rtol=1e-3, atol=1e-3)  # rounded twice there, through 57 layers
    assert (ours(normalised(usual.mean, usual.std)) - expected).abs().max() > 0.01


def test_the_departures_from_the_paper_are_those_of_its_docstring() -> None:
    network = googlenet.build(spec(224, 224))
    assert network.inception3a.branch3[1].conv.kernel_size == (3, 3)
    assert network.maxpool4.kernel_size == 2 and network.maxpool4.ceil_mode
    assert network.dropout.p == 0.2 and (network.aux1.dropout.p, network.aux2.dropout.p) == (0.7, 0.7)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(convolutions) == len(norms) == 3 + 9 * 6 + 2
    assert all(convolution.bias is None for convolution in convolutions)
    assert not any(isinstance(layer, nn.LocalResponseNorm) for layer in network.modules())
    assert not network.transform_input


def test_the_small_stem_halves_once_before_the_first_block() -> None:
    torch.manual_seed(0)
    network = googlenet.build(spec(32, 28, channels=1), stem="small")
    image_BCHW = images(2, 1, 32, 28)
    assert sides_at(network, "inception3a", image_BCHW) == (16, 14)
    assert sides_at(network, "inception5b", image_BCHW) == (4, 4)
    assert network.conv1.conv.weight.std().item() == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize(("stem", "least"), [("large", 31), ("small", 8)])
def test_the_least_side_is_named_and_taken(stem: str, least: int) -> None:
    message = (
        rf"googlenet cannot take {least - 1}x70 images: a side must be at least {least}\. At maxpool3 .*enlarge them"
    )
    with pytest.raises(UserError, match=message):
        googlenet.build(spec(least - 1, 70), stem=stem)
    with pytest.raises(UserError, match=f"70x{least - 1} images: a side must be at least {least}"):
        googlenet.build(spec(70, least - 1), stem=stem)
    network = googlenet.build(spec(least, 70, classes=2), stem=stem)
    assert sides_at(network, "maxpool3", images(1, 3, least, 70))[0] == 2
    assert sides_at(network, "maxpool3", images(1, 3, least - 1, 70))[0] == 1
    assert network.eval()(images(2, 3, least, 70)).shape == (2, 2)


def test_an_image_too_small_for_the_large_stem_is_told_of_the_small_one() -> None:
    with pytest.raises(UserError, match="stem: small takes 8 and more; or enlarge"):
        googlenet.build(spec(30, 30))


def test_the_arithmetic_of_the_sides_is_that_of_the_poolings() -> None:
    """A pooling that rounds up is written as another that rounds down."""
    *_, pooling = googlenet._windows("large")
    rounding_up = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    for side in range(2, 80):
        assert rounding_up(torch.zeros(1, 1, side, side)).shape[2] == pooling.output_side(side), side


def test_dropout_comes_before_the_last_layer() -> None:
    assert googlenet.build(spec(40, 40), dropout=0.4).dropout.p == 0.4

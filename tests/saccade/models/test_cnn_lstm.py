"""A CNN on column strips and an LSTM over them, beside strips that are cut by hand.

Shapes: B batch, S strips, C channels, H height, W width, F features of a strip, D hidden size, K classes.
"""

import pytest
import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import cnn_lstm
from saccade.nn.inspect import count_parameters
from saccade.nn.sequence_networks import SequenceNetwork

CLASSES = tuple("abcdefg")
K = len(CLASSES)


def spec(height: int, width: int, channels: int = 1) -> Spec:
    return Spec("image", (height, width, channels), CLASSES)


def inputs(batch: int, shape: tuple[int, ...], seed: int = 1) -> Tensor:
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(seed))


def by_hand(network: SequenceNetwork, strips: list[Tensor], pool: str = "last") -> Tensor:
    """The answer of the network's weights to these strips, each (B, C, H, W), in this order."""
    convolutions = [layer for layer in network.reader.modules() if isinstance(layer, nn.Conv2d)]
    steps = []
    for strip_BCHW in strips:
        h_BCHW = strip_BCHW
        for convolution in convolutions:
            h_BCHW = fn.max_pool2d(torch.relu(fn.conv2d(h_BCHW, convolution.weight, convolution.bias, padding=1)), 2)
        steps.append(h_BCHW.flatten(1))
    recurrent = network.recurrent
    lstm = nn.LSTM(recurrent.input_size, recurrent.hidden_size, batch_first=True, bidirectional=recurrent.bidirectional)
    lstm.load_state_dict(recurrent.state_dict())
    h_BSD, (h_n_LBD, _) = lstm(torch.stack(steps, dim=1))
    last_BD = torch.cat([*h_n_LBD], dim=1)
    pooled_BD = {"last": last_BD, "mean": h_BSD.mean(dim=1), "max": h_BSD.max(dim=1).values}[pool]
    return pooled_BD @ network.head[1].weight.T + network.head[1].bias


def test_the_number_of_parameters() -> None:
    network = cnn_lstm.build(Spec("image", cnn_lstm.TYPICAL_SHAPE, tuple("0123456789")))
    features = 32 * 7 * 2  # two poolings of 28x8
    expected = (9 + 1) * 16 + (9 * 16 + 1) * 32 + 4 * (features + 128 + 2) * 128 + (128 + 1) * 10
    assert count_parameters(network) == expected == 302_026


@pytest.mark.parametrize("pool", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_it_is_a_cnn_on_each_strip_and_an_lstm_over_them(pool: str, bidirectional: bool, channels: int) -> None:
    torch.manual_seed(0)
    network = cnn_lstm.build(
        spec(9, 14, channels), strip_width=6, strip_stride=4, channels=[4, 5], hidden_size=3,
        bidirectional=bidirectional, pool=pool,
    ).eval()  # fmt: skip
    image_BCHW = inputs(2, (channels, 9, 14))
    strips = [image_BCHW[..., 0:6], image_BCHW[..., 4:10], image_BCHW[..., 8:14]]
    torch.testing.assert_close(network(image_BCHW), by_hand(network, strips, pool), rtol=1e-5, atol=1e-6)


def test_strips_that_change_places_are_read_in_the_new_order() -> None:
    torch.manual_seed(0)
    network = cnn_lstm.build(spec(8, 12), strip_width=4, strip_stride=4, channels=[4, 5], hidden_size=3).eval()
    image_BCHW = inputs(2, (1, 8, 12))
    left, middle, right = image_BCHW.split(4, dim=3)
    swapped_BCHW = torch.cat([middle, left, right], dim=3)
    torch.testing.assert_close(network(image_BCHW), by_hand(network, [left, middle, right]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(network(swapped_BCHW), by_hand(network, [middle, left, right]), rtol=1e-5, atol=1e-6)
    assert (network(swapped_BCHW) - network(image_BCHW)).abs().max() > 1e-3


def test_a_strip_is_read_alone() -> None:
    """What stands beside it changes nothing in its features, not even at its edge."""
    network = cnn_lstm.build(spec(8, 12), strip_width=4, strip_stride=4, channels=[4, 5])
    image_BCHW = inputs(2, (1, 8, 12))
    changed_BCHW = image_BCHW.clone()
    changed_BCHW[..., 4:8] += 1
    before_BSF, after_BSF = network.reader(image_BCHW), network.reader(changed_BCHW)
    assert torch.equal(before_BSF[:, [0, 2]], after_BSF[:, [0, 2]])
    assert (before_BSF[:, 1] - after_BSF[:, 1]).abs().max() > 1e-2


def test_columns_that_fill_no_whole_strip_are_read_with_zeros_behind_them() -> None:
    torch.manual_seed(0)
    network = cnn_lstm.build(spec(8, 11), strip_width=4, strip_stride=3, channels=[4], hidden_size=3).eval()
    image_BCHW = inputs(2, (1, 8, 11))
    last = torch.cat([image_BCHW[..., 9:11], torch.zeros(2, 1, 8, 2)], dim=3)
    strips = [image_BCHW[..., 0:4], image_BCHW[..., 3:7], image_BCHW[..., 6:10], last]
    torch.testing.assert_close(network(image_BCHW), by_hand(network, strips), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("width", "strips"), [(8, 1), (9, 2), (12, 2), (13, 3), (28, 6), (29, 7)])
def test_the_number_of_strips(width: int, strips: int) -> None:
    network = cnn_lstm.build(spec(8, width))
    assert network.reader(inputs(2, (1, 8, width))).shape == (2, strips, 32 * 2 * 2)


def test_a_wider_image_is_read_too() -> None:
    network = cnn_lstm.build(spec(8, 12)).eval()
    assert network(inputs(2, (1, 8, 40))).shape == (2, K)


def test_the_memory_format_changes_nothing() -> None:
    torch.manual_seed(0)
    network = cnn_lstm.build(spec(12, 14, 3), hidden_size=5).eval()
    image_BCHW = inputs(2, (3, 12, 14))
    expected = network(image_BCHW)
    network.to(memory_format=torch.channels_last)
    got = network(image_BCHW.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_the_forget_gates_start_open() -> None:
    network = cnn_lstm.build(spec(8, 12), hidden_size=5, bidirectional=True)
    for suffix in ("", "_reverse"):
        assert torch.equal(network.recurrent.get_parameter(f"bias_ih_l0{suffix}")[5:10], torch.ones(5))
        assert torch.equal(network.recurrent.get_parameter(f"bias_hh_l0{suffix}")[5:10], torch.zeros(5))


def test_it_drops_before_the_output_and_only_in_training() -> None:
    network = cnn_lstm.build(spec(8, 12), dropout=0.4)
    assert network.head[0].p == 0.4
    image_BCHW = inputs(3, (1, 8, 12))
    assert not torch.equal(network.train()(image_BCHW), network(image_BCHW))
    assert torch.equal(network.eval()(image_BCHW), network(image_BCHW))


def test_the_least_sides_are_named_and_taken() -> None:
    assert cnn_lstm.build(spec(4, 8)).eval()(inputs(2, (1, 4, 8))).shape == (2, K)
    message = (
        r"the CNN of cnn_lstm cannot take 3x8 images: a side must be at least 4\. At pooling 2 "
        r".* choose a larger strip_width or fewer channels; or enlarge them with preprocess\.size"
    )
    with pytest.raises(UserError, match=message):
        cnn_lstm.build(spec(3, 8))
    with pytest.raises(UserError, match=r"20x2 images: a side must be at least 4"):
        cnn_lstm.build(spec(20, 30), strip_width=2, strip_stride=1)
    message = (
        r"cnn_lstm cannot take 20x7 images: strips of strip_width \(8\) need a width of at least 8; choose narrower"
    )
    with pytest.raises(UserError, match=message):
        cnn_lstm.build(spec(20, 7))


def test_what_would_skip_columns_or_see_nothing_is_refused() -> None:
    with pytest.raises(UserError, match=r"strip_stride \(5\) must not exceed strip_width \(4\): columns would be"):
        cnn_lstm.build(spec(20, 30), strip_width=4, strip_stride=5)
    with pytest.raises(UserError, match=r"channels \(\[\]\) must hold at least one number"):
        cnn_lstm.build(spec(20, 30), channels=[])

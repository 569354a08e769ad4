"""Weights of torchvision's networks, and of one's own, in networks that differ a little.

Shapes: B batch, C channels, H height, W width.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from made_weights import THEIRS, assert_same, images, small_weights, spec, weights_of
from torch import nn

from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import googlenet, lenet5, lstm, resnet18, resnet50, vgg16
from saccade.transfer.load_weights import load_into
from saccade.transfer.weight_files import read_weights


@pytest.mark.parametrize("name", THEIRS)
def test_torchvisions_weights_are_taken_whole(tmp_path: Path, name: str) -> None:
    torch.manual_seed(1)
    theirs = THEIRS[name]().eval()
    torch.save(theirs.state_dict(), tmp_path / "a.pth")
    ours = registry.module("models", name).build(spec(40, 33, classes=1000)).eval()
    lines = load_into(ours, read_weights(tmp_path / "a.pth"), origin="a.pth")
    assert_same(weights_of(ours), weights_of(theirs))
    assert torch.equal(ours(images(2, 3, 40, 33)), theirs(images(2, 3, 40, 33)))
    count = len(theirs.state_dict())
    assert lines == [f"{count} of {count} tensors taken from a.pth"]


def test_a_head_of_another_number_of_classes_stays_new() -> None:
    theirs = weights_of(THEIRS["resnet18"]())
    network = resnet18.build(spec(40, 33))
    before = weights_of(network)
    lines = load_into(network, theirs, origin="a.pth")
    assert lines == ["120 of 122 tensors taken from a.pth", "fc is new: 7 outputs here, 1000 there"]
    for name, value in network.state_dict().items():
        assert torch.equal(value, (before if name.startswith("fc.") else theirs)[name]), name


def test_the_auxiliary_heads_stay_new_too_in_their_last_layers() -> None:
    theirs = weights_of(THEIRS["googlenet"]())
    network = googlenet.build(spec(40, 33))
    before = weights_of(network)
    lines = load_into(network, theirs, origin="a.pth")
    heads = ("fc.", "aux1.fc2.", "aux2.fc2.")
    assert sorted(lines[1:]) == [
        f"{name}is new: 7 outputs here, 1000 there".replace(".is", " is") for name in sorted(heads)
    ]
    for name, value in network.state_dict().items():
        assert torch.equal(value, (before if name.startswith(heads) else theirs)[name]), name


def test_auxiliary_heads_that_the_network_is_built_without_are_left_out() -> None:
    theirs = weights_of(THEIRS["googlenet"]())
    network = googlenet.build(spec(40, 33, classes=1000), auxiliary=False)
    lines = load_into(network, theirs, origin="a.pth")
    assert lines[1:] == ["aux1 and aux2 left out: the network was built without auxiliary heads"]
    assert_same(weights_of(network), {name: value for name, value in theirs.items() if not name.startswith("aux")})


def test_auxiliary_heads_that_the_weights_lack_are_missing() -> None:
    theirs = weights_of(googlenet.build(spec(40, 33), auxiliary=False))
    with pytest.raises(UserError, match=r"missing: aux1\.conv\.conv\.weight, .*aux2\.fc2\.bias\.\n"):
        load_into(googlenet.build(spec(40, 33)), theirs, origin="a.pth")


@pytest.mark.parametrize("model", [resnet18, googlenet, vgg16])
def test_a_grey_network_takes_the_sum_over_the_colours(model: Any) -> None:
    small: dict[str, Any] = {"head": "small"} if model is vgg16 else {}
    torch.manual_seed(0)
    theirs = model.build(spec(40, 33), **small).eval()
    ours = model.build(spec(40, 33, channels=1), **small).eval()
    weights = theirs.state_dict()
    lines = load_into(ours, weights, origin="a.pth")
    first = {"resnet18": "conv1", "googlenet": "conv1.conv", "vgg16": "features.0"}[model.__name__.split(".")[-1]]
    assert lines[1:] == [f"{first}.weight is summed over its three colours: the network takes grey images"]
    grey_B1HW = images(3, 1, 40, 33)
    with torch.no_grad():
        torch.testing.assert_close(
            ours(grey_B1HW), theirs(grey_B1HW.expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-4
        )  # sums
    weight = theirs.get_submodule(first).weight
    assert torch.equal(ours.get_submodule(first).weight, weight[:, :1] + weight[:, 1:2] + weight[:, 2:])
    assert weights[f"{first}.weight"].shape[1] == 3  # the caller's are as they were


def test_only_the_first_convolution_is_summed() -> None:
    weights = {"0.weight": torch.ones(2, 3, 3, 3), "1.weight": torch.ones(4, 3, 3, 3)}
    network = nn.Sequential(nn.Conv2d(3, 2, 3, bias=False), nn.Conv2d(1, 4, 3, bias=False))
    with pytest.raises(UserError, match=r"of another shape: 1\.weight \(4x3x3x3 there, 4x1x3x3 here\)"):
        load_into(network, weights, origin="a.pth")


@pytest.mark.parametrize(("removed", "added"), [(["layer2.0.bn1.weight", "fc.bias"], ["extra"]), (["fc.weight"], [])])
def test_missing_and_unexpected_names_are_told_and_nothing_is_changed(removed: list[str], added: list[str]) -> None:
    theirs = weights_of(resnet18.build(spec(40, 33)))
    for name in removed:
        del theirs[name]
    theirs |= {name: torch.ones(1) for name in added}
    network = resnet18.build(spec(40, 33))
    before = weights_of(network)
    unexpected = f"; unexpected: {', '.join(added)}" if added else ""
    message = rf"a\.pth does not fit the network\. missing: {', '.join(removed)}{unexpected}\.\nBuild the network with"
    with pytest.raises(UserError, match=message):
        load_into(network, theirs, origin="a.pth")
    assert_same(weights_of(network), before)


def test_shapes_that_do_not_fit_are_told_both() -> None:
    theirs = weights_of(THEIRS["resnet18"]())
    network = resnet18.build(spec(32, 32), stem="small")
    before = weights_of(network)
    with pytest.raises(UserError, match=r"of another shape: conv1\.weight \(64x3x7x7 there, 64x3x3x3 here\)\.\n"):
        load_into(network, theirs, origin="a.pth")
    assert_same(weights_of(network), before)


def test_a_head_behind_other_features_does_not_fit() -> None:
    with pytest.raises(UserError, match=r"head\.1\.weight \(9x6 there, 7x5 here\), head\.1\.bias \(9 there, 7 here\)"):
        load_into(
            lstm.build(Spec("series", (9, 4), tuple("abcdefg")), hidden_size=5),
            lstm.build(Spec("series", (9, 4), tuple("abcdefghi")), hidden_size=6).state_dict(),
            origin="a.pth",
        )


def test_where_many_names_differ_a_layer_stands_for_all_in_it() -> None:
    with pytest.raises(UserError) as caught:
        load_into(resnet18.build(spec(40, 33)), weights_of(resnet50.build(spec(40, 33))), origin="a.pth")
    message = str(caught.value)
    assert (
        "layer1.0.conv3.weight" in message and "layer1.0.downsample.* (5)" in message and "layer3.2.* (15)" in message
    )
    assert "layer3.2.conv1" not in message and "layer1.0.conv1.weight (64x64x1x1 there, 64x64x3x3 here)" in message
    assert message.count(" there, ") == 20 and " more.\n" in message


def test_what_batch_norms_count_may_lack_and_may_be_there() -> None:
    whole = weights_of(resnet18.build(spec(40, 33)))
    old = {name: value for name, value in whole.items() if not name.endswith("num_batches_tracked")}
    network = resnet18.build(spec(40, 33))
    assert load_into(network, old, origin="a.pth") == ["102 of 122 tensors taken from a.pth"]
    assert_same(weights_of(network), whole)
    load_into(network, {**whole, "layer9.bn.num_batches_tracked": torch.tensor(3)}, origin="a.pth")


def test_half_precision_weights_become_those_of_the_network() -> None:
    theirs = {name: value.half() if value.is_floating_point() else value for name, value in small_weights().items()}
    network = lenet5.build(spec(20, 18))
    load_into(network, theirs, origin="a.pth")
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32 and torch.equal(value, theirs[name].float())


def test_ones_own_run_is_a_start(tmp_path: Path) -> None:
    made = NetworkConfig("lenet5", {}, spec(20, 18), "classify", [0.5] * 3, [0.3] * 3, "0123")
    torch.manual_seed(0)
    trained = made.build_network()
    bundle.save(tmp_path, made, trained)
    network = lenet5.build(spec(20, 18, classes=4))
    lines = load_into(network, read_weights(tmp_path / "weights.safetensors"), origin="models/digits")
    assert lines == ["8 of 10 tensors taken from models/digits", "classifier.6 is new: 4 outputs here, 7 there"]
    assert torch.equal(*(each.state_dict()["features.0.weight"] for each in (network, trained[1])))

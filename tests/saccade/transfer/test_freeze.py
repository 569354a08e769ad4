"""Frozen layers stay as they are, whatever is trained around them.

Shapes: B batch, C channels, H height, W width.
"""

import pytest
import torch
from torch import Tensor, nn

from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.models import googlenet, lstm, resnet18
from saccade.optim import optimizers
from saccade.transfer.freeze import expand_backbone, freeze, rates_by_depth, train_mode

CLASSES = tuple("abcdefg")


def residual_network() -> nn.Module:
    torch.manual_seed(0)
    return resnet18.build(Spec("image", (20, 14, 3), CLASSES), stem="small")


def many_layers() -> nn.Module:
    """layer1 to layer11."""
    network = nn.Module()
    for number in range(1, 12):
        network.add_module(f"layer{number}", nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    return network


def frozen_names(network: nn.Module) -> set[str]:
    return {name for name, parameter in network.named_parameters() if not parameter.requires_grad}


def images(batch: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, 3, 20, 14, generator=torch.Generator().manual_seed(seed))


def trained(network: nn.Module, updates: int = 3) -> nn.Module:
    optimizer = optimizers.build("adamw", network, lr=0.01, weight_decay=0.1)
    for update in range(updates):
        train_mode(network)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images(7, seed=update)), torch.arange(7)).backward()
        optimizer.step()
    return network


def test_a_prefix_matches_whole_parts_of_a_name() -> None:
    network = many_layers()
    assert freeze(network, ["layer1", "layer3.1"]) == (2 * 3 + 3) + (3 + 3) + (3 + 3)
    assert frozen_names(network) == {
        "layer1.0.weight", "layer1.0.bias", "layer1.1.weight", "layer1.1.bias", "layer3.1.weight", "layer3.1.bias",
    }  # fmt: skip


def test_a_single_parameter_can_be_named_and_naming_twice_counts_once() -> None:
    network = many_layers()
    assert freeze(network, ["layer2.0.bias"]) == 3
    assert freeze(network, ["layer2.0.bias", "layer2.0"]) == 9
    assert frozen_names(network) == {"layer2.0.bias", "layer2.0.weight"}


@pytest.mark.parametrize(
    ("prefix", "guess"), [("layer5", " Did you mean layer[1-4]?"), ("layr2.0", " Did you mean layer2.0?"), ("x", "")]
)
def test_a_prefix_that_matches_nothing_names_the_nearest_and_the_outermost_layers(prefix: str, guess: str) -> None:
    network = residual_network()
    outermost = "The outermost ones are conv1, bn1, layer1, layer2, layer3, layer4, fc."
    message = (
        rf"^freeze \('{prefix}'\) must name a layer that has parameters\.{guess.replace('?', '[?]')}\n{outermost}$"
    )
    with pytest.raises(UserError, match=message):
        freeze(network, ["conv1", prefix])
    assert frozen_names(network) == set()  # nothing is changed by half


def test_a_layer_without_parameters_cannot_be_frozen() -> None:
    with pytest.raises(UserError, match=r"freeze \('maxpool'\) must name a layer that has parameters"):
        freeze(residual_network(), ["maxpool"])


def test_freezing_everything_is_refused() -> None:
    network = many_layers()
    with pytest.raises(UserError, match=r"freeze \(layer1, .*, layer11\) must leave something to train"):
        freeze(network, [f"layer{number}" for number in range(1, 12)])
    assert frozen_names(network) == set()


def test_training_changes_nothing_of_what_is_frozen_and_everything_else() -> None:
    network = residual_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    freeze(network, ["conv1", "bn1", "layer1", "layer2.0"])
    after = trained(network).state_dict()
    for name, value in after.items():
        is_frozen = name.startswith(("conv1.", "bn1.", "layer1.", "layer2.0."))
        assert torch.equal(value, before[name]) == is_frozen, name


def test_frozen_layers_answer_in_training_as_in_evaluation() -> None:
    network = residual_network()
    trained(network, updates=2)
    freeze(network, ["conv1", "bn1", "layer1"])
    first = nn.Sequential(network.conv1, network.bn1, network.relu, network.layer1)
    x_BCHW = images(5)
    train_mode(network)
    in_training = first(x_BCHW)
    network.eval()
    assert torch.equal(in_training, first(x_BCHW))


def test_everything_else_is_in_training_mode() -> None:
    network = residual_network()
    freeze(network, ["layer2.0.bn1", "layer2.0.bn2.weight", "layer3.0.conv1"])
    network.eval()
    train_mode(network)
    assert [name for name, layer in network.named_modules() if not layer.training] == ["layer2.0.bn1"]


def test_a_norm_without_parameters_is_not_frozen() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, affine=False), nn.Dropout(0.5))
    train_mode(network)
    assert all(layer.training for layer in network)


def test_the_auxiliary_heads_go_on_answering_in_training() -> None:
    network = googlenet.build(Spec("image", (32, 32, 3), CLASSES), stem="small")
    freeze(network, ["conv1", "conv2", "conv3"])
    train_mode(network)
    assert isinstance(network(torch.randn(2, 3, 32, 32)), tuple)


def test_layers_of_a_recurrent_network_are_named_as_torch_does() -> None:
    network = lstm.build(Spec("series", (9, 4), CLASSES), hidden_size=5)
    assert freeze(network, ["recurrent"]) == 4 * 5 * (4 + 5 + 2)
    with pytest.raises(UserError, match="Did you mean recurrent"):
        freeze(network, ["recurent.weight_ih"])


# --- a head before the others, and the others the slower the deeper they lie ------------------------------------------


def test_backbone_stands_for_all_but_the_head() -> None:
    network = residual_network()
    freeze(network, expand_backbone(network, ["backbone"], "fc"))
    assert {name for name, own in network.named_parameters() if own.requires_grad} == {"fc.weight", "fc.bias"}
    assert expand_backbone(network, ["conv1"], None) == ["conv1"]
    with pytest.raises(UserError, match="needs a model whose file says which layer is its HEAD"):
        expand_backbone(network, ["backbone"], None)


def test_a_stage_learns_slower_than_the_one_above_it() -> None:
    rates = rates_by_depth(residual_network(), "fc", 0.5, starts_at=7)
    assert "fc.weight" not in rates and {rate.starts_at for rate in rates.values()} == {7}
    scales = [rates[name].lr_scale for name in ("layer4.1.conv1.weight", "layer4.0.bn2.bias", "layer3.1.conv2.weight")]
    assert scales == [0.5, 0.25, 0.125]
    assert rates["conv1.weight"].lr_scale == 0.5**10  # bn1 is a stage of its own


def test_fixed_norms_keep_their_statistics_though_their_weights_learn() -> None:
    network = residual_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    train_mode(network, fixed_norms=True)
    nn.functional.cross_entropy(network(images(7)), torch.arange(7)).backward()
    assert network.bn1.weight.grad is not None and network.bn1.weight.grad.abs().max() > 0
    after = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    train_mode(network)
    network(images(7))
    assert not torch.equal(network.state_dict()["bn1.running_mean"], before["bn1.running_mean"])

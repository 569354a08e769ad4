"""A head that is trained on embeddings ends where a head in its network ends.

Shapes: V views, N examples, D features.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_training import H, K, N, W, examples
from torch import Tensor, nn

from saccade.bundle.inputs import ImageInput
from saccade.core.devices import describe_environment
from saccade.data.spec import Spec
from saccade.models import efficientnet_lite0, resnet18
from saccade.transfer import embeddings
from saccade.transfer.embeddings import HeadAlone, embed, only_head_learns
from saccade.transfer.freeze import expand_backbone, freeze

CPU = torch.device("cpu")


def network(evaluate_crop: float = 1.0) -> nn.Sequential:
    torch.manual_seed(0)
    model = resnet18.build(Spec("image", (H, W, 3), ("cat", "dog", "owl")), stem="small")
    freeze(model, expand_backbone(model, ["backbone"], "fc"))
    return nn.Sequential(ImageInput([0.4] * 3, [0.2] * 3, evaluate_crop), model)


def images(views: int, seed: int = 0) -> Tensor:
    return examples(views=views, seed=seed, channels=3).views


def embedded(folder: Path, net: nn.Sequential, views: Tensor, held: Tensor, **options: Any) -> embeddings.Embeddings:
    return embed(net, "fc", views, held, folder, device=CPU, precision="float32", decided_by={}, **options)


def test_the_head_answers_on_embeddings_as_the_network_does_on_images(tmp_path: Path) -> None:
    net, views, held = network(), images(2), images(1, seed=5)
    found = embedded(tmp_path, net, views, held)
    assert found.train.shape == (2, N, 512) and found.validation.shape == (1, N, 512)
    alone = HeadAlone("fc", net[1].fc)
    net.eval()
    with torch.no_grad():
        for number in range(2):
            torch.testing.assert_close(alone(found.train[number]), net(views[number]), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(alone(found.validation[0]), net(held[0]), rtol=1e-4, atol=1e-4)
    assert [name for name, _ in alone.named_parameters()] == ["fc.weight", "fc.bias"]
    assert isinstance(net[1].fc, nn.Linear)  # back in its place


def test_norms_become_part_of_their_convolutions_and_nothing_else_changes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = efficientnet_lite0.build(Spec("image", (40, 40, 3), ("cat", "dog")))
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    net = nn.Sequential(ImageInput([0.5] * 3, [0.5] * 3), model)
    image_VNHWC = torch.randint(0, 255, (1, 5, 40, 40, 3), dtype=torch.uint8)
    found = embed(net, "classifier", image_VNHWC, image_VNHWC, tmp_path, device=CPU, precision="float32", decided_by={})
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in model.modules()) == 49
    net.eval()
    with torch.no_grad():
        logits = net(image_VNHWC[0])
        torch.testing.assert_close(model.classifier(found.train[0]), logits, rtol=1e-3, atol=1e-4)


def test_only_what_is_measured_is_cropped(tmp_path: Path) -> None:
    net, views = network(evaluate_crop=0.6), images(1)
    found = embedded(tmp_path, net, views, views)
    assert not torch.allclose(found.train[0], found.validation[0])
    whole = embedded(tmp_path / "whole", network(), views, views)
    torch.testing.assert_close(whole.train, found.train, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(whole.train[0], whole.validation[0], rtol=1e-5, atol=1e-6)


def test_what_was_computed_is_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net, views = network(), images(3)
    first = embedded(tmp_path, net, views, views[:1])
    monkeypatch.setattr(embeddings, "_below", None)  # computing anything now would fail
    again = embedded(tmp_path, net, views, views[:1])
    assert torch.equal(first.train, again.train) and torch.equal(first.validation, again.validation)


def test_a_computation_that_was_stopped_goes_on_with_the_next_view(tmp_path: Path) -> None:
    net, views = network(), images(3)
    whole = embedded(tmp_path / "whole", net, views, views[:1])

    class StopError(Exception):
        pass

    def stop(_: str, done: int, total: int | None) -> None:
        if done > 2 * N:
            raise StopError

    with pytest.raises(StopError):
        embedded(tmp_path / "cut", net, views, views[:1], progress=stop)
    (kept,) = (tmp_path / "cut").iterdir()
    assert json.loads((kept / "done.json").read_text()) == {"validation": 1, "train": 1}
    seen: list[int] = []
    again = embedded(tmp_path / "cut", net, views, views[:1], progress=lambda _, done, total: seen.append(done))
    assert min(seen) > 2 * N
    assert torch.equal(again.train, whole.train)


@pytest.mark.parametrize("damage", ["gone", "cut short", "no array"])
def test_what_is_damaged_is_computed_anew(tmp_path: Path, damage: str) -> None:
    net, views = network(), images(2)
    expected = embedded(tmp_path, net, views, views[:1]).train.clone()
    (path,) = tmp_path.glob("*/train.npy")
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[:-8] if damage == "cut short" else bytes(len(content)))
    assert torch.equal(embedded(tmp_path, net, views, views[:1]).train, expected)


def test_two_trainings_at_once_compute_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits, and takes over what the first has computed."""
    computed: list[int] = []
    below = embeddings._below

    def counted(*call: Any) -> np.ndarray:
        computed.append(len(call[1]))
        return below(*call)

    monkeypatch.setattr(embeddings, "_below", counted)
    views, networks = images(2), [network(), network()]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda net: embedded(tmp_path, net, views, views[:1]).train.clone(), networks)
    assert torch.equal(first, second) and sum(computed) == 3 * N


def test_other_weights_other_settings_and_another_head_alone_are_told_apart(tmp_path: Path) -> None:
    net, views = network(), images(1)
    embedded(tmp_path, net, views, views)
    with torch.no_grad():
        net[1].fc.weight.add_(1)
    embedded(tmp_path, net, views, views)
    assert len(list(tmp_path.iterdir())) == 1  # the head does not decide what comes before it
    with torch.no_grad():
        net[1].layer4[1].bn2.running_mean.add_(0.1)
    embedded(tmp_path, net, views, views)
    assert len(list(tmp_path.iterdir())) == 2
    decided_by = {"environment": describe_environment(CPU, 1)}
    embed(net, "fc", views, views, tmp_path, device=CPU, precision="float32", decided_by=decided_by)
    assert len(list(tmp_path.iterdir())) == 3


def test_dropout_or_a_layer_that_learns_below_the_head_forbids_embeddings() -> None:
    model = network()[1]
    assert only_head_learns(model, "fc")
    model.layer4[1].bn2.weight.requires_grad_(True)
    assert not only_head_learns(model, "fc")
    model = network()[1]
    model.avgpool = nn.Sequential(model.avgpool, nn.Dropout(0.1))
    assert not only_head_learns(model, "fc")
    assert K == 3

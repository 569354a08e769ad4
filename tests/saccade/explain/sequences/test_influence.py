"""Influences add up, equal captum's, leave padding alone, and light up what a network was built to look at."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerIntegratedGradients
from sequence_bundles import FORECAST, NEXT, PADDED, ROWS, SERIES, TEXTS, trained
from torch import nn

from saccade.core.errors import UserError
from saccade.explain.attribution.frozen import state_digest
from saccade.explain.sequences import explain_stored, explain_text, influences, methods_for
from saccade.explain.sequences.answers import answers, chosen
from saccade.explain.sequences.influence import integrated_gradients
from saccade.predict.predictor import Predictor

TEXT = torch.tensor([[2, 5, 3, 9, 4, 2, 7]], dtype=torch.int32)
LONGER = torch.cat((TEXT, torch.zeros(1, 3, dtype=torch.int32)), dim=1)
READERS = [("lstm", {}), ("gru", {}), ("rnn", {}), ("lstm", {"bidirectional": True, "num_layers": 2}), ("conv1d", {})]


def wanted(network: Predictor, stored: torch.Tensor, names: tuple[str, ...] = ()) -> list:
    return chosen(answers(network, stored), names, network.config)


def small(model: str, arguments: dict) -> dict:
    return arguments | ({"hidden_size": 6} if model != "conv1d" else {"channels": [5, 6], "kernel_size": 3})


@pytest.mark.parametrize("model, arguments", READERS)
def test_of_texts_equal_to_captum(model: str, arguments: dict) -> None:
    network = trained(model, TEXTS, embedding_size=4, **small(model, arguments))
    (embedding,) = [module for module in network.network.modules() if isinstance(module, nn.Embedding)]
    theirs = LayerIntegratedGradients(network.network, embedding)
    for own in integrated_gradients(network, TEXT, wanted(network, TEXT), nodes=20):
        # Padding as their baseline is looked up once, and the text's own ids say where it ends
        captum = theirs.attribute(TEXT, baselines=torch.zeros_like(TEXT), target=own.answer.place, n_steps=20)
        torch.testing.assert_close(torch.tensor(own.values).float(), captum.sum(dim=2)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model", ["lstm", "nlinear", "conv1d"])
def test_of_forecasts_equal_to_captum(model: str) -> None:
    options = {"lstm": {"hidden_size": 6, "from_last": True}, "conv1d": small("conv1d", {}), "nlinear": {}}[model]
    network = trained(model, FORECAST, **options)
    x_1TF = torch.randn(1, 9, 2, generator=torch.Generator().manual_seed(1)) + 0.5
    theirs = IntegratedGradients(network.network[1:])
    for own in integrated_gradients(network, x_1TF, wanted(network, x_1TF), nodes=20):
        normalised = network.network[0](x_1TF)
        captum = theirs.attribute(normalised, target=own.answer.place, n_steps=20)
        torch.testing.assert_close(torch.tensor(own.values).float(), captum[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model, arguments", READERS)
def test_add_up_to_the_difference(model: str, arguments: dict) -> None:
    network = trained(model, TEXTS, scale=2.0, embedding_size=4, **small(model, arguments))
    for own in influences(network, TEXT, wanted(network, TEXT)):
        assert own.start is not None and own.gap is not None
        assert own.values.sum() == pytest.approx(own.score - own.start, abs=0.01 * abs(own.score - own.start) + 1e-6)


def test_add_up_where_a_recurrence_changes_its_mind_at_once() -> None:
    # One unit that keeps what it is pushed to: half of the way below the threshold, half of it above
    network = trained("rnn", TEXTS, embedding_size=1, hidden_size=1)
    with torch.no_grad():
        model = network.network[1]
        model.reader.weight[2:] = 1.0
        model.recurrent.weight_ih_l0.fill_(4.0)
        model.recurrent.weight_hh_l0.fill_(8.0)
        model.recurrent.bias_ih_l0.fill_(-1.6)
        model.recurrent.bias_hh_l0.fill_(0.0)
    (own, _) = influences(network, TEXT, wanted(network, TEXT))
    one_piece = integrated_gradients(network, TEXT, [own.answer], nodes=64)[0]
    assert own.gap is not None and one_piece.gap is not None
    assert own.gap < 0.01 < one_piece.gap  # many nodes without looking where the difference is do not see it


def test_padding_has_no_influence_and_changes_none() -> None:
    for model, arguments in READERS:
        network = trained(model, TEXTS, embedding_size=4, **small(model, arguments))
        for method in methods_for(network):
            alone = influences(network, TEXT, wanted(network, TEXT), method=method)[0].values
            padded = influences(network, LONGER, wanted(network, TEXT), method=method)[0].values
            assert (padded[7:] == 0).all(), (model, method)
            np.testing.assert_allclose(padded[:7], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("model", ["lstm", "rnn", "conv1d"])
def test_what_lies_behind_a_series_has_no_influence(model: str) -> None:
    network = trained(model, PADDED, **small(model, {}))
    x_1TF = torch.randn(1, 4, 3, generator=torch.Generator().manual_seed(2))
    longer = torch.cat((x_1TF, torch.full((1, 3, 3), torch.nan)), dim=1)
    for method in methods_for(network):
        alone = influences(network, x_1TF, wanted(network, x_1TF), method=method)[0].values
        padded = influences(network, longer, wanted(network, x_1TF), method=method)[0].values
        assert padded.shape == (7, 3) and (padded[4:] == 0).all()
        np.testing.assert_allclose(padded[:4], alone, rtol=1e-5, atol=1e-6)
    explained = explain_stored(network, longer[0].numpy())
    assert explained.steps == ("1", "2", "3", "4") and explained.columns == ("a", "b", "c")
    assert np.isfinite(explained.influences[0].values).all()


def test_light_up_the_one_token_that_decides() -> None:
    network = trained("lstm", TEXTS, embedding_size=1, hidden_size=1, pool="max")
    with torch.no_grad():
        model = network.network[1]
        model.reader.weight.fill_(0.0)
        model.reader.weight[TEXTS.vocabulary.index("n")] = 5.0  # no other letter says anything
    explained = explain_text(network, "tatnota", classes=["dog"])
    for method in methods_for(network):
        (own,) = explain_text(network, "tatnota", classes=["dog"], method=method).influences
        assert int(np.abs(own.values).argmax()) == 3, method
        assert np.abs(np.delete(own.values, 3)).max() <= 1e-6
    assert explained.steps == tuple("tatnota")


def test_leaving_one_out_is_the_fall_of_the_score() -> None:
    network = trained("gru", SERIES, hidden_size=5)
    x_1TF = torch.randn(1, 7, 3, generator=torch.Generator().manual_seed(3))
    (own, other) = influences(network, x_1TF, wanted(network, x_1TF), method="leave-one-out")
    without = x_1TF.clone()
    without[0, 4, 1] = 0.4  # the second feature's mean
    with torch.no_grad():
        fall = network.network(x_1TF)[0] - network.network(without)[0]
    assert own.values[4, 1] == pytest.approx(float(fall[own.answer.place]), abs=1e-6)
    assert other.values[4, 1] == pytest.approx(float(fall[other.answer.place]), abs=1e-6)
    assert own.start is None and own.gap is None


def test_of_the_next_token_and_of_a_token_by_name() -> None:
    network = trained("lstm", NEXT, embedding_size=4, hidden_size=6)
    explained = explain_text(network, "tea in r")
    assert [one.answer.name for one in explained.influences] == [one.name for one in explained.answers[:2]]
    assert explained.unknown == {3, 6}  # the spaces
    (own,) = explain_text(network, "tea in r", classes=["s"]).influences
    with torch.no_grad():
        ids = torch.tensor([[3, 2, 4, 1, 6, 7, 1, 10]])
        assert own.score == pytest.approx(float(network.network(ids)[0, -1, own.answer.place]), abs=1e-5)
    assert not {"<pad>", "<unknown>"} & {one.name for one in answers(network, ids)}


def test_of_rows_of_an_image() -> None:
    network = trained("lstm", ROWS, hidden_size=6)
    image_HWC = np.random.default_rng(0).integers(0, 255, (8, 5, 1), dtype=np.uint8)
    explained = explain_stored(network, image_HWC)
    assert explained.unit == "rows" and explained.steps == tuple("12345678")
    assert explained.influences[0].values.shape == (8,) and explained.influences[0].gap < 0.01


def test_of_two_classes_told_by_one_logit() -> None:
    spec = replace(TEXTS, classes=("no", "yes"))
    network = trained("lstm", spec, config={"one_output": True}, embedding_size=4, hidden_size=6)
    no, yes = influences(network, TEXT, wanted(network, TEXT, ("no", "yes")))
    np.testing.assert_allclose(no.values, -yes.values)
    assert yes.values.sum() == pytest.approx(yes.score - yes.start, abs=0.02)


def test_of_several_networks_that_answer_together() -> None:
    network = trained("lstm", TEXTS, config={"members": 2}, embedding_size=4, hidden_size=6)
    own = influences(network, TEXT, wanted(network, TEXT))[0]
    assert own.gap < 0.01
    first = copy.deepcopy(network)
    with torch.no_grad():  # the second one blind: what it reads says nothing
        first.network[1].members[1].reader.weight.fill_(0.0)
    blind = influences(first, TEXT, [own.answer])[0]
    assert blind.gap < 0.01 and not np.allclose(blind.values, own.values)


def test_nothing_of_the_network_changes() -> None:
    network = trained("lstm", TEXTS, embedding_size=4, hidden_size=6, dropout=0.5)
    before = state_digest(network.network)
    explain_text(network, "tea")
    assert state_digest(network.network) == before
    assert all(parameter.grad is None for parameter in network.network.parameters())
    assert not any(module.training for module in network.network.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.network.modules())
    network.network.train()
    with pytest.raises(UserError, match="evaluation mode"):
        explain_text(network, "tea")


def test_what_does_not_fit_is_refused() -> None:
    network = trained("lstm", TEXTS, embedding_size=4, hidden_size=6)
    with pytest.raises(UserError, match=r"method \(occlusion\) does not fit texts with lstm: take integrated-"):
        explain_text(network, "tea", method="occlusion")
    with pytest.raises(UserError, match=r"class \('dogg'\) .* did you mean 'dog'\?"):
        explain_text(network, "tea", classes=["dogg"])
    with pytest.raises(UserError, match=r"class \('zebra'\) must be one that the network knows: 'cat', 'dog', 'owl'"):
        explain_text(network, "tea", classes=["zebra"])
    with pytest.raises(UserError, match=r"text \('  '\) must hold one of the characters"):
        explain_text(network, "  ")
    with pytest.raises(UserError, match="all of its 3 tokens are unknown"):
        explain_text(network, "xyz")
    with pytest.raises(UserError, match=r"takes about .* s, but may take 0\.0 s: .* --limit"):
        explain_text(network, "tea", limit_s=0.0)
    series = trained("lstm", SERIES, hidden_size=5)
    with pytest.raises(UserError, match=r"example \(7 x 2\) must be 7 x 3 with the columns a, b, c"):
        explain_stored(series, np.zeros((7, 2), np.float32))
    with pytest.raises(UserError, match="must take texts"):
        explain_text(series, "tea")
    with pytest.raises(UserError, match="model \\(mlp\\) reads no sequence"):
        explain_stored(trained("mlp", ROWS, hidden=[4]), np.zeros((8, 5, 1), np.uint8))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize("method", ["integrated-gradients", "leave-one-out"])
@pytest.mark.parametrize("model", ["lstm", "gru", "rnn"])
def test_in_evaluation_mode_on_cuda_where_cudnn_refuses_the_way_back(model: str, method: str) -> None:
    network = trained(model, TEXTS, embedding_size=4, hidden_size=6, bidirectional=True)
    on_cpu = influences(network, TEXT, wanted(network, TEXT), method=method)
    on_cuda = Predictor(network.config, copy.deepcopy(network.network).cuda(), torch.device("cuda"))
    digest = state_digest(on_cuda.network)
    found = influences(on_cuda, TEXT, wanted(on_cuda, TEXT), method=method)
    for one, other in zip(found, on_cpu, strict=True):
        np.testing.assert_allclose(one.values, other.values, rtol=1e-3, atol=1e-5)  # kernels of another device
    assert state_digest(on_cuda.network) == digest and not any(each.training for each in on_cuda.network.modules())

"""Mixed examples: against numbers by hand, torchvision's transforms, and the loop that anyone would write.

Shapes: B batch, N examples, H height, W width, C channels, K classes.
"""

import random
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from flat_fit import fit
from torch import Tensor, nn
from torchvision.transforms import v2

from saccade.batching.arrays import LabelledArrays
from saccade.batching.mixup import Mix, draw_mix
from saccade.bundle.inputs import ImageInput
from saccade.core.devices import derive_seed
from saccade.optim import optimizers
from saccade.optim.losses import LOSSES, SCORES, MixedTarget, cross_entropy, mixup_loss, num_correct
from saccade.train.state import TrainingState

CPU = torch.device("cpu")
H, W, C, K = 9, 14, 3, 5
DRAWS = 2000


def pictures(count: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (count, H, W, C), generator=torch.Generator().manual_seed(seed)).to(torch.uint8)


def draws(count: int = DRAWS, shape: tuple[int, ...] = (H, W, C), **alphas: float | None) -> list[Mix]:
    made = [draw_mix(shape, **{"mixup": None, "cutmix": None} | alphas, seed=3, updates=u) for u in range(count)]
    assert all(mix is not None for mix in made)
    return made  # type: ignore[return-value]


# Two examples


def test_a_blend_by_hand_is_not_rounded() -> None:
    x, partner = (torch.tensor([[[[value]]]], dtype=torch.uint8) for value in (10, 255))
    blended = Mix(lam=0.75).examples(x, partner)
    assert blended.dtype == torch.float32 and blended.item() == 0.75 * 10 + 0.25 * 255 == 71.25


def test_a_blend_of_series_by_hand() -> None:
    x_BTF, partner_BTF = torch.tensor([[[1.0], [-2.0]]]), torch.tensor([[[3.0], [6.0]]])
    assert Mix(lam=0.25).examples(x_BTF, partner_BTF).tolist() == [[[2.5], [4.0]]]


def test_a_box_by_hand() -> None:
    x = torch.zeros(2, 3, 4, 1, dtype=torch.uint8)
    mixed = Mix(lam=0.75, box=(1, 2, 0, 3)).examples(
        x, x + torch.tensor([7, 9], dtype=torch.uint8)[:, None, None, None]
    )
    assert mixed.dtype == torch.uint8
    assert mixed[..., 0].tolist() == [
        [[0, 0, 0, 0], [7, 7, 7, 0], [0, 0, 0, 0]],
        [[0, 0, 0, 0], [9, 9, 9, 0], [0, 0, 0, 0]],
    ]
    assert not x.any()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_or_nothing_of_the_partner(share: float) -> None:
    x, partner = pictures(2), pictures(2, seed=1)
    assert torch.equal(Mix(share).examples(x, partner), (x if share else partner).float())


def test_mixing_before_normalising_is_mixing_after_it() -> None:
    layer = ImageInput([0.4, 0.45, 0.5], [0.2, 0.25, 0.3])
    x, partner = pictures(4), pictures(4, seed=1)
    blended = layer(Mix(0.3).examples(x, partner))
    # pixels lie within 3 standard deviations, where float32 has 7 digits
    torch.testing.assert_close(blended, 0.3 * layer(x) + 0.7 * layer(partner), rtol=1e-5, atol=2e-6)
    box = (2, 7, 3, 11)
    expected = layer(x).clone()
    expected[:, :, 2:7, 3:11] = layer(partner)[:, :, 2:7, 3:11]
    assert torch.equal(layer(Mix(0.5, box).examples(x, partner)), expected)


# Losses and scores


def test_a_loss_and_a_score_by_hand() -> None:
    logits_BK = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]))
    target = MixedTarget(own=torch.tensor([0, 1]), partner=torch.tensor([1, 2]), lam=0.7)
    own, partner = -(np.log(0.5) + np.log(0.1)) / 2, -(np.log(0.3) + np.log(0.8)) / 2
    assert mixup_loss(cross_entropy)(logits_BK, target).item() == pytest.approx(0.7 * own + 0.3 * partner, rel=1e-6)
    assert mixup_loss(num_correct)(logits_BK, target).item() == pytest.approx(0.7 * 1 + 0.3 * 1)
    torch.testing.assert_close(mixup_loss(cross_entropy)(logits_BK, target.own), cross_entropy(logits_BK, target.own))


@pytest.mark.parametrize("name", ["cross_entropy", "mse"])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_gradients_are_finite_however_sure_the_network_is(name: str, share: float) -> None:
    logits_BK = torch.diag(torch.tensor([100.0, -100.0, 1e4, 0.0, 3e38])).requires_grad_()
    weight_K = torch.tensor([0.0, 4.0, 1.5, 0.5, 2.0])
    target = MixedTarget(torch.arange(5), torch.arange(5).roll(1), share)
    mixup_loss(partial(LOSSES[name], weight_K=weight_K))(logits_BK, target).backward()
    assert logits_BK.grad is not None and logits_BK.grad.isfinite().all() and logits_BK.grad.any()


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_pictures_and_losses_are_torchvisions(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the same share and box. Their partners are also the ones before; their loss takes mixed one-hot targets."""
    random = torch.Generator().manual_seed(2)
    x, label_B, logits_BK = (
        pictures(6),
        torch.randint(0, K, (6,), generator=random),
        torch.randn(6, K, generator=random),
    )
    given: dict[str, Any]
    of_kind: dict[str, Any] = {kind: 0.8}
    for mix in draws(25, **of_kind):
        if mix.box is None:
            theirs, given = v2.MixUp(num_classes=K), {"lam": mix.lam}
        else:
            top, bottom, left, right = mix.box
            theirs, given = v2.CutMix(num_classes=K), {"box": (left, top, right, bottom), "lam_adjusted": mix.lam}
        monkeypatch.setattr(theirs, "make_params", lambda flat, given=given: given)
        expected, soft_BK = theirs(x.permute(0, 3, 1, 2).float(), label_B)
        mixed, target = mix.batch(x, label_B, x, label_B, torch.arange(6).roll(1))
        torch.testing.assert_close(mixed.float().permute(0, 3, 1, 2), expected, rtol=1e-6, atol=1e-4)  # of 0..255
        torch.testing.assert_close(
            mixup_loss(cross_entropy)(logits_BK, target), nn.CrossEntropyLoss()(logits_BK, soft_BK)
        )


# What is drawn


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_those_of_the_beta_distribution(alpha: float) -> None:
    from scipy import stats

    shares = [mix.lam for mix in draws(mixup=alpha)]
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 0.01
    assert stats.kstest(shares, stats.beta(2 * alpha, 2 * alpha).cdf).pvalue < 1e-6


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_boxes_are_as_often_as_large_as_torchvisions(alpha: float) -> None:
    from scipy import stats

    torch.manual_seed(0)
    theirs = v2.CutMix(alpha=alpha, num_classes=K)
    drawn = [theirs.make_params([torch.empty(1, C, 31, 47)]) for _ in range(DRAWS)]
    ours = draws(shape=(31, 47, C), cutmix=alpha)
    assert stats.ks_2samp([mix.lam for mix in ours], [each["lam_adjusted"] for each in drawn]).pvalue > 0.01
    for side, other in enumerate((1, 3, 0, 2)):  # top, bottom, left, right among their left, top, right, bottom
        lines = [mix.box[side] for mix in ours if mix.box], [each["box"][other] for each in drawn]
        assert stats.ks_2samp(*lines).pvalue > 0.01


@pytest.mark.parametrize(("height", "width"), [(9, 14), (1, 1), (28, 28), (2, 31)])
def test_the_share_counts_the_pixels_that_are_pasted(height: int, width: int) -> None:
    own, partner = torch.zeros(1, height, width, 1), torch.ones(1, height, width, 1)
    for mix in draws(300, shape=(height, width, 1), cutmix=1.0):
        assert mix.box is not None
        top, bottom, left, right = mix.box
        assert 0 <= top <= bottom <= height and 0 <= left <= right <= width
        pasted = int(mix.examples(own, partner).sum())
        assert pasted == round((1 - mix.lam) * height * width)
        assert mix.lam == 1 - pasted / (height * width)


def test_boxes_reach_every_pixel_and_are_cut_off_at_the_edges() -> None:
    own, partner = torch.zeros(1, H, W, 1), torch.ones(1, H, W, 1)
    mixes = draws(500, cutmix=1.0)
    covered_HW = torch.stack([mix.examples(own, partner)[0, :, :, 0] for mix in mixes]).mean(dim=0)
    assert covered_HW.min() > 0.05 and covered_HW.max() < 0.95
    boxes = [mix.box for mix in mixes if mix.box]
    assert any((bottom - top) % 2 for top, bottom, _, _ in boxes)  # two halves, unless one is cut off


def test_both_are_drawn_half_of_the_time() -> None:
    boxes = sum(mix.box is not None for mix in draws(mixup=0.2, cutmix=1.0))
    assert abs(boxes / DRAWS - 0.5) < 0.04  # 3.6 standard deviations
    assert all(mix.box is None for mix in draws(50, mixup=0.2)) and all(mix.box for mix in draws(50, cutmix=1.0))
    assert draw_mix((H, W, C), mixup=None, cutmix=None, seed=3, updates=0) is None


@pytest.mark.parametrize("alphas", [{"mixup": 0.2}, {"cutmix": 1.0}, {"mixup": 0.2, "cutmix": 1.0}])
def test_a_draw_follows_from_seed_and_update_alone_and_draws_from_nobody_else(alphas: dict[str, Any]) -> None:
    first = draws(20, **alphas)
    random.seed(5)
    torch.manual_seed(5)
    states = random.getstate(), torch.get_rng_state()
    assert draws(20, **alphas)[::-1] == first[::-1]
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])
    assert len({mix.lam for mix in first}) > 15
    settings: dict[str, Any] = {"mixup": None, "cutmix": None} | alphas
    assert [draw_mix((H, W, C), **settings, seed=4, updates=u) for u in range(20)] != first


@pytest.mark.parametrize("alpha", [1e-300, 1e-3, 1000.0])
def test_any_alpha_gives_a_share(alpha: float) -> None:
    for mixes in (draws(200, mixup=alpha), draws(200, cutmix=alpha)):
        assert all(0 <= mix.lam <= 1 for mix in mixes)


# In training


class Flat(nn.Module):
    """A linear classifier: what it learns shows every pixel and every label."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(C * H * W, K)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.output(x_BCHW.flatten(1))


def flat_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(ImageInput([0.4, 0.45, 0.5], [0.2, 0.25, 0.3]), Flat())


@pytest.mark.parametrize("class_weights", [None, torch.tensor([0.5, 3.0, 1.0, 0.25, 2.0])], ids=["alike", "weighted"])
@pytest.mark.parametrize("alphas", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_it_is_the_loop_that_anyone_would_write(alphas: dict[str, Any], class_weights: Tensor | None) -> None:
    """Normalised first, then mixed; the loss of each example by torch, weighted afterwards."""
    N, size = 22, 8
    data = LabelledArrays(pictures(N)[None], torch.randint(0, K, (N,), generator=torch.Generator().manual_seed(1)))
    network = flat_network()
    state = TrainingState(network, optimizers.build("sgd", network, lr=0.01, momentum=0.9))
    settings: dict[str, Any] = {
        "loss": cross_entropy, "schedule": lambda step: 1.0, "lr": 0.01, "epochs": 2, "batch_size": size,
        "clip_norm": None, "device": CPU, "precision": "float32", "seed": 4,
    }  # fmt: skip
    records = list(fit(state, data, data, **settings, class_weights=class_weights, **alphas))

    expected = flat_network()
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.01, momentum=0.9)
    weight_K = torch.ones(K) if class_weights is None else class_weights
    step, kinds = 0, set()
    for record in records:
        loss_sum = right_sum = 0.0
        order = torch.randperm(N, generator=torch.Generator().manual_seed(derive_seed(4, "order", record.epoch)))
        for rows in order.split(size):
            mix = draw_mix((H, W, C), **{"mixup": None, "cutmix": None} | alphas, seed=4, updates=step)
            assert mix is not None
            others = torch.tensor([rows[i - 1] for i in range(len(rows))])
            x, partner = (expected[0](data.views[0, of]) for of in (rows, others))
            mask_HW = torch.full((H, W), mix.lam)
            if mix.box is not None:
                top, bottom, left, right = mix.box
                mask_HW = torch.ones(H, W)
                mask_HW[top:bottom, left:right] = 0
            logits_BK = expected[1](mask_HW * x + (1 - mask_HW) * partner)
            loss = torch.zeros(())
            for share, of in ((mix.lam, rows), (1 - mix.lam, others)):
                target_B = data.labels[of]
                loss_B = nn.functional.cross_entropy(logits_BK, target_B, reduction="none")
                loss = loss + share * (weight_K[target_B] * loss_B).mean()
                right_sum += share * float((logits_BK.argmax(dim=1) == target_B).sum())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(rows)
            kinds.add(mix.box is None)
            step += 1
        assert record.train_loss == pytest.approx(loss_sum / N, rel=1e-5)
        assert record.train_score == pytest.approx(right_sum / N, rel=1e-5)
    assert len(kinds) == len(alphas)
    for ours, theirs in zip(network.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)  # normalised before or after: rounds otherwise


def test_validation_is_not_mixed() -> None:
    data = LabelledArrays(pictures(12)[None], torch.arange(12) % K)
    network = flat_network()
    state = TrainingState(network, optimizers.build("sgd", network, lr=0.01))
    (record,) = fit(
        state, data, data, loss=cross_entropy, schedule=lambda step: 0.0, lr=0.01, epochs=1, batch_size=12,
        clip_norm=None, device=CPU, precision="float32", seed=4, mixup=1.0,
    )  # fmt: skip
    logits_NK = network(data.views[0])
    assert record.validation_loss == pytest.approx(cross_entropy(logits_NK, data.labels).item(), rel=1e-5)
    assert record.validation_score == pytest.approx(SCORES["accuracy"](logits_NK, data.labels).item() / 12)
    assert record.train_loss != pytest.approx(record.validation_loss, rel=0.01)

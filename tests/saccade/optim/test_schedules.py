"""Learning rates against torch's own schedulers, and as written lists."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, StepLR

from saccade.optim.schedules import Schedule, build

LR = 0.3


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)


def rates_of(scheduler: LRScheduler, steps: int) -> list[float]:
    rates = []
    for step in range(steps):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        if step + 1 < steps:
            scheduler.step()
    return rates


def ours(schedule: Schedule, steps: int) -> list[float]:
    return [LR * schedule(step) for step in range(steps)]


@pytest.mark.parametrize(
    ("epochs", "steps_per_epoch", "options"),
    [
        (1, 3, {}),
        (2, 5, {}),
        (7, 53, {}),
        (2, 5, {"warmup_fraction": 0.5}),
        (4, 25, {"warmup_fraction": 0.1, "start_factor": 0.2, "final_factor": 0.02}),
        (1, 2, {"warmup_fraction": 0.9}),
    ],
)
def test_one_cycle_is_torchs(epochs: int, steps_per_epoch: int, options: dict[str, float]) -> None:
    steps = epochs * steps_per_epoch
    start = options.get("start_factor", 0.04)
    final = options.get("final_factor", 4e-6)
    expected = OneCycleLR(
        optimizer(),
        max_lr=LR,
        total_steps=steps,
        pct_start=options.get("warmup_fraction", 0.3),
        div_factor=1 / start,
        final_div_factor=start / final,
        cycle_momentum=False,
    )
    schedule = build("one_cycle", lr=1.0, epochs=epochs, steps_per_epoch=steps_per_epoch, **options)
    assert ours(schedule, steps) == pytest.approx(rates_of(expected, steps), rel=1e-9)


def test_one_cycle_at_the_first_step_the_peak_and_the_last() -> None:
    schedule = build("one_cycle", lr=1.0, epochs=4, steps_per_epoch=5)
    assert [schedule(step) for step in (0, 5, 19)] == pytest.approx([0.04, 1.0, 4e-6], rel=1e-12)
    factors = [schedule(step) for step in range(20)]
    assert factors[:6] == sorted(factors[:6])
    assert factors[5:] == sorted(factors[5:], reverse=True)
    assert len(set(factors)) == 20


@pytest.mark.parametrize("final_factor", [0.0, 0.1])
@pytest.mark.parametrize(("epochs", "steps_per_epoch"), [(1, 1), (1, 2), (3, 7)])
def test_cosine_is_torchs(epochs: int, steps_per_epoch: int, final_factor: float) -> None:
    steps = epochs * steps_per_epoch
    expected = CosineAnnealingLR(optimizer(), T_max=steps, eta_min=LR * final_factor)
    schedule = build("cosine", lr=1.0, epochs=epochs, steps_per_epoch=steps_per_epoch, final_factor=final_factor)
    assert ours(schedule, steps) == pytest.approx(rates_of(expected, steps), rel=1e-9)
    assert schedule(steps) == pytest.approx(final_factor)


@pytest.mark.parametrize(("every_epochs", "factor"), [(1, 0.5), (2, 0.1), (9, 0.1)])
def test_step_is_torchs(every_epochs: int, factor: float) -> None:
    expected = StepLR(optimizer(), step_size=every_epochs * 4, gamma=factor)
    schedule = build("step", lr=1.0, epochs=5, steps_per_epoch=4, every_epochs=every_epochs, factor=factor)
    assert ours(schedule, 20) == pytest.approx(rates_of(expected, 20), rel=1e-9)


def test_step_goes_down_at_the_first_step_of_an_epoch() -> None:
    schedule = build("step", lr=1.0, epochs=4, steps_per_epoch=3, every_epochs=2, factor=0.1)
    assert [schedule(step) for step in range(12)] == pytest.approx([1] * 6 + [0.1] * 6)


def test_constant_is_one() -> None:
    schedule = build("constant", lr=1.0, epochs=3, steps_per_epoch=2)
    assert [schedule(step) for step in range(6)] == [1.0] * 6


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("constant", {}, [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]),
        ("step", {"every_epochs": 1, "factor": 0.5}, [0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.5]),
        ("cosine", {}, [0.25, 0.5, 0.75, 1, 1, 0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5]),
        ("cosine", {"final_factor": 1.0}, [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]),
    ],
)
def test_warm_up_and_what_follows(name: str, options: dict[str, float], expected: list[float]) -> None:
    """Step 0 is 1 / 4 and not 0; the last warm-up step (3) is 1; then the schedule begins at its own start."""
    schedule = build(name, lr=1.0, epochs=4, steps_per_epoch=2, warmup_epochs=2, **options)
    assert [schedule(step) for step in range(8)] == pytest.approx(expected)


def test_warm_up_may_be_a_part_of_an_epoch_and_longer_than_the_run() -> None:
    schedule = build("constant", lr=1.0, epochs=1, steps_per_epoch=8, warmup_epochs=0.25)
    assert [schedule(step) for step in range(4)] == [0.5, 1, 1, 1]
    for name in ("constant", "cosine"):
        schedule = build(name, lr=1.0, epochs=1, steps_per_epoch=2, warmup_epochs=2)
        assert [schedule(step) for step in range(2)] == [0.25, 0.5]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("constant", {"warmup_epochs": 1}),
        ("step", {"every_epochs": 1}),
        ("cosine", {}),
        ("cosine", {"warmup_epochs": 1}),
        *[("one_cycle", {"warmup_fraction": fraction}) for fraction in (0.01, 0.3, 0.5, 0.99)],
    ],
)
@pytest.mark.parametrize(("epochs", "steps_per_epoch"), [(1, 1), (1, 2), (2, 1), (1, 3), (2, 2)])
def test_the_shortest_runs_have_a_rate(name: str, options: dict[str, float], epochs: int, steps_per_epoch: int) -> None:
    schedule = build(name, lr=1.0, epochs=epochs, steps_per_epoch=steps_per_epoch, **options)
    factors = [schedule(step) for step in range(epochs * steps_per_epoch)]
    assert all(math.isfinite(factor) and 0 < factor <= 1 for factor in factors)


def test_a_schedule_remembers_nothing() -> None:
    schedule = build("one_cycle", lr=1.0, epochs=4, steps_per_epoch=5)
    forward = [schedule(step) for step in range(20)]
    assert [schedule(step) for step in reversed(range(20))] == forward[::-1]


def test_the_rate_is_lr_times_the_factor() -> None:
    of_one = build("one_cycle", lr=1.0, epochs=3, steps_per_epoch=4)
    schedule = build("one_cycle", lr=0.3, epochs=3, steps_per_epoch=4)
    assert [schedule(step) for step in range(12)] == [0.3 * of_one(step) for step in range(12)]

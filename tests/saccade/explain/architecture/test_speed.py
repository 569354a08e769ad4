"""What a network costs: multiply-adds as `saccade describe` counts them, and a table that is read back as written."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from saccade.bundle.bundle import NetworkConfig
from saccade.data.prepared import Split
from saccade.data.spec import RESERVED, Spec
from saccade.explain.architecture import speed
from saccade.explain.architecture.summary import describe
from saccade.predict.predictor import Predictor

CLASSES = ("a", "b", "c")
IMAGES = Spec("image", (24, 20, 1), CLASSES)
TEXTS = Spec("tokens", (13,), CLASSES, vocabulary=(*RESERVED, "x", "y"), unit="characters")


def predictor_of(model: str, spec: Spec, members: int = 1) -> Predictor:
    statistics = ([0.5], [0.2]) if spec.layout == "image" else ([], [])
    config = NetworkConfig(model, {}, spec, "classify", *statistics, "0" * 64, members=members)
    return Predictor(config, config.build_network().eval(), torch.device("cpu"))


def split(spec: Spec, count: int) -> Split:
    examples = np.ones((count, *spec.shape), np.uint8 if spec.layout == "image" else np.int32)
    return Split(examples, np.zeros(count, np.int64), np.arange(count))


@pytest.mark.parametrize(("model", "spec"), [("lenet5", IMAGES), ("lstm", IMAGES), ("lstm", TEXTS), ("gru", TEXTS)])
def test_multiply_adds_are_those_of_describe(model: str, spec: Spec) -> None:
    predictor = predictor_of(model, spec)
    shape = (1, 24, 20) if spec is IMAGES else spec.shape
    summary = describe(lambda: predictor.config.build_network()[1], shape)
    before = torch.random.get_rng_state()
    assert speed.multiply_adds(predictor) == summary.macs > 1_000
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_vector_is_no_text() -> None:
    spec = Spec("counts", (9,), CLASSES, layout="vector")
    config = NetworkConfig("mlp", {"hidden": [5]}, spec, "classify", [0.0] * 9, [1.0] * 9, "0" * 64)
    predictor = Predictor(config, config.build_network().eval(), torch.device("cpu"))
    assert speed.multiply_adds(predictor) == 9 * 5 + 5 * 3


def test_an_ensemble_costs_what_its_members_do_together() -> None:
    one, three = predictor_of("lenet5", IMAGES), predictor_of("lenet5", IMAGES, members=3)
    assert speed.multiply_adds(three) == 3 * speed.multiply_adds(one)
    (alone, _), (together, _) = (speed.measure_speed(each, split(IMAGES, 5)) for each in (one, three))
    assert together.parameters == 3 * alone.parameters
    assert together.megabytes == pytest.approx(3 * alone.megabytes) and alone.megabytes == alone.parameters * 4 / 1e6


def test_both_batch_sizes_are_timed_and_read_back_as_written(tmp_path) -> None:
    found = speed.measure_speed(predictor_of("lenet5", IMAGES), split(IMAGES, 5))  # fewer than a batch
    assert [each.batch_size for each in found] == [1, 64] and all(each.calls >= 3 for each in found)
    assert all(0 < each.seconds_an_example < 1 for each in found)
    assert {(each.device, each.threads) for each in found} == {("cpu", torch.get_num_threads())}
    speed.write_speed(tmp_path / "speed.csv", found)
    rounded = [
        replace(
            each, seconds_an_example=float(f"{each.seconds_an_example:.4g}"), megabytes=float(f"{each.megabytes:.4g}")
        )
        for each in found
    ]
    assert speed.read_speed(tmp_path / "speed.csv") == rounded
    assert speed.read_speed(tmp_path / "nothing.csv") == []


def test_a_batch_that_would_take_long_is_left_out_with_the_reason(monkeypatch, tmp_path) -> None:
    predictor, asked = predictor_of("lenet5", IMAGES), []

    def answer(batch: Split, batch_size: int) -> None:
        asked.append(batch_size)
        time.sleep(0.002)

    monkeypatch.setattr(predictor, "answer_split", answer)
    monkeypatch.setattr(speed, "_LONG_S", 0.1)
    alone, many = speed.measure_speed(predictor, split(IMAGES, 5))
    assert set(asked) == {1} and alone.seconds_an_example >= 0.002
    assert many.seconds_an_example is None and many.note.startswith("a batch would take about ")
    speed.write_speed(tmp_path / "speed.csv", [alone, many])
    assert speed.read_speed(tmp_path / "speed.csv")[1] == replace(many, megabytes=float(f"{many.megabytes:.4g}"))


def test_a_long_call_is_made_once(monkeypatch) -> None:
    monkeypatch.setattr(speed, "_LONG_S", 0.001)
    calls = []
    assert len(speed._time(lambda: calls.append(time.sleep(0.002)))) == 1 and len(calls) == 1

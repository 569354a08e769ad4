"""The temperature of a classifier: fitted on validation, kept in the bundle, applied once.

Shapes: N examples, K classes.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig, read_config
from saccade.bundle.outputs import DivideLogits
from saccade.bundle.temperature import Temperature, fit_temperature, measure_temperature, negative_log_likelihood
from saccade.core.errors import UserError
from saccade.data.prepared import Split
from saccade.data.spec import Spec
from saccade.evaluate.confidence.answers import Answers
from saccade.evaluate.metrics import expected_calibration_error
from saccade.predict.predictor import load


def overconfident(N: int, temperature: float, *, K: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are ``temperature`` times as large as they should be, and labels: as often right as they said."""
    random = np.random.default_rng(seed)
    logits_NK = random.normal(size=(N, K)) * 2
    labels_N = (logits_NK + random.gumbel(size=(N, K))).argmax(axis=1)
    return (logits_NK * temperature).astype(np.float32), labels_N


def softmax(logits_NK: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits_NK).softmax(dim=1).numpy()


@pytest.mark.parametrize("known", [0.5, 1.6, 7.0])
def test_a_known_temperature_is_found_again(known: float) -> None:
    logits_NK, labels_N = overconfident(4000, known)
    found = fit_temperature(logits_NK, labels_N)
    assert found.value == pytest.approx(known, rel=0.06) and found.reason == ""
    least = negative_log_likelihood(logits_NK, labels_N, found.value)
    for other in (0.9 * found.value, 1.1 * found.value, 1.0):
        assert least < negative_log_likelihood(logits_NK, labels_N, other)
    assert fit_temperature(logits_NK, labels_N) == found


def test_the_negative_log_likelihood_is_torch_s_cross_entropy() -> None:
    logits_NK, labels_N = overconfident(31, 3.0, K=5)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits_NK).double() / 1.7, torch.from_numpy(labels_N))
    assert negative_log_likelihood(logits_NK, labels_N, 1.7) == pytest.approx(float(expected), rel=1e-12)


def test_of_a_network_that_is_too_sure_on_purpose_the_error_falls_to_a_third_and_no_answer_moves() -> None:
    found = fit_temperature(*overconfident(1000, 5.0)).value
    logits_NK, labels_N = overconfident(4000, 5.0, seed=1)
    before, after = (Answers.of(softmax(each_NK), labels_N) for each_NK in (logits_NK, logits_NK / found))
    errors = [expected_calibration_error(each.confidences_N, each.is_right_N) for each in (before, after)]
    assert errors[0] > 3 * errors[1]
    np.testing.assert_array_equal(before.is_right_N, after.is_right_N)


def test_it_stays_1_where_validation_does_not_tell_it() -> None:
    logits_NK, labels_N = overconfident(300, 5.0)
    best_N = logits_NK.argmax(axis=1)
    assert fit_temperature(logits_NK, best_N) == Temperature(
        1.0, "0 of 300 validation examples answered wrong: fewer than 5 do not tell that it may be surer"
    )
    assert fit_temperature(logits_NK, (best_N + 1) % 4) == Temperature(
        1.0, "0 of 300 validation examples answered right: fewer than 5 tell nothing"
    )
    assert "2 of 5 validation examples answered right" in fit_temperature(*overconfident(5, 5.0)).reason
    unsure = fit_temperature(*overconfident(300, 1.0))
    assert unsure.value == 1 and "no more than chance does" in unsure.reason
    logits_NK[17, 2] = np.nan
    assert fit_temperature(logits_NK, labels_N) == Temperature(
        1.0, "the logits of 1 of 300 validation examples are not finite"
    )
    guess_NK = np.random.default_rng(0).normal(size=(400, 4)) * 100  # sure of nothing it knows: infinitely too sure
    assert "no temperature from 0.02 to 50" in fit_temperature(guess_NK, np.arange(400) % 4).reason
    with pytest.raises(ValueError, match=r"logits_NK \(400, 4\) must be \(N, K\), K at least 2, and labels_N \(3,\)"):
        fit_temperature(guess_NK, np.arange(3))


def test_one_mistake_can_tell_that_it_is_too_sure_but_not_that_it_may_be_surer() -> None:
    logits_NK = np.zeros((60, 3), dtype=np.float32)
    logits_NK[:, 0] = 12
    labels_N = np.zeros(60, dtype=np.int64)
    labels_N[7] = 1  # one mistake in sixty, said with a probability of 1 in 160,000
    assert fit_temperature(logits_NK, labels_N).value == pytest.approx(12 / np.log(59 * 2), rel=1e-3)
    assert "1 of 60 validation examples answered wrong" in fit_temperature(logits_NK / 12, labels_N).reason


def test_a_class_that_validation_does_not_have_is_no_hindrance() -> None:
    logits_NK, labels_N = overconfident(4000, 3.0)
    kept = labels_N != 2
    assert fit_temperature(logits_NK[kept], labels_N[kept]).value == pytest.approx(3.0, rel=0.25)


def test_a_network_is_measured_in_evaluation_mode_and_by_its_one_output() -> None:
    logits_NK, labels_N = overconfident(900, 4.0, K=2)
    difference_N1 = torch.from_numpy(logits_NK[:, 1:] - logits_NK[:, :1])
    network = torch.nn.Sequential(torch.nn.Dropout(0.9), torch.nn.Identity()).train()
    cpu = torch.device("cpu")
    one = measure_temperature(network, difference_N1, labels_N, device=cpu)
    two = measure_temperature(network.train(), torch.from_numpy(logits_NK), labels_N, device=cpu)
    assert one.value == two.value == fit_temperature(logits_NK, labels_N).value


def config(**changes: object) -> NetworkConfig:
    spec = Spec("vector", (6,), ("cat", "dog", "owl"))
    return replace(NetworkConfig("mlp", {}, spec, "classify", [0.0] * 6, [1.0] * 6, "0123abcd"), **changes)  # type: ignore[arg-type]


def saved(folder: Path, made: NetworkConfig) -> torch.nn.Sequential:
    folder.mkdir()
    torch.manual_seed(0)
    network = made.build_network()
    bundle.save(folder, made, network)
    return network.eval()


@pytest.mark.parametrize("one_output", [False, True])
def test_it_divides_the_logits_of_a_bundle_once(tmp_path: Path, one_output: bool) -> None:
    classes = ("cat", "dog") if one_output else ("cat", "dog", "owl")
    spec = Spec("vector", (6,), classes)
    plain = config(spec=spec, one_output=one_output)
    saved(tmp_path / "plain", plain)
    saved(tmp_path / "calibrated", replace(plain, temperature=2.5))
    stored = torch.randn(7, 6, generator=torch.Generator().manual_seed(1))
    before, after = (load(tmp_path / name) for name in ("plain", "calibrated"))
    expected = before.outputs(stored)
    powers_NK = expected.astype(np.float64) ** (1 / 2.5)  # softmax(z / T) is softmax(z)^(1/T), normalised
    np.testing.assert_allclose(after.outputs(stored), powers_NK / powers_NK.sum(axis=1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(after.outputs(stored, calibrated=False), expected)
    split = Split(stored.numpy(), np.zeros(7, np.int64), np.arange(7))
    np.testing.assert_array_equal(after.answer_split_twice(split), [expected, after.outputs(stored)])
    once, again = before.answer_split_twice(split)
    assert once is again
    np.testing.assert_array_equal(after.answer_split(split), after.outputs(stored))
    assert sum(isinstance(layer, DivideLogits) for layer in after.network.modules()) == 1


def test_bundle_json_holds_it_and_one_of_before_has_1(tmp_path: Path) -> None:
    for name, made, number in (
        ("plain", config(), 1),
        ("fitted", config(temperature=1.731), 5),
        ("kept", config(temperature_reason="2 of 5 validation examples answered wrong"), 5),
    ):
        saved(tmp_path / name, made)
        values = json.loads((tmp_path / name / "bundle.json").read_text())
        assert values["format"] == number and read_config(tmp_path / name) == made
        assert values.get("temperature", 1.0) == made.temperature
    path = tmp_path / "fitted" / "bundle.json"
    path.write_text(path.read_text().replace("1.731", "-1"))
    with pytest.raises(UserError, match=r"damaged \(ValueError: temperature \(-1\) must be above 0\)"):
        load(tmp_path / "fitted")


def test_several_networks_are_averaged_before_the_one_temperature_of_all(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        torch.manual_seed(number)
        own = config(temperature=3.0 + number)
        bundle.save(tmp_path / str(number), own, own.build_network())
    (tmp_path / "both").mkdir()
    bundle.save_ensemble(
        tmp_path / "both", config(members=2, temperature=0.5), [tmp_path / str(number) for number in range(2)]
    )
    stored = torch.randn(7, 6, generator=torch.Generator().manual_seed(1))
    mean_NK = np.mean([load(tmp_path / str(n)).outputs(stored, calibrated=False) for n in range(2)], axis=0)
    both = load(tmp_path / "both")
    np.testing.assert_allclose(both.outputs(stored, calibrated=False), mean_NK, rtol=1e-5)
    squares_NK = mean_NK**2
    np.testing.assert_allclose(both.outputs(stored), squares_NK / squares_NK.sum(axis=1, keepdims=True), rtol=1e-5)

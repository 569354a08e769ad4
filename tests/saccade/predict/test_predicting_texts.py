"""A bundle over texts that answers: labels, what comes next, and what it is not for.

Shapes: N texts, T tokens of the longest, V tokens of the vocabulary.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import saccade
from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds.tokens.text.tokenizer import tokenizer_of
from saccade.predict.predictor import Predictor

VOCABULARY = ("<pad>", "<unknown>", *"abcdef")
ONCE = Spec("tokens", (9,), ("cat", "dog", "owl"), (), VOCABULARY, "characters")
EACH_STEP = Spec("tokens", (9,), (), (), VOCABULARY, "characters", output="per_token")
IMAGES = Spec("image", (4, 4, 1), ("cat", "dog"))
TEXTS = ["abcdef", "a", "fedcbabcd", "bb", "cafe"]


def loaded(folder: Path, spec: Spec, model: str = "gru", **arguments: Any) -> Predictor:
    torch.manual_seed(0)
    mean, std = ([0.5], [0.25]) if spec.kind == "image" else ([], [])
    recipe = NetworkConfig(model, arguments, spec, "classify", mean, std, "0123abcd")
    network = recipe.build_network()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.6 * torch.randn(parameter.shape))
    bundle.save(folder, recipe, network)
    return saccade.load(folder)


def test_texts_are_classified_whatever_stands_beside_them(tmp_path: Path) -> None:
    predictor = loaded(tmp_path, ONCE, bidirectional=True, pool="attention")
    together = predictor.predict(TEXTS)
    assert together["probabilities"].shape == (5, 3) and together["probabilities"].dtype == np.float32
    assert together["label"] == [ONCE.classes[k] for k in together["probabilities"].argmax(axis=1)]
    for row, text in enumerate(TEXTS):
        alone = predictor.predict([f"  {text}\n"])["probabilities"][0]
        np.testing.assert_allclose(alone, together["probabilities"][row], rtol=1e-4, atol=1e-5)
    assert predictor.predict([]) == {"label": [], "probabilities": pytest.approx(np.zeros((0, 3)))}
    assert len({str(p) for p in together["probabilities"].tolist()}) == 5


def test_stored_texts_are_answered_in_their_order_in_batches_of_any_size(tmp_path: Path) -> None:
    predictor = loaded(tmp_path, ONCE)
    token_NT = torch.zeros(7, 9, dtype=torch.int32)
    for row, length in enumerate((3, 9, 1, 5, 2, 9, 4)):
        token_NT[row, :length] = (torch.arange(length) + row) % 6 + 2
    with torch.no_grad():
        expected = predictor.network(token_NT).softmax(dim=1).numpy()
    for size in (1, 2, 7, 100):
        np.testing.assert_allclose(predictor.outputs(token_NT, size), expected, rtol=1e-4, atol=1e-5)


def test_every_next_token_is_judged_by_its_own_probability(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = loaded(tmp_path, EACH_STEP)
    random = torch.Generator().manual_seed(1)
    token_NT = torch.randint(1, 8, (5, 9), generator=random).int()
    label_NT = torch.randint(1, 8, (5, 9), generator=random)
    token_NT[4, 3:], label_NT[4, 3:] = 0, 0  # the last window of a part
    with torch.no_grad():
        logits_NTV = predictor.network(token_NT)
    for most, size in ((2**25, 512), (2**25, 2), (1, 512)):  # the last: one text at a time
        monkeypatch.setattr("saccade.predict.predictor._MAX_LOGITS", most)
        answers = predictor.token_outputs(token_NT, label_NT, size)
        for row, length in enumerate((9, 9, 9, 9, 3)):
            expected_T = F.cross_entropy(logits_NTV[row, :length], label_NT[row, :length], reduction="none")
            np.testing.assert_allclose(answers.nats[row, :length], expected_T, rtol=1e-4, atol=1e-5)
            assert answers.predicted[row, :length].tolist() == logits_NTV[row, :length].argmax(dim=1).tolist()
        assert not answers.nats[4, 3:].any()


def test_text_is_written_in_a_notebook(tmp_path: Path) -> None:
    predictor = loaded(tmp_path, EACH_STEP)
    text = predictor.generate("abc", length=20, temperature=1.0, seed=2)
    assert text.startswith("abc") and len(text) == 23
    assert text == predictor.generate("abc", length=20, temperature=1.0, seed=2)
    with pytest.warns(UserWarning, match=r"not in the vocabulary, and read as unknown: 'X' \(2\), ' ' \(1\)"):
        predictor.generate("aX X", length=1)
    expected = predictor.expectations("ab")
    assert [one.prefix for one in expected] == ["a", "ab"]
    ids = torch.from_numpy(tokenizer_of(EACH_STEP).encode("ab"))[None]
    with torch.no_grad():
        p_V = predictor.network(ids)[0, 1].softmax(dim=0)
    assert next(iter(expected[1].probabilities.values())) == pytest.approx(p_V[2:].max().item(), rel=1e-5)


def test_what_a_network_is_not_for_is_refused(tmp_path: Path) -> None:
    for name in ("per_example", "each", "images"):
        (tmp_path / name).mkdir()
    classifier, writer = loaded(tmp_path / "per_example", ONCE), loaded(tmp_path / "each", EACH_STEP)
    pictures = loaded(tmp_path / "images", IMAGES, "mlp")
    with pytest.raises(
        UserError, match="must say what comes next, to go on with a text, but it classifies texts: give "
    ):
        classifier.generate("abc")
    with pytest.raises(
        UserError, match=r"must classify texts to predict texts, but it goes on with texts: use Predictor"
    ):
        writer.predict(["abc"])
    with pytest.raises(UserError, match="must answer once an example to be asked so, but it goes on with texts"):
        writer.outputs(torch.ones(1, 3, dtype=torch.int32))
    with pytest.raises(UserError, match="images must be arrays of pixels, uint8, but text was given"):
        pictures.predict(["abc"])
    with pytest.raises(UserError, match=r"texts\[0\] \(ndarray\) must be text"):
        classifier.predict(np.zeros((1, 4, 4, 1), np.uint8))
    with pytest.raises(UserError, match=r"texts \('abc'\) must be several"):
        classifier.predict("abc")

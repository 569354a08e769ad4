"""Text written token by token: the state carried along, what is never written, and the same text for the same seed.

Shapes: T tokens, V tokens of the vocabulary.
"""

import math
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from saccade.bundle.inputs import TokenInput
from saccade.core import registry
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.kinds.tokens.text.tokenizer import Tokenizer, tokenizer_of
from saccade.predict.texts.generate import Generated, expectations, generate, unknown_tokens

CPU = torch.device("cpu")
LETTERS = Spec("tokens", (8,), (), (), ("<pad>", "<unknown>", *"abcdef "), "characters", output="per_token")
WORDS = Spec("tokens", (8,), (), (), ("<pad>", "<unknown>", "the", "cat", "sat", "."), "words", True, "per_token")
V = len(LETTERS.vocabulary)


def network(name: str = "lstm", spec: Spec = LETTERS, **arguments: Any) -> nn.Sequential:
    torch.manual_seed(0)
    model = registry.module("models", name).build(spec, hidden_size=6, embedding_size=5, **arguments)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    return nn.Sequential(TokenInput(), model).eval()


def written(prompt: str = "abc", spec: Spec = LETTERS, name: str = "lstm", **options: Any) -> Generated:
    settings: dict[str, Any] = {"length": 30, "temperature": 1.0, "seed": 0, "device": CPU, **options}
    return generate(network(name, spec), tokenizer_of(spec), prompt, **settings)


def counting(model: nn.Module) -> list[int]:
    """How many tokens each call of a network's recurrence gets to read."""
    seen: list[int] = []
    recurrent: Any = model.recurrent
    recurrent.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[1]))
    return seen


class Always(nn.Module):
    """A recurrence that is not looked at, and a head that always says the same."""

    def __init__(self, logits_V: Tensor) -> None:
        super().__init__()
        self.register_buffer("logits_V", logits_V)

    def forward(self, h_BTW: Tensor) -> Tensor:
        return self.logits_V.expand(*h_BTW.shape[:2], -1)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 2])
@torch.no_grad()
def test_step_by_step_is_the_whole_sequence_at_once(name: str, layers: int) -> None:
    model: Any = network(name, num_layers=layers)[1]
    token_BT = torch.randint(1, V, (3, 17), generator=torch.Generator().manual_seed(1))
    whole_BTV = model(token_BT)
    first_BTV, state = model.advance(token_BT[:, :6])
    parts = [first_BTV]
    for t in range(6, 17):
        logits_B1V, state = model.advance(token_BT[:, t : t + 1], state)
        parts.append(logits_B1V)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole_BTV, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["rnn", "gru", "lstm"])
def test_the_most_probable_letters_are_those_of_whole_forward_passes(name: str) -> None:
    built, tokenizer = network(name), tokenizer_of(LETTERS)
    ids = tokenizer.encode("abc").tolist()
    for _ in range(12):
        with torch.no_grad():
            logits_V = built(torch.tensor([ids]))[0, -1]
        ids.append(int(logits_V[2:].argmax()) + 2)
    assert written(name=name, length=12, temperature=0.0).text == tokenizer.decode(ids)


def test_a_letter_costs_one_step_however_long_the_text_is() -> None:
    built = network()
    seen = counting(built[1])
    generate(built, tokenizer_of(LETTERS), "abcabc", length=50, temperature=1.0, seed=0, device=CPU)
    assert seen == [6] + [1] * 49


def test_the_same_seed_writes_the_same_text_and_another_one_another() -> None:
    torch.manual_seed(77)
    first = written(seed=3)
    torch.manual_seed(78)
    torch.rand(5)
    assert written(seed=3) == first
    texts = {written(seed=seed).text for seed in range(5)}
    assert len(texts) == 5
    assert len(first.continuation) == 30 and first.text == "abc" + first.continuation


def test_a_seed_decides_the_beginning_whatever_the_length() -> None:
    assert written(length=30).continuation.startswith(written(length=10).continuation)


def test_at_temperature_0_the_seed_is_not_asked() -> None:
    assert written(temperature=0.0, seed=1).text == written(temperature=0.0, seed=2).text


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_letters_are_drawn_as_often_as_the_temperature_says(temperature: float) -> None:
    logits_V = torch.tensor([9.0, 9.0, 1.0, 0.0, 2.0, -1.0, 0.5, 0.0, -3.0])  # padding and the unknown most probable
    built = network()
    built[1].head = Always(logits_V)
    length = 4_000
    text = generate(built, tokenizer_of(LETTERS), "a", length=length, temperature=temperature, seed=0, device=CPU)
    expected_V = (logits_V[2:].double() / temperature).softmax(dim=0)
    counts = Counter(text.continuation)
    assert len(text.continuation) == length and set(counts) <= set("abcdef ")
    for letter, p in zip("abcdef ", expected_V.tolist(), strict=True):
        assert counts[letter] / length == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / length) + 1e-4), letter


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_padding_and_the_unknown_are_never_written(temperature: float) -> None:
    built = network()
    built[1].head = Always(torch.tensor([50.0, 50.0, *[0.0] * 7]))
    text = generate(built, tokenizer_of(LETTERS), "a", length=500, temperature=temperature, seed=0, device=CPU)
    assert len(text.continuation) == 500 and set(text.continuation) <= set("abcdef ")


def test_a_tiny_temperature_is_the_most_probable() -> None:
    assert written(temperature=1e-300).text == written(temperature=0.0).text


def test_letters_never_seen_are_counted_and_read_as_unknown() -> None:
    text = written("aXbé☃X", temperature=0.0)
    assert text.unknown == {"X": 2, "é": 1, "☃": 1} and text.prompt == "aXbé☃X"
    assert text.text.startswith("aXbé☃X")  # as it was given, though not read so
    one_unknown = Tokenizer(LETTERS.vocabulary, "characters").decode([2, 1, 3, 1, 1, 1])
    assert written(one_unknown, temperature=0.0).continuation == text.continuation
    assert unknown_tokens("abc fed", tokenizer_of(LETTERS)) == {}


def test_words_are_joined_with_spaces_and_lower_case_where_the_vocabulary_is() -> None:
    text = written("The CAT zzz", WORDS, length=5)
    assert text.prompt == "the cat zzz" and text.unknown == {"zzz": 1}
    assert len(text.continuation.split(" ")) == 5 and text.text == f"the cat zzz {text.continuation}"
    assert written("the cat\n", WORDS, length=2).text.startswith("the cat\n")
    assert not written("the cat\n", WORDS, length=2).text.startswith("the cat\n ")


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        ("", {}, r"prompt \(''\) must hold one of the characters at least"),
        ("abc", {"length": 0}, r"length \(0\) must be at least 1: so many characters are written"),
        ("abc", {"temperature": -0.5}, r"temperature \(-0.5\) must be a number from 0 on"),
        ("abc", {"temperature": math.nan}, r"temperature \(nan\) must be"),
        ("abc", {"temperature": math.inf}, r"temperature \(inf\) must be"),
        ("abc", {"seed": -1}, r"seed \(-1\) must be at least 0"),
        ("abc", {"seed": 2**64}, r"seed \(18446744073709551616\) must be at least 0, and below 2\^64"),
    ],
)
def test_what_cannot_be_is_refused(prompt: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        written(prompt, **options)


def test_words_alone_can_be_empty_too() -> None:
    with pytest.raises(UserError, match=r"prompt \('  '\) must hold one of the words at least"):
        written("  ", WORDS)


def test_a_network_that_answers_once_cannot_write() -> None:
    once = nn.Sequential(TokenInput(), nn.Identity())
    with pytest.raises(UserError, match="this one answers once an example"):
        generate(once, tokenizer_of(LETTERS), "a", length=1, device=CPU)


@torch.no_grad()
def test_what_is_expected_after_each_beginning() -> None:
    built = network()
    found = expectations(built, tokenizer_of(LETTERS), "abX", device=CPU)
    assert [one.prefix for one in found] == ["a", "ab", "ab\N{REPLACEMENT CHARACTER}"]
    p_TV = built(torch.tensor([[2, 3, 1]]))[0].softmax(dim=1)
    for one, p_V in zip(found, p_TV, strict=True):
        assert list(one.probabilities.values()) == sorted(one.probabilities.values(), reverse=True)
        assert set(one.probabilities) == set("abcdef ")
        for token, p in one.probabilities.items():
            assert p == pytest.approx(p_V[LETTERS.vocabulary.index(token)].item(), rel=1e-5)


def test_the_largest_seed_is_taken() -> None:
    assert written(seed=2**64 - 1) == written(seed=2**64 - 1) != written(seed=0)

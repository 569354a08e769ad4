"""Figures, pages and colours: what is drawn has the numbers in it, and nothing of a text is taken for HTML."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sequence_bundles import FORECAST, NEXT, ROWS, SERIES, TEXTS, trained

from saccade.core.errors import UserError
from saccade.explain.sequences import explain_text, figures, gradients_over_time, read_states
from saccade.explain.sequences.coloured_text import ColouredText, as_ansi, as_html, draw_texts, largest_of
from saccade.explain.sequences.page import Panel, Part, write_page
from saccade.nn.sequence_networks import SequenceNetwork, gradient_norms_over_time

SCRIPT = ColouredText("of <b>", ["<script>", "&", "ok"], np.array([1.0, -2.0, 0.0]), "words", frozenset({1}))


def test_html_holds_the_text_as_text(tmp_path: Path) -> None:
    html = as_html(SCRIPT, largest_of([SCRIPT]))
    assert "<script>" not in html and "&lt;script&gt;" in html and "&amp;" in html
    assert (
        'class="u d" style="background:#d55e00" title="&amp;  -2"' in html
    )  # the deepest orange, unknown, white letters
    assert 'style="background:#ffffff" title="ok  +0"' in html
    draw_texts([SCRIPT], tmp_path / "text.png")
    panel = Panel("<s>", [SCRIPT], [("a", "b"), ("<q>", "-1.5")], tmp_path / "text.png", "<p2>")
    write_page(tmp_path / "page.html", "<i>", "a & b", [Part("<u>", [panel])])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not any(tag in page for tag in ("<i>", "<u>", "<s>", "<q>", "<p2>", "<b>", "<script"))
    assert "data:image/png;base64," in page and 'src="http' not in page and "class=n>-1.5<" in page


def test_terminal_colours_hold_the_text() -> None:
    text = ColouredText("", ["a", "\n", "b"], np.array([1.0, 0.0, -1.0]), "characters")
    ansi = as_ansi(text, 1.0)
    assert ansi.startswith("\x1b[48;2;0;114;178m\x1b[38;2;255;255;255ma\x1b[0m") and ansi.endswith("b\x1b[0m")
    assert ansi.count("\n") == 1


@pytest.mark.filterwarnings("error")
def test_figures_are_drawn(tmp_path: Path) -> None:
    sizes = {}
    long = ColouredText("many", ["ab\n", "語", "\n", *["x"] * 1300], np.linspace(-1, 1, 1303), "characters")
    nothing = ColouredText("no", ["a"], np.zeros(1), "characters")
    draw_texts([long, nothing], tmp_path / "texts.png")
    (layer,) = read_states(
        trained("lstm", TEXTS, embedding_size=4, hidden_size=5), torch.tensor([[2, 5, 3, 0]], dtype=torch.int32)
    )
    figures.draw_states(layer, ["e", " ", "\n"], tmp_path / "states.png")
    figures.draw_influence({"a": np.zeros((4, 3))}, list("1234"), ["p", "q", "r"], tmp_path / "map.png")
    figures.draw_influence({"a": np.arange(4.0), "b": -np.arange(4.0)}, list("1234"), [], tmp_path / "bars.png")
    figures.draw_gradients_over_time({"dL/dh_t": np.array([0.0, 1e-5, 1.0])}, tmp_path / "gradients.png")
    figures.draw_gradients_over_time({"dL/dh_t": np.zeros(3)}, tmp_path / "none.png")
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as image:
            sizes[path.stem] = image.size
            assert len(image.convert("RGB").getcolors(1 << 24) or []) > 2, path
    assert len(sizes) == 6 and all(min(size) > 100 for size in sizes.values())


def test_gradients_over_time_are_those_of_the_doctor() -> None:
    network = trained("lstm", ROWS, hidden_size=6)
    stored = torch.randint(0, 255, (3, 8, 5, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([1, 0, 1])
    found = gradients_over_time(network, stored, labels)
    model = network.network[1]
    assert isinstance(model, SequenceNetwork)
    expected = gradient_norms_over_time(
        model, network.network[0](stored), lambda output: torch.nn.functional.cross_entropy(output, labels)
    )
    np.testing.assert_allclose(found["dL/dh_t"], expected.numpy(), rtol=1e-6)
    assert found["dL/dc_t"].shape == (8,) and (found["dL/dc_t"] >= found["dL/dh_t"] * 0.1).all()


def test_gradients_over_time_of_each_kind_of_answer() -> None:
    text = torch.tensor([[2, 5, 3, 4, 6], [2, 4, 7, 5, 0], [3, 4, 0, 0, 0]], dtype=torch.int32)
    after = torch.tensor([[5, 3, 4, 6, 2], [4, 7, 5, 2, 0], [4, 2, 0, 0, 0]])
    cases = [
        (trained("gru", NEXT, embedding_size=4, hidden_size=6), text, after, 4),
        (trained("rnn", TEXTS, embedding_size=4, hidden_size=6), text, torch.tensor([0, 2, 1]), 4),
        (trained("rnn", SERIES, hidden_size=6), torch.rand(2, 7, 3), torch.tensor([0, 1]), 7),
        (trained("gru", FORECAST, hidden_size=6), torch.rand(2, 9, 2), torch.rand(2, 3), 9),
    ]
    for network, stored, labels, steps in cases:
        found = gradients_over_time(network, stored, labels)
        assert list(found) == ["dL/dh_t"] and found["dL/dh_t"].shape == (steps,)  # the longer half, cut to one length
        assert np.isfinite(found["dL/dh_t"]).all() and (found["dL/dh_t"] > 0).all()
    with pytest.raises(UserError, match=r"model \(conv1d\) must recur"):
        gradients_over_time(trained("conv1d", TEXTS, channels=[3]), text, torch.tensor([0, 1, 2]))


def test_a_step_with_nothing_behind_it_is_taught_nothing() -> None:
    network = trained("rnn", NEXT, embedding_size=4, hidden_size=6)
    text, after = torch.tensor([[2, 5, 3]], dtype=torch.int32), torch.tensor([[5, 3, 0]])
    found = gradients_over_time(network, text, after)["dL/dh_t"]
    assert found[2] == 0 and (found[:2] > 0).all()


def test_numbers_of_an_example_as_plain_values() -> None:
    record = explain_text(trained("lstm", TEXTS, embedding_size=4, hidden_size=6), "tez").record()
    assert record["steps"] == ["t", "e", "z"] and record["unknown"] == [2] and record["unit"] == "characters"
    first = record["influences"][0]
    assert first["method"] == "integrated-gradients" and len(first["values"]) == 3
    assert record["answers"][0]["name"] == first["answer"]

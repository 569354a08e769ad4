"""One example explained: its steps by name, what the network says of it, and what each step adds to that.

Shapes: T time steps, F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from saccade.core.errors import UserError
from saccade.core.messages import pluralise, printable
from saccade.data.spec import UNKNOWN, Spec
from saccade.explain.sequences.answers import Answer, Trained, answers, chosen
from saccade.explain.sequences.coloured_text import ColouredText, draw_texts, shown_answer
from saccade.explain.sequences.figures import draw_influence
from saccade.explain.sequences.influence import LIMIT_S, MOST_PIECES, Influence, influences
from saccade.kinds.tokens.text.encode import read_texts
from saccade.kinds.tokens.text.tokenizer import SHOWN_UNKNOWN, cut, normalise, tokenizer_of
from saccade.nn.padding import sequence_lengths

_TOLD = 5  # answers, beside those that are explained
_DIGITS = 6  # significant ones, of a number in JSON


@dataclass(frozen=True)
class Explained:
    """What a network says of one example, and why.

    Attributes:
        title: name of the example.
        unit: what a step is: characters, words, steps or rows.
        steps: names of the T steps: tokens as they stand in the text, times, or numbers of rows.
        columns: names of the F features of a series; empty elsewhere.
        unknown: steps whose token the vocabulary does not have.
        answers: the most probable answers, the first ones of all.
        influences: for each answer that is explained, what each step adds to it.
    """

    title: str
    unit: str
    steps: tuple[str, ...]
    columns: tuple[str, ...]
    unknown: frozenset[int]
    answers: tuple[Answer, ...]
    influences: tuple[Influence, ...]

    def record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        told = [
            {
                "name": one.name,
                **({"value": one.value} if one.probability is None else {"probability": one.probability}),
            }
            for one in self.answers
        ]
        return {
            "example": self.title,
            "unit": self.unit,
            "steps": list(self.steps),
            **({"columns": list(self.columns)} if self.columns else {}),
            **({"unknown": sorted(self.unknown)} if self.unknown else {}),
            "answers": told,
            "influences": [_influence_record(one) for one in self.influences],
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Influences by their answer and method, such as "dog/leave-one-out", for ``numpy.savez``."""
        return {f"{one.answer.name}/{one.method}": one.values for one in self.influences}

    @property
    def is_text(self) -> bool:
        """Whether steps are tokens."""
        return self.unit in ("characters", "words")

    def coloured_texts(self) -> list[ColouredText]:
        """A text for each answer that is explained; of series the sums over their columns."""
        found = []
        for one in self.influences:
            values_T = one.values if one.values.ndim == 1 else one.values.sum(axis=1)
            told = "" if one.answer.probability is None else f", probability {one.answer.probability:.4f}"
            title = f"{shown_answer(one.answer.name)}{told}: {one.sum_in_words()}"
            found.append(ColouredText(title, self.steps, values_T, self.unit, self.unknown))
        return found

    def draw(self, path: Path | str) -> None:
        """Draw a text with colours; of others bars, or where a step has several numbers a map.

        Args:
            path: the PNG to write.
        """
        texts = self.coloured_texts()
        if self.is_text:
            draw_texts(texts, Path(path))
            return
        panels = {text.title: one.values for text, one in zip(texts, self.influences, strict=True)}
        draw_influence(panels, self.steps, self.columns, Path(path), self.unit.removesuffix("s"))

    def _repr_png_(self) -> bytes:
        """What a notebook shows of it."""
        with TemporaryDirectory() as folder:
            self.draw(Path(folder, "shown.png"))
            return Path(folder, "shown.png").read_bytes()


def _influence_record(one: Influence) -> dict[str, Any]:
    rounded = np.vectorize(lambda value: float(f"{value:.{_DIGITS}g}"), otypes=[float])
    return {
        "answer": one.answer.name,
        "method": one.method,
        "score": one.score,
        "start": one.start,
        "gap": one.gap,
        "values": rounded(one.values).tolist(),
    }


def explain_text(
    trained: Trained,
    text: str,
    *,
    classes: Sequence[str] = (),
    method: str | None = None,
    limit_s: float = LIMIT_S,
) -> Explained:
    """What each token of a text adds to what a network says of it, or of what comes next.

    >>> from saccade.bundle.bundle import NetworkConfig
    >>> from saccade.predict.predictor import Predictor
    >>> spec = Spec("tokens", (9,), ("cat", "dog"), vocabulary=("", "?", *"abcdefg "), unit="characters")
    >>> small = {"embedding_size": 4, "hidden_size": 5}
    >>> config = NetworkConfig("lstm", small, spec, "classify", [], [], "id")
    >>> trained = Predictor(config, config.build_network().eval(), torch.device("cpu"))  # or saccade.load(folder)
    >>> found = explain_text(trained, "a bad cab", classes=["dog"])
    >>> "".join(found.steps), found.influences[0].answer.name, found.influences[0].values.shape
    ('a bad cab', 'dog', (9,))

    Args:
        trained: network that classifies texts, or says what comes next; such as ``saccade.load`` gives.
        text: a text; of a network that classifies, what is white around it is left out.
        classes: classes, or tokens that may come next, to explain; empty: the most probable one and the runner-up.
        method: integrated-gradients, leave-one-out or contributions; None: the first of ``methods_for(trained)``.
        limit_s: seconds that it may take.

    Returns:
        The text explained.

    Raises:
        UserError: the network takes no texts, the text holds no token, or none that the network knows; there is no such
            class; or the method does not fit.
    """
    spec = trained.config.spec
    if spec.layout != "tokens":
        raise UserError(f"the network must take texts to explain one, but it takes {spec.plural}")
    if not text.strip():
        raise UserError(f"text ({printable(text[:30])!r}) must hold one of the {spec.unit} at least")
    if spec.output == "per_token":
        stored_1T = tokenizer_of(spec).encode(text)[None]
    else:
        text = text.strip()
        stored_1T = read_texts([text], spec).tokens
    return explain_stored(trained, stored_1T[0], text=text, classes=classes, method=method, limit_s=limit_s)


def explain_stored(
    trained: Trained,
    stored: np.ndarray,
    *,
    title: str = "",
    text: str | None = None,
    steps: Sequence[str] | None = None,
    classes: Sequence[str] = (),
    method: str | None = None,
    limit_s: float = LIMIT_S,
    most_pieces: int = MOST_PIECES,
) -> Explained:
    """As ``explain_text``, of an example as a split holds it: a text as ids, a series, or an image read by rows.

    Args:
        trained: network.
        stored: int32 (T,), float32 (T, F) or uint8 (H, W, C); padding behind its end is cut off.
        title: name of the example; empty: the beginning of a text.
        text: text that the ids were made of, whose tokens are shown where they are unknown.
        steps: names of the steps; None: tokens, or numbers from 1.
        classes: classes, tokens or numbers to explain; empty: the most probable one and the runner-up, or of a forecast
            each target one step ahead and at the horizon.
        method: integrated-gradients, leave-one-out or contributions; None: the first of ``methods_for(trained)``.
        limit_s: seconds that it may take.
        most_pieces: pieces of the way along which gradients are added up, as of ``influences``.

    Returns:
        The example explained.

    Raises:
        UserError: the example has another shape, there is no such class, or the method does not fit.
    """
    spec = trained.config.spec
    _require_shape(spec, stored)
    stored_1T = torch.from_numpy(np.array(stored))[None]  # a copy: images of files cannot be written to
    if spec.has_lengths:
        stored_1T = stored_1T[:, : int(sequence_lengths(stored_1T)[0])]
    unknown: frozenset[int] = frozenset()
    if spec.layout == "tokens":
        unknown = frozenset(torch.nonzero(stored_1T[0] == UNKNOWN).flatten().tolist())
        if len(unknown) == stored_1T.shape[1]:
            raise UserError(
                f"the text must hold a token that the network knows, but all of its {pluralise(len(unknown), 'token')} "
                f"are unknown, and to the network all the same: give one of the {spec.unit} of its training data"
            )
        steps = _tokens(spec, stored_1T[0].numpy(), text)
    found = answers(trained, stored_1T)
    wanted = chosen(found, classes, trained.config)
    explained = influences(trained, stored_1T, wanted, method=method, limit_s=limit_s, most_pieces=most_pieces)
    count = len(explained[0].values)
    unit = spec.unit or ("rows" if spec.layout == "image" else "steps")
    return Explained(
        title or (text or "".join(steps or ()))[:60],
        unit,
        tuple(steps or map(str, range(1, count + 1)))[-count:],
        spec.features if spec.layout == "series" else (),
        unknown,
        tuple(found if trained.config.spec.horizon else found[: max(_TOLD, len(wanted))]),
        tuple(explained),
    )


def _require_shape(spec: Spec, stored: np.ndarray) -> None:
    is_right = stored.ndim == len(spec.shape) and stored.shape[1:] == spec.shape[1:] and len(stored) > 0
    if is_right and (spec.has_lengths or stored.shape == spec.shape):
        return
    what = f"{' x '.join(map(str, spec.shape))}"
    columns = f" with the columns {', '.join(spec.features)}" if spec.layout == "series" and spec.features else ""
    raise UserError(f"the example ({' x '.join(map(str, stored.shape))}) must be {what}{columns}, as in training")


def _tokens(spec: Spec, ids_T: np.ndarray, text: str | None) -> tuple[str, ...]:
    """Tokens as they stand in the text, or as the vocabulary has them."""
    tokenizer = tokenizer_of(spec)
    if text is not None:
        return tuple(cut(normalise(text, lower_case=spec.lower_case), tokenizer.unit))[: len(ids_T)]
    return tuple(SHOWN_UNKNOWN if i == UNKNOWN else spec.vocabulary[i] for i in ids_T.tolist())

"""How a network's logits become texts: the decoder of a run, chosen on its validation split, and its file.

``decoder.safetensors`` holds the counts of the language model, and beside them as JSON the settings, what they were
chosen on, and the SHA-256 of the weights that they were chosen for. A run that reads greedily has no such file.

Shapes: N lines, T steps, V ids of the vocabulary, L characters.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from saccade.core.errors import UserError
from saccade.core.files import replacing_file
from saccade.core.progress import Progress, no_progress
from saccade.data.spec import PAD, UNKNOWN
from saccade.transcripts.beam import beam_ids
from saccade.transcripts.edits import count_edits
from saccade.transcripts.greedy import greedy_ids
from saccade.transcripts.language_model import CharacterModel, fit_characters
from saccade.transcripts.read_line import ReadLine, line_of

FILE_NAME = "decoder.safetensors"
FORMAT = 1
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)
"""Weights of the language model that are tried; 0 leaves it out."""
MAX_TRIED_LINES = 1_000  # of the validation split, spread evenly: enough to tell 0.1 % of 25,000 characters apart


@dataclass(frozen=True)
class Decoder:
    """What makes a text of a line's logits.

    Attributes:
        name: greedy, or beam.
        width: number of beginnings that a beam search keeps.
        language_weight: weight of the language model's logarithm, from 0.
        length_bonus: number that each character adds to the score, in nats.
        model: language model; None: there is none.
    """

    name: Literal["greedy", "beam"] = "greedy"
    width: int = 16
    language_weight: float = 0.0
    length_bonus: float = 0.0
    model: CharacterModel | None = None

    def ids(self, log_p_TV: np.ndarray) -> list[int]:
        """The characters of a line.

        Args:
            log_p_TV: logarithms of probabilities, float.

        Returns:
            Ids, none of them the blank.
        """
        if self.name == "greedy":
            return greedy_ids(log_p_TV)
        return beam_ids(
            log_p_TV,
            width=self.width,
            model=self.model,
            weight=self.language_weight,
            bonus=self.length_bonus,
        )

    def read(self, log_p_TV: np.ndarray, vocabulary: Sequence[str]) -> ReadLine:
        """Read a line.

        Args:
            log_p_TV: logarithms of probabilities, float.
            vocabulary: V texts, in the order of their ids.

        Returns:
            Its text, with how sure it is.
        """
        return line_of(log_p_TV, self.ids(log_p_TV), vocabulary)

    def read_all(
        self, outputs: Sequence[np.ndarray], vocabulary: Sequence[str], progress: Progress = no_progress
    ) -> list[ReadLine]:
        """Read lines.

        Args:
            outputs: N arrays of logarithms of probabilities, float (T_n, V).
            vocabulary: V texts, in the order of their ids.
            progress: callback that gets the number of lines done.

        Returns:
            A line each.
        """
        lines = []
        for done, log_p_TV in enumerate(outputs, start=1):
            lines.append(self.read(log_p_TV, vocabulary))
            progress(f"reading lines ({self.name})", done, len(outputs))
        return lines

    def in_words(self) -> str:
        """What it is, in a few words."""
        if self.name == "greedy":
            return "the most probable character at each step"
        if not self.language_weight or self.model is None:
            return f"prefix beam search, width {self.width}, without a language model"
        return (
            f"prefix beam search, width {self.width}, with the last {self.model.order - 1} characters of the training "
            f"transcripts weighing {self.language_weight:g} and {self.length_bonus:.3g} nats a character"
        )


GREEDY = Decoder()


@dataclass(frozen=True)
class Trial:
    """A setting of a beam search that was tried on validation lines.

    Attributes:
        language_weight: weight of the language model.
        length_bonus: nats that each character adds.
        edits: edits over all lines.
        characters: true characters of all lines.
    """

    language_weight: float
    length_bonus: float
    edits: int
    characters: int

    @property
    def cer(self) -> float:
        """All edits over all characters."""
        return self.edits / max(1, self.characters)


@dataclass(frozen=True)
class ChosenDecoder:
    """A decoder and what it was chosen by.

    Attributes:
        decoder: what was chosen.
        trials: settings that were tried on validation lines; none where the weight was given.
        lines: number of validation lines that they were tried on.
    """

    decoder: Decoder
    trials: Sequence[Trial] = ()
    lines: int = 0


def choose_decoder(
    outputs: Sequence[np.ndarray],
    labels_NL: np.ndarray,
    train_labels_NL: np.ndarray,
    *,
    num_ids: int,
    width: int,
    language_weight: float | Literal["auto"],
    progress: Progress = no_progress,
) -> ChosenDecoder:
    """A beam search with a language model of the training transcripts, its weight chosen on validation lines.

    A model that is asked at each character prefers short texts; the bonus gives back what it takes from a character of
    the validation transcripts on average, its weight times that many nats. Each weight is tried with the bonus and
    without; of those with as few edits, the first counts, which is the smallest weight.

    Args:
        outputs: logarithms of probabilities of the validation lines, float (T_n, V) each.
        labels_NL: their transcripts as ids, int64, filled up with 0.
        train_labels_NL: those of the training lines, of which the language model is made.
        num_ids: V.
        width: number of beginnings that are kept.
        language_weight: weight, from 0; auto: the one of ``WEIGHTS`` with the fewest edits.
        progress: callback that gets the number of lines done.

    Returns:
        The decoder, and what was tried.
    """
    model = fit_characters(train_labels_NL, num_ids)
    nats = model.nats_per_character(labels_NL)
    if language_weight != "auto":
        return ChosenDecoder(Decoder("beam", width, language_weight, language_weight * nats, model))
    tried = np.unique(np.linspace(0, len(outputs) - 1, min(len(outputs), MAX_TRIED_LINES)).round().astype(np.int64))
    truths = [[-1 if k == UNKNOWN else k for k in labels_NL[place].tolist() if k != PAD] for place in tried]
    settings = [(weight, weight * bonus) for weight in WEIGHTS for bonus in ((0.0, nats) if weight else (0.0,))]
    trials, total = [], len(settings) * len(tried)
    for number, (weight, bonus) in enumerate(settings):
        decoder, edits = Decoder("beam", width, weight, bonus, model), 0
        for done, (place, truth) in enumerate(zip(tried, truths, strict=True), start=1):
            edits += count_edits(truth, decoder.ids(outputs[place]))
            progress("trying language weights", number * len(tried) + done, total)
        trials.append(Trial(weight, bonus, edits, sum(map(len, truths))))
    best = min(trials, key=lambda trial: trial.edits)
    return ChosenDecoder(Decoder("beam", width, best.language_weight, best.length_bonus, model), trials, len(tried))


# --- the file ---------------------------------------------------------------------------------------------------------


def write_decoder(path: Path, chosen: ChosenDecoder, weights_sha256: str) -> None:
    """Write the file of a decoder; a greedy one has none.

    Args:
        path: file to write.
        chosen: the decoder, and what it was chosen by.
        weights_sha256: SHA-256 of the weights that it was chosen for.
    """
    decoder = chosen.decoder
    if decoder.name == "greedy":
        return
    from safetensors.numpy import save

    about = {
        "format": FORMAT,
        "name": decoder.name,
        "width": decoder.width,
        "language_weight": decoder.language_weight,
        "length_bonus": decoder.length_bonus,
        "weights_sha256": weights_sha256,
        "chosen_on_lines": chosen.lines,
        "trials": [vars(trial) for trial in chosen.trials],
    }
    arrays = {} if decoder.model is None else decoder.model.to_arrays()
    content = save({name: np.ascontiguousarray(a) for name, a in arrays.items()}, {"decoder": json.dumps(about)})
    with replacing_file(path) as partial:
        partial.write_bytes(content)


def read_decoder(path: Path) -> tuple[Decoder, str]:
    """Read the file of a decoder.

    Args:
        path: file that ``write_decoder`` wrote.

    Returns:
        The decoder, and the SHA-256 of the weights that it was chosen for.

    Raises:
        UserError: it is damaged, or of another format.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {})["decoder"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        if about["format"] != FORMAT:
            raise UserError(
                f"{path} is of format {about['format']}, and this saccade reads {FORMAT}: evaluate the run again"
            )
        model = CharacterModel.from_arrays(arrays) if arrays else None
        settings = {key: about[key] for key in ("name", "width", "language_weight", "length_bonus")}
        return Decoder(model=model, **settings), str(about["weights_sha256"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, UserError):
            raise
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{path} is damaged ({reason}). Run `dvc checkout`, or evaluate the run again.") from error

"""What is served: a trained network that answers, and what identifies it.

Shapes: N examples, K classes, O numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade import __version__
from saccade.core.errors import UserError

if TYPE_CHECKING:
    from saccade.data.spec import Spec
    from saccade.predict.any_predictor import AnyPredictor
    from saccade.transcripts.decoder import Decoder


@dataclass(frozen=True)
class Served:
    """A network and what is known of it.

    Attributes:
        network: what answers.
        run: name of the run.
        weights_sha256: SHA-256 of its weights.
        unsure_below: confidence below which a classifier's answer is unsure; None: none is called so.
        source: arguments of the dataset's source, by which tables are read.
        preprocess: ``preprocess:`` of the dataset.
        holds: what a file of the source holds, where that is several examples; empty: one.
        explains: whether its answers about images can be explained, which takes torch.
        decoder: what makes texts of the logits of a network that reads lines; None: the most probable character at each
            step.
    """

    network: "AnyPredictor"
    run: str
    weights_sha256: str
    unsure_below: float | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    holds: str = ""
    explains: bool = False
    decoder: "Decoder | None" = None

    @property
    def spec(self) -> "Spec":
        """What the network takes."""
        return self.network.spec

    def identity(self) -> dict[str, str]:
        """What names the model in each answer."""
        return {
            "run": self.run,
            "identity": self.network.config.identity,
            "weights_sha256": self.weights_sha256,
            "version": f"saccade {__version__}",
        }

    def inputs(self) -> tuple[str, ...]:
        """What a request may hold: keys of a JSON object, and "files" for a form."""
        spec = self.spec
        if spec.layout == "image":
            return ("images", "arrays", "files")
        if spec.layout == "tokens":
            return ("texts",)
        if spec.layout == "series":
            return ("series", "arrays") if spec.horizon or spec.targets else ("series", "arrays", "files")
        return ("arrays",)

    def answers_of(self, stored: np.ndarray, batch_size: int = 512) -> np.ndarray:
        """What the network answers about inputs as they lie in data/prepared.

        Args:
            stored: inputs, (N, ...).
            batch_size: inputs at once.

        Returns:
            float32 (N, K) of classes, or (N, O) of numbers; of lines that are read an array of N ``ReadLine``.
        """
        if self.spec.output != "transcript":
            return self.network.answers_of(stored, batch_size)
        import torch

        from saccade.predict.predictor import Predictor
        from saccade.transcripts.decoder import GREEDY

        assert isinstance(self.network, Predictor), "no other network reads lines"
        lines = self.network.read_lines(torch.from_numpy(stored), batch_size, decoder=self.decoder or GREEDY)
        found = np.empty(len(lines), object)
        found[:] = lines
        return found

    def does(self) -> str:
        """What it does, in a few words."""
        spec = self.spec
        if spec.output == "transcript":
            return "reads lines of print"
        if spec.horizon:
            return f"forecasts {spec.plural}"
        return f"{'classifies' if spec.classes else 'answers with numbers of'} {spec.plural}"

    def require_answers_once(self) -> None:
        """Refuse a network that goes on with texts.

        Raises:
            UserError: it does.
        """
        if self.spec.output == "per_token":
            raise UserError(
                f"{self.run} goes on with texts, and only what answers once an input is served: "
                f"`saccade predict {self.run} --prompt TEXT`"
            )

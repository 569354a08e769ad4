"""``saccade predict RUN``: what a trained run says of new examples, or how it goes on with a text or a series."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import paths
from pipeline.schema.evaluate import EvaluateBlock
from saccade.bundle.bundle import read_config
from saccade.core.errors import UserError
from saccade.data.spec import Spec
from saccade.predict import predictor as prediction

if TYPE_CHECKING:
    from pipeline.params.load import DatasetBlock


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; None and nothing where it does not.

    Attributes:
        paths: pictures, folders and patterns; files of lines; or CSV files of series.
        texts: to classify.
        prompt: to go on from.
        length: characters or words to write.
        temperature: of what is drawn.
        seed: likewise.
        probabilities: tell what is expected after each beginning of the prompt, in place of writing.
        top: how many classes or tokens to tell, the most probable ones.
        as_json: a JSON object a line.
        out: the PNG of a forecast.
    """

    paths: Sequence[str] = ()
    texts: Sequence[str] = ()
    prompt: str | None = None
    length: int | None = None
    temperature: float | None = None
    seed: int | None = None
    probabilities: bool = False
    top: int | None = None
    as_json: bool = False
    out: Path | None = None

    def options(self) -> dict[str, object]:
        """What was given of that which not every run takes, by its name on the command line."""
        values = {
            "PATH": self.paths[0] if self.paths else None,
            "--text": self.texts[0] if self.texts else None,
            "--prompt": self.prompt,
            "--length": self.length,
            "--temperature": self.temperature,
            "--seed": self.seed,
            "--probabilities": self.probabilities or None,
            "--out": self.out,
        }
        return {name: value for name, value in values.items() if value is not None}


def predict(run: str, asked: Asked, *, here: Path, block: EvaluateBlock, dataset: "DatasetBlock") -> None:
    """Load a trained run, ask it, and print what it says.

    Args:
        run: key in ``runs:``.
        asked: what for.
        here: the folder that paths are relative to; we stand in the tree.
        block: ``evaluate:`` of the run, for its device and batch size: the same answers as there.
        dataset: of the run, which says how files of series are read.

    Raises:
        UserError: no such model, something that this run cannot be asked, or what was given cannot be read.
    """
    spec = read_config(paths.model(run)).spec
    _refuse_what_it_does_not_take(run, spec, asked)
    predictor = prediction.load(paths.model(run), device=block.device)
    if spec.answers == "each_step":
        from pipeline.commands.predict.continuation import predict_continuation

        predict_continuation(run, predictor, asked)
    elif spec.kind == "tokens":
        from pipeline.commands.predict.texts import predict_texts

        predict_texts(run, predictor, asked, here=here, batch_size=block.batch_size)
    elif spec.horizon:
        from pipeline.commands.predict.forecast import predict_forecast

        predict_forecast(run, predictor, asked, here=here, dataset=dataset)
    elif spec.kind == "series" and spec.classes:
        from pipeline.commands.predict.series import predict_series

        predict_series(run, predictor, asked, here=here, dataset=dataset, batch_size=block.batch_size)
    else:
        from pipeline.commands.predict.images import predict_pictures

        try:
            predictor.require_image_classes()
        except UserError as error:
            raise UserError(f"{run}: {error}") from error
        predict_pictures(
            run,
            predictor,
            asked.paths,
            here=here,
            batch_size=block.batch_size,
            top=asked.top,
            as_json=asked.as_json,
        )


def _refuse_what_it_does_not_take(run: str, spec: Spec, asked: Asked) -> None:
    if spec.answers == "each_step":
        does, remedy = "goes on with texts", f"give what it goes on from: `saccade predict {run} --prompt TEXT`"
        taken = {"--prompt", "--length", "--temperature", "--seed", "--probabilities"}
    elif spec.kind == "tokens":
        does, remedy = f"classifies {spec.plural}", f"give `saccade predict {run} --text TEXT`, or a file of lines"
        taken = {"PATH", "--text"}
    else:
        does = f"{'classifies' if spec.classes else 'answers with numbers of'} {spec.plural}"
        remedy, taken = f"give files: `saccade predict {run} PATH...`", {"PATH"}
    if spec.horizon:
        does, remedy = "forecasts a series", f"give a CSV file: `saccade predict {run} FILE.csv`"
        taken = {"PATH", "--out"}
    given = asked.options()
    for name, value in given.items():
        if name not in taken:
            told = name if value is True else f"{value}" if name == "PATH" else f"{name} ({value})"
            raise UserError(f"{told} must be left out: {run} {does}; {remedy}")
    if not given.keys() & {"PATH", "--text", "--prompt"}:
        raise UserError(f"there must be something to predict: {run} {does}; {remedy}")
    if spec.answers == "each_step" and asked.probabilities:
        for name in ("--length", "--temperature", "--seed"):
            if name in given:
                raise UserError(f"{name} ({given[name]}) must be left out with --probabilities, which writes no text")
    if spec.horizon and asked.top is not None:
        raise UserError(f"--top ({asked.top}) must be left out: {run} {does}, and knows no classes")
    if spec.answers == "each_step" and asked.top is not None and not asked.probabilities:
        raise UserError(f"--top ({asked.top}) must stand with --probabilities: text is drawn from all {spec.unit}")

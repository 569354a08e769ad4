"""``saccade predict FILE.onnx``: what an exported network says of new examples, without torch and without a project.

It is told as of the run itself: see predict.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.commands.predict import task_that_takes, tell
from pipeline.console import warn
from saccade.evaluate.shortfall import find_shortfall
from saccade.kinds import Reading
from saccade.predict.answers import Question
from saccade.predict.onnx_file import open_onnx
from saccade.predict.onnx_predictor import OnnxPredictor


def predict_with_file(
    path: Path, ask: Callable[[Reading], Question], *, paths: Sequence[str], texts: Sequence[str], here: Path
) -> None:
    """Open an exported network, ask it, and print what it says.

    Args:
        path: the file, as it is called in messages.
        ask: makes the question of what is read.
        paths: files, folders and patterns that it is asked about.
        texts: texts that it is asked about.
        here: folder that they are relative to.

    Raises:
        UserError: the file cannot be used, something that it cannot be asked, or what was given cannot be read.
    """
    file = open_onnx(path)
    reading = Reading(str(path), file.config.spec, paths, texts, here, file.source, file.preprocess, file.holds)
    question = replace(ask(reading), usual_figure=here / f"{path.stem}-forecast.png", unsure_below=file.unsure_below)
    tell(OnnxPredictor(file), task_that_takes(question, file.config), question, model=path)
    if found := find_shortfall(file.metrics):
        warn(f"warning: when it was evaluated, {file.run} was {found}")

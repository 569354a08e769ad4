"""params.yaml: read, checked whole, in the first second of every command."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from pipeline.params.cross_checks import cross_check
from pipeline.params.names_on_disk import names_that_are_one_folder
from pipeline.params.problems import KeyPath, ParamsError, Problem
from pipeline.params.pydantic_errors import explain_error
from pipeline.params.yaml_lines import line_of, read_yaml
from pipeline.schema.augment import AugmentBlock
from pipeline.schema.base import ParamsModel
from pipeline.schema.evaluate import EvaluateBlock
from pipeline.schema.named import NamedBlock
from pipeline.schema.preprocess import PreprocessBlock
from pipeline.schema.split import SplitBlock
from pipeline.schema.tracking import TrackingBlock
from pipeline.schema.train import TrainBlock


class DatasetBlock(ParamsModel):
    """``datasets.<name>``."""

    source: NamedBlock
    split: SplitBlock
    preprocess: PreprocessBlock
    augment: AugmentBlock


class RunBlock(ParamsModel):
    """``runs.<name>``."""

    dataset: str = Field(description="key in datasets:")
    task: NamedBlock
    model: NamedBlock
    train: TrainBlock
    evaluate: EvaluateBlock


class Params(ParamsModel):
    """The whole file."""

    seed: int = Field(ge=0, description="default of split.seed, augment.seed and train.seed")
    tracking: TrackingBlock
    datasets: dict[str, DatasetBlock]
    runs: dict[str, RunBlock]


def load_params(path: Path) -> Params:
    """Read and check the file.

    Args:
        path: params.yaml.

    Returns:
        The whole file, checked, defaults filled in.

    Raises:
        ParamsError: everything that is wrong with it, at once.
    """
    raw, lines = read_yaml(path)
    problems: list[Problem] = []
    params = None
    try:
        params = Params.model_validate(raw)
    except ValidationError as error:
        problems += [explain_error(details, raw, Params) for details in error.errors() if "[key]" not in details["loc"]]
    problems += cross_check(raw)
    problems += names_that_are_one_folder(raw, path)
    if problems or params is None:
        messages: dict[KeyPath, list[str]] = {}
        for problem in problems:  # a value that fits no branch of a union has a message for each
            messages.setdefault(problem.path, []).append(problem.message)
        raise ParamsError(
            path, [Problem(at, "; or ".join(dict.fromkeys(m)), line_of(at, lines)) for at, m in messages.items()]
        )
    return params


def raise_problems(path: Path, problems: Sequence[Problem]) -> None:
    """Raise what was found wrong with a file after it was loaded, each problem with its line.

    Args:
        path: params.yaml.
        problems: nothing happens where there are none.

    Raises:
        ParamsError: there are some.
    """
    if problems:
        lines = read_yaml(path)[1]
        raise ParamsError(
            path, [Problem(one.path, one.message, one.line or line_of(one.path, lines)) for one in problems]
        )

"""params.yaml: read, checked whole, in the first second of every command."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, SerializeAsAny, ValidationError, ValidationInfo, field_validator

from pipeline.params.cross_checks import cross_check
from pipeline.params.names_on_disk import names_that_are_one_folder
from pipeline.params.problems import KeyPath, ParamsError, Problem
from pipeline.params.pydantic_errors import explain_error
from pipeline.params.yaml_lines import line_of, read_yaml
from pipeline.schema.augment import AugmentBlock
from pipeline.schema.base import ParamsModel
from pipeline.schema.evaluate import EvaluateBlock
from pipeline.schema.named import NamedBlock
from pipeline.schema.preprocess import PreprocessBlock, form_of_source, preprocess_block
from pipeline.schema.renamed import renamed_keys, with_new_names
from pipeline.schema.split import SplitBlock
from pipeline.schema.tracking import TrackingBlock
from pipeline.schema.train import TrainBlock
from saccade.core import registry


class DatasetBlock(ParamsModel):
    """``datasets.<name>``."""

    source: NamedBlock
    split: SplitBlock
    preprocess: SerializeAsAny[PreprocessBlock]
    augment: AugmentBlock

    @field_validator("preprocess", mode="plain")
    @classmethod
    def _as_the_source_s_data_take_it(cls, value: Any, info: ValidationInfo) -> PreprocessBlock:
        source = info.data.get("source")
        asked = {"name": source.name, **source.arguments} if source else {}
        model = cls.model_of("preprocess", {"source": asked})
        return model.model_validate(value) if model else PreprocessBlock()

    @classmethod
    def model_of(cls, key: str, dataset: Any) -> type[PreprocessBlock] | None:
        """The model of a block that another block decides about, which ``explain`` asks for, too.

        Args:
            key: name of a block of ``datasets.<name>``.
            dataset: what the file says of it, in which anything may be of the wrong type.

        Returns:
            None where the block is always of one form, or the source is not known, which is said elsewhere.
        """
        found = dataset.get("source") if isinstance(dataset, Mapping) else None
        source: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        name = source.get("name")
        is_known = key == "preprocess" and name in registry.names("datasets")
        return preprocess_block(form_of_source(str(name), source)) if is_known else None


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
    written, lines = read_yaml(path)
    raw = with_new_names(written)
    lines |= {(*map(str, at[:-1]), new): line_of(at, lines) or 1 for at, new in renamed_keys(written)}
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


def old_names(path: Path) -> list[Problem]:
    """Say which keys of the file have another name now.

    Args:
        path: params.yaml.

    Returns:
        A line for each.
    """
    written, lines = read_yaml(path)
    return [
        Problem(at, f"is called {new} now; the old name is read, too", line_of(at, lines))
        for at, new in renamed_keys(written)
    ]


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

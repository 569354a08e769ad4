"""One entry of ``runs:`` in params.yaml, as far as training is concerned."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.runs.provenance import flatten
from pipeline.schema.named import NamedBlock
from pipeline.schema.train import TrainBlock

if TYPE_CHECKING:
    from pipeline.params.load import Params


@dataclass(frozen=True)
class TrainingRun:
    """A run that is to be trained.

    Attributes:
        name: its key.
        dataset: key in ``datasets:``.
        task: name and arguments of the task.
        model: name and arguments of the model.
        block: the block ``train:``.
        seed: ``train.seed``, or the file's.
        experiment: name of the experiment in MLflow.
        other_params: other values of params.yaml that are recorded, flat keys; they do not decide the result.
    """

    name: str
    dataset: str
    task: NamedBlock
    model: NamedBlock
    block: TrainBlock
    seed: int
    experiment: str
    other_params: Mapping[str, Any]

    @classmethod
    def of(cls, params: "Params", name: str) -> "TrainingRun":
        """The run called ``name`` in params.yaml, seeds filled in."""
        run, seed = params.runs[name], params.seed
        dataset = params.datasets[run.dataset].model_dump()
        for block in (dataset["split"], dataset["augment"]):
            block["seed"] = seed if block["seed"] is None else block["seed"]
        others = {"seed": seed, "dataset": {"name": run.dataset, **dataset}, "evaluate": run.evaluate.model_dump()}
        return cls(
            name=name,
            dataset=run.dataset,
            task=run.task,
            model=run.model,
            block=run.train,
            seed=seed if run.train.seed is None else run.train.seed,
            experiment=params.tracking.experiment,
            other_params=flatten(others),
        )

    def member(self, number: int) -> "TrainingRun":
        """The same run with seed + number; its name is one that params.yaml cannot give to another run."""
        seed = self.seed + number
        return dataclasses.replace(self, name=f"{self.name}.seed{seed}", seed=seed)

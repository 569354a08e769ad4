"""``saccade add --baseline RUN``: the baseline on features of a run as a run of its own."""

from pathlib import Path

from pipeline.commands.add import flow, insert, read, values, write
from pipeline.console import say
from pipeline.params.cross_checks import name_problem
from pipeline.params.load import load_params
from pipeline.params.problems import nearest
from saccade.core import registry
from saccade.core.errors import UserError

_OF_BASELINE = "-baseline"
_BASELINE_RUN = """\
{new}:   # what a linear model on the features of a network trained on ImageNet gets, as a run beside {run}
  dataset: {dataset}
  task: {{name: classify}}
  model: {{name: efficientnet_lite0, pretrained: imagenet, input_side: 224}}
  train:
    epochs: 50
    batch_size: 64
    optimizer: {{name: adamw, lr: 0.003, weight_decay: 0.5}}
    schedule: {{name: cosine}}
    freeze: backbone   # the features are computed once
  evaluate: {{}}
""".splitlines()


def add_baseline(file: Path, run: str) -> None:
    """Add the baseline on features as a run of its own, beside a run over images with classes.

    It is trained on the images as they are: where the run's dataset makes views of them, a copy of the dataset that
    makes none is added, too.

    Args:
        file: params.yaml.
        run: an existing key of ``runs:``.

    Raises:
        UserError: no such run; it does not classify images; a name is taken.
    """
    params, text = load_params(file), read(file)
    if run not in params.runs:
        raise UserError(f"runs of {file} has no {run!r}; {nearest(run, list(params.runs))}")
    dataset, new = params.runs[run].dataset, f"{run}{_OF_BASELINE}"
    block = params.datasets[dataset]
    kind = registry.constant("datasets", block.source.name, "KIND")
    labels = registry.constant("tasks", params.runs[run].task.name, "LABELS")
    if registry.constant("kinds", kind, "LAYOUT") != "image" or labels != "classes":
        raise UserError(f"--baseline ({run}) must be a run that classifies images: others have no baseline on features")
    news = []
    if block.augment.makes_views:
        plain = f"{dataset}{_OF_BASELINE}"
        whole = values(text)
        entry = {**whole["datasets"][dataset], "augment": {"views": 0}}
        dataset = plain
        if whole["datasets"].get(plain, entry) != entry:
            raise UserError(f"datasets of {file} has another {plain!r} already: rename it")
        if plain not in whole["datasets"]:
            lines = [f"{plain}:", *(f"  {key}: {flow(value)}" for key, value in entry.items())]
            text = insert(text, "datasets", lines)
            news.append(f"datasets.{plain}")
    if new in params.runs:
        raise UserError(f"runs of {file} has {new!r} already: rename it, or train that one")
    if wrong := name_problem("runs", new):
        raise UserError(wrong)
    lines = [line.format(run=run, new=new, dataset=flow(dataset)) for line in _BASELINE_RUN]
    write(file, insert(text, "runs", lines))
    news.append(f"runs.{new}")
    say(f"added {', '.join(news)} to {file}; next: `saccade repro evaluate@{new}`, or `saccade repro` for all")

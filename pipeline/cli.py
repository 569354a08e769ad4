"""The commands. Heavy imports live inside them, so that ``--help`` and ``check`` answer at once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from pipeline.completion import complete_dataset, complete_model, complete_recipe, complete_run

app = typer.Typer(
    help="From one params.yaml to trained, tracked, reproducible CNNs and LSTMs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DatasetName = Annotated[
    str,
    typer.Argument(metavar="DATASET", help="a key of datasets: in params.yaml", autocompletion=complete_dataset),
]
describe_app = typer.Typer(
    help="Describe a network layer by layer, with receptive fields and memory; or an augmentation policy.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(describe_app, name="describe")

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="a key of runs: in params.yaml", autocompletion=complete_run)
]


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from pipeline.console import say
        from saccade import __version__

        say(f"saccade {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """From one params.yaml to trained, tracked, reproducible CNNs and LSTMs."""


class _Part(StrEnum):
    """Which examples of a dataset `evaluate --on` takes."""

    train = "train"
    validation = "validation"
    test = "test"
    all = "all"


def _load() -> Any:
    """Enter the tree and read params.yaml, whole and checked."""
    from pipeline import paths
    from pipeline.params import load

    paths.enter_tree()
    return load.load(paths.PARAMS)


def _entry(section: str, entries: dict[str, Any], name: str) -> Any:
    from pipeline.params.problems import nearest
    from saccade.core.errors import UserError

    if name not in entries:
        raise UserError(f"{section} of params.yaml has no {name!r}; {nearest(name, list(entries))}")
    return entries[name]


def _load_and_build() -> Any:
    """As ``_load``, and try the transforms too: only albumentations knows their values, and it takes seconds.

    Says what has changed of one's own files since they were fetched, which transforms do not suit the classes, and
    which settings change nothing.
    """
    from pipeline import paths
    from pipeline.console import warn
    from pipeline.params.credentials import secret_problems
    from pipeline.params.load import raise_problems
    from pipeline.params.prepared import problems_of_classes
    from pipeline.params.transforms import problems_of_transforms, warnings_of_transforms
    from pipeline.stages.local_sources import changes

    params = _load()
    raise_problems(paths.PARAMS, list(secret_problems(paths.PARAMS.read_text(encoding="utf-8"))))
    raise_problems(paths.PARAMS, [*problems_of_transforms(params), *problems_of_classes(params)])
    for line in warnings_of_transforms(params):
        warn(f"warning: {line}")
    _tell_without_effect(params)
    for line in changes({name: dataset.source.arguments for name, dataset in params.datasets.items()}):
        warn(line)
    return params


def _tell_without_effect(params: Any, *place: str) -> None:
    """Say which settings below a path of params.yaml change nothing; of several processes the first one does."""
    from pipeline.console import warn
    from pipeline.params.unused import without_effect
    from saccade.core.ranks import find, was_launched

    if find().rank == 0 and not was_launched():
        for problem in without_effect(params, *place):
            warn(f"warning: {problem}")


def _tell_missing_commit() -> None:
    """Say why a run will name no commit; of several processes the first one does, and under DVC `repro` has done."""
    import os

    from pipeline.without_git import tell_missing_commit
    from saccade.core.ranks import find, was_launched

    if find().rank == 0 and not was_launched() and not os.environ.get("DVC_STAGE"):
        tell_missing_commit(is_brief=True)


@app.command()
def check() -> None:
    """Check params.yaml, whole: every error at once."""
    from pipeline.console import number_of, say

    params = _load_and_build()
    _tell_missing_commit()
    say(f"params.yaml is fine: {number_of(len(params.datasets), 'dataset')}, {number_of(len(params.runs), 'run')}")


@app.command(name="list")
def list_() -> None:
    """Show what there is: datasets, models, tasks, recipes, runs."""
    from pipeline.commands.listing import show_list

    show_list(_load())


@app.command()
def fetch(dataset: DatasetName) -> None:
    """Fetch a dataset's bytes, as published, into data/raw."""
    block = _entry("datasets", _load().datasets, dataset)
    from pipeline.stages.fetch import fetch

    fetch(dataset, source=block.source)


@app.command()
def preprocess(dataset: DatasetName) -> None:
    """Split and resize a dataset into data/prepared."""
    params = _load()
    block = _entry("datasets", params.datasets, dataset)
    from pipeline.stages.preprocess.stage import preprocess

    preprocess(dataset, source=block.source, split=block.split, block=block.preprocess, seed=params.seed)


@app.command()
def augment(dataset: DatasetName) -> None:
    """Write augmented views of a training split into data/augmented."""
    params = _load()
    block = _entry("datasets", params.datasets, dataset)
    _tell_without_effect(params, "datasets", dataset, "augment")
    from pipeline.stages.augment.stage import augment

    augment(dataset, block=block.augment, seed=params.seed)


@app.command()
def preview(
    dataset: DatasetName,
    policy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--policy", metavar="NAME", help="show this policy instead of what params.yaml says"),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=1, max=100, help="examples, spread over classes")
    ] = 10,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="a .png; default: reports/DATASET-preview.png"),
    ] = None,
) -> None:
    """Draw a sheet of what augmentation does to a prepared dataset, before anything is stored."""
    out = out and out.absolute()  # relative to where the command was called, not to the tree
    params = _load()
    block = _entry("datasets", params.datasets, dataset)
    from pipeline.stages.augment.preview import preview

    preview(dataset, block=block.augment, seed=params.seed, policy=policy, rows=rows, out=out)


@app.command()
def train(
    run: RunName,
    fresh: Annotated[bool, typer.Option("--fresh", help="forget an earlier training of the same identity")] = False,
) -> None:
    """Train a run, or go on where it was stopped, into models and reports."""
    params = _load()
    _entry("runs", params.runs, run)
    _tell_without_effect(params, "runs", run, "train")
    _tell_missing_commit()
    from pipeline.launch.launch import start_training

    start_training(params, run, fresh=fresh)


@app.command(name="find-lr")
def find_lr(
    run: RunName,
    updates: Annotated[
        int, typer.Option("--updates", metavar="N", min=50, help="of each of three drawings: more show more")
    ] = 200,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="a .png; default: reports/RUN-learning-rate.png"),
    ] = None,
) -> None:
    """Suggest a learning rate for a run, from updates under a rate that rises; the run itself is left as it is."""
    out = out and out.absolute()  # relative to where the command was called, not to the tree
    params = _load()
    _entry("runs", params.runs, run)
    from pipeline.commands.find_lr import find_lr
    from pipeline.stages.train.setup import TrainingRun

    find_lr(TrainingRun.of(params, run), updates=updates, out=out)


@app.command()
def evaluate(
    run: RunName,
    on: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--on",
            metavar="DATASET",
            help="score it on this dataset instead, into reports/RUN/on/DATASET",
            autocompletion=complete_dataset,
        ),
    ] = None,
    split: Annotated[
        Optional[_Part],  # noqa: UP045
        typer.Option("--split", help="with --on: which part of the dataset; default: test"),
    ] = None,
) -> None:
    """Measure a trained run on the test split, with tables and pictures, into reports."""
    if split is not None and on is None:
        raise typer.BadParameter("--split belongs to --on DATASET; a run's own measures are of its test split")
    params = _load()
    block = _entry("runs", params.runs, run)
    _tell_without_effect(params, "runs", run, "evaluate")
    if on is None:
        from pipeline.stages.evaluate.stage import evaluate

        evaluate(run, dataset=block.dataset, block=block.evaluate)
    else:
        _entry("datasets", params.datasets, on)
        from pipeline.stages.evaluate.other_dataset import evaluate_on

        evaluate_on(run, dataset=on, part=(split or _Part.test).value, block=block.evaluate)


@app.command()
def repeat(
    run: RunName,
    seeds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--seeds", metavar="N", min=2, help="train it with its seed, seed + 1, ..."),
    ] = None,
    folds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--folds", metavar="K", min=2, help="train it K times, each K-th of the data once the test split"),
    ] = None,
) -> None:
    """Train and measure a run several times: mean and standard deviation of what a single one gives."""
    if (seeds is None) == (folds is None):
        raise typer.BadParameter("say what differs from training to training: --seeds N, or --folds K")
    params = _load()
    _entry("runs", params.runs, run)
    _tell_missing_commit()
    if seeds is not None:
        from pipeline.launch.seeds import repeat_seeds

        repeat_seeds(params, run, seeds)
    else:
        from pipeline.launch.folds import repeat_folds

        assert folds is not None
        repeat_folds(params, run, folds)


@app.command()
def predict(
    run: RunName,
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="[PATH]...",
            help="pictures, folders of pictures, or patterns in quotes; of texts, files of lines; of series, CSV files",
        ),
    ] = None,
    text: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--text", metavar="TEXT", help="a text to classify; repeatable"),
    ] = None,
    prompt: Annotated[Optional[str], typer.Option("--prompt", metavar="TEXT", help="a text to go on with")] = None,  # noqa: UP045
    length: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--length", metavar="N", help="with --prompt: characters or words to write; default: 200"),
    ] = None,
    temperature: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--temperature", metavar="T", help="with --prompt: 0 takes the most probable; default: 0.8"),
    ] = None,
    seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--seed", metavar="S", help="with --prompt: another text for each; default: 0"),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="with --prompt: what is expected after each of its letters")
    ] = False,
    top: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--top", metavar="K", min=1, help="the K most probable classes, or letters"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON objects, one an example, or a step, and line")] = False,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="of a forecast: the .png; default: reports/RUN-forecast.png"),
    ] = None,
) -> None:
    """Classify new pictures, texts or series with a trained run, or let it go on with a text or a series."""
    if not paths and not text and prompt is None:
        raise typer.BadParameter("name files, or give --text TEXT or --prompt TEXT")
    here, out = Path.cwd(), out and out.absolute()  # relative to where the command was called, not to the tree
    params = _load()
    block = _entry("runs", params.runs, run)
    from pipeline.commands.predict.command import Asked, predict

    asked = Asked(paths or (), text or (), prompt, length, temperature, seed, probabilities, top, as_json, out)
    predict(run, asked, here=here, block=block.evaluate, dataset=params.datasets[block.dataset])


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def repro(context: typer.Context) -> None:
    """Check params.yaml, then run `dvc repro` with the same arguments, then compare."""
    params = _load_and_build()
    from pipeline.commands.repro import repro

    repro(params, context.args)


@app.command()
def compare(
    runs: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[RUN]...", help="default: all", autocompletion=complete_run),
    ] = None,
) -> None:
    """Print runs side by side, from the local reports."""
    params = _load()
    from pipeline.commands.listing import show_comparison

    show_comparison(params, [name for name in runs or params.runs if _entry("runs", params.runs, name)])


@app.command()
def doctor(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="a key of runs: that was trained, finished or not", autocompletion=complete_run
        ),
    ],
) -> None:
    """Say what a training suffers from, in which layer, and which line of params.yaml to change."""
    _load()
    from pipeline.commands.doctor import doctor

    doctor(run)


AsJson = Annotated[bool, typer.Option("--json", help="print JSON in place of tables")]
Picture = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--picture", metavar="FILE", help="draw it as blocks to scale: .png, .svg or .pdf"),
]


@describe_app.command("model")
def describe_model(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="a file in src/saccade/models, without .py", autocompletion=complete_model),
    ],
    input_: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--input", metavar="SHAPE", help="CxHxW for images, TxF for series, T for texts; default: typical"
        ),
    ] = None,
    classes: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--classes", metavar="K", min=2, help="how many; default: what is typical"),
    ] = None,
    vocabulary: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--vocabulary", metavar="N", min=3, help="of texts, how many tokens there are; default: 10,000"),
    ] = None,
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", metavar="KEY=VALUE", help="an argument of the model, as in params.yaml; repeatable"),
    ] = None,
    as_json: AsJson = False,
    picture: Picture = None,
) -> None:
    """Describe a model as params.yaml would build it."""
    from pipeline.commands.describe import of_model, show

    show(of_model(name, input_, classes, set_ or [], vocabulary), as_json=as_json, picture=picture)


@describe_app.command("run")
def describe_run(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="a trained run: a folder in models", autocompletion=complete_run)
    ],
    as_json: AsJson = False,
    picture: Picture = None,
) -> None:
    """Describe the network of a trained run."""
    picture = picture and picture.absolute()  # relative to where the command was called, not to the tree
    params = _load()
    from pipeline.commands.describe import of_run, show

    show(of_run(run, params), as_json=as_json, picture=picture)


@describe_app.command("policy")
def describe_policy(
    name: Annotated[Optional[str], typer.Argument(metavar="[NAME]", help="default: list them all")] = None,  # noqa: UP045
    size: Annotated[
        str, typer.Option("--size", metavar="HxW", help="of the images; arguments in pixels follow it")
    ] = "32x32",
) -> None:
    """Print an augmentation policy as YAML to paste into params.yaml, with a note on each transform."""
    from pipeline.commands.describe_policy import show_policies, show_policy

    if name is None:
        show_policies()
    else:
        show_policy(name, size)


@app.command()
def add(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="a recipe, or with --copy the new run's name", autocompletion=complete_recipe
        ),
    ],
    as_: Annotated[Optional[str], typer.Option("--as", metavar="NAME", help="call the recipe's run so")] = None,  # noqa: UP045
    copy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--copy", metavar="RUN", help="copy this run instead", autocompletion=complete_run),
    ] = None,
) -> None:
    """Merge a recipe into params.yaml, comments kept; or copy a run under a new name."""
    from pipeline import paths
    from pipeline.params.recipes import add_copy, add_recipe

    if copy is not None and as_ is not None:
        raise typer.BadParameter("--copy names the copy by NAME; --as is for recipes")
    paths.enter_tree()
    if copy is not None:
        add_copy(paths.PARAMS, copy, name)
    else:
        add_recipe(paths.PARAMS, name, as_)


@app.command()
def sync(
    purge_diffs: Annotated[
        bool,
        typer.Option("--purge-diffs", help="first remove the diffs that earlier versions sent, here and from MLflow"),
    ] = False,
) -> None:
    """Send pending runs to the tracking server."""
    from pipeline import paths
    from pipeline.commands.listing import show_purge, show_sync

    paths.enter_tree()
    if purge_diffs:
        show_purge(paths.home() / ".saccade" / "runs")
    show_sync(paths.home() / ".saccade" / "runs")


@app.command()
def clean(
    yes: Annotated[bool, typer.Option("--yes", help="remove it; without, nothing is removed")] = False,
    all_: Annotated[
        bool,
        typer.Option("--all", help="also what the runs of params.yaml need and can make again, and what is not synced"),
    ] = False,
) -> None:
    """Show what takes space and no run of params.yaml needs: trainings, folds, stored views, DVC's cache."""
    params = _load()
    from pipeline.commands.clean import clean

    clean(params, removes=yes, includes_needed=all_)

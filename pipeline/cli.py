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


def _show_version(is_requested: bool) -> None:
    if is_requested:
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


class _Split(StrEnum):
    """Examples of a dataset that `evaluate --on` takes."""

    train = "train"
    validation = "validation"
    test = "test"
    all = "all"


def _load() -> Any:
    """Enter the tree and read params.yaml, whole and checked."""
    from pipeline import paths
    from pipeline.params.load import load_params

    paths.enter_tree()
    return load_params(paths.PARAMS)


def _entry(section: str, entries: dict[str, Any], name: str) -> Any:
    from pipeline.params.problems import nearest
    from saccade.core.errors import UserError

    if name not in entries:
        raise UserError(f"{section} of params.yaml has no {name!r}; {nearest(name, list(entries))}")
    return entries[name]


def _load_and_try_transforms() -> Any:
    """Enter the tree, read params.yaml and try its transforms; their values are known to albumentations alone.

    It takes seconds. Warnings say which of one's own files have changed since they were fetched, which transforms do
    not suit the classes, and which settings have no effect.
    """
    from pipeline import paths
    from pipeline.commands.check_transforms import glyph_warnings, transform_value_problems
    from pipeline.console import warn
    from pipeline.params.credentials import secret_problems
    from pipeline.params.load import raise_problems
    from pipeline.params.prepared_datasets import two_class_problems
    from pipeline.stages.local_sources import changes

    params = _load()
    raise_problems(paths.PARAMS, list(secret_problems(paths.PARAMS.read_text(encoding="utf-8"))))
    raise_problems(paths.PARAMS, [*transform_value_problems(params), *two_class_problems(params)])
    for line in glyph_warnings(params):
        warn(f"warning: {line}")
    _warn_of_unused_settings(params)
    for line in changes({name: dataset.source.arguments for name, dataset in params.datasets.items()}):
        warn(line)
    return params


def _warn_of_unused_settings(params: Any, *place: str) -> None:
    """Say which settings below a path of params.yaml change nothing; of several processes the first one does."""
    from pipeline.console import warn
    from pipeline.params.unused_settings import unused_settings
    from saccade.core.ranks import current_rank, is_launched_child

    if current_rank().rank == 0 and not is_launched_child():
        for problem in unused_settings(params, *place):
            warn(f"warning: {problem}")


def _tell_missing_commit() -> None:
    """Say why a run will name no commit; of several processes the first one does, and under DVC `repro` has done."""
    import os

    from pipeline.without_git import tell_missing_commit
    from saccade.core.ranks import current_rank, is_launched_child

    if current_rank().rank == 0 and not is_launched_child() and not os.environ.get("DVC_STAGE"):
        tell_missing_commit(is_brief=True)


def _print_verdict(run: str, name: str, folder: Path) -> None:
    """Print the doctor's verdict at the end of a training, in a line."""
    from pipeline.commands.doctor import print_verdict

    print_verdict(run, name, folder)


def _say_after_training(params: Any, run: str) -> None:
    """Say where the run does worse than a simple model; of several processes the one that published it does."""
    from pipeline.commands.standing import say_after_training
    from saccade.core.ranks import current_rank, is_launched_child

    if current_rank().rank == 0 and not is_launched_child():
        say_after_training(params, run)


@app.command()
def check() -> None:
    """Check the whole of params.yaml and print every error at once."""
    from pipeline.console import say
    from saccade.core.messages import pluralise

    params = _load_and_try_transforms()
    _tell_missing_commit()
    say(f"params.yaml is fine: {pluralise(len(params.datasets), 'dataset')}, {pluralise(len(params.runs), 'run')}")


@app.command(name="list")
def list_() -> None:
    """List datasets, models, tasks, recipes and runs."""
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
    from pipeline.stages.preprocess import preprocess

    preprocess(dataset, source=block.source, split=block.split, block=block.preprocess, seed=params.seed)


@app.command()
def augment(dataset: DatasetName) -> None:
    """Write augmented views of a training split into data/augmented."""
    params = _load()
    block = _entry("datasets", params.datasets, dataset)
    _warn_of_unused_settings(params, "datasets", dataset, "augment")
    from pipeline.stages.augment.stage import augment

    augment(dataset, block=block.augment, seed=params.seed)


@app.command()
def preview(
    dataset: DatasetName,
    policy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--policy", metavar="NAME", help="show this policy instead of the transforms in params.yaml"),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=1, max=100, help="number of examples, spread over the classes")
    ] = 10,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="the .png to write; default: reports/DATASET-preview.png"),
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
    fresh: Annotated[
        bool, typer.Option("--fresh", help="start over, even if this training was done or begun before")
    ] = False,
) -> None:
    """Train a run, or resume it where it stopped; write into models and reports."""
    params = _load()
    _entry("runs", params.runs, run)
    _warn_of_unused_settings(params, "runs", run, "train")
    _tell_missing_commit()
    from pipeline.launch.launch import start_training

    start_training(params, run, fresh=fresh, after_training=_print_verdict)
    _say_after_training(params, run)


@app.command(name="find-lr")
def find_lr(
    run: RunName,
    updates: Annotated[
        int, typer.Option("--updates", metavar="N", min=50, help="updates of each of three repeats; more show more")
    ] = 200,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="the .png to write; default: reports/RUN-learning-rate.png"),
    ] = None,
) -> None:
    """Suggest a learning rate for a run, from a short test with a rising rate; the run itself is not changed."""
    out = out and out.absolute()  # relative to where the command was called, not to the tree
    params = _load()
    _entry("runs", params.runs, run)
    from pipeline.commands.find_lr import find_lr
    from pipeline.stages.train.run import TrainingRun

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
        Optional[_Split],  # noqa: UP045
        typer.Option("--split", help="with --on: which split of the dataset; default: test"),
    ] = None,
) -> None:
    """Measure a trained run on the test split; write tables and figures into reports."""
    if split is not None and on is None:
        raise typer.BadParameter("--split needs --on DATASET; a run's own metrics are those of its test split")
    params = _load()
    block = _entry("runs", params.runs, run)
    _warn_of_unused_settings(params, "runs", run, "evaluate")
    if on is None:
        from pipeline.stages.evaluate.stage import evaluate

        evaluate(run, dataset=block.dataset, block=block.evaluate)
        from pipeline.commands.standing import say_after_evaluation

        say_after_evaluation(params, run)
    else:
        _entry("datasets", params.datasets, on)
        from pipeline.stages.evaluate.other_dataset import evaluate_on

        evaluate_on(run, dataset=on, part=(split or _Split.test).value, block=block.evaluate)


@app.command()
def repeat(
    run: RunName,
    seeds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--seeds", metavar="N", min=2, help="train it N times, with seed, seed + 1, ..."),
    ] = None,
    folds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--folds", metavar="K", min=2, help="train it K times; each K-th of the data is the test split once"
        ),
    ] = None,
) -> None:
    """Train and measure a run several times; print the mean and standard deviation of its metrics."""
    if (seeds is None) == (folds is None):
        raise typer.BadParameter("choose what differs between the trainings: --seeds N, or --folds K")
    params = _load()
    _entry("runs", params.runs, run)
    _tell_missing_commit()
    if seeds is not None:
        from pipeline.launch.seeds import repeat_seeds

        repeat_seeds(params, run, seeds, after_training=_print_verdict)
    else:
        from pipeline.launch.folds import repeat_folds

        assert folds is not None
        repeat_folds(params, run, folds, after_training=_print_verdict)


@app.command()
def predict(
    run: RunName,
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="[PATH]...",
            help="images, folders or quoted patterns; for texts, files with one text per line; for series, CSV files",
        ),
    ] = None,
    text: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--text", metavar="TEXT", help="a text to classify; may be repeated"),
    ] = None,
    prompt: Annotated[Optional[str], typer.Option("--prompt", metavar="TEXT", help="a text to continue")] = None,  # noqa: UP045
    length: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--length", metavar="N", help="with --prompt: characters or words to write; default: 200"),
    ] = None,
    temperature: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--temperature", metavar="T", help="with --prompt: 0 always takes the most probable token; default: 0.8"
        ),
    ] = None,
    seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--seed", metavar="S", help="with --prompt: seed of the random draws; default: 0"),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="with --prompt: the tokens expected after each of its tokens")
    ] = False,
    top: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--top", metavar="K", min=1, help="show the K most probable classes or tokens"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print one JSON object per line: an example, or a step")
    ] = False,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--out", metavar="FILE", help="for a forecast: the .png to write; default: reports/RUN-forecast.png"
        ),
    ] = None,
) -> None:
    """Classify new images, texts or series with a trained run, or let it continue a text or a series."""
    if not paths and not text and prompt is None:
        raise typer.BadParameter("name files, or give --text TEXT or --prompt TEXT")
    here, out = Path.cwd(), out and out.absolute()  # relative to where the command was called, not to the tree
    params = _load()
    block = _entry("runs", params.runs, run)
    from pipeline import paths as places
    from pipeline.commands.predict import predict, spec_of
    from saccade.kinds import Reading
    from saccade.predict.answers import Question

    dataset = params.datasets[block.dataset]
    reading = Reading(
        run, spec_of(run), paths or (), text or (), here, dataset.source.arguments, dataset.preprocess.options
    )
    question = Question(
        reading,
        prompt=prompt,
        length=length,
        temperature=temperature,
        seed=seed,
        probabilities=probabilities,
        top=top,
        as_json=as_json,
        figure=out,
        usual_figure=places.report(f"{run}-forecast.png"),
        batch_size=block.evaluate.batch_size,
    )
    predict(question, device=block.evaluate.device)
    from pipeline.commands.standing import warn_after_prediction

    warn_after_prediction(params, run)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def repro(context: typer.Context) -> None:
    """Check params.yaml, run `dvc repro` with the same arguments, then compare the runs."""
    params = _load_and_try_transforms()
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
    """Diagnose a training: what went wrong, in which layer, and which line of params.yaml to change."""
    _load()
    from pipeline.commands.doctor import doctor

    doctor(run)


AsJson = Annotated[bool, typer.Option("--json", help="print JSON instead of tables")]
Figure = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--figure", "--picture", metavar="FILE", help="draw the network as blocks to scale: .png, .svg or .pdf"
    ),
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
        typer.Option("--classes", metavar="K", min=2, help="number of classes; default: what is typical"),
    ] = None,
    vocabulary: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--vocabulary", metavar="N", min=3, help="for texts: number of tokens in the vocabulary; default: 10,000"
        ),
    ] = None,
    set_: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--set", metavar="KEY=VALUE", help="an argument of the model, as in params.yaml; may be repeated"),
    ] = None,
    as_json: AsJson = False,
    figure: Figure = None,
) -> None:
    """Describe a model as params.yaml would build it."""
    from pipeline.commands.describe import network_of_model, show

    show(network_of_model(name, input_, classes, set_ or [], vocabulary), as_json=as_json, figure=figure)


@describe_app.command("run")
def describe_run(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="a trained run: a folder in models", autocompletion=complete_run)
    ],
    as_json: AsJson = False,
    figure: Figure = None,
) -> None:
    """Describe the network of a trained run."""
    figure = figure and figure.absolute()  # relative to where the command was called, not to the tree
    params = _load()
    from pipeline.commands.describe import network_of_run, show

    show(network_of_run(run, params), as_json=as_json, figure=figure)


@describe_app.command("policy")
def describe_policy(
    name: Annotated[Optional[str], typer.Argument(metavar="[NAME]", help="default: list them all")] = None,  # noqa: UP045
    size: Annotated[
        str, typer.Option("--size", metavar="HxW", help="size of the images, on which arguments in pixels depend")
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
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[NAME]",
            help="a recipe; with --copy the new run's name; with --auto a dataset",
            autocompletion=complete_recipe,
        ),
    ] = None,
    as_: Annotated[Optional[str], typer.Option("--as", metavar="NAME", help="call the recipe's run so")] = None,  # noqa: UP045
    copy: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--copy", metavar="RUN", help="copy this run instead", autocompletion=complete_run),
    ] = None,
    auto: Annotated[bool, typer.Option("--auto", help="decide settings for the fetched dataset NAME")] = False,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.1, help="with --auto: minutes that a training may take on this machine")
    ] = 10.0,
    baseline: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--baseline",
            metavar="RUN",
            help="add RUN-baseline: a linear model on the features of a network trained on ImageNet",
            autocompletion=complete_run,
        ),
    ] = None,
) -> None:
    """Merge a recipe into params.yaml, comments kept; copy a run; decide settings for a dataset; add a baseline."""
    from pipeline import paths
    from pipeline.commands.add import add_copy, add_recipe
    from pipeline.commands.add_auto import add_auto
    from pipeline.commands.add_baseline import add_baseline

    if baseline is not None:
        if name is not None or copy is not None or as_ is not None or auto:
            raise typer.BadParameter("--baseline stands alone: the new run is called RUN-baseline")
        paths.enter_tree()
        add_baseline(paths.PARAMS, baseline)
        return
    if name is None:
        raise typer.BadParameter("NAME, or --baseline RUN, must be given")
    if copy is not None and as_ is not None:
        raise typer.BadParameter("with --copy, NAME is the new run; --as is for recipes and --auto")
    if copy is not None and auto:
        raise typer.BadParameter("--copy and --auto must not both be given")
    paths.enter_tree()
    if auto:
        add_auto(paths.PARAMS, name, minutes=minutes, as_=as_)
    elif copy is not None:
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

"""Commands that measure, compare and use what was trained."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import RunName, Split
from pipeline.cli.checked_params import asked_network, entry, load, warn_of_unused_settings
from pipeline.completion import complete_dataset, complete_run


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
        Optional[Split],  # noqa: UP045
        typer.Option("--split", help="with --on: which split of the dataset; default: test"),
    ] = None,
) -> None:
    """Measure a trained run on the test split; write tables and figures into reports."""
    if split is not None and on is None:
        raise typer.BadParameter("--split needs --on DATASET; a run's own metrics are those of its test split")
    params = load()
    block = entry("runs", params.runs, run)
    warn_of_unused_settings(params, "runs", run, "evaluate")
    if on is None:
        from pipeline.stages.evaluate.stage import evaluate

        evaluate(run, dataset=block.dataset, block=block.evaluate)
        from pipeline.commands.index_page import say_pages
        from pipeline.commands.standing import say_after_evaluation

        say_after_evaluation(params, run)
        say_pages(run)
    else:
        entry("datasets", params.datasets, on)
        from pipeline.stages.evaluate.other_dataset import evaluate_on

        evaluate_on(run, dataset=on, part=(split or Split.test).value, block=block.evaluate)


@app.command()
def compare(
    runs: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="[RUN]...", help="default: all, without what differs between them", autocompletion=complete_run
        ),
    ] = None,
    html: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--html", metavar="FILE", help="also write a page: tables, and accuracy against size and seconds"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object in place of tables")] = False,
) -> None:
    """Print runs side by side: what differs, and whether one is better on the same test examples."""
    html = html and html.absolute()  # relative to where the command was called, not to the tree
    params = load()
    from pipeline.commands.compare import compare

    names = [name for name in runs or params.runs if entry("runs", params.runs, name)]
    if code := compare(names, named=bool(runs), html=html, as_json=as_json):
        raise typer.Exit(code)


@app.command()
def verify(
    run: RunName,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="train it anew, too, and compare each epoch; what is kept stays as it is")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object in place of lines")] = False,
) -> None:
    """Check a run against its record: data, params, code, weights, answers; say what differs first."""
    params = load()
    entry("runs", params.runs, run)
    from pipeline.commands.verify import verify

    if code := verify(params, run, retrain=retrain, as_json=as_json):
        raise typer.Exit(code)


@app.command()
def predict(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="a key of runs: in params.yaml, a registered model such as models:/NAME@champion or models:/NAME/3, "
            "the folder of a bundle, or a .onnx file that `export` wrote",
            autocompletion=complete_run,
        ),
    ],
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
            "--out",
            metavar="FILE",
            help="a .parquet, .csv or .jsonl that gets a row an example, gone on with after a kill; for a forecast: "
            "the .png to write; default: reports/RUN-forecast.png",
        ),
    ] = None,
    monitor: Annotated[
        bool, typer.Option("--monitor", help="also tell whether the inputs look like the data of the run: see `drift`")
    ] = False,
    page: Annotated[
        bool,
        typer.Option("--page", help="pictures of whole pages: find their lines, read each; --out FILE.png draws them"),
    ] = False,
) -> None:
    """Classify new images, texts or series with a trained run, or let it continue a text or a series."""
    if not paths and not text and prompt is None:
        raise typer.BadParameter("name files, or give --text TEXT or --prompt TEXT")
    if page and (not paths or text or prompt is not None or top is not None or monitor):
        raise typer.BadParameter("--page takes pictures of pages, --json and --out FILE.png alone")
    here, out = Path.cwd(), out and out.absolute()  # relative to where the command was called, not to the tree
    from pipeline.batch_answers.tables import SUFFIXES
    from saccade.kinds import Reading
    from saccade.predict import is_onnx
    from saccade.predict.answers import Question

    table = out if out and out.suffix.lower() in SUFFIXES else None

    def asked(reading: Reading) -> Question:
        return Question(
            reading,
            prompt=prompt,
            length=length,
            temperature=temperature,
            seed=seed,
            probabilities=probabilities,
            top=top,
            as_json=as_json,
            figure=None if table else out,
            table=table,
        )

    if is_onnx(run):
        if page:
            raise typer.BadParameter("--page needs a run or a bundle: an exported file reads no pages")
        if monitor:
            raise typer.BadParameter("--monitor needs a run of params.yaml: an exported file has no data beside it")
        from pipeline.commands.predict_file import predict_with_file

        predict_with_file(Path(run), asked, paths=paths or (), texts=text or (), here=here)
        return
    network = asked_network(run, here)
    if page:
        from pipeline.commands.predict_page import predict_pages

        given = {"device": network.device, "out": out, "as_json": as_json}
        predict_pages(run, network.found, paths or (), here=here, **given)
        return
    from pipeline import paths as places
    from pipeline.commands.predict import predict, spec_of

    spec = spec_of(network.found.bundle)
    reading = Reading(run, spec, paths or (), text or (), here, network.source, network.preprocess, network.holds)
    usual = {"usual_figure": places.report(f"{network.label}-forecast.png"), "batch_size": network.batch_size}
    predict(replace(asked(reading), **usual), device=network.device, found=network.found)
    if network.params is not None:
        from pipeline.commands.standing import warn_after_prediction

        warn_after_prediction(network.params, run)
    if monitor:
        from pipeline.commands.drift import monitor_inputs

        monitor_inputs(reading, network, as_json=as_json)


@app.command()
def explain(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="a trained run: a folder in models", autocompletion=complete_run)
    ],
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[PATH]...", help="files as `predict` takes them; default: the run's own data"),
    ] = None,
    text: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--text", metavar="TEXT", help="a text that is classified; may be repeated"),
    ] = None,
    prompt: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--prompt", metavar="TEXT", help="a text, to explain the token that comes next"),
    ] = None,
    method: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--method",
            metavar="NAME",
            help="images: grad-cam, layer-cam, saliency, smooth-grad, integrated-gradients, occlusion, deconvolution, "
            "guided-backpropagation; sequences: integrated-gradients, leave-one-out, contributions; or all; may be "
            "repeated",
        ),
    ] = None,
    layer: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--layer",
            metavar="NAME",
            help="layer of the class activation maps; default: the last that keeps height and width",
        ),
    ] = None,
    class_: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--class",
            metavar="NAME",
            help="of given examples: class, token or number to explain; default: the answer and the runner-up",
        ),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FOLDER", help="folder to write into; default: reports/RUN/explain"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the numbers as JSON")] = False,
    as_npz: Annotated[bool, typer.Option("--npz", help="write the numbers as .npz beside the pictures")] = False,
    limit: Annotated[
        float, typer.Option("--limit", metavar="SECONDS", min=0.0, help="of sequences: time that an example may take")
    ] = 60.0,
) -> None:
    """Show what a trained run looks at, in its own data or in given images, texts and series, and what it remembers."""
    here, out = Path.cwd(), out and out.absolute()  # relative to where the command was called, not to the tree
    params = load()
    from pipeline.commands.explain import ExplainOptions
    from pipeline.commands.explain_layouts import Given, explain_given

    options = ExplainOptions(out, tuple(method or ()), layer, class_, as_json, as_npz)
    explain_given(params, run, Given(here, tuple(paths or ()), tuple(text or ()), prompt, limit), options)


@app.command()
def drift(
    run: RunName,
    paths: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[NEW]...", help="new inputs, as `predict` takes them: folders, files, patterns"),
    ] = None,
    text: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--text", metavar="TEXT", help="a new text; may be repeated"),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", metavar="FILE", help="page to write; default: reports/RUN/drift.html"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object in place of lines")] = False,
) -> None:
    """Tell whether new inputs look like the data that a run was measured on; a hint, with a page."""
    if not paths and not text:
        raise typer.BadParameter("name new inputs: files, folders, or --text TEXT")
    here, out = Path.cwd(), out and out.absolute()  # relative to where the command was called, not to the tree
    network = asked_network(run, here)
    from pipeline.commands.drift import drift
    from pipeline.commands.predict import spec_of
    from saccade.kinds import Reading

    spec = spec_of(network.found.bundle)
    reading = Reading(run, spec, paths or (), text or (), here, network.source, network.preprocess, network.holds)
    drift(reading, network, page=out, as_json=as_json)

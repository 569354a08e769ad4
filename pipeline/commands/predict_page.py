"""``saccade predict RUN receipt.jpg --page``: the lines of whole pages, found, read and printed in reading order."""

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.console import say, warn
from pipeline.model_registry.resolve import FoundBundle
from pipeline.runs.reported import reported_decoder
from saccade.bundle.bundle import read_config
from saccade.core.errors import UserError
from saccade.core.messages import pluralise, printable
from saccade.kinds.image.new_examples import find_images
from saccade.kinds.image.pixels.decode import decode_values
from saccade.kinds.image.pixels.grey_levels import scale_of
from saccade.page_lines.read_page import ReadPage, read_page
from saccade.predict.texts.read_lines import LineReader
from saccade.transcripts.decoder import GREEDY, Decoder


def predict_pages(
    run: str, found: FoundBundle, paths: Sequence[str], *, here: Path, device: str, out: Path | None, as_json: bool
) -> None:
    """Load a run that reads lines, and read pages with it.

    Args:
        run: name of the run.
        found: bundle of the network, and its record.
        paths: pictures of pages, folders or patterns.
        here: folder that paths are relative to.
        device: auto, cpu, cuda, cuda:1 or mps.
        out: PNG that gets the page with its boxes; None: nothing is drawn.
        as_json: whether a JSON object a page is printed.

    Raises:
        UserError: the run reads no lines, or a page cannot be read.
    """
    if read_config(found.bundle).spec.output != "transcript":
        raise UserError(f"--page must be left out: {run} reads no lines; name a run of task transcribe")
    from saccade.predict import predictor as prediction

    decoder, warning = reported_decoder(run, found.bundle, found.record)
    if warning:
        warn(warning)
    reader = prediction.load(found.bundle, device=device)
    tell_pages(reader, decoder or GREEDY, find_images(paths, here), here=here, out=out, as_json=as_json)


def tell_pages(
    reader: LineReader, decoder: Decoder, files: Sequence[str], *, here: Path, out: Path | None, as_json: bool
) -> None:
    """Read pages, print what they say, and draw the one that is asked for.

    Args:
        reader: network that reads lines.
        decoder: what makes texts of its logits.
        files: pictures of pages.
        here: folder that they are relative to.
        out: PNG that gets the page with its boxes; None: nothing is drawn.
        as_json: whether a JSON object a page is printed.

    Raises:
        UserError: a page cannot be read, or ``out`` is no PNG of one page.
    """
    if out is not None and (out.suffix.lower() != ".png" or len(files) != 1):
        raise UserError(
            f"--out ({out.name}) must be one .png for one page, and there are {pluralise(len(files), 'page')}"
        )
    failed = 0
    for file in files:
        try:
            values = decode_values((here / file).read_bytes(), None)
        except OSError as error:
            failed += 1
            warn(f"{printable(file)} must be readable: {error.strerror or error}")
            continue
        except UserError as error:
            failed += 1
            warn(f"{printable(file)} {error}")
            continue
        page = scale_of(reader.spec.value_range, reader.spec.ignores_file_range).apply(values)
        read = read_page(page, reader, decoder)
        if as_json:
            say(json.dumps({"path": file, **read.record()}))
        else:
            _say_page(file, read, is_one=len(files) == 1)
        if out is not None:
            from saccade.page_lines.draw import draw_page

            draw_page(page, read, out)
            if not as_json:
                say(f"drawn: {out}")
    if failed:
        raise UserError(f"{failed:,} of {pluralise(len(files), 'page')} could not be read, see above")


def _say_page(file: str, read: ReadPage, *, is_one: bool) -> None:
    for note in read.notes:
        warn(f"{printable(file)}: {note}")
    if not is_one:
        say(f"== {printable(file)}")
    if read.lines:
        say(read.text)
    for one in read.fields:
        say(f"{one.name}: {one.value} ({one.kind}; read as {one.text!r} in line {one.line + 1}, {one.confidence:.2f})")

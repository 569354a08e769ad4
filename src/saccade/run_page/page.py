"""``reports/<run>/report.html``: all that is known of an evaluated run, on one page that needs no other file."""

from collections.abc import Iterator
from pathlib import Path

from saccade.core import registry
from saccade.core.files import replacing_file
from saccade.display.page import Line, Name
from saccade.run_page.answers import answer_sections, doubtful_section, label_cost_section
from saccade.run_page.blocks import RunPage, RunSection
from saccade.run_page.files import RunFiles
from saccade.run_page.headline import headline
from saccade.run_page.pictures import Pictures
from saccade.run_page.record import Surroundings, data_section, rebuild_section, record_section, settings_section
from saccade.run_page.rendering import to_html
from saccade.run_page.training import doctor_section, members_section, training_section

FILE_NAME = "report.html"


def write_run_page(folder: Path, around: Surroundings) -> Path:
    """Write the page of a run from the files in its folder.

    Args:
        folder: such as reports/digits, with run.json at least.
        around: what the application knows besides.

    Returns:
        The page.
    """
    page = run_page(RunFiles(folder), around)
    with replacing_file(folder / FILE_NAME) as partial:
        partial.write_text(to_html(page), encoding="utf-8")
    return folder / FILE_NAME


def run_page(files: RunFiles, around: Surroundings) -> RunPage:
    """The page as values; a section whose files are missing is left out.

    Args:
        files: the run's folder.
        around: what the application knows besides.

    Returns:
        The page.
    """
    trained, measured = files.json("run.json"), files.json("metrics.json")
    paired = files.json("evaluated.json").get("beside_baseline")
    facts, figures = headline(measured, around.verdict, around.counts.get("test"), paired)
    sections = [figures, *_sections(files, around)]
    lead: Line = (
        f"{trained['model']} on ",
        Name(str(trained["dataset"])),
        f" ({around.task}), {trained['parameters']:,} parameters",
        f"; evaluated {around.date[:10]}." if around.date else ".",
    )
    shown = [section for section in sections if section is not None]
    return RunPage(Name(str(trained["run"])), lead, facts, shown, around.date)


def _sections(files: RunFiles, around: Surroundings) -> Iterator[RunSection | None]:
    trained, measured, pictures = files.json("run.json"), files.json("metrics.json"), Pictures()
    yield members_section(measured)
    yield training_section(files, trained)
    yield doctor_section(files, trained, list(around.class_counts.values()), pictures)
    headings = registry.constant_or(None, "tasks", around.task, "SECTIONS")
    yield from answer_sections(files, headings, pictures)
    yield doubtful_section(files, pictures)
    yield label_cost_section(files, pictures)
    yield data_section(trained, around)
    yield settings_section(around)
    yield rebuild_section(trained)
    yield record_section(trained, files.json("evaluated.json"), around)

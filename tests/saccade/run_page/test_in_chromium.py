"""The page of a run as a browser shows it: nothing wider than a telephone, no error, and a script that runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from run_reports import full

from saccade.run_page.page import write_run_page
from saccade.run_page.record import Setting, Surroundings

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: `apt-get install chromium`, or Google Chrome"),
]

# A window of headless Chromium is no narrower than 500 pixels, but a frame is. What lies in it tells how wide it is: in
# a copy without the page's policy, by a script of ours.
TELL = "<script>parent.postMessage(document.body.scrollWidth - document.body.clientWidth, '*')</script>"
LISTEN = "<script>addEventListener('message', (event) => { document.body.dataset.overflow = event.data; })</script>"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = full(
        tmp_path / "tiny", "classify", ("<b>ant</b>", "a class whose name is far too long for a telephone" * 3)
    )
    settings = [Setting("dataset.source.path", "/a/long/path/" * 20, "null")]
    return write_run_page(folder, Surroundings("classify", {"train": 9, "test": 9}, settings=settings))


def show(tmp_path: Path, page: Path, *flags: str) -> tuple[str, str]:
    """The page as it is once its scripts have run, and what the browser said."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--enable-logging=stderr", "--v=0", *flags, "--dump-dom", page.as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return result.stdout, "\n".join(line for line in result.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("flags", [(), ("--force-dark-mode",)], ids=["light", "dark"])
def test_the_script_runs_under_its_policy_without_a_word(tmp_path: Path, page: Path, flags: tuple[str, ...]) -> None:
    shown, said = show(tmp_path, page, *flags)
    assert said == ""
    assert '<th scope="col"><button type="button">' in shown


def test_an_edited_script_is_refused(tmp_path: Path, page: Path) -> None:
    page.write_text(page.read_text(encoding="utf-8").replace('"use strict";', '"use strict"; 1;'), encoding="utf-8")
    shown, said = show(tmp_path, page)
    assert "Content Security Policy" in said and "<button" not in shown


@pytest.mark.parametrize("width", [400, 900, 1600])
def test_nothing_is_wider_than_the_window(tmp_path: Path, page: Path, width: int) -> None:
    html = re.sub(r"<meta http-equiv=.*\n", "", page.read_text(encoding="utf-8"))
    page.write_text(html.replace("</body>", f"{TELL}</body>"), encoding="utf-8")
    outer = page.with_name("outer.html")
    outer.write_text(f'<body>{LISTEN}<iframe width="{width}" height="800" src="{page.name}">', encoding="utf-8")
    shown, _ = show(tmp_path, outer, "--window-size=1800,900", "--virtual-time-budget=5000")
    found = re.search(r'data-overflow="(-?\d+)"', shown)
    assert found is not None and int(found[1]) == 0

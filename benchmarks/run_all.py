"""Run the benchmarks one after the other, print their tables, and write docs/performance.md.

    python benchmarks/run_all.py --mirror ../shared/datasets/mnist
    python benchmarks/run_all.py --only fixed_cost --only linearity
    python benchmarks/run_all.py --quick

Each benchmark is a process of its own. What it measured is kept in benchmarks/results/<name>.json, with the machine,
the versions and the date; the page is made of these files, so that ``--only`` measures one again and leaves the others.
What stands in the page outside the two comments stays. ``--quick`` tries everything with tiny settings and writes into
the working folder instead. The figures need a machine that does nothing else: the load at the start is part of the
page.
"""

import argparse
import ast
import datetime
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench import HERE, REQUIREMENTS, ROOT, default_work

from saccade.core.cpu import usable_cores

BENCHMARKS = {  # name: the options it takes besides the common ones
    "mnist_race": ("mirror", "peers", "recipe"),
    "engine_overhead": ("peers", "case"),
    "fixed_cost": (),
    "linearity": (),
    "cost_of_determinism": (),
    "cost_of_doctor": (),
    "cost_of_pages": (),
    "embedding_speed": (),
    "length_buckets": (),
    "gpu_engine": (),
}
BEGIN, END = "<!-- measured: begin (benchmarks/run_all.py writes this part) -->", "<!-- measured: end -->"
NEW_PAGE = f"""# Performance

`make bench` measures all of this again and rewrites what stands between the two comments below. A ratio is saccade's
figure over the peer's, the median over pairs that were measured in turn on the same machine; every value is shown.

{BEGIN}
{END}
"""
OURS = ("torch", "numpy", "mlflow", "dvc", "albumentations")


def main() -> None:
    """Parse the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(BENCHMARKS), help="measure this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help="tiny settings: does everything run?")
    parser.add_argument("--pairs", type=int, help="measurements of each side, instead of each benchmark's own number")
    parser.add_argument("--mirror", type=Path, help="folder with the four files of MNIST, instead of the network")
    parser.add_argument("--recipe", help="of mnist_race")
    parser.add_argument("--case", help="of engine_overhead; its other figures stay")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers", help="Keras's environment; made if missing")
    parser.add_argument("--work", type=Path, default=default_work(), help="folder for copies of the tree, with data")
    options = parser.parse_args()
    results = options.work / "results" if options.quick else HERE / "results"
    page = options.work / "performance.md" if options.quick else ROOT / "docs" / "performance.md"
    results.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in options.only or BENCHMARKS:
        print(f"\n{name}", flush=True)
        result = run(name, arguments_of(name, options))
        if result is None:
            failed.append(name)
            continue
        path = results / f"{name}.json"
        if name == "engine_overhead" and options.case and path.exists():
            result = merged(json.loads(path.read_text(encoding="utf-8")), result)
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(f"\n{table(result['figures'])}\n", flush=True)
    write_page(page, results)
    print(f"wrote {page}")
    if failed:
        raise SystemExit(f"failed, nothing of them was written: {', '.join(failed)}")


def merged(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Earlier results, with the figures that were measured again in their places; both commands are told."""
    again = {(figure["what"], figure.get("peer")): figure for figure in now["figures"]}
    figures = [again.get((figure["what"], figure.get("peer")), figure) for figure in before["figures"]]
    return {**now, "figures": figures, "command": f"{before['command']}; {now['command']}"}


def arguments_of(name: str, options: argparse.Namespace) -> list[str]:
    """The options of one benchmark's command line; those with their default are left out."""
    values = {"pairs": options.pairs, "work": options.work if options.work != default_work() else None}
    values |= {key: getattr(options, key) for key in BENCHMARKS[name]}
    if options.peers == ROOT / ".venv-peers":
        values.pop("peers", None)
    given = [text for key, value in values.items() if value is not None for text in (f"--{key}", str(value))]
    return given + (["--quick"] if options.quick else [])


def run(name: str, arguments: Sequence[str]) -> dict[str, Any] | None:
    """Run one benchmark: its figures and where they come from, None if it failed."""
    load = os.getloadavg()[0]
    started_at = datetime.datetime.now(datetime.UTC)
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return None
    elapsed = datetime.datetime.now(datetime.UTC) - started_at
    return {
        "command": shlex.join(["python", f"benchmarks/{name}.py", *arguments]),
        "date": started_at.date().isoformat(),
        "minutes": round(elapsed.total_seconds() / 60, 1),
        "load_before": round(load, 2),
        "commit": commit(),
        "machine": machine(),
        "versions": versions(),
        "figures": [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")],
    }


def machine() -> str:
    """Processor, cores, memory, and the GPU where there is one."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = usable_cores()
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    parts = [names[0] if names else platform.processor(), platform.machine(), f"{cores} cores", f"{memory_gib:.0f} GiB"]
    code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    gpu = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return ", ".join([*parts, gpu or "no GPU"])


def versions() -> str:
    """Python, ours, the peers'; what is not installed is left out."""
    found = [f"Python {platform.python_version()}"]
    for package in OURS:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    pins = [line.partition(";")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    peers = [pin.replace("==", " ") for pin in pins if pin.startswith(("keras==", "tensorflow=="))]
    return f"{', '.join(found)}; peers: {', '.join(peers)}"


def commit() -> str:
    """The tree's commit, with a word when it has changes; "unknown" outside git."""
    answers = [
        subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        for arguments in (("rev-parse", "--short=10", "HEAD"), ("status", "--porcelain", "--", "src", "pipeline"))
    ]
    if answers[0].returncode != 0:
        return "unknown"
    return answers[0].stdout.strip() + (" with changes" if answers[1].stdout.strip() else "")


def write_page(page: Path, results: Path) -> None:
    """Replace what stands between the two comments."""
    text = page.read_text(encoding="utf-8") if page.exists() else NEW_PAGE
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"{page} must hold these two lines once each:\n{BEGIN}\n{END}")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    known = [name for name in BENCHMARKS if (results / f"{name}.json").exists()]
    sections = [section(name, json.loads((results / f"{name}.json").read_text(encoding="utf-8"))) for name in known]
    page.write_text(before + "\n\n".join([BEGIN, *sections, END]) + after, encoding="utf-8")


def section(name: str, result: dict[str, Any]) -> str:
    """One benchmark in Markdown: its docstring, the command that ran, the table, where the figures come from."""
    docstring = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))) or ""
    about = "\n\n".join(part for part in docstring.split("\n\n") if not part.startswith("    "))  # less its command
    source = (
        f"{result['date']}, {result['minutes']:g} minutes, commit {result['commit']}, load average before it "
        f"{result['load_before']:g}.\nMachine: {result['machine']}.\nVersions: {result['versions']}."
    )
    return "\n\n".join([f"## {name}", about, f"    {result['command']}", table(result["figures"]), source])


def table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    rows = ["| what | saccade | peer | ratio | target | values: saccade / peer |", "|---|---|---|---|---|---|"]
    for figure in figures:
        if "skipped" in figure:
            rows.append(f"| {figure['what']} | skipped: {figure['skipped']} | | | | |")
        else:
            rows.append(f"| {' | '.join(cells(figure))} |")
    return "\n".join(rows)


def cells(figure: dict[str, Any]) -> list[str]:
    """One row of the table."""
    unit = f" {figure['unit']}" if figure["unit"] else ""
    what = figure["what"] + (f" ({figure['note']})" if figure["note"] else "")
    theirs = "" if figure["theirs"] is None else f"{number(figure['theirs'])}{unit}, {figure['peer']}"
    ratio = ""
    if figure["ratio"] is not None:
        low, high = figure["ratios"]
        ratio = f"{figure['ratio']:.2f} ({low:.2f} to {high:.2f})"
    target = ""
    if figure["target"] is not None:
        target = f"{figure['target'][0]} {figure['target'][1]:g}: {'reached' if figure['reached'] else 'missed'}"
    values = " / ".join(
        " ".join(map(number, figure[side])) for side in ("ours_values", "theirs_values") if figure[side]
    )
    return [what, f"{number(figure['ours'])}{unit}", theirs, ratio, target, values]


def number(value: float) -> str:
    """Enough digits to compare.

    >>> [number(value) for value in (8712.4, 31.416, 3.1416, 0.99372)]
    ['8,712', '31.4', '3.14', '0.9937']
    """
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 4
    return f"{value:,.{digits}f}"


if __name__ == "__main__":
    main()

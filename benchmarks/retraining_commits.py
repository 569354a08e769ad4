"""How many of the past commits would retrain all runs, if the house had always stood as it stands today.

    python benchmarks/retraining_commits.py [N] [--stage train] [--merges] [--last COMMIT]

A stage runs again when a byte of what its entry in dvc.yaml lists has changed. The last N commits (274) before the code
moved into rooms are asked twice: by the list of that time, and by today's. For the latter each change is followed to
where the code lies now: a file to the file that git says it became, and of a file that was taken apart, each function,
class and constant to the file that holds it now. A change of imports alone is followed to where most of its file went.
Merges bring nothing that the commits of their branches did not; with --merges, what they bring to their first parent
counts too. Templated files (a model, a task) do not count: they run the stage again for the runs that name them alone.
Prints how many commits touch either list, and those that still do, with the files that are to blame.
"""

import argparse
import ast
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAST = "410a88a"  # the last commit before the code moved into rooms
CODE = ("src/", "pipeline/")
SYMBOLS_MOVED = {  # what changed its name and its file at once: old file -> old name -> file today
    "pipeline/train.py": dict.fromkeys(
        ("_lead", "_lead_on", "_go_on", "_help", "help_to_train", "_begin"), "pipeline/stages/train/training.py"
    ),
    "pipeline/train_loop.py": dict.fromkeys(("try_out", "records", "_keep_batch"), "pipeline/stages/train/training.py")
    | dict.fromkeys(("build", "_loss", "_class_weights", "_labelled"), "src/saccade/train/setup.py"),
    "pipeline/train_origin.py": dict.fromkeys(("Origin", "origin_of"), "src/saccade/bundle/initial_weights.py"),
    "pipeline/train_results.py": dict.fromkeys(("told", "tell_again"), "pipeline/stages/train/records.py")
    | {"with_band": "src/saccade/train/setup.py"},
    "pipeline/train_work.py": dict.fromkeys(("Work", "prepare", "_resolved", "loss_name"), "src/saccade/train/setup.py")
    | dict.fromkeys(("plan", "Plan", "noted", "recorded"), "pipeline/stages/train/records.py"),
    "src/saccade/training.py": dict.fromkeys(("fit", "_fit"), "src/saccade/train/loop.py"),
}


def main() -> None:
    """Parse the command line, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commits", type=int, nargs="?", default=274, help="how many, the last ones")
    parser.add_argument("--stage", default="train", help="of dvc.yaml")
    parser.add_argument(
        "--merges", action="store_true", help="count a merge that brings its branch to the first parent"
    )
    parser.add_argument("--last", default=LAST, help="the commit with which the list of that time ends")
    options = parser.parse_args()
    before = listed(git("show", f"{options.last}:dvc.yaml"), options.stage)
    today = listed((ROOT / "dvc.yaml").read_text(encoding="utf-8"), options.stage)
    known: dict[str, str] = {}  # path in an earlier commit -> path in the last one
    then, now, causes = [], [], Counter[str]()
    commits = git("rev-list", f"-{options.commits}", options.last).split()
    for commit in commits:
        changed = changes(commit, known, "first-parent" if options.merges else "off")
        title = git("show", "-s", "--format=%s", commit).strip()
        if any(known.get(path, path) in before for path in changed):
            then.append(commit)
        places = {place for path in changed for place in today_of(commit, path, known, options.last)}
        blamed = sorted(place for place in places if any(lies_in(place, entry) for entry in today))
        if blamed:
            now.append((commit, title, blamed))
            causes.update({next(entry for entry in today if lies_in(place, entry)) for place in blamed})
    for commit, title, blamed in now:
        print(f"{commit[:8]} {title}")
        print(f"         {', '.join(blamed)}")
    print()
    for entry, count in causes.most_common():
        print(f"{count:4d} {entry}")
    print(f"{options.stage}: {len(then)} of {len(commits)} commits by the list of then, {len(now)} by today's")


def listed(dvc_yaml: str, stage: str) -> list[str]:
    """The code that a stage lists, folders and files, without templates."""
    block = re.search(rf"^  {stage}:\n(.*?)(?=^  \w|\Z)", dvc_yaml, flags=re.MULTILINE | re.DOTALL)
    assert block, f"dvc.yaml has no stage {stage}"
    found = re.findall(r"^ +- ((?:src|pipeline)/\S+)$", block[1], flags=re.MULTILINE)
    return [path for path in found if "$" not in path]


def lies_in(path: str, entry: str) -> bool:
    """Whether a path is an entry of the list, or below it."""
    return path == entry or path.startswith(f"{entry}/")


def changes(commit: str, known: dict[str, str], merges: str) -> list[str]:
    """The code files that a commit changed, by their paths after it; ``known`` learns what it renamed."""
    paths = []
    status = git("show", "--format=", f"--diff-merges={merges}", "-M", "--name-status", commit)
    for line in status.splitlines():
        kind, *names = line.split("\t")
        if kind.startswith("R"):
            known[names[0]] = known.get(names[1], names[1])
        if names[-1].startswith(CODE) and not (kind.startswith("R100")):
            paths.append(names[-1])
    return paths


def today_of(commit: str, path: str, known: dict[str, str], last: str) -> set[str]:
    """The files of today that hold what a commit changed in one of its files."""
    moved = known.get(path, path)
    whole = renamed(last).get(moved, moved)
    if not path.endswith(".py"):
        return {whole} if (ROOT / whole).exists() else set()
    own, table = symbols(f"{commit}:{path}"), SYMBOLS_MOVED.get(moved, {})
    parent_path = next((old for old, new in known.items() if new == moved and exists(f"{commit}^:{old}")), path)
    before = symbols(f"{commit}^:{path}") or symbols(f"{commit}^:{parent_path}")
    differing = {name for name in own.keys() | before.keys() if own.get(name) != before.get(name)}
    if differing - {""}:  # imports change with what is imported
        differing -= {""}
    found = set()
    for name in differing:
        holders = defining().get(name, set())
        if name in table:
            found.add(table[name])
        elif whole in holders or not name:
            found.add(whole)
        else:
            found |= carved(moved, last) & holders or {whole}
    return {place for place in found if (ROOT / place).exists()}


@cache
def symbols(revision: str) -> dict[str, str]:
    """The top level of a Python file: name to source text; imports and docstring under the empty name."""
    try:
        text = git("show", revision)
        tree = ast.parse(text)
    except (subprocess.CalledProcessError, SyntaxError):
        return {}
    found: dict[str, str] = {"": ""}
    lines = text.splitlines()
    for node in tree.body:
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
        source = "\n".join(lines[first - 1 : node.end_lineno])
        names = [""]
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)] or [""]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        for name in names:
            found[name] = found.get(name, "") + source
    return found


@cache
def defining() -> dict[str, set[str]]:
    """Name of a function, class or constant to the files of today that define it."""
    found: dict[str, set[str]] = {}
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py")]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            if isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            for name in names:
                found.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    return found


@cache
def renamed(last: str) -> dict[str, str]:
    """Path in the last commit to the path that git says it became, commit by commit up to the working tree."""
    became: dict[str, str] = {}
    for commit in reversed(git("rev-list", "--first-parent", f"{last}..HEAD").split()):
        status = git("show", "--format=", "--diff-merges=first-parent", "-M40", "--name-status", commit)
        for line in status.splitlines():
            kind, *names = line.split("\t")
            if kind.startswith("R"):
                first = next((old for old, new in became.items() if new == names[0]), names[0])
                became[first] = names[1]
    return became


@cache
def carved(moved: str, last: str) -> frozenset[str]:
    """Files of today that hold names of a file of the last commit: what was carved out of it."""
    return frozenset(place for name in symbols(f"{last}:{moved}") if name for place in defining().get(name, set()))


@cache
def exists(revision: str) -> bool:
    """Whether git knows a path in a commit."""
    return subprocess.run(["git", "cat-file", "-e", revision], cwd=ROOT, capture_output=True).returncode == 0


def git(*arguments: str) -> str:
    """What a git command prints."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()

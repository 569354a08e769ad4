"""``saccade verify RUN``: checks a run against its record, on this machine or another, and names what differs first.

Nothing is written: not in models/, not in reports/, not in MLflow.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pipeline import paths
from pipeline.commands.verify_checks import (
    Check,
    VerifiedRun,
    check_code,
    check_data,
    check_libraries,
    check_params,
    check_processor,
    check_results,
    check_weights,
)
from pipeline.console import say, warn
from pipeline.params.load import Params
from pipeline.runs.evaluations import read_evaluated
from saccade.core.errors import UserError

_DECIDES_TRAINING = ("data", "params", "code")


def verify(params: Params, name: str, *, retrain: bool = False, as_json: bool = False) -> int:
    """Check a run, a line a check, and say "same" or what differs first.

    Args:
        params: the whole file.
        name: key in ``runs:``.
        retrain: train it anew, too, and compare its epochs.
        as_json: print one JSON object in place of lines.

    Returns:
        Exit code: 0 where nothing differs, else 1.

    Raises:
        UserError: there is no record of the run.
    """
    path = paths.report(name) / "run.json"
    if not path.exists():
        raise UserError(
            f"{path} does not exist: it is the record of the run. `dvc pull` brings it, or `saccade train {name}`."
        )
    run = VerifiedRun(params, name, json.loads(path.read_text(encoding="utf-8")), read_evaluated(name))
    checks: list[Check] = []
    for check in _checks(run, retrain):
        checks.append(check)
        if not as_json:
            remedy = f"; {check.remedy}" if check.remedy else ""
            say(f"{check.what:<10} {check.state:<12} {check.detail}{remedy}")
    first = next((check for check in checks if check.state == "differs"), None)
    if as_json:
        record = {"run": name, "verdict": "same" if first is None else "differs", "first": first and asdict(first)}
        say(json.dumps(record | {"checks": [asdict(check) for check in checks]}))
    elif first is None:
        left = ", ".join(c.what for c in checks if c.state == "not checked" and (retrain or c.what != "history"))
        say(f"{name}: same" + (f", as far as it was checked (not: {left})" if left else ""))
    else:
        warn(f"{name} differs in {first.what} first: {first.detail}")
    return 0 if first is None else 1


def _checks(run: VerifiedRun, retrain: bool) -> Iterator[Check]:
    """All checks in their order; what cannot be computed any more is left out."""
    found: dict[str, Check] = {}
    for check in (check_data, check_params, check_code, check_weights, check_results, check_libraries, check_processor):
        result = check(run)
        found[result.what] = result
        yield result
    # Imported here because they compute, which the checks before do not
    from pipeline.commands.verify_answers import check_answers, check_history

    model = paths.model(run.name)
    if not model.exists() or (found["data"].state == "differs" and not Path(found["data"].first).exists()):
        yield Check("answers", "not checked", "data or weights are not here")
    else:
        yield check_answers(run)
    changed = [what for what in _DECIDES_TRAINING if found[what].state == "differs"]
    if not retrain:
        yield Check("history", "not checked", "--retrain trains the run anew and compares each epoch")
    elif changed:
        yield Check("history", "not checked", f"{' and '.join(changed)} differ: another run would be trained")
    else:
        yield check_history(run)

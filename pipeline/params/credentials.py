"""Secrets in params.yaml: DVC copies its values into dvc.lock, and runs send the whole of it to the tracking server."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.params.problems import KeyPath, Problem
from pipeline.privacy.secret_scan import ALLOWED, find_secrets
from saccade.io.credentials import given_credential

_READ_BY_FETCH = ("url", "mirror")  # of a source: where $NAME is filled in


def credential_problems(value: Any, path: KeyPath = ()) -> Iterator[Problem]:
    """Addresses that hold a password, a token or a signature, wherever in the file they are.

    Args:
        value: the file's values, or some of them.
        path: where they are.

    Yields:
        A problem for each, without its line.
    """
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from credential_problems(inner, (*path, key))
    elif isinstance(value, str) and path and path[-1] in _READ_BY_FETCH and "${" in value:
        yield Problem(
            path, "a variable of the environment is written $NAME here, without braces: DVC reads ${...} itself"
        )
    elif isinstance(value, str) and (given := given_credential(value)):
        where = "dvc.lock and the tracking server would keep it"
        remedy = "Take it out of the file"
        if path and path[-1] in _READ_BY_FETCH:
            variable = f"{re.sub(r'[^A-Z0-9]', '_', str(path[1] if len(path) > 1 else 'data').upper())}_SECRET"
            remedy = f"Write ${variable} in its place and `export {variable}=...`"
        yield Problem(path, f"an address here must not hold {given}: {where}. {remedy}")


def secret_problems(text: str) -> Iterator[Problem]:
    """Lines of params.yaml that look like secrets, comments included.

    Args:
        text: of the file.

    Yields:
        A problem for each line.
    """
    for finding in find_secrets(text, "params.yaml"):
        yield Problem(
            (),
            f"looks like a secret ({finding.kind}): dvc.lock and the tracking server would keep it. Take it from the "
            f"environment (url and mirror of a source may say $NAME); a harmless line may end with `# {ALLOWED}`",
            finding.line,
        )

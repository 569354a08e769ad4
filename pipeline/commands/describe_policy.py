"""``saccade describe policy``: named augmentation policies, as YAML that can be pasted into params.yaml."""

import inspect
import re
from typing import Any

from pipeline.console import say
from pipeline.params.problems import nearest
from saccade.augment.policies import POLICIES, Policy
from saccade.core.errors import UserError

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def show_policies() -> None:
    """Print the names of the policies, a line each."""
    width = max(map(len, POLICIES))
    for name, policy in POLICIES.items():
        say(f"{name:{width}}  {policy.summary}" + (" (3 channels)" if policy.only_colour else ""))
    say("`saccade describe policy NAME` prints one; `transforms: NAME` in params.yaml uses it")


def show_policy(name: str, size: str) -> None:
    """Print one policy: where it comes from, and its transforms as params.yaml would list them.

    Args:
        name: name of the policy.
        size: HxW, of the images.

    Raises:
        UserError: there is no such policy, or no such size.
    """
    if name not in POLICIES:
        raise UserError(f"no policy is called {name!r}; {nearest(name, list(POLICIES))}")
    for line in policy_text(name, POLICIES[name], *_sides(size)):
        say(line)


def _sides(size: str) -> tuple[int, int]:
    sides = size.lower().split("x")
    if len(sides) != 2 or not all(side.isascii() and side.isdigit() and int(side) for side in sides):
        raise UserError(f"--size ({size}) must be HxW, such as 32x32")
    return int(sides[0]), int(sides[1])


def policy_text(name: str, policy: Policy, height: int, width: int) -> list[str]:
    """A policy as YAML: comments on where it comes from, then one transform a line, each under its note.

    Args:
        name: name of the policy.
        policy: the policy.
        height: height of the images, in pixels.
        width: width of the images, in pixels.

    Returns:
        Lines; all but the comments are the value of ``augment`` less the number of views.
    """
    said = inspect.cleandoc(policy.docstring).splitlines()
    lines = [f"# {name}, for images of {height}x{width}", *(f"# {line}".rstrip() for line in said)]
    if policy.only_colour:
        lines.append(f"# For images of 3 channels alone: {policy.only_colour}.")
    steps = policy.steps(height, width)
    if not steps:
        return [*lines, "transforms: []"]
    lines.append("transforms:")
    for step in steps:
        lines += [f"  # {step.note}", f"  - {flow_yaml(step.transform)}"]
    return lines


def flow_yaml(value: Any) -> str:
    """A value on one line, as people write YAML.

    >>> flow_yaml({"name": "Affine", "rotate": [-5, 5], "p": 0.5})
    '{name: Affine, rotate: [-5, 5], p: 0.5}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow_yaml, value)) + "]"
    if isinstance(value, str):
        assert _WORD.fullmatch(value), value
        return value
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)

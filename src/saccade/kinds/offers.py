"""What a kind offers by name, and what stands in for what it leaves out."""

from collections.abc import Iterable
from typing import Any

from saccade.core import registry


def offered(kind: str, name: str, default: Any) -> Any:
    """What the ``__init__.py`` of a kind holds under a name; the default where it holds no such thing."""
    return getattr(registry.module("kinds", kind), name, default)


def none(*arguments: Any) -> Iterable[Any]:
    """The default of a function that gives several things: none of them."""
    return ()


def none_of(*arguments: Any) -> None:
    """The default of a function that gives one thing: there is none."""
    return None


def nothing(*arguments: Any) -> dict[str, Any]:
    """The default of a function that gives things by name, or that only draws."""
    return {}

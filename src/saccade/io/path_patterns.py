"""Patterns on the names of files in a folder or an archive, and how such names stand in messages.

A pattern is compared with the end of a name, from its start or from any of its slashes on: ``Imgs/*.jpg`` fits
``tiles/Imgs/1.jpg``, as ``Imgs/*.jpg`` in an rsync filter does. One that begins with a slash counts from the root.
``?`` is any character, ``[ab]`` one of a and b, ``[!ab]`` any other one; capitals count, Unicode's forms do not.
"""

import re
from collections.abc import Callable
from fnmatch import translate

from saccade.core.errors import UserError
from saccade.core.messages import printable
from saccade.core.names import composed

_TOKEN = re.compile(r"\*{1,2}|\?|\[(?P<negated>!?)(?P<set>\]?[^\]]*)\]|.", re.DOTALL)
_ANY_FOLDER = r"(?s:.*/)?"  # before a pattern that need not count from the root


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether names fit a pattern, in which ``*`` is any text, slashes too.

    One that ends with a slash stands for all that is in folders of that name.

    >>> fits = compile_pattern("MT_*/Imgs/*.jpg")
    >>> fits("MT_Crack/Imgs/1.jpg"), fits("tiles/MT_Crack/Imgs/1.jpg"), fits("MT_Crack/Imgs/1.png")
    (True, True, False)

    Args:
        pattern: pattern such as ``*/thumbs/*``; ``/thumbs/*`` for the folder in the root alone.

    Returns:
        A function of a name, whose parts are parted by slashes.

    Raises:
        UserError: the pattern is empty.
    """
    pattern = composed(pattern)
    below = pattern.removeprefix("/")
    if not below:
        raise UserError(f"a pattern of file names ({pattern!r}) must not be empty; * fits them all")
    expression = translate(f"{below}*" if below.endswith("/") else below)
    regex = re.compile(expression if pattern.startswith("/") else _ANY_FOLDER + expression)
    return lambda name: regex.match(composed(name)) is not None


def compile_field(pattern: str, field: str) -> Callable[[str], str | None]:
    """What stands in a name where a pattern says ``{field}``: any text but a slash, at least one character.

    Here ``*`` is any text but a slash, and ``**`` any text. Where several texts would do, each ``*`` and the field take
    as little as they can, from left to right: ``{group}_*`` takes ``ann`` of ``ann_left_3.jpg``; what the field itself
    may hold is kept in it by a pattern that says more of what follows:

    >>> compile_field("{class}_[0-9]*.jpg", "class")("dogs/great_dane_12.jpg")
    'great_dane'
    >>> compile_field("MT_{class}/Imgs/*", "class")("tiles/MT_Crack/Imgs/1.jpg")
    'Crack'

    Args:
        pattern: pattern as the module describes it.
        field: name of the field.

    Returns:
        A function of a name that gives the field's text, or None where the name does not fit.

    Raises:
        UserError: the pattern does not hold the field once, or a set of characters is none.
    """
    mark = f"{{{field}}}"
    pattern = composed(pattern)
    parts = pattern.removeprefix("/").split(mark)
    if len(parts) != 2:
        raise UserError(f"the pattern {pattern!r} must hold {mark} once, but holds it {len(parts) - 1} times")
    before, after = map(_expression, parts)
    start = "" if pattern.startswith("/") else "(?:(?s:.*?)/)??"
    try:
        regex = re.compile(rf"{start}{before}([^/]+?){after}\Z")
    except re.error as error:
        raise UserError(f"the pattern {pattern!r} must have sets such as [ab] or [0-9]: {error}") from None

    def value(name: str) -> str | None:
        match = regex.match(composed(name))
        return None if match is None else match[1]

    return value


def _expression(pattern: str) -> str:
    """A part of a pattern as a regular expression."""
    made = []
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if text == "*":
            made.append("[^/]*?")
        elif text == "**":
            made.append("(?s:.*?)")
        elif text == "?":
            made.append("[^/]")
        elif token["set"]:
            inner = re.sub(r"([\\\[\]^&~|])", r"\\\1", token["set"])
            made.append(f"(?!/)[{'^' if token['negated'] else ''}{inner}]")
        else:
            made.append(re.escape(text))
    return "".join(made)


def escape_pattern(name: str) -> str:
    """The pattern that fits this name in the root, and no other."""
    return "/" + re.sub(r"([*?\[])", r"[\1]", name)


def exclude_line(pattern: str) -> str:
    """The line of params.yaml that leaves out what fits a pattern, for messages."""
    quoted = "'" + pattern.replace("'", "''") + "'"
    if not pattern.isprintable():
        plain = pattern.replace("\\", r"\\").replace('"', r"\"")
        quoted = f'"{printable(plain)}"'
    return f"exclude: [{quoted}]"

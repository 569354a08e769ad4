"""What names a registered model: ``models:/digits@champion``, ``models:/digits/3``."""

import re
from dataclasses import dataclass

from saccade.core.errors import UserError

SCHEME = "models:/"

_ALIAS = re.compile(r"[A-Za-z][\w\-]{0,254}")
_RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)
_FORMS = "models:/NAME@ALIAS, such as models:/digits@champion, or models:/NAME/VERSION, such as models:/digits/3"


@dataclass(frozen=True)
class ModelReference:
    """A version of a registered model, as somebody names it.

    Attributes:
        name: name of the registered model.
        alias: alias of the version; empty where it is named by its number.
        number: number of the version, from 1; 0 where it is named by an alias.
    """

    name: str
    alias: str = ""
    number: int = 0

    def __str__(self) -> str:
        return f"{SCHEME}{self.name}@{self.alias}" if self.alias else f"{SCHEME}{self.name}/{self.number}"


def parse_reference(text: str) -> ModelReference:
    """Read a reference.

    Args:
        text: such as models:/digits@champion.

    Returns:
        What it names; whether that exists is not asked.

    Raises:
        UserError: it is no reference.

    >>> parse_reference("models:/digits@champion"), parse_reference("models:/digits/3")
    (ModelReference(name='digits', alias='champion', number=0), ModelReference(name='digits', alias='', number=3))
    """
    name, at, alias = text.removeprefix(SCHEME).partition("@")
    if not at:
        name, _, number = name.partition("/")
        if text.startswith(SCHEME) and name and re.fullmatch(r"[1-9][0-9]{0,8}", number, re.ASCII):
            return ModelReference(name, number=int(number))
    elif text.startswith(SCHEME) and name and "/" not in name and _ALIAS.fullmatch(alias):
        return ModelReference(name, alias)
    raise UserError(f"{text!r} must be {_FORMS}")


def is_run(reference: str) -> bool:
    """Whether it can only be the key of a run, and neither a registered model nor a folder."""
    return not reference.startswith(SCHEME) and "/" not in reference


def check_model_name(name: str) -> None:
    """Refuse what MLflow takes for no name, or what could not be written in a reference.

    Args:
        name: of a registered model.

    Raises:
        UserError: it is none.
    """
    if not re.fullmatch(r"[^\s/:@%'\"`|\\][^/:@%'\"`|\\]{0,199}", name) or not name.isprintable() or name.endswith(" "):
        raise UserError(
            f"name ({name!r}) must be one to 200 letters, digits, dots, hyphens or the like, without / : @ % | and "
            "quotes: choose another with --name"
        )


def check_alias(alias: str) -> None:
    """Refuse what MLflow takes for no alias.

    Args:
        alias: of a version.

    Raises:
        UserError: it is none.
    """
    if not _ALIAS.fullmatch(alias) or _RESERVED_ALIAS.fullmatch(alias):
        raise UserError(
            f"alias ({alias!r}) must begin with a letter and go on with letters, digits, _ or -, and not be latest or "
            "a version such as v3: choose another, such as champion"
        )

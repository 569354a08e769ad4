"""Credentials in addresses: masked where an address is shown, and filled in from the environment where it is used.

An address in params.yaml names its credentials and does not hold them::

    url: https://$DATA_USER:$DATA_PASSWORD@data.example.org/photos.zip
    url: https://data.example.org/photos.zip?$DATA_SIGNATURE
    mirror: $DATA_MIRROR

``expand`` puts the values in just before the request, so that whatever is written or shown before holds the names.
There are no braces: ``dvc exp run -S`` rewrites params.yaml with OmegaConf, which fills in ``${...}`` by itself.
"""

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

from saccade.core.errors import UserError

MASK = "***"

_VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*)")
# What stands before an @: by the rules no slash, and else a password whose slash was not quoted, and no port.
_AUTHORITY = re.compile(
    r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30}://)"
    r"(?P<user>[^\s/?#'\"<>]{0,255}|[^\s/?#'\"<>@:]{1,255}:(?!\d{1,5}[/?#])[^\s'\"<>]{0,255})@"
)
_PAIR = re.compile(r"(?P<name>[?&;#][\w.%-]+=)(?P<value>[^&;#\s'\"<>)\]]+)")
_HEADER = re.compile(r"(?i)(?P<name>\b(?:bearer|basic)\s+)(?P<value>[\w.~+/=-]{8,})")
# Words that stand alone between the separators of a name, and words that give it away wherever they stand.
_SECRET_NAME = re.compile(
    r"(?i)(?:.*[-_.])?(?:sig|sas|key|code|auth|pass|pwd|jwt)"
    r"|.*(?:token|signature|apikey|accesskey|password|passwd|secret|credential|authorization|session).*"
)


def mask(text: str) -> str:
    """A text in which each address has lost user name, password and the secret parts of its query.

    What is named and not given (``$NAME``) stays.

    >>> mask("no answer from https://ann:" + "hunter2@host/a.zip?page=2&token=" + "abc")
    'no answer from https://***@host/a.zip?page=2&token=***'
    >>> mask("https://$USER:$PASSWORD@host/a.zip?$SIGNATURE")
    'https://$USER:$PASSWORD@host/a.zip?$SIGNATURE'
    """
    text = _AUTHORITY.sub(
        lambda match: match[0] if _is_only_named(match["user"]) else f"{match['scheme']}{MASK}@", text
    )
    text = _PAIR.sub(lambda match: f"{match['name']}{MASK}" if _is_secret(match) else match[0], text)
    return _HEADER.sub(lambda match: match["name"] + MASK, text)


def given_credential(text: str) -> str | None:
    """What an address in a text holds that it should name only.

    Args:
        text: any text, with or without an address.

    Returns:
        Words for a message, such as "a user name or password"; None where there is nothing.

    >>> given_credential("https://ann:" + "hunter2@host/a.zip")
    'a user name or password'
    >>> given_credential("https://host/a.zip?X-Amz-Signature=" + "ab12")
    "a credential (the query's X-Amz-Signature)"
    >>> given_credential("https://$USER:$PASSWORD@host/a.zip?page=2")
    """
    for match in _AUTHORITY.finditer(text):
        if not _is_only_named(match["user"]):
            return "a user name or password"
    for match in _PAIR.finditer(text):
        if "://" in text and _is_secret(match):
            return f"a credential (the query's {match['name'][1:-1]})"
    return None


def expand(address: str, environment: Mapping[str, str] | None = None) -> str:
    """An address with the values of the environment variables that it names as ``$NAME``.

    Between ``//`` and ``@`` a value is quoted, so that a password may hold ``/`` or ``@``; elsewhere it is taken as it
    is, for a signature comes quoted.

    Args:
        address: from params.yaml; a name is of capital letters, digits and ``_``.
        environment: names and values; None takes the process's own.

    Returns:
        The address to ask. It is not for messages.

    Raises:
        UserError: a variable is not set.

    >>> expand("https://$HOST/a.zip?$QUERY", {"HOST": "host", "QUERY": "page=a%2Bb"})
    'https://host/a.zip?page=a%2Bb'
    """
    known = os.environ if environment is None else environment
    absent = [name for name in dict.fromkeys(_VARIABLE.findall(address)) if not known.get(name)]
    if absent:
        raise UserError(
            f"{mask(address)} needs the environment variable {' and '.join(absent)}, which must be set: "
            f"`export {absent[0]}=...`, and run the command again"
        )
    head = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@", address)
    end = head.end() if head else 0
    return _VARIABLE.sub(
        lambda match: quote(known[match[1]], safe="") if match.start() < end else known[match[1]], address
    )


def _is_only_named(user: str) -> bool:
    return not _VARIABLE.sub("", user).strip(":") or user == MASK


def _is_secret(match: re.Match[str]) -> bool:
    is_given = bool(_VARIABLE.sub("", match["value"])) and match["value"] != MASK
    return is_given and _SECRET_NAME.fullmatch(match["name"][1:-1]) is not None

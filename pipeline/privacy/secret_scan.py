"""Lines that look like secrets, found by the patterns of detect-secrets.

The patterns alone are used: nothing is verified over the network, and no entropy is measured, for a params.yaml full
of SHA-256 digests would be nothing but findings. Some services that detect-secrets does not know yet are added.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from saccade.io.credentials import given_credential

ALLOWED = "pragma: allowlist secret"  # detect-secrets' own mark of a line that looks like one and is none

_OURS = ("BasicAuthDetector", "KeywordDetector")  # addresses and keywords are looked for in lines of their own
_NOT_USED = ("IPPublicDetector", "Base64HighEntropyString", "HexHighEntropyString")
_MORE_PATTERNS = {
    "Hugging Face token": re.compile(r"hf_[A-Za-z0-9]{30,}"),
    "GitHub fine-grained token": re.compile(r"github_pat_[A-Za-z0-9_]{22,}"),
    "Google API key": re.compile(r"AIza[0-9A-Za-z_-]{35}"),
    "Anthropic API key": re.compile(r"sk-ant-[A-Za-z0-9_-]{20,}"),
    "OpenAI key": re.compile(r"sk-(?:proj|svcacct)-[A-Za-z0-9_-]{20,}"),
    "Private Key": re.compile(r"BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    # A "token" is a word of every tokenizer: only a long value of letters and digits makes it a secret.
    "Secret token": re.compile(
        r"(?i)token['\"]?\s*[:=]\s*['\"]?(?=[\w.~+/-]*[0-9])(?=[\w.~+/-]*[A-Za-z])[\w.~+/-]{20,}"
    ),
}
# What every pattern needs at least: most texts have no such line, and importing detect-secrets takes 0.3 s.
_LONG = re.compile(r"[\w+/=.~:-]{20,}|AKC\w{10}|AP[\dA-F]\w{8}|PRIVATE KEY|PuTTY-User-Key-File")
_ADDRESS = re.compile("://")
_KEYWORD = re.compile(
    "(?:api|auth|service|account|db|database|priv|private|client)_?key|(?:db|database|key)_?pass|passw|pwd|secret"
    "|contrase"
)
_VERY_LONG = re.compile(r"[\w-]{44,}")
_FOR_VERY_LONG = ("CloudantDetector", "IbmCloudIamDetector", "IbmCosHmacDetector", "SoftlayerDetector")  # slow ones


@dataclass(frozen=True)
class Finding:
    """A line that looks like a secret.

    Attributes:
        line: number, from 1.
        kind: of secret, as detect-secrets calls it; never the secret itself.
    """

    line: int
    kind: str


def find_secrets(text: str, file_name: str) -> list[Finding]:
    """The lines of a text that look like secrets, in order, one finding a line.

    Args:
        text: any text.
        file_name: its suffix says how a key and its value are parted (``.py``, ``.yaml``, ``.env``).

    Returns:
        Empty where there are none. A line that says ``pragma: allowlist secret`` is not looked at.
    """
    found: dict[int, str] = {}
    for number, line in _lines_with(_LONG, text):
        if kind := _kind_of_token(line):
            found[number] = kind
    for number, line in _lines_with(_ADDRESS, text):
        if given := given_credential(line):
            found.setdefault(number, f"address with {given}")
    for number, line in _lines_with(_KEYWORD, text.lower(), text):
        if number not in found and (kind := _kind_of_keyword(line, file_name)):
            found[number] = kind
    lines = text.split("\n") if found else []
    return [Finding(number, kind) for number, kind in sorted(found.items()) if ALLOWED not in lines[number - 1]]


def _lines_with(pattern: re.Pattern[str], text: str, shown: str | None = None) -> Iterator[tuple[int, str]]:
    """Number and text of each line that has a match; ``shown`` is of the same length and gives the line's text."""
    number, counted, end = 1, 0, -1
    for match in pattern.finditer(text):
        if match.start() < end:
            continue  # another one in the same line
        number += text.count("\n", counted, match.start())
        counted = match.start()
        start, end = text.rfind("\n", 0, counted) + 1, text.find("\n", counted)
        end = len(text) if end < 0 else end
        yield number, (text if shown is None or len(shown) != len(text) else shown)[start:end]


def _kind_of_token(line: str) -> str | None:
    for kind, pattern in _MORE_PATTERNS.items():
        if pattern.search(line):
            return kind
    is_very_long = _VERY_LONG.search(line) is not None
    for name, detector in _detectors().items():
        if (is_very_long or name not in _FOR_VERY_LONG) and any(True for _ in detector.analyze_string(line)):
            return str(detector.secret_type)
    return None


def _kind_of_keyword(line: str, file_name: str) -> str | None:
    from detect_secrets.plugins.keyword import CONFIG_DENYLIST_REGEX_TO_GROUP, REGEX_BY_FILETYPE, KeywordDetector
    from detect_secrets.util.filetype import determine_file_type

    by_file = REGEX_BY_FILETYPE.get(determine_file_type(file_name), CONFIG_DENYLIST_REGEX_TO_GROUP)
    detector = KeywordDetector()
    return str(detector.secret_type) if any(True for _ in detector.analyze_string(line, by_file)) else None


@functools.cache
def _detectors() -> dict[str, Any]:
    """The detectors of tokens and keys, by the names of their classes."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    classes: list[Any] = list(get_mapping_from_secret_type_to_class().values())
    return {each.__name__: each() for each in classes if each.__name__ not in _NOT_USED + _OURS}

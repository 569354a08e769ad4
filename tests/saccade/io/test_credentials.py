"""Credentials in addresses: masked, refused, filled in."""

import pytest

from saccade.core.errors import UserError
from saccade.io.credentials import expand, given_credential, mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://ann:P@host:5000/a", "http://***@host:5000/a"),
        ("http://P@host", "http://***@host"),  # a token in the user's place
        ("postgresql+psycopg2://ann:P@db/x?sslmode=require", "postgresql+psycopg2://***@db/x?sslmode=require"),
        ("see http://ann:P/P@P@host/a, and more", "see http://***@host/a, and more"),
        ("'https://h/a.zip?X-Amz-Credential=P%2F1&X-Amz-Date=1&X-Amz-Signature=P'", None),
        ("https://h/a?sv=1&sig=P%3D&page=2", "https://h/a?sv=1&sig=***&page=2"),
        ("Authorization: Bearer PPPPPPPPPP", "Authorization: Bearer ***"),
        ("mail ann@host about https://host/~ann@work/", "mail ann@host about https://host/~ann@work/"),
        ("https://h/a?design=P&monkey=P", "https://h/a?design=P&monkey=P"),  # neither sig nor key
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("http://$U:$P@h/a?$Q&token=$T", "http://$U:$P@h/a?$Q&token=$T"),
        ("http://$U:P@h", "http://***@h"),
    ],
)
def test_mask(text, masked):
    masked = masked or "'https://h/a.zip?X-Amz-Credential=***&X-Amz-Date=1&X-Amz-Signature=***'"
    assert mask(text) == masked and mask(masked) == masked
    assert (given_credential(text) is not None) == ("://" in text and text != masked)


def test_expand_fills_in_what_is_named_and_quotes_it_before_the_host():
    values = {"U": "a:n@n", "P": "p/w", "S": "sig=x%2By", "M": "https://ann:pw@h"}
    assert expand("https://$U:$P@h/a.zip?$S", values) == "https://a%3An%40n:p%2Fw@h/a.zip?sig=x%2By"
    assert expand("$M/x", values) == "https://ann:pw@h/x"
    assert expand("/mnt/$home/{x}", {}) == "/mnt/$home/{x}"


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("SACCADE_TEST_ABSENT", raising=False)
    with pytest.raises(UserError, match=r"https://\$SACCADE_TEST_ABSENT@h needs the environment variable SACCADE_"):
        expand("https://$SACCADE_TEST_ABSENT@h")

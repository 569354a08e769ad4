"""What messages, logs and scans say of secrets."""

import io
from pathlib import Path

import pytest
from conftest import ROOT

from pipeline.privacy.redaction import RedactedStream, redact, redact_for_server
from pipeline.privacy.secret_scan import Finding, find_secrets
from pipeline.privacy.stage_code import code_patterns


def test_values_of_secret_variables_are_masked_wherever_they_stand(monkeypatch, tmp_path):
    monkeypatch.setenv("BILLING_TOKEN", "tok-123456")
    monkeypatch.setenv("SHORT_SECRET", "on")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:p%40ssword@host")
    monkeypatch.setenv("SIGNING_PRIVATE_KEY", str(tmp_path))  # names a file and is none
    assert redact("asked with tok-123456, on and on") == "asked with ***, on and on"
    assert redact("p@ssword and p%40ssword") == "*** and ***"
    assert redact(f"{tmp_path} is there") == f"{tmp_path} is there"


def test_a_server_does_not_hear_the_user_s_name(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    assert redact_for_server("no /home/ann/x") == "no ~/x" and redact("no /home/ann/x") == "no /home/ann/x"


def test_a_stream_redacts_a_secret_that_comes_in_pieces(monkeypatch):
    monkeypatch.setenv("BILLING_TOKEN", "tok-123456")
    stream = io.StringIO()
    redacted = RedactedStream(stream)
    for piece in ("with tok-", "123456\nand ", "http://ann:", "pw@h"):
        redacted.write(piece)
    redacted.flush()
    assert stream.getvalue() == "with ***\nand http://***@h"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("AKIA" + "IOSFODNN7EXAMPLE", "AWS Access Key"),
        ("ghp_" + "a1" * 18, "GitHub Token"),
        ("github_pat_" + "a1" * 20, "GitHub fine-grained token"),
        ("glpat-" + "a1" * 10, "GitLab Token"),
        ("hf_" + "aB" * 17, "Hugging Face token"),
        ("sk-ant-" + "api03-" + "a1" * 20, "Anthropic API key"),
        ("AIza" + "a1" * 17 + "b", "Google API key"),
        ("xoxb-" + "123456789012-123456789012-" + "ab" * 12, "Slack Token"),
        ("-----BEGIN " + "ENCRYPTED PRIVATE KEY-----", "Private Key"),
        ("api_key = 'abcd" + "1234'", "Secret Keyword"),
        ("token: abcdef" + "0123456789abcdef", "Secret token"),
        ("x: http://ann:" + "pw@h", "address with a user name or password"),
    ],
)
def test_the_usual_forms_of_secrets_are_found_in_their_line(line, kind):
    for text in (f"a: 1\n\n{line}\nb: 2\n", f"a: 1\r\n\n  + {line}"):
        assert find_secrets(text, "a.yaml") == [Finding(3, kind)]
    assert find_secrets(f"{line}  # pragma: allowlist secret", "a.yaml") == []


def test_what_is_no_secret_is_not_taken_for_one():
    harmless = f"sha256: {'ab12' * 16}\ntoken = '<pad>'\npath: /data/{'long_name_' * 9}\nurl: https://h/a.zip?page=2\n"
    assert find_secrets(harmless, "a.yaml") == []
    for path in [*ROOT.glob("*.yaml"), *ROOT.glob("recipes/*.yaml")]:
        assert find_secrets(path.read_text(encoding="utf-8"), path.name) == [], path


def test_the_library_s_own_code_is_free_of_lines_that_look_like_secrets():
    """Else no model could be logged with it."""
    from pipeline.tracking.log_model import first_secret

    assert first_secret(ROOT / "src" / "saccade") is None


def test_the_code_of_a_stage_is_its_python_and_not_its_data(monkeypatch):
    monkeypatch.chdir(ROOT)
    patterns = code_patterns("train", {"item.model.name": "lenet5", "item.dataset": "digits"})
    assert ":(glob)src/saccade/models/lenet5.py" in patterns and all(pattern.endswith(".py") for pattern in patterns)
    assert not [pattern for pattern in patterns if "data/" in pattern and "src/" not in pattern]
    assert ":(glob)src/saccade/models/*.py" in code_patterns("train", {})


def test_folders_files_and_odd_forms_of_stages(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert code_patterns("train", {}) == []
    Path("dvc.yaml").write_text(
        "stages:\n  make: {cmd: x, outs: [made]}\n"
        "  train: {cmd: x, deps: [lib/, made, a.py, b.csv, 'm/${item.m}.py']}\n"
    )
    found = code_patterns("train", {"item.m": "a*"})
    assert found == [":(glob)a.py", ":(glob)lib/**/*.py", r":(glob)m/a\*.py"]

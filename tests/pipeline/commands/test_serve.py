"""`saccade serve` before it serves: what is missing, what is warned of, what cannot be served."""

import importlib.util
from dataclasses import replace
from types import SimpleNamespace

import pytest
from served_networks import served_of

from pipeline.commands import serve
from pipeline.serving import server
from pipeline.serving.limits import Limits
from saccade.core.errors import UserError


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in ("fastapi", "uvicorn") else find(name)
    )
    with pytest.raises(UserError, match=r"serving takes fastapi, uvicorn, .*: pip install 'saccade\[serve\]'"):
        serve.require_extra()


def test_what_goes_on_with_texts_is_not_served() -> None:
    served = served_of("texts")
    spec = replace(served.spec, classes=(), output="per_token")
    writer = replace(served, network=SimpleNamespace(spec=spec, config=served.network.config))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="texts goes on with texts, and only what answers once an input is served"):
        writer.require_answers_once()


@pytest.mark.parametrize(("host", "warns"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
def test_other_machines_are_warned_of(
    host: str, warns: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Started:
        def __init__(self, app: object, limits: Limits, on_start: object) -> None:
            self.on_start = on_start

        def run(self, sockets: object) -> None:
            self.on_start()  # type: ignore[operator]

    monkeypatch.setattr(server, "Server", Started)
    with server.open_port(host, 0) as taken:
        serve._serve(served_of("pictures"), taken, host, Limits())
        port = taken.getsockname()[1]
    said = capsys.readouterr()
    assert ("no authentication" in said.err) == warns
    first, second, last = said.out.splitlines()
    assert first == f"pictures classifies images (32x32x1, 10 classes), weights {'5' * 16}"
    assert second.startswith(f"serving on http://{host}:{port}: a page to try it")
    assert last == "ended: 0 inputs answered"

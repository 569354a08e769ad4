"""What explains a run by its own data is kept beside its journal, and sent; what was there before is not."""

import json
from pathlib import Path

import pytest
import torch

from pipeline.commands import explain_tracking
from pipeline.commands.explain_tracking import keeping_sheets
from pipeline.runs.journal import Journal
from pipeline.tracking.uploader import Outcome
from saccade.bundle.bundle import NetworkConfig, save, weights_sha256
from saccade.data.spec import Spec

STORE = Path(".saccade/runs") / ("ab" * 32)
SHEETS = Path("reports/small/explain")


class _Refused:
    """An uploader whose server refuses, so that nothing is started."""

    def __init__(self, _uri: str, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> "_Refused":
        return self

    def __exit__(self, *_: object) -> None: ...

    def finish(self) -> Outcome:
        return Outcome(None, "refused")


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle, the record of its training, its journal, and a picture that somebody had explained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(explain_tracking, "MlflowUploader", _Refused)
    torch.manual_seed(2)
    spec = Spec("image", (20, 20, 1), ("cat", "dog"))
    config = NetworkConfig("lenet5", {}, spec, "classify", [0.4], [0.3], "a test")
    Path("models/small").mkdir(parents=True)
    save(Path("models/small"), config, config.build_network())
    SHEETS.mkdir(parents=True)
    (SHEETS / "patient.png").write_bytes(b"given")
    trained = {"identity": "ab" * 32, "run_uid": "u1", "weights_sha256": weights_sha256(Path("models/small"))}
    Path("reports/small/run.json").write_text(json.dumps(trained), encoding="utf-8")
    Path("reports/small/history.csv").write_text("epoch\n1\n", encoding="utf-8")
    Journal(STORE).start(run_uid="u1", run="small", experiment="e", identity="ab" * 32, params={}, tags={})


def explain() -> None:
    with keeping_sheets("small", SHEETS):
        (SHEETS / "deep").mkdir()
        (SHEETS / "deep" / "units.png").write_bytes(b"own")


def test_new_sheets_are_kept_and_given_pictures_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    explain()
    kept = [path.relative_to(STORE).as_posix() for path in STORE.rglob("*.png")]
    assert kept == ["explanations/deep/units.png"]
    assert list(Journal(STORE).events())[-1]["folder_name"] == "explanations"
    assert "not yet in MLflow (refused): `saccade sync` sends it later" in capsys.readouterr().err


@pytest.mark.parametrize("why", ["no record", "another training"])
def test_without_its_own_record_nothing_is_kept(why: str, capsys: pytest.CaptureFixture[str]) -> None:
    record = Path("reports/small/run.json")
    if why == "no record":
        record.unlink()
    else:
        trained = json.loads(record.read_text(encoding="utf-8")) | {"weights_sha256": "0" * 64}
        record.write_text(json.dumps(trained), encoding="utf-8")
    explain()
    assert [event["event"] for event in Journal(STORE).events()] == ["start"]
    assert ("are of two trainings" in capsys.readouterr().err) == (why == "another training")

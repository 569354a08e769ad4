"""The MLflow models of runs over texts: real bundles, logged and loaded in a process of its own."""

import json
import os

import pytest
import torch
import warm_python
from conftest import ROOT
from tracking_helpers import everything, fresh_store, start

from pipeline.tracking.replay import MlflowReplay
from saccade import load
from saccade.bundle import bundle
from saccade.bundle.bundle import NetworkConfig
from saccade.core.files import replacing_folder
from saccade.data.spec import Spec

VOCABULARY = ("<pad>", "<unknown>", *"abcd")
SPECS = {
    "classifier": Spec("tokens", (6,), ("cat", "dog"), (), VOCABULARY, "characters"),
    "writer": Spec("tokens", (6,), (), (), VOCABULARY, "characters", output="per_token"),
}
LOADING = """
import sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
texts = pd.DataFrame({"text": ["abc", "ddabcab", "a!"]})
print(model.predict(texts).to_json(orient="split"))
if model.metadata.signature.params is not None:
    print(model.predict(texts, params={"length": 7, "seed": 3, "temperature": 1.0}).to_json(orient="split"))
print(model.unwrap_python_model().predict(None, ["abc"]).to_json(orient="split"))
"""


@pytest.mark.parametrize("name", SPECS)
def test_the_model_of_a_run_over_texts_answers_as_the_bundle_does(name, tmp_path, monkeypatch):
    recipe = NetworkConfig("gru", {"hidden_size": 4}, SPECS[name], "classify", [], [], "0123abcd")
    journal = start(tmp_path / "ab")
    torch.manual_seed(0)
    with replacing_folder(journal.folder / "bundle") as folder:
        bundle.save(folder, recipe, recipe.build_network())
    journal.epoch(1, {"loss": 1.0})
    journal.bundle("bundle")
    uri = fresh_store(tmp_path)
    MlflowReplay(journal.folder, uri, library=ROOT / "src" / "saccade").push()
    model_uri = f"models:/{everything(uri)['models'][0][0]}"

    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    code, out, err = warm_python.run(["-c", LOADING, model_uri], cwd=tmp_path, env=os.environ)
    assert code == 0, err
    told = [json.loads(line) for line in out.splitlines()]
    ours = load(journal.folder / "bundle")
    if name == "classifier":
        expected = ours.predict(["abc", "ddabcab", "a!"])
        assert told[0]["columns"] == ["label", "probability_cat", "probability_dog"]
        assert [row[0] for row in told[0]["data"]] == expected["label"]
        assert [row[1:] for row in told[0]["data"]] == pytest.approx(expected["probabilities"], abs=1e-6)
        assert told[1]["data"][0] == told[0]["data"][0]  # a list of texts will do
    else:
        assert told[0]["columns"] == ["text"] and [len(row[0]) for row in told[0]["data"]] == [203, 207, 202]
        with pytest.warns(UserWarning, match=r"not in the vocabulary, and read as unknown: '!' \(1\)"):
            written = [ours.generate(text, length=7, temperature=1.0, seed=3) for text in ("abc", "ddabcab", "a!")]
        assert [row[0] for row in told[1]["data"]] == written

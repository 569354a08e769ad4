"""The application around the library: paths, params.yaml, DVC, MLflow, commands.

Mathematics belongs to src/saccade.

A copy of the tree (``dvc exp run --temp`` makes one) runs the copy's own library, not the one that is installed.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
for _name, _value in {
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVC_NO_ANALYTICS": "1",
}.items():
    os.environ.setdefault(_name, _value)
os.environ["PYTHONUTF8"] = "1"  # of all that is started from here; of this process, see pipeline/utf8.py

"""The MLflow tracking store: its address, whether it answers, and the settings under which MLflow is imported."""

import importlib
import importlib.util
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

PROBE_TIMEOUT_S = 0.5
NOT_INSTALLED = "mlflow is not installed"

_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",  # MLflow's own 120 s and 7 retries block for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
_UPLOAD_TIMEOUT_S = "120"  # a server answers an upload when it has stored it, elsewhere perhaps


def tracking_uri(root: Path) -> str:
    """The tracking store's address: ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in the project's root.

    Args:
        root: the project's root, in a queued experiment the original one: the copy is deleted at the end.

    Returns:
        A URI that means the same in every folder: a relative SQLite file is taken from ``root``.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    database = sqlite_path(uri)
    if database is None or database.is_absolute():
        return uri
    return uri.replace(f":///{database}", f":///{root.resolve() / database}", 1)


def sqlite_path(uri: str) -> Path | None:
    """The database file behind a SQLite URI; None for any other store."""
    match = re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+)(?:\?.*)?", uri)
    return Path(match[1]) if match else None


def is_remote(uri: str) -> bool:
    """Whether the store is reached over the network."""
    return urlsplit(uri).hostname is not None


def why_unreachable(uri: str) -> str | None:
    """Ask a remote store for any answer at all, and wait half a second for it.

    Any HTTP status counts as an answer, and so does a certificate that we would not accept: the real client says
    what is wrong there. MLflow is not imported.

    Args:
        uri: the tracking store.

    Returns:
        None when there is an answer, or nothing to ask; else the reason, for people.
    """
    parts = urlsplit(uri)
    if parts.hostname is None:
        return None
    if parts.scheme not in ("http", "https"):
        ports = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
        port = parts.port or ports.get(parts.scheme.partition("+")[0])
        if port is None:
            return None
        try:
            socket.create_connection((parts.hostname, port), PROBE_TIMEOUT_S).close()
        except OSError as error:
            return f"{parts.hostname}:{port} does not answer ({error})"
        return None

    import http.client  # 85 ms with what it brings, only needed for a server
    import ssl
    import urllib.error
    import urllib.request

    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # without the password
    try:
        urllib.request.urlopen(f"{shown}/health", timeout=PROBE_TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return None
    except urllib.error.URLError as error:
        return None if isinstance(error.reason, ssl.SSLError) else f"{shown} does not answer ({error.reason})"
    except (OSError, http.client.HTTPException) as error:
        return f"{shown} does not answer ({error})"
    return None


def why_not_installed() -> str | None:
    """Look for MLflow without importing it, which takes a second."""
    return None if importlib.util.find_spec("mlflow") else NOT_INSTALLED


def load_mlflow() -> None:
    """Import MLflow under our settings; what the user has set in the environment stays."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    importlib.import_module("mlflow")


@contextmanager
def long_upload_timeout() -> Iterator[None]:
    """Give the server time to store what is uploaded inside the block, unless the user has set another time."""
    name = "MLFLOW_HTTP_REQUEST_TIMEOUT"
    before = os.environ.get(name)
    if before != _SETTINGS[name]:
        yield
        return
    os.environ[name] = _UPLOAD_TIMEOUT_S
    try:
        yield
    finally:
        os.environ[name] = before

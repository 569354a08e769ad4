"""Python processes that begin with torch, MLflow and their like imported: forked from one that imported them once.

    from warm_python import run
    code, out, err = run(["-m", "pipeline", "check"], cwd=folder, env=environment)

Each is a process of its own, with its own working folder, environment, modules of ``saccade`` and ``pipeline``, and
its own end, as ``subprocess.run`` makes them; but importing torch and MLflow, 3 to 6 s of a core, is paid once a
session and not once a command. What it cannot show, and what must therefore start Python itself: which modules a
command imports, and environment variables that torch or NumPy read while they are imported (``OMP_NUM_THREADS``).
"""

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# What `saccade` commands import, of others' modules. None of them may start a thread while it is imported: a thread
# does not come along through a fork, and what it held locked would stay so.
IMPORTED = (
    "albumentations", "cv2", "jinja2", "matplotlib.backends.backend_agg", "matplotlib.figure", "mlflow",
    "mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store", "pydantic", "requests", "rich.progress", "rich.table",
    "ruamel.yaml",
    "safetensors.torch", "scipy.stats", "sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing", "torch",
    "torch._dynamo", "torch.utils.flop_counter", "torchvision", "typer",
)  # fmt: skip
_LENGTH = 8  # bytes of a message's length, before it


def _send(connection: socket.socket, message: object, files: Sequence[int] = ()) -> None:
    data = json.dumps(message).encode()
    socket.send_fds(connection, [len(data).to_bytes(_LENGTH, "big")], list(files))
    connection.sendall(data)


def _receive(connection: socket.socket, files: int = 0) -> tuple[object, list[int]]:
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH, files)
    if not head:
        raise EOFError
    size, data = int.from_bytes(head, "big"), b""
    while len(data) < size:
        data += connection.recv(size - len(data))
    return json.loads(data), descriptors


# --- the process that imports -----------------------------------------------------------------------------------------


def _become(cwd: str, env: Mapping[str, str], descriptors: Sequence[int]) -> None:
    """In a new fork: take over folder, environment, standard input, output and errors."""
    for descriptor, standard in zip(descriptors, (0, 1, 2), strict=True):
        os.dup2(descriptor, standard)
    os.closerange(3, 4096)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False, buffering=1 if number == 2 else -1)  # noqa: SIM115
        for number, mode in enumerate("rww")
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    sys.path[0] = str(Path.cwd())
    signal.signal(signal.SIGINT, signal.default_int_handler)


class _ForkedFollower(subprocess.Popen):
    """The process beside a training that copies its journal to MLflow: forked too, so that it need not import MLflow.

    Any other process is started as ever. A new SQLite store is a copy of an empty one: its tables take a second.
    """

    empty_store: Path | None = None

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest) -> None:  # type: ignore[no-untyped-def]
        if list(args) != [sys.executable, "-m", "pipeline.tracking.status"]:
            super()._execute_child(args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest)  # type: ignore[misc]
            return
        p2cread, _, _, c2pwrite, _, errwrite = rest[3:9]
        self.pid = os.fork()
        if self.pid:
            self._child_created = True
            if errwrite != -1:
                os.close(errwrite)  # of /dev/null, opened for the child
            return
        code = 1
        try:
            os.setsid()
            _become(str(cwd), env, [p2cread, c2pwrite, errwrite])
            for name in [name for name in sys.modules if name.partition(".")[0] in ("pipeline", "saccade")]:
                del sys.modules[name]
            store = Path(env.get("SACCADE_FOLLOWER_URI", "").removeprefix("sqlite:///"))
            if self.empty_store is not None and store.is_absolute() and store.parent.is_dir() and not store.exists():
                partial = store.with_name(f".{store.name}.{os.getpid()}")
                partial.write_bytes(self.empty_store.read_bytes())
                with contextlib.suppress(FileExistsError):
                    os.link(partial, store)
                partial.unlink()
            _execute(list(args[1:]))
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            atexit._run_exitfuncs()
            sys.stdout.flush()
            os._exit(code)


def _execute(arguments: list[str]) -> None:
    """As ``python -m MODULE ...`` or ``python -c CODE ...`` do."""
    import runpy
    import types

    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    sys.argv = ["-c", *arguments[2:]]
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    exec(compile(arguments[1], "<string>", "exec"), main.__dict__)


def _make_empty_store() -> Path:
    """An MLflow store with its tables and nothing in them; in a process of its own, which takes its threads with it."""
    path = Path(tempfile.mkdtemp()) / "mlflow.db"
    if (child := os.fork()) == 0:
        from mlflow import MlflowClient

        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
        os._exit(0)
    os.waitpid(child, 0)
    atexit.register(_remove_if, path.parent, os.getpid())
    return path


def _remove_if(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # and not in a fork
        shutil.rmtree(folder)


def serve(connection: socket.socket) -> list[str] | None:
    """Fork a process for each request, one after the other; in the fork, return what it shall execute."""
    import importlib

    for name in IMPORTED:
        importlib.import_module(name)
    _ForkedFollower.empty_store = _make_empty_store()
    while True:
        try:
            request, descriptors = _receive(connection, files=3)
        except EOFError:
            return None
        child = os.fork()
        if child == 0:
            connection.detach()
            _become(request["cwd"], request["env"], descriptors)
            subprocess.Popen = _ForkedFollower  # type: ignore[misc]
            return request["arguments"]
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        _send(connection, os.waitstatus_to_exitcode(status))


# --- the process that asks --------------------------------------------------------------------------------------------

_server: list[socket.socket] = []


def _connection() -> socket.socket:
    if not _server:
        ours, theirs = socket.socketpair()
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_"))}
        environment |= {"OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        )
        theirs.close()

        def end() -> None:
            ours.close()
            process.wait()

        atexit.register(end)
        _server.append(ours)
    return _server[0]


def run(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> tuple[int, str, str]:
    """``subprocess.run([sys.executable, *arguments])`` with its output captured: exit code, output, errors.

    Args:
        arguments: begin with ``-m MODULE`` or ``-c CODE``.
        cwd: the working folder.
        env: the whole environment.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path(os.devnull).open("rb") as nothing:
        request = {"arguments": [str(word) for word in arguments], "cwd": str(cwd), "env": dict(env)}
        connection = _connection()
        _send(connection, request, [nothing.fileno(), out.fileno(), err.fileno()])
        code, _ = _receive(connection)
        assert isinstance(code, int)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return code, *texts


if __name__ == "__main__":
    to_execute = serve(socket.socket(fileno=int(sys.argv[1])))
    if to_execute is not None:
        _execute(to_execute)

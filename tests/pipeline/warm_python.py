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
import fcntl
import functools
import gc
import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

# What `saccade` commands import, of others' modules. None of them may start a thread while it is imported: a thread
# does not come along through a fork, and what it held locked would stay so.
IMPORTED = (
    "PIL.JpegImagePlugin", "albumentations", "cv2", "detect_secrets.core.scan", "filelock", "jinja2",
    "matplotlib.backends.backend_agg", "matplotlib.figure", "matplotlib.style", "mlflow", "mlflow.pyfunc",
    "mlflow.store.tracking.sqlalchemy_store", "pydantic", "requests", "rich.progress", "rich.table", "ruamel.yaml",
    "safetensors.torch", "scipy.stats", "sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing",
    "sqlalchemy.dialects.sqlite", "torch", "torch._dynamo", "torch.utils.flop_counter", "torchvision", "typer",
)  # fmt: skip
UPLOADER, STORE_VARIABLE = ("-m", "pipeline.tracking.uploader"), "SACCADE_UPLOADER_URI"  # what a training starts
PLAIN_FIGURES = "SACCADE_TESTS_PLAIN_FIGURES"  # variable: "1" writes a plain square in place of each figure
UNTRACKED = "SACCADE_TESTS_UNTRACKED"  # variable: "1" starts a process that copies nothing in place of each uploader
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
    sys.path[:1] = [str(Path.cwd()), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if env.get(PLAIN_FIGURES) == "1":
        figures = sys.modules["matplotlib.figure"]
        figures.Figure, _PlainFigure.real = _PlainFigure, figures.Figure


class _PlainFigure:
    """``Figure`` for tests that look at no figure, and its axes, lines and texts: takes every call, draws a square.

    Laying out and drawing the four figures of an evaluation is three quarters of what that takes.
    """

    real: type

    def __init__(self, *_arguments: object, **_options: object) -> None: ...

    def __getattr__(self, name: str) -> "_PlainFigure":
        if name.startswith("__"):
            raise AttributeError(name)
        return _PlainFigure()

    def __call__(self, *_arguments: object, **_options: object) -> "_PlainFigure":
        return _PlainFigure()

    def __getitem__(self, _key: object) -> "_PlainFigure":
        return _PlainFigure()

    def __iter__(self) -> Iterator[object]:
        return iter(())

    def get_ylim(self) -> tuple[float, float]:
        return 0.0, 1.0

    def get_legend_handles_labels(self) -> tuple[list[object], list[str]]:
        return [], []

    def subplots(self, rows: int = 1, columns: int = 1, *, squeeze: bool = True, **_options: object) -> object:
        grid = sys.modules["numpy"].array([[_PlainFigure() for _ in range(columns)] for _ in range(rows)])
        return grid.squeeze() if squeeze else grid

    def savefig(self, path: Path, **_options: object) -> None:
        sys.modules["PIL.Image"].new("L", (8, 8)).save(path, format="PNG")


class _ForkedUploader(subprocess.Popen):
    """The process beside a training that copies its journal to MLflow: forked too, so that it need not import MLflow.

    Any other process is started as ever. A new SQLite store is a copy of an empty one: its tables take a second.
    """

    empty_store: Path | None = None

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest) -> None:  # type: ignore[no-untyped-def]
        if list(args) != [sys.executable, *UPLOADER]:
            super()._execute_child(args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest)  # type: ignore[misc]
            return
        p2cread, _, _, c2pwrite, _, errwrite = rest[3:9]
        self.pid = os.fork()
        if self.pid:
            self._child_created = True
            if errwrite != -1:
                os.close(errwrite)  # of /dev/null, opened for the child
            return
        try:
            os.setsid()
            _become(str(cwd), env, [p2cread, c2pwrite, errwrite])
            if env.get(UNTRACKED) == "1":
                _say_all_is_copied()
            for name in [name for name in sys.modules if name.partition(".")[0] in ("pipeline", "saccade")]:
                del sys.modules[name]
            store = Path(env.get(STORE_VARIABLE, "").removeprefix("sqlite:///"))
            if self.empty_store is not None and store.is_absolute() and store.parent.is_dir() and not store.exists():
                partial = store.with_name(f".{store.name}.{os.getpid()}")
                partial.write_bytes(self.empty_store.read_bytes())
                with contextlib.suppress(FileExistsError):
                    os.link(partial, store)
                partial.unlink()
            _execute_and_end(list(args[1:]))
        finally:
            os._exit(1)


def _say_all_is_copied() -> NoReturn:
    """What an uploader says in the end, for tests that look at nothing in MLflow; copying takes it half a second."""
    said = b""
    while heard := os.read(0, 4096):
        said += heard
    if said.endswith(b"finish\n"):
        os.write(1, json.dumps({"done": "0" * 32}).encode() + b"\n")
    os._exit(0)


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


def _execute_and_end(arguments: list[str]) -> NoReturn:
    """Execute, and end as Python does: wait for threads, call exit handlers, write what was printed.

    Only what was imported is not taken down, which takes Python 2 s of a core and the system none.
    """
    code = 1
    try:
        _execute(arguments)
        code = 0
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:  # noqa: BLE001 - as Python itself does at its end
        sys.excepthook(type(error), error, error.__traceback__)
        code = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError):  # closed
            stream.flush()
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


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


def _go_on_alone(told: int) -> None:
    """In a new fork: return in another one, of which a third says the process id and in the end the exit code."""
    if os.fork():
        os._exit(0)  # which the one that serves waits for
    if child := os.fork():
        os.write(told, str(child).encode())
        _, status = os.waitpid(child, 0)
        os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    os.setsid()


def serve(listener: socket.socket) -> list[str]:
    """Fork a process for each that connects, to serve it; end when all of them have closed their connections."""
    import importlib

    for name in IMPORTED:
        importlib.import_module(name)
    requirements = sys.modules["mlflow.utils.requirements_utils"]  # looks through all packages: 0.7 s for each training
    getattr(requirements, "_init_modules_to_packages_map", lambda: None)()
    _ForkedUploader.empty_store = _make_empty_store()
    gc.collect()
    gc.freeze()  # each fork would copy the pages of all that is imported, to look for garbage in it
    served: set[int] = set()
    first_by = time.monotonic() + 60  # who started this one may be gone
    while served or time.monotonic() < first_by:
        if select.select([listener], [], [], 0.2)[0]:
            connection, _ = listener.accept()
            child = os.fork()
            if child == 0:
                listener.close()
                return _serve_one(connection)
            connection.close()
            served.add(child)
        elif served:
            served -= {child for child in served if os.waitpid(child, os.WNOHANG)[0]}
            first_by = 0
    shutil.rmtree(Path(listener.getsockname()).parent, ignore_errors=True)
    atexit._run_exitfuncs()
    os._exit(0)


def _serve_one(connection: socket.socket) -> list[str]:
    """Fork a process for each request, one after the other; in the fork, return what it shall execute."""
    while True:
        try:
            request, descriptors = _receive(connection, files=4)
        except (EOFError, ConnectionResetError):
            os._exit(0)
        child = os.fork()
        if child == 0:
            connection.detach()
            if len(descriptors) == 4:
                _go_on_alone(descriptors.pop())
            _become(request["cwd"], request["env"], descriptors)
            subprocess.Popen = _ForkedUploader  # type: ignore[misc]
            return request["arguments"]
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        _send(connection, os.waitstatus_to_exitcode(status))


# --- the process that asks --------------------------------------------------------------------------------------------

_asking = threading.Lock()


@functools.cache
def _connection() -> socket.socket:
    """To the one server of all processes that run these tests side by side; the first that asks starts it."""
    folder = Path(tempfile.gettempdir()) / f"warm-python-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
    folder.mkdir(mode=0o700, exist_ok=True)
    ours, address = socket.socket(socket.AF_UNIX), str(folder / "socket")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not Path(address).exists():
            _start_server(address)
        ours.connect(address)
    atexit.register(ours.close)
    return ours


def _start_server(address: str) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_"))}
    environment |= {"OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        listener.set_inheritable(True)
        nothing = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        command = [sys.executable, __file__, str(listener.fileno())]
        os.posix_spawn(sys.executable, command, environment, file_actions=nothing)  # goes on while others need it


def _ask(request: dict[str, object], descriptors: Sequence[int]) -> object:
    with _asking:
        connection = _connection()
        _send(connection, request, descriptors)
        return _receive(connection)[0]


def run(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> tuple[int, str, str]:
    """``subprocess.run([sys.executable, *arguments])`` with its output captured: exit code, output, errors.

    Args:
        arguments: begin with ``-m MODULE`` or ``-c CODE``.
        cwd: the working folder.
        env: the whole environment.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path(os.devnull).open("rb") as nothing:
        request = {"arguments": [str(word) for word in arguments], "cwd": str(cwd), "env": dict(env)}
        code = _ask(request, [nothing.fileno(), out.fileno(), err.fileno()])
        assert isinstance(code, int)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return code, *texts


@functools.cache
def python_folder() -> Path:
    """A folder to stand first in ``PATH``: the ``python`` in it has what others, DVC say, start with it forked, too."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(_remove_if, folder, os.getpid())
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen()
    threading.Thread(target=_answer_all, args=(listener,), daemon=True).start()
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import warm_python; "
    code += f"sys.exit(warm_python.pass_on({str(folder / 'socket')!r}))"
    (folder / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS -c {shlex.quote(code)} "$@"\n')
    (folder / "python").chmod(0o700)
    return folder


def pass_on(address: str) -> int:
    """Have the process's own arguments executed, with its folder, environment, input and output; the exit code."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        request = {"arguments": sys.argv[1:], "cwd": str(Path.cwd()), "env": dict(os.environ)}
        _send(connection, request, [0, 1, 2])
        code, _ = _receive(connection)
    assert isinstance(code, int)
    return code if code >= 0 else 128 - code


def _answer_all(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(EOFError, OSError):  # who asks may be killed
            request, descriptors = _receive(connection, files=3)
            assert isinstance(request, dict)
            try:
                _send(connection, _ask(request, descriptors))
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)


class Started:
    """What ``subprocess.Popen(..., start_new_session=True)`` with its output captured returns, of a fork.

    Attributes:
        pid: its process id.
        returncode: the exit code, once it is known to have ended.
    """

    def __init__(self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        """Start it.

        Args:
            arguments: begin with ``-m MODULE`` or ``-c CODE``.
            cwd: the working folder.
            env: the whole environment.
        """
        self.returncode: int | None = None
        self._outputs = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]  # noqa: SIM115 - as long as this lives
        self._told, theirs = socket.socketpair(type=socket.SOCK_DGRAM)
        request = {"arguments": [str(word) for word in arguments], "cwd": str(cwd), "env": dict(env)}
        with theirs, Path(os.devnull).open("rb") as nothing:
            _ask(request, [file.fileno() for file in (nothing, *self._outputs, theirs)])
        self.pid = int(self._told.recv(32))

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self.returncode if self.returncode is not None else self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, at its end."""
        if self.returncode is None and self._wait(timeout) is None:
            raise subprocess.TimeoutExpired("python", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Output and errors, at its end."""
        self.wait(timeout)
        for file in self._outputs:
            file.seek(0)
        out, err = (file.read().decode() for file in self._outputs)
        return out, err

    def send_signal(self, number: int) -> None:
        """Send it, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _wait(self, timeout: float | None) -> int | None:
        if select.select([self._told], [], [], timeout)[0]:
            self.returncode = int(self._told.recv(32))
            self._told.close()
        return self.returncode


if __name__ == "__main__":
    _execute_and_end(serve(socket.socket(fileno=int(sys.argv[1]))))

"""``saccade serve RUN``: a trained run, or an ONNX file, behind HTTP."""

import socket
from pathlib import Path

from pipeline.commands.asked_network import AskedNetwork
from pipeline.console import say, warn
from pipeline.runs.reported import reported_decoder, reported_threshold
from pipeline.serving.limits import Limits
from pipeline.serving.served import Served
from saccade.bundle.bundle import weights_sha256
from saccade.core.errors import UserError
from saccade.core.messages import pluralise

_EXTRA = ("fastapi", "httptools", "prometheus_client", "python_multipart", "uvicorn")


def require_extra() -> None:
    """Refuse to serve without what it takes.

    Raises:
        UserError: a package is missing.
    """
    import importlib.util

    missing = [name.replace("_", "-") for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"serving takes {', '.join(missing)}, which is not installed: pip install 'saccade[serve]'")


def serve_run(network: AskedNetwork, run: str, host: str, port: int, limits: Limits) -> None:
    """Serve a trained run, or a registered model, until a signal comes.

    Args:
        network: where it lies, and how files are read for it.
        run: key in ``runs:``, or the reference that names the model.
        host: address to listen on.
        port: port; 0: any that is free.
        limits: what requests may cost.

    Raises:
        UserError: an extra is missing, the port is taken, there is no such model, or it is not served.
    """
    require_extra()
    from pipeline.serving.server import open_port

    with open_port(host, port) as taken:
        _serve(load_run(network, run), taken, host, limits)


def serve_file(file: Path, host: str, port: int, limits: Limits) -> None:
    """Serve an ONNX file until a signal comes; it may lie anywhere.

    Args:
        file: file that ``saccade export`` wrote.
        host: address to listen on.
        port: port; 0: any that is free.
        limits: what requests may cost.

    Raises:
        UserError: an extra is missing, the port is taken, or the file cannot be used.
    """
    require_extra()
    from pipeline.serving.server import open_port

    with open_port(host, port) as taken:
        _serve(load_file(file), taken, host, limits)


def load_run(asked: AskedNetwork, run: str) -> Served:
    """A trained run, or a registered model, as it is served.

    Args:
        asked: where it lies, and how files are read for it.
        run: key in ``runs:``, or the reference that names the model.

    Returns:
        Its network and what is known of it.

    Raises:
        UserError: there is no such model.
    """
    from saccade.predict import predictor as prediction

    bundle = asked.found.bundle
    network = prediction.load(bundle, device=asked.device)
    threshold, warning = reported_threshold(run, bundle, asked.found.record)
    decoder, other_warning = reported_decoder(run, bundle, asked.found.record)
    for line in filter(None, (warning, other_warning)):
        warn(line)
    return Served(
        network,
        run,
        weights_sha256(bundle),
        threshold,
        asked.source,
        asked.preprocess,
        asked.holds,
        explains=network.spec.layout == "image" and network.spec.output == "per_example",
        decoder=decoder,
    )


def load_file(file: Path) -> Served:
    """An ONNX file as it is served.

    Args:
        file: file that ``saccade export`` wrote.

    Returns:
        Its network and what the file says of it.

    Raises:
        UserError: onnxruntime is missing, or the file cannot be used.
    """
    from saccade.predict import onnx_predictor

    network = onnx_predictor.load(file)
    said = network.file
    return Served(network, said.run, said.weights_sha256, said.unsure_below, said.source, said.preprocess, said.holds)


def _serve(served: Served, taken: socket.socket, host: str, limits: Limits) -> None:
    served.require_answers_once()
    from pipeline.serving.app import build_app
    from pipeline.serving.server import Server, is_loopback

    spec = served.spec
    shape = "x".join(map(str, spec.shape))
    what = f", {len(spec.classes):,} classes" if spec.classes else ""
    if not is_loopback(host):
        warn(
            f"warning: --host {host} lets every machine that reaches this port ask, and there is no authentication and "
            "no encryption: put a proxy that has both before it"
        )
    app = build_app(served, limits)
    service = app.state.service
    service.warm_up()
    shown_host = f"[{host}]" if ":" in host else host
    address = f"http://{shown_host}:{taken.getsockname()[1]}"

    def on_start() -> None:
        say(f"{served.run} {served.does()} ({shape}{what}), weights {served.weights_sha256[:16]}")
        say(f"serving on {address}: a page to try it; POST {address}/predict; {address}/docs. Ctrl-C ends it")

    Server(app, limits, on_start).run(sockets=[taken])
    say(f"ended: {pluralise(service.num_answered, 'input')} answered")

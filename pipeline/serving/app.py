"""The paths of the server, and what each answers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from pipeline.serving.answers import records_of
from pipeline.serving.batching import Batcher
from pipeline.serving.explanation import Explainer
from pipeline.serving.inputs import Given, read_inputs
from pipeline.serving.limits import Gate, Limits, RefusedError, shown
from pipeline.serving.metrics import Metrics
from pipeline.serving.page import api_page, front_page, openapi_of_predict, page_headers
from pipeline.serving.request_body import Body, receive
from pipeline.serving.served import Served

_PATHS = ("/", "/predict", "/explain", "/health", "/metrics", "/docs", "/openapi.json")
_SMALL = 2**15  # bytes of a body that is read at once: for larger ones a thread pays
_TRIED, _AT_ONCE_S = 32, 0.008  # a network that answers so many inputs in less is asked between two events
_READERS = 2  # threads that read large bodies: each may hold a picture of the most pixels


class Service:
    """What the paths share.

    Args:
        served: network that is served.
        limits: what requests may cost.

    Attributes:
        num_answered: inputs that were answered.
    """

    def __init__(self, served: Served, limits: Limits) -> None:
        self.served = served
        self.limits = limits
        self.gate = Gate(limits)
        self.batcher = Batcher(
            partial(served.answers_of, batch_size=max(limits.batch, 1)),
            most=limits.batch,
            max_waiting=limits.waiting,
            on_batch=lambda size: self.metrics.count_batch(size),
        )
        self.metrics = Metrics(served, lambda: self.batcher.num_waiting, lambda: self.gate.requests)
        self.num_answered = 0
        self._explainer = Explainer(served)
        self.readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")

    async def predict(self, request: Request) -> dict[str, Any]:
        """Read the inputs of a request and answer about them."""
        top = _top(request)
        with self.gate.admitted() as held:
            body = await receive(request, self.limits, held)
            async with self._in_time():
                given = await self._read(body)
                outputs = await self.batcher.answer(given.stored)
        return self._told(given, outputs, top)

    async def explain(self, request: Request) -> dict[str, Any]:
        """Answer about one picture, and tell what speaks for the answer."""
        top = _top(request)
        with self.gate.admitted() as held:
            body = await receive(request, self.limits, held)
            async with self._in_time():
                given = await self._read(body)
                if len(given.stored) != 1:
                    raise RefusedError(400, f"a request to /explain must hold one picture, not {len(given.stored):,}")
                outputs = await self.batcher.answer(given.stored)
                await asyncio.get_running_loop().run_in_executor(self.readers, self._explainer.import_all)
                explanation = await self.batcher.run(partial(self._explainer.explain, given.stored[0]))
        return {**self._told(given, outputs, top), "explanation": explanation}

    def _told(self, given: Given, outputs: np.ndarray, top: int | None) -> dict[str, Any]:
        records = records_of(self.served, outputs, top)
        self.num_answered += len(records)
        self.metrics.count_answers(len(records), sum(record.get("unsure", False) for record in records))
        notes = {"notes": given.notes} if given.notes else {}
        return {"model": self.served.identity(), "answers": records, **notes}

    def warm_up(self) -> None:
        """Ask the network a few times, so that the first request does not wait, and see how fast it is."""
        spec, size = self.served.spec, min(self.limits.batch, _TRIED)
        dtype = {"image": np.uint8, "tokens": np.int32}.get(spec.layout, np.float32)
        durations = []
        for number in (1, size, size, size):
            stored = np.ones((number, *spec.shape), dtype)
            began = time.thread_time()
            self.served.answers_of(stored, batch_size=self.limits.batch)
            durations.append(time.thread_time() - began)
        self.batcher.in_thread = min(durations[1:]) > _AT_ONCE_S

    async def _read(self, body: Body) -> Given:
        read = partial(read_inputs, self.served, body, self.limits)
        if len(body.content) <= _SMALL:
            return read()
        return await asyncio.get_running_loop().run_in_executor(self.readers, read)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.limits.answer_s):
                yield
        except TimeoutError:
            raise RefusedError(
                504, f"there was no answer within {self.limits.answer_s:g} seconds: send less at once, or later"
            ) from None

    def close(self) -> None:
        """End the threads."""
        self.readers.shutdown(cancel_futures=True)
        self.batcher.close()


def _top(request: Request) -> int | None:
    for key in request.query_params:
        if key != "top":
            raise RefusedError(400, f"the address has {shown(key)}=, but only top= is known: leave it out")
    text = request.query_params.get("top")
    if text is None:
        return None
    if not (text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise RefusedError(400, f"top ({shown(text)}) must be a whole number from 1: leave it out for all classes")
    return int(text)


def build_app(served: Served, limits: Limits | None = None) -> FastAPI:
    """The application.

    Args:
        served: network that is served.
        limits: what requests may cost; None: the usual ones.

    Returns:
        An ASGI application; ``app.state.service`` is what its paths share.
    """
    service = Service(served, limits or Limits())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title=f"saccade serve {served.run}",
        description=f"{served.run} {served.does()}.",
        version=served.identity()["version"].removeprefix("saccade "),
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    _add_errors(app, served.explains)

    @app.post("/predict", openapi_extra=openapi_of_predict(served), summary="Answer about one or several inputs")
    async def predict(request: Request) -> Response:
        return _json(await service.predict(request))

    if served.explains:

        @app.post("/explain", openapi_extra=openapi_of_predict(served), summary="What speaks for the answer")
        async def explain(request: Request) -> Response:
            return _json(await service.explain(request))

    @app.get("/", include_in_schema=False)
    async def front() -> Response:
        return Response(front_page(served), media_type="text/html", headers=page_headers())

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(api_page(served, service.limits), media_type="text/html", headers=page_headers())

    @app.get("/health", summary="Whether it answers, and which model")
    async def health() -> Response:
        return _json({"status": "ok", "model": served.identity()})

    @app.get("/metrics", summary="Counts and durations for Prometheus")
    async def metrics() -> Response:
        content, media = service.metrics.text()
        return Response(content, media_type=media)

    app.add_middleware(_Counted, service=service)
    return app


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    content = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(content.encode(), status, {**(headers or {})}, "application/json")


def _refusal(error: RefusedError) -> Response:
    return _json({"error": error.message}, error.status, error.headers)


def _add_errors(app: FastAPI, explains: bool) -> None:
    """Each error is one line: {"error": "..."}."""

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        return _refusal(error)

    @app.exception_handler(HTTPException)
    async def by_starlette(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            allowed = headers.get("Allow") or headers.get("allow") or "another method"
            line = f"{request.method} must be {allowed} for {shown(request.url.path)}"
        elif error.status_code == 404:
            known = [path for path in _PATHS if path != "/explain" or explains]
            line = f"{shown(request.url.path)} must be one of {', '.join(known)}"
        else:
            line = str(error.detail)
        return _json({"error": line}, error.status_code, headers)

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:
        return _json({"error": "a defect of the server's own, not of the request: its log says more"}, 500)


class _Counted:
    """Counts requests, and how long each takes; hands those that come by the thousand to the service without a detour.

    What FastAPI does for a request takes as long as a small network: 0.2 of 0.6 ms.

    Args:
        app: what answers them.
        service: what the paths share.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], service: Service) -> None:
        self._app = app
        self._service = service
        self._metrics = service.metrics

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def counted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if scope["path"] == "/predict" and scope["method"] == "POST":
                response = await self._predict(Request(scope, receive))
                await response(scope, receive, counted)
            else:
                await self._app(scope, receive, counted)
        finally:
            path = scope["path"] if scope["path"] in _PATHS else "other"
            self._metrics.count_request(path, status, time.perf_counter() - began)

    async def _predict(self, request: Request) -> Response:
        try:
            return _json(await self._service.predict(request))
        except RefusedError as error:
            return _refusal(error)

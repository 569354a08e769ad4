"""Counts and durations as Prometheus reads them."""

from collections.abc import Callable
from typing import Any

from pipeline.serving.served import Served

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """What happened since the start.

    Args:
        served: network that is served.
        num_waiting: function to the number of inputs that wait for the network.
        num_requests: function to the number of requests that are being answered.
    """

    def __init__(self, served: Served, num_waiting: Callable[[], int], num_requests: Callable[[], int]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
        from prometheus_client.process_collector import ProcessCollector

        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        kept: dict[str, Any] = {"registry": self._registry}
        self._requests = Counter("saccade_requests", "Requests, by path and status", ["path", "status"], **kept)
        self._seconds = Histogram(
            "saccade_request_seconds",
            "From a request's headers to its answer",
            ["path"],
            buckets=_SECONDS,
            **kept,
        )
        self._inputs = Counter("saccade_inputs", "Inputs that were answered", **kept)
        self._unsure = Counter("saccade_unsure_inputs", "Inputs whose answer was below the run's threshold", **kept)
        self._batch = Histogram("saccade_batch_size", "Inputs that the network got at once", buckets=_BATCH, **kept)
        Gauge("saccade_waiting_inputs", "Inputs that wait for the network", **kept).set_function(num_waiting)
        Gauge("saccade_open_requests", "Requests that are being answered", **kept).set_function(num_requests)
        Info("saccade_model", "The model that is served", **kept).info(served.identity())
        self._children: dict[tuple[str, int], tuple[Any, Any]] = {}

    def count_request(self, path: str, status: int, elapsed_s: float) -> None:
        """Count a request.

        Args:
            path: one of the server's own paths, or "other".
            status: HTTP status of its answer.
            elapsed_s: seconds that it took.
        """
        key = (path, status)
        if key not in self._children:  # looking labels up takes longer than counting
            self._children[key] = self._requests.labels(path, str(status)), self._seconds.labels(path)
        requests, seconds = self._children[key]
        requests.inc()
        seconds.observe(elapsed_s)

    def count_answers(self, number: int, num_unsure: int) -> None:
        """Count inputs that were answered."""
        self._inputs.inc(number)
        self._unsure.inc(num_unsure)

    def count_batch(self, size: int) -> None:
        """Count a batch."""
        self._batch.observe(size)

    def text(self) -> tuple[bytes, str]:
        """What a scraper gets, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST

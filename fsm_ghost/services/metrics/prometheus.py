"""Figures for Prometheus: asked for at /metrics, or written to a file for node_exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fsm_ghost.errors import UsageError
from fsm_ghost.services.metrics.figures import Figure

PREFIX = "fsm_ghost_"


class Exposition(Collector):
    """The figures of one migration, read anew whenever they are asked for."""

    def __init__(self, labels: Mapping[str, str], read: Callable[[], Iterable[Figure]]) -> None:
        self._labels = dict(labels)
        self._read = read
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are found when the figures are read."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The figures, as prometheus_client wants them."""
        families: dict[str, Metric] = {}
        for figure in self._read():
            if figure.value is not None:
                kind = CounterMetricFamily if figure.grows else GaugeMetricFamily
                name = PREFIX + figure.name
                family = families.setdefault(name, kind(name, figure.about))
                labels = self._labels | figure.labels
                family.add_sample(f"{name}_total" if figure.grows else name, labels, float(figure.value))
        yield from families.values()

    def write(self, path: Path) -> None:
        """Write them to a file, in one go."""
        write_to_textfile(str(path), self.registry)


class Scrapes:
    """Answers whoever asks for /metrics at a port; UsageError when it cannot be had."""

    def __init__(self, host: str, port: int, exposition: Exposition) -> None:
        try:
            self._server, self._thread = start_http_server(port, host, exposition.registry)
        except OSError as error:
            raise UsageError(f"port {port} of {host} cannot be listened on: {error.strerror or error}") from error

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._server.server_port

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

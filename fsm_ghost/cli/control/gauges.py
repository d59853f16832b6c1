"""The figures of a running migration, given to whoever was named: at a port, in a file, over StatsD."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fsm_ghost.cli.ui.document import of_history, of_status
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.errors import UsageError
from fsm_ghost.model.picture import Document
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.services.metrics.figures import Figure, figures
from fsm_ghost.services.metrics.statsd import StatsD
from fsm_ghost.services.server.ticker import Ticker

if TYPE_CHECKING:
    from fsm_ghost.services.metrics.prometheus import Exposition

log = logging.getLogger(__name__)

FILE_EVERY = 5.0  # seconds
STATSD_EVERY = 1.0


class Closable(Protocol):
    """What goes on until it is closed."""

    def close(self) -> None:
        """End it."""
        ...


class Look:
    """A look at a migration as its state file shows it, so that nobody is held up. Any thread."""

    def __init__(self, state_file: Path, migration: str) -> None:
        self._state_file = state_file
        self._migration = migration

    def snapshot(self) -> Snapshot:
        """What it is like now."""
        with closing(Store.reading(self._state_file)) as store:
            return store.snapshot(store.find(self._migration))

    def document(self) -> Document:
        """What `status --json` prints, and the commands as `history --json` has them."""
        with closing(Store.reading(self._state_file)) as store:
            snapshot, journal = store.snapshot(store.find(self._migration)), store.journal(self._migration)
            orders = store.orders(self._migration)
        now = time.time()
        commands = of_history(snapshot, journal, orders, now)["commands"]
        return {**of_status(snapshot, journal, now), "commands": commands}

    def chunk_seconds(self, first: int, last: int) -> dict[int, float]:
        """How long each chunk between these numbers took."""
        with closing(Store.reading(self._state_file)) as store:
            return store.chunk_seconds(self._migration, first, last)

    def figures(self) -> tuple[Figure, ...]:
        """The same in figures."""
        with closing(Store.reading(self._state_file)) as store:
            snapshot, journal = store.snapshot(store.find(self._migration)), store.journal(self._migration)
        return tuple(figures(snapshot, journal[-1].at if journal else snapshot.created_at, time.time()))


def begin(state_file: Path, record: Record) -> Iterator[Closable]:
    """Everything that was asked for, begun; UsageError for what cannot be."""
    settings, look = record.asked.metrics, Look(state_file, record.id)
    if settings.port or settings.file:
        exposition = _exposition(look, record)
        if settings.port:
            from fsm_ghost.services.metrics.prometheus import Scrapes

            yield Scrapes(settings.host, settings.port, exposition)
        if settings.file:
            file = Path(settings.file)
            yield _Told("metrics-file", FILE_EVERY, lambda: exposition.write(file))
    if settings.statsd_addr:
        statsd = StatsD(settings.statsd_addr, settings.statsd_tags, look.chunk_seconds)
        yield _Told("statsd", STATSD_EVERY, lambda: statsd.send(look.snapshot()), statsd.close)


def _exposition(look: Look, record: Record) -> Exposition:
    try:
        from fsm_ghost.services.metrics.prometheus import Exposition
    except ImportError:
        raise UsageError(
            "metrics for Prometheus need the package prometheus_client", "pip install 'fsm-ghost[metrics]'"
        ) from None
    labels = {"migration": record.short_id, "schema": record.table.schema, "table": record.table.name}
    return Exposition(labels, look.figures)


class _Told:
    """Somebody who is told again and again, and a last time when the run has ended."""

    def __init__(
        self, name: str, every: float, tell: Callable[[], None], afterwards: Callable[[], None] = lambda: None
    ) -> None:
        self._name = name
        self._tell = tell
        self._afterwards = afterwards
        self._ticker = Ticker(name, every, tell)

    def close(self) -> None:
        """Tell the last of it."""
        self._ticker.close()
        try:
            self._tell()
        except OSError as error:
            log.warning("%s: %s", self._name, error)
        self._afterwards()

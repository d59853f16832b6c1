"""Figures for StatsD, under gh-ost's names; what they have no name for is not sent."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping

from fsm_ghost.errors import UsageError
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.services.applier import MOST_DIRTY
from fsm_ghost.services.metrics.figures import is_throttled

_PREFIX = "gh_ost."
_LONGEST = 1400  # bytes of a datagram


class StatsD:
    """Sends what a migration has come to since the last time. One thread only.

    `chunk_seconds` tells how long each chunk took, by number, from one number to another.
    """

    def __init__(
        self, address: str, tags: tuple[str, ...], chunk_seconds: Callable[[int, int], Mapping[int, float]]
    ) -> None:
        self._tags = tags
        self._chunk_seconds = chunk_seconds
        self._socket = _connected(address)
        self._last: Snapshot | None = None
        self._throttled_since: float | None = None

    def send(self, snapshot: Snapshot) -> None:
        """Send it all; OSError when nobody takes it."""
        lines, datagram = list(self._lines(snapshot)), ""
        self._last = snapshot
        for line in lines:
            if datagram and len(datagram) + len(line) >= _LONGEST:
                self._socket.send(datagram.encode())
                datagram = ""
            datagram += f"{line}\n"
        self._socket.send(datagram.encode())

    def close(self) -> None:
        """Send no more."""
        self._socket.close()

    def _lines(self, snapshot: Snapshot) -> Iterator[str]:
        progress, readings, throttled = snapshot.progress, snapshot.readings, is_throttled(snapshot)
        if self._last is None:
            yield self._line("startup", 1, "c")
        yield self._line("row_copy.rows_copied", progress.rows)
        yield self._line("row_copy.rows_estimate", progress.plan.rows if progress.plan else 0)
        yield self._line("dml.events_applied", progress.changes)
        yield self._line("binlog.backlog_size", readings.backlog)
        yield self._line("binlog.backlog_capacity", MOST_DIRTY)
        yield self._line("binlog.backlog_utilization", readings.backlog / MOST_DIRTY)
        if readings.stream_delay is not None:
            tag = f"throttled:{str(throttled).lower()}"
            yield self._line("lag.heartbeat_seconds", readings.stream_delay, tags=(tag,))
        yield self._line("throttle.active", int(throttled))
        yield from self._throttling(throttled=throttled)
        yield from self._chunks(snapshot.progress)
        yield from self._swaps(snapshot)

    def _throttling(self, *, throttled: bool) -> Iterator[str]:
        """A throttle that has begun, and how long one lasted that has ended."""
        now = time.monotonic()
        if throttled and self._throttled_since is None:
            self._throttled_since = now
            yield self._line("throttle.events_total", 1, "c")
        elif not throttled and self._throttled_since is not None:
            lasted = round((now - self._throttled_since) * 1000)
            self._throttled_since = None
            yield self._line("throttle.duration_milliseconds", lasted, "h")

    def _chunks(self, progress: Progress) -> Iterator[str]:
        """How long each chunk took that was copied since the last time."""
        before = self._last.progress if self._last else progress
        open_before = {chunk.number for chunk in before.open_chunks}
        copied = open_before | set(range(before.chunks + 1, progress.chunks + 1))
        copied -= {chunk.number for chunk in progress.open_chunks}
        if not copied:
            return
        took = self._chunk_seconds(min(copied), max(copied))
        for number in sorted(copied & took.keys()):
            tags = ("side:target", "kind:chunk_copy", "outcome:ok")
            yield self._line("query.duration_milliseconds", round(took[number] * 1000), "h", tags)

    def _swaps(self, snapshot: Snapshot) -> Iterator[str]:
        """Attempts that have ended since the last time."""
        before = self._last
        if before is None:
            return
        if snapshot.progress.swap is not None and before.progress.swap is None:
            yield self._line("cut_over.attempts_total", 1, "c", ("outcome:success",))
            stall = round(snapshot.progress.swap.stall * 1000)
            yield self._line("cut_over.total_duration_milliseconds", stall, "h", ("outcome:success",))
        given_up = _given_up(snapshot) - _given_up(before)
        if given_up > 0:
            outcome = "abort" if snapshot.phase in {Phase.ROLLBACK, Phase.ABORTED} else "retry"
            yield self._line("cut_over.attempts_total", given_up, "c", (f"outcome:{outcome}",))

    def _line(self, name: str, value: float, kind: str = "g", tags: tuple[str, ...] = ()) -> str:
        every = ",".join((*self._tags, *tags))
        return f"{_PREFIX}{name}:{value:.10g}|{kind}" + (f"|#{every}" if every else "")


def _given_up(snapshot: Snapshot) -> int:
    """How many attempts to swap have come to nothing."""
    progress = snapshot.progress
    return progress.attempts - (progress.swapping or progress.swap is not None)


def _connected(address: str) -> socket.socket:
    """Datagrams to HOST:PORT, or to a unix socket; UsageError for what is neither."""
    path = address.removeprefix("unix://")
    host, colon, port = address.rpartition(":")
    try:
        if path.startswith("/"):
            there: socket.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            target: str | tuple[str, int] = path
        elif colon and port.isdecimal():
            found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
            there, target = socket.socket(found[0], socket.SOCK_DGRAM), found[4][:2]  # type: ignore[assignment]
        else:
            raise UsageError(f"--statsd-addr must be written as HOST:PORT or unix:///PATH, not {address}")
    except OSError as error:
        raise UsageError(f"--statsd-addr {address} cannot be found: {error.strerror or error}") from error
    try:
        there.settimeout(0)  # whoever does not take it at once does not get it
        there.connect(target)
    except OSError as error:
        there.close()
        raise UsageError(f"--statsd-addr {address} cannot be reached: {error.strerror or error}") from error
    return there

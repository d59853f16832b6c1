"""The thread that follows the binlog, and hands what it reads to the owner thread.

A connection that is lost is made again here, for a reader leaves nothing on the server that could still commit, and
reading again from a boundary is what every resume does (docs/decisions/0011).
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from typing import Protocol

from fsm_ghost.errors import ConnectionLostError, StreamError
from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates

log = logging.getLogger(__name__)

MOST_WAITING = 100_000  # keys that may wait for the owner thread; beyond that reading pauses
_MUCH = 1000  # keys; fewer are taken when the owner thread looks in, several times a second
_PATIENCE = 0.2  # seconds between looks at whether to stop
_GIVE_UP_AFTER = 60.0  # seconds without a connection that brings something
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 4.0  # seconds between attempts to connect


class Stream(Protocol):
    """An open binlog stream, as fsm_ghost.mysql.binlog has it."""

    def read(self, timeout: float = _PATIENCE) -> Changes | None:
        """What was read, or None."""
        ...

    def interrupt(self) -> None:
        """Make a read in another thread return."""
        ...

    def hurry(self, *, hurried: bool) -> None:
        """Bring every event as soon as it comes, or let some gather."""
        ...

    def close(self) -> None:
        """End it."""
        ...


Opener = Callable[[Coordinates], Stream]


class Streamer:
    """Follows the binlog from given coordinates on, over as many connections as that takes.

    `open_stream` opens one, in a thread that nobody waits for; it answers for the server being the same one. `take`
    raises whatever ended the stream: a ConnectionLostError only when no connection has brought anything for
    `give_up_after` seconds. About `most_waiting` keys are read ahead.
    """

    def __init__(
        self,
        open_stream: Opener,
        start: Coordinates,
        bell: threading.Event,
        *,
        give_up_after: float = _GIVE_UP_AFTER,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._open_stream = open_stream
        self._reached = start  # the last boundary that was handed over
        self._bell = bell
        self._outage = _Outage(give_up_after)
        self._readings = _Readings(most_waiting)
        self._stop = threading.Event()
        self._stream: Stream | None = None
        self._is_hurried = False
        self._error: BaseException | None = None
        self._connections = 0
        self._thread = threading.Thread(target=self._run, name="streamer", daemon=True)
        self._thread.start()

    @property
    def reconnects(self) -> int:
        """How many times the connection has been made again."""
        return max(0, self._connections - 1)

    def take(self) -> list[Changes]:
        """Everything read since the last call, in order."""
        error = self._error  # before the look: what is there now was read before it
        taken = self._readings.take()
        if error is not None and not taken:
            raise error
        return taken

    def wait(self, timeout: float) -> list[Changes]:
        """As `take`, but wait for up to `timeout` seconds when there is nothing yet."""
        return self.take() or self._readings.take(timeout)

    def hurry(self, *, hurried: bool) -> None:
        """Have every event brought as soon as it comes, or let some gather, which costs less."""
        if hurried != self._is_hurried:
            self._is_hurried = hurried
            if self._stream is not None:
                self._stream.hurry(hurried=hurried)

    def close(self) -> None:
        """Stop following, within a second."""
        self._stop.set()
        self._readings.close()
        if self._stream is not None:
            self._stream.interrupt()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the owner thread has to know
            self._error = error
            self._readings.close()
            self._bell.set()

    def _follow(self) -> None:
        is_over = False
        while not (is_over or self._stop.is_set()):
            try:
                is_over = self._follow_one_connection()
            except ConnectionLostError as error:
                pause = self._outage.pause_after(error)
                log.warning("%s; trying again from %s in %.1f s", error.message, self._reached, pause)
                self._stop.wait(pause)

    def _follow_one_connection(self) -> bool:
        """Read until the stream ends; whether it has come to its end."""
        stream = _opened(self._open_stream, self._reached, self._stop)
        if stream is None:
            return False
        self._connections += 1
        self._stream = stream
        stream.hurry(hurried=self._is_hurried)
        try:
            return self._pass_on(stream)
        finally:
            stream.close()

    def _pass_on(self, stream: Stream) -> bool:
        self._outage.connected()
        while not self._stop.is_set():
            changes = stream.read()
            self._outage.heard(changes)
            if changes is not None:
                self._hand_over(changes)
                if changes.swapped:
                    return True
        return False

    def _hand_over(self, changes: Changes) -> None:
        if changes.start < self._reached:
            raise StreamError(
                f"The binlog was asked for from {self._reached} on and brings changes from {changes.start} on",
                "The server's binlog is not the one that was being read. Abort this migration and start it again.",
            )
        if self._readings.put(changes):
            self._reached = changes.end
            if changes.markers or changes.swapped or self._readings.is_much:
                self._bell.set()


class _Readings:
    """Readings on their way to the owner thread, bounded by what they hold together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Changes] = deque()
        self._size = 0
        self._is_closed = False
        self._changed = threading.Condition()

    @property
    def is_much(self) -> bool:
        """Whether so much is waiting that it should be taken at once."""
        return self._size >= min(_MUCH, self._most // 2)

    def put(self, changes: Changes) -> bool:
        """Add one when there is room for it, or when it would be the only one; False when closed meanwhile."""
        size = 1 + len(changes.keys) + len(changes.markers)
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or not self._size or self._size + size <= self._most)
            if self._is_closed:
                return False
            self._waiting.append(changes)
            self._size += size
            self._changed.notify_all()
            return True

    def take(self, timeout: float = 0.0) -> list[Changes]:
        """All of them; waits for the first for up to `timeout` seconds."""
        with self._changed:
            if timeout:
                self._changed.wait_for(lambda: self._waiting or self._is_closed, timeout)
            taken = list(self._waiting)
            self._waiting.clear()
            self._size = 0
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class _Outage:
    """How long to try to connect again: until no connection has brought anything for `give_up_after` seconds.

    A connection over which nothing came is none, however often it can be made; unless it lasts, for a server may have
    nothing to say.
    """

    def __init__(self, give_up_after: float) -> None:
        self._give_up_after = give_up_after
        self._since: float | None = None
        self._connected_at = 0.0
        self._pause = _FIRST_PAUSE

    def pause_after(self, error: ConnectionLostError) -> float:
        """How long to pause (seconds) after a connection was lost, or not made; raises the error to give up."""
        now = time.monotonic()
        if self._since is None:
            self._since, self._pause = now, _FIRST_PAUSE
        elif now - self._since > self._give_up_after:
            raise error
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return pause * random.uniform(0.5, 1.0)

    def connected(self) -> None:
        """A connection was made."""
        self._connected_at = time.monotonic()

    def heard(self, changes: Changes | None) -> None:
        """The connection has brought something, or at least it has lasted until now."""
        if changes is not None or time.monotonic() - self._connected_at > self._give_up_after:
            self._since = None


def _opened(open_stream: Opener, start: Coordinates, stop: threading.Event) -> Stream | None:
    """A stream from `start` on; None when it was not there by the time of `stop`.

    It is opened in a thread of its own: looking up names, connecting and shaking hands cannot be interrupted.
    """
    opening: Future[Stream] = Future()
    threading.Thread(
        target=_open_into, args=(opening, open_stream, start), name="streamer, connecting", daemon=True
    ).start()
    while not wait([opening], _PATIENCE).done:
        if stop.is_set() and opening.cancel():
            return None
    return opening.result()


def _open_into(opening: Future[Stream], open_stream: Opener, start: Coordinates) -> None:
    try:
        stream = open_stream(start)
    except BaseException as error:  # noqa: BLE001 - the streamer's thread has to know
        with suppress(InvalidStateError):  # nobody waits for it any more
            opening.set_exception(error)
        return
    try:
        opening.set_result(stream)
    except InvalidStateError:
        stream.close()

"""The thread that follows the binlog, and hands what it reads to the owner thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import Protocol

from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates

_READS_AHEAD = 64  # reads of the stream that may wait for the owner thread; beyond that reading pauses
_PATIENCE = 0.2  # seconds between looks at whether to stop


class Stream(Protocol):
    """An open binlog stream, as fsm_ghost.mysql.binlog has it."""

    def read(self, timeout: float = _PATIENCE) -> Changes | None:
        """What was read, or None."""
        ...

    def interrupt(self) -> None:
        """Make a read in another thread return."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Streamer:
    """Follows the binlog from given coordinates on. `take` raises whatever ended the stream."""

    def __init__(self, open_stream: Callable[[Coordinates], Stream], start: Coordinates, bell: threading.Event) -> None:
        self._open = open_stream
        self._bell = bell
        self._queue: Queue[Changes] = Queue(_READS_AHEAD)
        self._stop = threading.Event()
        self._stream: Stream | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, args=(start,), name="streamer", daemon=True)
        self._thread.start()

    def take(self) -> list[Changes]:
        """Everything read since the last call, in order."""
        taken: list[Changes] = []
        while True:
            try:
                taken.append(self._queue.get_nowait())
            except Empty:
                break
        if not taken and self._error is not None:
            raise self._error
        return taken

    def wait(self, timeout: float) -> list[Changes]:
        """As `take`, but wait for up to `timeout` seconds when there is nothing yet."""
        taken = self.take()
        if taken:
            return taken
        try:
            return [self._queue.get(timeout=timeout)]
        except Empty:
            return []

    def close(self) -> None:
        """Stop following, within a second."""
        self._stop.set()
        if self._stream is not None:
            self._stream.interrupt()
        self._thread.join(timeout=2)

    def _follow(self, start: Coordinates) -> None:
        try:
            self._stream = self._open(start)
            try:
                self._pass_on(self._stream)
            finally:
                self._stream.close()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the owner thread has to know
            self._error = error
            self._bell.set()

    def _pass_on(self, stream: Stream) -> None:
        while not self._stop.is_set():
            changes = stream.read()
            if changes is None:
                continue
            self._put(changes)
            self._bell.set()
            if changes.swapped:
                return

    def _put(self, changes: Changes) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(changes, timeout=_PATIENCE)
            except Full:
                continue
            return

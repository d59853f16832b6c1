"""Threads with one connection each, which do what the owner thread hands them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from fsm_ghost.mysql.session import Session

Result = TypeVar("Result")
Job = Callable[[Session], Result]


@dataclass(frozen=True, slots=True)
class _Failed:
    """A job ended in an exception, which belongs to the owner thread."""

    error: BaseException


class Crew(Generic[Result]):
    """Some workers that wait for jobs. The owner thread hands jobs out and collects what came of them.

    `bell` is rung whenever a job ends. A job's exception is raised by `collect`.
    """

    def __init__(self, name: str, sessions: Sequence[Session], bell: threading.Event) -> None:
        self._sessions = tuple(sessions)
        self._bell = bell
        self._jobs: SimpleQueue[Job[Result] | None] = SimpleQueue()
        self._ended: SimpleQueue[Result | _Failed] = SimpleQueue()
        self.busy = 0
        self._threads = [
            threading.Thread(target=self._work, args=(session,), name=f"{name}-{number}", daemon=True)
            for number, session in enumerate(self._sessions, start=1)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._sessions)

    @property
    def idle(self) -> int:
        """How many workers have nothing to do."""
        return self.size - self.busy

    def assign(self, job: Job[Result]) -> None:
        """Have a job done by an idle worker."""
        self.busy += 1
        self._jobs.put(job)

    def collect(self) -> list[Result]:
        """What the jobs that ended since the last call came to; raises the exception of the first that failed."""
        results: list[Result] = []
        while True:
            try:
                ended = self._ended.get_nowait()
            except Empty:
                return results
            self.busy -= 1
            if isinstance(ended, _Failed):
                raise ended.error
            results.append(ended)

    def close(self) -> None:
        """Send the workers home; a statement that is running is cut off from us, not stopped on the server."""
        for session in self._sessions:
            self._jobs.put(None)
            session.interrupt()
        for thread in self._threads:
            thread.join(timeout=2)

    def _work(self, session: Session) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._ended.put(job(session))
            except BaseException as error:  # noqa: BLE001 - whatever it is, the owner thread has to know
                self._ended.put(_Failed(error))
            self._bell.set()

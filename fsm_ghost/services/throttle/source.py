"""What a source of throttling is."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol


class Source(Protocol):
    """Something that may make row copy wait. Asked by one thread."""

    @property
    def name(self) -> str:
        """What it is called when it does not answer."""
        ...

    @property
    def every(self) -> float:
        """Seconds between questions."""
        ...

    def ask(self) -> str:
        """Why row copy has to wait, with the figure and its limit; empty when it may go on.

        StoppedError when the run has to stop, ConnectionLostError when a connection of the run is gone. Any other error
        makes row copy wait.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source that is asked for: `what` it is, the same for as long as nothing about it is changed."""

    what: Hashable
    make: Callable[[], Source]

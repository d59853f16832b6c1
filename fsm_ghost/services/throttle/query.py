"""A query of the user's own."""

from __future__ import annotations

from fsm_ghost.mysql.session import Session


class Query:
    """Makes row copy wait while a query returns anything but 0. `session` is the throttle's own."""

    every = 1.0  # seconds
    name = "the throttle query"

    def __init__(self, session: Session, text: str) -> None:
        self._session = session
        self._text = text

    def ask(self) -> str:
        """What it returns; ValueError when that is no number."""
        value = self._session.value(self._text)
        return f"the throttle query returns {value}" if value is not None and float(value) else ""

    def close(self) -> None:
        """The session belongs to the run."""

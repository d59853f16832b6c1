"""What the services of one migration are made with: its settings, its connections, and what is said with them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from fsm_ghost.errors import StoppedError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.plan import Flavour, Plan
from fsm_ghost.model.table import Definition
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.changelog import Changelog
from fsm_ghost.mysql.compare import Comparison
from fsm_ghost.mysql.connections import Connections, Ownership
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services.reporter import Reporter
from fsm_ghost.services.streamer import Stream
from fsm_ghost.settings import Settings


@dataclass(frozen=True, slots=True)
class Tools:
    """Handed to whoever opens services."""

    settings: Settings
    migration: str
    flavour: Flavour
    session: Session
    connections: Connections
    ownership: Ownership
    changelog: Changelog
    reporter: Reporter
    bell: threading.Event
    stream_opener: Callable[[Plan, TableName], Callable[[Coordinates], Stream]]

    def statements(self, plan: Plan) -> Statements:
        """The statements of the migration."""
        return Statements(plan, self.flavour, self.migration)

    def open_writer(self, plan: Plan, purpose: str) -> Session:
        """A connection that converts values as a native ALTER TABLE does: for writing rows, and for comparing them.

        Where that takes no time zone, in UTC: MySQL takes even a TIMESTAMP that stays one through the session's zone,
        and makes one of the two hours of the night in autumn in which the clocks go back.
        """
        session = self.connections.open(purpose)
        if plan.zoned and not plan.finds_by_timestamp:
            session.use_server_time_zone()
        return session

    def open_writers(self, plan: Plan, purpose: str, count: int) -> list[Session]:
        """Several of them, numbered from 1."""
        return [self.open_writer(plan, f"{purpose} {number}") for number in range(1, count + 1)]

    def definitions(self, plan: Plan) -> tuple[Definition, Definition]:
        """Of the original and of the ghost table, as they are now."""
        original = catalog.definition(self.session, plan.names.original)
        ghost = catalog.definition(self.session, plan.names.ghost)
        if original is None or ghost is None:
            raise StoppedError("a table of this migration is gone", "Abort, and start again.")
        return original, ghost

    def comparison(self, plan: Plan) -> Comparison:
        """What compares the two tables."""
        return Comparison(plan, *self.definitions(plan))

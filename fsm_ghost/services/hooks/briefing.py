"""What hooks are told: variables as gh-ost has them, and the context as JSON."""

from __future__ import annotations

import math
import socket
from dataclasses import dataclass

from fsm_ghost.model.naming import Names
from fsm_ghost.model.occasion import Occasion, Passage
from fsm_ghost.model.picture import SCHEMA, Document, dumps, of_snapshot, times
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.model.status_line import line
from fsm_ghost.settings import Settings

_UNKNOWN_ETA = -(2**63)  # as gh-ost says that it does not know


@dataclass(frozen=True, slots=True)
class Briefing:
    """What the hooks of one occasion are told.

    `copying` is for how many seconds rows have been copied, `now` the time in seconds since the epoch.
    """

    settings: Settings
    names: Names
    occasion: Occasion
    snapshot: Snapshot
    copying: float
    now: float

    @property
    def context(self) -> str:
        """The context, as JSON. The token is a secret, and not in it."""
        occasion, settings = self.occasion, self.settings
        document: Document = {
            "schema": SCHEMA,
            "id": occasion.key,
            "attempt": occasion.attempt,
            "moment": occasion.moment,
            "moments": list(occasion.moments or (occasion.moment,)),
            **times("", self.now),
            "transition": _passage(occasion.passage) if occasion.passage else None,
            "command": occasion.command or None,
            "server": settings.server.address,
            "executing_host": socket.gethostname(),
            "ghost_table_name": self.names.ghost.name,
            "old_table_name": self.names.old.name,
            "hint": {"text": settings.hooks.hint or None, "owner": settings.hooks.hint_owner or None},
            "migration": of_snapshot(self.snapshot, self.now),
        }
        return dumps(document)

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables: gh-ost's under both prefixes, and those of the occasion."""
        doubles = {**self._asked(), **self._known()}
        named = {f"{prefix}_{name}": value for prefix in ("GH_OST", "FSM_GHOST") for name, value in doubles.items()}
        return named | {f"FSM_GHOST_HOOK_{name}": value for name, value in self._occasion().items()}

    def _asked(self) -> dict[str, str]:
        settings = self.settings
        return {
            "DATABASE_NAME": settings.schema,
            "TABLE_NAME": settings.table,
            "GHOST_TABLE_NAME": self.names.ghost.name,
            "OLD_TABLE_NAME": self.names.old.name,
            "DDL": settings.alter,
            "EXECUTING_HOST": socket.gethostname(),
            "MIGRATED_HOST": settings.server.host,
            "INSPECTED_HOST": settings.server.host,
            "HOOKS_HINT": settings.hooks.hint,
            "HOOKS_HINT_OWNER": settings.hooks.hint_owner,
            "HOOKS_HINT_TOKEN": settings.hooks.hint_token,
            "DRY_RUN": "false" if settings.execute else "true",
            "REVERT": "false",
        }

    def _known(self) -> dict[str, str]:
        progress, readings = self.snapshot.progress, self.snapshot.readings
        elapsed, delay = self.now - self.snapshot.created_at, f"{max(0.0, readings.stream_delay or 0.0):f}"
        return {
            "ELAPSED_SECONDS": f"{elapsed:.0f}",
            "ELAPSED_COPY_SECONDS": f"{self.copying:.0f}",
            "COPIED_ROWS": str(progress.rows),
            "ESTIMATED_ROWS": str(progress.plan.rows if progress.plan else 0),
            "PROGRESS": f"{100 * progress.copied_part:.2f}",
            "ETA_SECONDS": str(_UNKNOWN_ETA if readings.eta is None else math.ceil(readings.eta)),
            "INSPECTED_LAG": delay,
            "HEARTBEAT_LAG": delay,
            "INSTANT_DDL": "true" if progress.altered else "false",
            "STATUS": line(self.snapshot, elapsed, self.copying),
            "COMMAND": self.occasion.command,
        }

    def _occasion(self) -> dict[str, str]:
        occasion = self.occasion
        passage = _passage(occasion.passage) if occasion.passage else {}
        return {
            "KEY": occasion.key,
            "ATTEMPT": str(occasion.attempt),
            "MOMENT": occasion.moment,
            **{name.upper(): str(passage.get(name) or "") for name in ("from", "outcome", "to", "reason")},
        }


def _passage(passage: Passage) -> Document:
    return {
        "number": passage.number,
        "from": str(passage.source),
        "outcome": passage.outcome,
        "to": str(passage.dest),
        "reason": passage.reason or None,
    }

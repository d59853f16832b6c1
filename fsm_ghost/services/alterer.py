"""Has the server change the original itself, where it can do that in its dictionary alone (INSTANT).

An ALTER TABLE is not idempotent, and its connection may be lost before its answer comes. So the intent is stored before
it is sent, and whoever finds the intent looks first what became of it (protocol R15).
"""

from __future__ import annotations

import re
from enum import Enum, auto
from math import ceil

from fsm_ghost.errors import AmbiguousError, LockConflictError, ServerError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.plan import Native, Plan
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql.checks import without_names
from fsm_ghost.mysql.session import Session

_HEAD = re.compile(r"^CREATE TABLE `(?:[^`]|``)+`")


class Became(Enum):
    """What came of an attempt."""

    ALTERED = auto()
    LOCKED = auto()  # the table was in use for longer than an attempt may wait
    DECLINED = auto()  # the server does not do it like that


class Alterer:
    """Tries one migration's ALTER TABLE on the original; whoever uses the table waits `timeout` seconds at most."""

    def __init__(self, session: Session, migration: str, clauses: str, timeout: float) -> None:
        self._session = session
        self._migration = migration
        self._clauses = clauses
        self._timeout = ceil(timeout)

    def attempt(self, plan: Plan) -> tuple[Became, str]:
        """What came of it, and the server's words where it did not succeed. The intent must have been stored before.

        AmbiguousError when the table is neither what it was nor what it was to become.
        """
        if self._is_altered(plan):
            return Became.ALTERED, ""
        statement = statements.alter_natively(plan.names.original, self._clauses, Native.INSTANT, self._migration)
        self._session.use_server_time_zone()
        self._session.wait_at_most(table=self._timeout)
        try:
            self._session.execute(statement)
            fault_point("alter.after-statement")
        except LockConflictError as error:
            return Became.LOCKED, error.message
        except ServerError as error:
            return Became.DECLINED, error.message
        finally:
            self._session.use_utc()
            self._session.wait_at_most(table=60)
        return Became.ALTERED, ""

    def _is_altered(self, plan: Plan) -> bool:
        found = catalog.fingerprint(self._session, plan.names.original)
        if found == plan.original_create:
            return False
        if found is not None and _body(found) == _body(plan.ghost_create):
            return True
        raise AmbiguousError(
            f"{plan.names.original} is neither what it was nor what the ALTER makes of it",
            f"Look at it. Then: fsm-ghost abort {self._migration[:8]}",
        )


def _body(create: str) -> str:
    """A definition without the table's name, and without the names of CHECKs, which follow it."""
    return without_names(_HEAD.sub("", create))

"""Names the sessions that keep a table from being locked and, where that is wanted, ends them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable

from fsm_ghost.errors import FsmGhostError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql import blockers
from fsm_ghost.mysql.blockers import Blocker
from fsm_ghost.mysql.session import Session
from fsm_ghost.settings import CutOverSettings, Kill

log = logging.getLogger(__name__)
MOST_UNDO = 1000  # rows modified: rolling back more takes longer than the swap may
_SHOWN = 3


class Bouncer:
    """Stands at one table's door. `ours` are the connections of this run, which nobody may touch.

    In a `rehearsal` nobody is killed.
    """

    def __init__(
        self,
        table: TableName,
        settings: CutOverSettings,
        ours: Callable[[], Collection[int]],
        *,
        rehearsal: bool = False,
    ) -> None:
        self._table = table
        self._settings = settings
        self._ours = ours
        self._rehearsal = rehearsal

    def look(self, session: Session) -> tuple[Blocker, ...]:
        """Who uses the table; empty when that cannot be found out."""
        try:
            return blockers.of_table(session, self._table, self._ours())
        except FsmGhostError as error:
            log.warning("who uses %s cannot be found out: %s", self._table, error.message)
            return ()

    def may_go(self, blocker: Blocker) -> bool:
        """Whether a session may be killed by what was asked for, with little to roll back, and no mistake possible."""
        settings, undo = self._settings, blocker.rows_modified
        is_wanted = not settings.kill_users or blocker.user in settings.kill_users
        has_little_to_undo = undo is not None and undo <= MOST_UNDO
        return is_wanted and blocker.is_certain and blocker.seconds >= settings.kill_age and has_little_to_undo

    def clear(self, session: Session, found: Iterable[Blocker]) -> tuple[Blocker, ...]:
        """Kill those that may be killed; with `--cut-over-kill=list` only say whom it would be.

        Who was killed; in a rehearsal, who would have been.
        """
        going = [blocker for blocker in found if self.may_go(blocker)]
        if self._settings.kill is not Kill.YES:
            if going and self._settings.kill is Kill.LIST:
                log.warning("--cut-over-kill=yes would kill %s", told(going))
            return ()
        if self._rehearsal:
            return tuple(going)
        killed = []
        for blocker in going:
            try:
                session.kill(blocker.connection)
            except FsmGhostError as error:
                log.warning("%s could not be killed: %s", blocker, error.message)
            else:
                log.warning("killed %s", blocker)
                killed.append(blocker)
        return tuple(killed)


def told(found: Iterable[Blocker]) -> str:
    """Sessions for people, the first few of them."""
    each = [str(blocker) for blocker in found]
    return "; ".join(each[:_SHOWN]) + (f"; and {len(each) - _SHOWN} more" if len(each) > _SHOWN else "")

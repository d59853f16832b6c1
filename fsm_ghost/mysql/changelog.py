"""Our own table beside the original: it proves what is ours, and carries markers through the binlog.

Its comment names the migration. Row `marker` is moved to a new, higher id for each marker, so that a marker is one
small row event whose key is its number; row `made` lists the tables that we made, written before they are. The others
are the lease, which says who drives the migration, and what somebody else needs to go on with it: see `lease.py`.
"""

from __future__ import annotations

import json

from fsm_ghost.errors import StoppedError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.lease import HINTS, MADE, MARKER, Lease, look, migration_of
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import own_tag

_MARKERS_OF_A_RUN = 2**32  # so that ids of markers are higher than the other rows', and than those of earlier runs


class Changelog:
    """The changelog table of one migration, for the run that has this lease on it."""

    def __init__(self, session: Session, name: TableName, migration: str, lease: Lease) -> None:
        self._session = session
        self._name = name
        self._migration = migration
        self._lease = lease
        self._table = table(name)
        self._marker = lease.epoch * _MARKERS_OF_A_RUN

    def create(self, made: tuple[TableName, ...]) -> None:
        """Create it; it says beforehand which tables are going to be made."""
        self._session.execute(
            f"CREATE /* {own_tag(self._migration)} */ TABLE {self._table} ("
            " id BIGINT UNSIGNED NOT NULL PRIMARY KEY,"
            " hint VARCHAR(64) CHARACTER SET ascii NOT NULL,"
            " value MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL,"
            " written_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),"
            " epoch BIGINT UNSIGNED NOT NULL DEFAULT 0,"
            " UNIQUE KEY hint (hint)"
            f") ENGINE = InnoDB COMMENT = '{own_tag(self._migration)}'"
        )
        values = {MADE: json.dumps([name.name for name in made]), **self._lease.rows()}
        rows = (
            f"({number}, '{hint}', {self._session.quote(values.get(hint, ''))}, {self._lease.epoch})"
            for number, hint in enumerate(HINTS, start=1)
        )
        self._session.execute(f"INSERT INTO {self._table} (id, hint, value, epoch) VALUES {', '.join(rows)}")
        self._lease.granted()

    def made(self) -> frozenset[str]:
        """The names of the tables that were going to be made; empty when it was not written to its end."""
        value = self._session.value(f"SELECT value FROM {self._table} WHERE hint = '{MADE}'")
        return frozenset(json.loads(value)) if value else frozenset()

    def last_marker(self) -> int:
        """The last marker that the server has."""
        return marker_in(self._session, self._name)

    def write_marker(self, session: Session | None = None, locked_at: Coordinates | None = None) -> int:
        """Commit a new marker, through another session where that one holds locks; its number.

        `locked_at` is kept with it: where the binlog stood when the original had been locked for the last time.
        """
        self._marker += 1
        kept = f", value = '{locked_at}'" if locked_at else ""
        moved = (session or self._session).execute(
            f"UPDATE {self._table} SET id = {self._marker}{kept} WHERE hint = '{MARKER}'"
        )
        if moved != 1:
            raise StoppedError(
                f"{self._name} has lost its marker row", "Did somebody change it? Abort, or start again."
            )
        return self._marker

    def locked_at(self) -> Coordinates | None:
        """Where the binlog stood when the original was last locked for an attempt to swap; None: never so far."""
        value = self._session.value(f"SELECT value FROM {self._table} WHERE hint = '{MARKER}'")
        return Coordinates.parse(str(value)) if value else None


def marker_in(session: Session, name: TableName) -> int:
    """The last marker that a changelog has on the server of this session, which may be a replica; 0: none."""
    return int(session.value(f"SELECT id FROM {table(name)} WHERE hint = '{MARKER}'") or 0)


def owner_of(session: Session, name: TableName) -> str:
    """Who drives, or drove last, the migration whose changelog this is; empty when it is none of ours."""
    try:
        migration = migration_of(session, name)
        held = look(session, name, migration) if migration else None
    except Exception:  # noqa: BLE001 - only for a message
        return ""
    return f"migration {migration[:8]}, {held.name}" if migration and held else ""

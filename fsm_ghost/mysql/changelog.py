"""Our own table beside the original: it proves what is ours, and carries markers through the binlog.

Its comment names the migration. Row `marker` is moved to a new, higher id for each marker, so that a marker is one
small row event whose key is its number; row `owner` says who runs the migration; row `made` lists the tables that we
made, written before they are.
"""

from __future__ import annotations

import json

from fsm_ghost.errors import StoppedError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import own_tag

_OWNER, _MADE, _MARKER = 1, 2, 3  # ids; markers move row 3 beyond 2^32
_MARKERS_OF_A_RUN = 2**32


class Changelog:
    """The changelog table of one migration. `epoch` makes the markers of a run higher than those of earlier runs."""

    def __init__(self, session: Session, name: TableName, migration: str, epoch: int) -> None:
        self._session = session
        self._name = name
        self._migration = migration
        self._table = table(name)
        self._marker = epoch * _MARKERS_OF_A_RUN

    def create(self, made: tuple[TableName, ...]) -> None:
        """Create it; it says beforehand which tables are going to be made."""
        self._session.execute(
            f"CREATE /* {own_tag(self._migration)} */ TABLE {self._table} ("
            " id BIGINT UNSIGNED NOT NULL PRIMARY KEY,"
            " hint VARCHAR(64) CHARACTER SET ascii NOT NULL,"
            " value MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL,"
            " written_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),"
            " UNIQUE KEY hint (hint)"
            f") ENGINE = InnoDB COMMENT = '{own_tag(self._migration)}'"
        )
        names = json.dumps([name.name for name in made])
        self._session.execute(
            f"INSERT INTO {self._table} (id, hint, value) VALUES ({_OWNER}, 'owner', ''),"
            f" ({_MADE}, 'made', {self._session.quote(names)}), ({_MARKER}, 'marker', '')"
        )

    def made(self) -> frozenset[str]:
        """The names of the tables that were going to be made; empty when it was not written to its end."""
        value = self._session.value(f"SELECT value FROM {self._table} WHERE hint = 'made'")
        return frozenset(json.loads(value)) if value else frozenset()

    def sign(self, owner: str) -> None:
        """Say who runs the migration now."""
        self._session.execute(f"UPDATE {self._table} SET value = {self._session.quote(owner)} WHERE hint = 'owner'")

    def write_marker(self, session: Session | None = None) -> int:
        """Commit a new marker, through another session where that one holds locks; its number."""
        self._marker += 1
        moved = (session or self._session).execute(
            f"UPDATE {self._table} SET id = {self._marker} WHERE hint = 'marker'"
        )
        if moved != 1:
            raise StoppedError(
                f"{self._name} has lost its marker row", "Did somebody change it? Abort, or start again."
            )
        return self._marker


def owner_of(session: Session, name: TableName) -> str:
    """Who signed a changelog table last; empty when it is none of ours."""
    try:
        return str(session.value(f"SELECT value FROM {table(name)} WHERE hint = 'owner'") or "")
    except Exception:  # noqa: BLE001 - only for a message
        return ""

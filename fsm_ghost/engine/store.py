"""The state file of a host: all its migrations, finding them, and taking one in hand.

Readers open the file read-only and never hold up the writer.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import TextIO

from fsm_ghost.engine.database import Database
from fsm_ghost.engine.record import JournalEntry, PendingHook, Record
from fsm_ghost.engine.run import Run, records
from fsm_ghost.errors import OwnedElsewhereError, UsageError
from fsm_ghost.model import document
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from fsm_ghost.model.snapshot import Snapshot

__all__ = ["JournalEntry", "PendingHook", "Record", "Run", "Store", "default_path"]

_LOCK_PATIENCE = 0.3  # seconds: `status` holds the lock for an instant when it looks whether a run is alive


class Store:
    """The state file at `path`; made when it is missing."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._db = Database(path, read_only=read_only)

    @classmethod
    def reading(cls, path: Path) -> Store:
        """The state file for reading only; StoreError when there is none."""
        return cls(path, read_only=True)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def migrations(self) -> tuple[Record, ...]:
        """All migrations, the newest first."""
        return tuple(self._records("1 = 1"))

    def find(self, wanted: str | None) -> Record:
        """The migration whose id begins with `wanted`, or whose table it is; without it the only unfinished one.

        UsageError when there is none, or more than one.
        """
        if wanted is None:
            return self._only(self._records("finished_at IS NULL"), "unfinished migration")
        schema, _, table = wanted.partition(".")
        by_id = self._records("substr(id, 1, length(?1)) = ?1", wanted.lower())
        by_table = self._records("schema_name = ? AND table_name = ?", schema, table)
        unfinished = [record for record in by_table if not record.is_finished]
        return self._only(by_id or unfinished or by_table[:1], f"migration {wanted}")

    def unfinished(self, server: str, table: TableName) -> Record | None:
        """The unfinished migration of this table on this server, if there is one."""
        where = "server = ? AND schema_name = ? AND table_name = ? AND finished_at IS NULL"
        return next(iter(self._records(where, server, table.schema, table.name)), None)

    def journal(self, migration: str) -> tuple[JournalEntry, ...]:
        """Every transition of a migration, the oldest first."""
        rows = self._db.execute("SELECT * FROM journal WHERE migration = ? ORDER BY seq", migration)
        return tuple(
            JournalEntry(
                row["seq"],
                Phase(row["source"]),
                row["outcome"],
                Phase(row["dest"]),
                row["reason"],
                row["epoch"],
                row["at"],
            )
            for row in rows
        )

    def create(
        self, migration: str, *, server: str, host: str, table: TableName, statement: str, settings: str
    ) -> None:
        """Note a new migration, in its first state."""
        with self._db.transaction("store.create"):
            self._db.execute(
                "INSERT INTO migrations"
                " (id, server, host, schema_name, table_name, statement, settings, phase, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                migration,
                server,
                host,
                table.schema,
                table.name,
                statement,
                settings,
                Phase.VALIDATE,
                time.time(),
            )
            self._db.execute(
                "INSERT INTO progress (migration, document, readings, at) VALUES (?, ?, ?, ?)",
                migration,
                document.dump(Progress()),
                document.dump(Readings()),
                time.time(),
            )

    def order(self, migration: str, verb: str) -> int:
        """Leave a command for the run of a migration; its id."""
        with self._db.transaction("store.order"):
            cursor = self._db.execute(
                "INSERT INTO commands (migration, verb, at) VALUES (?, ?, ?)", migration, verb, time.time()
            )
        return int(cursor.lastrowid or 0)

    def has_pending_hooks(self, migration: str) -> bool:
        """Whether a run died before the hooks of its last transitions had run."""
        pending = "SELECT 1 FROM hook_runs WHERE migration = ? AND status IN ('pending', 'running')"
        return self._db.execute(pending, migration).fetchone() is not None

    def was_taken(self, command: int) -> bool:
        """Whether a run has taken a command."""
        row = self._db.execute("SELECT taken_at FROM commands WHERE id = ?", command).fetchone()
        return row is not None and row["taken_at"] is not None

    def is_running(self, migration: str) -> bool:
        """Whether a process of this host is driving a migration now."""
        path = self._lock_path(migration)
        if not path.exists():
            return False
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def snapshot(self, record: Record) -> Snapshot:
        """A picture of a migration as it is stored."""
        return record.snapshot(alive=not record.is_finished and self.is_running(record.id))

    def drive(self, migration: str, owner: str) -> Run:
        """Take a migration in hand as its only driver on this host; OwnedElsewhereError when another process has it."""
        lock = self._lock_path(migration).open("a")
        if not _locked(lock):
            lock.close()
            current = self.find(migration)
            raise OwnedElsewhereError(
                f"migration {current.short_id} of {current.table} is being run by {current.owner}",
                f"Watch it with: fsm-ghost status {current.short_id} --watch",
            )
        try:
            with self._db.transaction("store.drive"):
                self._db.execute("UPDATE migrations SET epoch = epoch + 1, owner = ? WHERE id = ?", owner, migration)
            return Run(self._db, self.find(migration), lock)
        except BaseException:
            lock.close()
            raise

    def _lock_path(self, migration: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{migration[:8]}.lock")

    def _records(self, where: str, *values: object) -> list[Record]:
        return list(records(self._db, where, *values))

    @staticmethod
    def _only(found: list[Record], what: str) -> Record:
        if not found:
            raise UsageError(f"there is no {what} in the state file", "See: fsm-ghost list")
        if len(found) > 1:
            names = ", ".join(f"{record.short_id} ({record.table})" for record in found)
            raise UsageError(f"there is more than one {what}: {names}", "Give the id of the one you mean.")
        return found[0]


def _locked(lock: TextIO) -> bool:
    """Whether the lock could be taken."""
    deadline = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def default_path() -> Path:
    """Where the state file is kept unless told otherwise: the user's state directory."""
    root = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(root) / "fsm-ghost" / "state.db"

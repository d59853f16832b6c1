"""The state file of a host: all its migrations, finding them, and taking one in hand.

Readers open the file read-only and never hold up the writer.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from fsm_ghost.engine.database import Database, must_exist
from fsm_ghost.engine.handover import Handover
from fsm_ghost.engine.record import JournalEntry, Order, PendingHook, Record, answer_of, order_of
from fsm_ghost.engine.run import Run, journal, key_text, records
from fsm_ghost.errors import OwnedElsewhereError, UsageError
from fsm_ghost.model import document
from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.command import Answer, Verb
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import Settings

__all__ = [
    "Adoption",
    "Change",
    "Handover",
    "JournalEntry",
    "Order",
    "PendingHook",
    "Record",
    "Run",
    "Store",
    "default_path",
]

Change = Callable[[Settings, Progress], tuple[Settings, Progress]]
_NOT_REHEARSED = "it was not rehearsed: the run that was asked has ended, or lost its connections; ask again"
_LOCK_PATIENCE = 0.3  # seconds: `status` holds the lock for an instant when it looks whether a run is alive


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a state file adds to a migration that it takes over.

    `host` and `settings` are as it reaches the server, `epoch` and `token` those of the lease that it has taken;
    connections up to number `connections` were others'.
    """

    host: str
    settings: str
    epoch: int
    token: str
    owner: str
    connections: int


class Store:
    """The state file at `path`; made when it is missing."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._db = Database(path, read_only=read_only)

    @classmethod
    def reading(cls, path: Path) -> Store:
        """The state file for reading only; StoreError when there is none."""
        return cls(path, read_only=True)

    @classmethod
    def existing(cls, path: Path) -> Store:
        """The state file for reading and writing; StoreError when there is none."""
        must_exist(path)
        return cls(path)

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
        return journal(self._db, migration)

    def create(
        self, migration: str, *, server: str, host: str, table: TableName, statement: str, settings: str
    ) -> None:
        """Note a new migration, in its first state."""
        with self._db.transaction("store.create"):
            self._db.execute(
                "INSERT INTO migrations"
                " (id, server, host, schema_name, table_name, statement, settings, phase, token, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                migration,
                server,
                host,
                table.schema,
                table.name,
                statement,
                settings,
                Phase.VALIDATE,
                uuid.uuid4().hex,
                time.time(),
            )
            self._db.execute(
                "INSERT INTO progress (migration, document, readings, at) VALUES (?, ?, ?, ?)",
                migration,
                document.dump(Progress()),
                document.dump(Readings()),
                time.time(),
            )

    def epoch_to_adopt(self, handover: Handover, token: str, epoch: int) -> int:
        """The epoch to take a migration over with, which the holder of `token` has at `epoch`.

        UsageError when it is this file's already, or another one of its table is; OwnedElsewhereError while a process
        of this host drives it.
        """
        origin = handover.origin
        unfinished = self.unfinished(origin.server, origin.table)
        if unfinished is not None and unfinished.id != origin.id:
            raise UsageError(
                f"this state file has another unfinished migration of {origin.table}: {unfinished.short_id}",
                f"fsm-ghost abort {unfinished.short_id}, or name another file with --state-db PATH",
            )
        known = next(iter(self._records("id = ?", origin.id)), None)
        if known is None:
            return epoch + 1
        if known.token == token and known.epoch >= epoch and not known.taken_over:
            raise UsageError(
                f"migration {known.short_id} of {origin.table} is this state file's: nobody has taken it over",
                f"fsm-ghost resume {known.short_id}",
            )
        self._lock(known.id).close()
        return max(epoch, known.epoch) + 1

    def adopt(self, handover: Handover, progress: Progress, how: Adoption) -> None:
        """Note a migration that another state file had, at `progress`; what this one knew of it is forgotten.

        OwnedElsewhereError while a process of this host drives it.
        """
        migration = handover.origin.id
        with self._lock(migration), self._db.transaction("store.adopt"):
            self._db.execute("DELETE FROM migrations WHERE id = ?", migration)
            self._adopt_migration(handover, how)
            self._db.execute(
                "INSERT INTO progress (migration, document, plan, readings, start_at, safe_at, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                migration,
                document.dump(replace(progress, plan=None)),
                document.dump(progress.plan) if progress.plan else None,
                document.dump(Readings()),
                str(progress.start) if progress.start else None,
                str(progress.safe) if progress.safe else None,
                time.time(),
            )
            self._adopt_history(handover)
            self._adopt_chunks(handover)
            self._db.execute(
                "INSERT INTO connections (migration, number, epoch, purpose, gone) VALUES (?, ?, ?, ?, 1)",
                migration,
                how.connections,
                how.epoch,
                "the last one of other state files",
            )

    def _adopt_migration(self, handover: Handover, how: Adoption) -> None:
        origin = handover.origin
        last = origin.journal[-1]
        self._db.execute(
            "INSERT INTO migrations (id, server, host, schema_name, table_name, statement, settings, phase, came_from,"
            " seq, epoch, token, owner, reason, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            origin.id,
            origin.server,
            how.host,
            origin.table.schema,
            origin.table.name,
            origin.statement,
            how.settings,
            handover.phase,
            handover.came_from,
            last.seq,
            how.epoch,
            how.token,
            how.owner,
            last.reason,
            origin.created_at,
        )

    def _adopt_history(self, handover: Handover) -> None:
        migration = handover.origin.id
        self._db.execute_each(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    migration,
                    entry.seq,
                    entry.source,
                    entry.outcome,
                    entry.dest,
                    entry.reason,
                    entry.epoch,
                    entry.at,
                    entry.facts,
                )
                for entry in handover.origin.journal
            ],
        )
        self._db.execute_each(
            "INSERT INTO hook_runs (migration, seq, moment, place, attempts) VALUES (?, ?, ?, ?, ?)",
            [
                (migration, hook.seq, hook.moment, place, hook.attempt - 1)
                for place, hook in enumerate(handover.standing.hooks)
            ],
        )

    def _adopt_chunks(self, handover: Handover) -> None:
        """The first stretch that is done gets all the rows: how many each had is not known."""
        left = handover.progress.rows
        rows: list[tuple[int, KeyRange, int | None]] = []
        for chunk in handover.done_chunks():
            rows.append((chunk.number, chunk.range, left))
            left = 0
        rows += [(chunk.number, chunk.range, None) for chunk in handover.progress.open_chunks]
        self._db.execute_each(
            "INSERT INTO chunks (migration, number, after, upto, rows) VALUES (?, ?, ?, ?, ?)",
            [
                (handover.origin.id, number, key_text(covered.after), key_text(covered.upto), count)
                for number, covered, count in rows
            ],
        )

    def order(self, migration: str, verb: str, value: str = "") -> int:
        """Leave a command for the run of a migration; its id."""
        with self._db.transaction("store.order"):
            cursor = self._db.execute(
                "INSERT INTO commands (migration, verb, value, at) VALUES (?, ?, ?, ?)",
                migration,
                verb,
                value,
                time.time(),
            )
        return int(cursor.lastrowid or 0)

    def has_pending_hooks(self, migration: str) -> bool:
        """Whether a run died before the hooks of its last transitions had run."""
        pending = "SELECT 1 FROM hook_runs WHERE migration = ? AND status IN ('pending', 'running')"
        return self._db.execute(pending, migration).fetchone() is not None

    def answer(self, command: int) -> Answer | None:
        """What came of a command; None as long as it has not been answered."""
        row = self._db.execute("SELECT id, answer, took_effect FROM commands WHERE id = ?", command).fetchone()
        return None if row is None else answer_of(row)

    def orders(self, migration: str) -> tuple[Order, ...]:
        """Every command that was ever given to a migration, the oldest first."""
        rows = self._db.execute("SELECT * FROM commands WHERE migration = ? ORDER BY id", migration)
        return tuple(map(order_of, rows))

    def chunk_seconds(self, migration: str, first: int, last: int) -> dict[int, float]:
        """How long each chunk between these numbers took, where it is copied and that is known."""
        rows = self._db.execute(
            "SELECT number, seconds FROM chunks WHERE migration = ? AND number BETWEEN ? AND ? AND seconds IS NOT NULL",
            migration,
            first,
            last,
        )
        return {row["number"]: row["seconds"] for row in rows}

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

    def drive(self, migration: str, owner: str, change: Change | None = None, after: Run | None = None) -> Run:
        """Take a migration in hand as its only driver on this host; OwnedElsewhereError when another process has it.

        After a run of the same process nobody else gets hold of it in between, and it is running all the time.

        `change` makes what is asked of it from now on of what was asked before. Rehearsals that were asked of the runs
        before are not made any more: nobody waits for them.
        """
        lock = self._lock(migration) if after is None else after.lock
        try:
            with self._db.transaction("store.drive"):
                self._db.execute("UPDATE migrations SET epoch = epoch + 1, owner = ? WHERE id = ?", owner, migration)
                self._give_up_rehearsals(migration)
                if change is not None:
                    self._change(migration, change)
            record = self.find(migration)
            return Run(self._db, replace(record, progress=replace(record.progress, rehearsal=None)), lock)
        except BaseException:
            lock.close()
            raise

    def _give_up_rehearsals(self, migration: str) -> None:
        self._db.execute(
            "UPDATE commands SET taken_at = coalesce(taken_at, ?), answer = ?, took_effect = 0"
            " WHERE migration = ? AND verb = ? AND answer IS NULL",
            time.time(),
            _NOT_REHEARSED,
            migration,
            Verb.REHEARSE,
        )

    def _change(self, migration: str, change: Change) -> None:
        record = self.find(migration)
        settings, progress = change(record.asked, record.progress)
        self._db.execute("UPDATE migrations SET settings = ? WHERE id = ?", document.dump(settings), migration)
        text = document.dump(replace(progress, plan=None))
        self._db.execute("UPDATE progress SET document = ? WHERE migration = ?", text, migration)

    def _lock(self, migration: str) -> TextIO:
        """The lock of a migration, held; OwnedElsewhereError when another process has it."""
        path = self._lock_path(migration)
        path.touch(mode=0o600)  # whoever can open it can hold it
        lock = path.open("a")
        if _locked(lock):
            return lock
        lock.close()
        current = self.find(migration)
        raise OwnedElsewhereError(
            f"migration {current.short_id} of {current.table} is being run by {current.owner}",
            f"Watch it with: fsm-ghost status {current.short_id} --watch",
        )

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

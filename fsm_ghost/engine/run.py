"""One migration in the hands of its driver: everything that a run writes to the state file.

Every write is one IMMEDIATE transaction with synchronous=FULL, and is refused once another run has taken the
migration over: a run carries its epoch (protocol R12).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TextIO

from fsm_ghost.engine.database import Database
from fsm_ghost.engine.handover import origin_of, standing_of
from fsm_ghost.engine.record import JournalEntry, PendingHook, Record, facts_of, record_of
from fsm_ghost.engine.state import FINAL, Step, Transition
from fsm_ghost.errors import OwnedElsewhereError, StoreError
from fsm_ghost.model import document
from fsm_ghost.model.command import Command, Verb
from fsm_ghost.model.key import Key
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.readings import Readings
from fsm_ghost.settings import Settings

_HOOK_OUTPUT_LIMIT = 4096  # characters kept of what a hook printed


class Run:
    """One migration in the hands of its driver; made by `Store.drive`. Used by the owner thread only."""

    def __init__(self, db: Database, record: Record, lock: TextIO) -> None:
        self._db = db
        self.lock = lock  # whoever holds it drives the migration
        self.record = record
        self._plan: Plan | None = record.progress.plan

    @property
    def id(self) -> str:
        """The migration's UUID."""
        return self.record.id

    def release(self) -> None:
        """Let another process drive the migration."""
        self.lock.close()

    def checkpoint(self, step: Step, readings: Readings) -> None:
        """Store how far the migration has come, in one transaction."""
        with self._write("store.checkpoint"):
            self._save(step, readings)

    def answer(self, step: Step, readings: Readings, asked: Settings | None = None) -> None:
        """Store what a command does to the migration, that it was taken, and its answer, in one transaction.

        `asked` is what is asked of the migration from now on, if that changes.
        """
        settings = self.record.settings if asked is None else document.dump(asked.without_secrets())
        with self._write("store.answer"):
            self._save(step, readings)
            if asked is not None:
                self._db.execute("UPDATE migrations SET settings = ? WHERE id = ?", settings, self.id)
        self.record = replace(self.record, settings=settings)

    def enter(self, transition: Transition, step: Step, readings: Readings, hooks: Sequence[str] = ()) -> None:
        """Store a transition: journal, state, progress, and the moments whose hooks are to run, in one transaction."""
        record = self.record
        seq = record.seq + 1
        finished = _is_finished(transition)
        # What ends in a rollback ends for the reason that led there.
        reason = step.reason or (record.reason if transition.source is Phase.ROLLBACK else "")
        came_from = transition.source if transition.dest is Phase.FAILED else None
        with self._write("store.transition"):
            self._save(step, readings)
            self._db.execute(
                "UPDATE migrations SET phase = ?, came_from = ?, seq = ?, reason = ?, finished_at = ? WHERE id = ?",
                transition.dest,
                came_from,
                seq,
                reason,
                time.time() if finished else None,
                record.id,
            )
            self._db.execute(
                "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                record.id,
                seq,
                transition.source,
                transition.outcome,
                transition.dest,
                step.reason,
                record.epoch,
                time.time(),
                facts_of(step.progress),
            )
            self._db.execute_each(
                "INSERT INTO hook_runs (migration, seq, moment, place) VALUES (?, ?, ?, ?)",
                [(record.id, seq, moment, place) for place, moment in enumerate(hooks)],
            )
        self.record = replace(self.record, phase=transition.dest, came_from=came_from, seq=seq, reason=reason)

    def stopped(self, reason: str) -> None:
        """Note why the run ended without an outcome."""
        with self._write("store.stopped"):
            self._db.execute("UPDATE migrations SET reason = ? WHERE id = ?", reason, self.id)

    def waits_for(self, what: str) -> None:
        """Note what keeps it from going on while no state can be stepped; what else the gauges show is out of date."""
        readings = Readings(waiting_for=what, backlog=self.reread().readings.backlog)
        with self._write("store.waits"):
            self._db.execute("UPDATE progress SET readings = ? WHERE migration = ?", document.dump(readings), self.id)

    def taken_over(self, by: str) -> None:
        """Note that another state file drives the migration now: for this one it is over."""
        with self._write("store.taken-over"):
            self._db.execute(
                "UPDATE migrations SET taken_over = ?1, reason = ?1, finished_at = ?2 WHERE id = ?3",
                by,
                time.time(),
                self.id,
            )

    def reread(self) -> Record:
        """The migration as the file shows it now."""
        return next(records(self._db, "id = ?", self.id))

    def origin(self) -> str:
        """What has been stored of how the migration began and came here, for another state file."""
        return origin_of(self.reread(), journal(self._db, self.id))

    def journal(self) -> tuple[JournalEntry, ...]:
        """Every transition so far, the oldest first."""
        return journal(self._db, self.id)

    def standing(self) -> str:
        """What has been stored of how far it has come, for another state file."""
        return standing_of(self.reread(), self.pending_hooks())

    def chain_is_complete(self) -> bool:
        """Whether the recorded chunks are all committed and reach from end to end without a gap (protocol R5)."""
        progress = self.reread().progress
        reached: str | None = None
        rows = self._db.execute("SELECT after, upto, rows FROM chunks WHERE migration = ? ORDER BY number", self.id)
        for row in rows:
            if row["after"] != reached or row["rows"] is None:
                return False
            reached = row["upto"]
        return progress.range_known and reached == key_text(progress.last)

    def next_connection(self) -> int:
        """The number that the next connection gets."""
        row = self._db.execute("SELECT coalesce(max(number), 0) + 1 FROM connections WHERE migration = ?", self.id)
        return int(row.fetchone()[0])

    def add_connection(self, purpose: str) -> int:
        """Note a connection before it is used; its number (protocol R2)."""
        with self._write("store.connection"):
            number = self.next_connection()
            self._db.execute(
                "INSERT INTO connections (migration, number, epoch, purpose) VALUES (?, ?, ?, ?)",
                self.id,
                number,
                self.record.epoch,
                purpose,
            )
        return number

    def earlier_connections(self) -> tuple[int, ...]:
        """Numbers of connections of earlier runs that are not known to be gone."""
        rows = self._db.execute(
            "SELECT number FROM connections WHERE migration = ? AND epoch < ? AND NOT gone", self.id, self.record.epoch
        )
        return tuple(row["number"] for row in rows)

    def connections_gone(self, numbers: tuple[int, ...]) -> None:
        """Note that these connections have left the server."""
        with self._write("store.connections-gone"):
            self._db.execute_each(
                "UPDATE connections SET gone = 1 WHERE migration = ? AND number = ?", [(self.id, n) for n in numbers]
            )

    def commands(self) -> tuple[Command, ...]:
        """Commands that no run has taken, and any abort ever given: the run that took it may have died."""
        given = "SELECT id, verb, value FROM commands WHERE migration = ? AND (taken_at IS NULL OR verb = 'abort')"
        rows = self._db.execute(f"{given} ORDER BY id", self.id).fetchall()
        return tuple(Command(row["id"], Verb(row["verb"]), row["value"]) for row in rows)

    def take_aborts(self) -> None:
        """Note that whoever asked to abort has been heard."""
        new = "migration = ? AND verb = 'abort' AND taken_at IS NULL"
        if self._db.execute(f"SELECT 1 FROM commands WHERE {new}", self.id).fetchone():
            with self._write("store.commands"):
                self._db.execute(f"UPDATE commands SET taken_at = ? WHERE {new}", time.time(), self.id)

    def pending_hooks(self) -> tuple[PendingHook, ...]:
        """Moments whose hooks have not run to their end, in order."""
        rows = self._db.execute(
            "SELECT seq, moment, attempts FROM hook_runs WHERE migration = ? AND status IN ('pending', 'running')"
            " ORDER BY seq, place",
            self.id,
        )
        return tuple(PendingHook(row["seq"], row["moment"], row["attempts"] + 1) for row in rows)

    def hooks_due(self, moments: Sequence[str]) -> None:
        """Note moments that have come since the last transition; each comes once until the next one."""
        with self._write("store.hooks-due"):
            self._db.execute_each(
                "INSERT OR IGNORE INTO hook_runs (migration, seq, moment, place)"
                " SELECT ?1, ?2, ?3, count(*) FROM hook_runs WHERE migration = ?1 AND seq = ?2",
                [(self.id, self.record.seq, moment) for moment in moments],
            )

    def hook_begins(self, hook: PendingHook) -> None:
        """Note that a moment's hooks are about to be run."""
        with self._write("store.hook-begins"):
            self._update_hook(hook, "running", "")

    def hook_ended(self, hook: PendingHook, status: str, output: str) -> None:
        """Note what a moment's hooks came to: `ok`, `failed`, or `pending` to have them run again."""
        with self._write("store.hook-ended"):
            self._update_hook(hook, status, output[:_HOOK_OUTPUT_LIMIT])

    def _update_hook(self, hook: PendingHook, status: str, output: str) -> None:
        self._db.execute(
            "UPDATE hook_runs SET status = ?, attempts = ?, output = ?, at = ?"
            " WHERE migration = ? AND seq = ? AND moment = ?",
            status,
            hook.attempt,
            output,
            time.time(),
            self.id,
            hook.seq,
            hook.moment,
        )

    def _save(self, step: Step, readings: Readings) -> None:
        progress = step.progress
        if progress.plan is not self._plan:
            plan = document.dump(progress.plan) if progress.plan else None
            self._db.execute("UPDATE progress SET plan = ? WHERE migration = ?", plan, self.id)
            self._plan = progress.plan
        self._db.execute_each(
            "INSERT OR IGNORE INTO chunks (migration, number, after, upto) VALUES (?, ?, ?, ?)",
            [(self.id, c.number, key_text(c.range.after), key_text(c.range.upto)) for c in progress.open_chunks],
        )
        self._db.execute_each(
            "UPDATE chunks SET rows = ?, seconds = ? WHERE migration = ? AND number = ?",
            [(copied.rows, copied.seconds, self.id, copied.chunk.number) for copied in step.copied],
        )
        now = time.time()
        self._db.execute_each(
            "UPDATE commands SET taken_at = coalesce(taken_at, ?), answer = ?, took_effect = ? WHERE id = ?",
            [(now, each.text or None, each.took_effect if each.text else None, each.command) for each in step.answers],
        )
        self.record = replace(self.record, checkpoints=self.record.checkpoints + 1, checkpoint_at=now)
        self._db.execute(
            "UPDATE progress SET document = ?, readings = ?, start_at = ?, safe_at = ?, at = ?,"
            " checkpoints = checkpoints + 1 WHERE migration = ?",
            document.dump(replace(progress, plan=None)),
            document.dump(readings),
            str(progress.start) if progress.start else None,
            str(progress.safe) if progress.safe else None,
            now,
            self.id,
        )

    @contextmanager
    def _write(self, name: str) -> Iterator[None]:
        """A transaction of the run that still is the migration's driver; OwnedElsewhereError for any other."""
        with self._db.transaction(name):
            row = self._db.execute("SELECT epoch FROM migrations WHERE id = ?", self.id).fetchone()
            if row["epoch"] != self.record.epoch:
                raise OwnedElsewhereError(f"migration {self.record.short_id} was taken over by another run")
            yield


def records(db: Database, where: str, *values: object) -> Iterator[Record]:
    """The migrations for which a condition holds, the newest first."""
    rows = db.execute(
        "SELECT migrations.*, document, plan, readings, checkpoints, progress.at AS checkpoint_at"
        f" FROM migrations JOIN progress ON migration = id WHERE {where} ORDER BY created_at DESC",
        *values,
    )
    with db.explained():
        for row in rows:
            try:
                yield record_of(row)
            except ValueError as error:
                what = f"the state file {db.path} has an unreadable migration, {row['id'][:8]}: {error}"
                raise StoreError(what) from error


def journal(db: Database, migration: str) -> tuple[JournalEntry, ...]:
    """Every transition of a migration, the oldest first."""
    rows = db.execute("SELECT * FROM journal WHERE migration = ? ORDER BY seq", migration)
    return tuple(
        JournalEntry(
            row["seq"],
            Phase(row["source"]),
            row["outcome"],
            Phase(row["dest"]),
            row["reason"],
            row["epoch"],
            row["at"],
            row["facts"],
        )
        for row in rows
    )


def _is_finished(transition: Transition) -> bool:
    """A final state; but what failed after something had been made is left for a retry or an abort."""
    if transition.dest is Phase.FAILED:
        return transition.source is Phase.VALIDATE
    return transition.dest in FINAL


def key_text(key: Key | None) -> str | None:
    """A key as the table of chunks has it."""
    return None if key is None else json.dumps(key)

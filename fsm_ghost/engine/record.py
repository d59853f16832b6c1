"""What the state file holds, as values."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace

from fsm_ghost.model import document
from fsm_ghost.model.command import Answer, Command, Verb
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import Settings


@dataclass(frozen=True, slots=True)
class Record:
    """One migration as the state file shows it.

    `token` is what the lease on the server shows while this file drives it; `taken_over` says by whom and when another
    one took it over, or is empty.
    """

    id: str
    server: str
    host: str
    table: TableName
    statement: str
    settings: str
    phase: Phase
    came_from: Phase | None
    seq: int
    epoch: int
    token: str
    owner: str
    reason: str
    created_at: float
    finished_at: float | None
    taken_over: str
    progress: Progress
    readings: Readings
    checkpoints: int
    checkpoint_at: float | None

    @property
    def short_id(self) -> str:
        """The beginning of the id, enough to name it on a command line."""
        return self.id[:8]

    @property
    def asked(self) -> Settings:
        """The settings that it was begun with; without secrets."""
        return document.load(Settings, self.settings)

    def snapshot(self, *, alive: bool) -> Snapshot:
        """A picture of it; `alive` is whether a process is driving it."""
        return Snapshot(
            id=self.id,
            table=self.table,
            statement=self.statement,
            phase=self.phase,
            progress=self.progress,
            readings=self.readings,
            alive=alive,
            execute=self.asked.execute,
            created_at=self.created_at,
            finished_at=self.finished_at,
            checkpoint_at=self.checkpoint_at,
            checkpoints=self.checkpoints,
            reason=self.reason,
        )

    @property
    def is_finished(self) -> bool:
        """Whether nothing of it is left to do, for this file at least."""
        return self.finished_at is not None


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One transition that happened; `facts` is what the migration had come to by then, as a JSON object."""

    seq: int
    source: Phase
    outcome: str
    dest: Phase
    reason: str
    epoch: int
    at: float
    facts: str = "{}"


@dataclass(frozen=True, slots=True)
class Order:
    """A command as it was given: when, when a run took it, and what came of it; None where that is not known."""

    command: Command
    at: float
    taken_at: float | None
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class PendingHook:
    """A moment whose hooks have to be run: for the `attempt`th time."""

    seq: int
    moment: str
    attempt: int


def facts_of(progress: Progress) -> str:
    """What a transition is judged by, and what people want to know about it: what is not nothing, as a JSON object."""
    facts = {
        "rows": progress.rows,
        "chunks": progress.chunks,
        "changes": progress.changes,
        "refreshed": progress.refreshed,
        "verified_rows": progress.verified_rows,
        "attempts": progress.attempts,
        "safe": str(progress.safe) if progress.safe else "",
        "swapping": progress.swapping,
        "postponed": progress.postponed,
        "throttled": progress.throttled,
    }
    return json.dumps({name: fact for name, fact in facts.items() if fact})


def record_of(row: sqlite3.Row) -> Record:
    """The migration in a row of `migrations` joined with `progress`."""
    plan = document.load(Plan, row["plan"]) if row["plan"] else None
    return Record(
        id=row["id"],
        server=row["server"],
        host=row["host"],
        table=TableName(row["schema_name"], row["table_name"]),
        statement=row["statement"],
        settings=row["settings"],
        phase=Phase(row["phase"]),
        came_from=Phase(row["came_from"]) if row["came_from"] else None,
        seq=row["seq"],
        epoch=row["epoch"],
        token=row["token"],
        owner=row["owner"],
        reason=row["reason"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        taken_over=row["taken_over"],
        progress=replace(document.load(Progress, row["document"]), plan=plan),
        readings=document.load(Readings, row["readings"]),
        checkpoints=row["checkpoints"],
        checkpoint_at=row["checkpoint_at"] if row["checkpoints"] else None,
    )


def order_of(row: sqlite3.Row) -> Order:
    """The command in a row of `commands`."""
    command = Command(row["id"], Verb(row["verb"]), row["value"])
    return Order(command, row["at"], row["taken_at"], answer_of(row))


def answer_of(row: sqlite3.Row) -> Answer | None:
    """The answer in a row of `commands`, if there is one."""
    return None if row["answer"] is None else Answer(row["id"], bool(row["took_effect"]), row["answer"])

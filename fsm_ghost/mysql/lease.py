"""The lease on a migration: the changelog says who drives it, and each of his writes there depends on it.

It is held by a state file, known by its token, at an epoch that grows with every run. A run writes at its own epoch
only, so that it cannot change anything any more once somebody else has taken the lease (protocol R2, R12).

A connection is let in by three things in this order: its number is covered by a bound on the server; it holds the
server's lock of that number; and then the lease is still what it was. Who takes over does the opposite: he takes the
lease, reads the bound, which cannot be raised any more, and ends whoever holds a lock of a number up to it. So a
connection of the run before is either found, or finds out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from fsm_ghost.errors import ServerError, TakenOverError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.faults import NO_SUCH_TABLE
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import own_tag

OWNER, MADE, MARKER, CONNECTIONS, EXCUSED, MIGRATION, CHECKPOINT = HINTS = (
    "owner",
    "made",
    "marker",
    "connections",
    "excused",
    "migration",
    "checkpoint",
)
T = TypeVar("T")
_BLOCK = 64  # connections that one write of the bound covers
_SILENCE = 10.0  # seconds without a sign of life, after which a run is taken for frozen


@dataclass(frozen=True, slots=True)
class Held:
    """A lease as it was found, with the checkpoint beside it.

    `name` is host and process of the holder, `since` when he took it by the server's clock; he has been `silent` for so
    many seconds, and has said that he may be for `excused` more. Connections up to number `connections` may have been
    let in. `migration` and `checkpoint` are the documents that he has left, empty as long as there are none.
    """

    epoch: int
    token: str
    name: str
    since: float
    silent: float
    excused: float
    connections: int
    migration: str
    checkpoint: str

    @property
    def is_silent(self) -> bool:
        """Whether its holder must be taken for frozen, if he still runs at all."""
        return self.silent > _SILENCE and self.excused <= 0

    @property
    def at(self) -> str:
        """When it was taken, for people."""
        return datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def migration_of(session: Session, changelog: TableName) -> str | None:
    """The migration that made this changelog; None when it is not there, or is none of ours."""
    found = catalog.found_tables(session, [changelog]).get(changelog)
    match = re.fullmatch(f"{own_tag('')}([0-9a-f]{{32}})", found.comment) if found else None
    return match[1] if match else None


def look(session: Session, changelog: TableName, migration: str) -> Held | None:
    """The lease on a migration; None when its changelog is not there, or was not written to its end."""
    if migration_of(session, changelog) != migration:
        return None
    question = (
        "SELECT hint, value, epoch, UNIX_TIMESTAMP(written_at),"
        f" UNIX_TIMESTAMP(CURRENT_TIMESTAMP(6)) - UNIX_TIMESTAMP(written_at) FROM {table(changelog)}"
    )
    rows = _answer(lambda: session.query(question)) or []
    values = {str(hint): str(value) for hint, value, *_ in rows}
    if not values.keys() >= set(HINTS):
        return None
    epoch, since = next((int(epoch), float(written)) for hint, _, epoch, written, _ in rows if hint == OWNER)
    ages = {str(hint): float(age) for hint, *_, age in rows}
    return Held(
        epoch=epoch,
        **json.loads(values[OWNER]),
        since=since,
        silent=min(ages.values()),
        excused=float(values[EXCUSED]) - ages[EXCUSED],
        connections=int(values[CONNECTIONS]),
        migration=values[MIGRATION],
        checkpoint=values[CHECKPOINT],
    )


class Lease:
    """One run's hold on its migration. Owner thread only; the sessions are whichever are at hand.

    Nothing is asked of the server until the lease `is_held`: before its changelog is made, a migration has none.
    """

    def __init__(self, changelog: TableName, migration: str, token: str, name: str, epoch: int) -> None:
        self.changelog = changelog
        self.epoch = epoch
        self._migration = migration
        self._token = token
        self._name = name
        self._table = table(changelog)
        self._expected = 0  # the epoch that the server shows as long as nobody else has taken it
        self._covered = 0

    @property
    def is_held(self) -> bool:
        """Whether there is a lease, and it was ours when we last looked."""
        return bool(self._expected)

    def find(self, session: Session) -> Held | None:
        """Look whether it is still this state file's; what was found, None when the changelog is not there.

        TakenOverError when another one has it, or a later run of a copy of this one.
        """
        held = look(session, self.changelog, self._migration)
        if held is not None:
            if held.token != self._token or held.epoch >= self.epoch:
                raise self._taken_over(held)
            self._expected, self._covered = held.epoch, held.connections
        return held

    def take(self, held: Held) -> None:
        """Go after the lease of another state file: `claim` will get it if it still is as it was found."""
        self._expected, self._covered = held.epoch, held.connections

    def claim(self, session: Session) -> None:
        """Make it this run's: from here on no other one can write. TakenOverError when somebody was faster."""
        if not self.is_held:
            return
        holder = session.quote(self._holder)
        value = f"CASE hint WHEN '{OWNER}' THEN {holder} WHEN '{EXCUSED}' THEN '0' ELSE value END"
        if not self._changed(session, f"epoch = {self.epoch}, value = {value}", f"hint <> '{MARKER}'"):
            raise self._lost(session)
        self._expected = self.epoch
        fault_point("lease.after-claim")

    def rows(self) -> dict[str, str]:
        """What the changelog is made with."""
        return {OWNER: self._holder, CONNECTIONS: str(self._bound(self._covered)), EXCUSED: "0"}

    def granted(self) -> None:
        """The changelog was made with `rows`."""
        self._expected, self._covered = self.epoch, self._bound(self._covered)

    def cover(self, session: Session, connection: int) -> None:
        """Let those who take over know that there may be a connection of this number. TakenOverError if one has."""
        if not self.is_held:
            self._covered = max(self._covered, connection)
        elif connection > self._covered:
            bound = self._bound(connection)
            self._write(session, f"value = '{bound}'", CONNECTIONS)
            self._covered = bound

    def check(self, session: Session) -> None:
        """Make sure that nobody has taken it; TakenOverError otherwise."""
        if self.is_held and self._epoch(session) != self._expected:
            raise self._lost(session)

    def excuse(self, session: Session, seconds: float) -> None:
        """Say that there may be no sign of life for a while; 0: that there will be again."""
        if self.is_held:
            self._changed(session, f"value = '{seconds:.0f}', written_at = CURRENT_TIMESTAMP(6)", f"hint = '{EXCUSED}'")

    def store(self, session: Session, checkpoint: str, migration: str | None) -> None:
        """Keep a checkpoint, and with it what is only written when it changes. TakenOverError if one has."""
        values = {CHECKPOINT: checkpoint} | ({} if migration is None else {MIGRATION: migration})
        cases = " ".join(f"WHEN '{hint}' THEN {session.quote(value)}" for hint, value in values.items())
        self._write(session, f"value = CASE hint {cases} END, written_at = CURRENT_TIMESTAMP(6)", *values)

    def _write(self, session: Session, change: str, *hints: str) -> None:
        """Change rows if the lease is ours. The server counts what it changed; nothing changed is not yet a no."""
        names = ", ".join(f"'{hint}'" for hint in hints)
        if not self._changed(session, change, f"hint IN ({names})"):
            self.check(session)

    def _changed(self, session: Session, change: str, where: str) -> int:
        """Change rows that still have the epoch expected; how many were, 0 also when there is no changelog."""
        statement = f"UPDATE {self._table} SET {change} WHERE {where} AND epoch = {self._expected}"
        return _answer(lambda: session.execute(statement)) or 0

    def _epoch(self, session: Session) -> int:
        """The epoch that the server shows; 0 when there is no changelog."""
        question = f"SELECT epoch FROM {self._table} WHERE hint = '{OWNER}'"
        return int(_answer(lambda: session.value(question)) or 0)

    def _lost(self, session: Session) -> TakenOverError:
        held = look(session, self.changelog, self._migration)
        return self.ended_elsewhere() if held is None else self._taken_over(held)

    def _taken_over(self, held: Held) -> TakenOverError:
        short = self._migration[:8]
        return TakenOverError(
            f"migration {short} was taken over by {held.name} at {held.at}",
            f"Go on there, or take it back: fsm-ghost resume {short} --from-server",
        )

    def ended_elsewhere(self) -> TakenOverError:
        """What to say when the changelog of a migration is gone that is not known to be over."""
        return TakenOverError(
            f"migration {self._migration[:8]} was ended elsewhere: its changelog {self.changelog} is gone",
            "Somebody took it over and has ended it, or its tables were dropped. Nothing was touched from here.",
        )

    @property
    def _holder(self) -> str:
        return json.dumps({"token": self._token, "name": self._name})

    @staticmethod
    def _bound(connection: int) -> int:
        return (connection // _BLOCK + 1) * _BLOCK


def _answer(ask: Callable[[], T]) -> T | None:
    """What the server says; None when the changelog is gone: whoever ends the migration drops it."""
    try:
        return ask()
    except ServerError as error:
        if error.code != NO_SUCH_TABLE:
            raise
    return None

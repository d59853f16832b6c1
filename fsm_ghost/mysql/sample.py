"""A table to practise on, an application that writes to it, and the proof that no write of it was lost.

Used by the demo, the tests and the benchmarks. The writers keep a journal of what the server acknowledged, which is
compared with the table afterwards: the only witness that does not depend on the tool that is being tried.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fsm_ghost.errors import ConnectionLostError, FsmGhostError, LockConflictError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session

_BATCH = 50_000  # rows loaded by one statement
_SHARED = 200  # the first rows are written by every writer, in any order: they are only counted up, never moved
_LEAST_PAUSE = 0.0005  # seconds


def create(session: Session, name: TableName, rows: int) -> None:
    """Create the practice table and fill it with `rows` rows."""
    session.execute(f"CREATE DATABASE IF NOT EXISTS `{name.schema}`")
    session.execute(
        f"CREATE TABLE {table(name)} ("
        " id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,"
        " customer INT NOT NULL,"
        " status VARCHAR(16) NOT NULL,"
        " amount DECIMAL(10, 2) NOT NULL,"
        " remark VARCHAR(200) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',"
        " hits INT NOT NULL DEFAULT 0,"
        " changed_at DATETIME(6) NOT NULL,"
        " KEY customer (customer)"
        ") ENGINE = InnoDB"
    )
    for first in range(1, rows + 1, _BATCH):
        session.execute(_load(name, first, min(first + _BATCH - 1, rows)))


def count(session: Session, name: TableName) -> int:
    """How many rows a table has."""
    return int(session.value(f"SELECT COUNT(*) FROM {table(name)}"))


def _load(name: TableName, first: int, last: int) -> str:
    """Rows `first` to `last`, made by the server: ten digits joined as often as needed."""
    digits = "(SELECT 0 AS d UNION ALL " + " UNION ALL ".join(f"SELECT {digit}" for digit in range(1, 10)) + ")"
    places = range(len(str(_BATCH)))
    number = " + ".join(f"p{place}.d * {10**place}" for place in places)
    joined = ", ".join(f"{digits} AS p{place}" for place in places)
    return (
        f"INSERT INTO {table(name)} (id, customer, status, amount, remark, changed_at)"
        " SELECT n, n * 7919 % 50000, ELT(1 + n % 4, 'new', 'paid', 'shipped', 'returned'), n % 100000 / 100,"
        " REPEAT(CHAR(97 + n % 26), 20 + n % 60), NOW(6)"
        f" FROM (SELECT {first} + {number} AS n FROM {joined}) AS numbers WHERE n <= {last} ORDER BY n"
    )


@dataclass(slots=True)
class Journal:
    """What one writer knows: the remark of each row that it has written, None for a deleted one.

    `unknown` are rows whose last write got no answer; `hits` counts acknowledged increments of shared rows.
    """

    remarks: dict[int, str | None] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    hits: int = 0
    unknown_hits: int = 0
    commits: int = 0
    conflicts: int = 0
    longest: float = 0.0  # seconds from sending a transaction to its acknowledgement
    errors: list[str] = field(default_factory=list)


class Writers:
    """Threads that insert, update, move, delete and roll back rows, one transaction after another.

    Writer w owns the rows whose id is w modulo the number of writers, and shares the first `_SHARED` rows with the
    others. `rate` is transactions per second for all of them together; None means as fast as the server answers.
    """

    def __init__(
        self,
        arguments: Mapping[str, Any],
        name: TableName,
        rows: int,
        *,
        count: int = 4,
        rate: float | None = None,
        seed: int = 1,
    ) -> None:
        self._arguments = arguments
        self._table = table(name)
        self._rows = rows
        self._count = count
        self._pause = count / rate if rate else 0.0
        self._seed = seed
        self._stop = threading.Event()
        self.journals = [Journal() for _ in range(count)]
        self._threads = [threading.Thread(target=self._write, args=(number,), daemon=True) for number in range(count)]

    def start(self) -> Writers:
        """Start writing."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Stop writing, after the transactions that are under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def commits(self) -> int:
        """How many transactions have been acknowledged."""
        return sum(journal.commits for journal in self.journals)

    @property
    def longest(self) -> float:
        """The longest that any writer had to wait for one transaction, in seconds."""
        return max(journal.longest for journal in self.journals)

    @property
    def errors(self) -> list[str]:
        """What went wrong for the application, other than deadlocks and lock waits."""
        return [error for journal in self.journals for error in journal.errors]

    def forget_longest(self) -> None:
        """Measure the longest wait anew."""
        for journal in self.journals:
            journal.longest = 0.0

    def _write(self, number: int) -> None:
        writer = _Writer(self._table, self._rows, number, self._count, random.Random(self._seed * 1000 + number))
        journal = self.journals[number]
        session = Session(self._arguments, "connecting as the application")
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                writer.transaction(session, journal)
            except LockConflictError:
                session.rollback()
                journal.conflicts += 1
            except ConnectionLostError:
                session.close()
                session = self._again()
            except FsmGhostError as error:
                session.rollback()
                journal.errors.append(error.message)
            took = time.monotonic() - began
            journal.longest = max(journal.longest, took)
            if self._pause:
                self._stop.wait(max(_LEAST_PAUSE, self._pause - took))
        session.close()

    def _again(self) -> Session:
        """A new connection, as soon as the server gives one."""
        while True:
            try:
                return Session(self._arguments, "connecting as the application")
            except ConnectionLostError:
                if self._stop.wait(0.05):
                    raise


class _Writer:
    """One writer's transactions."""

    def __init__(self, table_text: str, rows: int, number: int, count: int, choice: random.Random) -> None:
        self._table = table_text
        self._number = number
        self._count = count
        self._choice = choice
        self._last = rows
        self._next = rows + count * 1000
        self._version = 0

    def transaction(self, session: Session, journal: Journal) -> None:
        """One transaction of one to five statements; what the server acknowledges is noted."""
        written: dict[int, str | None] = {}
        hits = 0
        session.begin()
        for _ in range(self._choice.choice((1, 1, 1, 2, 5))):
            if self._choice.random() < 0.15:  # noqa: PLR2004 - an example
                hits += self._hit_shared(session)
            else:
                written.update(self._statement(session))
        if self._choice.random() < 0.05:  # noqa: PLR2004 - an example
            session.rollback()
            return
        journal.unknown |= written.keys()
        journal.unknown_hits += hits
        session.commit()
        journal.unknown -= written.keys()
        journal.unknown_hits -= hits
        journal.remarks |= written
        journal.hits += hits
        journal.commits += 1

    def _hit_shared(self, session: Session) -> int:
        """Count up a few shared rows, in an order of its own: this is where writers meet each other."""
        ids = [self._choice.randint(1, _SHARED) for _ in range(3)]
        return sum(session.execute(f"UPDATE {self._table} SET hits = hits + 1 WHERE id = {number}") for number in ids)

    def _statement(self, session: Session) -> Mapping[int, str | None]:
        self._version += 1
        remark = f"writer {self._number} version {self._version} ä€😀"
        kind = self._choice.random()
        if kind < 0.3:  # noqa: PLR2004 - shares of an example
            return self._insert(session, remark)
        if kind < 0.75:  # noqa: PLR2004
            return self._update(session, remark)
        if kind < 0.85:  # noqa: PLR2004
            return self._move(session, remark)
        return self._delete(session)

    def _insert(self, session: Session, remark: str) -> Mapping[int, str | None]:
        number = self._new_id()
        session.execute(
            f"INSERT INTO {self._table} (id, customer, status, amount, remark, changed_at)"
            f" VALUES ({number}, {number % 50000}, 'new', {number % 1000}.50, {session.quote(remark)}, NOW(6))"
        )
        return {number: remark}

    def _update(self, session: Session, remark: str) -> Mapping[int, str | None]:
        number = self._own_id()
        changed = session.execute(
            f"UPDATE {self._table} SET remark = {session.quote(remark)}, amount = amount + 1, customer = customer + 1,"
            f" changed_at = NOW(6) WHERE id = {number}"
        )
        return {number: remark} if changed else {}

    def _move(self, session: Session, remark: str) -> Mapping[int, str | None]:
        number, new = self._own_id(), self._new_id()
        moved = session.execute(
            f"UPDATE {self._table} SET id = {new}, remark = {session.quote(remark)}, changed_at = NOW(6)"
            f" WHERE id = {number}"
        )
        return {number: None, new: remark} if moved else {}

    def _delete(self, session: Session) -> Mapping[int, str | None]:
        number = self._own_id()
        return {number: None} if session.execute(f"DELETE FROM {self._table} WHERE id = {number}") else {}

    def _own_id(self) -> int:
        """A row of its own, anywhere in the table or among those it has made."""
        number = self._choice.randint(_SHARED + 1, max(self._last, _SHARED + 2 * self._count))
        return number - number % self._count + self._number + self._count

    def _new_id(self) -> int:
        self._next += self._count
        self._last = self._next
        return self._next - self._next % self._count + self._number


def losses(session: Session, name: TableName, writers: Writers, old: TableName | None = None) -> list[str]:
    """Every way in which a table contradicts the writers' journals; empty when nothing was lost.

    With `old`, rows that no writer has touched are compared with that table as well.
    """
    found: list[str] = []
    touched: set[int] = set()
    for journal in writers.journals:
        touched |= journal.remarks.keys() | journal.unknown
        for ids in _batches(sorted(journal.remarks.keys() - journal.unknown), 1000):
            found += _contradictions(session, name, journal, ids)
    found += _lost_hits(session, name, writers)
    if old is not None:
        found += _untouched_differences(session, old, name, touched)
    return found


def _contradictions(session: Session, name: TableName, journal: Journal, ids: list[int]) -> list[str]:
    listed = ", ".join(str(number) for number in ids)
    rows: dict[int, str] = dict(session.query(f"SELECT id, remark FROM {table(name)} WHERE id IN ({listed})"))
    return [
        f"row {number}: acknowledged {journal.remarks[number]!r}, found {rows.get(number)!r}"
        for number in ids
        if rows.get(number) != journal.remarks[number]
    ]


def _lost_hits(session: Session, name: TableName, writers: Writers) -> list[str]:
    acknowledged = sum(journal.hits for journal in writers.journals)
    possible = acknowledged + sum(journal.unknown_hits for journal in writers.journals)
    counted = int(session.value(f"SELECT COALESCE(SUM(hits), 0) FROM {table(name)}"))
    return (
        [] if acknowledged <= counted <= possible else [f"{acknowledged} hits were acknowledged, {counted} are counted"]
    )


def _untouched_differences(session: Session, old: TableName, new: TableName, touched: set[int]) -> list[str]:
    columns = ("customer", "status", "amount", "remark", "changed_at")
    same = " AND ".join(f"{table(old)}.{column} <=> {table(new)}.{column}" for column in columns)
    joined = f"{table(old)}.id = {table(new)}.id"
    rows = session.query(
        f"SELECT id FROM {table(old)} WHERE NOT EXISTS (SELECT 1 FROM {table(new)} WHERE {joined} AND {same})"
        f" UNION SELECT id FROM {table(new)} WHERE NOT EXISTS (SELECT 1 FROM {table(old)} WHERE {joined})"
    )
    return [f"row {row[0]} differs from the old table, and nobody wrote to it" for row in rows if row[0] not in touched]


def _batches(items: list[int], size: int) -> Iterator[list[int]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]

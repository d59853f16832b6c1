"""The application that writes while `benchmarks.migrate` migrates its table: a process for each writer.

Each writer owns the rows whose number is its own modulo the number of writers, and keeps a journal of what the server
has acknowledged. Only `hot` rows are shared: they are counted up.
"""

from __future__ import annotations

# ruff: noqa: INP001, S608 - a script's part; the SQL is its own
import argparse
import multiprocessing
import random
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Barrier, Event
from typing import Any, Final

import pymysql

from benchmarks.figures import Times
from benchmarks.journal import HOT_ROWS, Change, Journal
from benchmarks.tables import SCHEMA, Table

WRITERS: Final = 8
ROWS_OF_A_TRANSACTION: Final = 10
ROWS_OF_A_BULK: Final = 200
STARTED_WITHIN: Final = 60.0  # seconds
STOPPED_WITHIN: Final = 120.0
_NAP: Final = 0.1  # seconds: how often a writer that has nothing to do looks whether it is to stop
_NO_ANSWER: Final = {0, 1053, 1927, *range(2000, 3000), 4031}  # error codes of a connection that is gone


class Kind(StrEnum):
    """What a transaction of the load is."""

    MIX = "mix"
    HOT = "hot"
    MULTI = "multi"
    BULK = "bulk"


ABOUT: Final[Mapping[Kind, str]] = {
    Kind.MIX: "one INSERT, UPDATE or DELETE of one row, anywhere in the table",
    Kind.HOT: f"one UPDATE of one of the same {HOT_ROWS} rows",
    Kind.MULTI: f"{ROWS_OF_A_TRANSACTION} INSERTs, UPDATEs and DELETEs of one row each",
    Kind.BULK: f"a DELETE of {ROWS_OF_A_BULK} rows, or the INSERT that brings them back",
}


@dataclass(frozen=True)
class Load:
    """What the writers do, and how many transactions a second all of them together; None: as fast as they can."""

    name: str
    kind: Kind
    rate: float | None = None


def load_named(text: str) -> Load | None:
    """`none`, `max`, `rate:500`, `hot`, `multi`, `bulk`; the last three also with a rate: `bulk:20`."""
    name, colon, number = text.partition(":")
    kinds = {"rate": Kind.MIX, "max": Kind.MIX, **{kind.value: kind for kind in (Kind.HOT, Kind.MULTI, Kind.BULK)}}
    if text == "none":
        return None
    if name not in kinds or (name == "max" and colon) or (name == "rate" and not colon):
        raise argparse.ArgumentTypeError(f"{text!r} is none of: none, rate:N, max, hot[:N], multi[:N], bulk[:N]")
    try:
        rate = float(number) if colon else None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{number!r} in {text!r} is not a number") from None
    if rate is not None and not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"the rate in {text!r} has to be more than 0")
    return Load(text, kinds[name], rate)


# --- What a writer does -----------------------------------------------------------------------------------------------


class Application:
    """The statements of one writer."""

    def __init__(self, table: Table, rows: int, kind: Kind, number: int, journal: Journal, writers: int) -> None:
        self._table = table
        self._rows = rows
        self._kind = kind
        self._number = number
        self._journal = journal
        self._writers = writers
        self._choice = random.Random(number)
        self._version = 0
        self._new = rows - rows % writers + writers + number

    def transaction(self) -> list[Change]:
        """The next transaction."""
        if self._kind is Kind.HOT:
            row = self._choice.randint(1, min(HOT_ROWS, self._rows))
            return [Change(f"UPDATE {self._name} SET k = k + 1 WHERE {self._table.where([row])}", counts=row)]
        if self._kind is Kind.BULK:
            return [self._bulk()]
        rows = {self._own_row() for _ in range(ROWS_OF_A_TRANSACTION if self._kind is Kind.MULTI else 1)}
        return [self._change(row) for row in sorted(rows)]

    @property
    def _name(self) -> str:
        return f"{SCHEMA}.{self._table.name}"

    def _change(self, row: int) -> Change:
        """Bring a row back that is gone; else update it mostly, delete it, or insert another one."""
        chance = self._choice.random()
        if self._is_gone(row):
            return self._insert([row])
        if chance < 0.125:  # noqa: PLR2004 - shares of an example
            return Change(f"DELETE FROM {self._name} WHERE {self._table.where([row])}", {row: None})
        if chance < 0.25:  # noqa: PLR2004
            self._new += self._writers
            return self._insert([self._new])
        k = self._next_k()
        return Change(f"UPDATE {self._name} SET k = {k} WHERE {self._table.where([row])}", {row: k})

    def _bulk(self) -> Change:
        first = self._own_row()
        rows = [row for each in range(ROWS_OF_A_BULK) if (row := first + each * self._writers) <= self._rows]
        gone = [row for row in rows if self._is_gone(row)]
        if gone:
            return self._insert(gone)
        return Change(f"DELETE FROM {self._name} WHERE {self._table.where(rows)}", dict.fromkeys(rows))

    def _insert(self, rows: Sequence[int]) -> Change:
        held = {row: self._next_k() for row in rows}
        return Change(self._table.insert(held), held)

    def _is_gone(self, row: int) -> bool:
        return self._journal.leaves.get(row, 0) is None

    def _own_row(self) -> int:
        return self._choice.randrange(self._rows // self._writers) * self._writers + (self._number or self._writers)

    def _next_k(self) -> int:
        """A number that no other write uses."""
        self._version += 1
        return self._version * self._writers + self._number


# --- A writer's process -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """What a writer is told."""

    arguments: Mapping[str, Any]
    table: Table
    rows: int
    load: Load
    number: int
    writers: int = WRITERS


class Writer:
    """One connection, one transaction after the other."""

    def __init__(self, task: Task) -> None:
        self.times = Times()
        self.journal = Journal()
        self._task = task
        self._application = Application(task.table, task.rows, task.load.kind, task.number, self.journal, task.writers)
        self._connection = pymysql.connect(**task.arguments)

    def work(self, stop: Event) -> None:
        """Write until told to stop; a writer that is late sends at once, until it has caught up."""
        rate = self._task.load.rate
        interval = self._task.writers / rate if rate else 0.0
        due = time.monotonic() + interval * self._task.number / self._task.writers
        while not stop.is_set():
            now = time.monotonic()
            if now < due:
                time.sleep(min(_NAP, due - now))
                continue
            self._transact(due if rate else now)
            due += interval
        self._connection.close()

    def _transact(self, due: float) -> None:
        changes = self._application.transaction()
        sent = time.monotonic()
        try:
            vanished = self._send(changes)
        except pymysql.err.Error as error:
            self.times.errors.append((sent, ": ".join(map(str, error.args))[:100]))
            self._fail(changes, error)
            return
        if vanished:
            self.journal.vanished += vanished
            return
        self.times.due.append(due)
        self.times.sent.append(sent)
        self.times.acknowledged.append(time.monotonic())
        self.journal.acknowledge(changes)

    def _send(self, changes: Sequence[Change]) -> list[int]:
        """Have the server do it; the rows that were not there, of a transaction that was rolled back for them."""
        with self._connection.cursor() as cursor:
            if len(changes) == 1:
                found = cursor.execute(changes[0].statement)
                return [] if found == max(1, len(changes[0].leaves)) else [*changes[0].leaves, *_counted(changes[0])]
            cursor.execute("BEGIN")
            for change in changes:
                if not cursor.execute(change.statement):
                    cursor.execute("ROLLBACK")
                    return [*change.leaves]
            cursor.execute("COMMIT")
        return []

    def _fail(self, changes: Sequence[Change], error: pymysql.err.Error) -> None:
        """Nothing was done, as a rule. Nobody knows what was done when the connection is gone."""
        code = error.args[0] if error.args else 0
        if isinstance(error, pymysql.err.InterfaceError) or code in _NO_ANSWER:
            self.journal.doubt(changes)
            self._connect_again()
            return
        try:
            self._connection.rollback()
        except pymysql.err.Error:
            self._connect_again()

    def _connect_again(self) -> None:
        """A new connection, if the server gives one; the next write tells otherwise."""
        try:
            self._connection.connect()
        except pymysql.err.Error:
            time.sleep(_NAP)


def _counted(change: Change) -> list[int]:
    return [] if change.counts is None else [change.counts]


def _write(task: Task, gate: Barrier, stop: Event, result: Pipe) -> None:
    """What a writer's process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the benchmark decides when to end
    writer = Writer(task)
    gate.wait(STARTED_WITHIN)
    writer.work(stop)
    result.send((writer.times, writer.journal))
    result.close()


class Writers:
    """All writers of a load: started and stopped from here, each in its own process."""

    def __init__(self, arguments: Mapping[str, Any], table: Table, rows: int, load: Load) -> None:
        context = multiprocessing.get_context("fork")  # nothing else runs in this process: no threads
        self._gate = context.Barrier(WRITERS + 1)
        self._stop = context.Event()
        self._results: list[Pipe] = []
        self._processes = []
        for number in range(WRITERS):
            ours, theirs = context.Pipe(duplex=False)
            task = Task({**arguments, "autocommit": True}, table, rows, load, number)
            process = context.Process(target=_write, args=(task, self._gate, self._stop, theirs), daemon=True)
            self._results.append(ours)
            self._processes.append((process, theirs))

    def start(self) -> None:
        """Start them, and return when all of them are connected."""
        for process, theirs in self._processes:
            process.start()
            theirs.close()
        self._gate.wait(STARTED_WITHIN)

    def stop(self) -> list[tuple[Times, Journal]]:
        """Have them end what they are doing; what each has seen."""
        self._stop.set()
        until = time.monotonic() + STOPPED_WITHIN
        try:
            if not all(result.poll(max(0.0, until - time.monotonic())) for result in self._results):
                raise SystemExit(f"a writer has not ended within {STOPPED_WITHIN:.0f} s: its write is still waiting")
            return [result.recv() for result in self._results]
        except EOFError:
            raise SystemExit("a writer has died: see above") from None
        finally:
            self.end()

    def end(self) -> None:
        """End them by force; harmless when they have ended."""
        for (process, _), result in zip(self._processes, self._results, strict=True):
            if process.pid is not None:
                process.terminate()
                process.join()
            result.close()

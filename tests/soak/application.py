"""An application that writes to a table, and pauses now and then: the migration is alone for a while."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from fsm_ghost.mysql.faults import NO_SUCH_TABLE
from tests.servers import Database

# What the tool takes for somebody who has gone is a second without a change.
_PAUSE = 1.1, 2.0  # seconds
_BETWEEN = 0.0, 0.0, 0.004, 0.02  # seconds between transactions
_LOST = {2006, 2013, NO_SUCH_TABLE}  # what a migration must not do to it; its own mistakes are its own affair


class Application:
    """Carries statements out, in transactions of a few, in a thread of its own.

    `errors` are those for which the migration is to blame; it stops at the first one.
    """

    def __init__(self, database: Database, statements: Sequence[str], chance: random.Random) -> None:
        self._database = database
        self._statements = statements
        self._chance = chance
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="application", daemon=True)
        self.errors: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop after the transaction that is under way."""
        self._stop.set()
        self.join()

    def join(self) -> None:
        """Wait until all statements were carried out."""
        self._thread.join()

    def _run(self) -> None:
        connection = self._database.connect(autocommit=False)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET sql_mode = '', innodb_lock_wait_timeout = 2")
                self._write(connection, cursor)
        except pymysql.MySQLError as error:
            self.errors.append(str(error))

    def _write(self, connection: Connection[Cursor], cursor: Cursor) -> None:
        between = self._chance.choice(_BETWEEN)
        at = 0
        while at < len(self._statements) and not self._stop.is_set():
            size = self._chance.choice((1, 1, 2, 4))
            for statement in self._statements[at : at + size]:
                self._carry_out(cursor, statement)
            at += size
            if self._chance.random() < 0.1:
                connection.rollback()
            else:
                connection.commit()
            pauses = self._chance.random() * len(self._statements) < 2 * size  # about twice
            self._stop.wait(self._chance.uniform(*_PAUSE) if pauses else between)

    @staticmethod
    def _carry_out(cursor: Cursor, statement: str) -> None:
        try:
            cursor.execute(statement)
        except pymysql.MySQLError as error:
            if error.args[0] in _LOST:
                raise

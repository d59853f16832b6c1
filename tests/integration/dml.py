"""An application that writes at random to a table of any key: what the tests of key types run beside a migration."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from fsm_ghost.mysql.quoting import quote
from tests.integration.driving import PATIENCE
from tests.servers import Database

_EXPECTED = {1062, 1205, 1213, 1020}  # the key is taken; lock wait, deadlock, snapshot conflict
Key = Sequence[str]  # a literal for each key column


class Scribblers:
    """Threads that insert, update, move, delete and roll back rows of `name`, chosen by `key` from what it makes.

    The table has the columns `n` (INT) and `v` (VARCHAR) besides its key. Each session has a time zone of its own.
    """

    def __init__(
        self, database: Database, name: str, columns: Sequence[str], key: Callable[[random.Random], Key], count: int = 4
    ) -> None:
        self._database = database
        self._table = quote(name)
        self._columns = columns
        self._key = key
        self._stop = threading.Event()
        self._written = threading.Condition()
        self.commits = 0
        self.errors: list[str] = []
        connections = [database.connect(autocommit=False) for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._scribble, args=(connection, random.Random(seed)), daemon=True)
            for seed, connection in enumerate(connections)
        ]

    def start(self) -> Scribblers:
        """Start writing."""
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Stop writing, after the transactions that are under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def write_on(self, transactions: int) -> None:
        """Wait until so many more transactions have been committed."""
        with self._written:
            wanted = self.commits + transactions
            assert self._written.wait_for(lambda: self.commits >= wanted or self.errors, PATIENCE)
            assert not self.errors

    def _scribble(self, connection: Connection[Cursor], choice: random.Random) -> None:
        zone = choice.choice(("+00:00", "-04:00", "+05:30"))
        with connection.cursor() as cursor:
            cursor.execute(f"SET time_zone = '{zone}', sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'")
            while not self._stop.is_set():
                try:
                    self._transaction(cursor, choice)
                except pymysql.MySQLError as error:
                    if error.args[0] not in _EXPECTED:
                        self.errors.append(str(error))
                        return
                    connection.rollback()
                    continue
                if choice.random() < 0.1:
                    connection.rollback()
                    continue
                connection.commit()
                with self._written:
                    self.commits += 1
                    self._written.notify_all()

    def _transaction(self, cursor: Cursor, choice: random.Random) -> None:
        for _ in range(choice.choice((1, 1, 2, 4))):
            kind = choice.choice((self._insert, self._insert, self._update, self._update, self._move, self._delete))
            cursor.execute(kind(choice))

    def _insert(self, choice: random.Random) -> str:
        keys = [self._key(choice) for _ in range(choice.choice((1, 1, 3)))]
        rows = ", ".join(f"({', '.join(key)}, {choice.randint(0, 999)}, {_text(choice)})" for key in keys)
        verb = choice.choice(("INSERT", "INSERT IGNORE", "REPLACE"))
        return f"{verb} INTO {self._table} ({', '.join(map(quote, self._columns))}, n, v) VALUES {rows}"

    def _update(self, choice: random.Random) -> str:
        wanted = " OR ".join(self._is(self._key(choice)) for _ in range(choice.choice((1, 1, 5))))
        return f"UPDATE {self._table} SET n = n + 1, v = {_text(choice)} WHERE {wanted}"

    def _move(self, choice: random.Random) -> str:
        """A new key for a row: another one, or the same in another spelling."""
        new = zip(self._columns, self._key(choice), strict=True)
        assignments = ", ".join(f"{quote(column)} = {value}" for column, value in new)
        return f"UPDATE {self._table} SET {assignments}, n = n + 1 WHERE {self._is(self._key(choice))}"

    def _delete(self, choice: random.Random) -> str:
        return f"DELETE FROM {self._table} WHERE {self._is(self._key(choice))}"

    def _is(self, key: Key) -> str:
        pairs = zip(self._columns, key, strict=True)
        return "(" + " AND ".join(f"{quote(column)} = {value}" for column, value in pairs) + ")"


def _text(choice: random.Random) -> str:
    return f"'{choice.choice(('ä€😀', 'plain', '', 'its', '%s %d', 'Ω'))}{choice.randint(0, 9999)}'"

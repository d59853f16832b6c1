"""Real servers for tests: which ones a run uses, and a database of its own for each test."""

import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast, get_args

import pymysql
import pytest
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from fsm_ghost.mysql.faults import NO_SUCH_THREAD
from fsm_ghost.mysql.private import Flavour, PrivateServer, ServerUnavailableError, find_server

Values: TypeAlias = Sequence[object] | Mapping[str, object] | None

_numbers = itertools.count(1)


def flavours() -> list[Flavour]:
    """The flavours named in FSM_GHOST_TEST_SERVERS; both without it. Raises ValueError for any other name."""
    named = [
        name.strip() for name in os.environ.get("FSM_GHOST_TEST_SERVERS", "mariadb,mysql").split(",") if name.strip()
    ]
    if unknown := set(named) - set(get_args(Flavour)):
        raise ValueError(
            f"FSM_GHOST_TEST_SERVERS names {sorted(unknown)}; it takes mariadb, mysql, or both with a comma"
        )
    return cast("list[Flavour]", named)


def require(flavour: Flavour) -> None:
    """Skip the test when this machine has no such server; where CI=true fail it, for a skip would look green."""
    try:
        missing = find_server(flavour) is None
        reason = f"no {flavour} server on this machine: run `contrib/fetch-server {flavour}`, or `make test`"
    except ServerUnavailableError as error:
        missing, reason = True, str(error)
    if missing and os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    if missing:
        pytest.skip(reason)


class Database:
    """A schema of one test's own on a running server; dropped with everything in it.

    `name` is that of one that is there already, because it was replicated.
    """

    def __init__(self, server: PrivateServer, name: str = "") -> None:
        self.server = server
        self.name = name or f"test_{next(_numbers)}"
        if not name:
            server.execute(f"CREATE DATABASE `{self.name}`")
        self._opened: list[Connection[Cursor]] = []
        self._own = self.connect()

    def connect(self, *, autocommit: bool = True) -> "Connection[Cursor]":
        """A new connection to this schema, closed with it at the latest."""
        connection = self.server.connect(self.name, autocommit=autocommit)
        self._opened.append(connection)
        return connection

    def execute(self, sql: str, values: Values = None) -> int:
        """Run one statement; returns the number of rows it affected."""
        with self._own.cursor() as cursor:
            return cursor.execute(sql, values)

    def query(self, sql: str, values: Values = None) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        with self._own.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def kill(self, connections: Iterable[int]) -> None:
        """End connections, of anybody; one that has gone by itself meanwhile is no error."""
        for connection in connections:
            try:
                self.execute(f"KILL {connection}")
            except pymysql.MySQLError as error:
                if error.args[0] != NO_SUCH_THREAD:
                    raise

    def drop(self) -> None:
        """Close every connection and drop the schema. A lock somebody still holds is an error after ten seconds."""
        for connection in self._opened:
            if connection.open:
                connection.close()
        self.server.execute("SET lock_wait_timeout = 10", f"DROP DATABASE IF EXISTS `{self.name}`")

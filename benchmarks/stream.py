"""How fast the change stream reads, and what it costs: `python -m benchmarks.stream [mariadb|mysql] [--rows N]`.

Fills a private server's binlog with one kind of work after the other, then reads each from its beginning: wall time is
that of one reader on an idle server, CPU time that of this process. mysql-replication reads a part of the same binlog
for comparison. Other load on the machine makes the rates lower and hardly changes the CPU time.
"""

from __future__ import annotations

# ruff: noqa: INP001, S608, T201 - a script: it prints, and the SQL is its own
import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import KeyColumn, KeyKind, MigrationKey
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.binlog.stream import KeyStream
from fsm_ghost.mysql.private import Flavour, PrivateServer
from fsm_ghost.mysql.session import Session

ORIGINAL = TableName("bench", "orders")
CHANGELOG = TableName("bench", "orders_ghc")
COLUMNS = "id INT PRIMARY KEY, k INT, c CHAR(120), pad CHAR(60)"
FLAVOURS: tuple[Flavour, ...] = ("mariadb", "mysql")
OPTIONS: dict[str, str | int] = {
    "sync-binlog": 0,
    "innodb-flush-log-at-trx-commit": 0,
    "max-binlog-size": 1 << 30,
    "loose-innodb-redo-log-capacity": "256M",
}
COMPARED = 20_000  # rows that mysql-replication reads


@dataclass(frozen=True)
class Work:
    """Statements that change `rows` rows (of another table, when `own` is not set)."""

    name: str
    rows: int
    statements: tuple[str, ...]
    own: bool = True


@dataclass(frozen=True)
class Measured:
    """One reading of the binlog of one work."""

    wall: float
    cpu: float
    events: int
    megabytes: float


def works(rows: int) -> Iterator[Work]:
    """All kinds of work, each on the tables that the one before has left."""
    yield Work("single-row INSERT transactions", rows, (f"CALL one_by_one({rows})",))
    yield Work("single-row UPDATE transactions", rows, (f"CALL update_one_by_one({rows})",))
    yield Work("UPDATE of all rows", rows, ("UPDATE orders SET k = k + 1",))
    yield Work("UPDATE of all rows, one column NULL", rows, ("UPDATE orders SET pad = NULL",))
    yield Work("DELETE of all rows", rows, ("DELETE FROM orders",))
    yield Work("INSERT … SELECT of all rows", rows, ("INSERT INTO orders SELECT * FROM other",))
    yield Work("another table's UPDATE of all rows", rows, ("UPDATE other SET k = k + 1",), own=False)
    yield Work("another table's single-row transactions", rows, (f"CALL others({rows})",), own=False)


def prepare(session: Session, rows: int) -> None:
    """The tables, and procedures that commit one row after the other."""
    loop = "BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO {}; SET i = i + 1; END WHILE; END"
    row = "(i, i, REPEAT('c', 100), REPEAT('p', 50))"
    for statement in (
        "CREATE DATABASE bench",
        "USE bench",
        f"CREATE TABLE orders ({COLUMNS})",
        f"CREATE TABLE other ({COLUMNS})",
        "CREATE TABLE orders_ghc (id BIGINT UNSIGNED PRIMARY KEY, v INT)",
        f"CREATE PROCEDURE one_by_one(n INT) {loop.format(f'INSERT INTO orders VALUES {row}')}",
        f"CREATE PROCEDURE update_one_by_one(n INT) {loop.format('UPDATE orders SET k = k + 1 WHERE id = i')}",
        f"CREATE PROCEDURE others(n INT) {loop.format('UPDATE other SET k = k + 1 WHERE id = i')}",
        f"CREATE PROCEDURE fill(n INT) {loop.format(f'INSERT INTO other VALUES {row}')}",
        "BEGIN",
        f"CALL fill({rows})",
        "COMMIT",
        "SET GLOBAL binlog_row_metadata = FULL",  # for mysql-replication
    ):
        session.execute(statement)


def read_with_fsm_ghost(session: Session, arguments: dict[str, Any], start: Coordinates, end: Coordinates) -> Measured:
    """Read from start to end and check that something was found where something should be."""
    definition = catalog.definition(session, ORIGINAL)
    if definition is None:
        raise SystemExit("the table is gone")
    wall, cpu = time.perf_counter(), time.process_time()
    stream = KeyStream(
        arguments,
        server_id=9100,
        start=start,
        original=ORIGINAL,
        columns=definition.columns,
        key=MigrationKey("PRIMARY", (KeyColumn("id", "id", KeyKind.INTEGER),)),
        changelog=CHANGELOG,
        own_tag="fsm-ghost benchmark",
    )
    while stream.boundary < end:
        stream.read()
    stream.close()
    return Measured(time.perf_counter() - wall, time.process_time() - cpu, stream.events, stream.bytes / 1e6)


def cpu_of_mysql_replication(arguments: dict[str, Any], start: Coordinates) -> float:
    """CPU microseconds per row that mysql-replication takes to decode rows."""
    reader = BinLogStreamReader(
        connection_settings=dict(arguments),
        server_id=9101,
        log_file=start.file,
        log_pos=start.position,
        resume_stream=True,
        only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent],
        only_schemas=[ORIGINAL.schema],
        only_tables=[ORIGINAL.name],
        enable_logging=False,
    )
    cpu, rows = time.process_time(), 0
    for event in reader:
        rows += len(event.rows)
        if rows >= COMPARED:
            break
    reader.close()
    return (time.process_time() - cpu) / max(rows, 1) * 1e6


def measure(server: PrivateServer, rows: int, say: Callable[[str], None]) -> None:
    """Run every work and say what reading it took."""
    arguments = {"unix_socket": server.socket, "user": "root", "charset": "utf8mb4", "ssl_disabled": True}
    session = Session(arguments)
    prepare(session, rows)
    say(f"{'':42}{'rows/s':>10}{'events/s':>10}{'MB/s':>7}{'CPU µs/row':>12}{'mysql-replication':>19}")
    for work in works(rows):
        start = catalog.coordinates(session)
        for statement in work.statements:
            session.execute(statement)
        found = read_with_fsm_ghost(session, arguments, start, catalog.coordinates(session))
        library = f"{cpu_of_mysql_replication(arguments, start):19.1f}" if work.own else ""
        rates = f"{work.rows / found.wall:10,.0f}{found.events / found.wall:10,.0f}{found.megabytes / found.wall:7,.0f}"
        say(f"{work.name:42}{rates}{found.cpu / work.rows * 1e6:12.2f}{library}")
    session.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flavour", nargs="?", choices=["mariadb", "mysql"], help="both when it is not given")
    parser.add_argument("--rows", type=int, default=100_000)
    chosen = parser.parse_args()
    for flavour in [chosen.flavour] if chosen.flavour else FLAVOURS:
        with PrivateServer(flavour, OPTIONS) as server:
            load = " ".join(f"{part:.1f}" for part in os.getloadavg())
            python = f"Python {platform.python_version()}, PyMySQL {pymysql.VERSION_STRING}"
            print(f"\n{flavour} {server.binary.version}, {python}, {os.cpu_count()} CPUs, load {load}")
            print(f"{chosen.rows:,} rows of ({COLUMNS}), Unix socket, no TLS")
            measure(server, chosen.rows, print)


if __name__ == "__main__":
    main()

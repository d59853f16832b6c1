"""What real servers write goes by the express or by the careful path, whole and spoilt, and brings the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest

from fsm_ghost.errors import FsmGhostError
from fsm_ghost.model.changes import Changes
from fsm_ghost.mysql.binlog.queries import QueryReader
from fsm_ghost.mysql.binlog.reader import Reader
from fsm_ghost.mysql.binlog.tables import Changelog, Original
from fsm_ghost.mysql.binlog.tap import Tap
from fsm_ghost.mysql.private import Flavour
from tests.integration.following import OWN_TAG, Followed, following
from tests.servers import Database
from tests.unit.mysql.binlog.scribe import disordered, spoilt

KEYS: dict[str, tuple[str, Callable[[int], str]]] = {
    "BIGINT UNSIGNED": ("BIGINT UNSIGNED", lambda number: str(2**63 + number)),
    "VARCHAR": ("VARCHAR(300) CHARACTER SET latin1", lambda number: f"REPEAT('x', {number})"),
    "BINARY(16)": ("BINARY(16)", lambda number: f"UNHEX('{number:02x}00ff00')"),
}


def reader_of(followed: Followed, *, careful: bool) -> Reader:
    original = Original(followed.original, followed.columns, followed.key)
    return Reader(
        followed.start,
        original,
        Changelog(followed.changelog),
        QueryReader(followed.original, OWN_TAG),
        careful=careful,
    )


def recorded(followed: Followed) -> bytes:
    """The dump from the beginning up to now, as it comes over the wire."""
    end = followed.position()
    tap = Tap(followed.arguments, server=None, server_id=6997, start=followed.start, heartbeat=1, dead_after=10)
    reader, data, reached = reader_of(followed, careful=True), b"", followed.start
    try:
        while reached < end:
            piece = tap.receive(time.monotonic() + 20)
            assert piece, "nothing came"
            data += piece
            reader.feed(piece)
            while changes := reader.read():
                reached = changes.end
    finally:
        tap.close()
    return data


def read(followed: Followed, pieces: list[bytes], *, careful: bool) -> tuple[list[Changes], str, int]:
    reader, found, error = reader_of(followed, careful=careful), [], ""
    try:
        for piece in pieces:
            reader.feed(piece)
            while changes := reader.read():
                found.append(changes)
    except FsmGhostError as caught:
        error = str(caught)
    return found, error, reader.events


def work(followed: Followed, key: Callable[[int], str], flavour: Flavour) -> None:
    """What applications, administrators and we do."""
    followed.run("CREATE TABLE other LIKE orders", "CREATE TABLE old (id INT) ENGINE = MyISAM")
    for number in range(1, 31):
        followed.run(
            f"INSERT INTO orders VALUES ({key(number)}, REPEAT('v', {number}), NULL)",
            f"UPDATE orders SET v = NULL, w = {number} WHERE id = {key(number)}",
            f"INSERT INTO other SELECT * FROM orders WHERE id = {key(number)}",
            f"INSERT INTO {followed.changelog.name} VALUES ({number}, 'marker')",
        )
    followed.run("BEGIN", f"DELETE FROM orders WHERE id = {key(3)}", "SAVEPOINT s", "UPDATE other SET w = 1", "COMMIT")
    followed.run("UPDATE orders, other SET orders.w = 2, other.w = 2 WHERE orders.id = other.id")
    followed.run("FLUSH BINARY LOGS", "INSERT INTO old VALUES (1)", "ALTER TABLE other ADD COLUMN x INT")
    for how in ("PREPARE 'a'", "COMMIT 'a'"):
        if how.startswith("PREPARE"):
            followed.run("XA START 'a'", f"DELETE FROM orders WHERE id = {key(4)}", "XA END 'a'")
        followed.run(f"XA {how}")
    followed.run("XA START 'b'", f"DELETE FROM orders WHERE id = {key(5)}", "XA END 'b'", "XA COMMIT 'b' ONE PHASE")
    followed.run("SET SESSION binlog_row_image = MINIMAL", "UPDATE orders SET w = 7")
    if flavour == "mysql":
        followed.run("SET SESSION binlog_transaction_compression = ON, binlog_rows_query_log_events = ON")
    followed.run("UPDATE orders SET w = 8", "DELETE FROM orders")


@pytest.mark.parametrize("kind", KEYS)
def test_the_express_brings_what_the_careful_path_brings(database: Database, flavour: Flavour, kind: str) -> None:
    column, key = KEYS[kind]
    with following(database, f"id {column} PRIMARY KEY, v VARCHAR(200), w INT") as followed:
        work(followed, key, flavour)
        data, random = recorded(followed), Random(kind)
        usual = read(followed, [data], careful=True)
        assert not usual[1]
        assert len(frozenset().union(*(changes.keys for changes in usual[0]))) == 30
        for variant in (
            data,
            *(spoilt(random, data) for _ in range(15)),
            *(disordered(random, data) for _ in range(15)),
        ):
            size = random.choice([len(variant), 3000])
            pieces = [variant[at : at + size] for at in range(0, len(variant), size)]
            assert read(followed, pieces, careful=False) == read(followed, pieces, careful=True)

"""Indexes that are built after row copy: the same in the end, without anybody waiting for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fsm_ghost.errors import MismatchError
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Deferral
from fsm_ghost.mysql import statements
from fsm_ghost.mysql.private import Flavour
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import indexer
from fsm_ghost.services.activity import MANY_CORES, Activity
from fsm_ghost.services.crews import Crews
from fsm_ghost.services.indexer import Indexer
from fsm_ghost.settings import CopySettings, IndexBuild, Settings
from tests.crash.stage import until
from tests.integration.accounts import account
from tests.integration.driving import Driver, Running, contents, old_table, tables
from tests.integration.test_locks import transaction
from tests.servers import Database

ALTER = "ADD COLUMN added INT NOT NULL DEFAULT 7, ADD INDEX n_added (n, added)"
DEFERRED = CopySettings(chunk_size=100, index_build=IndexBuild.DEFERRED)
INDEXES = """
    PRIMARY KEY (id), KEY z (n), UNIQUE KEY u (word), KEY a (word(3), n) COMMENT 'it''s `a`, first',
    FULLTEXT KEY f (word), KEY `odd ``name` (n DESC, id), KEY e (n) {hidden}
"""


@pytest.fixture
def indexed(database: Database) -> Database:
    hidden = "INVISIBLE" if database.server.flavour == "mysql" else "IGNORED"
    database.execute(
        "CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT, n INT NOT NULL, word VARCHAR(40) NOT NULL,"
        f" {INDEXES.format(hidden=hidden)})"
    )
    database.execute(
        "INSERT INTO t (id, n, word) VALUES " + ", ".join(f"({n}, {n % 7}, 'word {n}')" for n in range(1, 301))
    )
    return database


def deferring(driver: Driver) -> Settings:
    return driver.postponed(alter=ALTER, copy=DEFERRED)


def deferral(driver: Driver) -> Deferral:
    plan = driver.record().progress.plan
    assert plan is not None
    return plan.deferral


@contextmanager
def building(database: Database, driver: Driver) -> Iterator[Running]:
    """A migration whose build of indexes waits for somebody who reads the ghost table."""
    running = driver.start(deferring(driver), hold=Phase.INDEX)
    running.until_held()
    with transaction(database, "SELECT COUNT(*) FROM t_gho"):
        running.go()
        running.until(lambda _: waits(database))
        yield running


def waits(database: Database, what: str = "ADD KEY") -> bool:
    """Whether a statement like this is seen waiting for the ghost table."""
    rows = database.query("SHOW FULL PROCESSLIST")
    return any(row[6] == "Waiting for table metadata lock" and what in str(row[7]) for row in rows)


def finished(database: Database, driver: Driver, running: Running) -> None:
    driver.flag_file.unlink(missing_ok=True)
    assert running.ending().exit_code == 0
    as_built(database)


def as_built(database: Database) -> None:
    """The new table has the rows of the old one, and the definition that a native ALTER TABLE gives it."""
    old = old_table(database, "t")
    assert contents(database, "t", ["id", "n", "word"]) == contents(database, old, ["id", "n", "word"])
    database.execute(f"CREATE TABLE native LIKE {old}")
    database.execute(f"ALTER TABLE native {ALTER}")
    found = tables(database)
    assert found["t"] == found["native"].replace("`native`", "`t`", 1)
    assert found.keys() == {"t", "native", old}
    assert database.query("CHECK TABLE t")[-1][3] == "OK"


def test_indexes_that_were_built_later_are_those_of_a_native_alter(indexed: Database, driver: Driver) -> None:
    running = driver.start(deferring(driver), hold=Phase.COPY)
    running.until_held()
    bare = tables(indexed)["t_gho"]
    assert [line.split("`")[1] for line in bare.splitlines() if "KEY `" in line] == ["u", "f"]
    running.go()
    finished(indexed, driver, running)
    assert [entry[1] for entry in driver.journal(driver.record().id)][2:4] == ["copied", "indexed"]
    assert deferral(driver).reason == "as asked"
    assert len(deferral(driver).indexes) == 5


def test_the_application_does_not_wait_for_a_refresh_that_waits_for_the_build(
    indexed: Database, driver: Driver
) -> None:
    """A refresh that locked its rows first would hold them for as long as somebody reads the ghost table here."""
    indexed.execute("SET SESSION innodb_lock_wait_timeout = 5")
    with building(indexed, driver) as running:
        for _ in range(3):
            seen = running.last.progress.changes
            indexed.execute("UPDATE t SET n = n + 1")
            running.until(lambda now, seen=seen: now.progress.changes > seen)  # type: ignore[misc]
        assert running.last.phase is Phase.INDEX
        assert "to build 5 indexes" in running.last.readings.waiting_for
    finished(indexed, driver, running)


def test_a_run_stopped_in_the_build_builds_again_when_resumed(indexed: Database, driver: Driver) -> None:
    with building(indexed, driver) as running:
        running.stop()
        with pytest.raises(Exception, match="stopped"):
            running.ending()
        until(lambda: not waits(indexed), "the killed ALTER TABLE to be gone")
    indexed.execute("UPDATE t SET n = n + 1")
    finished(indexed, driver, driver.restart(running.id))


def test_indexes_that_are_there_are_not_built_again(indexed: Database, driver: Driver) -> None:
    running = driver.start(deferring(driver), hold=Phase.INDEX)
    running.until_held()
    clauses = ", ".join(f"ADD {clause}" for clause in deferral(driver).indexes)
    indexed.execute(f"ALTER TABLE t_gho {clauses}")
    running.go()
    finished(indexed, driver, running)


def test_a_build_is_given_up_with_its_migration(indexed: Database, driver: Driver) -> None:
    before = tables(indexed)
    with building(indexed, driver) as running:
        driver.order(running.id, "abort")
        until(lambda: waits(indexed, "DROP"), "the ghost table to be dropped")
        until(lambda: not waits(indexed), "the killed ALTER TABLE to be gone")
    assert running.ending().phase is Phase.ABORTED
    assert tables(indexed) == before


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """As long as this is not set, the build is under way. Nothing is compared before: only for that there are cores."""
    monkeypatch.setattr(Activity, "is_absent", False)
    monkeypatch.setattr(Crews, "_cores", MANY_CORES)
    may_end, step = threading.Event(), Indexer.step
    monkeypatch.setattr(Indexer, "step", lambda self: may_end.is_set() and step(self))
    return may_end


def test_the_comparison_begins_during_the_build_and_ends_after_it(
    indexed: Database, driver: Driver, endless: threading.Event
) -> None:
    running = driver.start(deferring(driver))
    running.until(lambda now: now.progress.verified_rows >= 200)
    assert running.last.phase is Phase.INDEX
    assert not running.last.progress.verified
    endless.set()
    finished(indexed, driver, running)
    assert running.last.progress.verified_rows == 300


@pytest.mark.usefixtures("endless")
def test_a_difference_that_is_found_during_the_build_stops_the_migration(indexed: Database, driver: Driver) -> None:
    running = driver.start(deferring(driver), hold=Phase.INDEX)
    running.until_held()
    indexed.execute("DELETE FROM t_gho WHERE id = 77")
    running.go()
    ended = running.ending()
    assert (ended.phase, ended.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    assert "(77,): not in the ghost table" in ended.snapshot.reason
    assert indexed.query("SELECT COUNT(*) FROM t") == [(300,)]


def test_what_cannot_be_built_online_is_there_from_the_beginning(
    indexed: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impossible(name: TableName, *_: object) -> str:
        return statements.alter(name, "ADD KEY z (n), ADD FULLTEXT KEY g (word), ALGORITHM = INPLACE, LOCK = NONE", "x")

    monkeypatch.setattr("fsm_ghost.services.indexer.statements.add_indexes", impossible)
    running = driver.start(deferring(driver))
    finished(indexed, driver, running)
    assert not deferral(driver).indexes
    assert "LOCK=NONE" in deferral(driver).reason


@pytest.mark.usefixtures("indexed")
def test_a_table_that_is_small_or_followed_by_others_gets_its_indexes_at_once(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    auto = driver.settings(alter=ALTER, execute=False)
    driver.run(auto)
    assert deferral(driver) == Deferral("the table is small")
    monkeypatch.setattr(indexer, "WORTHWHILE", 0)
    driver.run(auto)
    assert len(deferral(driver).indexes) == 5
    monkeypatch.setattr("fsm_ghost.mysql.catalog.others_reading_binlog", lambda _: 2)
    driver.run(auto)
    assert not deferral(driver).indexes
    assert "2 connections" in deferral(driver).reason


def test_without_indexes_that_could_wait_there_is_nothing_to_build(database: Database, driver: Driver) -> None:
    database.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL AUTO_INCREMENT, word TEXT, KEY n (n), UNIQUE (n))"
    )
    database.execute("INSERT INTO t VALUES (1, 1, 'one')")
    assert driver.run(driver.settings(alter="ADD COLUMN added INT", copy=DEFERRED)).exit_code == 0
    assert deferral(driver) == Deferral("there are no indexes that could wait")


def test_keys_are_sorted_in_more_memory_where_a_session_may_have_it(driver: Driver, flavour: Flavour) -> None:
    with account(driver, ()) as anybody:
        session = Session(connect_arguments(anybody))
        session.sort_in(8 << 20)  # no error, whatever the server
        if flavour == "mysql":
            session.sort_in(1 << 20)
            assert session.value("SELECT @@innodb_ddl_buffer_size") == 8 << 20
        session.close()

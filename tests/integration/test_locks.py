"""What a migration makes others wait for, and what it does when others make it wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import pymysql
import pytest

from fsm_ghost.errors import CutOverError
from fsm_ghost.model.key import Key
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql import sample
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services.refresher import Refresher
from fsm_ghost.settings import CopySettings, CutOverSettings, Kill
from tests.integration.driving import PATIENCE, Driver, Running, contents, old_table, table_of, tables
from tests.servers import Database

ROWS = 300
KEYS = {
    "integers": "id INT PRIMARY KEY",
    "counted integers": "id INT AUTO_INCREMENT PRIMARY KEY",
    "text": "id VARCHAR(10) PRIMARY KEY",
}


@pytest.fixture(params=list(KEYS.values()), ids=list(KEYS))
def keyed(database: Database, request: pytest.FixtureRequest) -> Database:
    """A database with a table `t` of `ROWS` rows, once for each kind of key."""
    fill(database, request.param)
    return database


@pytest.fixture
def plain(database: Database) -> Database:
    """A database with a table `t` of `ROWS` rows."""
    fill(database, KEYS["integers"])
    return database


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts to swap are made also while it is certain that they must fail."""
    monkeypatch.setattr("fsm_ghost.services.dataplane._LONG", 10**9)


def fill(database: Database, key: str) -> None:
    database.execute(f"CREATE TABLE t ({key}, n INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, 0)' for number in range(1, ROWS + 1))}")


@contextmanager
def transaction(database: Database, *statements: str, lost: bool = False) -> Iterator[int]:
    """A transaction of somebody else, open after these statements, rolled back in the end; its connection.

    `lost` says that somebody is going to kill it.
    """
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SELECT CONNECTION_ID()")
        number = int(cursor.fetchall()[0][0])
    try:
        yield number
    finally:
        with suppress(pymysql.OperationalError) if lost else nullcontext():
            connection.rollback()
        with suppress(pymysql.Error):
            connection.close()


@contextmanager
def chunk_in_flight(database: Database, driver: Driver) -> Iterator[Running]:
    """A migration one chunk of which, of all rows, waits in its middle for a row of the ghost table."""
    running = driver.start(driver.settings(copy=CopySettings(chunk_size=10_000)), hold=Phase.COPY)
    running.until_held()
    with transaction(database, "INSERT INTO t_gho (id, n) VALUES (200, -1)"):
        running.go()
        running.until(lambda _: one_waits(database))
        yield running


def one_waits(database: Database) -> bool:
    """Whether a transaction waits for a row; the server renews that only when nobody has asked for 0.1 s."""
    time.sleep(0.15)
    return database.query("SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'") == [(1,)]


def equal(database: Database, where: str = "TRUE") -> bool:
    """Whether original and ghost table are equal."""
    rows = [database.query(f"SELECT id, n FROM {name} WHERE {where} ORDER BY id") for name in ("t", "t_gho")]
    return rows[0] == rows[1]


def finished(database: Database, driver: Driver, running: Running) -> None:
    """The migration ends well, and the tables are equal."""
    driver.flag_file.unlink(missing_ok=True)
    assert running.ending().exit_code == 0
    old = old_table(database, "t")
    assert contents(database, "t", ["id", "n"]) == contents(database, old, ["id", "n"])
    assert tables(database).keys() == {"t", old}


# --- Chunks -----------------------------------------------------------------------------------------------------------


def test_a_chunk_takes_no_lock_on_the_original(keyed: Database, driver: Driver) -> None:
    with chunk_in_flight(keyed, driver) as running:
        with transaction(keyed, "SELECT * FROM t FOR UPDATE NOWAIT", "UPDATE t SET n = n + 1"):
            pass
        if keyed.server.flavour == "mysql":
            locks = "SELECT COUNT(*) FROM performance_schema.data_locks WHERE OBJECT_SCHEMA = %s AND OBJECT_NAME = 't'"
            assert keyed.query(locks, (keyed.name,)) == [(0,)]
    finished(keyed, driver, running)


def test_the_application_does_not_wait_for_a_refresh_that_waits_for_a_chunk(
    keyed: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a refresh waited holding rows, it would wait for ever here, and an UPDATE would come to a lock timeout."""
    monkeypatch.setattr("fsm_ghost.services.refresher.LOCK_WAIT", 3600)
    keyed.execute("SET SESSION innodb_lock_wait_timeout = 5")
    with chunk_in_flight(keyed, driver) as running:
        for _ in range(3):
            seen = running.last.progress.changes
            keyed.execute("UPDATE t SET n = n + 1 WHERE n >= 0")
            running.until(lambda now, seen=seen: now.progress.changes > seen)  # type: ignore[misc]
    finished(keyed, driver, running)


# --- Locked rows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["FOR UPDATE", "LOCK IN SHARE MODE"])
def test_a_row_that_stays_locked_does_not_hold_up_the_others(keyed: Database, driver: Driver, how: str) -> None:
    running = driver.start(driver.postponed(), hold=Phase.SYNC)
    running.until_held()
    keyed.execute("UPDATE t SET n = 1")
    with transaction(keyed, f"SELECT * FROM t WHERE id IN ('7', '70') {how}"):
        running.go()
        running.until(lambda _: equal(keyed, "id NOT IN ('7', '70')"))
        keyed.execute("UPDATE t SET n = 2 WHERE id IN ('1', '100', '299')")
        running.until(lambda _: equal(keyed, "id NOT IN ('7', '70')"))
        if how == "FOR UPDATE":
            assert keyed.query("SELECT n FROM t_gho WHERE id IN ('7', '70')") == [(0,), (0,)]
    running.until(lambda _: equal(keyed))
    finished(keyed, driver, running)


def test_whoever_locks_the_ghost_table_does_not_hold_up_the_application(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    plain.execute("SET SESSION innodb_lock_wait_timeout = 10")
    with plain.connect() as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLES t_gho READ")
        for n in (1, 2, 3):
            seen = running.last.progress.changes
            plain.execute(f"UPDATE t SET n = {n} WHERE id = 1")  # not behind a refresh that waits for the ghost table
            running.until(lambda now, seen=seen: now.progress.changes > seen and now.readings.backlog > 0)  # type: ignore[misc]
        cursor.execute("UNLOCK TABLES")
    finished(plain, driver, running)


def test_rows_that_are_locked_again_and_again_are_brought_over_in_the_end(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed(), hold=Phase.SYNC)
    running.until_held()
    plain.execute("UPDATE t SET n = 1")
    everything = transaction(plain, "SELECT * FROM t FOR UPDATE")
    with everything:
        running.go()
        running.until(lambda seen: seen.readings.backlog == ROWS)
    running.until(lambda _: equal(plain))
    finished(plain, driver, running)


def test_a_text_that_only_looks_like_one_that_is_gone_is_not_deleted(
    database: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """'a' was found to be gone, and 'A' is brought over by the other worker before 'a' is deleted."""
    database.execute("CREATE TABLE t (id VARCHAR(9) COLLATE utf8mb4_general_ci PRIMARY KEY, n INT) CHARSET utf8mb4")
    database.execute("INSERT INTO t VALUES ('0', 0), ('a', 1), ('b', 2)")
    running = driver.start(driver.postponed())
    running.until_postponed()
    found_gone, go_on = threading.Event(), threading.Event()
    write = Refresher._write

    def held(refresher: Refresher, session: Session, keys: Sequence[Key], found: Sequence[Key]) -> None:
        if keys == ((b"a".hex(),),):
            found_gone.set()
            assert go_on.wait(PATIENCE)
        write(refresher, session, keys, found)

    monkeypatch.setattr(Refresher, "_write", held)
    database.execute("DELETE FROM t WHERE id = 'a'")
    assert found_gone.wait(PATIENCE)
    database.execute("INSERT INTO t VALUES ('A', 9)")
    running.until(lambda _: database.query("SELECT n FROM t_gho WHERE id = 'A'") == [(9,)])
    go_on.set()
    finished(database, driver, running)


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
@pytest.mark.parametrize("begin", ["before the migration", "during it"])
def test_a_prepared_transaction_is_waited_for_and_its_end_is_followed(
    plain: Database, driver: Driver, begin: str, end: str
) -> None:
    prepared = ("XA START 'x'", "UPDATE t SET n = 5 WHERE id IN (1, 250)", "XA END 'x'", "XA PREPARE 'x'")
    if begin == "before the migration":
        plain.server.execute(f"USE {plain.name}", *prepared)
        running = driver.start(driver.postponed(cut_over=CutOverSettings(lock_timeout=0.5)))
        running.until(lambda seen: "prepared XA transactions" in seen.readings.waiting_for)
    else:
        running = driver.start(driver.postponed())
        running.until_postponed()
        plain.server.execute(f"USE {plain.name}", *prepared)
        plain.execute("UPDATE t SET n = 6 WHERE id BETWEEN 2 AND 100")
        running.until(lambda _: equal(plain, "id BETWEEN 2 AND 100"))
        driver.flag_file.unlink()
        running.until(lambda seen: seen.progress.attempts >= 1 and seen.phase is Phase.SYNC)
        assert "added" not in tables(plain)["t"]
    plain.server.execute(f"XA {end} 'x'")
    finished(plain, driver, running)
    assert plain.query("SELECT n FROM t WHERE id IN (1, 250)") == [(5 if end == "COMMIT" else 0,)] * 2


# --- The swap ---------------------------------------------------------------------------------------------------------

BUDGET = 0.5
HOPELESS = 30.0  # seconds: what no application waits for, and no busy machine is an excuse for


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("name", ["orders", "ORDERS"])
@pytest.mark.parametrize("suffix", ["", "_gho", "_ghc", "_ghm"])
def test_the_swap_is_given_up_within_its_budget_while_a_transaction_holds_a_table(
    database: Database, driver: Driver, suffix: str, name: str
) -> None:
    table = table_of(database, name)
    session = Session(connect_arguments(driver.server))
    sample.create(session, table, 1_000)
    writers = sample.Writers(connect_arguments(driver.server), table, 1_000, rate=400).start()
    try:
        cut_over = CutOverSettings(lock_timeout=BUDGET, postpone_flag_file=str(driver.flag_file))
        running = driver.start(driver.postponed(name, cut_over=cut_over))
        running.until_postponed()
        before = tables(database)
        with transaction(database, f"SELECT COUNT(*) FROM `{name}{suffix}`"):
            writers.forget_longest()
            driver.flag_file.unlink()
            running.until(lambda seen: seen.progress.attempts >= 2 and seen.phase is Phase.SYNC)
            commits = writers.commits
            running.until(lambda _: writers.commits > commits + 20)
            assert writers.longest < HOPELESS
            running.until(lambda _: tables(database) == before)
        assert running.ending().exit_code == 0
    finally:
        writers.stop()
    # Whatever time a busy machine takes, it was the budget that ended each attempt, not a timeout of the server.
    reasons = [entry.reason for entry in driver.entries(running.id) if entry.outcome == "given_up"]
    assert all(f"the lock was not granted within {BUDGET:g} s" in reason for reason in reasons[:2])
    old = table_of(database, old_table(database, name))
    assert writers.errors == []
    assert sample.losses(session, table, writers, old) == []
    assert tables(database).keys() == {name, old.name}
    session.close()


@pytest.mark.usefixtures("hasty")
def test_a_swap_that_was_given_up_says_whom_it_could_not_wait_for(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.settings(cut_over=CutOverSettings(lock_timeout=BUDGET)), hold=Phase.COPY)
    running.until_held()
    with transaction(plain, "SELECT COUNT(*) FROM t") as blocker:
        running.go()
        running.until(lambda seen: seen.progress.attempts >= 1 and seen.phase is Phase.SYNC)
        reason = next(entry.reason for entry in driver.entries(running.id) if entry.outcome == "given_up")
        assert "the lock was not granted" in reason
        assert f"connection {blocker} (root@localhost, idle in a transaction" in reason
    finished(plain, driver, running)


@pytest.mark.mysql_only  # elsewhere the server does not tell who uses a table
def test_a_long_transaction_on_the_table_is_waited_for_by_name_and_no_attempt_is_made(
    plain: Database, driver: Driver
) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    with transaction(plain, "SELECT COUNT(*) FROM t") as blocker:
        running.until(lambda _: is_older_than_two_seconds(plain, blocker))
        driver.flag_file.unlink()
        seen = running.until(lambda seen: "to end" in seen.readings.waiting_for)
        assert f"connection {blocker} (root@localhost" in seen.readings.waiting_for
        assert seen.progress.attempts == 0
    finished(plain, driver, running)


def is_older_than_two_seconds(database: Database, connection: int) -> bool:
    time.sleep(0.25)  # before that the server may show a picture in which there is no such transaction
    age = "SELECT TIMESTAMPDIFF(SECOND, trx_started, SYSDATE()) FROM information_schema.INNODB_TRX"
    return any(int(seconds) > 2 for (seconds,) in database.query(f"{age} WHERE trx_mysql_thread_id = {connection}"))


@pytest.mark.mysql_only  # nobody is killed who may be the wrong one
def test_a_session_in_the_way_is_killed_where_that_is_wanted_and_on_record(
    plain: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsm_ghost.services.swapper._PATIENCE", 0.02)
    cut_over = CutOverSettings(lock_timeout=HOPELESS, kill=Kill.YES, kill_age=0, kill_users=("root",))
    running = driver.start(driver.settings(cut_over=cut_over), hold=Phase.COPY)
    running.until_held()
    with transaction(plain, "SELECT COUNT(*) FROM t", lost=True) as blocker:
        running.go()
        assert running.ending().exit_code == 0
        reason = next(entry.reason for entry in driver.entries(running.id) if entry.outcome == "swapped")
        assert f"killed connection {blocker} (root@localhost" in reason


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "policy",
    [
        {"kill": Kill.LIST, "kill_age": 0},
        {"kill": Kill.YES, "kill_age": 3600},
        {"kill": Kill.YES, "kill_age": 0, "kill_users": ("somebody",)},
    ],
    ids=["list", "too young", "another user"],
)
def test_nobody_else_is_killed(plain: Database, driver: Driver, policy: dict[str, Any]) -> None:
    cut_over = CutOverSettings(lock_timeout=BUDGET, **policy)
    running = driver.start(driver.settings(cut_over=cut_over), hold=Phase.COPY)
    running.until_held()
    with transaction(plain, "SELECT COUNT(*) FROM t"):
        running.go()
        running.until(lambda seen: seen.progress.attempts >= 1 and seen.phase is Phase.SYNC)
    finished(plain, driver, running)


@pytest.mark.usefixtures("hasty")
def test_after_too_many_attempts_the_swap_is_left_to_a_person(plain: Database, driver: Driver) -> None:
    settings = driver.settings(cut_over=CutOverSettings(lock_timeout=0.2, attempts=2))
    running = driver.start(settings, hold=Phase.COPY)
    running.until_held()
    with transaction(plain, "SELECT COUNT(*) FROM t"):
        running.go()
        with pytest.raises(CutOverError, match="2 attempts"):
            running.ending()
        plain.execute("UPDATE t SET n = 1")
    assert "added" not in tables(plain)["t"]
    for _ in range(20):  # on a busy machine the swap itself can take longer than its small budget
        with suppress(CutOverError):
            assert driver.resume(running.id).exit_code == 0
            break
    assert plain.query("SELECT DISTINCT n, added FROM t") == [(1, 7)]

"""A table that the server can change in its dictionary alone: by itself, where that is wanted, and never twice."""

from __future__ import annotations

import pytest

from fsm_ghost.errors import AmbiguousError
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Native
from fsm_ghost.services import alterer
from fsm_ghost.settings import CutOverSettings, DefinitionSettings
from tests.integration.driving import Driver, tables
from tests.servers import Database

INSTANT = DefinitionSettings(attempt_instant=True)
ADD = "ADD COLUMN b INT NOT NULL DEFAULT 7"


@pytest.fixture
def orders(database: Database) -> Database:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT, CONSTRAINT positive CHECK (a > 0))")
    database.execute("INSERT INTO t VALUES (1, 5), (2, NULL)")
    return database


def test_the_server_adds_a_column_by_itself_and_nothing_is_left_behind(orders: Database, driver: Driver) -> None:
    ending = driver.run(driver.settings(alter=ADD, definition=INSTANT))
    progress = ending.snapshot.progress
    assert (ending.phase, ending.exit_code, progress.altered, progress.rows) == (Phase.DONE, 0, True, 0)
    assert orders.query("SELECT * FROM t") == [(1, 5, 7), (2, None, 7)]
    assert list(tables(orders)) == ["t"]
    assert "INSTANT" in ending.report[0]


@pytest.mark.usefixtures("orders")
def test_without_being_asked_the_server_is_not_made_to(driver: Driver) -> None:
    ending = driver.run(driver.settings(alter=ADD))
    assert ending.snapshot.progress.the_plan.native is Native.INSTANT
    assert (ending.phase, ending.snapshot.progress.altered, ending.snapshot.progress.rows) == (Phase.DONE, False, 2)


@pytest.mark.parametrize(
    "alter,native",
    [("ADD KEY (a)", Native.INPLACE), ("MODIFY a VARCHAR(20)", Native.COPY), ("PARTITION BY HASH (id)", Native.COPY)],
)
def test_what_the_server_cannot_do_at_once_is_copied(
    orders: Database, driver: Driver, alter: str, native: Native
) -> None:
    if native is Native.COPY:
        orders.execute("ALTER TABLE t DROP CONSTRAINT positive")
    ending = driver.run(driver.settings(alter=alter, definition=INSTANT))
    progress = ending.snapshot.progress
    assert (ending.phase, progress.the_plan.native, progress.altered, progress.rows) == (Phase.DONE, native, False, 2)


def test_a_table_in_use_is_copied_after_some_attempts_that_keep_nobody_waiting_for_long(
    orders: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsm_ghost.states.prepare._PAUSE", 0.0)
    monkeypatch.setattr("fsm_ghost.states.prepare._TRIES", 2)
    user = orders.connect(autocommit=False)
    user.cursor().execute("SELECT * FROM t")
    running = driver.start(
        driver.settings(alter=ADD, definition=INSTANT, cut_over=CutOverSettings(postpone=True)), hold=Phase.COPY
    )
    held = running.until_held()
    user.rollback()
    user.close()
    assert (held.progress.alter_tries, held.progress.altering) == (2, False)
    running.stop()


class DiesError(BaseException):
    """The process ends."""


def dies_after_the_statement(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that has changed the table, and cannot say so any more."""

    def die(point: str) -> None:
        if point == "alter.after-statement":
            raise DiesError

    with monkeypatch.context() as patch:
        patch.setattr(alterer, "fault_point", die)
        with pytest.raises(DiesError):
            driver.run(driver.settings(alter=ADD, definition=INSTANT))
    assert driver.record().progress.altering


def test_whoever_finds_the_intent_looks_first_what_became_of_it(
    orders: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_after_the_statement(driver, monkeypatch)
    ending = driver.resume(driver.record().id)
    assert (ending.phase, ending.snapshot.progress.altered) == (Phase.DONE, True)
    assert orders.query("SELECT * FROM t") == [(1, 5, 7), (2, None, 7)]


def test_it_is_too_late_to_give_up_what_the_server_has_done(
    orders: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_after_the_statement(driver, monkeypatch)
    ending = driver.resume(driver.record().id, order="abort")
    assert ending.phase is Phase.DONE
    assert list(tables(orders)) == ["t"]


def test_it_stops_when_the_table_is_neither_what_it_was_nor_what_it_was_to_become(
    orders: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_after_the_statement(driver, monkeypatch)
    orders.execute("ALTER TABLE t ADD COLUMN c INT")
    with pytest.raises(AmbiguousError, match="neither what it was"):
        driver.resume(driver.record().id)

"""Steering the cut-over: when the tables are swapped is said by options, by a file, and by commands while it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

import pytest

from fsm_ghost.cli.arguments import parse
from fsm_ghost.cli.to_settings import change
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import StoppedError
from fsm_ghost.model.command import Answer, Verb
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.mysql import sample
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.settings import CutOverSettings, Kill
from tests.integration.driving import Driver, Running, contents, old_table, table_of, tables
from tests.servers import Database

ROWS = 300
PATIENT = 30.0  # seconds that a swap may take: on a busy machine it must not be given up


@pytest.fixture(autouse=True)
def _attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are looked for before every step."""
    monkeypatch.setattr("fsm_ghost.engine.machine.LISTEN_EVERY", 0.0)


@pytest.fixture
def plain(database: Database) -> Database:
    """A database with a table `t` of `ROWS` rows."""
    database.execute("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({number}, 0)' for number in range(1, ROWS + 1))}")
    return database


def answer(driver: Driver, number: int) -> Answer | None:
    with closing(Store.reading(driver.state_file)) as store:
        return store.answer(number)


def order(driver: Driver, running: Running, verb: Verb) -> int:
    with closing(Store.existing(driver.state_file)) as store:
        return store.order(running.id, verb)


def ask(driver: Driver, running: Running, verb: Verb) -> Answer:
    """What a run answers to a command."""
    number = order(driver, running, verb)
    running.until(lambda _: answer(driver, number) is not None)
    answered = answer(driver, number)
    assert answered is not None
    return answered


def window(begins: timedelta, ends: timedelta) -> str:
    """A window that begins and ends so long from now."""
    now = datetime.now().astimezone()
    return f"{now + begins:%H:%M}-{now + ends:%H:%M}"


CLOSED = (timedelta(hours=6), timedelta(hours=7))
OPEN = (timedelta(hours=-6), timedelta(hours=6))


def assert_swapped(database: Database, running: Running) -> None:
    """The migration ends well, and nothing was lost."""
    assert running.ending().exit_code == 0
    old = old_table(database, "t")
    assert contents(database, "t", ["id", "n"]) == contents(database, old, ["id", "n"])
    assert tables(database).keys() == {"t", old}


# --- When -------------------------------------------------------------------------------------------------------------


def test_a_postponed_swap_comes_when_it_is_asked_for_and_then_it_is_too_late_to_ask(
    plain: Database, driver: Driver
) -> None:
    running = driver.start(driver.settings(cut_over=CutOverSettings(postpone=True)), hold=Phase.CLEANUP)
    waiting = running.until_postponed().readings.waiting_for
    assert waiting == f"the cut-over is postponed until: fsm-ghost cut-over {running.id[:8]}"
    assert ask(driver, running, Verb.CUT_OVER).took_effect
    running.until_held()
    late = [order(driver, running, verb) for verb in (Verb.POSTPONE, Verb.CUT_OVER, Verb.REHEARSE)]
    running.go()
    assert_swapped(plain, running)
    answers = [answer(driver, number) for number in late]
    assert [found and found.took_effect for found in answers] == [False, False, False]
    assert [found and "cleanup" in found.text for found in answers] == [True, True, True]


def test_a_swap_that_is_postponed_on_the_way_stays_so_after_a_resume_and_may_come_whatever_else_holds_it_up(
    plain: Database, driver: Driver
) -> None:
    driver.flag_file.touch()
    held_up = CutOverSettings(postpone_flag_file=str(driver.flag_file), window=window(*CLOSED))
    running = driver.start(driver.settings(cut_over=held_up), hold=Phase.COPY)
    running.until_held()
    postponed, rehearsed = (order(driver, running, verb) for verb in (Verb.POSTPONE, Verb.REHEARSE))
    running.go()
    running.until_postponed()
    assert answer(driver, postponed) == Answer(
        postponed, took_effect=True, text="the tables are not swapped until somebody asks for it"
    )
    refused = answer(driver, rehearsed)
    assert refused is not None
    assert (refused.took_effect, "not in copy" in refused.text) == (False, True)
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()
    running = driver.restart(running.id)
    assert "until: fsm-ghost cut-over" in running.until_postponed().readings.waiting_for
    assert ask(driver, running, Verb.CUT_OVER).took_effect
    assert_swapped(plain, running)
    assert driver.flag_file.exists()


def test_outside_of_its_window_a_swap_waits_and_says_until_when_and_who_resumes_may_choose_another(
    plain: Database, driver: Driver
) -> None:
    closed = window(*CLOSED)
    running = driver.start(driver.settings(cut_over=CutOverSettings(window=closed)))
    waiting = running.until_postponed().readings.waiting_for
    assert f"postponed until {closed[:5]} (window {closed}), or: fsm-ghost cut-over" in waiting
    assert running.last.progress.attempts == 0
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()
    asked = change(parse("resume", [f"--cut-over-window={window(*OPEN)}"], {}))
    assert_swapped(plain, driver.restart(running.id, change=asked))


def test_a_ghost_table_that_was_changed_while_the_swap_was_postponed_is_found_by_the_next_comparison(
    plain: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = driver.start(driver.settings(cut_over=CutOverSettings(postpone=True)))
    compared = running.until_postponed().progress
    assert compared.verified_rows == ROWS
    monkeypatch.setattr("fsm_ghost.states.sync.VERIFY_AGAIN_AFTER", 0.0)
    running.until(lambda seen: seen.progress.verified and seen.progress.verified_at != compared.verified_at)
    assert running.until(lambda seen: seen.progress.verified).progress.verified_rows == ROWS
    plain.execute("UPDATE t_gho SET n = -1 WHERE id = 5")
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, 8)
    last = driver.entries(running.id)[-1]
    assert (last.source, last.outcome) == (Phase.VERIFY, Outcome.DIFFERS)
    assert "in 1 rows: (5,)" in last.reason


# --- Rehearsals -------------------------------------------------------------------------------------------------------


def test_a_rehearsal_under_writers_says_what_the_swap_would_cost_and_changes_nothing(
    database: Database, driver: Driver
) -> None:
    session, table = Session(connect_arguments(driver.server)), table_of(database, "t")
    sample.create(session, table, 1_000)
    writers = sample.Writers(connect_arguments(driver.server), table, 1_000, rate=200).start()
    try:
        cut_over = CutOverSettings(postpone=True, lock_timeout=PATIENT)
        running = driver.start(driver.settings(cut_over=cut_over))
        running.until_postponed()
        before, journal = tables(database), driver.journal(running.id)
        for _ in range(2):
            told = ask(driver, running, Verb.REHEARSE)
            assert told.took_effect
            figures = r"the lock was granted after (\d+) ms, and writers were held up for (\d+) ms in all"
            found = re.fullmatch(figures, told.text)
            assert found is not None, told.text
            assert int(found[1]) <= int(found[2]) < 1000 * PATIENT
        assert tables(database) == before
        assert (driver.journal(running.id), running.last.progress.attempts) == (journal, 0)
        commits = writers.commits
        running.until(lambda _: writers.commits > commits + 20)
        assert ask(driver, running, Verb.CUT_OVER).took_effect
        assert running.ending().exit_code == 0
    finally:
        writers.stop()
    old = table_of(database, old_table(database, "t"))
    assert writers.errors == []
    assert sample.losses(session, table, writers, old) == []
    assert tables(database).keys() == {"t", old.name}
    session.close()


@contextmanager
def reader(database: Database) -> Iterator[int]:
    """Somebody whose transaction has read the table and is still open; his connection."""
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM t")
        cursor.execute("SELECT CONNECTION_ID()")
        yield int(cursor.fetchall()[0][0])
    connection.rollback()  # which fails if he was killed
    connection.close()


def test_a_rehearsal_that_does_not_get_the_lock_names_who_has_it_and_kills_nobody(
    plain: Database, driver: Driver
) -> None:
    policy = CutOverSettings(postpone=True, lock_timeout=0.5, kill=Kill.YES, kill_age=0)
    running = driver.start(driver.settings(cut_over=policy))
    running.until_postponed()
    before = tables(plain)
    with reader(plain) as connection:
        told = ask(driver, running, Verb.REHEARSE)
        plain.execute("INSERT INTO t (n) VALUES (1)")
    assert not told.took_effect
    assert told.text.startswith("the swap would have been given up: the lock was not granted within 0.5 s: held up by ")
    named = f"connection {connection} (root@localhost, idle in a transaction"
    if plain.server.flavour == "mysql":
        assert f"held up by {named}" in told.text
        assert f"a swap would kill {named}" in told.text
    else:
        assert f"perhaps {named}" in told.text
        assert "kill" not in told.text
    assert tables(plain) == before
    assert ask(driver, running, Verb.CUT_OVER).took_effect
    assert_swapped(plain, running)

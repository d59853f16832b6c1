"""One migration, two state files: the second one goes on with what the first has left on the server."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fsm_ghost import migration
from fsm_ghost.cli import main
from fsm_ghost.cli.control.gauges import Look
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import OwnedElsewhereError, StoppedError, TakenOverError, UsageError
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.connections import Ownership
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import applier, mirror
from fsm_ghost.settings import CopySettings, HookSettings, ThrottleSettings
from tests.integration.driving import PATIENCE, Condition, Driver, contents, old_table, tables
from tests.servers import Database
from tests.servers.answering import Answering, answering

ROWS = 400
SECRET = "hunter2"  # noqa: S105 - nobody's


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with a table `t` of `ROWS` rows, whose keys begin at 1."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20) NOT NULL)")
    rows = ", ".join(f"({number}, 'old')" for number in range(1, ROWS + 1))
    database.execute(f"INSERT INTO t VALUES {rows}")
    return database


@pytest.fixture
def elsewhere(database: Database, tmp_path: Path) -> Iterator[Driver]:
    """Another host: it drives migrations of the same database, and has a state file of its own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    own = Driver(database, folder)
    yield own
    own.close()


def take_over(there: Driver, table: str = "t", *, force: bool = False) -> str:
    store = Store(there.state_file)
    try:
        return migration.take_over(store, TableName(there.database.name, table), there.server, force=force)
    finally:
        store.close()


def postponed_and_stopped(driver: Driver) -> str:
    """A migration that has only the swap before it, and is driven by nobody; the server knows that, too."""
    running = driver.start(driver.postponed())
    running.until_postponed()
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()
    session = Session(connect_arguments(driver.server))
    assert Ownership(session, TableName(driver.database.name, "t")).becomes_free(within=PATIENCE)
    session.close()
    return running.id


def assert_migrated(database: Database) -> None:
    assert tables(database).keys() == {"t", old_table(database, "t")}
    assert "`added`" in tables(database)["t"]
    wanted = ["id", "v"]
    assert contents(database, "t", wanted) == contents(database, old_table(database, "t"), wanted)


# --- Going on ---------------------------------------------------------------------------------------------------------


def test_what_another_host_has_stopped_is_gone_on_with(filled: Database, driver: Driver, elsewhere: Driver) -> None:
    number = postponed_and_stopped(driver)
    assert take_over(elsewhere) == number
    assert elsewhere.record().progress == replace(driver.record().progress, started_upto=(ROWS,))
    driver.flag_file.unlink()
    assert elsewhere.resume(number).exit_code == 0
    assert_migrated(filled)
    assert elsewhere.journal(number)[: len(driver.journal(number))] == driver.journal(number)


def test_changes_that_nobody_has_followed_are_not_lost_where_chunks_were_sent_after_the_mirror_was_written(
    filled: Database, driver: Driver, elsewhere: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mirror knows of no chunk, and these keys lie ahead of row copy: changes need not be followed there (R8).

    But most chunks have been sent. What they have copied has been changed and deleted since.
    """
    monkeypatch.setattr(mirror, "EVERY", 3600.0)
    monkeypatch.setattr(applier, "HEARTBEAT_EVERY", 0.0)  # what is visible is known at once
    few = CopySettings(chunk_size=10, workers=1)
    running = driver.start(driver.settings(copy=few), hold=lambda seen: seen.progress.chunks >= ROWS // 10 - 5)
    running.until_held()
    assert filled.query("SELECT COUNT(*) > 300 FROM t_gho") == [(1,)]
    filled.execute("DELETE FROM t WHERE id % 7 = 0")
    filled.execute("UPDATE t SET v = 'new' WHERE id % 5 = 0")
    filled.execute("INSERT INTO t VALUES (1001, 'new')")
    take_over(elsewhere, force=True)
    progress = elsewhere.record().progress
    assert (progress.chunks, progress.handed_out) == (0, None)
    assert progress.started_upto is not None
    assert 300 < int(progress.started_upto[0]) <= ROWS
    goes_on = elsewhere.restart(running.id, hold=lambda seen: seen.phase is Phase.COPY and seen.progress.chunks > 0)
    goes_on.until_held()
    until_all_is_sent(filled)  # so that it learns of these changes before it gets to their keys
    goes_on.go()
    assert goes_on.ending().exit_code == 0
    assert_migrated(filled)
    running.go()
    with pytest.raises(TakenOverError, match="was ended elsewhere"):
        running.ending()


def until_all_is_sent(database: Database) -> None:
    """Wait until everybody who follows the binlog has been sent all of it."""
    question = "SELECT STATE FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'"
    deadline = time.monotonic() + PATIENCE
    while not all("waiting for more updates" in str(state) for (state,) in database.query(question)):
        assert time.monotonic() < deadline


@pytest.mark.usefixtures("filled")
def test_what_the_first_host_does_until_the_lease_is_taken_is_known_to_the_second(
    driver: Driver, elsewhere: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = driver.start(driver.postponed(), hold=Phase.COPY)
    running.until_held()

    def meanwhile(*_: object) -> None:
        running.go()
        running.until_postponed()

    monkeypatch.setattr(mirror, "refuse_the_living", meanwhile)
    take_over(elsewhere)
    assert (elsewhere.record().phase, elsewhere.record().progress.verified) == (Phase.SYNC, True)
    with pytest.raises(TakenOverError):
        running.ending()


def test_a_migration_is_given_up_from_another_host(filled: Database, driver: Driver, elsewhere: Driver) -> None:
    before = tables(filled)
    number = postponed_and_stopped(driver)
    take_over(elsewhere)
    assert elsewhere.resume(number, order="abort").phase is Phase.ABORTED
    assert tables(filled) == before


def test_a_migration_goes_back_to_where_it_was_begun(filled: Database, driver: Driver, elsewhere: Driver) -> None:
    number = postponed_and_stopped(driver)
    take_over(elsewhere)
    with pytest.raises(TakenOverError, match="taken over by") as refused:
        driver.resume(number)
    assert f"resume {number[:8]} --from-server" in refused.value.remedy
    assert driver.record(number).taken_over == refused.value.message
    take_over(driver)
    driver.flag_file.unlink()
    assert driver.resume(number).exit_code == 0
    with pytest.raises(TakenOverError, match="was ended elsewhere"):
        elsewhere.resume(number)
    assert_migrated(filled)


def test_what_was_swapped_is_only_cleaned_up(filled: Database, driver: Driver, elsewhere: Driver) -> None:
    running = driver.start(driver.settings(), hold=Phase.CLEANUP)
    running.until_held()
    take_over(elsewhere, force=True)
    assert elsewhere.record().phase is Phase.CLEANUP
    assert elsewhere.resume(running.id).exit_code == 0
    running.go()
    assert running.ending().exit_code == 0, "it finds nothing left to do"
    assert_migrated(filled)


# --- Secrets ----------------------------------------------------------------------------------------------------------


class Refusing(Answering):
    status = 503


def test_no_secret_is_on_the_server_or_shown_anywhere(
    filled: Database,
    driver: Driver,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with answering(Refusing) as url:
        hooks = HookSettings(hint_token=SECRET)
        throttle = ThrottleSettings(http=f"{url}?key={SECRET}")
        running = driver.start(driver.postponed(hooks=hooks, throttle=throttle))
        running.until(lambda seen: "503" in str(seen.readings.waiting_for))
        server = everything_kept_on_the_server(filled)
        shown = what_people_are_shown(driver, running.id, capsys)
        running.stop()
        with pytest.raises(StoppedError):
            running.ending()
    assert "hooks-hint-token" in server, "the mirror was looked at"
    assert f"the URL {url}?(not shown)" in shown, "what is waited for was told"
    assert SECRET not in server + shown + caplog.text
    assert driver.record().asked.hooks.hint_token == SECRET
    assert {oct(file.stat().st_mode)[-2:] for file in driver.folder.glob("state.db*")} == {"00"}


def everything_kept_on_the_server(database: Database) -> str:
    """All that is in our tables, their definitions, and what our sessions are doing."""
    sessions = database.query("SELECT * FROM information_schema.PROCESSLIST")
    return f"{tables(database)} {[database.query(f'SELECT * FROM {name}') for name in tables(database)]} {sessions}"


def what_people_are_shown(driver: Driver, number: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What commands, the page and metrics show of a running migration."""
    capsys.readouterr()
    state = f"--state-db={driver.state_file}"
    for command in (["status"], ["history"], ["report"]):
        main([*command, number, state])
        main([*command, number, state, "--json"])
    main(["list", state])
    look = Look(driver.state_file, number)
    return f"{capsys.readouterr().out} {look.document()} {look.figures()}"


# --- Whoever is still there -------------------------------------------------------------------------------------------


def test_a_run_that_lives_is_not_taken_over_unless_that_is_said(
    filled: Database, driver: Driver, elsewhere: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ended then, in the midst of its work, and does not come back."""
    monkeypatch.setattr(mirror, "_LEAVES_WITHIN", 0.0)
    running = driver.start(driver.postponed())
    running.until_postponed()
    with pytest.raises(OwnedElsewhereError, match=f"migration {running.id[:8]} of .* is being run by .* seen"):
        take_over(elsewhere)
    assert elsewhere_knows_nothing(elsewhere)
    take_over(elsewhere, force=True)
    with pytest.raises(TakenOverError, match="was taken over by"):
        running.ending()
    record = driver.record(running.id)
    assert (record.is_finished, record.phase, "taken over by" in record.reason) == (True, Phase.SYNC, True)
    driver.flag_file.unlink()
    assert elsewhere.resume(running.id).exit_code == 0
    assert_migrated(filled)


def elsewhere_knows_nothing(there: Driver) -> bool:
    store = Store(there.state_file)
    try:
        return store.migrations() == ()
    finally:
        store.close()


FROZEN: dict[str, Condition] = {
    "prepare": lambda seen: seen.progress.prepared,
    "copy": lambda seen: seen.phase is Phase.COPY,
    "about to swap": lambda seen: seen.progress.swapping,
}


@pytest.mark.parametrize("hold", FROZEN.values(), ids=FROZEN)
def test_a_run_that_wakes_up_while_another_one_goes_on_touches_nothing(
    filled: Database, driver: Driver, elsewhere: Driver, hold: Condition
) -> None:
    running = driver.start(driver.settings(), hold=hold)
    running.until_held()
    take_over(elsewhere, force=True)
    goes_on = elsewhere.restart(running.id, hold=lambda seen: seen.phase is Phase.CLEANUP)
    goes_on.until_held()
    running.go()
    with pytest.raises(TakenOverError, match="was taken over by"):
        running.ending()
    goes_on.go()
    assert goes_on.ending().exit_code == 0
    assert_migrated(filled)
    assert driver.record(running.id).taken_over


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("filled")
def test_what_is_this_state_files_already_is_only_resumed(driver: Driver) -> None:
    number = postponed_and_stopped(driver)
    before = driver.record(number)
    with pytest.raises(UsageError, match="is this state file's") as refused:
        take_over(driver, force=True)
    assert refused.value.remedy == f"fsm-ghost resume {number[:8]}"
    assert driver.record(number) == before


def test_without_a_migration_there_is_nothing_to_take_over(filled: Database, elsewhere: Driver) -> None:
    with pytest.raises(UsageError, match="there is no migration of"):
        take_over(elsewhere)
    filled.execute("CREATE TABLE t_ghc (id INT)")
    with pytest.raises(UsageError, match="there is no migration of"):
        take_over(elsewhere)
    filled.execute("CREATE TABLE t_ghs (id INT)")
    with pytest.raises(UsageError) as refused:
        take_over(elsewhere)
    assert f"DROP TABLE `{filled.name}`.`t_ghs`;" in refused.value.remedy


def test_a_migration_that_has_no_ghost_table_yet_is_nothing_to_go_on_from(
    filled: Database, driver: Driver, elsewhere: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(point: str) -> None:
        if point == "build.after-ghost":
            raise StoppedError("killed")

    monkeypatch.setattr("fsm_ghost.services.builder.fault_point", die)
    with pytest.raises(StoppedError, match="killed"):
        driver.run(driver.settings())
    with pytest.raises(UsageError, match="has only begun to make its tables") as refused:
        take_over(elsewhere)
    drops = " ".join(f"DROP TABLE `{filled.name}`.`{name}`;" for name in ("t_gho", "t_ghm", "t_ghc"))
    assert drops in refused.value.remedy


@pytest.mark.usefixtures("filled")
def test_a_state_file_with_another_migration_of_the_table_keeps_it(driver: Driver, elsewhere: Driver) -> None:
    store = Store(elsewhere.state_file)
    other = migration.begin(elsewhere.settings(), store)
    store.close()
    number = postponed_and_stopped(driver)
    with pytest.raises(UsageError, match=f"another unfinished migration of .*: {other[:8]}"):
        take_over(elsewhere)
    driver.flag_file.unlink()
    assert driver.resume(number).exit_code == 0

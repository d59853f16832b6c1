"""Row copy waits for what it was told to wait for, and changes are brought over meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fsm_ghost.errors import StoppedError
from fsm_ghost.model.command import Verb
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql import session
from fsm_ghost.settings import CopySettings, Settings, ThrottleSettings
from tests.conftest import ServerFactory
from tests.integration.driving import IN_TURN, Driver, Running, contents, old_table
from tests.integration.test_steering import ask
from tests.servers import Database

ROWS = 1000
CHUNKS = CopySettings(chunk_size=100)


@pytest.fixture(autouse=True)
def _attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are looked for before every step."""
    monkeypatch.setattr("fsm_ghost.engine.machine.LISTEN_EVERY", 0.0)


def fill(database: Database) -> Database:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute("INSERT INTO t VALUES " + ", ".join(f"({n}, 0)" for n in range(1, ROWS + 1)))
    return database


@pytest.fixture
def plain(database: Database) -> Database:
    return fill(database)


def throttled(driver: Driver, **settings: object) -> Settings:
    return driver.settings(copy=CHUNKS, throttle=replace(IN_TURN, **settings))  # type: ignore[arg-type]


def until_waiting(running: Running, why: str) -> None:
    running.until(lambda seen: why in seen.readings.waiting_for)


def goes_on_following(database: Database, running: Running) -> None:
    """While it waits, changes are brought over and no row is copied."""
    before = running.last.progress
    database.execute("UPDATE t SET n = n + 1 WHERE id = 3")
    running.until(lambda seen: seen.progress.changes > before.changes)
    assert running.last.progress.rows == before.rows


def finished(database: Database, running: Running) -> None:
    assert running.ending().exit_code == 0
    assert contents(database, "t", ["id", "n"]) == contents(database, old_table(database, "t"), ["id", "n"])


def test_whoever_throttles_holds_up_copy_comparison_and_swap_also_over_a_resume(
    plain: Database, driver: Driver
) -> None:
    running = driver.start(throttled(driver), hold=Phase.COPY)
    running.until_held()
    driver.order(running.id, Verb.THROTTLE)
    running.go()
    until_waiting(running, "no-throttle")
    goes_on_following(plain, running)
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()
    running = driver.restart(running.id, hold=Phase.VERIFY)
    until_waiting(running, "no-throttle")
    assert ask(driver, running, Verb.NO_THROTTLE).took_effect
    running.until_held()
    driver.order(running.id, Verb.THROTTLE)
    running.go()
    until_waiting(running, "no-throttle")
    goes_on_following(plain, running)
    assert running.last.phase is Phase.VERIFY
    assert running.last.progress.verified_rows == 0
    assert ask(driver, running, Verb.NO_THROTTLE).took_effect
    finished(plain, running)


def test_the_swap_waits_while_row_copy_would_have_to(plain: Database, driver: Driver) -> None:
    running = driver.start(throttled(driver), hold=lambda seen: seen.phase is Phase.SYNC and seen.progress.verified)
    running.until_held()
    driver.order(running.id, Verb.THROTTLE)
    running.go()
    until_waiting(running, "no-throttle")
    goes_on_following(plain, running)
    assert running.last.phase is Phase.SYNC
    assert ask(driver, running, Verb.NO_THROTTLE).took_effect
    finished(plain, running)


def test_a_file_holds_up_row_copy_for_as_long_as_it_exists(plain: Database, driver: Driver, tmp_path: Path) -> None:
    flag = tmp_path / "throttle"
    flag.touch()
    running = driver.start(throttled(driver, additional_flag_file=str(flag)))
    until_waiting(running, f"throttled: {flag} exists")
    goes_on_following(plain, running)
    flag.unlink()
    finished(plain, running)


def test_a_load_that_is_too_high_is_named_with_its_figure(plain: Database, driver: Driver) -> None:
    running = driver.start(throttled(driver, max_load="Threads_connected=1"))
    until_waiting(running, "Threads_connected is ")
    goes_on_following(plain, running)
    assert running.last.progress.rows == 0
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()


def test_a_critical_load_stops_the_run_which_can_be_resumed_with_another_limit(plain: Database, driver: Driver) -> None:
    running = driver.start(throttled(driver, critical_load="Threads_connected=1"))
    with pytest.raises(StoppedError, match="critical load: Threads_connected is"):
        running.ending()
    again = driver.restart(
        running.id, change=lambda asked, progress: (replace(asked, throttle=ThrottleSettings()), progress)
    )
    finished(plain, again)


@pytest.mark.parametrize(
    "settings,why",
    [
        ({"query": "SELECT n + 1 FROM t WHERE id = 1"}, "the throttle query returns 1"),
        ({"query": "SELECT nonsense"}, "the throttle query cannot be asked"),
        ({"max_load": "Treads_running=25"}, "no number called Treads_running"),
        ({"control_replicas": "127.0.0.1:1"}, "the replica 127.0.0.1:1 cannot be asked"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value.values())),
)
def test_what_cannot_be_asked_makes_row_copy_wait(
    plain: Database, driver: Driver, settings: dict[str, str], why: str
) -> None:
    query = {name: value.replace(" t ", f" {plain.name}.t ") for name, value in settings.items()}
    running = driver.start(throttled(driver, **query))
    until_waiting(running, why)
    goes_on_following(plain, running)
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()


def test_row_copy_waits_for_a_replica_that_has_stopped_and_goes_on_when_it_has_caught_up(
    fresh_server: ServerFactory, tmp_path: Path
) -> None:
    primary = fresh_server()
    replica = fresh_server(server_id=2, replica_of=primary)
    database = fill(Database(primary))
    driver = Driver(database, tmp_path)
    stop, start = ("STOP SLAVE", "START SLAVE") if primary.flavour == "mariadb" else ("STOP REPLICA", "START REPLICA")
    settings = throttled(driver, control_replicas=f"127.0.0.1:{replica.port}", max_lag_millis=1500)
    running = driver.start(settings, hold=Phase.COPY)
    running.until_held()
    replica.execute(stop)
    driver.order(running.id, Verb.THROTTLE)
    running.go()
    first = running.last.progress.marker
    running.until(
        lambda seen: seen.progress.marker >= first + 5
    )  # one a second: the replica lacks the first for longer
    assert ask(driver, running, Verb.NO_THROTTLE).took_effect
    until_waiting(running, "behind, the limit 1.5 s")
    goes_on_following(database, running)
    replica.execute(start)
    finished(database, running)
    driver.close()


@pytest.mark.usefixtures("plain")
def test_a_polite_copy_comes_to_its_end(driver: Driver) -> None:
    ending = driver.run(throttled(driver, nice_ratio=1.0))
    assert ending.exit_code == 0
    assert ending.snapshot.progress.chunks == ROWS // 100


def test_a_throttle_that_lasts_longer_than_the_server_keeps_idle_connections_is_outlived(
    plain: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight hours, if the server's time-out were the usual one."""
    first, *rest = session._SETTINGS
    monkeypatch.setattr(session, "_SETTINGS", (first.replace("wait_timeout = 28800", "wait_timeout = 1"), *rest))

    def given_up() -> int:
        return int(plain.query("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")[0][1])

    running = driver.start(throttled(driver), hold=lambda seen: seen.phase is Phase.COPY and seen.progress.rows > 0)
    running.until_held()
    driver.order(running.id, Verb.THROTTLE)
    before = given_up()
    running.go()
    until_waiting(running, "no-throttle")
    running.until(lambda _: given_up() > before)
    plain.execute("UPDATE t SET n = 7 WHERE id IN (3, 900)")
    assert ask(driver, running, Verb.NO_THROTTLE).took_effect
    finished(plain, running)

"""A migration of a real table is changed while it runs: what is asked for takes effect, and is known to a resume."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest

from fsm_ghost.cli.control import asking
from fsm_ghost.cli.control.asking import socket_of
from fsm_ghost.cli.control.serving import Serving
from fsm_ghost.engine.store import Change, Run, Store
from fsm_ghost.errors import StoppedError
from fsm_ghost.model.phase import Phase
from fsm_ghost.services.server.doors import speak
from fsm_ghost.settings import ControlSettings, CopySettings, CutOverSettings
from tests.conftest import ServerFactory
from tests.crash.stage import until
from tests.integration.driving import Driver, Running, contents, old_table
from tests.servers import Database
from tests.servers.answering import Answering, answering

ROWS = 1000
Say = Callable[[str], str]


@pytest.fixture(autouse=True)
def _attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are looked for before every step, and waited for however long it takes."""
    monkeypatch.setattr("fsm_ghost.engine.machine.LISTEN_EVERY", 0.0)
    monkeypatch.setattr(asking, "PATIENCE", dict.fromkeys(asking.PATIENCE, 120.0))


@pytest.fixture
def plain(database: Database) -> Database:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    database.execute("INSERT INTO t VALUES " + ", ".join(f"({n}, 0)" for n in range(1, ROWS + 1)))
    return database


@pytest.fixture
def doors() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def listening(driver: Driver, running: Running, doors: ExitStack) -> Say:
    """What a run answers at its socket."""
    store = doors.enter_context(closing(Store.existing(driver.state_file)))
    serving = doors.enter_context(Serving(store, running.id))
    serving.begin()
    where = socket_of(store, driver.record(running.id))
    return lambda said: speak(where, said, 120.0)


class Refusing(Answering):
    """Always says no."""

    status = 503


@pytest.fixture
def url() -> Iterator[str]:
    """What always says no."""
    with answering(Refusing) as where:
        yield where


def test_every_source_of_throttling_can_be_brought_and_taken_away_while_it_runs(
    plain: Database, driver: Driver, doors: ExitStack, tmp_path: Path, url: str
) -> None:
    flag = tmp_path / "throttle"
    flag.touch()
    control = ControlSettings(allow_throttle_query=True)
    running = driver.start(driver.settings(copy=CopySettings(chunk_size=100), control=control), hold=Phase.COPY)
    running.until_held()
    driver.order(running.id, "throttle")
    running.go()
    running.until(lambda seen: "no-throttle" in seen.readings.waiting_for)
    say = listening(driver, running, doors)
    reasons = {
        "max-load=Threads_connected=1": "Threads_connected is ",
        "critical-load=Threads_connected=1": "resting for 3600 s after a critical load",
        "throttle-query=SELECT 7": "the throttle query returns 7",
        f"throttle-http={url}": f"{url} answers 503",
        "throttle-control-replicas=127.0.0.1:1": "the replica 127.0.0.1:1 cannot be asked",
        f"throttle-flag-file={flag}": f"{flag} exists",
        f"throttle-additional-flag-file={flag}": f"{flag} exists",
    }
    assert say("critical-load-hibernate-seconds=3600").startswith("done: ")
    for said, why in reasons.items():
        assert say(said).startswith("done: "), said
        say("no-throttle")
        running.until(lambda seen, why=why: why in seen.readings.waiting_for)  # type: ignore[misc]
        say("throttle")
        assert say(f"{said.partition('=')[0]}=").startswith("done: ")
    assert running.last.progress.rows == 0
    say("no-throttle")
    assert running.ending().exit_code == 0
    assert contents(plain, "t", ["id", "n"]) == contents(plain, old_table(plain, "t"), ["id", "n"])


def test_the_length_of_chunks_changes_with_the_next_chunk_and_stays_so_after_a_panic(
    plain: Database, driver: Driver, doors: ExitStack
) -> None:
    short = driver.settings(copy=CopySettings(chunk_size=10, workers=1))
    running = driver.start(short, hold=lambda seen: seen.progress.chunks >= 2)
    running.until_held()
    driver.order(running.id, "throttle")
    running.go()
    running.until(lambda seen: "no-throttle" in seen.readings.waiting_for)
    say = listening(driver, running, doors)
    begun = running.last.progress.chunks
    assert say("chunk-size=100").startswith("done: ")
    assert say("max-load=Threads_connected=1").startswith("done: ")
    assert say("no-throttle").startswith("done: ")
    running.until(lambda seen: "Threads_connected is" in seen.readings.waiting_for)
    assert say("nice-ratio=0.5").startswith("done: ")
    assert say("panic=t").startswith("done: ")
    with pytest.raises(StoppedError, match="stopped by panic"):
        running.ending()
    asked = driver.record(running.id).asked
    assert (asked.copy.chunk_size, asked.throttle.nice_ratio, asked.throttle.max_load) == (
        100,
        0.5,
        "Threads_connected=1",
    )
    running = driver.restart(running.id)
    running.until(lambda seen: "Threads_connected is" in seen.readings.waiting_for)
    assert json.loads(say('{"command": "status"}'))["data"]["settings"]["chunk-size"] == "100"
    assert json.loads(say('{"command": "chunk-size", "argument": 300}'))["took_effect"] is True
    assert say("max-load=").startswith("done: ")
    assert running.ending().exit_code == 0
    left = ROWS - 10 * begun
    assert driver.record(running.id).progress.chunks == begun + ceil(left / 300), "the length that it had last"
    assert contents(plain, "t", ["id", "n"]) == contents(plain, old_table(plain, "t"), ["id", "n"])


def test_the_swap_is_steered_by_settings_that_are_changed_while_it_waits(
    plain: Database, driver: Driver, doors: ExitStack, tmp_path: Path
) -> None:
    flag = tmp_path / "postpone"
    running = driver.start(driver.settings(cut_over=CutOverSettings(postpone=True)))
    running.until_postponed()
    say = listening(driver, running, doors)
    assert say(f"postpone-cut-over-flag-file={flag}").startswith("done: ")
    assert flag.exists()
    assert say("cut-over-lock-timeout-seconds=30").startswith("done: ")
    assert "the lock was granted after" in say("rehearse")
    assert say("unpostpone=t").startswith("done: ")
    assert running.ending().exit_code == 0
    assert contents(plain, "t", ["id", "n"]) == contents(plain, old_table(plain, "t"), ["id", "n"])


def watched(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether anybody would have been told that the migration runs, before each attempt to drive it."""
    drive, told = Store.drive, []

    def looked_at(
        store: Store, migration: str, owner: str, change: Change | None = None, after: Run | None = None
    ) -> Run:
        told.append(store.is_running(migration))
        return drive(store, migration, owner, change, after)

    monkeypatch.setattr(Store, "drive", looked_at)
    return told


def test_while_the_server_is_away_whoever_asks_is_told_so_and_a_panic_is_heard(
    fresh_server: ServerFactory, tmp_path: Path, doors: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_running = watched(monkeypatch)
    here = Database(fresh_server())
    here.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)")
    driver = Driver(here, tmp_path)
    driver.server = replace(driver.server, socket="")  # PyMySQL forgets one that it could not connect
    running = driver.start(driver.postponed())
    running.until_postponed()
    say = listening(driver, running, doors)
    here.server.kill()
    until(lambda: driver.record(running.id).epoch > 2, "attempts to reach it again")
    reached = f"127.0.0.1:{driver.server.port}"
    assert f"sync: waiting: a connection to {reached}: " in say("sup")
    monkeypatch.setattr(asking, "PATIENCE", dict.fromkeys(asking.PATIENCE, 0.0))
    assert f"in state sync (waiting: a connection to {reached}: " in say("throttle")
    monkeypatch.setattr(asking, "PATIENCE", dict.fromkeys(asking.PATIENCE, 120.0))
    assert was_running == [False, *[True] * (len(was_running) - 1)]
    assert say("panic").startswith("done: ")
    with pytest.raises(StoppedError, match="stopped by panic"):
        running.ending()
    assert driver.record(running.id).reason == "stopped by panic"

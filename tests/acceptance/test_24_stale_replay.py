"""Scenario 24, stale-replay: connections are lost again and again while the same rows are updated all the time.

Whatever is read from the binlog once more, no row of the ghost table ever goes back to an earlier version; a monitor
reads it all the time and compares. No event is counted twice, and in the end the tables are equal.
"""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.connections import lock_name
from tests.integration.driving import Driver, old_table
from tests.integration.interleaving import CHUNK, IDS, Scene
from tests.servers import Database
from tests.servers.binlog import dumps

TIMES = 6
HOT = IDS[: CHUNK // 5]  # rows that are copied before anything is lost


class Loop:
    """A thread of a test that does something again and again, until it is stopped."""

    def __init__(self, body: Callable[[], None], pause: float) -> None:
        self._body = body
        self._pause = pause
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop it; what it was ended by is raised."""
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._pause):
                self._body()
        except BaseException as error:  # noqa: BLE001 - raised by `stop`
            self._error = error


class Counting:
    """An application that counts up `n` of the hot rows; each of its transactions is one row event."""

    def __init__(self, database: Database) -> None:
        self.commits = 0
        self._choice = random.Random(24)
        self._connection = database.connect()
        self._loop = Loop(self._count, pause=0.001)

    def stop(self) -> None:
        self._loop.stop()

    def _count(self) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(f"UPDATE t SET n = n + 1 WHERE id = {self._choice.choice(HOT)}")
        self.commits += 1


class Monitor:
    """Reads the ghost table all the time: `n` of a row may grow, and nothing else."""

    def __init__(self, database: Database) -> None:
        self.advances = 0
        self.regressions: list[str] = []
        self._seen: dict[int, int] = {}
        self._connection = database.connect()
        self._look()
        self._loop = Loop(self._look, pause=0.002)

    def stop(self) -> None:
        self._loop.stop()

    def _look(self) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT id, n FROM t_gho")
            rows: dict[int, int] = dict(cursor.fetchall())
        self.advances += sum(n > self._seen[number] for number, n in rows.items() if number in self._seen)
        self.regressions += [
            f"row {number}: {rows.get(number)} after {n}"
            for number, n in self._seen.items()
            if number not in rows or rows[number] < n
        ]
        self._seen = rows


@pytest.fixture
def scene(database: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A migration that stays in row copy: the hot rows are copied, the second half of the table is not."""
    made = Scene(database, driver, monkeypatch)
    yield made
    made.close()


def kill_the_stream(scene: Scene, _: Driver) -> None:
    """The dump connection is killed; wait until there is another one."""
    dumping = dumps(scene.database)
    assert dumping
    scene.database.kill(dumping)
    scene.until(lambda: dumps(scene.database) - dumping, "another stream")


def kill_the_refreshes(scene: Scene, driver: Driver) -> None:
    """The connections of the refreshes are killed; wait until the next run has its own."""
    before = driver.record(scene.running.id).epoch
    connections = refreshing(scene, driver)
    assert connections
    scene.database.kill(connections)
    scene.running.until(lambda _: driver.record(scene.running.id).epoch > before)
    scene.until(lambda: len(refreshing(scene, driver)) == 2, "the connections of the next run")


def refreshing(scene: Scene, driver: Driver) -> set[int]:
    """The connections of the refreshes that are on the server."""
    with closing(sqlite3.connect(driver.state_file)) as state:
        numbers = [
            number for (number,) in state.execute("SELECT number FROM connections WHERE purpose LIKE 'refresh%'")
        ]
    questions = ", ".join(f"IS_USED_LOCK('{lock_name(scene.running.id, number)}')" for number in numbers)
    return {int(found) for found in scene.database.query(f"SELECT {questions}")[0] if found is not None}


@pytest.mark.parametrize("lose", [kill_the_stream, kill_the_refreshes])
def test_no_row_goes_back_to_an_earlier_version_however_often_connections_are_lost(
    scene: Scene, driver: Driver, lose: Callable[[Scene, Driver], None]
) -> None:
    scene.begin_and_copy()
    monitor, application = Monitor(scene.database), Counting(scene.database)
    try:
        for _ in range(TIMES):
            lose(scene, driver)
            written, seen = application.commits, monitor.advances
            scene.running.until(lambda now, written=written: now.progress.changes >= written)  # type: ignore[misc]
            scene.until(lambda seen=seen: monitor.advances > seen, "later versions of rows in the ghost table")  # type: ignore[misc]
    finally:
        application.stop()
        monitor.stop()
    assert monitor.regressions == []
    scene.until_followed(application.commits)
    counted = scene.running.last.progress.changes
    if lose is kill_the_stream:
        assert counted == application.commits, "an event was counted twice"
    assert scene.ending().phase is Phase.DONE
    assert scene.differing(old_table(scene.database, "t")) == set()
    assert sum(n for (n,) in scene.database.query("SELECT n FROM t")) == sum(IDS) + application.commits


def test_the_monitor_notices_a_row_that_goes_back(scene: Scene) -> None:
    scene.begin_and_copy()
    monitor = Monitor(scene.database)
    scene.database.execute(f"UPDATE t SET n = n + 9 WHERE id = {HOT[0]}")
    scene.until(lambda: monitor.advances, "the later version in the ghost table")
    scene.database.execute(f"UPDATE t_gho SET n = n - 1 WHERE id = {HOT[0]}")
    scene.until(lambda: monitor.regressions, "the regression")
    monitor.stop()

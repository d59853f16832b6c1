"""Following real servers through everything that can happen to the connection, and at the owner thread's pace."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key
from fsm_ghost.mysql.binlog.stream import KeyStream
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.streamer import Streamer
from tests.conftest import ServerFactory
from tests.integration.following import Followed, following, keys
from tests.servers import Database
from tests.servers.binlog import dumps

PATIENCE = 30.0  # seconds; more than anything here takes


class Owner:
    """Takes what the streamer hands over."""

    def __init__(self, followed: Followed, opened: Callable[[Coordinates], KeyStream], most_waiting: int) -> None:
        self.followed = followed
        self.keys: set[Key] = set()
        self.markers: set[int] = set()
        self._markers = count(1)
        self.streamer = Streamer(opened, followed.position(), threading.Event(), most_waiting=most_waiting)

    def take_until(self, come: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not come():
            assert time.monotonic() < deadline, "it did not come"
            for changes in self.streamer.wait(0.02):
                self.keys |= changes.keys
                self.markers |= changes.markers

    def keys_after(self, *statements: str) -> set[Key]:
        """Everything up to now, these statements included."""
        self.followed.run(*statements)
        marker = next(self._markers)
        self.followed.run(f"INSERT INTO orders_ghc VALUES ({marker}, 'marker')")
        self.take_until(lambda: marker in self.markers)
        return self.keys


@contextmanager
def owning(
    followed: Followed, opened: Callable[[Coordinates], KeyStream] | None = None, most_waiting: int = 1000
) -> Iterator[Owner]:
    owner = Owner(followed, opened or followed.open, most_waiting)
    try:
        yield owner
    finally:
        owner.streamer.close()
        owner.streamer._thread.join(PATIENCE)
        assert not owner.streamer._thread.is_alive()


def test_no_key_is_lost_when_the_connection_is_killed_again_and_again(database: Database) -> None:
    with following(database) as followed, owning(followed) as owner:
        for lost in range(1, 4):
            owner.keys_after(f"INSERT INTO orders VALUES ({lost}, 'a')")
            database.kill(dumps(database))
            followed.run(f"UPDATE orders SET v = 'b', id = {100 + lost} WHERE id = {lost}")
            owner.take_until(lambda lost=lost: owner.streamer.reconnects >= lost)  # type: ignore[misc]
        assert owner.keys_after("DELETE FROM orders") == keys(1, 2, 3, 101, 102, 103)


def test_a_server_that_freezes_or_crashes_is_noticed_and_followed_again(
    fresh_server: ServerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    server = fresh_server()
    with following(Database(server)) as followed:
        opening = threading.Semaphore(0)
        tcp = {"unix_socket": None, "host": server.host, "port": server.port}

        def opened(start: Coordinates) -> KeyStream:
            opening.release()
            return followed.open(start, heartbeat=0.1, dead_after=1.0, connect=tcp)

        with owning(followed, opened) as owner, caplog.at_level(logging.WARNING):
            assert owner.keys_after("INSERT INTO orders VALUES (1, 'a')") == keys(1)
            assert opening.acquire(timeout=PATIENCE)
            os.kill(server.pid, signal.SIGSTOP)
            try:
                assert opening.acquire(timeout=PATIENCE)  # the silence was noticed
            finally:
                os.kill(server.pid, signal.SIGCONT)
            assert "nothing came for 1 seconds" in caplog.text
            assert owner.keys_after("INSERT INTO orders VALUES (2, 'a')") == keys(1, 2)
            assert owner.streamer.reconnects
            before = owner.streamer.reconnects
            server.kill()
            server.start()
            followed.session.close()
            followed.session = Session({**followed.arguments, "database": followed.database.name})
            assert owner.keys_after("INSERT INTO orders VALUES (3, 'a')") == keys(1, 2, 3)
            assert owner.streamer.reconnects > before


def test_a_reader_that_pauses_for_longer_than_the_server_waits_for_others_is_not_thrown_out(database: Database) -> None:
    with following(database, "id INT PRIMARY KEY, v LONGTEXT") as followed:
        followed.run("SET GLOBAL net_write_timeout = 1")
        try:
            with owning(followed, most_waiting=1) as owner:
                assert owner.keys_after() == set()  # it is connected
                for number in range(40):  # more than the socket buffers hold
                    followed.run(f"INSERT INTO orders VALUES ({number}, REPEAT('x', 500000))")
                time.sleep(2.0)  # what is tested is that nothing happens
                assert owner.keys_after() == keys(*range(40))
                assert owner.streamer.reconnects == 0
        finally:
            followed.run("SET GLOBAL net_write_timeout = DEFAULT")

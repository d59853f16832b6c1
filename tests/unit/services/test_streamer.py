"""Following over several connections, and at the owner thread's pace."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from fsm_ghost.errors import ConnectionLostError, FsmGhostError, ServerError, StoppedError, StreamError
from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key
from fsm_ghost.services.streamer import Stream, Streamer, _Outage
from tests.unit.model.examples import at

PATIENCE = 30.0  # seconds; more than anything here takes
LOST = ConnectionLostError("lost")

Said = Changes | FsmGhostError


class Connection:
    """A stream that says what it was told to, and then nothing more until it is interrupted."""

    def __init__(self, *said: Said) -> None:
        self._said = deque(said)
        self.reads = 0
        self.is_silent = threading.Event()
        self.has_said_all = threading.Event()
        self.interrupted = threading.Event()
        self.closed = threading.Event()

    def read(self, timeout: float = PATIENCE) -> Changes | None:
        del timeout
        self.reads += 1
        if not self._said:
            self.is_silent.set()
            self.interrupted.wait(PATIENCE)
            return None
        said = self._said.popleft()
        if not self._said:
            self.has_said_all.set()
        if isinstance(said, FsmGhostError):
            raise said
        return said

    def hurry(self, *, hurried: bool) -> None: ...

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        self.closed.set()


class Server:
    """Opens one of its connections after the other, or fails to; notes from where it was asked to."""

    def __init__(self, *connections: Connection | FsmGhostError) -> None:
        self._connections = deque(connections)
        self.asked: list[Coordinates] = []

    def open(self, start: Coordinates) -> Stream:
        self.asked.append(start)
        connection = self._connections.popleft() if len(self._connections) > 1 else self._connections[0]
        if isinstance(connection, FsmGhostError):
            raise connection
        return connection


@contextmanager
def following(
    open_stream: Callable[[Coordinates], Stream], *, give_up_after: float = PATIENCE, most_waiting: int = 1000
) -> Iterator[Streamer]:
    streamer = Streamer(open_stream, at(4), threading.Event(), give_up_after=give_up_after, most_waiting=most_waiting)
    try:
        yield streamer
    finally:
        streamer.close()
        streamer._thread.join(PATIENCE / 2)  # less than anything here waits for what does not come
        assert not streamer._thread.is_alive()


def reading(start: int, end: int, *keys: int, swapped: bool = False) -> Changes:
    return Changes(at(start), at(end), frozenset((key,) for key in keys), swapped=swapped)


def taken(streamer: Streamer, count: int) -> list[Changes]:
    """The next readings, `count` of them."""
    found: list[Changes] = []
    while len(found) < count:
        more = streamer.wait(PATIENCE)
        assert more, "nothing came"
        found += more
    return found


def ending(streamer: Streamer) -> FsmGhostError:
    """What ends the stream."""
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            streamer.wait(PATIENCE)
    except FsmGhostError as error:
        return error
    raise AssertionError("nothing ended it")


# --- Lost connections -------------------------------------------------------------------------------------------------


def test_a_lost_connection_is_made_again_from_the_last_boundary_that_was_handed_over() -> None:
    first = Connection(reading(4, 50, 1), reading(50, 50, 2), LOST)
    server = Server(first, LOST, Connection(reading(50, 90, 2, 3)))
    with following(server.open) as streamer:
        assert [changes.end for changes in taken(streamer, 3)] == [at(50), at(50), at(90)]
        assert server.asked == [at(4), at(50), at(50)]
        assert streamer.reconnects == 1
        assert first.closed.is_set()


def test_a_connection_that_was_never_lost_was_not_made_again() -> None:
    with following(Server(Connection(reading(4, 50))).open) as streamer:
        taken(streamer, 1)
        assert streamer.reconnects == 0


def test_the_first_connection_is_tried_again_too() -> None:
    server = Server(LOST, LOST, Connection(reading(4, 50)))
    with following(server.open) as streamer:
        taken(streamer, 1)
        assert (server.asked, streamer.reconnects) == ([at(4)] * 3, 0)


@pytest.mark.parametrize(
    "error",
    [StreamError("purged"), ServerError("denied"), StoppedError("another server")],
    ids=lambda e: type(e).__name__,
)
def test_what_is_no_lost_connection_is_final(error: FsmGhostError) -> None:
    for connection in (error, Connection(error)):
        server = Server(Connection(reading(4, 50), LOST), connection, Connection(reading(50, 60)))
        with following(server.open) as streamer:
            assert taken(streamer, 1) == [reading(4, 50)]
            assert ending(streamer) is error
            assert len(server.asked) == 2


def test_a_server_that_cannot_be_reached_is_given_up_after_a_while() -> None:
    server = Server(LOST)
    with following(server.open, give_up_after=0.2) as streamer:
        assert ending(streamer) is LOST
        assert len(server.asked) > 1


def test_connections_that_bring_nothing_are_given_up_although_they_can_be_made() -> None:
    server = Server(Connection(LOST), *(Connection(LOST) for _ in range(1000)))
    with following(server.open, give_up_after=0.2) as streamer:
        assert ending(streamer) is LOST
        assert streamer.reconnects >= 1


class Clock:
    """What stands for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("fsm_ghost.services.streamer.time", made)
    return made


def test_pauses_between_attempts_grow_to_a_few_seconds(clock: Clock) -> None:
    outage = _Outage(60)
    pauses = [outage.pause_after(LOST) for _ in range(10)]
    for pause, longest in zip(pauses, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 4, 4, 4, 4], strict=True):
        assert longest / 2 <= pause <= longest
    clock.now += 60.1
    with pytest.raises(ConnectionLostError):
        outage.pause_after(LOST)


def test_what_a_connection_brings_ends_the_outage(clock: Clock) -> None:
    outage = _Outage(60)
    for _ in range(5):
        assert outage.pause_after(LOST) <= 0.1
        clock.now += 40
        outage.connected()
        outage.heard(reading(4, 50))


def test_a_connection_over_which_nothing_comes_ends_the_outage_only_when_it_lasts(clock: Clock) -> None:
    outage = _Outage(60)
    outage.pause_after(LOST)
    outage.connected()
    clock.now += 59
    outage.heard(None)
    outage.pause_after(LOST)  # the same outage
    assert outage.pause_after(LOST) >= 0.2
    outage.connected()
    clock.now += 61
    outage.heard(None)
    assert outage.pause_after(LOST) <= 0.1


def test_coordinates_never_go_back_behind_what_was_handed_over() -> None:
    server = Server(Connection(reading(4, 50), LOST), Connection(reading(49, 60)))
    with following(server.open) as streamer:
        assert taken(streamer, 1) == [reading(4, 50)]
        assert f"from {at(50)} on and brings changes from {at(49)} on" in str(ending(streamer))


def test_our_own_rename_is_the_end() -> None:
    connection = Connection(reading(4, 50, swapped=True), reading(50, 60))
    with following(Server(connection).open) as streamer:
        assert taken(streamer, 1)[0].swapped
        assert connection.closed.wait(PATIENCE)
        assert streamer.take() == []


# --- Ending -----------------------------------------------------------------------------------------------------------


def test_it_ends_at_once_while_it_is_reading() -> None:
    connection = Connection()
    with following(Server(connection).open):
        assert connection.is_silent.wait(PATIENCE)
    assert connection.closed.is_set()


def test_it_ends_at_once_while_it_is_connecting_and_the_connection_is_closed_when_it_comes() -> None:
    connecting, may_come, connection = threading.Event(), threading.Event(), Connection()

    def opened(_: Coordinates) -> Stream:
        connecting.set()
        may_come.wait(PATIENCE)
        return connection

    with following(opened):
        assert connecting.wait(PATIENCE)
    assert not connection.closed.is_set()
    may_come.set()
    assert connection.closed.wait(PATIENCE)
    assert connection.reads == 0


def test_a_connection_that_fails_after_the_end_does_no_harm() -> None:
    connecting, may_fail = threading.Event(), threading.Event()

    def opened(_: Coordinates) -> Stream:
        connecting.set()
        may_fail.wait(PATIENCE)
        raise LOST

    with following(opened) as streamer:
        assert connecting.wait(PATIENCE)
    may_fail.set()
    assert streamer.take() == []


def test_it_ends_at_once_while_it_pauses_before_it_connects_again() -> None:
    attempts = threading.Semaphore(0)

    def opened(_: Coordinates) -> Stream:
        attempts.release()
        raise LOST

    with following(opened):
        for _ in range(4):  # pauses have grown
            assert attempts.acquire(timeout=PATIENCE)


def test_it_ends_at_once_while_it_waits_for_the_owner_thread() -> None:
    connection = Connection(reading(4, 50, 1), reading(50, 60, 2))
    with following(Server(connection).open, most_waiting=1):
        assert connection.has_said_all.wait(PATIENCE)
    assert connection.closed.is_set()


# --- The owner thread's pace ------------------------------------------------------------------------------------------


def test_reading_pauses_while_many_keys_wait_for_the_owner_thread() -> None:
    connection = Connection(*(reading(4 + n, 5 + n, *range(n * 400, n * 400 + 400)) for n in range(20)))
    found: set[Key] = set()
    with following(Server(connection).open, most_waiting=1000) as streamer:
        while len(found) < 20 * 400:
            waiting = streamer.wait(PATIENCE)
            assert sum(len(changes.keys) for changes in waiting) <= 1000
            found.update(*(changes.keys for changes in waiting))


def test_a_reading_of_more_keys_than_may_wait_is_handed_over_alone() -> None:
    connection = Connection(reading(4, 50, *range(5000)), reading(50, 60, 1))
    with following(Server(connection).open, most_waiting=10) as streamer:
        assert [len(changes.keys) for changes in taken(streamer, 2)] == [5000, 1]


def test_readings_without_keys_do_not_pile_up_either() -> None:
    connection = Connection(*(reading(4 + n, 5 + n) for n in range(100)))
    with following(Server(connection).open, most_waiting=10) as streamer:
        seen = 0
        while seen < 100:
            waiting = streamer.wait(PATIENCE)
            assert len(waiting) <= 10
            seen += len(waiting)

"""Sources of throttling, and what is made of sources that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from fsm_ghost.errors import ConnectionLostError, FsmGhostError, ServerError, StoppedError, UsageError
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.faults import NO_SUCH_TABLE
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.throttle import throttle as under_test
from fsm_ghost.services.throttle.flag_file import FlagFile
from fsm_ghost.services.throttle.lag import Heartbeats, Lag
from fsm_ghost.services.throttle.load import CriticalLoad, Load
from fsm_ghost.services.throttle.query import Query
from fsm_ghost.services.throttle.source import Source, Wanted
from fsm_ghost.services.throttle.throttle import Throttle
from fsm_ghost.services.throttle.url import Url
from fsm_ghost.settings import Limit, ThrottleSettings
from tests.servers.answering import Answering, answering

CHANGELOG = TableName("s", "t_ghc")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@dataclass
class Server:
    """A session of a server with some status variables, and one answer to every query."""

    status: dict[str, str]
    answer: Any = None
    closed: int = 0

    def query(self, _: str) -> list[tuple[str, str]]:
        return list(self.status.items())

    def value(self, _: str) -> Any:  # noqa: ANN401 - whatever a query returns
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def quote(self, text: str) -> str:
        return f"'{text}'"

    def close(self) -> None:
        self.closed += 1

    @property
    def session(self) -> Session:
        return cast("Session", self)


def test_limits_are_read_and_what_is_none_is_refused() -> None:
    assert Limit.parse("--max-load", " Threads_running = 25,Threads_connected=300, ") == (
        Limit("Threads_running", 25),
        Limit("Threads_connected", 300),
    )
    for wrong in ("Threads_running", "Threads_running=", "Threads_running=-1", "a b=3"):
        with pytest.raises(UsageError, match="--max-load"):
            ThrottleSettings(max_load=wrong)


def test_replicas_are_read_and_what_is_none_is_refused() -> None:
    assert ThrottleSettings(control_replicas="db2, db3:3307,[::1]:3308").replicas() == (
        ("db2", 3306),
        ("db3", 3307),
        ("::1", 3308),
    )
    with pytest.raises(UsageError, match="HOST:PORT"):
        ThrottleSettings(control_replicas="db2:many")


def test_a_load_is_told_with_its_figure_and_limit() -> None:
    server = Server({"Threads_running": "24", "Version": "10.11.19-MariaDB"})
    load = Load(server.session, (Limit("THREADS_RUNNING", 25),))
    assert load.ask() == ""
    server.status["Threads_running"] = "25"
    assert load.ask() == "THREADS_RUNNING is 25, the limit 25"


def test_a_variable_that_the_server_does_not_have_is_an_error() -> None:
    for name in ("Treads_running", "Version"):
        with pytest.raises(LookupError, match=name):
            Load(Server({"Threads_running": "1", "Version": "10.11.19-MariaDB"}).session, (Limit(name, 25),)).ask()


def critical(server: Server, interval: float = 0.0, rest: float = 0.0) -> CriticalLoad:
    return CriticalLoad(server.session, (Limit("Threads_running", 100),), interval=interval, rest=rest)


def test_a_critical_load_stops_the_run() -> None:
    server = Server({"Threads_running": "99"})
    source = critical(server)
    assert source.ask() == ""
    server.status["Threads_running"] = "100"
    with pytest.raises(StoppedError, match="Threads_running is 100"):
        source.ask()


@pytest.mark.parametrize("stays", [True, False])
def test_with_an_interval_it_has_to_be_there_again(clock: Clock, *, stays: bool) -> None:
    server = Server({"Threads_running": "100"})
    source = critical(server, interval=3.0)
    assert "100" in source.ask()
    server.status["Threads_running"] = "1"
    clock.now += 1
    assert source.ask()
    server.status["Threads_running"] = "100" if stays else "1"
    clock.now += 2
    if stays:
        with pytest.raises(StoppedError):
            source.ask()
    else:
        assert source.ask() == ""


def test_a_run_that_hibernates_rests_and_looks_again(clock: Clock) -> None:
    server = Server({"Threads_running": "100"})
    source = critical(server, rest=60.0)
    assert "resting for 60 s" in source.ask()
    server.status["Threads_running"] = "1"
    clock.now += 59
    assert "another 1 s" in source.ask()
    clock.now += 1
    assert source.ask() == ""


@pytest.mark.parametrize("answer,waits", [(0, False), ("0.0", False), (None, False), (1, True), ("0.5", True)])
def test_a_query_that_returns_anything_but_zero_makes_it_wait(answer: object, *, waits: bool) -> None:
    assert bool(Query(Server({}, answer).session, "SELECT …").ask()) == waits


def test_a_query_that_returns_no_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="yes"):
        Query(Server({}, "yes").session, "SELECT …").ask()


def test_a_file_makes_it_wait_while_it_exists_be_it_a_link_to_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "throttle"
    source = FlagFile(str(path))
    assert source.ask() == ""
    path.symlink_to("nowhere")
    assert source.ask() == f"{path} exists"


def test_a_replica_is_behind_by_the_age_of_the_first_marker_that_it_does_not_have(clock: Clock) -> None:
    heartbeats, server = Heartbeats(), Server({}, answer=7)
    source = Lag("db2:3306", CHANGELOG, heartbeats, 1.5, lambda: server.session)
    assert source.ask() == ""
    heartbeats.note(7)
    clock.now += 10
    assert source.ask() == ""
    heartbeats.note(8)
    clock.now += 1
    heartbeats.note(9)
    assert source.ask() == ""
    clock.now += 0.6
    assert source.ask() == "the replica db2:3306 is 1.6 s behind, the limit 1.5 s"
    server.answer = 8
    assert source.ask() == ""
    server.answer = ServerError("no such table", code=NO_SUCH_TABLE)
    clock.now += 5
    assert "behind" in source.ask()


def test_a_replica_that_was_lost_is_connected_to_again() -> None:
    servers = [Server({}, ConnectionLostError("gone")), Server({}, 7)]
    left = list(servers)
    source = Lag("db2:3306", CHANGELOG, Heartbeats(), 1.5, lambda: left.pop(0).session)
    with pytest.raises(OSError, match="gone"):
        source.ask()
    assert servers[0].closed
    assert source.ask() == ""


@pytest.fixture
def url() -> Iterator[str]:
    with answering() as where:
        yield where


def test_a_url_makes_it_wait_until_it_answers_with_200(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Url(url, every=0.1, timeout=5, ignore_errors=False)
    assert source.ask() == ""
    for status in (204, 404, 503):
        monkeypatch.setattr(Answering, "status", status)
        assert source.ask() == f"{url} answers {status}"


@pytest.mark.parametrize("ignore", [True, False])
def test_a_url_that_does_not_answer_is_an_error_unless_that_is_to_be_ignored(*, ignore: bool) -> None:
    source = Url("http://127.0.0.1:1/", every=0.1, timeout=5, ignore_errors=ignore)
    if ignore:
        assert source.ask() == ""
    else:
        with pytest.raises(OSError):  # noqa: PT011 - whatever the system calls it
            source.ask()


def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="http"):
        ThrottleSettings(http="file:///etc/passwd")


# The thread that asks


class Scripted:
    """A source that says one thing after the other, and the last one for ever."""

    name = "the source"
    every = 0.001

    def __init__(self, *says: str | BaseException) -> None:
        self._says = list(says)
        self.asked = 0
        self.closed = threading.Event()

    def ask(self) -> str:
        self.asked += 1
        said = self._says.pop(0) if len(self._says) > 1 else self._says[0]
        if isinstance(said, BaseException):
            raise said
        return said

    def close(self) -> None:
        self.closed.set()


def wanted(*sources: Source) -> list[Wanted]:
    """These sources, each of which stays the same for as long as it is wanted."""
    return [Wanted(id(source), partial(_itself, source)) for source in sources]


def _itself(source: Source) -> Source:
    return source


@pytest.fixture
def throttling() -> Iterator[Callable[..., Throttle]]:
    made: list[Throttle] = []

    def make(*sources: Source) -> Throttle:
        made.append(Throttle(wanted(*sources), threading.Event()))
        return made[-1]

    yield make
    for throttle in made:
        throttle.close()


def comes(throttle: Throttle, wanted: str) -> None:
    """Wait until this is the reason."""
    ticking = threading.Event()
    while throttle.reason != wanted:
        ticking.wait(0.001)


def test_without_sources_nothing_is_waited_for(throttling: Callable[..., Throttle]) -> None:
    assert throttling().reason == ""


def test_until_every_source_was_asked_it_waits_and_then_for_the_first_that_says_so(
    throttling: Callable[..., Throttle],
) -> None:
    throttle = throttling(Scripted(""), Scripted("load", "load", ""), Scripted("lag", "lag", "lag", "lag", ""))
    comes(throttle, "")
    assert throttle.reason == ""


def test_a_source_that_fails_makes_it_wait_until_it_answers_again(throttling: Callable[..., Throttle]) -> None:
    failing = Scripted(OSError("no route"))
    throttle = throttling(failing)
    comes(throttle, "the source cannot be asked: no route")
    failing._says.append("")
    comes(throttle, "")


def test_a_source_that_is_silent_makes_it_wait(
    throttling: Callable[..., Throttle], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = threading.Event(), threading.Event()

    class Silent(Scripted):
        def ask(self) -> str:
            if super().ask() or self.asked > 1:
                asked.set()
                answer.wait()
            return ""

    monkeypatch.setattr(under_test, "_PATIENCE", 0.01)
    throttle = throttling(Silent(""))
    assert asked.wait(60)
    comes_after = threading.Event()
    while "has not answered for" not in throttle.reason:
        comes_after.wait(0.001)
    answer.set()
    comes(throttle, "")


@pytest.mark.parametrize("error", [StoppedError("critical"), ConnectionLostError("gone")], ids=["stop", "lost"])
def test_what_ends_the_run_is_raised_where_it_is_asked_for(
    throttling: Callable[..., Throttle], error: FsmGhostError
) -> None:
    source = Scripted(error)
    throttle = throttling(source)
    assert source.closed.wait(60)
    with pytest.raises(type(error)):
        throttle.reason  # noqa: B018 - it raises


def test_closing_ends_the_thread_and_closes_the_sources(throttling: Callable[..., Throttle]) -> None:
    source = Scripted("")
    throttling(source).close()
    assert source.closed.wait(60)


# Other sources, while it runs


def test_what_is_wanted_still_is_kept_and_what_is_not_is_let_go_of(throttling: Callable[..., Throttle]) -> None:
    stays, goes, comes_in = Scripted(""), Scripted("too much"), Scripted("")
    made: list[Source] = []

    def make(source: Source) -> Source:
        made.append(source)
        return source

    throttle = throttling(stays, goes)
    comes(throttle, "too much")
    throttle.change([Wanted(id(source), partial(make, source)) for source in (stays, comes_in)])
    comes(throttle, "")
    assert made == [comes_in]
    assert goes.closed.wait(60)
    assert not stays.closed.is_set()
    assert comes_in.asked > 0


def test_until_new_sources_have_been_asked_row_copy_waits(throttling: Callable[..., Throttle]) -> None:
    asked, answer = threading.Event(), threading.Event()

    class Slow(Scripted):
        def ask(self) -> str:
            asked.set()
            answer.wait()
            return ""

    throttle = throttling(Scripted(""))
    comes(throttle, "")
    throttle.change(wanted(Slow("")))
    assert throttle.reason
    assert asked.wait(60)
    assert throttle.reason == "the source has not been asked yet"
    answer.set()
    comes(throttle, "")


def test_a_throttle_without_sources_may_get_some_and_lose_them_again(throttling: Callable[..., Throttle]) -> None:
    throttle = throttling()
    source = Scripted("load")
    throttle.change(wanted(source))
    assert throttle.reason
    comes(throttle, "load")
    throttle.change(())
    comes(throttle, "")
    assert source.closed.wait(60)


def test_a_url_is_shown_without_its_query(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(Answering, "status", 503)
    source = Url(f"{url}?token=sesame", every=0.1, timeout=5, ignore_errors=False)
    assert source.ask() == f"{url}?(not shown) answers 503"
    assert "sesame" not in source.name


def test_what_is_no_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as refused:
        ThrottleSettings(http="ftp://me:sesame@host/may-i")
    assert "sesame" not in str(refused.value)

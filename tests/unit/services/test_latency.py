"""The application's latency: what is usual, and when it is too much."""

from __future__ import annotations

from collections import Counter

import pytest

from fsm_ghost.mysql.latencies import Latencies
from fsm_ghost.services.throttle.latency import Latency

USUAL, SLOW = 0.001, 0.010  # seconds


class Application:
    """Statements of one length or another, since the server was started; and time, which passes when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self._upto: Counter[float] = Counter()
        monkeypatch.setattr("time.monotonic", lambda: self.now)

    def work(self, statements: int, seconds: float) -> None:
        """So many statements that took so long."""
        self._upto[seconds] += statements

    def read(self) -> Latencies:
        """What the server has counted."""
        return Latencies(self._upto.total(), sum(s * n for s, n in self._upto.items()), Counter(self._upto))


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Application:
    return Application(monkeypatch)


def measured(application: Application) -> Latency:
    """A source that knows what is usual."""
    source = Latency(application.read, growth=50)
    assert "is being measured, for another 10 s" in source.ask()
    application.work(1000, USUAL)
    application.now += 10
    assert source.ask() == ""
    return source


def test_row_copy_waits_while_the_usual_is_measured_and_then_while_it_is_exceeded(application: Application) -> None:
    source = measured(application)
    application.work(100, USUAL)
    assert source.ask() == ""
    application.work(90, USUAL)
    application.work(10, SLOW)
    assert source.ask() == (
        "the p99 of the application's statements is 10.00 ms, the limit 1.50 ms (1.00 ms without row copy)"
    )
    application.work(100, USUAL)
    assert source.ask() == ""


def test_a_few_statements_are_not_judged_by(application: Application) -> None:
    source = measured(application)
    application.work(10, SLOW)
    assert source.ask() == ""
    application.work(100, SLOW)
    assert "10.00 ms" in source.ask()
    application.work(3, USUAL)
    assert "10.00 ms" in source.ask(), "it waits until there is enough to judge by"


def test_an_application_that_was_idle_is_measured_when_it_is_not_any_more(application: Application) -> None:
    source = Latency(application.read, growth=50)
    source.ask()
    application.now += 10
    assert source.ask() == "", "nobody is in the way"
    application.work(60, SLOW)
    assert "is being measured" in source.ask(), "row copy was going on"
    application.work(60, USUAL)
    application.now += 10
    assert source.ask() == ""
    application.work(60, SLOW)
    assert "10.00 ms" in source.ask()


def test_without_a_histogram_the_mean_counts() -> None:
    found = Latencies(4, 0.008).since(Latencies(2, 0.002))
    assert found.slowness == pytest.approx(0.003)
    assert found.figure == "mean"


def test_ninety_nine_of_a_hundred_are_within_the_p99() -> None:
    assert Latencies(100, 0, Counter({0.001: 99, 5.0: 1})).slowness == 0.001
    assert Latencies(100, 0, Counter({0.001: 98, 5.0: 2})).slowness == 5.0

"""A backlog that grows is told early, with numbers; one that comes and goes is not."""

from collections.abc import Callable

from fsm_ghost.services.trend import Trend


def after(seconds: int, come: Callable[[int], int], done: int, begin: int = 0) -> str:
    """The concern after so many seconds in which keys come by `come`, and up to `done` are dealt with each second."""
    trend, cleaned, backlog = Trend(), 0, begin
    for second in range(seconds):
        trend.note(float(second), cleaned, backlog)
        backlog += come(second)
        dealt_with = min(backlog, done)
        backlog, cleaned = backlog - dealt_with, cleaned + dealt_with
    return trend.concern


def test_more_changes_than_can_be_brought_over_are_told_within_ten_seconds_with_numbers() -> None:
    assert after(10, lambda _: 5_000, 3_900) == ("changes pile up: 5,000 keys/s come, 3,900/s brought over, 9,900 wait")


def test_a_large_backlog_that_shrinks_is_no_concern() -> None:
    assert after(30, lambda _: 3_000, 3_900, begin=500_000) == ""


def test_a_burst_is_no_concern_once_it_is_being_worked_off() -> None:
    assert after(20, lambda second: 30_000 if second == 3 else 1_000, 3_900) == ""


def test_a_backlog_that_grows_by_next_to_nothing_is_no_concern() -> None:
    assert after(30, lambda _: 10_010, 10_000, begin=9_000) == ""


def test_a_small_backlog_is_no_concern_however_it_grows() -> None:
    assert after(30, lambda _: 1_100, 1_000) == ""


def test_nothing_is_said_before_there_is_something_to_say() -> None:
    assert Trend().concern == ""
    assert after(4, lambda _: 50_000, 10) == ""


def test_what_is_long_past_is_forgotten() -> None:
    assert after(60, lambda second: 5_000 if second < 20 else 0, 3_900) == ""

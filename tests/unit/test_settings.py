"""When the window for the cut-over is open; and which settings nobody can have meant."""

from datetime import time

import pytest

from fsm_ghost.errors import UsageError
from fsm_ghost.settings import CutOverSettings, Kill, Window, masked


@pytest.mark.parametrize(
    "window, moment, is_open",
    [
        ("02:00-04:00", "01:59:59.999999", False),
        ("02:00-04:00", "02:00", True),
        ("02:00-04:00", "03:59:59.999999", True),
        ("02:00-04:00", "04:00", False),
        ("22:00-04:00", "21:59:59.999999", False),
        ("22:00-04:00", "22:00", True),
        ("22:00-04:00", "23:59:59.999999", True),
        ("22:00-04:00", "00:00", True),
        ("22:00-04:00", "03:59:59.999999", True),
        ("22:00-04:00", "04:00", False),
        ("22:00-04:00", "12:00", False),
        ("22:00-00:00", "23:59:59.999999", True),
        ("22:00-00:00", "00:00", False),
        ("00:00-23:59", "00:00", True),
        ("00:00-23:59", "23:59", False),
        ("23:59-00:01", "00:00:30", True),
    ],
)
def test_a_window_is_open_from_its_beginning_up_to_its_end_over_midnight_too(
    window: str, moment: str, *, is_open: bool
) -> None:
    assert Window.parse(window).is_open(time.fromisoformat(moment)) is is_open


@pytest.mark.parametrize(
    "text",
    [
        "02:00",
        "02:00-",
        "-02:00",
        "2:00-4:00",
        "02-04",
        "0200-0400",
        "02:00-24:00",
        "02:60-04:00",
        "02:00-04:00-06:00",
        "02:00 - 04:00",
        "02:00-04:00\n",
        "02:00:30-04:00",
        "02:00+01:00-04:00",
        "٠٢:٠٠-٠٤:٠٠",
        "tonight",
    ],
)
def test_another_text_is_no_window_and_the_message_shows_how_one_is_written(text: str) -> None:
    with pytest.raises(UsageError, match="--cut-over-window must be written as 02:00-04:00, not "):
        CutOverSettings(window=text)


def test_a_window_that_is_never_open_is_refused() -> None:
    with pytest.raises(UsageError, match="02:00-02:00 is never open"):
        CutOverSettings(window="02:00-02:00")


def test_without_a_window_there_is_nothing_to_parse() -> None:
    assert CutOverSettings(window="").window == ""


@pytest.mark.parametrize("age", [0, 5, 86_400])
def test_an_age_of_transactions_may_be_anything_up_to_a_day(age: int) -> None:
    assert CutOverSettings(kill_age=age).kill_age == age


@pytest.mark.parametrize("age", [-1, 86_401])
def test_another_age_is_refused(age: int) -> None:
    with pytest.raises(UsageError, match="--cut-over-kill-age must lie between 0 and 86400"):
        CutOverSettings(kill_age=age)


def test_nobody_is_killed_unless_that_is_asked_for() -> None:
    assert CutOverSettings().kill is Kill.NO


@pytest.mark.parametrize(
    "values, flag",
    [
        ({"lock_timeout": 0.0}, "--cut-over-lock-timeout-seconds"),
        ({"lock_timeout": 61.0}, "--cut-over-lock-timeout-seconds"),
        ({"attempts": 0}, "--default-retries"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_flag(values: dict[str, float], flag: str) -> None:
    with pytest.raises(UsageError, match=f"{flag} must lie between"):
        CutOverSettings(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text, shown",
    [
        ("https://host/may-i", "https://host/may-i"),
        ("http://host:8080", "http://host:8080"),
        ("https://me:sesame@host/may-i?token=sesame", "https://host/may-i?(not shown)"),
        ("https://me:ses@me@host/?a=sesame&b=sesame#sesame", "https://host/?(not shown)"),
        ("it was https://host/?sesame and is http://me:sesame@b", "it was https://host/?(not shown) and is http://b"),
        ("chunk-size=?", "chunk-size=?"),
        ("throttle-query=SELECT 'a?b'", "throttle-query=SELECT 'a?b'"),
    ],
)
def test_what_people_are_shown_of_a_url_is_no_secret(text: str, shown: str) -> None:
    assert masked(text) == shown

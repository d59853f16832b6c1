"""What gives a proxy away. Real ones of two kinds: tests/acceptance/test_37_least_privilege.py."""

import pytest

from fsm_ghost.mysql.affinity import _judge


def test_one_session_is_no_proxy() -> None:
    assert _judge(7, 7, 7, 7) == ""


def test_a_number_that_the_greeting_has_no_room_for_is_no_proxy() -> None:
    number = 2**32 + 7
    assert _judge(7, number, number, number) == ""


@pytest.mark.parametrize(
    "here, before, holder, reason",
    [
        (8, 8, 8, "connection 7 was greeted, and its statements run in connection 8"),
        (7, None, 7, "the one before it in another"),
        (7, 8, 8, "the one before it in another"),
        (7, 7, None, "is not there"),
        (7, 7, 8, "is held by 8"),
    ],
)
def test_what_gives_a_proxy_away_is_said(here: int, before: int | None, holder: int | None, reason: str) -> None:
    assert reason in _judge(7, here, before, holder)

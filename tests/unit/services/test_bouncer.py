"""Whom the policy lets kill."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.blockers import Blocker
from fsm_ghost.services.bouncer import MOST_UNDO, Bouncer, told
from fsm_ghost.settings import CutOverSettings, Kill

IN_THE_WAY = Blocker(7, "reports", "localhost", 60, "", rows_modified=0, is_certain=True)
POLICY = CutOverSettings(kill=Kill.YES, kill_age=60, kill_users=("etl", "reports"))


def may_go(policy: CutOverSettings, **different: Any) -> bool:  # noqa: ANN401 - any field of a blocker
    bouncer = Bouncer(TableName("shop", "orders"), policy, lambda: ())
    return bouncer.may_go(replace(IN_THE_WAY, **different))


def test_who_meets_every_condition_may_be_killed() -> None:
    assert may_go(POLICY)
    assert may_go(POLICY, rows_modified=MOST_UNDO)
    assert may_go(replace(POLICY, kill_users=()), user="anybody")


@pytest.mark.parametrize(
    "different",
    [{"user": "shop"}, {"seconds": 59}, {"is_certain": False}, {"rows_modified": MOST_UNDO + 1}],
    ids=["another user", "too young", "a guess", "too much to undo"],
)
def test_who_misses_one_condition_may_not(different: dict[str, Any]) -> None:
    assert not may_go(POLICY, **different)


def test_who_may_have_changed_any_number_of_rows_may_not() -> None:
    assert not may_go(POLICY, rows_modified=None)


def test_only_the_first_few_are_told_by_name() -> None:
    every = [replace(IN_THE_WAY, connection=number) for number in range(1, 6)]
    assert told(every).count("reports@localhost") == 3
    assert told(every).endswith("; and 2 more")

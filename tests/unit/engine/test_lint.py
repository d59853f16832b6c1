"""A state table that cannot work is refused before it is used, with everything that is wrong with it."""

import pytest

from fsm_ghost.engine.lint import problems_of
from fsm_ghost.engine.state import FINAL, Transition
from fsm_ghost.model.phase import Outcome, Phase

WORKING = set(Phase) - FINAL
GUARDS = {"sure"}
GOOD = (
    Transition(Phase.VALIDATE, Outcome.PASSED, Phase.PREPARE),
    Transition(Phase.VALIDATE, Outcome.REFUSED, Phase.FAILED),
    Transition(Phase.PREPARE, Outcome.PREPARED, Phase.COPY),
    Transition(Phase.COPY, Outcome.COPIED, Phase.SYNC, guard="sure"),
    Transition(Phase.COPY, Outcome.COPIED, Phase.INDEX),
    Transition(Phase.INDEX, Outcome.INDEXED, Phase.SYNC),
    Transition(Phase.SYNC, Outcome.CAUGHT_UP, Phase.CUT_OVER, guard="sure"),
    Transition(Phase.SYNC, Outcome.CAUGHT_UP, Phase.VERIFY),
    Transition(Phase.VERIFY, Outcome.EQUAL, Phase.SYNC),
    Transition(Phase.CUT_OVER, Outcome.SWAPPED, Phase.CLEANUP),
    Transition(Phase.CLEANUP, Outcome.CLEANED, Phase.DONE),
    Transition(Phase.FAILED, Outcome.ABORT, Phase.ROLLBACK),
    Transition(Phase.ROLLBACK, Outcome.ROLLED_BACK, Phase.ABORTED),
)


def without(*sources: Phase) -> tuple[Transition, ...]:
    return tuple(row for row in GOOD if row.source not in sources)


def test_a_table_that_works_has_no_problems() -> None:
    assert problems_of(GOOD, WORKING, GUARDS) == []


def test_a_guard_that_does_not_exist_is_named() -> None:
    table = (*GOOD, Transition(Phase.COPY, Outcome.BROKEN, Phase.FAILED, guard="shure"))
    assert problems_of(table, WORKING, GUARDS) == ["the guard shure does not exist"]
    assert problems_of(GOOD, WORKING, ()) == ["the guard sure does not exist"]


def test_a_state_that_cannot_be_reached_is_named() -> None:
    table = tuple(row for row in GOOD if row.dest is not Phase.VERIFY)
    assert "the state verify cannot be reached" in problems_of(table, WORKING, GUARDS)


def test_states_that_only_reach_each_other_cannot_be_reached() -> None:
    table = tuple(row for row in GOOD if row.source is not Phase.PREPARE)
    problems = problems_of(table, WORKING, GUARDS)
    assert {f"the state {name} cannot be reached" for name in ("copy", "sync", "verify", "done")} <= set(problems)


def test_a_state_without_a_way_out_is_a_dead_end() -> None:
    assert problems_of(without(Phase.CLEANUP), WORKING, GUARDS) == [
        "the state done cannot be reached",
        "from the state cut_over no end can be reached",
        "from the state cleanup no end can be reached",
    ] or "from the state cleanup no end can be reached" in problems_of(without(Phase.CLEANUP), WORKING, GUARDS)


def test_a_circle_without_an_exit_is_a_dead_end() -> None:
    circle = (
        *without(Phase.CUT_OVER, Phase.CLEANUP),
        Transition(Phase.CUT_OVER, Outcome.SWAPPED, Phase.CLEANUP),
        Transition(Phase.CLEANUP, Outcome.CLEANED, Phase.CUT_OVER),
    )
    problems = problems_of(circle, WORKING, GUARDS)
    assert "from the state cut_over no end can be reached" in problems
    assert "from the state cleanup no end can be reached" in problems


def test_a_row_behind_an_unguarded_one_is_shadowed() -> None:
    table = (*GOOD, Transition(Phase.SYNC, Outcome.CAUGHT_UP, Phase.CUT_OVER))
    assert problems_of(table, WORKING, GUARDS) == ["sync --caught_up--> cut_over comes after an unguarded row"]


def test_a_guarded_row_behind_an_unguarded_one_is_shadowed_too() -> None:
    table = (*GOOD, Transition(Phase.VERIFY, Outcome.EQUAL, Phase.CUT_OVER, guard="sure"))
    assert problems_of(table, WORKING, GUARDS) == ["verify --equal--> cut_over comes after an unguarded row"]


@pytest.mark.parametrize("phase", sorted(WORKING))
def test_a_state_without_an_implementation_is_named(phase: Phase) -> None:
    assert problems_of(GOOD, WORKING - {phase}, GUARDS) == [f"the state {phase} has no implementation"]


@pytest.mark.parametrize("phase", sorted(FINAL))
def test_a_final_state_with_an_implementation_is_named(phase: Phase) -> None:
    assert problems_of(GOOD, WORKING | {phase}, GUARDS) == [f"the final state {phase} has an implementation"]


def test_all_problems_are_reported_at_once() -> None:
    problems = problems_of(without(Phase.CLEANUP), WORKING - {Phase.COPY}, ())
    assert len(problems) >= 4

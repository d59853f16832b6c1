"""Cleanup and rollback: the plane is closed before anything is dropped, and doing it twice is doing it once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fsm_ghost.errors import AmbiguousError
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress, Swap
from fsm_ghost.states.cleanup import Cleanup
from fsm_ghost.states.rollback import Rollback
from tests.states.fakes import READY
from tests.unit.model.examples import at


def noting(log: list[str], what: str) -> Callable[[], None]:
    return lambda: log.append(what)


def cleanup(log: list[str]) -> Cleanup:
    return Cleanup(noting(log, "close"), lambda _: None, noting(log, "after swap"), noting(log, "take away"))


def test_an_old_table_that_is_not_wanted_is_emptied_piece_by_piece_before_it_goes() -> None:
    log: list[str] = []
    left = [0.1, 0.2, None]
    state = Cleanup(noting(log, "close"), lambda _: left.pop(0), noting(log, "after swap"), noting(log, "take away"))
    steps = [state.step(replace(READY, swap=Swap(at(9), 0.1))) for _ in range(3)]
    assert [(step.outcome, step.wait) for step in steps] == [(None, 0.1), (None, 0.2), (Outcome.CLEANED, 0.0)]
    assert log == ["close"] * 3 + ["after swap"]


def test_after_a_swap_only_what_is_not_needed_any_more_is_dropped() -> None:
    log: list[str] = []
    step = cleanup(log).step(replace(READY, swap=Swap(at(9), 0.1)))
    assert (step.outcome, log) == (Outcome.CLEANED, ["close", "after swap"])


def test_after_a_dry_run_everything_that_was_made_is_taken_away() -> None:
    log: list[str] = []
    step = cleanup(log).step(Progress(prepared=True))
    assert (step.outcome, log) == (Outcome.CLEANED, ["close", "take away"])


def test_a_rollback_closes_the_plane_and_takes_away_what_is_ours() -> None:
    log: list[str] = []
    state = Rollback(noting(log, "close"), lambda _: False, noting(log, "take away"))
    assert state.step(READY).outcome is Outcome.ROLLED_BACK
    assert state.step(READY).progress == READY
    assert log == ["close", "take away"] * 2


def test_a_rollback_touches_nothing_when_the_tables_turn_out_to_be_swapped() -> None:
    log: list[str] = []
    state = Rollback(noting(log, "close"), lambda _: True, noting(log, "take away"))
    with pytest.raises(AmbiguousError):
        state.step(replace(READY, attempts=1))
    assert log == ["close"]

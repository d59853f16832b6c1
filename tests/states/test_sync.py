from dataclasses import replace

import pytest

from fsm_ghost.errors import CutOverError, MismatchError
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.states.sync import Sync
from tests.states.fakes import READY, FakePlane, following, raising
from tests.unit.model.examples import at

VERIFIED = replace(READY, verified=True)


def sync(fake: FakePlane, held_up_by: str = "") -> Sync:
    return Sync(fake.plane, lambda _: held_up_by)


def test_it_waits_while_the_changes_are_behind_and_says_so() -> None:
    fake = FakePlane(behind="500 changed keys", follows=following(safe=at(9)))
    step = sync(fake).step(VERIFIED)
    assert (step.outcome, step.progress.safe, fake.waited_for) == (None, at(9), ["500 changed keys"])
    assert step.wait > 0


def test_close_is_caught_up() -> None:
    fake = FakePlane(follows=following(safe=at(9)))
    step = sync(fake).step(VERIFIED)
    assert (step.outcome, step.progress.safe, fake.waited_for) == (Outcome.CAUGHT_UP, at(9), [""])


def test_what_holds_up_the_swap_holds_up_only_what_is_verified() -> None:
    fake = FakePlane()
    held = sync(fake, "the cut-over is postponed")
    assert held.step(VERIFIED).outcome is None
    assert held.step(READY).outcome is Outcome.CAUGHT_UP
    assert fake.waited_for == ["the cut-over is postponed", ""]


def test_it_asks_what_holds_up_the_swap_only_when_it_is_close() -> None:
    def ask(_: Progress) -> str:
        raise AssertionError("asked too early")

    assert Sync(FakePlane(behind="behind").plane, ask).step(VERIFIED).outcome is None


def test_too_many_attempts_end_the_run_and_move_nothing() -> None:
    def give_up(_: Progress) -> str:
        raise CutOverError("60 attempts")

    with pytest.raises(CutOverError):
        Sync(FakePlane().plane, give_up).step(VERIFIED)


def test_a_changed_row_that_does_not_fit_is_an_outcome() -> None:
    step = sync(FakePlane(follows=raising(MismatchError("does not fit")))).step(VERIFIED)
    assert (step.outcome, step.progress) == (Outcome.BROKEN, VERIFIED)
    assert "does not fit" in step.reason

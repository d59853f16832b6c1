import time
from dataclasses import replace

import pytest

from fsm_ghost.errors import CutOverError, MismatchError
from fsm_ghost.model.command import Answer
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.states.sync import VERIFY_AGAIN_AFTER, Sync
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


# Rehearsals


@pytest.mark.parametrize("rehearsed", [(True, "in 20 ms"), (False, "it would have been given up")])
@pytest.mark.parametrize("progress", [VERIFIED, READY], ids=["verified", "not yet verified"])
def test_a_rehearsal_is_made_once_and_answered_and_moves_nothing(
    progress: Progress, rehearsed: tuple[bool, str]
) -> None:
    fake = FakePlane(rehearsed=rehearsed)
    step = sync(fake, "the cut-over is postponed").step(replace(progress, rehearsal=7))
    assert (step.outcome, step.progress) == (None, progress)
    assert step.answers == (Answer(7, *rehearsed),)
    again = sync(fake, "the cut-over is postponed").step(step.progress)
    assert (again.answers, fake.log.count("rehearse")) == ((), 1)


def test_a_rehearsal_waits_until_the_changes_are_close_as_a_swap_would() -> None:
    fake = FakePlane(behind="500 changed keys")
    step = sync(fake).step(replace(VERIFIED, rehearsal=7))
    assert (step.outcome, step.answers, step.progress.rehearsal) == (None, (), 7)
    assert "rehearse" not in fake.log


def test_a_rehearsal_comes_before_the_swap() -> None:
    step = sync(FakePlane()).step(replace(VERIFIED, rehearsal=7))
    assert (step.outcome, len(step.answers)) == (None, 1)


# An old comparison

COMPARED = replace(
    VERIFIED, verifying=True, verify_last=(40,), verified_upto=(40,), verified_rows=40, verified_part=1.0
)


def compared(ago: float) -> Progress:
    """Found equal so many seconds ago."""
    return replace(COMPARED, verified_at=time.time() - ago)


def test_a_comparison_that_has_become_old_while_the_swap_is_held_up_is_repeated_from_the_beginning() -> None:
    step = sync(FakePlane(), "the cut-over is postponed").step(compared(VERIFY_AGAIN_AFTER + 60))
    assert (step.outcome, step.progress) == (Outcome.CAUGHT_UP, READY)
    assert "old" in step.reason


@pytest.mark.parametrize("ago", [VERIFY_AGAIN_AFTER - 600, None], ids=["young", "of an older fsm-ghost"])
def test_another_comparison_is_good_for_as_long_as_the_swap_is_held_up(ago: float | None) -> None:
    progress = COMPARED if ago is None else compared(ago)
    step = sync(FakePlane(), "the cut-over is postponed").step(progress)
    assert (step.outcome, step.progress) == (None, progress)


def test_an_old_comparison_does_not_hold_up_a_swap_that_may_come_now() -> None:
    step = sync(FakePlane()).step(compared(VERIFY_AGAIN_AFTER + 60))
    assert (step.outcome, step.progress.verified) == (Outcome.CAUGHT_UP, True)


def test_what_is_behind_catches_up_before_it_is_compared_again() -> None:
    step = sync(FakePlane(behind="500 changed keys")).step(compared(VERIFY_AGAIN_AFTER + 60))
    assert (step.outcome, step.progress.verified) == (None, True)

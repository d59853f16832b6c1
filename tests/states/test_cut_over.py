"""R15: the intent is stored first; whoever finds one looks before it does anything; nothing is believed unseen."""

from dataclasses import replace

import pytest

from fsm_ghost.errors import AmbiguousError, ConnectionLostError, MismatchError
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Swap
from fsm_ghost.mysql.blockers import Blocker
from fsm_ghost.services.auditor import Audit
from fsm_ghost.services.swapper import Attempt, Found
from fsm_ghost.states.cut_over import CutOver
from tests.states.fakes import READY, FakePlane
from tests.unit.model.examples import at

INTENDED = replace(READY, swapping=True, attempts=1, safe=at(50))
DONE = Attempt(locked_at=at(99), stall=0.02)


def test_the_intent_comes_first_and_touches_nothing() -> None:
    fake = FakePlane()
    step = CutOver(fake.plane).step(READY)
    assert (step.outcome, step.progress.swapping, step.progress.attempts) == (None, True, 1)
    assert fake.log == []
    assert fake.intends_swap


def test_a_swap_that_is_postponed_at_the_last_moment_is_let_be() -> None:
    fake = FakePlane()
    step = CutOver(fake.plane).step(replace(READY, postponed=True))
    assert (step.outcome, step.progress) == (Outcome.GIVEN_UP, replace(READY, postponed=True))
    assert "postponed" in step.reason
    assert not fake.intends_swap


def test_what_becomes_of_a_swap_that_was_begun_is_found_out_although_it_is_postponed() -> None:
    step = CutOver(FakePlane(found=Found.SWAPPED).plane).step(replace(INTENDED, postponed=True))
    assert step.outcome is Outcome.SWAPPED


def test_with_its_own_intent_stored_it_attempts_looks_and_audits() -> None:
    fake = FakePlane(attempt=DONE, found=Found.SWAPPED, intends_swap=True, audited=Audit(3, 2, ((7,),)))
    step = CutOver(fake.plane).step(INTENDED)
    assert step.outcome is Outcome.SWAPPED
    assert step.progress == replace(INTENDED, swapping=False, swap=Swap(at(99), 0.02, 3, 2, ((7,),)))
    assert fake.log == ["attempt", "look", "audit"]


def test_an_intent_of_an_earlier_run_is_looked_at_and_not_repeated() -> None:
    fake = FakePlane(found=Found.NOT_SWAPPED, attempt=AssertionError("attempted blindly"))
    step = CutOver(fake.plane).step(INTENDED)
    assert (step.outcome, step.progress.swapping, step.progress.swap) == (Outcome.GIVEN_UP, False, None)
    assert fake.log == ["look"]


def test_an_intent_of_an_earlier_run_whose_swap_happened_is_taken_as_swapped() -> None:
    fake = FakePlane(found=Found.SWAPPED, audited=Audit(1, 1))
    step = CutOver(fake.plane).step(INTENDED)
    assert (step.outcome, step.progress.swapping) == (Outcome.SWAPPED, False)
    assert step.progress.swap == Swap(INTENDED.safe, 0.0, 1, 1)
    assert fake.log == ["look", "audit found"]


def test_an_attempt_that_was_given_up_backs_off_and_says_why() -> None:
    fake = FakePlane(attempt=Attempt(given_up="the lock was not granted"), intends_swap=True)
    step = CutOver(fake.plane).step(INTENDED)
    assert (step.outcome, step.reason) == (Outcome.GIVEN_UP, "the lock was not granted")
    assert (step.progress.swapping, step.progress.swap) == (False, None)
    assert "back off" in fake.log


@pytest.mark.parametrize("found", Found)
def test_who_was_killed_for_an_attempt_is_on_record_whatever_came_of_it(found: Found) -> None:
    killed = (Blocker(7, "app", "web1", 30, "SELECT 1", 0, is_certain=True),)
    given_up = "" if found is Found.SWAPPED else "the lock was not granted"
    fake = FakePlane(attempt=replace(DONE, given_up=given_up, killed=killed), found=found, intends_swap=True)
    step = CutOver(fake.plane).step(INTENDED)
    assert "killed connection 7 (app@web1" in step.reason
    assert given_up in step.reason


def test_an_attempt_that_claims_success_is_not_believed_when_the_tables_do_not_show_it() -> None:
    fake = FakePlane(attempt=DONE, found=Found.NOT_SWAPPED, intends_swap=True)
    step = CutOver(fake.plane).step(INTENDED)
    assert (step.outcome, step.progress.swap) == (Outcome.GIVEN_UP, None)


def test_a_changed_row_that_does_not_fit_is_found_before_the_swap() -> None:
    fake = FakePlane(attempt=MismatchError("a changed row does not fit"), intends_swap=True)
    step = CutOver(fake.plane).step(INTENDED)
    assert (step.outcome, step.progress.swapping, step.progress.swap) == (Outcome.GIVEN_UP, False, None)


@pytest.mark.parametrize("own", [True, False], ids=["after the attempt", "of an earlier run"])
def test_what_cannot_be_told_stays_open_for_a_person(*, own: bool) -> None:
    fake = FakePlane(attempt=DONE, found=AmbiguousError("neither"), intends_swap=own)
    with pytest.raises(AmbiguousError):
        CutOver(fake.plane).step(INTENDED)


def test_a_lost_connection_leaves_the_intent_open_and_is_looked_at_the_next_time() -> None:
    fake = FakePlane(attempt=ConnectionLostError("gone"), found=Found.SWAPPED, intends_swap=True)
    state = CutOver(fake.plane)
    with pytest.raises(ConnectionLostError):
        state.step(INTENDED)
    assert not fake.intends_swap
    step = state.step(INTENDED)
    assert (step.outcome, fake.log) == (Outcome.SWAPPED, ["attempt", "look", "audit found"])


def test_every_attempt_is_counted() -> None:
    fake = FakePlane(attempt=Attempt(given_up="busy"))
    progress = READY
    for number in (1, 2, 3):
        progress = CutOver(fake.plane).step(progress).progress
        assert progress.attempts == number
        progress = CutOver(fake.plane).step(progress).progress
        assert not progress.swapping

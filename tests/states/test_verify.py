import time
from dataclasses import replace

import pytest

from fsm_ghost.errors import MismatchError
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.states.verify import Verify
from tests.states.fakes import READY, FakePlane, FakeVerifier, following, raising
from tests.unit.model.examples import at


def test_whoever_does_without_it_is_verified_without_a_look() -> None:
    fake = FakePlane()
    step = Verify(fake.plane, wanted=False).step(READY)
    assert (step.outcome, step.progress.verified) == (Outcome.EQUAL, True)
    assert "as asked" in step.reason


def test_changes_are_followed_before_each_comparison() -> None:
    seen: list[Progress] = []

    def compare(progress: Progress) -> Progress:
        seen.append(progress)
        return progress.verified_chunk((10,), 5, 0.5)

    fake = FakePlane(follows=following(safe=at(9)), the_verifier=FakeVerifier(compare))
    step = Verify(fake.plane, wanted=True).step(READY)
    assert [progress.safe for progress in seen] == [at(9)]
    assert (step.outcome, step.progress.verified_upto) == (None, (10,))


def test_between_two_looks_at_the_comparison_there_is_a_pause() -> None:
    fake = FakePlane(the_verifier=FakeVerifier(lambda progress: progress))
    assert Verify(fake.plane, wanted=True).step(READY).wait > 0


def test_equal_is_what_was_compared_to_the_end() -> None:
    fake = FakePlane(the_verifier=FakeVerifier(lambda progress: replace(progress, verified=True)))
    step = Verify(fake.plane, wanted=True).step(READY)
    assert (step.outcome, step.progress.verified) == (Outcome.EQUAL, True)
    assert "analyze" in fake.log


def test_a_difference_is_an_outcome_and_nothing_counts_as_verified() -> None:
    def differ(_: Progress) -> Progress:
        raise MismatchError("differs in 3 rows")

    step = Verify(FakePlane(the_verifier=FakeVerifier(differ)).plane, wanted=True).step(READY)
    assert step.outcome is Outcome.DIFFERS
    assert not step.progress.verified
    assert "3 rows" in step.reason


def test_a_changed_row_that_does_not_fit_is_an_outcome() -> None:
    step = Verify(FakePlane(follows=raising(MismatchError("does not fit"))).plane, wanted=True).step(READY)
    assert step.outcome in {Outcome.DIFFERS, Outcome.BROKEN}
    assert not step.progress.verified


@pytest.mark.parametrize("wanted", [True, False], ids=["compared", "not compared"])
def test_when_it_was_found_equal_is_remembered(*, wanted: bool) -> None:
    fake = FakePlane(the_verifier=FakeVerifier(lambda progress: replace(progress, verified=True)))
    before = time.time()
    found = Verify(fake.plane, wanted=wanted).step(READY).progress.verified_at
    assert found is not None
    assert before <= found <= time.time()


def test_as_long_as_it_is_compared_nobody_knows_when_it_was_equal() -> None:
    assert Verify(FakePlane().plane, wanted=True).step(READY).progress.verified_at is None


@pytest.mark.parametrize(
    "throttle, told", [("", "rows to be mended: (7,)"), ("throttled: by hand", "throttled: by hand")]
)
def test_it_says_that_it_waits_for_rows_that_do_not_fit(throttle: str, told: str) -> None:
    fake = FakePlane(unfit_rows="rows to be mended: (7,)", throttle=throttle)
    Verify(fake.plane, wanted=True).step(READY)
    assert fake.waited_for == [told]

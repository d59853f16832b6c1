import pytest

from fsm_ghost.errors import MismatchError
from fsm_ghost.model.phase import Outcome
from fsm_ghost.model.progress import Progress
from fsm_ghost.states.index import Index
from tests.states.fakes import READY, FakePlane, following, raising
from tests.unit.model.examples import at


def test_it_waits_for_the_server_says_so_and_goes_on_following() -> None:
    fake = FakePlane(follows=following(safe=at(9)))
    step = Index(fake.plane, compares=True).step(READY)
    assert (step.outcome, step.progress.safe, step.progress.indexed) == (None, at(9), False)
    assert fake.waited_for == ["the server to build 2 indexes"]
    assert step.wait > 0


def test_what_is_built_is_noted_and_waited_for_no_more() -> None:
    fake = FakePlane(follows=following(safe=at(9)))
    fake.the_indexer.done = True
    step = Index(fake.plane, compares=True).step(READY)
    assert (step.outcome, step.progress.safe, step.progress.indexed) == (Outcome.INDEXED, at(9), True)
    assert fake.waited_for == [""]


def test_a_changed_row_that_does_not_fit_is_an_outcome() -> None:
    step = Index(FakePlane(follows=raising(MismatchError("does not fit"))).plane, compares=True).step(READY)
    assert (step.outcome, step.progress) == (Outcome.BROKEN, READY)
    assert "does not fit" in step.reason


def compare_some(progress: Progress) -> Progress:
    return progress.verified_chunk((10,), 5, 0.5)


def differ(_: Progress) -> Progress:
    raise MismatchError("they differ")


@pytest.mark.parametrize("compares", [True, False])
def test_the_comparison_goes_on_meanwhile_if_it_is_asked_for(compares: bool) -> None:  # noqa: FBT001
    fake = FakePlane(follows=following(safe=at(9)), compares=compare_some)
    step = Index(fake.plane, compares=compares).step(READY)
    assert (step.outcome, step.progress.safe) == (None, at(9))
    assert step.progress.verified_upto == ((10,) if compares else None)


def test_a_difference_is_an_outcome() -> None:
    fake = FakePlane(follows=following(safe=at(9)), compares=differ)
    step = Index(fake.plane, compares=True).step(READY)
    assert (step.outcome, step.progress.safe, step.reason) == (Outcome.DIFFERS, at(9), "they differ")

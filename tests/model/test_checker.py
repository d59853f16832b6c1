from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.model.checker import SearchLimitError, check


@dataclass(frozen=True)
class Stairs:
    """Ten steps, to be climbed one or three at a time."""

    trapdoor: int | None = None
    forbidden: int | None = None

    def initial(self) -> tuple[int, ...]:
        return (0,)

    def successors(self, state: int) -> Iterator[tuple[str, int]]:
        if state != self.trapdoor:
            for stride in (1, 3):
                if state + stride <= 10:
                    yield f"climb {stride}", state + stride

    def violation(self, state: int) -> str | None:
        return "broken step" if state == self.forbidden else None

    def is_done(self, state: int) -> bool:
        return state == 10

    def describe(self, state: int) -> str:
        return f"on {state}"


def test_a_sound_model_has_no_problem_and_no_trace() -> None:
    verdict = check(Stairs())
    assert (verdict.problem, verdict.trace, verdict.states) == (None, (), 11)


def test_the_counterexample_is_a_shortest_one() -> None:
    verdict = check(Stairs(forbidden=7))
    assert verdict.problem == "broken step"
    assert verdict.length == 3
    assert verdict.trace[0] == ("(start)", "on 0")
    assert verdict.trace[-1][1] == "on 7"
    assert "climb 3" in str(verdict)


def test_a_state_from_which_the_end_cannot_be_reached_is_found() -> None:
    verdict = check(Stairs(trapdoor=4))
    assert verdict.problem == "the end cannot be reached any more"
    assert verdict.trace[-1][1] == "on 4"
    assert verdict.length == 2


def test_liveness_is_left_out_on_request() -> None:
    assert check(Stairs(trapdoor=4), live=False).problem is None


def test_a_search_that_was_cut_short_proves_nothing() -> None:
    with pytest.raises(SearchLimitError):
        check(Stairs(), limit=10)

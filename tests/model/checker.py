"""An explicit-state model checker: every interleaving, breadth first, so that the counterexample is a shortest one.

It knows nothing of MySQL. A model says where it starts, which steps lead where, what must hold in every state and which
states are final; the checker answers with a verdict: safe and live, or a trace.
"""

import gc
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import process_time
from typing import Generic, Protocol, TypeVar

S = TypeVar("S", bound=Hashable)

STUCK = "the end cannot be reached any more"


class Model(Protocol[S]):
    """What can be checked. States are immutable, hashable values."""

    def initial(self) -> Iterable[S]:
        """The states in which a run may begin."""

    def successors(self, state: S) -> Iterator[tuple[str, S]]:
        """Every step that can be taken in `state`: its name, and the state it leads to."""

    def violation(self, state: S) -> str | None:
        """What is wrong with `state`, or None."""

    def is_done(self, state: S) -> bool:
        """Whether `state` is one that must stay reachable from everywhere."""

    def describe(self, state: S) -> str:
        """`state` on one line, for people."""


@dataclass(frozen=True)
class Verdict:
    """What a search found: `problem` is None if the model is safe (and live, if asked), else `trace` leads to it."""

    states: int
    steps: int
    seconds: float  # of CPU
    problem: str | None = None
    trace: tuple[tuple[str, str], ...] = ()  # the name of each step and the state it leads to; first the initial state

    @property
    def length(self) -> int:
        """The number of steps in the trace."""
        return max(len(self.trace) - 1, 0)

    def __str__(self) -> str:
        effort = f"{self.states:,} states, {self.steps:,} steps, {self.seconds:.1f} s"
        if self.problem is None:
            return f"no problem in {effort}"
        width = max(len(name) for name, _ in self.trace)
        lines = [f"{number:4}  {name:{width}}  {state}" for number, (name, state) in enumerate(self.trace)]
        return "\n".join((f"{self.problem}, after {self.length} steps ({effort})", *lines))


class SearchLimitError(Exception):
    """There are more states than the caller was willing to see: nothing has been proved."""


def check(model: Model[S], *, live: bool = True, limit: int = 5_000_000) -> Verdict:
    """Explore `model` exhaustively; if `live`, prove as well that a final state can be reached from every state."""
    began = process_time()
    search = _Search(model, limit)
    with _without_garbage_collection():
        problem, culprit = search.first_violation()
        if problem is None and live:
            problem, culprit = search.first_stuck()
    trace = () if problem is None else search.trace(culprit)
    return Verdict(len(search.states), search.steps, process_time() - began, problem, trace)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """States make no cycles; looking for some among millions of tuples takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Search(Generic[S]):
    """States are numbered in the order in which they are found."""

    def __init__(self, model: Model[S], limit: int) -> None:
        self.model = model
        self.limit = limit
        self.states: list[S] = []
        self.numbers: dict[S, int] = {}
        self.origins: list[tuple[int, str]] = []  # by state: from where, and by which step, it was found first
        self.predecessors: list[list[int]] = []  # by state
        self.steps = 0
        for state in model.initial():
            self._number(state, -1, "(start)")

    def first_violation(self) -> tuple[str | None, int]:
        """The violation nearest to the start, and where."""
        for number, state in enumerate(self.states):  # the list grows while it is walked: it is the queue
            problem = self.model.violation(state)
            if problem is not None:
                return problem, number
            for name, successor in self.model.successors(state):
                self.predecessors[self._number(successor, number, name)].append(number)
                self.steps += 1
        return None, -1

    def first_stuck(self) -> tuple[str | None, int]:
        """The state nearest to the start from which no final state can be reached."""
        waiting = [number for number, state in enumerate(self.states) if self.model.is_done(state)]
        alive = set(waiting)
        while waiting:
            fresh = {each for each in self.predecessors[waiting.pop()] if each not in alive}
            alive |= fresh
            waiting.extend(fresh)
        stuck = next((number for number in range(len(self.states)) if number not in alive), None)
        return (None, -1) if stuck is None else (STUCK, stuck)

    def trace(self, number: int) -> tuple[tuple[str, str], ...]:
        """The way from the start to a state."""
        way = []
        while number >= 0:
            origin, name = self.origins[number]
            way.append((name, self.model.describe(self.states[number])))
            number = origin
        return tuple(reversed(way))

    def _number(self, state: S, origin: int, name: str) -> int:
        known = self.numbers.get(state)
        if known is not None:
            return known
        number = len(self.states)
        if number >= self.limit:
            raise SearchLimitError(f"more than {self.limit:,} states: choose a smaller scope or a higher limit")
        self.numbers[state] = number
        self.states.append(state)
        self.origins.append((origin, name))
        self.predecessors.append([])
        return number

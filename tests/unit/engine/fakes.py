"""A small machine: states that do what a list says, hooks that note when they are run, a table of our own."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fsm_ghost.engine.machine import Engine, Surroundings
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import Facts, State, Step, Transition
from fsm_ghost.model.occasion import HookResult, Occasion
from fsm_ghost.model.phase import Moment, Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from fsm_ghost.settings import Settings

TABLE: tuple[Transition, ...] = (
    Transition(Phase.VALIDATE, Outcome.PASSED, Phase.PREPARE, hooks=(Moment.STARTUP,)),
    Transition(Phase.VALIDATE, Outcome.REFUSED, Phase.FAILED, hooks=(Moment.FAILURE,)),
    Transition(Phase.PREPARE, Outcome.PREPARED, Phase.COPY, guard="range_known"),
    Transition(Phase.COPY, Outcome.COPIED, Phase.SYNC, guard="chain_complete", hooks=(Moment.ROW_COPY_COMPLETE,)),
    Transition(Phase.COPY, Outcome.INDEXED, Phase.INDEX),
    Transition(Phase.INDEX, Outcome.INDEXED, Phase.SYNC),
    Transition(Phase.COPY, Outcome.BROKEN, Phase.FAILED),
    Transition(Phase.SYNC, Outcome.CAUGHT_UP, Phase.CUT_OVER, guard="verified"),
    Transition(Phase.SYNC, Outcome.CAUGHT_UP, Phase.VERIFY),
    Transition(Phase.VERIFY, Outcome.EQUAL, Phase.SYNC),
    Transition(Phase.CUT_OVER, Outcome.SWAPPED, Phase.CLEANUP),
    Transition(Phase.CUT_OVER, Outcome.GIVEN_UP, Phase.SYNC),
    Transition(Phase.CLEANUP, Outcome.CLEANED, Phase.DONE, hooks=(Moment.SUCCESS,)),
    *(
        Transition(source, Outcome.ABORT, Phase.ROLLBACK)
        for source in (Phase.VALIDATE, Phase.PREPARE, Phase.COPY, Phase.SYNC, Phase.CUT_OVER, Phase.FAILED)
    ),
    Transition(Phase.ROLLBACK, Outcome.ROLLED_BACK, Phase.ABORTED, hooks=(Moment.FAILURE,)),
    Transition(Phase.FAILED, Outcome.RETRY, Phase.COPY, guard="left_copy"),
)
GUARDS: Mapping[str, Callable[[Facts], bool]] = {
    "range_known": lambda facts: facts.progress.range_known,
    "chain_complete": lambda facts: facts.chain_is_complete(),
    "verified": lambda facts: facts.progress.verified,
    "left_copy": lambda facts: facts.left is Phase.COPY,
}
Doing = Callable[[Progress], Step]


class Scripted:
    """A state that does one thing after the other, and the last one for ever."""

    def __init__(self, *doings: Doing) -> None:
        self._doings: Iterator[Doing] = iter(doings)
        self._last: Doing | None = None
        self.seen: list[Progress] = []

    def step(self, progress: Progress) -> Step:
        self.seen.append(progress)
        self._last = next(self._doings, self._last)
        assert self._last is not None, "nothing was written into this state's script"
        return self._last(progress)


class Unused:
    """A state that must not be stepped."""

    def step(self, progress: Progress) -> Step:
        raise AssertionError(f"stepped with {progress}")


def comes_to(outcome: Outcome, **changes: object) -> Doing:
    """A step that ends its state at once."""
    return lambda progress: Step(changed(progress, **changes), outcome)


def goes_on(wait: float = 0.0, **changes: object) -> Doing:
    """A step that leaves its state where it is."""
    return lambda progress: Step(changed(progress, **changes), wait=wait)


def changed(progress: Progress, **changes: object) -> Progress:
    """`dataclasses.replace`, for changes that are made up at run time."""
    values = {name: getattr(progress, name) for name in Progress.__dataclass_fields__}
    return Progress(**{**values, **changes})


@dataclass
class Hooks:
    """Notes what it is asked to run; `results` says what comes of it, by moment, in order; otherwise all goes well.

    There are hooks for the moments in `there`. With `notifies`, others are told; `answers` says what comes of it.
    """

    results: dict[str, list[HookResult]] = field(default_factory=dict)
    ran: list[Occasion] = field(default_factory=list)
    there: set[str] = field(default_factory=lambda: set(Moment))
    notifies: bool = False
    told: list[Occasion] = field(default_factory=list)
    answers: list[tuple[str, HookResult]] = field(default_factory=list)
    patience: list[float] = field(default_factory=list)

    def wanted(self, moments: Sequence[str]) -> tuple[str, ...]:
        return tuple(moment for moment in moments if moment in self.there)

    def run(self, occasion: Occasion) -> HookResult:
        self.ran.append(occasion)
        left = self.results.get(occasion.moment, [])
        return left.pop(0) if left else HookResult(ok=True, output="")

    def notify(self, occasion: Occasion) -> None:
        self.told.append(occasion)

    def notified(self, patience: float) -> list[tuple[str, HookResult]]:
        self.patience.append(patience)
        answers, self.answers = self.answers, []
        return answers


@dataclass
class Published:
    """What was shown to people."""

    shown: list[tuple[Phase, Progress]] = field(default_factory=list)

    def __call__(self, phase: Phase, progress: Progress, readings: Readings) -> None:
        assert readings is not None
        self.shown.append((phase, progress))


class Bell(threading.Event):
    """A bell that never makes anybody wait, and notes for how long it was to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []
        self.cleared = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return True

    def clear(self) -> None:
        self.cleared += 1
        super().clear()


@dataclass
class Machinery:
    """An engine with all its fake surroundings."""

    run: Run
    states: dict[Phase, State]
    hooks: Hooks = field(default_factory=Hooks)
    published: Published = field(default_factory=Published)
    mirrored: list[bool] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)
    stop: threading.Event = field(default_factory=threading.Event)
    retuned: list[Settings] = field(default_factory=list)
    readings: Readings = field(default_factory=Readings)
    table: Sequence[Transition] = TABLE
    guards: Mapping[str, Callable[[Facts], bool]] = field(default_factory=lambda: GUARDS)

    def engine(self) -> Engine:
        """The engine, new."""
        working: dict[Phase, State] = {phase: Unused() for phase in Phase if phase not in _FINAL}
        around = Surroundings(
            self.hooks,
            lambda: self.readings,
            self.mirrored.append,
            self.published,
            self.bell,
            self.stop,
            self.retuned.append,
        )
        return Engine(self.run, working | self.states, self.table, self.guards, around)


_FINAL = {Phase.DONE, Phase.FAILED, Phase.ABORTED}


def happy_states() -> dict[Phase, State]:
    """States that lead straight to the end, of an empty table."""
    return {
        Phase.VALIDATE: Scripted(comes_to(Outcome.PASSED)),
        Phase.PREPARE: Scripted(comes_to(Outcome.PREPARED, range_known=True)),
        Phase.COPY: Scripted(comes_to(Outcome.COPIED)),
        Phase.SYNC: Scripted(comes_to(Outcome.CAUGHT_UP)),
        Phase.VERIFY: Scripted(comes_to(Outcome.EQUAL, verified=True)),
        Phase.CUT_OVER: Scripted(comes_to(Outcome.SWAPPED)),
        Phase.CLEANUP: Scripted(comes_to(Outcome.CLEANED)),
        Phase.ROLLBACK: Scripted(comes_to(Outcome.ROLLED_BACK)),
    }

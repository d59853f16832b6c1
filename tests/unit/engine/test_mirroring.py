"""What the engine has mirrored: what has been stored, never before it has been."""

from dataclasses import dataclass, field

import pytest

from fsm_ghost.engine import machine
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import Step
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import StoppedError, TakenOverError
from fsm_ghost.model.phase import Outcome, Phase
from tests.unit.engine.begun import MIGRATION
from tests.unit.engine.fakes import Machinery, Scripted, comes_to, goes_on, happy_states
from tests.unit.model.examples import plan


@pytest.fixture(autouse=True)
def _no_cadence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CHECKPOINT_EVERY", 3600.0)
    monkeypatch.setattr(machine, "LISTEN_EVERY", 0.0)


@dataclass
class Mirrored:
    """Notes in which state the state file was when it was to be mirrored, and how urgently."""

    store: Store
    seen: list[tuple[Phase, int, bool]] = field(default_factory=list)

    def append(self, at_once: bool) -> None:  # noqa: FBT001 - as the engine calls it
        record = self.store.find(MIGRATION)
        self.seen.append((record.phase, record.progress.changes, at_once))


@pytest.fixture
def happy(store: Store, run: Run) -> Machinery:
    """States that lead to the end; the ghost table is there after the first step of prepare."""
    states = happy_states()
    states[Phase.PREPARE] = Scripted(
        comes_to(Outcome.PREPARED, prepared=True, plan=plan(), range_known=True),
    )
    made = Machinery(run, states)
    made.mirrored = Mirrored(store)  # type: ignore[assignment]
    return made


def seen(machinery: Machinery) -> list[tuple[Phase, int, bool]]:
    return machinery.mirrored.seen  # type: ignore[attr-defined, no-any-return]


def test_every_transition_is_mirrored_once_it_is_stored_as_long_as_there_is_something_to_take_over(
    happy: Machinery,
) -> None:
    happy.engine().drive()
    assert [phase for phase, _, _ in seen(happy)] == [
        Phase.COPY,
        Phase.SYNC,
        Phase.VERIFY,
        Phase.SYNC,
        Phase.CUT_OVER,
        Phase.CLEANUP,
    ]
    assert all(at_once for _, _, at_once in seen(happy))


def test_what_failed_is_mirrored_for_somebody_elses_retry(happy: Machinery) -> None:
    happy.states[Phase.COPY] = Scripted(comes_to(Outcome.BROKEN))
    assert happy.engine().drive() is Phase.FAILED
    assert seen(happy)[-1] == (Phase.FAILED, 0, True)


def test_before_a_swap_is_attempted_the_intent_is_stored_and_mirrored(store: Store, happy: Machinery) -> None:
    intended: list[bool] = []

    def attempt(progress: object) -> object:
        intended.append(seen(happy)[-1] == (Phase.CUT_OVER, 5, True) and store.find(MIGRATION).progress.swapping)
        return comes_to(Outcome.SWAPPED, swapping=False)(progress)  # type: ignore[arg-type]

    happy.states[Phase.CUT_OVER] = Scripted(goes_on(swapping=True, changes=5), attempt)  # type: ignore[arg-type]
    happy.engine().drive()
    assert intended == [True]


def test_other_checkpoints_are_mirrored_when_it_is_time(happy: Machinery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CHECKPOINT_EVERY", 0.0)
    happy.states[Phase.SYNC] = Scripted(goes_on(changes=3), comes_to(Outcome.CAUGHT_UP))
    happy.engine().drive()
    assert (Phase.SYNC, 3, False) in seen(happy)


def test_what_a_run_mirrors_first_is_all_that_was_stored_before_it(
    happy: Machinery, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run before may have died between the two, and what the migration was asked for may be new."""
    happy.states[Phase.SYNC] = Scripted(dies)
    with pytest.raises(KeyboardInterrupt):
        happy.engine().drive()
    happy.run.release()
    monkeypatch.setattr(machine, "CHECKPOINT_EVERY", 0.0)
    later = Machinery(store.drive(MIGRATION, "later"), happy_states())
    later.mirrored = Mirrored(store)  # type: ignore[assignment]
    later.states[Phase.SYNC] = Scripted(goes_on(), goes_on(), comes_to(Outcome.CAUGHT_UP))
    later.engine().drive()
    assert [at_once for _, _, at_once in seen(later)][:3] == [True, False, True]
    later.run.release()


def dies(_: object) -> Step:
    raise KeyboardInterrupt


def test_what_is_not_stored_is_not_mirrored(happy: Machinery) -> None:
    happy.states[Phase.SYNC] = Scripted(goes_on(changes=3), comes_to(Outcome.CAUGHT_UP))
    happy.engine().drive()
    assert (Phase.SYNC, 3, False) not in seen(happy)


def test_who_is_stopped_mirrors_his_last_checkpoint(happy: Machinery) -> None:
    def stop(progress: object) -> object:
        happy.stop.set()
        return goes_on(changes=8)(progress)  # type: ignore[arg-type]

    happy.states[Phase.SYNC] = Scripted(stop)  # type: ignore[arg-type]
    with pytest.raises(StoppedError):
        happy.engine().drive()
    assert seen(happy)[-1] == (Phase.SYNC, 8, True)


def test_who_finds_out_while_he_mirrors_that_he_was_taken_over_does_nothing_more(
    happy: Machinery, store: Store
) -> None:
    def find_out(_: bool) -> None:  # noqa: FBT001
        raise TakenOverError("taken over by host two")

    happy.mirrored.append = find_out  # type: ignore[method-assign]
    with pytest.raises(TakenOverError):
        happy.engine().drive()
    assert happy.states[Phase.COPY].seen == []  # type: ignore[attr-defined]
    assert store.find(MIGRATION).reason == "taken over by host two"

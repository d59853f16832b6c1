"""What the engine does about commands: heard between steps, stored with their effect, answered once."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from fsm_ghost.engine import machine
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import Step
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import StoppedError, StoreError
from fsm_ghost.model import document
from fsm_ghost.model.command import Answer, Verb
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.settings import ServerSettings, Settings
from tests.unit.engine.begun import MIGRATION, OTHER
from tests.unit.engine.fakes import Doing, Machinery, Scripted, changed, comes_to, happy_states


@pytest.fixture(autouse=True)
def _no_cadence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CHECKPOINT_EVERY", 3600.0)
    monkeypatch.setattr(machine, "LISTEN_EVERY", 0.0)


@pytest.fixture
def happy(run: Run) -> Machinery:
    states = happy_states()
    states[Phase.PREPARE] = Scripted(comes_to(Outcome.PREPARED, prepared=True, range_known=True))
    return Machinery(run, states)


@pytest.fixture
def tunable(store: Store) -> Iterator[Machinery]:
    """As `happy`, with settings that can be read."""
    plain = document.dump(Settings(ServerSettings(), "shop", "orders", "ADD c INT"))
    store.create(OTHER, server="s", host="db1", table=TableName("shop", "items"), statement="ADD c INT", settings=plain)
    states = happy_states()
    states[Phase.PREPARE] = Scripted(comes_to(Outcome.PREPARED, prepared=True, range_known=True))
    run = store.drive(OTHER, "host one process 1")
    yield Machinery(run, states)
    run.release()


def orders(store: Store, *verbs: str) -> Doing:
    """A step during which somebody asks for something."""

    def doing(progress: Progress) -> Step:
        for verb in verbs:
            store.order(MIGRATION, verb)
        return Step(progress)

    return doing


def dies(_: Progress) -> Step:
    """A step that the process does not survive."""
    raise KeyboardInterrupt


def answers(store: Store, *commands: int) -> list[bool | None]:
    """Whether commands took effect; None for those without an answer."""
    found = [store.answer(command) for command in commands]
    return [answer.took_effect if answer else None for answer in found]


def test_what_is_asked_for_is_there_for_the_next_step_and_in_the_store_before_it(
    store: Store, happy: Machinery
) -> None:
    stored: list[Progress] = []

    def look(progress: Progress) -> Step:
        stored.append(store.find(MIGRATION).progress)
        return Step(progress, Outcome.COPIED)

    copy = Scripted(orders(store, Verb.POSTPONE), look)
    happy.states[Phase.COPY] = copy
    happy.engine().drive()
    assert [progress.postponed for progress in copy.seen] == [None, True]
    assert [progress.postponed for progress in stored] == [True]
    assert answers(store, 1) == [True]


def test_of_two_opposite_commands_the_later_one_counts_and_both_are_answered(store: Store, happy: Machinery) -> None:
    copy = Scripted(orders(store, Verb.POSTPONE, Verb.CUT_OVER), comes_to(Outcome.COPIED))
    happy.states[Phase.COPY] = copy
    happy.engine().drive()
    assert copy.seen[-1].postponed is False
    assert answers(store, 1, 2) == [True, True]


def test_what_was_asked_for_is_still_there_after_a_crash_and_is_not_answered_again(
    store: Store, happy: Machinery
) -> None:
    happy.states[Phase.COPY] = Scripted(orders(store, Verb.POSTPONE), dies)
    with pytest.raises(KeyboardInterrupt):
        happy.engine().drive()
    first = store.answer(1)
    happy.run.release()
    later = Machinery(store.drive(MIGRATION, "later"), happy_states())
    copy = Scripted(comes_to(Outcome.COPIED))
    later.states[Phase.COPY] = copy
    assert later.run.commands() == ()
    later.engine().drive()
    assert copy.seen[0].postponed is True
    assert store.answer(1) == first
    later.run.release()


def test_what_could_not_be_stored_was_not_done_and_is_taken_by_the_next_run(
    store: Store, happy: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Scripted(orders(store, Verb.POSTPONE), comes_to(Outcome.COPIED))
    happy.states[Phase.COPY] = copy
    with monkeypatch.context() as full:
        full.setattr(Run, "answer", disk_is_full)
        with pytest.raises(StoreError):
            happy.engine().drive()
    assert (answers(store, 1), store.find(MIGRATION).progress.postponed) == ([None], None)
    assert [progress.postponed for progress in copy.seen] == [None]
    happy.run.release()
    later = Machinery(store.drive(MIGRATION, "later"), happy_states())
    later.engine().drive()
    assert (answers(store, 1), store.find(MIGRATION).progress.postponed) == ([True], True)
    later.run.release()


def disk_is_full(*_: object) -> None:
    raise StoreError("disk full")


def test_a_command_that_was_left_is_taken_before_the_first_step(store: Store, happy: Machinery) -> None:
    validate = Scripted(comes_to(Outcome.REFUSED))
    happy.states[Phase.VALIDATE] = validate
    store.order(MIGRATION, Verb.POSTPONE)
    happy.engine().drive()
    assert validate.seen[0].postponed is True


def test_the_answer_that_a_step_brings_is_stored_at_once(store: Store, happy: Machinery) -> None:
    found: list[Answer | None] = []

    def rehearse(progress: Progress) -> Step:
        assert (progress.rehearsal, store.answer(1)) == (1, None)
        return Step(changed(progress, rehearsal=None), answers=(Answer(1, took_effect=False, text="too slow"),))

    def look(progress: Progress) -> Step:
        found.append(store.answer(1))
        assert store.find(MIGRATION).progress.rehearsal is None
        return Step(changed(progress, verified=True), Outcome.CAUGHT_UP)

    happy.states[Phase.SYNC] = Scripted(orders(store, Verb.REHEARSE), rehearse, look)
    assert happy.engine().drive() is Phase.DONE
    assert found == [Answer(1, took_effect=False, text="too slow")]


def test_after_the_swap_the_answer_is_that_it_is_too_late(store: Store, happy: Machinery) -> None:
    def order_and_end(progress: Progress) -> Step:
        return Step(orders(store, Verb.POSTPONE, Verb.CUT_OVER, Verb.REHEARSE)(progress).progress, Outcome.SWAPPED)

    happy.states[Phase.CUT_OVER] = Scripted(order_and_end)
    assert happy.engine().drive() is Phase.DONE
    assert answers(store, 1, 2, 3) == [False, False, False]
    late = store.answer(1)
    assert late is not None
    assert late.text == "too late: the migration is in state cleanup"


def test_an_unknown_command_is_answered_and_does_nothing(store: Store, happy: Machinery) -> None:
    number = store.order(MIGRATION, "sing")
    assert happy.engine().drive() is Phase.DONE
    assert answers(store, number) == [False]


def test_whoever_takes_over_knows_at_once_what_was_asked_for(store: Store, happy: Machinery) -> None:
    happy.states[Phase.COPY] = Scripted(orders(store, Verb.POSTPONE), comes_to(Outcome.COPIED))
    mirrored: list[tuple[Phase, bool | None, bool]] = []

    def mirror(at_once: bool) -> None:  # noqa: FBT001 - as the engine calls it
        record = store.find(MIGRATION)
        mirrored.append((record.phase, record.progress.postponed, at_once))

    happy.mirrored = SimpleNamespace(append=mirror)  # type: ignore[assignment]
    happy.engine().drive()
    assert mirrored[:3] == [(Phase.COPY, None, True), (Phase.COPY, True, True), (Phase.SYNC, True, True)]


def test_what_changes_nothing_is_not_mirrored(store: Store, happy: Machinery) -> None:
    """After the swap its place on the server may be gone."""

    def order_and_end(progress: Progress) -> Step:
        return Step(orders(store, Verb.POSTPONE)(progress).progress, Outcome.SWAPPED)

    happy.states[Phase.CUT_OVER] = Scripted(order_and_end)
    happy.states[Phase.CLEANUP] = Scripted(lambda progress: Step(progress, Outcome.CLEANED))
    happy.engine().drive()
    assert len(happy.mirrored) == 6, "once for each transition as long as there is something to take over"


# --- Changes ----------------------------------------------------------------------------------------------------------


def changes(store: Store, *values: str, verb: Verb = Verb.CHANGE) -> Doing:
    """A step during which somebody wants something to be otherwise."""

    def doing(progress: Progress) -> Step:
        for value in values:
            store.order(OTHER, verb, value)
        return Step(progress)

    return doing


def test_a_change_is_stored_with_its_answer_before_it_is_worked_with_and_then_mirrored(
    store: Store, tunable: Machinery
) -> None:
    found: list[tuple[int | bool | None, ...]] = []

    def look(settings: Settings) -> None:
        assert settings.copy.chunk_size == 500
        found.append((*answers(store, 1), store.find(OTHER).asked.copy.chunk_size))

    tunable.retuned = SimpleNamespace(append=look)  # type: ignore[assignment]
    tunable.states[Phase.COPY] = Scripted(changes(store, "chunk-size=500"), comes_to(Outcome.COPIED))
    tunable.engine().drive()
    assert found == [(True, 500)]
    assert tunable.mirrored == [True] * 7, "at each of six transitions, and at the change"
    assert tunable.run.record.asked.copy.chunk_size == 500


def test_a_change_is_still_there_for_the_next_run_and_changes_add_up(store: Store, tunable: Machinery) -> None:
    tunable.states[Phase.COPY] = Scripted(changes(store, "chunk-size=500", "nice-ratio=2", "chunk-size=x"), dies)
    with pytest.raises(KeyboardInterrupt):
        tunable.engine().drive()
    assert answers(store, 1, 2, 3) == [True, True, False]
    assert len(tunable.retuned) == 2
    tunable.run.release()
    again = store.drive(OTHER, "host one process 2")
    assert (again.record.asked.copy.chunk_size, again.record.asked.throttle.nice_ratio) == (500, 2)
    again.release()


def test_a_change_that_could_not_be_stored_is_not_worked_with(
    store: Store, tunable: Machinery, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunable.states[Phase.COPY] = Scripted(changes(store, "chunk-size=500"), comes_to(Outcome.COPIED))
    monkeypatch.setattr(Run, "answer", disk_is_full)
    with pytest.raises(StoreError):
        tunable.engine().drive()
    assert (tunable.retuned, store.find(OTHER).asked.copy.chunk_size) == ([], 0)


def test_panic_stops_the_run_that_was_meant_with_an_answer_and_a_checkpoint(store: Store, tunable: Machinery) -> None:
    tunable.states[Phase.COPY] = Scripted(changes(store, "host one process 1", verb=Verb.PANIC))
    with pytest.raises(StoppedError, match="stopped by panic"):
        tunable.engine().drive()
    assert answers(store, 1) == [True]
    assert (store.find(OTHER).phase, store.find(OTHER).reason) == (Phase.COPY, "stopped by panic")
    assert tunable.mirrored[-1] is True


def test_a_panic_that_was_meant_for_an_earlier_run_does_nothing(store: Store, tunable: Machinery) -> None:
    store.order(OTHER, Verb.PANIC, "host one process 0")
    assert tunable.engine().drive() is Phase.DONE
    assert answers(store, 1) == [False]

"""The engine: what is stored comes before what is believed, and nothing but an outcome moves a migration."""

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fsm_ghost.engine import machine
from fsm_ghost.engine.machine import Engine
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import Facts, State, Step, Transition
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import ConnectionLostError, OwnedElsewhereError, StoppedError, StoreError
from fsm_ghost.model.chunk import Chunk
from fsm_ghost.model.occasion import HookResult, Occasion, Passage
from fsm_ghost.model.phase import Moment, Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import POSTPONED, Readings
from tests.unit.engine.begun import MIGRATION, chunks, copied
from tests.unit.engine.fakes import (
    GUARDS,
    TABLE,
    Doing,
    Hooks,
    Machinery,
    Scripted,
    changed,
    comes_to,
    goes_on,
    happy_states,
)
from tests.unit.model.examples import at, plan


@pytest.fixture(autouse=True)
def _no_cadence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored because time has passed would hide what is stored because it must be."""
    monkeypatch.setattr(machine, "CHECKPOINT_EVERY", 3600.0)
    monkeypatch.setattr(machine, "LISTEN_EVERY", 0.0)


@pytest.fixture
def happy(run: Run) -> Machinery:
    return Machinery(run, happy_states())


def raises(error: BaseException) -> Doing:
    def doing(_: Progress) -> Step:
        raise error

    return doing


def doing(change: dict[str, object]) -> Doing:
    return lambda progress: Step(changed(progress, **change))


def disk_is_full(path: Path, table: str = "journal") -> None:
    execute(path, f"CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE(FAIL, 'disk full'); END")


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def stored_phase(store: Store) -> Phase:
    return store.find(MIGRATION).phase


# Moving


def test_a_migration_is_driven_to_its_end_through_every_state_of_the_way(store: Store, happy: Machinery) -> None:
    assert happy.engine().drive() is Phase.DONE
    way = [(entry.source, entry.outcome, entry.dest) for entry in store.journal(MIGRATION)]
    assert way == [
        (Phase.VALIDATE, Outcome.PASSED, Phase.PREPARE),
        (Phase.PREPARE, Outcome.PREPARED, Phase.COPY),
        (Phase.COPY, Outcome.COPIED, Phase.SYNC),
        (Phase.SYNC, Outcome.CAUGHT_UP, Phase.VERIFY),
        (Phase.VERIFY, Outcome.EQUAL, Phase.SYNC),
        (Phase.SYNC, Outcome.CAUGHT_UP, Phase.CUT_OVER),
        (Phase.CUT_OVER, Outcome.SWAPPED, Phase.CLEANUP),
        (Phase.CLEANUP, Outcome.CLEANED, Phase.DONE),
    ]
    assert store.find(MIGRATION).is_finished


def test_the_commit_has_happened_when_the_state_changes(store: Store, happy: Machinery) -> None:
    engine: Engine

    def look(progress: Progress) -> Step:
        assert stored_phase(store) is engine.phase is Phase.PREPARE
        return Step(progress, Outcome.ABORT)

    happy.states[Phase.PREPARE] = Scripted(look)
    engine = happy.engine()
    seen: list[tuple[Phase, Phase]] = []
    happy.published = lambda phase, *_: seen.append((phase, stored_phase(store)))  # type: ignore[assignment]
    engine = happy.engine()
    engine.drive()
    assert seen
    assert all(shown is stored for shown, stored in seen)


def test_a_commit_that_fails_leaves_the_state_and_the_store_unchanged(path: Path, store: Store, run: Run) -> None:
    states: dict[Phase, State] = {Phase.VALIDATE: Scripted(comes_to(Outcome.PASSED, changes=7))}
    engine = Machinery(run, states).engine()
    disk_is_full(path)
    with pytest.raises(StoreError, match="disk full"):
        engine.drive()
    record = store.find(MIGRATION)
    assert engine.phase is record.phase is run.record.phase is Phase.VALIDATE
    assert (record.seq, record.progress, store.journal(MIGRATION)) == (0, Progress(), ())


def test_after_a_commit_that_failed_the_machine_can_still_be_moved(path: Path, run: Run) -> None:
    states: dict[Phase, State] = {
        Phase.VALIDATE: Scripted(comes_to(Outcome.PASSED)),
        Phase.PREPARE: Scripted(comes_to(Outcome.ABORT)),
        Phase.ROLLBACK: Scripted(comes_to(Outcome.ROLLED_BACK)),
    }
    engine = Machinery(run, states).engine()
    disk_is_full(path)
    with pytest.raises(StoreError):
        engine.drive()
    execute(path, "DROP TRIGGER full")
    assert engine.drive() is Phase.ABORTED


def test_a_superseded_run_moves_nothing(store: Store, happy: Machinery) -> None:
    engine = happy.engine()
    happy.run.release()
    store.drive(MIGRATION, "another").release()
    with pytest.raises(OwnedElsewhereError):
        engine.drive()
    assert engine.phase is stored_phase(store) is Phase.VALIDATE


def test_a_refused_guard_stops_the_run_and_stores_nothing(store: Store, run: Run) -> None:
    prepare = Scripted(comes_to(Outcome.PREPARED, changes=7))  # the range is not known
    states: dict[Phase, State] = {Phase.VALIDATE: Scripted(comes_to(Outcome.PASSED)), Phase.PREPARE: prepare}
    engine = Machinery(run, states).engine()
    with pytest.raises(StoppedError, match="prepare came to 'prepared', which the state file does not bear out"):
        engine.drive()
    record = store.find(MIGRATION)
    assert engine.phase is record.phase is Phase.PREPARE
    assert (record.seq, record.progress.changes) == (1, 0)


def test_the_first_row_whose_guard_holds_is_taken(store: Store, happy: Machinery) -> None:
    happy.engine().drive()
    dests = [entry.dest for entry in store.journal(MIGRATION) if entry.outcome == Outcome.CAUGHT_UP]
    assert dests == [Phase.VERIFY, Phase.CUT_OVER]


def test_an_outcome_that_the_table_does_not_know_in_this_state_moves_nothing(store: Store, run: Run) -> None:
    engine = Machinery(run, {Phase.VALIDATE: Scripted(comes_to(Outcome.SWAPPED))}).engine()
    with pytest.raises(Exception, match="swapped"):
        engine.drive()
    assert engine.phase is stored_phase(store) is Phase.VALIDATE


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt(), ConnectionLostError("gone")])
def test_an_exception_of_a_step_moves_nothing_and_is_not_swallowed(
    store: Store, run: Run, error: BaseException
) -> None:
    engine = Machinery(run, {Phase.VALIDATE: Scripted(raises(error))}).engine()
    with pytest.raises(type(error)):
        engine.drive()
    assert engine.phase is stored_phase(store) is Phase.VALIDATE


def test_why_a_run_ended_is_noted_in_the_state_file(store: Store, run: Run) -> None:
    engine = Machinery(run, {Phase.VALIDATE: Scripted(raises(ConnectionLostError("the server went away")))}).engine()
    with pytest.raises(ConnectionLostError):
        engine.drive()
    assert store.find(MIGRATION).reason == "the server went away"


def test_an_exception_of_a_guard_moves_nothing(store: Store, run: Run) -> None:
    def broken(_: Facts) -> bool:
        raise ZeroDivisionError

    happy = Machinery(run, happy_states(), guards={**GUARDS, "range_known": broken})
    engine = happy.engine()
    with pytest.raises(ZeroDivisionError):
        engine.drive()
    assert engine.phase is stored_phase(store) is Phase.PREPARE


def test_a_state_is_given_the_progress_that_its_last_step_came_to(run: Run) -> None:
    validate = Scripted(goes_on(changes=1), goes_on(changes=2), comes_to(Outcome.REFUSED))
    Machinery(run, {Phase.VALIDATE: validate}).engine().drive()
    assert [progress.changes for progress in validate.seen] == [0, 1, 2]


def test_a_stored_migration_goes_on_in_the_state_that_was_stored(store: Store, happy: Machinery) -> None:
    happy.states[Phase.COPY] = Scripted(raises(ConnectionLostError("gone")))
    with pytest.raises(ConnectionLostError):
        happy.engine().drive()
    happy.run.release()
    later = Machinery(store.drive(MIGRATION, "later"), happy_states())
    for phase in (Phase.VALIDATE, Phase.PREPARE):
        del later.states[phase]
    assert later.engine().drive() is Phase.DONE
    later.run.release()


def test_a_wrong_table_is_refused_before_anything_is_driven(run: Run) -> None:
    table = [*TABLE, Transition(Phase.COPY, Outcome.BROKEN, Phase.SYNC, guard="invented")]
    with pytest.raises(ValueError, match="the guard invented does not exist"):
        Machinery(run, {}, table=table).engine()


def test_only_an_outcome_can_be_fired(happy: Machinery) -> None:
    with pytest.raises(ValueError, match="without an outcome"):
        happy.engine()._fire(Step(Progress()))


# What is stored, and when


def test_chunks_are_stored_before_they_can_be_sent(store: Store, happy: Machinery) -> None:
    made = chunks(10, 20)
    stored: list[tuple[Chunk, ...]] = []

    def send(progress: Progress) -> Step:
        stored.append(store.find(MIGRATION).progress.open_chunks)
        return Step(changed(progress, open_chunks=()), Outcome.COPIED, copied=copied(*made))

    happy.states[Phase.PREPARE] = Scripted(comes_to(Outcome.PREPARED, range_known=True, first=(1,), last=(20,)))
    happy.states[Phase.COPY] = Scripted(goes_on(open_chunks=made, chunks=2), send)
    assert happy.engine().drive() is Phase.DONE
    assert stored == [made]


def test_a_committed_chunk_is_stored_at_once(store: Store, happy: Machinery) -> None:
    made = chunks(10, 20)
    seen: list[tuple[Chunk, ...]] = []

    def look(progress: Progress) -> Step:
        seen.append(store.find(MIGRATION).progress.open_chunks)
        return Step(changed(progress, open_chunks=()), Outcome.COPIED, copied=copied(made[1]))

    happy.states[Phase.PREPARE] = Scripted(comes_to(Outcome.PREPARED, range_known=True, first=(1,), last=(20,)))
    happy.states[Phase.COPY] = Scripted(
        goes_on(open_chunks=made, chunks=2),
        lambda progress: Step(changed(progress, open_chunks=made[1:]), copied=copied(made[0])),
        look,
    )
    happy.engine().drive()
    assert seen == [made[1:]]


def test_a_copy_whose_chain_has_a_gap_does_not_end(store: Store, happy: Machinery) -> None:
    made = chunks(10, 20)
    happy.states[Phase.PREPARE] = Scripted(comes_to(Outcome.PREPARED, range_known=True, first=(1,), last=(30,)))
    happy.states[Phase.COPY] = Scripted(
        goes_on(open_chunks=made, chunks=2),
        lambda progress: Step(changed(progress, open_chunks=()), Outcome.COPIED, copied=copied(*made)),
    )
    with pytest.raises(StoppedError, match="copy came to 'copied'"):
        happy.engine().drive()
    assert stored_phase(store) is Phase.COPY


@pytest.mark.parametrize(
    "change",
    [{"prepared": True}, {"range_known": True}, {"swapping": True}, {"start": at(4)}, {"plan": plan()}],
    ids=str,
)
def test_what_the_next_step_depends_on_is_stored_before_it(store: Store, run: Run, change: dict[str, object]) -> None:
    stored: list[Progress] = []

    def look(progress: Progress) -> Step:
        stored.append(store.find(MIGRATION).progress)
        return Step(progress, Outcome.REFUSED)

    Machinery(run, {Phase.VALIDATE: Scripted(doing(change), look)}).engine().drive()
    assert stored == [changed(Progress(), **change)]


def test_what_may_be_stored_later_waits_for_its_turn(store: Store, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def look(progress: Progress) -> Step:
        counts.append(store.find(MIGRATION).checkpoints)
        return Step(changed(progress, changes=progress.changes + 1))

    def enough(progress: Progress) -> Step:
        monkeypatch.setattr(machine, "CHECKPOINT_EVERY", 0.0)
        return Step(progress)

    validate = Scripted(look, look, look, enough, look, look, comes_to(Outcome.REFUSED))
    engine = Machinery(run, {Phase.VALIDATE: validate}).engine()
    engine._stored_at = time.monotonic()
    engine.drive()
    assert counts == [0, 0, 0, 1, 2]


def test_between_two_steps_it_is_waited_for_as_long_as_the_step_says(run: Run) -> None:
    validate = Scripted(goes_on(wait=0.5), goes_on(), goes_on(wait=0.1), comes_to(Outcome.REFUSED, changes=1))
    machinery = Machinery(run, {Phase.VALIDATE: validate})
    machinery.engine().drive()
    assert machinery.bell.waits == [0.5, 0.1]
    assert machinery.bell.cleared == 4


def test_a_bell_that_rings_while_a_step_works_is_not_waited_for(run: Run) -> None:
    machinery = Machinery(run, {})

    def ring(progress: Progress) -> Step:
        machinery.bell.set()
        return Step(progress, wait=60.0)

    machinery.states[Phase.VALIDATE] = Scripted(ring, comes_to(Outcome.REFUSED))
    machinery.engine().drive()
    assert not machinery.bell.is_set()


def test_every_step_is_shown(run: Run) -> None:
    validate = Scripted(goes_on(changes=1), goes_on(changes=2), comes_to(Outcome.REFUSED, changes=3))
    machinery = Machinery(run, {Phase.VALIDATE: validate})
    machinery.engine().drive()
    shown = [(phase, progress.changes) for phase, progress in machinery.published.shown]
    assert shown == [(Phase.VALIDATE, 1), (Phase.VALIDATE, 2), (Phase.FAILED, 3)]


# Stop and abort


def test_a_stop_ends_the_run_before_the_next_step_and_leaves_it_resumable(store: Store, run: Run) -> None:
    machinery = Machinery(run, {})

    def stop(progress: Progress) -> Step:
        machinery.stop.set()
        return Step(changed(progress, prepared=True))

    validate = Scripted(stop, raises(AssertionError("stepped after a stop")))
    machinery.states[Phase.VALIDATE] = validate
    with pytest.raises(StoppedError, match="stopped as asked") as stopped:
        machinery.engine().drive()
    assert stopped.value.resumable
    assert "resume 01234567" in stopped.value.remedy
    assert store.find(MIGRATION).progress.prepared
    assert store.find(MIGRATION).reason == "stopped as asked"


def test_a_stop_leaves_a_checkpoint_of_the_last_step(store: Store, run: Run) -> None:
    machinery = Machinery(run, {})

    def stop(progress: Progress) -> Step:
        machinery.stop.set()
        return Step(changed(progress, changes=5))

    machinery.states[Phase.VALIDATE] = Scripted(stop)
    engine = machinery.engine()
    engine._stored_at = time.monotonic()
    with pytest.raises(StoppedError):
        engine.drive()
    assert store.find(MIGRATION).progress.changes == 5


def test_an_abort_is_carried_out_before_the_next_step(store: Store, happy: Machinery) -> None:
    store.order(MIGRATION, "abort")
    del happy.states[Phase.VALIDATE]
    assert happy.engine().drive() is Phase.ABORTED
    assert [entry.dest for entry in store.journal(MIGRATION)] == [Phase.ROLLBACK, Phase.ABORTED]


def test_an_abort_asked_of_the_engine_needs_no_command(happy: Machinery) -> None:
    engine = happy.engine()
    engine.give_up()
    assert engine.drive() is Phase.ABORTED


def test_a_failed_migration_can_be_aborted(store: Store, happy: Machinery) -> None:
    happy.states[Phase.COPY] = Scripted(comes_to(Outcome.BROKEN))
    engine = happy.engine()
    assert engine.drive() is Phase.FAILED
    assert not store.find(MIGRATION).is_finished
    engine.give_up()
    assert engine.drive() is Phase.ABORTED


def test_an_abort_waits_while_it_is_not_known_whether_the_tables_were_swapped(store: Store, happy: Machinery) -> None:
    def intend(progress: Progress) -> Step:
        store.order(MIGRATION, "abort")
        return Step(changed(progress, swapping=True))

    cut_over = Scripted(intend, goes_on(), goes_on(), comes_to(Outcome.GIVEN_UP, swapping=False))
    happy.states[Phase.CUT_OVER] = cut_over
    assert happy.engine().drive() is Phase.ABORTED
    assert len(cut_over.seen) == 4
    assert [entry.source for entry in store.journal(MIGRATION)][-3:] == [Phase.CUT_OVER, Phase.SYNC, Phase.ROLLBACK]


def test_an_abort_asked_of_a_run_that_finds_an_open_intent_is_kept_in_mind(store: Store, happy: Machinery) -> None:
    """It was the wish of `fsm-ghost abort`: what must not happen is that the tables are swapped after it."""
    waits = Transition(Phase.CUT_OVER, Outcome.ABORT, Phase.ROLLBACK, guard="nothing_pending")
    happy.table = [row for row in TABLE if (row.source, row.outcome) != (waits.source, waits.outcome)] + [waits]
    happy.guards = {**GUARDS, "nothing_pending": lambda facts: not facts.progress.swapping}
    happy.states[Phase.CUT_OVER] = Scripted(
        goes_on(swapping=True),
        raises(ConnectionLostError("gone")),
        comes_to(Outcome.GIVEN_UP, swapping=False),
        comes_to(Outcome.SWAPPED),
    )
    with pytest.raises(ConnectionLostError):
        happy.engine().drive()
    happy.run.release()
    happy.run = store.drive(MIGRATION, "later")
    engine = happy.engine()
    engine.give_up()
    assert engine.drive() is Phase.ABORTED
    happy.run.release()


def test_no_attribute_of_the_engine_is_overridden_by_a_trigger(happy: Machinery) -> None:
    engine = happy.engine()
    assert {name for name in dir(Engine) if name in vars(engine) and name != "state"} == set()


def test_an_abort_comes_too_late_once_the_tables_are_swapped(
    store: Store, happy: Machinery, caplog: pytest.LogCaptureFixture
) -> None:
    def swap(progress: Progress) -> Step:
        store.order(MIGRATION, "abort")
        return Step(progress, Outcome.SWAPPED)

    happy.states[Phase.CUT_OVER] = Scripted(swap)
    assert happy.engine().drive() is Phase.DONE
    assert "too late to abort" in caplog.text


def test_a_failed_migration_is_tried_again_in_the_state_that_it_left(store: Store, happy: Machinery) -> None:
    happy.states[Phase.COPY] = Scripted(comes_to(Outcome.BROKEN), comes_to(Outcome.COPIED))
    engine = happy.engine()
    engine.drive()
    engine.try_again()
    assert engine.phase is stored_phase(store) is Phase.COPY
    assert engine.drive() is Phase.DONE


def test_what_was_refused_at_the_beginning_cannot_be_tried_again(store: Store, run: Run) -> None:
    engine = Machinery(run, {Phase.VALIDATE: Scripted(comes_to(Outcome.REFUSED))}).engine()
    engine.drive()
    with pytest.raises(StoppedError, match="failed came to 'retry'"):
        engine.try_again()
    assert engine.phase is stored_phase(store) is Phase.FAILED


# Hooks


def test_hooks_run_after_the_transition_that_they_belong_to_and_before_the_next_step(
    store: Store, happy: Machinery
) -> None:
    happy.engine().drive()
    moments = [hook.moment for hook in happy.hooks.ran]
    assert moments == [Moment.STARTUP, Moment.ROW_COPY_COMPLETE, Moment.SUCCESS]
    seqs = {entry.seq: entry.dest for entry in store.journal(MIGRATION)}
    assert [seqs[passage.number] for hook in happy.hooks.ran if (passage := hook.passage)] == [
        Phase.PREPARE,
        Phase.SYNC,
        Phase.DONE,
    ]
    assert happy.run.pending_hooks() == ()


def test_no_hook_runs_for_a_transition_that_was_not_committed(path: Path, happy: Machinery) -> None:
    disk_is_full(path)
    with pytest.raises(StoreError):
        happy.engine().drive()
    assert happy.hooks.ran == []


def test_a_gate_that_fails_stops_the_run_and_is_run_again_by_the_next_one(store: Store, happy: Machinery) -> None:
    happy.hooks.results[Moment.STARTUP] = [HookResult(ok=False, output="the change board says no\n")]
    del happy.states[Phase.PREPARE]
    with pytest.raises(StoppedError, match="hook gh-ost-on-startup failed: the change board says no"):
        happy.engine().drive()
    assert stored_phase(store) is Phase.PREPARE
    happy.run.release()
    later = Machinery(store.drive(MIGRATION, "later"), happy_states(), hooks=happy.hooks)
    assert later.engine().drive() is Phase.DONE
    startups = [(hook.key, hook.attempt) for hook in happy.hooks.ran if hook.moment == Moment.STARTUP]
    assert startups == [(f"{MIGRATION}:1:gh-ost-on-startup", attempt) for attempt in (1, 2)]
    later.run.release()


def test_a_hook_during_which_the_process_dies_is_run_again(store: Store, happy: Machinery) -> None:
    def dies(*_: object) -> HookResult:
        raise KeyboardInterrupt

    happy.hooks.run = dies  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        happy.engine().drive()
    happy.run.release()
    later = Machinery(store.drive(MIGRATION, "later"), happy_states())
    assert later.engine().drive() is Phase.DONE
    assert (later.hooks.ran[0].moment, later.hooks.ran[0].attempt) == (Moment.STARTUP, 2)
    later.run.release()


def test_a_notification_that_fails_is_only_logged(happy: Machinery, caplog: pytest.LogCaptureFixture) -> None:
    happy.hooks.results[Moment.SUCCESS] = [HookResult(ok=False, output="no such channel")]
    with caplog.at_level(logging.WARNING):
        assert happy.engine().drive() is Phase.DONE
    assert "no such channel" in caplog.text
    assert happy.run.pending_hooks() == ()
    assert [hook.moment for hook in happy.hooks.ran].count(Moment.SUCCESS) == 1


def test_the_last_hooks_run_when_the_process_died_right_after_the_last_transition(
    store: Store, happy: Machinery
) -> None:
    def dies(_: Occasion) -> HookResult:
        if store.find(MIGRATION).is_finished:
            raise KeyboardInterrupt
        return HookResult(ok=True, output="")

    happy.hooks.run = dies  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        happy.engine().drive()
    assert stored_phase(store) is Phase.DONE
    happy.run.release()
    later = Machinery(store.drive(MIGRATION, "later"), {}, hooks=Hooks())
    assert later.engine().drive() is Phase.DONE
    assert [hook.moment for hook in later.hooks.ran] == [Moment.SUCCESS]
    later.run.release()


@pytest.mark.parametrize(
    "moment,state",
    [
        ("fsm-ghost-on-validate-passed", Phase.PREPARE),
        ("fsm-ghost-on-enter-copy", Phase.COPY),
        ("fsm-ghost-on-sync-caught-up", Phase.VERIFY),
    ],
)
def test_a_hook_that_fails_on_the_way_to_the_swap_stops_the_run(
    store: Store, happy: Machinery, moment: str, state: Phase
) -> None:
    happy.hooks.there = {moment}
    happy.hooks.results[moment] = [HookResult(ok=False, output="no")]
    with pytest.raises(StoppedError, match=f"hook {moment} failed: no"):
        happy.engine().drive()
    assert stored_phase(store) is state
    assert [hook.moment for hook in happy.run.pending_hooks()] == [moment]


@pytest.mark.parametrize(
    "moment", ["fsm-ghost-on-cut-over-swapped", "fsm-ghost-on-enter-cleanup", "fsm-ghost-on-enter-done"]
)
def test_a_hook_that_fails_once_the_tables_are_swapped_stops_nothing(happy: Machinery, moment: str) -> None:
    happy.hooks.there = {moment}
    happy.hooks.results[moment] = [HookResult(ok=False, output="no")]
    assert happy.engine().drive() is Phase.DONE
    assert len(happy.hooks.ran) == 1


def test_a_hook_that_fails_while_a_migration_is_given_up_stops_nothing(happy: Machinery) -> None:
    happy.hooks.there = {"fsm-ghost-on-enter-rollback"}
    happy.hooks.results["fsm-ghost-on-enter-rollback"] = [HookResult(ok=False, output="no")]
    happy.states[Phase.COPY] = Scripted(comes_to(Outcome.ABORT))
    assert happy.engine().drive() is Phase.ABORTED


def test_hooks_are_told_which_transition_it_was_and_by_which_names_it_goes(happy: Machinery) -> None:
    happy.hooks.there = {"fsm-ghost-on-copy-copied"}
    happy.engine().drive()
    (told,) = happy.hooks.ran
    assert told.moments == (Moment.ROW_COPY_COMPLETE, "fsm-ghost-on-copy-copied", "fsm-ghost-on-enter-sync")
    assert told.passage == Passage(3, Phase.COPY, Outcome.COPIED, Phase.SYNC, "")


def test_for_moments_that_nobody_has_a_hook_for_nothing_is_stored(path: Path, happy: Machinery) -> None:
    happy.hooks.there = {Moment.SUCCESS}
    happy.engine().drive()
    connection = sqlite3.connect(path)
    stored = connection.execute("SELECT moment, status FROM hook_runs").fetchall()
    connection.close()
    assert stored == [(Moment.SUCCESS, "ok")]


def test_a_hook_that_appears_during_a_run_is_found(happy: Machinery) -> None:
    def appears(progress: Progress) -> Step:
        happy.hooks.there = {Moment.SUCCESS}
        return Step(progress, Outcome.COPIED)

    happy.hooks.there = set()
    happy.states[Phase.COPY] = Scripted(appears)
    happy.engine().drive()
    assert [told.moment for told in happy.hooks.ran] == [Moment.SUCCESS]


def test_others_are_told_once_of_every_transition_and_nobody_waits_for_them(store: Store, happy: Machinery) -> None:
    happy.hooks.notifies = True
    assert happy.engine().drive() is Phase.DONE
    entries = [(entry.seq, entry.source, entry.outcome) for entry in store.journal(MIGRATION)]
    told = [
        (each.passage.number, each.passage.source, each.passage.outcome) for each in happy.hooks.told if each.passage
    ]
    assert told == entries
    assert happy.hooks.told[-1].key == f"{MIGRATION}:8:fsm-ghost-on-cleanup-cleaned"
    assert Moment.SUCCESS in happy.hooks.told[-1].moments
    assert [patience for patience in happy.hooks.patience if patience] == [10], "only when the migration is over"


def test_what_came_of_telling_others_is_noted_and_stops_nothing(
    path: Path, happy: Machinery, caplog: pytest.LogCaptureFixture
) -> None:
    happy.hooks.notifies = True
    first, second = (
        f"{MIGRATION}:{moment}" for moment in ("1:fsm-ghost-on-validate-passed", "2:fsm-ghost-on-prepare-prepared")
    )

    def answered(progress: Progress) -> Step:
        happy.hooks.answers = [(first, HookResult(ok=True, output="")), (second, HookResult(ok=False, output="404"))]
        return Step(progress, Outcome.COPIED)

    happy.states[Phase.COPY] = Scripted(answered)
    assert happy.engine().drive() is Phase.DONE
    connection = sqlite3.connect(path)
    stored = connection.execute(
        "SELECT status, attempts, output FROM hook_runs WHERE moment LIKE 'POST %' ORDER BY seq LIMIT 3"
    ).fetchall()
    connection.close()
    late = "there was no answer before the migration had ended"
    assert stored == [("ok", 1, ""), ("failed", 1, "404"), ("failed", 1, late)]
    assert "fsm-ghost-on-prepare-prepared: 404" in caplog.text


def test_what_others_are_not_known_to_have_been_told_the_next_run_tells_them(store: Store, happy: Machinery) -> None:
    happy.hooks.notifies = True
    happy.states[Phase.COPY] = Scripted(raises(ConnectionLostError("lost")))
    with pytest.raises(ConnectionLostError):
        happy.engine().drive()
    happy.run.release()
    later = Machinery(store.drive(MIGRATION, "later"), happy_states(), hooks=Hooks(notifies=True))
    later.engine().drive()
    assert [(told.key, told.attempt) for told in later.hooks.told[:3]] == [
        (f"{MIGRATION}:1:fsm-ghost-on-validate-passed", 2),
        (f"{MIGRATION}:2:fsm-ghost-on-prepare-prepared", 2),
        (f"{MIGRATION}:3:fsm-ghost-on-copy-copied", 1),
    ]
    later.run.release()


def test_the_beginning_of_postponing_is_told_once_for_each_time_that_it_is_caught_up(happy: Machinery) -> None:
    states = happy.states
    states[Phase.SYNC] = Scripted(
        comes_to(Outcome.CAUGHT_UP),
        goes_on(),
        goes_on(),
        comes_to(Outcome.CAUGHT_UP),
        goes_on(),
        comes_to(Outcome.CAUGHT_UP),
    )
    states[Phase.CUT_OVER] = Scripted(comes_to(Outcome.GIVEN_UP), comes_to(Outcome.SWAPPED))
    happy.readings = Readings(waiting_for=POSTPONED)
    happy.hooks.there = {Moment.BEGIN_POSTPONED}
    happy.hooks.results[Moment.BEGIN_POSTPONED] = [HookResult(ok=False, output="it stops nothing")]
    assert happy.engine().drive() is Phase.DONE
    assert [told.key for told in happy.hooks.ran] == [
        f"{MIGRATION}:{number}:gh-ost-on-begin-postponed" for number in (5, 7)
    ]


def test_a_hook_can_refuse_a_command_but_not_that_the_migration_is_given_up(store: Store, happy: Machinery) -> None:
    commands: list[int] = []

    def order(progress: Progress) -> Step:
        commands.extend(store.order(MIGRATION, verb) for verb in ("throttle", "postpone", "abort"))
        return Step(progress)

    happy.hooks.there = {Moment.INTERACTIVE_COMMAND}
    happy.hooks.results[Moment.INTERACTIVE_COMMAND] = [HookResult(ok=False, output="not on Fridays\n")]
    happy.states[Phase.COPY] = Scripted(order)
    assert happy.engine().drive() is Phase.ABORTED
    refused, obeyed = (store.answer(command) for command in commands[:2])
    assert refused is not None
    assert (refused.took_effect, refused.text) == (
        False,
        f"the hook {Moment.INTERACTIVE_COMMAND} refuses it: not on Fridays",
    )
    assert obeyed is not None
    assert obeyed.took_effect
    record = store.find(MIGRATION)
    assert (record.progress.throttled, record.progress.postponed) == (False, True)
    assert [(told.command, told.key) for told in happy.hooks.ran] == [
        (verb, f"{MIGRATION}:command-{number}:{Moment.INTERACTIVE_COMMAND}")
        for verb, number in zip(("throttle", "postpone"), commands[:2], strict=True)
    ]


def test_a_hook_is_asked_about_a_change_by_the_name_of_the_setting_alone(store: Store, happy: Machinery) -> None:
    orders = []

    def order(progress: Progress) -> Step:
        orders.append(store.order(MIGRATION, "change", "throttle-http=https://h/?key=s3cret"))
        return Step(progress)

    happy.hooks.there = {Moment.INTERACTIVE_COMMAND}
    happy.hooks.results[Moment.INTERACTIVE_COMMAND] = [HookResult(ok=False, output="no")]
    happy.states[Phase.COPY] = Scripted(order, comes_to(Outcome.COPIED))
    assert happy.engine().drive() is Phase.DONE
    assert [told.command for told in happy.hooks.ran] == ["throttle-http"]
    answer = store.answer(orders[0])
    assert answer is not None
    assert not answer.took_effect


def test_no_hook_is_asked_whether_a_run_may_be_stopped_at_once(store: Store, happy: Machinery) -> None:
    def order(progress: Progress) -> Step:
        store.order(MIGRATION, "panic", happy.run.record.owner)
        return Step(progress)

    happy.hooks.there = {Moment.INTERACTIVE_COMMAND}
    happy.hooks.results[Moment.INTERACTIVE_COMMAND] = [HookResult(ok=False, output="no")]
    happy.states[Phase.COPY] = Scripted(order)
    with pytest.raises(StoppedError, match="panic"):
        happy.engine().drive()
    assert happy.hooks.ran == []


@pytest.mark.parametrize("doing", [goes_on(wait=0.1), goes_on()], ids=["waiting", "working"])
def test_commands_are_heard_between_steps(store: Store, happy: Machinery, doing: Doing) -> None:
    def order(progress: Progress) -> Step:
        store.order(MIGRATION, "abort")
        return Step(progress)

    stepped: Callable[[Progress], Step] = raises(AssertionError("stepped after the abort"))
    happy.states[Phase.VALIDATE] = Scripted(doing, order, stepped)
    assert happy.engine().drive() is Phase.ABORTED

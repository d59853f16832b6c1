"""The real state table: nothing is missing, nothing is superfluous, and what is not listed is refused."""

from collections import defaultdict
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from transitions import MachineError

from fsm_ghost.engine.lint import problems_of
from fsm_ghost.engine.machine import Engine
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import FINAL, Facts, Step, Transition
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import StoppedError
from fsm_ghost.model.chunk import Chunk, KeyRange
from fsm_ghost.model.phase import IN_BETWEEN, Moment, Outcome, Phase
from fsm_ghost.model.plan import Deferral
from fsm_ghost.model.progress import Progress, Swap
from fsm_ghost.states.guards import GUARDS
from fsm_ghost.states.table import TABLE
from tests.states.fakes import READY
from tests.unit.engine.begun import MIGRATION, NO_READINGS, begin, copied
from tests.unit.engine.fakes import Machinery
from tests.unit.model.examples import at, plan

WORKING = set(Phase) - FINAL
BEFORE_THE_SWAP = WORKING - {Phase.CLEANUP, Phase.ROLLBACK}


def dests(source: Phase, outcome: Outcome | None = None) -> list[Phase]:
    return [row.dest for row in TABLE if row.source is source and outcome in {None, row.outcome}]


def reachable(*start: Phase, without: frozenset[Transition] = frozenset()) -> set[Phase]:
    reached, ahead = set(start), list(start)
    while ahead:
        phase = ahead.pop()
        more = {row.dest for row in TABLE if row.source is phase and row not in without} - reached
        reached |= more
        ahead += more
    return reached


def test_the_table_has_no_problems() -> None:
    assert problems_of(TABLE, WORKING, GUARDS.keys()) == []


def test_every_state_can_be_reached_from_the_first() -> None:
    assert reachable(Phase.VALIDATE) == set(Phase)


@pytest.mark.parametrize("phase", sorted(BEFORE_THE_SWAP))
def test_every_end_can_be_reached_from_every_state_before_the_swap(phase: Phase) -> None:
    assert reachable(phase) >= {Phase.ABORTED}
    assert reachable(phase) >= {Phase.DONE, Phase.FAILED} or phase is Phase.CUT_OVER


def test_the_way_to_done_leads_through_every_proof() -> None:
    """Without any one of these rows nothing comes to an end but a dry run, and a table that the server has changed by
    itself; a retry leads only to what was left."""
    retries = {row for row in TABLE if row.outcome is Outcome.RETRY}
    for proof in (
        {"range_known"},
        {"chain_complete", "lacks_indexes"},
        {"chain_complete", "has_indexes"},
        {"swap_seen"},
    ):
        rows = {row for row in TABLE if row.guard in proof}
        assert len(rows) == len(proof)
        rest = reachable(Phase.VALIDATE, without=frozenset(short_ways() | rows | retries))
        assert Phase.DONE not in rest, rows


def short_ways() -> set[Transition]:
    return {row for row in TABLE if row.outcome in {Outcome.DRY_RUN, Outcome.ALTERED, Outcome.TESTED}}


def test_nothing_but_a_seen_swap_leads_from_the_cut_over_to_cleanup() -> None:
    assert [row.guard for row in TABLE if row.dest is Phase.CLEANUP] == [None, "altered", "verified", "swap_seen"]
    assert [row.source for row in TABLE if row.dest is Phase.CLEANUP] == [
        Phase.PREPARE,
        Phase.PREPARE,
        Phase.SYNC,
        Phase.CUT_OVER,
    ]


def test_nothing_leads_back_from_behind_the_swap() -> None:
    assert reachable(Phase.CLEANUP) == {Phase.CLEANUP, Phase.DONE}
    assert Phase.ROLLBACK not in reachable(Phase.CLEANUP)


def test_a_rollback_ends_in_aborted_and_nowhere_else() -> None:
    assert reachable(Phase.ROLLBACK) == {Phase.ROLLBACK, Phase.ABORTED}


def test_an_abort_is_possible_in_every_state_before_the_swap_and_leads_to_rollback() -> None:
    aborts = {row.source: row for row in TABLE if row.outcome is Outcome.ABORT}
    assert set(aborts) == BEFORE_THE_SWAP | {Phase.FAILED}
    assert {row.dest for row in aborts.values()} == {Phase.ROLLBACK}
    assert aborts[Phase.CUT_OVER].guard == "nothing_pending"


def test_what_failed_is_tried_again_only_where_it_failed() -> None:
    into_failed = {row.source for row in TABLE if row.dest is Phase.FAILED}
    retries = {row.dest: row.guard for row in TABLE if row.outcome is Outcome.RETRY}
    assert set(retries) == into_failed - {Phase.VALIDATE}
    assert all(guard == f"left_{dest}" for dest, guard in retries.items())


def test_done_and_aborted_are_left_by_nothing() -> None:
    assert dests(Phase.DONE) == dests(Phase.ABORTED) == []


def test_every_guard_is_used() -> None:
    assert {row.guard for row in TABLE if row.guard} == set(GUARDS)


def test_every_outcome_and_every_moment_is_used() -> None:
    assert {row.outcome for row in TABLE} == set(Outcome)
    assert {moment for row in TABLE for moment in row.hooks} == set(Moment) - IN_BETWEEN


def test_no_moment_is_the_beginning_of_anothers_name_for_files_are_found_by_it() -> None:
    names = {*Moment, *(name for row in TABLE for name in row.moments)}
    assert [(name, other) for name in names for other in names - {name} if other.startswith(name)] == []


def test_every_transition_has_moments_of_its_own_that_say_what_was_left_how_and_for_what() -> None:
    caught_up = next(row for row in TABLE if row.source is Phase.SYNC and row.dest is Phase.CUT_OVER)
    assert caught_up.moments == (
        "gh-ost-on-before-cut-over",
        "fsm-ghost-on-sync-caught-up",
        "fsm-ghost-on-enter-cut-over",
    )


def test_of_rows_that_share_state_and_outcome_all_but_the_last_are_guarded() -> None:
    rows = defaultdict(list)
    for row in TABLE:
        rows[row.source, row.outcome].append(row)
    for shared in rows.values():
        assert all(row.guard for row in shared[:-1])
        assert len({row.dest for row in shared}) == len(shared)


def test_success_is_told_when_done_and_failure_when_failed_or_aborted() -> None:
    for row in TABLE:
        assert (Moment.SUCCESS in row.hooks) == (row.dest is Phase.DONE), row
        assert (Moment.FAILURE in row.hooks) == (row.dest in {Phase.FAILED, Phase.ABORTED}), row


# Every pair of a state and an outcome, in a real engine on a real state file

_SWAPPED = Progress(**{**{n: getattr(READY, n) for n in Progress.__dataclass_fields__}, "swap": Swap(at(9), 0.1)})
# A progress that every guard of the outcome accepts.
_BEARING = {
    Outcome.SWAPPED: _SWAPPED,
    Outcome.EQUAL: Progress(plan=READY.plan, verified=True),
    Outcome.PREPARED: READY,
    Outcome.ALTERED: Progress(plan=READY.plan, altered=True),
    Outcome.TESTED: Progress(plan=READY.plan, verified=True),
}
_LISTED = {(row.source, row.outcome) for row in TABLE}


def engine_in(phase: Phase, path: Path, left: Phase | None = None) -> tuple[Engine, Store, Run]:
    """An engine with the real table, in this state."""
    store = Store(path)
    begin(store)
    run = store.drive(MIGRATION, "me")
    enter = Transition(left or Phase.VALIDATE, Outcome.PASSED, phase)
    run.enter(enter, Step(Progress(), Outcome.PASSED), NO_READINGS)
    return Machinery(run, {}, table=TABLE, guards=GUARDS).engine(), store, run


@pytest.mark.parametrize("phase,outcome", sorted(product(Phase, Outcome)))
def test_every_pair_of_a_state_and_an_outcome_is_either_listed_or_refused(
    tmp_path: Path, phase: Phase, outcome: Outcome
) -> None:
    engine, store, run = engine_in(phase, tmp_path / "state.db", left=Phase.COPY)
    step = Step(_BEARING.get(outcome, Progress(range_known=True)), outcome)
    if (phase, outcome) in _LISTED:
        engine._fire(step)
        assert engine.phase in dests(phase, outcome)
        assert store.find(MIGRATION).phase is engine.phase
        assert len(store.journal(MIGRATION)) == 2
    else:
        with pytest.raises((MachineError, StoppedError)):
            engine._fire(step)
        assert engine.phase is store.find(MIGRATION).phase is phase
        assert len(store.journal(MIGRATION)) == 1
    run.release()
    store.close()


# The guards


def facts(progress: Progress, *, left: Phase | None = None, complete: bool = True) -> Facts:
    return Facts(progress, left, lambda: complete)


def with_(**changes: object) -> Progress:
    return Progress(**{**{name: getattr(READY, name) for name in Progress.__dataclass_fields__}, **changes})


@pytest.mark.parametrize("missing", [{"prepared": False}, {"range_known": False}, {"start": None}], ids=str)
def test_copy_begins_only_with_a_definition_coordinates_and_a_range(missing: dict[str, object]) -> None:
    assert GUARDS["range_known"](facts(READY))
    assert not GUARDS["range_known"](facts(with_(**missing)))


def test_copy_ends_only_with_a_complete_chain_and_nothing_open() -> None:
    assert GUARDS["chain_complete"](facts(READY))
    assert not GUARDS["chain_complete"](facts(READY, complete=False))
    assert not GUARDS["chain_complete"](facts(with_(open_chunks=(Chunk(1, KeyRange(None, (1,))),))))


@pytest.mark.parametrize("guard,complete", [("lacks_indexes", True), ("lacks_indexes", False), ("has_indexes", True)])
def test_indexes_are_built_once_when_they_are_lacking_and_the_copy_is_complete(guard: str, *, complete: bool) -> None:
    deferred = with_(plan=replace(plan(), deferral=Deferral("as asked", ("KEY `a` (`a`)",), "bare")))
    built = replace(deferred, indexed=True)
    assert GUARDS[guard](facts(deferred, complete=complete)) == (guard == "lacks_indexes" and complete)
    assert [GUARDS[guard](facts(each, complete=complete)) for each in (built, READY)] == [guard == "has_indexes"] * 2


def test_nothing_is_pending_when_no_swap_was_begun_or_seen() -> None:
    assert GUARDS["nothing_pending"](facts(READY))
    assert not GUARDS["nothing_pending"](facts(with_(swapping=True)))
    assert not GUARDS["nothing_pending"](facts(_SWAPPED))


def test_it_is_not_given_up_while_nobody_knows_whether_the_server_has_changed_the_table_by_itself() -> None:
    assert not GUARDS["nothing_pending"](facts(with_(altering=True)))
    assert not GUARDS["altered"](facts(with_(altering=True)))
    assert GUARDS["altered"](facts(with_(altered=True)))


def test_a_swap_counts_only_when_it_was_seen() -> None:
    assert GUARDS["swap_seen"](facts(_SWAPPED))
    assert not GUARDS["swap_seen"](facts(with_(swapping=True, attempts=3)))


@pytest.mark.parametrize("phase", [Phase.COPY, Phase.INDEX, Phase.SYNC, Phase.VERIFY])
def test_a_retry_leads_only_to_the_state_that_was_left(phase: Phase) -> None:
    for other in (None, *Phase):
        assert GUARDS[f"left_{phase}"](facts(READY, left=other)) == (other is phase)


def test_the_real_engine_refuses_a_copy_with_a_gap(tmp_path: Path) -> None:
    engine, store, run = engine_in(Phase.COPY, tmp_path / "state.db")
    made = (Chunk(1, KeyRange(None, (10,))), Chunk(2, KeyRange((11,), (40,))))
    run.checkpoint(Step(with_(open_chunks=made)), NO_READINGS)
    with pytest.raises(StoppedError, match="does not bear out"):
        engine._fire(Step(READY, Outcome.COPIED, copied=copied(*made)))
    assert store.find(MIGRATION).phase is Phase.COPY
    run.release()
    store.close()

"""What is handed over to another state file: all that it needs to go on, and nothing that the old one still counts."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fsm_ghost.engine.handover import Handover
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import Step, Transition
from fsm_ghost.engine.store import Adoption, Store
from fsm_ghost.errors import OwnedElsewhereError, UsageError
from fsm_ghost.model import document
from fsm_ghost.model.phase import Moment, Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.settings import HookSettings, ServerSettings, Settings, ThrottleSettings
from tests.unit.engine.begun import BROKEN, MIGRATION, NO_READINGS, ORDERS, OTHER, PASSED, begin, chunks, step
from tests.unit.model.examples import at, plan

PREPARED = Transition(Phase.PREPARE, Outcome.PREPARED, Phase.COPY, hooks=(Moment.VALIDATED, Moment.BEFORE_ROW_COPY))
HOW = Adoption(host="db1:3306", settings="{}", epoch=7, token="b", owner="host two process 1", connections=64)  # noqa: S106 - no secret
COPYING = replace(
    Progress(plan=plan(), prepared=True, start=at(4), safe=at(99), handed_out=(50,), chunks=5, rows=40),
).range_found((1,), (50,))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Store]:
    """The state file of another host."""
    made = Store(tmp_path / "elsewhere" / "state.db")
    yield made
    made.close()


def handed_over(run: Run) -> Handover:
    return Handover.load(run.origin(), run.standing())


def adopted(elsewhere: Store, run: Run) -> Run:
    handover = handed_over(run)
    elsewhere.adopt(handover, handover.progress, HOW)
    return elsewhere.drive(MIGRATION, "host two process 1")


def in_copy(run: Run) -> None:
    run.enter(PASSED, Step(Progress(), Outcome.PASSED, reason="fine"), NO_READINGS, PASSED.hooks)
    run.enter(PREPARED, Step(COPYING, Outcome.PREPARED), NO_READINGS, PREPARED.hooks)


def test_another_state_file_knows_what_this_one_knew(store: Store, run: Run, elsewhere: Store) -> None:
    in_copy(run)
    adopted(elsewhere, run).release()
    here, there = store.find(MIGRATION), elsewhere.find(MIGRATION)
    same = ("id", "server", "table", "statement", "phase", "came_from", "seq", "reason", "created_at", "progress")
    assert {name: getattr(there, name) for name in same} == {name: getattr(here, name) for name in same}
    assert elsewhere.journal(MIGRATION) == store.journal(MIGRATION)
    assert (there.epoch, there.token, there.owner, there.host) == (8, "b", "host two process 1", "db1:3306")
    assert not there.is_finished


def test_what_was_not_stored_is_not_handed_over(run: Run) -> None:
    in_copy(run)
    before = handed_over(run)
    assert before.progress == COPYING
    run.checkpoint(Step(replace(COPYING, changes=7)), NO_READINGS)
    assert handed_over(run).progress == replace(COPYING, changes=7)


def test_a_failed_migration_can_be_tried_again_elsewhere(run: Run, elsewhere: Store) -> None:
    in_copy(run)
    run.enter(BROKEN, Step(COPYING, Outcome.BROKEN, reason="a row does not fit"), NO_READINGS)
    there = adopted(elsewhere, run)
    assert (there.record.phase, there.record.came_from) == (Phase.FAILED, Phase.COPY)
    assert there.record.reason == "a row does not fit"
    there.release()


OPEN = [(), (1,), (5,), (1, 5), (3,), (2, 4), (2, 3), (1, 2, 3, 4, 5), (4, 5), (1, 3, 5)]


@pytest.mark.parametrize("numbers", OPEN)
def test_the_chain_of_chunks_is_complete_elsewhere_when_the_open_ones_are_done(
    run: Run, elsewhere: Store, numbers: tuple[int, ...]
) -> None:
    made = chunks(10, 20, 30, 40, 50)
    still_open = tuple(chunk for chunk in made if chunk.number in numbers)
    in_copy(run)
    run.checkpoint(Step(replace(COPYING, open_chunks=made)), NO_READINGS)
    done = [chunk for chunk in made if chunk.number not in numbers]
    run.checkpoint(step(replace(COPYING, open_chunks=still_open), *done), NO_READINGS)
    there = adopted(elsewhere, run)
    assert there.chain_is_complete() == (not numbers)
    for missing in still_open:
        assert not there.chain_is_complete(), f"chunk {missing.number} is missing"
        there.checkpoint(step(replace(COPYING, open_chunks=still_open), missing), NO_READINGS)
    assert there.chain_is_complete()
    there.release()


def test_chunks_that_are_handed_out_elsewhere_continue_the_chain(run: Run, elsewhere: Store) -> None:
    made = chunks(10, 20, 30, 40, 50)
    so_far = replace(COPYING, handed_out=(30,), chunks=3, open_chunks=(made[1],))
    in_copy(run)
    run.checkpoint(Step(replace(so_far, open_chunks=made[:3])), NO_READINGS)
    run.checkpoint(step(so_far, made[0], made[2]), NO_READINGS)
    there = adopted(elsewhere, run)
    further = so_far.chunk_handed_out((40,)).chunk_handed_out((50,))
    there.checkpoint(Step(further), NO_READINGS)
    there.checkpoint(step(replace(further, open_chunks=()), made[1], *made[3:]), NO_READINGS)
    assert there.chain_is_complete()
    there.release()


def test_a_gap_that_was_handed_over_stays_a_gap(run: Run, elsewhere: Store) -> None:
    in_copy(run)
    run.checkpoint(Step(replace(COPYING, handed_out=(40,), chunks=4)), NO_READINGS)
    there = adopted(elsewhere, run)
    assert not there.chain_is_complete()
    there.release()


def test_hooks_that_are_not_known_to_have_run_are_run_again_elsewhere(run: Run, elsewhere: Store) -> None:
    in_copy(run)
    first, *_ = run.pending_hooks()
    run.hook_begins(first)
    run.hook_ended(first, "ok", "")
    run.hook_begins(run.pending_hooks()[0])
    there = adopted(elsewhere, run)
    assert [(hook.seq, hook.moment, hook.attempt) for hook in there.pending_hooks()] == [
        (2, Moment.VALIDATED, 2),
        (2, Moment.BEFORE_ROW_COPY, 1),
    ]
    there.release()


def test_what_may_be_a_secret_is_not_handed_over_but_that_it_was_given(store: Store, run: Run) -> None:
    in_copy(run)
    hooks = HookSettings(hint="ticket", notify_url="https://h/k3y", hint_token="k3y")  # noqa: S106 - nobody's
    throttle = ThrottleSettings(http="https://h/may-i?token=k3y")
    handed, asked = handed_over_with(store, hooks=hooks, throttle=throttle)
    assert "k3y" not in document.dump(handed)
    assert asked.hooks == HookSettings(hint="ticket")
    assert asked.throttle == ThrottleSettings()
    assert handed.origin.withheld == ("hooks-hint-token", "notify-url", "throttle-http")
    assert store.find(OTHER).asked.hooks == hooks


def test_a_url_to_be_asked_in_which_there_is_no_secret_is_handed_over(store: Store, run: Run) -> None:
    in_copy(run)
    throttle = ThrottleSettings(http="https://h/may-i")
    handed, asked = handed_over_with(store, throttle=throttle)
    assert asked.throttle == throttle
    assert handed.origin.withheld == ()


def handed_over_with(store: Store, **asked: Any) -> tuple[Handover, Settings]:  # noqa: ANN401 - any field of the settings
    """What is handed over of another migration that was asked for so, and its settings there."""
    settings = Settings(ServerSettings(), ORDERS.schema, ORDERS.name, "ADD c INT", **asked)
    store.create(OTHER, server="2", host="db2", table=ORDERS, statement="", settings=document.dump(settings))
    other = store.drive(OTHER, "me")
    other.enter(PASSED, Step(Progress(), Outcome.PASSED), NO_READINGS, ("POST fsm-ghost-on-validate-passed",))
    handed = handed_over(other)
    other.release()
    return handed, document.load(Settings, handed.origin.settings)


def test_connections_elsewhere_have_numbers_of_their_own(run: Run, elsewhere: Store) -> None:
    in_copy(run)
    run.add_connection("owner")
    there = adopted(elsewhere, run)
    assert there.next_connection() == there.add_connection("owner") == 65
    assert there.earlier_connections() == ()
    there.release()


def test_taking_back_forgets_what_the_file_knew(store: Store, run: Run, elsewhere: Store) -> None:
    in_copy(run)
    store.order(MIGRATION, "abort")
    there = adopted(elsewhere, run)
    run.taken_over("taken over by host two")
    run.release()
    there.checkpoint(Step(replace(COPYING, changes=9)), NO_READINGS)
    back = handed_over(there)
    there.release()
    store.adopt(back, back.progress, replace(HOW, epoch=20))
    record = store.find(MIGRATION)
    assert (record.taken_over, record.is_finished, record.progress.changes, record.epoch) == ("", False, 9, 20)
    assert store._db.execute("SELECT * FROM commands").fetchall() == []


def test_a_migration_that_is_driven_here_is_not_adopted(store: Store, run: Run) -> None:
    in_copy(run)
    handover = handed_over(run)
    with pytest.raises(OwnedElsewhereError, match="host one process 1"):
        store.adopt(handover, handover.progress, HOW)
    run.checkpoint(Step(replace(COPYING, changes=9)), NO_READINGS)
    assert store.find(MIGRATION).progress.changes == 9


# With which epoch


def test_the_epoch_of_a_take_over_is_higher_than_any_that_is_known(store: Store, run: Run, elsewhere: Store) -> None:
    """This file may have counted on without the server."""
    in_copy(run)
    handover = handed_over(run)
    assert elsewhere.epoch_to_adopt(handover, "a", 5) == 6
    run.taken_over("taken over by host two")
    run.release()
    for _ in range(8):
        store.drive(MIGRATION, "host one process 1").release()
    assert store.epoch_to_adopt(handover, "b", 5) == 10


def test_what_is_this_files_already_is_not_adopted(store: Store, run: Run) -> None:
    in_copy(run)
    handover, token = handed_over(run), run.record.token
    run.release()
    with pytest.raises(UsageError, match="nobody has taken it over"):
        store.epoch_to_adopt(handover, token, 1)
    assert store.epoch_to_adopt(handover, token, 2) == 3, "of a copy of this file, which has gone on since"


def test_what_this_host_drives_is_not_adopted(store: Store, run: Run) -> None:
    in_copy(run)
    with pytest.raises(OwnedElsewhereError, match="is being run by host one process 1"):
        store.epoch_to_adopt(handed_over(run), "b", 1)


def test_a_file_with_another_migration_of_the_table_adopts_none(run: Run, elsewhere: Store) -> None:
    in_copy(run)
    begin(elsewhere, OTHER)
    with pytest.raises(UsageError, match=f"another unfinished migration of .*: {OTHER[:8]}"):
        elsewhere.epoch_to_adopt(handed_over(run), "a", 1)


def test_a_handover_of_another_version_is_refused(run: Run) -> None:
    in_copy(run)
    with pytest.raises(ValueError, match="version 2"):
        Handover.load(run.origin().replace('"version":1', '"version":2'), run.standing())
    with pytest.raises(ValueError, match="invented_later"):
        Handover.load(run.origin(), run.standing().replace('"hooks":', '"invented_later":1,"hooks":'))
    with pytest.raises(ValueError, match="Origin"):
        Handover.load("[]", run.standing())


def test_it_does_not_grow_with_the_chunks_that_are_done(run: Run) -> None:
    in_copy(run)
    before = len(run.standing())
    made = chunks(*range(10, 5000, 10))
    run.checkpoint(Step(replace(COPYING, open_chunks=made)), NO_READINGS)
    run.checkpoint(step(COPYING, *made), NO_READINGS)
    assert len(run.standing()) == before

"""Killed at every point that the source names, a run finishes when it is resumed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from fsm_ghost.engine.store import Store
from fsm_ghost.model.command import Verb
from fsm_ghost.model.phase import Phase
from tests.crash.points import BY_ONE_SESSION, BY_TWO_SESSIONS, fault_points, fault_points_in, marked
from tests.crash.stage import KILLED, Stage, until

# Points that a run which is never disturbed does not pass; each is reached by the test named.
ELSEWHERE = {
    "store.connections-gone": "test_a_resume_killed_while_it_clears_up_is_resumed",
    "lease": "test_a_resume_killed_while_it_clears_up_is_resumed",
    "store.adopt": "test_a_take_over_killed_while_it_is_noted_is_done_again_or_resumed",
    "store.taken-over": "test_a_run_killed_while_it_notes_that_it_was_taken_over_finds_out_again",
    "store.stopped": "test_a_run_killed_while_it_notes_why_it_does_not_go_on_is_resumed",
    "store.waits": "test_a_run_killed_while_it_notes_why_it_does_not_go_on_is_resumed",
    "store.order": "test_an_abort_killed_while_it_leaves_its_order_can_be_given_again",
    "store.answer": "test_a_command_is_answered_once_and_does_what_it_says_although_the_run_dies_as_it_takes_it",
    "store.commands": "test_an_order_is_not_lost_when_the_run_dies_as_it_takes_it",
    "hook": "test_hooks_of_a_killed_run_are_run_by_the_next_one",
    "store.hook-begins": "test_hooks_of_a_killed_run_are_run_by_the_next_one",
    "store.hook-ended": "test_hooks_of_a_killed_run_are_run_by_the_next_one",
    "store.hooks-due": "test_hooks_of_a_killed_run_are_run_by_the_next_one",
    "notice": "test_a_url_is_told_of_every_transition_although_the_run_is_killed",
    "alter": "test_whoever_finds_the_intent_looks_first_what_became_of_it",
    "take-away": "test_an_abort_killed_at_any_point_finishes",
}
TRANSITIONS = 9  # of a run that nothing disturbs: the first is among the points, the others are named here
LATER = [f"store.transition.{when}-commit:{n}" for when in ("before", "after") for n in range(2, TRANSITIONS + 1)] + [
    "store.connection.after-commit:3",
    "store.connection.after-commit:6",
    "store.checkpoint.before-commit:12",
    "copy.after-chunk:9",
    "refresh.before-commit:5",
    "clean-up.after-drop:2",
]


def _is_elsewhere(point: str) -> bool:
    return any(point.startswith(f"{prefix}.") for prefix in ELSEWHERE)


ON_THE_WAY = [marked(point) for point in [*fault_points(), *LATER] if not _is_elsewhere(point)]


@pytest.mark.parametrize("point", ON_THE_WAY)
def test_a_run_killed_at_any_point_finishes_when_resumed(stage: Stage, point: str) -> None:
    if point.startswith("refresh."):
        stage.flag_file.touch()  # so that there are changes for as long as it takes
    assert stage.start(FSM_GHOST_CRASH_AT=point).wait() == KILLED, "the point was never reached"
    stage.flag_file.unlink(missing_ok=True)
    before = stage.chunks()
    stage.assert_migrated(stage.go_on())
    stage.assert_nothing_copied_twice(before)


@pytest.mark.parametrize(
    "point", ["store.connections-gone.before-commit", "store.connections-gone.after-commit", "lease.after-claim"]
)
def test_a_resume_killed_while_it_clears_up_is_resumed(stage: Stage, point: str) -> None:
    assert stage.start(FSM_GHOST_CRASH_AT="copy.after-chunk:4").wait() == KILLED
    assert stage.resume(FSM_GHOST_CRASH_AT=point).wait() == KILLED
    before = stage.chunks()
    stage.assert_migrated(stage.resume())
    stage.assert_nothing_copied_twice(before)


def test_a_take_over_killed_while_it_is_noted_is_done_again_or_resumed(stage: Stage) -> None:
    assert stage.start(FSM_GHOST_CRASH_AT="copy.after-chunk:4").wait() == KILLED
    assert stage.take_over(FSM_GHOST_CRASH_AT="store.adopt.before-commit").wait() == KILLED
    assert stage.take_over(FSM_GHOST_CRASH_AT="store.adopt.after-commit").wait() == KILLED
    stage.assert_migrated(stage.resume())


def test_a_run_killed_while_it_notes_that_it_was_taken_over_finds_out_again(stage: Stage) -> None:
    stage.flag_file.touch()
    run = stage.start(FSM_GHOST_CRASH_AT="store.taken-over.before-commit")
    stage.await_phase(run, Phase.SYNC)
    home = stage.state_db
    second = stage.take_over("--take-over")
    assert run.wait() == KILLED
    elsewhere, stage.state_db = stage.state_db, home
    again = stage.resume()
    assert again.wait() == 5, again.output
    assert "was taken over by" in again.output
    assert stage.record.taken_over
    stage.state_db = elsewhere
    stage.flag_file.unlink()
    stage.assert_migrated(second)


@pytest.mark.parametrize(
    "point", ["store.stopped.before-commit", "store.stopped.after-commit", "store.waits.after-commit"]
)
def test_a_run_killed_while_it_notes_why_it_does_not_go_on_is_resumed(stage: Stage, point: str) -> None:
    stage.flag_file.touch()
    run = stage.start(FSM_GHOST_CRASH_AT=point)
    stage.await_phase(run, Phase.SYNC)
    if point.startswith("store.waits"):
        stage.session.kill(until(lambda: stage.connection("owner", 1) or 0, "its connection"))
    else:
        run.process.terminate()
    assert run.wait() == KILLED
    stage.flag_file.unlink()
    stage.assert_migrated(stage.resume())


@pytest.mark.parametrize("point", ["store.order.before-commit", "store.order.after-commit"])
def test_an_abort_killed_while_it_leaves_its_order_can_be_given_again(stage: Stage, point: str) -> None:
    stage.flag_file.touch()
    run = stage.start()
    stage.await_phase(run, Phase.SYNC)
    assert stage.abort(FSM_GHOST_CRASH_AT=point).wait() == KILLED
    if point.endswith("before-commit"):
        assert stage.abort().wait() == 0
    stage.assert_aborted(run)


@pytest.mark.parametrize("point", ["store.commands.before-commit", "store.commands.after-commit"])
def test_an_order_is_not_lost_when_the_run_dies_as_it_takes_it(stage: Stage, point: str) -> None:
    stage.flag_file.touch()
    run = stage.start(FSM_GHOST_CRASH_AT=point)
    stage.await_phase(run, Phase.SYNC)
    assert stage.abort(FSM_GHOST_CRASH_AT="store.order.after-commit").wait() == KILLED
    assert run.wait() == KILLED
    stage.flag_file.unlink()
    stage.assert_aborted(stage.resume())


@pytest.mark.parametrize("point", ["store.answer.before-commit", "store.answer.after-commit"])
def test_a_command_is_answered_once_and_does_what_it_says_although_the_run_dies_as_it_takes_it(
    stage: Stage, point: str
) -> None:
    stage.flag_file.touch()
    run = stage.start(FSM_GHOST_CRASH_AT=point)
    stage.await_phase(run, Phase.SYNC)
    with closing(Store.existing(stage.state_db)) as store:
        number = store.order(stage.record.id, Verb.CUT_OVER)
        assert run.wait() == KILLED
        first = store.answer(number)
        assert (first is not None) == point.endswith("after-commit")
        stage.assert_migrated(stage.resume())  # although the flag file is there
        last = store.answer(number)
        assert last is not None
        assert last.took_effect
        assert first in {None, last}


def test_a_rehearsal_that_its_run_did_not_survive_is_not_made_again_and_leaves_nothing_behind(stage: Stage) -> None:
    stage.flag_file.touch()
    run = stage.start(FSM_GHOST_CRASH_AT="swap.after-drain")
    stage.await_record(run, lambda record: record.phase is Phase.SYNC and record.progress.verified, "the comparison")
    with closing(Store.existing(stage.state_db)) as store:
        number = store.order(stage.record.id, Verb.REHEARSE)
        assert run.wait() == KILLED
        assert store.was_taken(number)
        stage.assert_aborted(stage.abort())
        answer = store.answer(number)
        assert answer is not None
        assert not answer.took_effect


@pytest.mark.parametrize(
    "point",
    [
        "store.transition.before-commit:1",
        "store.transition.after-commit:1",
        "take-away.after-drop:1",
        "take-away.after-drop:2",
        "take-away.after-drop:3",
        "store.transition.before-commit:2",
        "store.transition.after-commit:2",
    ],
)
def test_an_abort_killed_at_any_point_finishes(stage: Stage, point: str) -> None:
    assert stage.start(FSM_GHOST_CRASH_AT="copy.after-chunk:4").wait() == KILLED
    assert stage.abort(FSM_GHOST_CRASH_AT=point).wait() == KILLED
    given_up = stage.record.phase in {Phase.ROLLBACK, Phase.ABORTED}
    stage.assert_aborted(stage.go_on() if given_up else stage.abort())


def test_every_point_of_the_source_is_either_on_the_way_or_has_its_test() -> None:
    points = fault_points()
    assert len(points) >= 35
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert [name for name in ELSEWHERE.values() if f"def {name}(" not in tests] == []
    assert all(any(point.startswith(f"{prefix}.") for point in points) for prefix in ELSEWHERE), "one is gone"
    assert {*points} >= {*BY_TWO_SESSIONS, *BY_ONE_SESSION}


def test_names_of_points_are_put_together_from_the_calls_of_the_functions_they_stand_in() -> None:
    database = """
class Database:
    def transaction(self, name):
        fault_point(f"{name}.before")
"""
    run = """
class Run:
    def write(self, name):
        with self.db.transaction(f"run.{name}"):
            fault_point("plain")
    def use(self):
        self.write("one")
        self.write("two")
        self.db.transaction("three")
"""
    named = {"run.one.before", "run.two.before", "three.before", "plain"}
    assert fault_points_in({"database.py": database, "run.py": run}) == named


def test_a_point_whose_name_cannot_be_told_is_an_error() -> None:
    with pytest.raises(ValueError, match="here:1"):
        fault_points_in({"here": "fault_point(names[0])"})

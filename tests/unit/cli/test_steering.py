"""`cut-over`, `postpone` and `rehearse`, with a migration that another process runs, or nobody does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fsm_ghost.cli import main
from fsm_ghost.cli.control import asking
from fsm_ghost.engine.orders import obey
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import Step, Transition
from fsm_ghost.engine.store import Store
from fsm_ghost.model import document
from fsm_ghost.model.command import Answer, Verb
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from fsm_ghost.settings import ServerSettings, Settings
from tests.unit.cli.made_up import COPYING

ID = COPYING.id
SHORT = ID[:8]
WHO = f"migration {SHORT} of shop.orders"
SETTINGS = Settings(ServerSettings("db1", 3307, "ghost"), "shop", "orders", "ADD c INT", execute=True)
VERBS = ["cut-over", "postpone", "rehearse"]
Life = Callable[[Run], bool]  # what a run does again and again, until it says that this is its end


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is."""
    monkeypatch.setattr(asking, "PATIENCE", dict.fromkeys(asking.PATIENCE, 120.0))


@pytest.fixture
def state_db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state file with one unfinished migration."""
    path = tmp_path / "state.db"
    store = Store(path)
    table, settings = TableName("shop", "orders"), document.dump(SETTINGS)
    store.create(ID, server="a server", host="db1:3307", table=table, statement="ADD c INT", settings=settings)
    store.close()
    monkeypatch.setenv("FSM_GHOST_STATE_DB", str(path))
    return path


@contextmanager
def being_run(state_db: Path, life: Life) -> Iterator[None]:
    """Another process runs the migration."""
    running, stop = threading.Event(), threading.Event()

    def live() -> None:
        store = Store(state_db)
        run = store.drive(ID, "db-host process 42")
        running.set()
        while not stop.is_set() and not life(run):
            time.sleep(0.01)
        run.release()
        store.close()

    thread = threading.Thread(target=live)
    thread.start()
    assert running.wait(30)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def obeying(phase: Phase, rehearsed: tuple[bool, str] = (True, "in 20 ms")) -> Life:
    """It does what it is asked, in this state; a rehearsal comes to what is said."""
    progress = Progress()

    def life(run: Run) -> bool:
        nonlocal progress
        for command in run.commands():
            progress, answer = obey(command, phase, progress)
            run.answer(Step(progress, answers=(answer,)), Readings())
        if progress.rehearsal is not None:
            number, progress = progress.rehearsal, replace(progress, rehearsal=None)
            run.checkpoint(Step(progress, answers=(Answer(number, *rehearsed),)), Readings())
        return False

    return life


def deaf(_: Run) -> bool:
    """It is busy with something else."""
    return False


def ends_without_an_answer(run: Run) -> bool:
    """It is killed before it comes to what it is asked."""
    return bool(run.commands())


def reaches_its_end(run: Run) -> bool:
    """It comes to the end of the migration before it comes to what it is asked."""
    if not run.commands():
        return False
    run.enter(Transition(Phase.CLEANUP, Outcome.CLEANED, Phase.DONE), Step(Progress(), Outcome.CLEANED), Readings())
    return True


def left(state_db: Path) -> list[Verb]:
    """The commands that the next run finds."""
    store = Store(state_db)
    run = store.drive(ID, "the next run")
    verbs = [command.verb for command in run.commands()]
    run.release()
    store.close()
    return verbs


def finish(state_db: Path) -> None:
    store = Store(state_db)
    run = store.drive(ID, "the last run")
    run.enter(Transition(Phase.CLEANUP, Outcome.CLEANED, Phase.DONE), Step(Progress(), Outcome.CLEANED), Readings())
    run.release()
    store.close()


@pytest.mark.parametrize("name", [[], [SHORT], [ID], ["shop.orders"]], ids=["only one", "short id", "id", "table"])
@pytest.mark.parametrize(
    "verb, answer", [("postpone", "until somebody asks for it"), ("cut-over", "once all rows are copied and compared")]
)
def test_what_a_running_migration_answers_is_printed(
    state_db: Path, capsys: pytest.CaptureFixture[str], verb: str, answer: str, name: list[str]
) -> None:
    with being_run(state_db, obeying(Phase.COPY)):
        assert main([verb, *name]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"{WHO}: the tables are ")
    assert answer in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("rehearsed, code", [((True, "in 20 ms"), 0), ((False, "it would have been given up"), 1)])
def test_a_rehearsal_is_waited_for(
    state_db: Path, capsys: pytest.CaptureFixture[str], rehearsed: tuple[bool, str], code: int
) -> None:
    with being_run(state_db, obeying(Phase.SYNC, rehearsed)):
        assert main(["rehearse"]) == code
    shown = capsys.readouterr()
    assert (shown.err if code else shown.out).endswith(f"{WHO}: {rehearsed[1]}\n")


@pytest.mark.parametrize("verb", VERBS)
def test_what_did_not_take_effect_is_no_success(state_db: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    with being_run(state_db, obeying(Phase.CLEANUP)):
        assert main([verb]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"fsm-ghost: {WHO}: ")
    assert "cleanup" in shown.err


@pytest.mark.parametrize("verb", ["cut-over", "postpone"])
def test_where_nobody_runs_it_the_command_is_kept_for_the_next_run_and_that_is_said(
    state_db: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert main([verb]) == 4
    error = capsys.readouterr().err
    assert f"no process of this host runs {WHO}: {verb} is kept for the next run" in error
    assert f"fsm-ghost resume {SHORT}" in error
    assert left(state_db) == [verb]


def test_where_nobody_runs_it_nothing_is_rehearsed_now_or_later(
    state_db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rehearse"]) == 4
    assert "nothing was rehearsed" in capsys.readouterr().err
    store = Store(state_db)
    assert store._db.execute("SELECT count(*) FROM commands").fetchone()[0] == 0
    store.close()


@pytest.mark.parametrize("verb", VERBS)
def test_whoever_waits_for_a_run_that_ends_is_told(
    state_db: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    with being_run(state_db, ends_without_an_answer):
        assert main([verb]) == 4
    assert "no process of this host runs" in capsys.readouterr().err
    assert left(state_db) == ([] if verb == "rehearse" else [verb])


@pytest.mark.parametrize("verb", VERBS)
def test_a_migration_that_ends_before_it_takes_a_command_was_asked_too_late(
    state_db: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    with being_run(state_db, reaches_its_end):
        assert main([verb]) == 1
    assert capsys.readouterr().err == f"fsm-ghost: it is too late: {WHO} is done\n"


@pytest.mark.parametrize("verb", VERBS)
def test_a_finished_migration_is_asked_too_late(state_db: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    finish(state_db)
    assert main([verb, SHORT]) == 1
    assert capsys.readouterr().err == f"fsm-ghost: it is too late: {WHO} is done\n"


@pytest.mark.parametrize("verb", VERBS)
def test_a_run_that_is_busy_is_not_waited_for_for_ever(
    state_db: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setitem(asking.PATIENCE, Verb(verb), 0.0)
    with being_run(state_db, deaf):
        assert main([verb]) == 75
    error = capsys.readouterr().err
    assert f"{WHO} has not answered within 0 s, in state validate: {verb} is kept" in error


@pytest.mark.parametrize("verb", VERBS)
def test_what_another_host_goes_on_with_is_asked_there(
    state_db: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    store = Store(state_db)
    run = store.drive(ID, "host one process 1")
    run.taken_over("taken over by host two process 7")
    run.release()
    store.close()
    assert main([verb, SHORT]) == 5
    assert "taken over by host two process 7" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_migration_or_a_state_file_there_is_nobody_to_ask(
    state_db: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert main([verb, "nosuch"]) == 2
    finish(state_db)
    assert main([verb]) == 2
    assert "there is no unfinished migration" in capsys.readouterr().err
    state_db.unlink()
    assert main([verb]) == 1
    assert not state_db.exists()

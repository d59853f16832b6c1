"""Whole commands, against a state file, with a migration that is only played."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fsm_ghost import migration
from fsm_ghost.cli import main
from fsm_ghost.cli.control.serving import Serving
from fsm_ghost.engine.state import Step, Transition
from fsm_ghost.engine.store import Change, Store
from fsm_ghost.errors import OwnedElsewhereError, RefusedError, StoppedError
from fsm_ghost.migration import Ending
from fsm_ghost.model import document
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.services.server.doors import speak
from fsm_ghost.settings import Kill, ServerSettings, Settings
from tests.unit.cli.made_up import COPYING, GALLERY

ID = COPYING.id
SETTINGS = Settings(ServerSettings("db1", 3307, "ghost"), "shop", "orders", "ADD c INT", execute=True)


class Stage:
    """Plays `fsm_ghost.migration`, and notes what it was asked for."""

    def __init__(self, state_db: Path) -> None:
        self.state_db = state_db
        self.asked: list[Settings] = []
        self.driven: list[tuple[str, ServerSettings, str | None]] = []
        self.changes: list[Change | None] = []
        self.ending = Ending(Phase.DONE, 0, GALLERY["done"], ("The old table is kept.",))
        self.plays: Callable[[threading.Event], None] = lambda _: None
        self.taken_away: list[str] = []

    def begin(self, settings: Settings, store: Store) -> str:
        self.asked.append(settings)
        self.record(store)
        return ID

    def drive(
        self,
        store: Store,
        migration: str,
        server: ServerSettings,
        *,
        publish: Callable[[Snapshot], None],
        stop: threading.Event,
        order: str | None = None,
        change: Change | None = None,
    ) -> Ending:
        assert store.path == self.state_db
        self.driven.append((migration, server, order))
        self.changes.append(change)
        publish(COPYING)
        self.plays(stop)
        return self.ending

    def take_away(self, _: Store, migration: str, __: ServerSettings) -> tuple[str, ...]:
        self.taken_away.append(migration)
        return ("dropped shop.orders_gho",)

    def record(self, store: Store | None = None, migration: str = ID, table: str = "orders") -> None:
        """Put a migration into the state file."""
        mine = store or Store(self.state_db)
        mine.create(
            migration,
            server=f"server of {table}",
            host="db1:3307",
            table=TableName("shop", table),
            statement="ADD c INT",
            settings=document.dump(SETTINGS),
        )
        if store is None:
            mine.close()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    played = Stage(tmp_path / "state.db")
    for name in ("begin", "drive", "take_away"):
        monkeypatch.setattr(migration, name, getattr(played, name))
    monkeypatch.setenv("FSM_GHOST_STATE_DB", str(played.state_db))
    monkeypatch.delenv("MYSQL_PWD", raising=False)
    return played


_START = ["start", "--ui=plain", "ALTER TABLE shop.orders ADD c INT"]


def test_a_start_begins_and_drives_a_migration(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_START, "--execute", "--host=db1"]) == 0
    assert stage.asked[0].execute
    assert stage.driven == [(ID, stage.asked[0].server, None)]
    assert capsys.readouterr().out.splitlines()[-1] == "The old table is kept."


def test_the_password_reaches_the_server_settings(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", "hunter2")
    main(_START)
    assert stage.driven[0][1].password == "hunter2"  # noqa: S105 - nobody's
    assert "MYSQL_PWD" not in os.environ


def test_whoever_runs_a_migration_listens_beside_the_state_file_as_long_as_it_runs(stage: Stage) -> None:
    where = stage.state_db.with_name(f"state.db.{ID[:8]}.sock")
    heard: list[str] = []
    stage.plays = lambda _: heard.append(speak(where, "chunk-size=?", 60))
    assert main(_START) == 0
    assert heard == ["chunk-size: 0\n"]
    assert not where.exists()


def test_no_door_that_cannot_be_opened_keeps_a_migration_from_being_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(_: Serving) -> None:
        raise StoppedError("no such token")

    stage.record()
    monkeypatch.setattr(Serving, "begin", begin)
    assert main(["resume"]) == 4
    stage.ending = Ending(Phase.ABORTED, 6, GALLERY["aborted"], ())
    assert main(["abort", ID]) == 0


def test_a_port_without_a_token_is_refused_before_anything_is_begun(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*_START, "--serve-tcp-port=1"]) == 2
    assert "needs --serve-token-file" in capsys.readouterr().err
    assert stage.asked == []


def test_a_dry_run_shows_the_plan(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.ending = Ending(Phase.DONE, 0, GALLERY["dry run, done"], ())
    assert main(_START) == 0
    assert "To run it: fsm-ghost start with the same options, and --execute" in capsys.readouterr().out


def test_a_refusal_is_an_exit_code_and_a_message(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_: threading.Event) -> None:
        raise RefusedError("no such table", "Check --table.")

    stage.plays = refuse
    assert main(_START) == 3
    assert capsys.readouterr().err == "fsm-ghost: no such table\n  Check --table.\n"


def test_an_ending_that_is_not_good_gives_its_exit_code(stage: Stage) -> None:
    stage.ending = Ending(Phase.FAILED, 8, GALLERY["failed in verify"], ("fsm-ghost abort 3f2a91c4",))
    assert main(_START) == 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_migration_with_a_checkpoint(
    stage: Stage, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    def play(stop: threading.Event) -> None:
        os.kill(os.getpid(), number)
        assert stop.wait(60)
        raise StoppedError("stopped as asked", "Go on with: fsm-ghost resume 3f2a91c4")

    def handle(*_: object) -> None:
        raise AssertionError("the signal came to whoever handles it while nothing is migrated")

    stage.plays = play
    inherited = signal.signal(number, handle)  # whoever started the tests may have it ignored
    try:
        assert main(_START) == 4
        assert "stopping after this step" in capfd.readouterr().err
        assert signal.getsignal(number) is handle
    finally:
        signal.signal(number, inherited)


def test_a_hangup_that_is_ignored_stays_ignored(stage: Stage) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stage.plays = lambda _: os.kill(os.getpid(), signal.SIGHUP)
        assert main(_START) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_interrupt_ends_the_process_at_once() -> None:
    script = """
import os, signal, sys
from fsm_ghost.cli.running import stopped_by_signals
from fsm_ghost.cli.ui.plain import PlainScreen
with stopped_by_signals(PlainScreen()) as stop:
    os.kill(os.getpid(), signal.SIGINT)
    assert stop.is_set()
    os.kill(os.getpid(), signal.SIGINT)
    sys.exit("still here")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert "stopping after this step" in done.stderr


def test_an_interrupt_before_there_is_a_migration_ends_quietly(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(migration, "begin", interrupt)
    assert main(_START) == 130
    assert capsys.readouterr().err.strip() == "fsm-ghost: interrupted"
    assert not stage.driven


def test_a_resume_takes_the_only_unfinished_migration_and_the_remembered_server(stage: Stage) -> None:
    stage.record()
    assert main(["resume", "--ui=none"]) == 0
    assert stage.driven == [(ID, SETTINGS.server, None)]


@pytest.mark.parametrize("execute, made", [("--execute", True), ("--execute=false", False)])
def test_the_file_that_holds_up_the_swap_is_made_where_that_is_asked_for(
    stage: Stage, tmp_path: Path, execute: str, *, made: bool
) -> None:
    flag = tmp_path / "flag"
    assert main([*_START, execute, f"--postpone-cut-over-flag-file={flag}", "--make-postpone-flag-file"]) == 0
    assert flag.exists() is made
    assert stage.driven


def test_nothing_is_begun_when_the_file_that_holds_up_the_swap_cannot_be_made(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = "/nowhere/at/all"
    assert main([*_START, "--execute", f"--postpone-cut-over-flag-file={flag}", "--make-postpone-flag-file"]) == 2
    assert f"{flag} cannot be made: No such file" in capsys.readouterr().err
    assert not stage.asked


def test_a_url_may_name_a_schema_although_the_migration_knows_its_own(stage: Stage) -> None:
    stage.record()
    assert main(["resume", "--ui=none", "--url=mysql://db2/other"]) == 0
    assert stage.driven == [(ID, replace(SETTINGS.server, host="db2"), None)]


def test_connection_options_given_again_count(stage: Stage) -> None:
    stage.record()
    assert main(["resume", ID[:8], "--ui=none", "--host=db2", "--retry"]) == 0
    assert stage.driven == [(ID, replace(SETTINGS.server, host="db2"), "retry")]


def test_what_a_resume_asks_for_anew_is_handed_on(stage: Stage) -> None:
    stage.record()
    assert main(["resume", "--ui=none", "--cut-over-window=02:00-04:00", "--cut-over-kill=list"]) == 0
    assert main(["resume", "--ui=none"]) == 0
    change, nothing = stage.changes
    assert change is not None
    asked, _ = change(SETTINGS, Progress())
    assert (asked.cut_over.window, asked.cut_over.kill) == ("02:00-04:00", Kill.LIST)
    assert nothing is None


def test_nothing_is_driven_when_what_a_resume_asks_for_makes_no_sense(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.record()
    assert main(["resume", "--ui=none", "--cut-over-window=tonight"]) == 2
    assert "must be written as 02:00-04:00" in capsys.readouterr().err
    assert not stage.driven


def test_a_resume_without_an_id_asks_which_of_several(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.record()
    stage.record(migration="a" * 32, table="customers")
    assert main(["resume"]) == 2
    assert "more than one unfinished migration" in capsys.readouterr().err


def test_a_resume_without_a_state_file_does_not_make_one(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume"]) == 1
    assert "state file" in capsys.readouterr().err
    assert not stage.state_db.exists()


def test_a_migration_of_another_process_is_not_shown_as_ours(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    def owned(_: threading.Event) -> None:
        raise OwnedElsewhereError("being run by host process 7", "Watch it")

    stage.record()
    stage.plays = owned
    assert main(["resume", "--ui=none"]) == 5
    assert capsys.readouterr().err == "fsm-ghost: being run by host process 7\n  Watch it\n"


def test_an_abort_that_succeeds_is_a_success(stage: Stage) -> None:
    stage.record()
    stage.ending = Ending(Phase.ABORTED, 6, GALLERY["aborted"], ())
    assert main(["abort", ID[:8], "--ui=none"]) == 0
    assert stage.driven == [(ID, SETTINGS.server, "abort")]


def run_until_aborted(state_db: Path, running: threading.Event) -> None:
    """What another process does: it drives the migration, and gives it up when it is asked to."""
    store = Store(state_db)
    run = store.drive(ID, "db-host process 42")
    running.set()
    while not run.commands():
        time.sleep(0.01)
    run.take_aborts()
    given_up = Transition(Phase.VALIDATE, Outcome.ABORT, Phase.ABORTED)
    run.enter(given_up, Step(Progress(), Outcome.ABORT, reason="aborted as asked"), Readings())
    run.release()
    store.close()


def test_a_running_migration_is_asked_to_abort(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.record()
    running = threading.Event()
    other = threading.Thread(target=run_until_aborted, args=(stage.state_db, running), daemon=True)
    other.start()
    assert running.wait(60)
    assert main(["abort", ID, "--ui=none"]) == 0
    other.join()
    assert not stage.driven
    out = capsys.readouterr().out
    assert "asked db-host process 42 to abort" in out
    assert "aborted: shop.orders is as it was" in out


@pytest.mark.parametrize("command", ["abort", "cleanup"])
def test_what_is_given_up_or_cleaned_up_must_be_named(
    stage: Stage, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    stage.record()
    assert main([command]) == 2
    assert "needs the ID" in capsys.readouterr().err


def test_a_cleanup_says_what_it_dropped(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.record()
    assert main(["cleanup", ID[:8]]) == 0
    assert stage.taken_away == [ID]
    assert capsys.readouterr().out == "dropped shop.orders_gho\n"


def test_a_status_is_a_panel_or_a_document(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.record()
    assert main(["status"]) == 0
    assert "shop.orders" in capsys.readouterr().out.splitlines()[0]
    assert main(["status", "shop.orders", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["migration"]["id"] == ID


def test_a_status_says_when_there_is_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    Store(stage.state_db).close()
    assert main(["status"]) == 2
    assert "there is no unfinished migration" in capsys.readouterr().err


def test_a_list_is_empty_where_nothing_was_begun(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "No unfinished migration" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["migrations"] == []
    assert not stage.state_db.exists()


def test_a_list_shows_what_is_unfinished(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.record()
    assert main(["list"]) == 0
    assert "3f2a91c4  shop.orders  validate, stopped" in capsys.readouterr().out


def test_status_for_programs_loads_neither_the_drivers_nor_rich(stage: Stage) -> None:
    stage.record()
    script = (
        "import sys; from fsm_ghost.cli import main; main(['status', '--json']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(done.stdout)["migration"]["id"] == ID
    assert not {"rich", "pymysql", "pymysqlreplication", "transitions"} & set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["start", "--help-all"], ["--version"]])
def test_a_closed_pipe_is_no_error(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "fsm_ghost", *arguments]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments, complaint, remedy",
    [
        (["statsu"], "there is no command statsu", "Did you mean status?"),
        (["cutover"], "there is no command cutover", "Did you mean cut-over?"),
        (["rehearsal"], "there is no command rehearsal", "Did you mean rehearse?"),
        (["--execute"], "before all flags comes a command", "See: fsm-ghost -h"),
        (["list", "x"], "list takes no arguments like 'x'", "fsm-ghost list -h"),
        (["status", "a", "b"], "status takes one ID, not 2 words", "fsm-ghost status -h"),
        (["demo", "--rows=5"], "--rows must lie between 1,000 and 100,000,000", ""),
        (["start"], "--database is missing", "fsm-ghost start -h"),
    ],
)
def test_a_wrong_command_line_is_answered_with_what_is_wrong_and_what_to_do(
    stage: Stage, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str, remedy: str
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"fsm-ghost: {complaint}")
    assert remedy in error
    assert not stage.driven


@pytest.mark.parametrize("flag", ["--version", "-version"])
def test_the_version_is_one_line(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    from fsm_ghost import __version__  # noqa: PLC0415 - as the command imports it

    assert main([flag]) == 0
    assert capsys.readouterr().out == f"fsm-ghost {__version__}\n"

"""`resume --from-server`, with a server that is only played; and what is said of a migration that went elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fsm_ghost import migration
from fsm_ghost.cli import main
from fsm_ghost.engine.store import Change, Store
from fsm_ghost.migration import Ending
from fsm_ghost.model import document
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import CutOverSettings, HookSettings, ServerSettings, Settings
from tests.unit.cli.made_up import GALLERY

ID = GALLERY["done"].id
SHORT = ID[:8]
SETTINGS = Settings(ServerSettings("db1", 3307, "ghost"), "shop", "orders", "ADD c INT", execute=True)
GONE = f"migration {SHORT} was taken over by host two process 7 at 2026-11-21 12:00:00 UTC"


class Played:
    """Plays the server: `left` are the settings that the other host has left there."""

    def __init__(self, state_db: Path) -> None:
        self.state_db = state_db
        self.left = SETTINGS
        self.withheld: tuple[str, ...] = ()
        self.asked: list[tuple[TableName, ServerSettings, bool]] = []
        self.adapted: list[Settings] = []
        self.driven: list[tuple[str, str | None]] = []

    def take_over(
        self,
        store: Store,
        table: TableName,
        server: ServerSettings,
        *,
        force: bool,
        adapted: Callable[[Settings, tuple[str, ...]], Settings],
    ) -> str:
        self.asked.append((table, server, force))
        self.adapted.append(adapted(self.left, self.withheld))
        if not store.migrations():
            self.note(store)
        return ID

    def drive(
        self,
        _: Store,
        number: str,
        __: ServerSettings,
        *,
        publish: Callable[[Snapshot], None],
        stop: threading.Event,
        order: str | None = None,
        change: Change | None = None,
    ) -> Ending:
        assert change is None or callable(change)
        assert callable(publish)
        assert not stop.is_set()
        self.driven.append((number, order))
        return Ending(Phase.DONE, 0, GALLERY["done"], ())

    def note(self, store: Store) -> None:
        store.create(
            ID,
            server="a server",
            host="db1:3307",
            table=TableName("shop", "orders"),
            statement="ADD c INT",
            settings=document.dump(SETTINGS),
        )


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Played:
    made = Played(tmp_path / "state.db")
    monkeypatch.setattr(migration, "take_over", made.take_over)
    monkeypatch.setattr(migration, "drive", made.drive)
    monkeypatch.setenv("FSM_GHOST_STATE_DB", str(made.state_db))
    monkeypatch.delenv("MYSQL_PWD", raising=False)
    return made


FROM_SERVER = ["resume", "--from-server", "--ui=plain", "--host=db2", "--database=shop", "--table=orders"]


def test_a_migration_is_brought_from_the_server_and_driven(played: Played) -> None:
    assert main([*FROM_SERVER, "--user=ghost", "--retry"]) == 0
    assert played.asked == [(TableName("shop", "orders"), ServerSettings("db2", user="ghost"), False)]
    assert played.driven == [(ID, "retry")]


def test_only_who_says_so_ends_a_run_elsewhere(played: Played) -> None:
    assert main([*FROM_SERVER, "--take-over"]) == 0
    assert played.asked[0][2] is True


def test_what_the_state_file_knows_need_not_be_named_again(played: Played) -> None:
    store = Store(played.state_db)
    played.note(store)
    store.close()
    assert main(["resume", SHORT, "--from-server", "--ui=plain"]) == 0
    assert played.asked == [(TableName("shop", "orders"), SETTINGS.server, False)]


@pytest.mark.parametrize("missing", ["--database=shop", "--table=orders"])
def test_without_an_id_the_table_has_to_be_named(
    played: Played, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    assert main([argument for argument in FROM_SERVER if argument != missing]) == 2
    assert "--from-server needs the table" in capsys.readouterr().err
    assert played.asked == []


@pytest.mark.parametrize(
    "flag", ["--take-over", "--database=shop", "--table=orders", "--hooks-path=", "--postpone-cut-over-flag-file="]
)
def test_what_belongs_to_another_hosts_migration_means_nothing_to_our_own(
    played: Played, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    assert main(["resume", flag]) == 2
    assert "belongs to --from-server" in capsys.readouterr().err
    assert played.driven == []


def test_a_table_in_the_environment_does_not_disturb_a_resume(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(played.state_db)
    played.note(store)
    store.close()
    monkeypatch.setenv("FSM_GHOST_TABLE", "orders")
    assert main(["resume", "--ui=plain"]) == 0


# --- What the other host had, and this one has not --------------------------------------------------------------------


def test_hooks_that_are_not_here_are_not_left_out_silently(
    played: Played, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    played.left = replace(SETTINGS, hooks=HookSettings(path=str(tmp_path / "hooks")))
    assert main(FROM_SERVER) == 2
    assert "which is no folder here" in capsys.readouterr().err
    assert main([*FROM_SERVER, "--hooks-path="]) == 0
    assert main([*FROM_SERVER, f"--hooks-path={tmp_path}"]) == 0
    assert [settings.hooks.path for settings in played.adapted] == ["", str(tmp_path)]


def test_a_swap_that_was_to_wait_does_not_come_because_a_file_is_on_another_host(
    played: Played, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    flag = tmp_path / "postpone"
    played.left = replace(SETTINGS, cut_over=CutOverSettings(postpone_flag_file=str(flag), drop_old_table=True))
    assert main(FROM_SERVER) == 2
    assert f"touch {flag}" in capsys.readouterr().err
    assert main([*FROM_SERVER, "--postpone-cut-over-flag-file="]) == 0
    flag.touch()
    assert main(FROM_SERVER) == 0
    flag.unlink()
    assert main([*FROM_SERVER, "--postpone"]) == 0
    assert [settings.cut_over.postpone_flag_file for settings in played.adapted] == ["", str(flag), str(flag)]
    assert all(settings.cut_over.drop_old_table for settings in played.adapted)


# --- What is gone -----------------------------------------------------------------------------------------------------


@pytest.fixture
def gone(played: Played) -> None:
    """The migration has been taken over by another host."""
    store = Store(played.state_db)
    played.note(store)
    run = store.drive(ID, "host one process 1")
    run.taken_over(GONE)
    run.release()
    store.close()


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("command", [["resume", SHORT], ["abort", SHORT]])
def test_who_would_go_on_or_give_up_is_told_who_has_it(
    played: Played, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main(command) == 5
    error = capsys.readouterr().err
    assert GONE in error
    assert f"fsm-ghost resume {SHORT} --from-server" in error
    assert played.driven == []


@pytest.mark.usefixtures("gone")
def test_what_another_host_goes_on_with_is_not_cleaned_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cleanup", SHORT]) == 5
    assert GONE in capsys.readouterr().err


@pytest.mark.usefixtures("gone")
def test_status_and_list_say_who_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", SHORT]) == 0
    assert "taken over by host two process 7" in capsys.readouterr().out
    assert main(["list"]) == 0
    assert "validate, taken over" in capsys.readouterr().out

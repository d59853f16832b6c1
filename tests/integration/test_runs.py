"""Dry runs, two runs on one table, giving up, taking away what is left, and hooks."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fsm_ghost import migration
from fsm_ghost.engine import machine
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import (
    AbortedError,
    AmbiguousError,
    OwnedElsewhereError,
    RefusedError,
    ServerError,
    StoppedError,
)
from fsm_ghost.model.command import Verb
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.mysql import statements
from fsm_ghost.mysql.connections import Ownership
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.services import inspector
from fsm_ghost.settings import CutOverSettings, HookSettings, Settings
from fsm_ghost.states.table import TABLE
from tests.integration.driving import Driver, old_table, table_of, tables, unchanged
from tests.servers import Database


@pytest.fixture
def plain(database: Database) -> Database:
    """A database with a table `t` of some rows."""
    database.execute("CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))")
    database.execute("INSERT INTO t (v) VALUES ('one'), ('two'), ('three')")
    return database


# --- Dry runs ---------------------------------------------------------------------------------------------------------


def test_a_dry_run_leaves_nothing_but_a_plan(plain: Database, driver: Driver) -> None:
    made: set[str] = set()

    def look(seen: Snapshot) -> None:
        if seen.phase is Phase.PREPARE or seen.phase is Phase.CLEANUP:
            made.update(tables(plain))

    with unchanged(plain):
        ending = driver.run(replace(driver.settings(), execute=False), publish=look)
    assert (ending.phase, ending.exit_code) == (Phase.DONE, 0)
    assert "t_gho" in made, "the ghost table should have been built"
    plan = driver.record().progress.plan
    assert plan is not None
    assert plan.key.index == "PRIMARY"
    assert "`added` int" in plan.ghost_create
    assert [step[2] for step in driver.journal(driver.record().id)] == [Phase.PREPARE, Phase.CLEANUP, Phase.DONE]


def test_after_a_dry_run_the_migration_can_be_carried_out(plain: Database, driver: Driver) -> None:
    assert driver.run(replace(driver.settings(), execute=False)).exit_code == 0
    assert driver.run(driver.settings()).exit_code == 0
    assert tables(plain).keys() == {"t", old_table(plain, "t")}


# --- Two runs ---------------------------------------------------------------------------------------------------------


def test_a_migration_that_a_server_could_not_be_looked_at_for_does_not_stand_in_the_way_of_the_next(
    plain: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ServerError("no such view")

    with monkeypatch.context() as patch:
        patch.setattr(inspector, "survey", fail)
        with pytest.raises(ServerError):
            driver.run(driver.settings())
    assert driver.record().is_finished
    assert driver.run(driver.settings()).exit_code == 0
    assert "added" in tables(plain)["t"]


def test_a_table_that_the_server_makes_no_other_like_is_refused(
    plain: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "create_like", lambda *_: "CREATE TABLE t_gho LIKE nothing.there")
    with unchanged(plain):
        ending = driver.run(driver.settings())
    assert (ending.phase, ending.exit_code) == (Phase.ABORTED, RefusedError.exit_code)
    assert "does not make a table like" in ending.snapshot.reason


def test_a_second_start_from_the_same_state_file_is_refused_and_names_the_first(
    plain: Database, driver: Driver
) -> None:
    first = driver.start(driver.postponed())
    first.until_postponed()
    with pytest.raises(OwnedElsewhereError, match=first.id[:8]) as refusal:
        driver.run(driver.settings())
    assert f"resume {first.id[:8]}" in refusal.value.remedy
    driver.flag_file.unlink()
    assert first.ending().exit_code == 0
    assert tables(plain).keys() == {"t", old_table(plain, "t")}


def test_a_second_start_from_another_state_file_is_refused_and_names_the_first(
    plain: Database, driver: Driver, tmp_path: Path
) -> None:
    first = driver.start(driver.postponed())
    first.until_postponed()
    before = tables(plain)
    second = driver.start(driver.settings(), state_file=tmp_path / "another.db")
    with pytest.raises(OwnedElsewhereError, match=first.id[:8]):
        second.ending()
    assert tables(plain) == before
    driver.flag_file.unlink()
    assert first.ending().exit_code == 0
    assert tables(plain).keys() == {"t", old_table(plain, "t")}


def test_a_second_start_is_refused_where_the_first_has_only_stopped(
    plain: Database, driver: Driver, tmp_path: Path
) -> None:
    """Nobody holds the lock any more, but the ghost table is there."""
    first = driver.start(driver.postponed())
    first.until_postponed()
    first.stop()
    with pytest.raises(StoppedError):
        first.ending()
    other = Driver(plain, tmp_path / "elsewhere")
    with unchanged(plain):
        ending = other.run(driver.settings())
    assert ending.exit_code == 3
    assert first.id[:8] in ending.snapshot.reason
    driver.flag_file.unlink()
    assert driver.resume(first.id).exit_code == 0


def test_a_migration_cannot_be_driven_twice_at_the_same_time(plain: Database, driver: Driver) -> None:
    first = driver.start(driver.postponed())
    first.until_postponed()
    with pytest.raises(OwnedElsewhereError, match="is being run by"):
        driver.resume(first.id)
    driver.flag_file.unlink()
    assert first.ending().exit_code == 0
    assert "added" in tables(plain)["t"]


@pytest.mark.usefixtures("plain")
def test_a_run_whose_owner_connection_is_killed_takes_the_lock_again_and_goes_on(driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    session = Session(connect_arguments(driver.server))
    owner = session.value(f"SELECT IS_USED_LOCK('{Ownership(session, table_of(driver.database, 't'))._name}')")
    session.execute(f"KILL {owner}")
    session.close()
    running.until(lambda _: driver.record(running.id).epoch >= 2)
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0


# --- Taking away ------------------------------------------------------------------------------------------------------


def taken_away(driver: Driver, number: str) -> tuple[str, ...]:
    store = Store(driver.state_file)
    try:
        return migration.take_away(store, number, driver.server)
    finally:
        store.close()


def test_what_is_being_driven_is_not_taken_away(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    with pytest.raises(OwnedElsewhereError):
        taken_away(driver, running.id)
    driver.flag_file.unlink()
    assert running.ending().exit_code == 0
    assert "`added`" in tables(plain)["t"]


def test_taking_away_what_has_only_stopped_gives_it_up(plain: Database, driver: Driver) -> None:
    before = tables(plain)
    running = driver.start(driver.postponed())
    running.until_postponed()
    running.stop()
    with pytest.raises(StoppedError):
        running.ending()
    (line,) = taken_away(driver, running.id)
    assert running.id[:8] in line
    assert driver.record(running.id).phase is Phase.ABORTED
    assert tables(plain) == before


def test_only_what_is_proved_to_be_ours_is_taken_away(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    made = plain.query("SHOW CREATE TABLE t_ghc")[0][1]
    rows = plain.query("SELECT id, hint, value FROM t_ghc")
    driver.order(running.id, "abort")
    assert running.ending().phase is Phase.ABORTED
    assert tables(plain).keys() == {"t"}
    # As if it had been killed in the middle of it: the changelog and the ghost table are there again.
    plain.execute(made)
    for row in rows:
        plain.execute("INSERT INTO t_ghc (id, hint, value) VALUES (%s, %s, %s)", row)
    plain.execute("CREATE TABLE t_gho (id INT)")
    assert len(taken_away(driver, running.id)) == 2
    assert tables(plain).keys() == {"t"}
    assert taken_away(driver, running.id) == ("nothing of it was left on the server",)


def test_a_ghost_table_without_our_changelog_is_not_taken_away(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    driver.order(running.id, "abort")
    running.ending()
    plain.execute("CREATE TABLE t_gho (id INT)")
    with unchanged(plain), pytest.raises(AmbiguousError, match="t_gho"):
        taken_away(driver, running.id)


def test_tables_of_another_migration_are_not_taken_away(plain: Database, driver: Driver, tmp_path: Path) -> None:
    first = driver.start(driver.postponed())
    first.until_postponed()
    driver.order(first.id, "abort")
    first.ending()
    other = Driver(plain, tmp_path / "elsewhere")
    second = other.start(replace(driver.settings(), cut_over=driver.postponed().cut_over))
    second.until_postponed()
    with unchanged(plain), pytest.raises(AmbiguousError):
        taken_away(driver, first.id)
    driver.flag_file.unlink()
    assert second.ending().exit_code == 0


# --- Giving up --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.VALIDATE, Phase.PREPARE, Phase.COPY, Phase.SYNC, Phase.VERIFY])
def test_a_migration_is_given_up_on_command(
    plain: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch, phase: Phase
) -> None:
    monkeypatch.setattr(machine, "LISTEN_EVERY", 0.0)
    with unchanged(plain):
        store = Store(driver.state_file)
        number = migration.begin(driver.postponed(), store)
        store.close()
        if phase is Phase.VALIDATE:
            driver.order(number, "abort")
        running = driver.restart(number, hold=phase)
        if phase is not Phase.VALIDATE:
            running.until_held()
            driver.order(number, "abort")
        running.go()
        ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.ABORTED, AbortedError.exit_code)
    assert driver.journal(number)[-2:] == [
        (phase, "abort", Phase.ROLLBACK),
        (Phase.ROLLBACK, "rolled_back", Phase.ABORTED),
    ]
    assert driver.record(number).is_finished


def test_it_is_too_late_to_give_up_once_the_tables_are_swapped(
    plain: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "LISTEN_EVERY", 0.0)
    running = driver.start(driver.settings(), hold=Phase.CLEANUP)
    running.until_held()
    driver.order(running.id, "abort")
    running.go()
    assert running.ending().exit_code == 0
    assert tables(plain).keys() == {"t", old_table(plain, "t")}
    assert "`added`" in tables(plain)["t"]


def test_the_same_table_can_be_migrated_after_giving_up(plain: Database, driver: Driver) -> None:
    running = driver.start(driver.postponed())
    running.until_postponed()
    driver.order(running.id, "abort")
    assert running.ending().exit_code == AbortedError.exit_code
    assert driver.run(driver.settings()).exit_code == 0
    assert "`added`" in tables(plain)["t"]


# --- Hooks ------------------------------------------------------------------------------------------------------------

MOMENTS = ["startup", "validated", "before-row-copy", "row-copy-complete", "before-cut-over", "success"]
HOOK = (
    f"#!{sys.executable} -IS"
    """
import json, os, sys
wanted = {name: value for name, value in os.environ.items() if name.startswith(("GH_OST_", "FSM_GHOST_"))}
with open(os.path.join(os.path.dirname(sys.argv[0]), "told"), "a") as file:
    file.write(json.dumps([os.path.basename(sys.argv[0]), wanted, json.load(sys.stdin)]) + "\\n")
print("ran", os.path.basename(sys.argv[0]))
sys.exit(os.path.exists(sys.argv[0] + ".fails"))
"""
)


class Hooks:
    """A directory of hooks that tell what they were told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, *names: str) -> None:
        for name in names:
            path = self.folder / name
            path.write_text(HOOK)
            path.chmod(0o755)

    def settings(self, driver: Driver, **options: Any) -> Settings:  # noqa: ANN401 - any field of the settings
        hooks = HookSettings(str(self.folder), "why", "who", "what", status_interval=1)
        return driver.settings(hooks=hooks, **options)

    def told(self) -> list[tuple[str, dict[str, str]]]:
        return [(name, variables) for name, variables, _ in self._lines()]

    def contexts(self) -> list[dict[str, Any]]:
        return [context for _, _, context in self._lines()]

    def _lines(self) -> list[Any]:
        file = self.folder / "told"
        text = file.read_text() if file.exists() else ""
        # A hook that is still running may have written a part of its line.
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    return Hooks(tmp_path / "hooks")


def runs_of(driver: Driver) -> list[tuple[str, str, int]]:
    """Moment, status and attempts of each hook that the state file knows of."""
    db = sqlite3.connect(driver.state_file)
    try:
        return db.execute("SELECT moment, status, attempts FROM hook_runs ORDER BY seq, rowid").fetchall()
    except sqlite3.OperationalError:
        return db.execute("SELECT moment, status, attempts FROM hook_runs ORDER BY seq").fetchall()
    finally:
        db.close()


def test_hooks_run_at_gh_osts_moments_in_order_and_are_journalled(
    plain: Database, driver: Driver, hooks: Hooks
) -> None:
    hooks.add(*(f"gh-ost-on-{moment}" for moment in MOMENTS))
    hooks.add("gh-ost-on-startup-2", "gh-ost-on-failure")
    (hooks.folder / "gh-ost-on-success-not-executable").write_text("#!/bin/false")
    assert driver.run(hooks.settings(driver)).exit_code == 0
    names = [name for name, _ in hooks.told()]
    assert names == ["gh-ost-on-startup", "gh-ost-on-startup-2", *(f"gh-ost-on-{moment}" for moment in MOMENTS[1:])]
    assert sorted(runs_of(driver)) == sorted((f"gh-ost-on-{moment}", "ok", 1) for moment in MOMENTS)
    assert "`added`" in tables(plain)["t"]


def test_hooks_run_at_every_transition_under_its_own_names_and_are_told_of_it(
    plain: Database, driver: Driver, hooks: Hooks
) -> None:
    hooks.add("fsm-ghost-on-")
    (hooks.folder / "fsm-ghost-on-").rename(hooks.folder / "all")
    names = {moment for row in TABLE for moment in row.moments if moment.startswith("fsm-ghost-")}
    for name in names:
        (hooks.folder / name).symlink_to(hooks.folder / "all")
    assert driver.run(hooks.settings(driver)).exit_code == 0
    number = driver.record().id
    ran = [(told["moment"], told["id"]) for told in hooks.contexts()]
    assert ran == [
        (moment, f"{number}:{entry.seq}:{moment}")
        for entry in driver.entries(number)
        for row in TABLE
        if (row.source, row.outcome, row.dest) == (entry.source, entry.outcome, entry.dest)
        for moment in row.moments[-2:]
    ]
    last = hooks.contexts()[-1]
    assert last["transition"] == {
        "number": len(driver.entries(number)),
        "from": "cleanup",
        "outcome": "cleaned",
        "to": "done",
        "reason": None,
    }
    assert last["moments"] == ["gh-ost-on-success", "fsm-ghost-on-cleanup-cleaned", "fsm-ghost-on-enter-done"]
    assert (last["migration"]["table_name"], last["migration"]["state"]) == ("t", "done")
    assert (last["migration"]["copy"]["rows"], last["migration"]["cut_over"]["swapped"]) == (3, True)
    assert "`added`" in tables(plain)["t"]


@pytest.mark.usefixtures("plain")
def test_a_postponed_run_says_so_tells_its_status_and_asks_hooks_about_commands(driver: Driver, hooks: Hooks) -> None:
    moments = ["begin-postponed", "status", "interactive-command"]
    hooks.add(*(f"gh-ost-on-{moment}" for moment in moments))
    (hooks.folder / "gh-ost-on-interactive-command.fails").touch()
    running = driver.start(hooks.settings(driver, cut_over=CutOverSettings(postpone=True)))
    running.until_postponed()
    with closing(Store.existing(driver.state_file)) as store:
        refused = store.order(running.id, Verb.CUT_OVER)
        running.until(lambda _: store.answer(refused) is not None)
        answer = store.answer(refused)
        assert answer is not None
        assert (answer.took_effect, "refuses it: ran gh-ost-on-interactive-command" in answer.text) == (False, True)
        running.until(lambda _: "gh-ost-on-status" in dict(hooks.told()))
        (hooks.folder / "gh-ost-on-interactive-command.fails").unlink()
        store.order(running.id, Verb.CUT_OVER)
    assert running.ending().exit_code == 0
    told = dict(hooks.told())
    assert told.keys() == {f"gh-ost-on-{moment}" for moment in moments}
    assert told["gh-ost-on-interactive-command"]["GH_OST_COMMAND"] == "cut-over"
    assert "State: postponing cut-over" in told["gh-ost-on-status"]["GH_OST_STATUS"]
    assert runs_of(driver) == [("gh-ost-on-begin-postponed", "ok", 1)]


def test_hooks_are_told_gh_osts_variables(plain: Database, driver: Driver, hooks: Hooks) -> None:
    hooks.add("gh-ost-on-success")
    driver.run(hooks.settings(driver))
    ((_, told),) = hooks.told()
    expected = {
        "GH_OST_DATABASE_NAME": plain.name,
        "GH_OST_TABLE_NAME": "t",
        "GH_OST_GHOST_TABLE_NAME": "t_gho",
        "GH_OST_OLD_TABLE_NAME": old_table(plain, "t"),
        "GH_OST_DDL": driver.settings().alter,
        "GH_OST_HOOKS_HINT": "why",
        "GH_OST_HOOKS_HINT_OWNER": "who",
        "GH_OST_HOOKS_HINT_TOKEN": "what",
        "GH_OST_MIGRATED_HOST": driver.server.host,
        "GH_OST_INSPECTED_HOST": driver.server.host,
        "GH_OST_DRY_RUN": "false",
    }
    assert {name: told[name] for name in expected} == expected
    assert told["GH_OST_COPIED_ROWS"] == "3"
    assert float(told["GH_OST_PROGRESS"]) == 100
    assert int(told["GH_OST_ELAPSED_SECONDS"]) >= 0
    assert {"GH_OST_ESTIMATED_ROWS", "GH_OST_EXECUTING_HOST", "FSM_GHOST_HOOK_KEY"} <= told.keys()


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment != "success"])
def test_a_gate_hook_that_fails_stops_the_run_and_is_run_again_by_resume(
    plain: Database, driver: Driver, hooks: Hooks, moment: str
) -> None:
    hooks.add(f"gh-ost-on-{moment}")
    fails = hooks.folder / f"gh-ost-on-{moment}.fails"
    fails.touch()
    with pytest.raises(StoppedError, match=f"gh-ost-on-{moment} failed"):
        driver.run(hooks.settings(driver))
    number = driver.record().id
    with pytest.raises(StoppedError, match=f"gh-ost-on-{moment} failed"):
        driver.resume(number)
    assert "added" not in tables(plain)["t"]
    fails.unlink()
    assert driver.resume(number).exit_code == 0
    keys = {variables["FSM_GHOST_HOOK_KEY"] for _, variables in hooks.told()}
    attempts = [variables["FSM_GHOST_HOOK_ATTEMPT"] for _, variables in hooks.told()]
    assert (len(keys), attempts) == (1, ["1", "2", "3"])
    assert (f"gh-ost-on-{moment}", "ok", 3) in runs_of(driver)
    assert "`added`" in tables(plain)["t"]


def test_a_success_hook_that_fails_is_noted_and_stops_nothing(plain: Database, driver: Driver, hooks: Hooks) -> None:
    hooks.add("gh-ost-on-success")
    (hooks.folder / "gh-ost-on-success.fails").touch()
    assert driver.run(hooks.settings(driver)).exit_code == 0
    assert ("gh-ost-on-success", "failed", 1) in runs_of(driver)
    assert "`added`" in tables(plain)["t"]


@pytest.mark.usefixtures("plain")
def test_the_failure_hook_runs_when_a_migration_is_refused(driver: Driver, hooks: Hooks) -> None:
    hooks.add("gh-ost-on-failure", "gh-ost-on-success")
    assert driver.run(replace(hooks.settings(driver), table="missing")).exit_code == 3
    assert [name for name, _ in hooks.told()] == ["gh-ost-on-failure"]


@pytest.mark.usefixtures("plain")
def test_a_hook_that_takes_too_long_is_killed(driver: Driver, hooks: Hooks) -> None:
    path = hooks.folder / "gh-ost-on-startup"
    path.write_text("#!/bin/sh\nsleep 600\n")
    path.chmod(0o755)
    settings = replace(driver.settings(), hooks=HookSettings(path=str(hooks.folder), timeout=0.3))
    with pytest.raises(StoppedError, match=r"killed after 0\.3 s"):
        driver.run(settings)

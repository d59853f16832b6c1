"""Hooks run at least once for every transition that was committed, and never for another."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from fsm_ghost.engine.store import Store
from fsm_ghost.model.phase import Moment
from fsm_ghost.states.table import TABLE
from tests.crash.stage import KILLED, Stage

# Of each kind of names, some: that every transition has all of them is tested elsewhere.
INSTALLED = [*Moment, "fsm-ghost-on-copy-copied", "fsm-ghost-on-enter-verify", "fsm-ghost-on-enter-done"]
POINTS = [
    "hook.before-run:1",
    "hook.after-run:1",
    "hook.before-run:4",
    "hook.after-run:4",
    "hook.after-run:6",
    "store.hook-begins.before-commit:2",
    "store.hook-begins.after-commit:3",
    "store.hook-ended.before-commit:5",
    "store.hook-ended.after-commit:5",
    "store.transition.after-commit:8",
    "store.hooks-due.before-commit",
    "store.hooks-due.after-commit",
]


def install_hooks(folder: Path) -> Path:
    """A hook for each moment that is installed, which writes down when and why it ran; returns where it does."""
    folder.mkdir()
    noted = folder.parent / "noted"
    for moment in INSTALLED:
        hook = folder / f"{moment}-note"
        hook.write_text(
            f'#!/bin/sh\necho "{moment} $FSM_GHOST_HOOK_KEY $FSM_GHOST_HOOK_ATTEMPT $GH_OST_TABLE_NAME" >> {noted}\n'
        )
        hook.chmod(0o755)
    return noted


def due(stage: Stage) -> set[str]:
    """The occasions that the state file has hooks for, by their keys."""
    with closing(Store.reading(stage.state_db)) as store:
        journal = store.journal(stage.record.id)
    moments = {(row.source, str(row.outcome), row.dest): row.moments for row in TABLE}
    at_transitions = {
        f"{stage.record.id}:{entry.seq}:{moment}"
        for entry in journal
        for moment in moments[entry.source, entry.outcome, entry.dest]
        if moment in INSTALLED
    }
    return at_transitions | set(postponed(stage))


def postponed(stage: Stage) -> list[str]:
    """How often postponing has begun, by the keys of its hooks."""
    with closing(sqlite3.connect(stage.state_db)) as db:
        rows = db.execute("SELECT seq FROM hook_runs WHERE moment = ?", (Moment.BEGIN_POSTPONED,)).fetchall()
    return [f"{stage.record.id}:{seq}:{Moment.BEGIN_POSTPONED}" for (seq,) in rows]


@pytest.mark.parametrize("point", POINTS)
def test_hooks_of_a_killed_run_are_run_by_the_next_one(stage: Stage, point: str) -> None:
    noted = install_hooks(stage.folder / "hooks")
    if "hooks-due" in point:
        stage.flag_file.touch()
    start = stage.start("--hooks-path", str(stage.folder / "hooks"), FSM_GHOST_CRASH_AT=point)
    assert start.wait() == KILLED, "the point was never reached"
    stage.flag_file.unlink(missing_ok=True)
    stage.assert_migrated(stage.resume())
    lines = [line.split() for line in noted.read_text(encoding="utf-8").splitlines()]
    runs = Counter(key for _, key, _, _ in lines)
    assert set(runs) == due(stage)
    assert runs.total() <= len(runs) + 1, "only the hook that was running when the run was killed is run again"
    assert all(count == 1 or ("2" in {line[2] for line in lines if line[1] == key}) for key, count in runs.items())
    assert {table for _, _, _, table in lines} == {stage.table.name}
    assert len(postponed(stage)) == ("hooks-due.after" in point)


@pytest.mark.parametrize("point", ["notice.before-post:3", "notice.after-post:3"])
def test_a_url_is_told_of_every_transition_although_the_run_is_killed(stage: Stage, point: str) -> None:
    with listening() as (url, heard):
        assert stage.start("--notify-url", url, FSM_GHOST_CRASH_AT=point).wait() == KILLED, (
            "the point was never reached"
        )
        stage.assert_migrated(stage.resume())
    with closing(Store.reading(stage.state_db)) as store:
        journal = store.journal(stage.record.id)
    told = [json.loads(body) for body in heard]
    assert {(each["transition"]["number"], each["transition"]["to"]) for each in told} == {
        (entry.seq, entry.dest) for entry in journal
    }
    again = [key for key, count in Counter(each["id"] for each in told).items() if count > 1]
    attempts = {each["id"]: each["attempt"] for each in told}
    assert all(attempts[key] == 2 for key in again)
    assert 2 in attempts.values(), "what was under way when the run was killed is told again"


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """A URL, and what is posted there."""
    heard: list[str] = []

    class Listening(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Listening)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

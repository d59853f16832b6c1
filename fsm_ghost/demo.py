"""`fsm-ghost demo`: a private server, a table under load, a migration that is killed on the way, and the proof.

The migration runs in processes of its own, started with the very commands that a user would type.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fsm_ghost.engine.store import Record, Store
from fsm_ghost.errors import StoreError
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql import sample
from fsm_ghost.mysql.private import PrivateServer
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.settings import ServerSettings

TABLE = TableName("shop", "orders")
ALTER = "ADD COLUMN note VARCHAR(32) NOT NULL DEFAULT '', ADD INDEX status_changed (status, changed_at)"
WRITES_PER_SECOND = 400.0
_KILL_AT = 0.4  # share of the table that is copied when the migration is killed
_TIMEOUT = 600.0  # seconds for the whole migration

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the demo found: `exit_code` is that of the migration, or 8 when something was lost."""

    exit_code: int
    lines: tuple[str, ...]


def run(
    say: Say, *, flavour: Literal["mariadb", "mysql"] = "mariadb", rows: int = 1_000_000, crash: bool = True
) -> Verdict:
    """Do it all, telling what happens; everything that was started is stopped again."""
    with tempfile.TemporaryDirectory(prefix="fsm-ghost-demo-") as folder:
        say(f"starting a private {flavour} server …")
        options = {"innodb-buffer-pool-size": "512M", "innodb-log-file-size": "512M"} if flavour == "mariadb" else {}
        with PrivateServer(flavour, options=options) as server:
            reach = ServerSettings(host="127.0.0.1", port=server.port, user=server.user, socket=str(server.socket))
            return _Show(say, reach, Path(folder) / "state.db", rows).go(crash=crash)


class _Show:
    """One performance."""

    def __init__(self, say: Say, reach: ServerSettings, state_db: Path, rows: int) -> None:
        self._say = say
        self._reach = reach
        self._state_db = state_db
        self._rows = rows
        self._session = Session(connect_arguments(reach), "connecting to the private server")

    def go(self, *, crash: bool) -> Verdict:
        began = time.monotonic()
        sample.create(self._session, TABLE, self._rows)
        self._say(
            f"{TABLE} has {self._rows:,} rows (made in {time.monotonic() - began:.0f} s); four writers start on it"
        )
        writers = sample.Writers(connect_arguments(self._reach), TABLE, self._rows, rate=WRITES_PER_SECOND).start()
        try:
            began = time.monotonic()
            exit_code = self._migrate(crash=crash)
            took = time.monotonic() - began
            time.sleep(0.5)  # let the application use the new table for a moment
        finally:
            writers.stop()
        return self._judge(writers, exit_code, took)

    def _migrate(self, *, crash: bool) -> int:
        statement = f"ALTER TABLE {TABLE} {ALTER}"
        first = self._command("start", statement, "--execute", *self._address())
        if crash and self._killed_in_copy(first):
            self._say("killed with SIGKILL in the middle of row copy; now:  fsm-ghost resume")
            return self._command("resume").wait(timeout=_TIMEOUT)
        return first.wait(timeout=_TIMEOUT)

    def _killed_in_copy(self, process: subprocess.Popen[bytes]) -> bool:
        while process.poll() is None:
            record = self._record()
            if record is not None and record.phase is Phase.COPY and record.progress.copied_part >= _KILL_AT:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return True
            time.sleep(0.05)
        return False

    def _record(self) -> Record | None:
        try:
            store = Store.reading(self._state_db)
        except StoreError:
            return None  # it is just being made
        try:
            return next(iter(store.migrations()), None)
        except StoreError:
            return None
        finally:
            store.close()

    def _command(self, *arguments: str) -> subprocess.Popen[bytes]:
        nothing_else = ("--no-defaults", "--profile=")  # what the user's own servers need is in the way here
        command = [sys.executable, "-m", "fsm_ghost", *arguments, *nothing_else, "--state-db", str(self._state_db)]
        return subprocess.Popen(command, env=dict(os.environ))

    def _address(self) -> tuple[str, ...]:
        return (
            "--host",
            self._reach.host,
            "--port",
            str(self._reach.port),
            "--user",
            self._reach.user,
            "--socket",
            self._reach.socket,
        )

    def _judge(self, writers: sample.Writers, exit_code: int, took: float) -> Verdict:
        record = self._record()
        swap = record.progress.swap if record else None
        if record is None or record.progress.plan is None or swap is None or exit_code:
            return Verdict(exit_code or 1, (f"the migration ended with exit code {exit_code}",))
        old = record.progress.plan.names.old
        lost = sample.losses(self._session, TABLE, writers, old)
        rows = sample.count(self._session, TABLE)
        self._session.close()
        problems = [*lost, *writers.errors]
        stall, of_swap = writers.longest * 1000, swap.stall * 1000
        killed = ", killed and resumed on the way" if record.epoch > 1 else ""
        lines = (
            f"rows              {rows:,}, each compared with the old table or with the writers' journals",
            f"changes followed  {record.progress.changes:,} row events; {writers.commits:,} transactions acknowledged",
            f"migration         {took:.1f} s{killed}",
            f"longest stall     {stall:.0f} ms seen by a writer; {of_swap:.0f} ms for the swap",
            f"verdict           {'NOT EQUAL' if problems else 'equal: no row and no write was lost'}",
            *problems[:10],
        )
        return Verdict(8 if problems else 0, lines)

"""The command that the tests start, kill and resume: `python -m tests.crash.command start …`.

It is `fsm-ghost` itself; FSM_GHOST_TEST_SEAMS names what a test wants to be different about it (see `_SEAMS`).
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from unittest import mock

from fsm_ghost import cli
from fsm_ghost.errors import ServerError
from fsm_ghost.model.plan import SwapMethod
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.swapper import Attempt, Swapper


def _freeze() -> None:
    """A fault point stops this process (SIGSTOP) instead of killing it."""

    def stop(process: int, _: int) -> None:
        os.kill(process, signal.SIGSTOP)

    mock.patch("fsm_ghost.faultpoints.os", SimpleNamespace(kill=stop, getpid=os.getpid)).start()


def _sentry() -> None:
    """The tables are swapped by two sessions and a sentry table, also where one session could do it."""
    mock.patch("fsm_ghost.services.builder.Builder.swap_method", return_value=SwapMethod.SENTRY).start()


def _no_fence() -> None:
    """What earlier runs left on the server is left alone: a rule switched off, to see that its test notices."""
    mock.patch("fsm_ghost.mysql.connections.Connections.fence").start()


def _impatient() -> None:
    """The server ends a locking session whose client is silent for one second."""
    mock.patch("fsm_ghost.services.swapper._IDLE_LIMIT", 1).start()


def _blind() -> None:
    """The first look whether the RENAME waits for its lock fails; and a swap given up too early is noted."""
    looks = [True]
    real, give_up = catalog.waits_for_table_lock, Swapper._give_up

    def look(session: Session, connection: int) -> bool:
        if looks:
            looks.clear()
            time.sleep(0.2)  # the RENAME is waiting by now
            raise ServerError("the look failed, as the test wants it")
        return real(session, connection)

    def given_up(self: Swapper, locker: Session | None, began: float, reason: str) -> Attempt:
        for thread in threading.enumerate():
            if thread.name == "renamer":
                thread.join(0.2)
                if thread.is_alive():
                    sys.stderr.write("given up although the RENAME is still to come\n")
        return give_up(self, locker, began, reason)

    mock.patch("fsm_ghost.mysql.catalog.waits_for_table_lock", look).start()
    mock.patch.object(Swapper, "_give_up", given_up).start()


def _kill_after_ddl() -> None:
    """Die when the server has carried out the nth statement that makes, changes, moves, locks or drops a table."""
    wanted = int(os.environ["FSM_GHOST_TEST_DDL"])
    seen = 0
    execute = Session.execute

    def executed(self: Session, statement: str) -> int:
        nonlocal seen
        affected = execute(self, statement)
        if re.match(r"\s*(CREATE|ALTER|DROP|RENAME|LOCK|UNLOCK)\b", statement):
            seen += 1
            if seen == wanted:
                sys.stderr.write(f"killed after: {statement}\n")
                sys.stderr.flush()
                os.kill(os.getpid(), signal.SIGKILL)
        return affected

    mock.patch.object(Session, "execute", executed).start()


_SEAMS: Mapping[str, Callable[[], None]] = {
    "freeze": _freeze,
    "sentry": _sentry,
    "impatient": _impatient,
    "no-fence": _no_fence,
    "blind": _blind,
    "kill-after-ddl": _kill_after_ddl,
}


def main() -> int:
    """What `fsm-ghost` does with the same arguments."""
    for seam in filter(None, os.environ.get("FSM_GHOST_TEST_SEAMS", "").split(",")):
        _SEAMS[seam]()
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())

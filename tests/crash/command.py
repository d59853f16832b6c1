"""The command that the tests start, kill and resume: `python -m tests.crash.command start …`.

It is `fsm-ghost` itself; FSM_GHOST_TEST_SEAMS names what a test wants to be different about it (see `_SEAMS`), and
FSM_GHOST_TEST_HOLD a file that may make it stand still (see `_hold`).
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fsm_ghost import cli, faultpoints
from fsm_ghost.errors import ServerError
from fsm_ghost.model.key import Key
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import SwapMethod
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.connections import Connections
from fsm_ghost.mysql.session import Session
from fsm_ghost.services import swapper
from fsm_ghost.services.builder import Builder
from fsm_ghost.services.copier import Copier
from fsm_ghost.services.swapper import Attempt, Swapper, _Call
from fsm_ghost.services.verifier import Verifier


def _put(owner: object, name: str, value: object) -> None:
    """Something in another's place, for good. (`unittest.mock` costs as much time to import as all of ours.)"""
    if not hasattr(owner, name):
        raise AttributeError(f"{owner} has no {name} any more: its seam has to be moved")
    setattr(owner, name, value)


def _freeze() -> None:
    """A fault point stops this process (SIGSTOP) instead of killing it."""

    def stop(process: int, _: int) -> None:
        os.kill(process, signal.SIGSTOP)

    _put(faultpoints, "os", SimpleNamespace(kill=stop, getpid=os.getpid))


def _sentry() -> None:
    """The tables are swapped by two sessions and a sentry table, also where one session could do it."""
    _put(Builder, "swap_method", lambda _: SwapMethod.SENTRY)


def _no_fence() -> None:
    """What earlier runs left on the server is left alone: a rule switched off, to see that its test notices."""
    _put(Connections, "fence", lambda *_: None)


def _impatient() -> None:
    """The server ends a locking session whose client is silent for one second."""
    _put(swapper, "_IDLE_LIMIT", 1)


def _patient() -> None:
    """The server lets row copy wait for a row for as long as a test takes."""
    connect = Session.__init__

    def connected(self: Session, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - whatever it takes
        connect(self, *arguments, **named)
        self.wait_at_most(row=3600)

    _put(Session, "__init__", connected)


def _blind() -> None:
    """The first look whether the RENAME waits for its lock fails; and a swap given up too early is noted."""
    looks = [True]
    calls: list[_Call] = []
    real, give_up = catalog.waits_for_table_lock, Swapper._give_up

    def look(session: Session, connection: int) -> bool:
        if looks:
            looks.clear()
            time.sleep(0.2)  # the RENAME is waiting by now
            raise ServerError("the look failed, as the test wants it")
        return real(session, connection)

    def called(session: Session, statement: str) -> _Call:
        calls.append(_Call(session, statement))
        return calls[-1]

    def given_up(self: Swapper, locker: Session | None, began: float, reason: str) -> Attempt:
        if not all(call.has_ended for call in calls):
            sys.stderr.write("given up although the RENAME is still to come\n")
        return give_up(self, locker, began, reason)

    _put(catalog, "waits_for_table_lock", look)
    _put(swapper, "_Call", called)
    _put(Swapper, "_give_up", given_up)


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

    _put(Session, "execute", executed)


def _hold(file: Path) -> None:
    """As long as there is a file, row copy or comparison stand still before the key that is named in it."""
    send, send_next = Copier.send, Verifier._send_next

    def stands_still(phase: Phase, key: Key | None) -> bool:
        try:
            held, number = file.read_text("ascii").split()
        except FileNotFoundError:
            return False
        return held == phase and key is not None and int(key[0]) >= int(number)

    def sent(self: Copier, progress: Progress) -> None:
        chunks = tuple(chunk for chunk in progress.open_chunks if not stands_still(Phase.COPY, chunk.range.upto))
        send(self, replace(progress, open_chunks=chunks))

    def sent_next(self: Verifier, progress: Progress, *, to_the_end: bool) -> None:
        if not stands_still(Phase.VERIFY, progress.verified_upto):
            send_next(self, progress, to_the_end=to_the_end)

    _put(Copier, "send", sent)
    _put(Verifier, "_send_next", sent_next)


_SEAMS: Mapping[str, Callable[[], None]] = {
    "freeze": _freeze,
    "sentry": _sentry,
    "impatient": _impatient,
    "patient": _patient,
    "no-fence": _no_fence,
    "blind": _blind,
    "kill-after-ddl": _kill_after_ddl,
}


def main() -> int:
    """What `fsm-ghost` does with the same arguments."""
    for seam in filter(None, os.environ.get("FSM_GHOST_TEST_SEAMS", "").split(",")):
        _SEAMS[seam]()
    if held := os.environ.get("FSM_GHOST_TEST_HOLD"):
        _hold(Path(held))
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())

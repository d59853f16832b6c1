"""`fsm-ghost control`: say something to a running migration, in gh-ost's words or ours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.complaint import complain
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.store import reading
from fsm_ghost.engine.store import Record, Store

if TYPE_CHECKING:
    from fsm_ghost.cli.control.reply import Reply
    from fsm_ghost.cli.control.request import Request

_PATIENCE = 330.0  # seconds: the longest profile, and a little more


def run(values: Values) -> int:
    """Say it where the run listens; otherwise leave it in the state file. The answer is printed; its exit code."""
    from fsm_ghost.cli.control.desk import Desk
    from fsm_ghost.cli.control.request import parse

    *named, said = values.words or ("",)
    request = parse(said)
    if request.argument and request.command.endswith("-file") and request.argument != "?":
        request = replace(request, argument=str(Path(request.argument).expanduser().absolute()))
    with reading(values) as store:
        record = store.find(named[0] if named else None)
        reply = _heard(store, record, request) if store.is_running(record.id) else None
        if reply is None:
            reply = Desk(store.path, record.id).reply(request)
    if values.is_on("json"):
        print(reply.in_json(), end="")
    elif reply.code == ExitCode.DONE:
        print(reply.in_words(), end="")
    else:
        complain(reply.text, reply.remedy)
    return reply.code


def _heard(store: Store, record: Record, request: Request) -> Reply | None:
    """What the run answers; None where nobody listens."""
    from fsm_ghost.cli.control.asking import socket_of
    from fsm_ghost.cli.control.reply import loaded
    from fsm_ghost.cli.control.request import written
    from fsm_ghost.services.server.doors import speak

    try:
        return loaded(speak(socket_of(store, record), written(request), _PATIENCE))
    except (OSError, ValueError):
        return None

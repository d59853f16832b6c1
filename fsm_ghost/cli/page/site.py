"""What is found where: the page, the state of the migration, the machine, and where commands are taken."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from http import HTTPStatus
from importlib import resources
from typing import Protocol

from fsm_ghost.cli.page.chart import chart
from fsm_ghost.cli.page.gate import Gate
from fsm_ghost.errors import FsmGhostError
from fsm_ghost.model.picture import Document, dumps
from fsm_ghost.services.server.http import JSON, TEXT, Answered, Asked

_HTML = "text/html; charset=utf-8"
_WAIT = 1.0  # seconds that /status.json?wait takes, unless the run ends before


class Looking(Protocol):
    """Who knows what a migration is like."""

    def document(self) -> Document:
        """What it is like now."""
        ...


class Site:
    """Answers requests about one migration. Any thread."""

    def __init__(self, look: Looking, command: Callable[[str], str], gate: Gate) -> None:
        self._look = look
        self._command = command
        self._gate = gate
        self._page = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
        self._policy = {"Content-Security-Policy": policy(self._page)}

    def respond(self, asked: Asked, closed: threading.Event) -> Answered:
        """The answer to a request; the run is over when it is `closed`."""
        path, _, query = asked.path.partition("?")
        if (misled := self._gate.misled(asked)) is not None:
            return misled
        if asked.method == "POST":
            return self._commanded(asked) if path == "/command" else _not_there(path)
        if path == "/":
            return Answered(HTTPStatus.OK, self._page, _HTML, self._policy)
        if path == "/healthz":
            return self._health()
        return self._gate.unread(asked) or self._read(path, closed, waits=query == "wait")

    def _read(self, path: str, closed: threading.Event, *, waits: bool) -> Answered:
        if path == "/machine.json":
            return Answered(HTTPStatus.OK, json.dumps(chart()), JSON)
        if path != "/status.json":
            return _not_there(path)
        if waits:
            closed.wait(_WAIT)  # so that who looks again and again sees the end as well
        try:
            found = {**self._look.document(), "takes_commands": self._gate.token != b""}
        except FsmGhostError as error:
            return Answered(HTTPStatus.SERVICE_UNAVAILABLE, f"{error.message}\n")
        return Answered(HTTPStatus.OK, dumps(found), JSON)

    def _health(self) -> Answered:
        """Whether somebody runs the migration, and nothing else about it."""
        try:
            alive = self._look.document()["migration"]["alive"]
        except FsmGhostError:
            alive = False
        return Answered(HTTPStatus.OK, "ok\n") if alive else Answered(HTTPStatus.SERVICE_UNAVAILABLE, "not running\n")

    def _commanded(self, asked: Asked) -> Answered:
        unheard = self._gate.unheard(asked)
        if unheard is not None:
            return unheard
        line = asked.body.decode(errors="replace").strip()
        said = self._command(line)
        return Answered(HTTPStatus.OK, said, JSON if said.startswith("{") else TEXT)


def policy(page: str) -> str:
    """What a browser may do for the page: run the script and the style that are in it, and ask where it came from."""
    allowed = {kind: _digest(page, kind) for kind in ("script", "style")}
    return (
        f"default-src 'none'; script-src '{allowed['script']}'; style-src '{allowed['style']}'; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _digest(page: str, kind: str) -> str:
    (found,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
    return "sha256-" + base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()


def _not_there(path: str) -> Answered:
    return Answered(HTTPStatus.NOT_FOUND, f"there is no {path[:100]}\n")

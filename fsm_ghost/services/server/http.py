"""Speaks HTTP with a client: one request in, one answer out, and nothing that a browser may take for something else."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from fsm_ghost.services.server.doors import Door

log = logging.getLogger(__name__)

_LONGEST = 65_536  # bytes of what is sent with a request
_PENALTY = 1.0  # seconds that a wrong token costs
_ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. Names of headers are written in small letters."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer. `is_guess` is one to a wrong token: whoever tries many has to wait for each."""

    status: HTTPStatus
    body: str
    kind: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)
    is_guess: bool = False


Respond = Callable[[Asked, threading.Event], Answered]


class Http:
    """A conversation of one request and its answer; `respond` also gets the event that says that the run ends."""

    too_many = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 5\r\n\r\ntoo many clients at the same time\n"

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def hold(self, client: socket.socket, door: Door, closed: threading.Event) -> None:
        """Answer the client's request."""

        def respond(asked: Asked) -> Answered:
            answered = self._respond(asked, closed)
            if answered.is_guess:
                log.warning("a client without the token was not heard at %s", door.shown)
                closed.wait(_PENALTY)
            return answered

        _Exchange(client, respond)
        client.shutdown(socket.SHUT_WR)


class _Exchange(BaseHTTPRequestHandler):
    """The standard library's reading of a request, and writing of an answer."""

    server_version, sys_version = "fsm-ghost", ""
    error_message_format, error_content_type = "%(code)d %(message)s\n", TEXT

    def __init__(self, client: socket.socket, respond: Callable[[Asked], Answered]) -> None:
        self._respond = respond
        self._own: Mapping[str, str] = {}
        super().__init__(client, ("", 0), None)  # type: ignore[arg-type] # it has its client from us, and no server

    def do_GET(self) -> None:
        """Answer it."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer it, once all that belongs to it has come."""
        said = self.headers.get("Content-Length", "")
        if not said.isdecimal():
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif (length := int(said)) > _LONGEST:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif len(body := self.rfile.read(length)) == length:  # half of a command may be another one
            self._answer(body)

    def end_headers(self) -> None:
        """End them with those that every answer has."""
        for name, value in {**_ALWAYS, **self._own}.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: somebody who looks is no event."""

    def _answer(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answered = self._respond(Asked(self.command, self.path, headers, body))
        sent = answered.body.encode()
        self._own = {"Content-Type": answered.kind, "Content-Length": str(len(sent)), **answered.headers}
        self.send_response(answered.status)
        self.end_headers()
        self.wfile.write(sent)

"""A server that answers every HEAD with one status, for what is asked over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


class Answering(BaseHTTPRequestHandler):
    """Answers with `status`."""

    status = 200

    def do_HEAD(self) -> None:
        """Answer."""
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(handler: type[Answering] = Answering) -> Iterator[str]:
    """The URL that is answered."""
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/may-i"
    server.shutdown()
    server.server_close()

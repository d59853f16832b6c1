"""Who may read the page, and who may command through it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from http import HTTPStatus

from fsm_ghost.services.server.http import Answered, Asked


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules of a page at `host`. Without a `token` nobody may command; `is_local` pages are read without it.

    The token is taken from the header Authorization alone, which no other site can make a browser send.
    """

    host: str
    token: bytes = field(repr=False)
    is_local: bool

    def misled(self, asked: Asked) -> Answered | None:
        """The answer to a browser that came by a name which is not this host's, as another site may have had it do."""
        known = {self.host.lower(), "localhost", "127.0.0.1", "::1"}
        if not self.is_local or _name(asked.headers.get("host", "")) in known:
            return None
        return Answered(HTTPStatus.MISDIRECTED_REQUEST, "this page is at localhost and its addresses only\n")

    def unread(self, asked: Asked) -> Answered | None:
        """The answer to who may not read."""
        return None if self.is_local else self._unknown(asked, HTTPStatus.UNAUTHORIZED)

    def unheard(self, asked: Asked) -> Answered | None:
        """The answer to who may not command."""
        if not self.token:
            return Answered(HTTPStatus.FORBIDDEN, "this page is for reading: no --serve-token-file was given\n")
        return self._unknown(asked, HTTPStatus.FORBIDDEN)

    def _unknown(self, asked: Asked, status: HTTPStatus) -> Answered | None:
        scheme, _, shown = asked.headers.get("authorization", "").partition(" ")
        is_known = hmac.compare_digest(shown.strip().encode(), self.token)
        if self.token and is_known and scheme.lower() == "bearer":
            return None
        return Answered(status, "the token is missing, or wrong: Authorization: Bearer TOKEN\n", is_guess=shown != "")


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].lower()

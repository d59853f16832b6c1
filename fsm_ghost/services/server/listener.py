"""Lets clients in, hears what each has to say, and gives them the answer; then they leave.

Each client has a thread of its own, since answers may take a while. None of them touches anything of the run: whoever
answers asks for what it needs as another process would.
"""

from __future__ import annotations

import hmac
import logging
import selectors
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from fsm_ghost.services.server.doors import Door

log = logging.getLogger(__name__)

_LONGEST = 65_536  # bytes of a line
_PATIENCE = 10.0  # seconds for a client's line, and for its taking the answer
_MOST = 16  # clients of a door at the same time: whoever has no token keeps nobody from the socket
_PENALTY = 1.0  # seconds that a wrong token costs


class Conversation(Protocol):
    """How clients are spoken with; `too_many` is what those get that there is no room for."""

    too_many: bytes

    def hold(self, client: socket.socket, door: Door, closed: threading.Event) -> None:
        """Hear a client, and give it its answer; OSError when it leaves. It is `closed` when the run ends."""
        ...


class Listener:
    """Listens at some doors until it is closed, and closes them."""

    def __init__(self, doors: Sequence[Door], conversation: Conversation) -> None:
        self._doors = tuple(doors)
        self._conversation = conversation
        self._closed = threading.Event()
        self._waker, self._alarm = socket.socketpair()
        self._clients: dict[threading.Thread, tuple[socket.socket, Door]] = {}
        self._thread = threading.Thread(target=self._listen, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more; who waits for an answer gets it, if it comes at once."""
        self._closed.set()
        self._waker.send(b"\0")
        self._thread.join()
        for door in self._doors:
            door.close()
        for thread, (client, _) in self._clients.items():
            with suppress(OSError):
                client.shutdown(socket.SHUT_RD)  # whoever has not said anything yet is not waited for
            thread.join(timeout=1)
        self._waker.close()
        self._alarm.close()

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._alarm, selectors.EVENT_READ)
            for door in self._doors:
                selector.register(door.listening, selectors.EVENT_READ, door)
            while not self._closed.is_set():
                for key, _ in selector.select():
                    if isinstance(key.data, Door):
                        self._let_in(key.data)

    def _let_in(self, door: Door) -> None:
        try:
            client, _ = door.listening.accept()
        except OSError as error:  # it has left again, or there are too many open files
            log.warning("a client could not be let in: %s", error)
            self._closed.wait(0.1)
            return
        client.settimeout(_PATIENCE)
        self._clients = {thread: taken for thread, taken in self._clients.items() if thread.is_alive()}
        if sum(taken is door for _, taken in self._clients.values()) >= _MOST:
            with suppress(OSError):
                give(client, self._conversation.too_many)
            client.close()
            return
        thread = threading.Thread(target=self._serve, args=(client, door), name="control-client", daemon=True)
        self._clients[thread] = client, door
        thread.start()

    def _serve(self, client: socket.socket, door: Door) -> None:
        try:
            self._conversation.hold(client, door, self._closed)
            while client.recv(_LONGEST):  # what is left unheard when we leave would take the answer with it
                pass
        except OSError as error:
            log.debug("a client left: %s", error)
        finally:
            client.close()


class Lines:
    """One line in, one answer out; before it the token, where the door has one."""

    too_many = b"not done: too many clients at the same time\n"

    def __init__(self, answer: Callable[[str], str]) -> None:
        self._answer = answer

    def hold(self, client: socket.socket, door: Door, closed: threading.Event) -> None:
        """Answer the client's line, if it may say anything."""
        with client.makefile("rb") as lines:
            line = self._heard(lines.readline, client, door, closed)
        if line is not None:
            give(client, self._answer(line).encode())

    @staticmethod
    def _heard(
        read_line: Callable[[int], bytes], client: socket.socket, door: Door, closed: threading.Event
    ) -> str | None:
        """The client's line; None when it may not say anything."""
        if not door.admits(client):
            log.warning("somebody else's process was not heard at %s", door.shown)
            return None
        if door.token and not hmac.compare_digest(read_line(_LONGEST).strip(), door.token):
            log.warning("a client without the token was not heard at %s", door.shown)
            closed.wait(_PENALTY)
            give(client, b"not done: the first line must be the token\n")
            return None
        line = read_line(_LONGEST)
        if len(line) == _LONGEST:
            give(client, b"not done: the line is too long\n")
            return None
        return line.decode(errors="replace").strip()


def give(client: socket.socket, answer: bytes) -> None:
    """Send a client all that it is going to get."""
    client.sendall(answer)
    client.shutdown(socket.SHUT_WR)

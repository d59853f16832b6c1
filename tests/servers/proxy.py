"""A network between a migration and its server that loses what a test wants it to lose.

    with Proxy(server) as network:
        trap = network.lay(r"^RENAME ", How.LOSE_REPLY)
        ...                                   # what connects to 127.0.0.1, port `network.port`
        trap.await_sprung()

Of the protocol it understands where packets begin, and which of them hold a statement. TLS is not offered, since
statements could not be read then.

With a `Manner` it is no network any more, but one of the proxies that people put before their servers.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum, auto
from itertools import islice
from types import TracebackType
from typing import Self

from pymysql.connections import Connection
from pymysql.cursors import Cursor

from fsm_ghost.mysql.private import PrivateServer

_HEADER = 4  # of a packet: the length of its payload in three bytes, and its number in the conversation
_STATEMENT = 3  # COM_QUERY
_OFFERS_TLS = 0x08  # in the second byte of the server's capabilities
_AFTER_VERSION = 4 + 8 + 1  # connection id, scramble, a zero: then come the capabilities
_PATIENCE = 120.0


class How(Enum):
    """What becomes of a statement that is caught."""

    LOSE_STATEMENT = auto()  # it never arrives, and its connection breaks
    LOSE_REPLY = auto()  # it is carried out to its end, and its connection breaks, for the server first
    CUT = auto()  # it arrives, and its connection breaks while it is under way
    STALL = auto()  # it arrives; after that nothing of anybody gets through any more, and no connection breaks


class Manner(Enum):
    """What a proxy does that a network does not."""

    SPLITS_READS = auto()  # a SELECT goes to another connection than everything else
    NUMBERS_ITSELF = auto()  # it greets clients with numbers of its own


class Trap:
    """What is to happen to the first statement that matches a pattern; `then` is called before it is passed on."""

    def __init__(self, pattern: str, how: How, then: Callable[[], None] | None) -> None:
        self.how = how
        self.statement = ""
        self._pattern = re.compile(pattern, re.DOTALL)
        self._then = then
        self._taken = False
        self._sprung = threading.Event()

    @property
    def sprung(self) -> bool:
        """Whether it has happened."""
        return self._sprung.is_set()

    def await_sprung(self) -> str:
        """Wait until it has happened; the statement that was caught."""
        assert self._sprung.wait(_PATIENCE), f"nothing like {self._pattern.pattern} was sent"
        return self.statement

    def takes(self, statement: str) -> bool:
        """Whether this is the statement."""
        if self._taken or not self._pattern.search(statement):
            return False
        self._taken = True
        self.statement = statement
        return True

    def prepare(self) -> None:
        """Do what the test wants done before the statement is passed on."""
        if self._then is not None:
            self._then()

    def spring(self) -> None:
        """It has happened."""
        self._sprung.set()


class Proxy:
    """Passes connections on to a private server, through its Unix socket."""

    def __init__(self, server: PrivateServer, manner: Manner | None = None) -> None:
        self._server = server
        self.manner = manner
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._flows.set()
        self._closed = False
        self._traps: list[Trap] = []
        self._links: list[_Link] = []
        self._seen: list[str] = []
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for link in self._links:
            link.join()

    def lay(self, pattern: str, how: How, then: Callable[[], None] | None = None) -> Trap:
        """Wait for the first statement from now on that matches."""
        trap = Trap(pattern, how, then)
        with self._lock:
            self._traps.append(trap)
        return trap

    def seen(self, pattern: str) -> list[str]:
        """The statements so far that match, lost ones too."""
        with self._lock:
            return [statement for statement in self._seen if re.search(pattern, statement, re.DOTALL)]

    def lift(self) -> None:
        """The network works again: what was held up goes on."""
        self._flows.set()

    def cut(self) -> None:
        """Every connection breaks; new ones get through."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.cut()
        self._flows.set()

    def noted(self, statement: str) -> Trap | None:
        """Take note of a statement; the trap that it is caught by."""
        with self._lock:
            self._seen.append(statement)
            return next((trap for trap in self._traps if trap.takes(statement)), None)

    def open_reader(self) -> Connection[Cursor]:
        """Another connection to the server, for reads."""
        return self._server.connect()

    def await_flow(self) -> None:
        """Wait until the network works."""
        self._flows.wait()

    def stall(self) -> None:
        """Let nothing through any more."""
        self._flows.clear()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                link = _Link(self, client, self._server.socket)
                self._links.append(link)
            link.start()


class _Link:
    """One connection, and ours to the server for it."""

    def __init__(self, proxy: Proxy, client: socket.socket, address: str) -> None:
        self._proxy = proxy
        self._client = client
        self._address = address
        self._upstream = socket.socket(socket.AF_UNIX)
        self._reader: socket.socket | None = None
        self._caught: Trap | None = None
        self._threads = [threading.Thread(target=self._connect, name="proxy link", daemon=True)]

    def start(self) -> None:
        self._threads[0].start()

    def join(self) -> None:
        for thread in list(self._threads):
            thread.join()

    def cut(self) -> None:
        """End both connections; the threads close them."""
        for end in filter(None, (self._client, self._upstream, self._reader)):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> None:
        """Carry what the client sends, beside a thread for what the server sends."""
        answers = threading.Thread(target=self._pass_answers, name="proxy answers", daemon=True)
        with self._client, self._upstream:
            self._proxy.await_flow()
            with suppress(OSError):
                self._upstream.connect(self._address)
                answers.start()
                if self._proxy.manner is Manner.SPLITS_READS:
                    self._pass_statements_apart()
                else:
                    self._pass_statements()
            self.cut()
            if answers.ident is not None:
                answers.join()

    def _pass_statements_apart(self) -> None:
        """The same, with another connection for reads, whose answers have a thread of their own."""
        with self._proxy.open_reader() as connection:
            self._reader = connection._sock  # type: ignore[attr-defined]
            reads = threading.Thread(target=self._pass_reads, args=(self._reader,), name="proxy reads", daemon=True)
            reads.start()
            self._pass_statements()
            self.cut()
            reads.join()

    def _pass_reads(self, reader: socket.socket) -> None:
        with suppress(OSError):
            while data := reader.recv(1 << 16):
                self._client.sendall(data)

    def _way(self, packet: bytes) -> socket.socket:
        """Where a packet of the client's goes."""
        reads = self._reader is not None and _is_statement(packet) and _statement(packet).startswith("SELECT")
        return self._reader if reads and self._reader is not None else self._upstream

    def _pass_statements(self) -> None:
        for packet in _packets(self._client):
            self._proxy.await_flow()
            trap = self._proxy.noted(_statement(packet)) if _is_statement(packet) else None
            if trap is not None and not self._spring(trap, packet):
                return
            if trap is None:
                self._way(packet).sendall(packet)

    def _spring(self, trap: Trap, packet: bytes) -> bool:
        """What the trap wants; whether the connection lives on."""
        trap.prepare()
        if trap.how is How.LOSE_STATEMENT:
            trap.spring()
            return False
        if trap.how is How.LOSE_REPLY:
            self._caught = trap  # before the answer can be there
        if trap.how is How.STALL:
            self._proxy.stall()
        self._upstream.sendall(packet)
        if trap.how is not How.LOSE_REPLY:
            trap.spring()
        return trap.how is not How.CUT

    def _pass_answers(self) -> None:
        with suppress(OSError):
            for greeting in islice(_packets(self._upstream), 1):
                greeted = _renumbered(greeting) if self._proxy.manner is Manner.NUMBERS_ITSELF else greeting
                self._client.sendall(_without_tls(greeted))
            while data := self._upstream.recv(1 << 16):
                if self._caught is not None:
                    self._end_upstream()
                    self._caught.spring()
                    break
                self._proxy.await_flow()
                self._client.sendall(data)
        self.cut()

    def _end_upstream(self) -> None:
        """End the connection to the server, and wait until it has noticed: the client hears of it last."""
        self._upstream.shutdown(socket.SHUT_WR)
        while self._upstream.recv(1 << 16):
            pass


def _packets(end: socket.socket) -> Iterator[bytes]:
    """The packets that come in, with their headers, until the connection ends."""
    while len(header := _exactly(end, _HEADER)) == _HEADER:
        size = int.from_bytes(header[:3], "little")
        payload = _exactly(end, size)
        if len(payload) < size:
            return
        yield header + payload


def _exactly(end: socket.socket, size: int) -> bytes:
    """So many bytes; fewer when the connection ends."""
    parts = b""
    while len(parts) < size and (part := end.recv(size - len(parts))):
        parts += part
    return parts


def _is_statement(packet: bytes) -> bool:
    """Whether a packet of the client's begins a conversation, as those of a login do not, and holds a statement."""
    return packet[3] == 0 and packet[_HEADER : _HEADER + 1] == bytes([_STATEMENT])


def _statement(packet: bytes) -> str:
    return packet[_HEADER + 1 :].decode(errors="replace")


def _renumbered(greeting: bytes) -> bytes:
    """The server's first packet, with another number for the connection."""
    at = greeting.find(b"\0", _HEADER + 1) + 1
    number = int.from_bytes(greeting[at : at + 4], "little") + 1_000_000
    return greeting[:at] + number.to_bytes(4, "little") + greeting[at + 4 :]


def _without_tls(greeting: bytes) -> bytes:
    """The server's first packet, with the offer of TLS taken out."""
    version_ends = greeting.find(b"\0", _HEADER + 1)
    if greeting[_HEADER] == 0xFF or version_ends < 0:  # it does not want us
        return greeting
    at = version_ends + 1 + _AFTER_VERSION + 1
    return greeting[:at] + bytes([greeting[at] & ~_OFFERS_TLS]) + greeting[at + 1 :]

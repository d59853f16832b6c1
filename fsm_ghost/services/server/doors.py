"""Where clients come in: a unix socket for its owner, a TCP port for who knows a token, another one for browsers."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from fsm_ghost.errors import OwnedElsewhereError, UsageError

_LONGEST_PATH = 107  # bytes: what the kernel takes for the address of a unix socket
_SHORTEST_TOKEN = 16  # characters
_WAITING = 16  # clients that may wait to be let in


@dataclass(frozen=True, slots=True)
class Door:
    """One listening socket; over one with a `token` clients have to show it first."""

    listening: socket.socket
    shown: str  # its address, for people
    token: bytes = field(default=b"", repr=False)
    path: Path | None = None
    inode: int = 0

    def close(self) -> None:
        """Let nobody in any more; the file goes, unless it has become somebody else's."""
        self.listening.close()
        if self.path is not None:
            with suppress(OSError):
                if self.path.lstat().st_ino == self.inode:
                    self.path.unlink()

    def admits(self, client: socket.socket) -> bool:
        """Whether a client may speak at all; over TCP the token is still to come."""
        return self.path is None or is_ours(client)


def unix_door(path: Path) -> Door:
    """A unix socket at `path`, mode 0600. What a dead process has left there goes.

    OwnedElsewhereError when a living one listens there; UsageError when it cannot be made.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_room(path)
        with _address(path) as address:
            made.bind(address)
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)  # noqa: PTH101 - before anybody is listened to
        made.listen(_WAITING)
        return Door(made, str(path), path=path, inode=path.lstat().st_ino)
    except OSError as error:
        made.close()
        raise UsageError(f"the socket {path} cannot be made: {error.strerror or error}") from error
    except BaseException:
        made.close()
        raise


def tcp_door(host: str, port: int, token_file: Path) -> Door:
    """A TCP port for those who know the token; UsageError when it cannot be had, or there is no token."""
    return _port(host, port, _token(token_file))


def http_door(host: str, port: int, token_file: Path | None) -> Door:
    """A TCP port for browsers: what they may do without the token is not its business. UsageError as for `tcp_door`."""
    return _port(host, port, b"" if token_file is None else _token(token_file))


def _port(host: str, port: int, token: bytes) -> Door:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(_WAITING)
    except OSError as error:
        made.close()
        raise UsageError(f"port {port} of {host} cannot be listened on: {error.strerror or error}") from error
    return Door(made, f"{host}:{made.getsockname()[1]}", token=token)


def speak(path: Path, line: str, patience: float) -> str:
    """What whoever listens at a unix socket answers to a line. OSError when nobody of ours does, or not in time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ours:
        ours.settimeout(patience)
        with _address(path) as address:
            ours.connect(address)
        if not is_ours(ours):
            raise PermissionError(f"{path} is somebody else's")
        ours.sendall(f"{line}\n".encode())
        ours.shutdown(socket.SHUT_WR)
        with ours.makefile("rb") as answer:
            return answer.read().decode(errors="replace")


def is_ours(peer: socket.socket) -> bool:
    """Whether it is our user, or root, at the other end of a unix socket."""
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return user in {os.getuid(), 0}


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """What the kernel is told: the path; by way of its open folder where it is too long."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _make_room(path: Path) -> None:
    """Take away what a dead process has left."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(there.st_mode):
        raise UsageError(f"{path} is there, and is no socket", "Name another one, or remove it.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        try:
            with _address(path) as address:
                visitor.connect(address)
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OwnedElsewhereError(f"another process listens at {path}", "Name another file with --serve-socket-file.")


def _token(path: Path) -> bytes:
    """The first line of a file, which is never shown."""
    try:
        with path.open("rb") as file:
            token = file.readline().strip()
    except OSError as error:
        raise UsageError(f"--serve-token-file {path} cannot be read: {error.strerror}") from error
    if len(token) < _SHORTEST_TOKEN:
        raise UsageError(f"the first line of {path} is too short for a token", "openssl rand -hex 16 makes a good one.")
    return token

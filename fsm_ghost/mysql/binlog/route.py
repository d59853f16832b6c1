"""The way through the binlog: files, and the transaction boundaries in them (protocol R11)."""

from __future__ import annotations

from fsm_ghost.errors import StreamError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.mysql.binlog.failures import UnreadableError

_CHECKSUM = 4
_FILE_HEADER = 4  # where the first event of a file begins


class Route:
    """The file being read, and the last transaction boundary that was passed.

    The boundary never moves back within a file. It stays where it is while positions are not known (0): inside a
    compressed transaction, and beyond 4 GiB in one file.

    A name and a position alone do not show that the binlog goes on where it was left: RESET MASTER begins it anew under
    the same names, even while it is being read. So the file that was begun is known by when it was created, and the
    next one is either named at the end of this one, or the first that a server has made since it was started.
    """

    def __init__(self, start: Coordinates) -> None:
        self._file = start.file
        self.position = start.position
        self._created = start.created
        self._has_begun = False
        self._next = ""  # the file that has been named, and was not opened yet
        self._is_named_by_file = False

    @property
    def boundary(self) -> Coordinates:
        """The last transaction boundary passed; at first, where the stream was started."""
        return Coordinates(self._file, self.position, self._created)

    def passes(self, position: int) -> None:
        """A transaction begins or ends at this position, 0 when it is not known."""
        self.position = max(self.position, position)

    def rotates(self, name: bytes, *, by_file: bool = False) -> None:
        """The server says which file it reads, or will read next, or the file does.

        Raises UnreadableError for any but the next one.
        """
        if not self._has_begun:
            self._begin(name)
            return
        following = Coordinates(name.decode(errors="replace"), _FILE_HEADER)
        if not self._precedes(following):
            raise UnreadableError(f"the binlog goes from {self._file} to {following.file}, which is not the next file")
        if following.file != self._file:
            self._next = following.file
            self._is_named_by_file |= by_file

    def opens(self, created: int, *, server_started: bool) -> None:
        """A file says when it was created (seconds), and whether its server had just been started.

        Raises StreamError when it cannot be the one in which, or after which, the binlog was read so far.
        """
        if self._next:
            if not (self._is_named_by_file or server_started):
                raise self._another_history(f"{self._file} does not go on in {self._next}")
            self._file, self.position, self._created = self._next, _FILE_HEADER, created
            self._next, self._is_named_by_file = "", False
        elif self._created and created != self._created:
            raise self._another_history(f"{self._file} is not the file of this name that was being read")
        else:
            self._created = created

    @staticmethod
    def _another_history(what: str) -> StreamError:
        return StreamError(
            f"The server's binlog is not the one that was being read: {what}",
            "It was reset (RESET MASTER), or the server was put back to an earlier state; what was written meanwhile "
            "cannot be known. Abort this migration and start it again.",
        )

    def _begin(self, name: bytes) -> None:
        """The first event names the file we have asked for; whether a checksum follows is not known that early."""
        expected = self._file.encode()
        if expected not in {name, name[:-_CHECKSUM]}:
            raise UnreadableError(f"{self._file} was asked for, and the server sends {name!r}")
        self._has_begun = True

    def _precedes(self, following: Coordinates) -> bool:
        ours = Coordinates(self._file, _FILE_HEADER)
        if ours.file.rpartition(".")[0] != following.file.rpartition(".")[0]:
            return False
        try:
            return following.number - ours.number in {0, 1}
        except ValueError:  # no number
            return False

"""The way through the binlog: files, and the transaction boundaries in them (protocol R11)."""

from __future__ import annotations

from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.mysql.binlog.failures import UnreadableError

_CHECKSUM = 4
_FILE_HEADER = 4  # where the first event of a file begins


class Route:
    """The file being read, and the last transaction boundary that was passed.

    The boundary never moves back within a file. It stays where it is while positions are not known (0): inside a
    compressed transaction, and beyond 4 GiB in one file.
    """

    def __init__(self, start: Coordinates) -> None:
        self._file = start.file
        self.position = start.position
        self._has_begun = False

    @property
    def boundary(self) -> Coordinates:
        """The last transaction boundary passed; at first, where the stream was started."""
        return Coordinates(self._file, self.position)

    def passes(self, position: int) -> None:
        """A transaction begins or ends at this position, 0 when it is not known."""
        self.position = max(self.position, position)

    def rotates(self, name: bytes) -> None:
        """The server says which file it reads, or will read next. Raises UnreadableError for any but the next one."""
        if not self._has_begun:
            self._begin(name)
            return
        following = Coordinates(name.decode(errors="replace"), _FILE_HEADER)
        if not self._precedes(following):
            raise UnreadableError(f"the binlog goes from {self._file} to {following.file}, which is not the next file")
        if following.file != self._file:
            self._file, self.position = following.file, following.position

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

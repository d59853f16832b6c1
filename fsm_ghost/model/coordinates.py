"""Where we are in the binary log."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import total_ordering


@total_ordering
@dataclass(frozen=True, slots=True)
class Coordinates:
    """A position in the binary log: the file and the byte offset in it.

    Coordinates are ordered as the server writes them. File numbers are compared as numbers: `bin.1000000` comes
    after `bin.999999`, which a comparison of names gets wrong.

    `created` is when the file was, in seconds since the epoch, as the file itself says; 0 when that is not known. After
    a reset of the binlog, or on a server that was put back to an earlier state, files have the old names and positions
    and another content. It plays no part in comparisons.
    """

    file: str
    position: int
    created: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.position}"

    def __lt__(self, other: Coordinates) -> bool:
        return (self.number, self.position) < (other.number, other.position)

    @property
    def number(self) -> int:
        """The number at the end of the file's name: 123 for `mysql-bin.000123`."""
        return int(self.file.rpartition(".")[2])

    @classmethod
    def parse(cls, text: str) -> Coordinates:
        """The coordinates written as `file:position`; ValueError when they are not."""
        file, colon, position = text.rpartition(":")
        if not colon:
            raise ValueError(f"not binlog coordinates: {text!r}")
        return cls(file, int(position))

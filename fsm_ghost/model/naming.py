"""The names of the tables that a migration makes.

Every one of them sorts after the original's name, byte for byte: RENAME takes its metadata locks in that order, and a
name that sorts before the original lets writers slip between the lock and the swap (protocol R14).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

_MAX_CHARACTERS = 64  # MySQL and MariaDB: the length of an identifier, in characters
# What may stand between a cut name and its suffix. `~` sorts after every ASCII letter; for names in other scripts
# the last characters of the Basic Multilingual Plane that both servers take in an identifier.
_SEPARATORS = ("~", "\uffdc", "\uffee")


@dataclass(frozen=True, slots=True)
class TableName:
    """A table: its schema and its name, unquoted."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def sibling(self, name: str) -> TableName:
        """The table called `name` in the same schema."""
        return TableName(self.schema, name)


@dataclass(frozen=True, slots=True)
class Names:
    """The original table and the tables that its migration makes beside it."""

    original: TableName
    ghost: TableName
    changelog: TableName
    marker: TableName  # renamed to `swapped` in the statement that swaps the tables
    swapped: TableName
    old: TableName  # what the original is called after the swap

    @classmethod
    def for_table(cls, original: TableName, started_at: datetime) -> Names:
        """The names for a migration of `original` that was started at `started_at` (UTC)."""

        def beside(suffix: str) -> TableName:
            return original.sibling(after(original.name, suffix))

        return cls(
            original=original,
            ghost=beside("_gho"),
            changelog=beside("_ghc"),
            marker=beside("_ghm"),
            swapped=beside("_ghs"),
            old=beside(f"_{started_at:%Y%m%d%H%M%S}_del"),
        )

    @property
    def made(self) -> tuple[TableName, ...]:
        """The tables that exist only because of this migration, before the swap."""
        return (self.ghost, self.marker, self.changelog)


def after(name: str, suffix: str) -> str:
    """`name` with `suffix`, at most 64 characters long, and sorting after `name` byte for byte.

    A name too long for its suffix is cut and gets a digest of the whole, so that two names with a long common
    beginning do not meet.
    """
    if len(name) + len(suffix) <= _MAX_CHARACTERS:
        return name + suffix
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    for keep in range(_MAX_CHARACTERS - len(suffix) - len(digest) - 1, 0, -1):
        for separator in _SEPARATORS:
            candidate = f"{name[:keep]}{separator}{digest}{suffix}"
            if candidate.encode() > name.encode():
                return candidate
    raise ValueError(f"no name with the suffix {suffix} sorts after {name}")

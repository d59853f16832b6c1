"""CHECK constraints in a SHOW CREATE TABLE. MariaDB does not name those of columns; they are not among them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAMED = r"^  CONSTRAINT `((?:[^`]|``)+)` CHECK "
_CHECK = re.compile(rf"{_NAMED}(\(.*\))( /\*!80016 NOT ENFORCED \*/)?,?$", re.MULTILINE)
_NAME = re.compile(_NAMED, re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Check:
    """A CHECK constraint; the condition stands in parentheses."""

    name: str
    condition: str
    is_enforced: bool

    @property
    def meaning(self) -> tuple[str, bool]:
        """All but the name: what it keeps from being stored."""
        return self.condition, self.is_enforced


def checks(create: str) -> tuple[Check, ...]:
    """The CHECKs of a table, in the order in which the server shows them: that of their names."""
    return tuple(
        Check(found[1].replace("``", "`"), found[2], is_enforced=found[3] is None) for found in _CHECK.finditer(create)
    )


def without_names(create: str) -> str:
    """The definition without the names of CHECKs."""
    return _NAME.sub("  CONSTRAINT CHECK ", create)

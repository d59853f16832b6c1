"""What of a new table follows from a time zone: that must be written in the server's, like by a native ALTER TABLE."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from fsm_ghost.errors import RefusedError
from fsm_ghost.model.key import KeyKind, MigrationKey
from fsm_ghost.model.plan import MappedColumn
from fsm_ghost.model.table import Definition
from fsm_ghost.mysql.checks import checks
from fsm_ghost.mysql.quoting import quote

CLOCK = re.compile(r"current_timestamp|now|curdate|curtime|localtime|current_date|current_time", re.IGNORECASE)
_CONVERTS = re.compile(r"unix_timestamp|from_unixtime|convert_tz", re.IGNORECASE)


def is_zoned(original: Definition, ghost: Definition, mapping: tuple[MappedColumn, ...], key: MigrationKey) -> bool:
    """Whether some value of the new table follows from a time zone.

    RefusedError where rows are found by a TIMESTAMP besides, which needs a session in UTC.
    """
    found = next(chain(_converted(original, ghost, mapping), _calculated(ghost, mapping)), None)
    if found and any(column.kind is KeyKind.TIMESTAMP for column in key.columns):
        raise RefusedError(f"{found}, and the key holds a TIMESTAMP", "Use a native ALTER TABLE for it.")
    return found is not None


def _converted(original: Definition, ghost: Definition, mapping: tuple[MappedColumn, ...]) -> Iterator[str]:
    """Columns that become a TIMESTAMP, or were one."""
    for mapped in mapping:
        old, new = original.column(mapped.original), ghost.column(mapped.ghost)
        if old is not None and new is not None and (old.data_type == "timestamp") != (new.data_type == "timestamp"):
            yield f"{old.name} changes between {old.data_type} and {new.data_type}"


def _calculated(ghost: Definition, mapping: tuple[MappedColumn, ...]) -> Iterator[str]:
    """What is calculated from a TIMESTAMP, in a way that depends on the zone, or from the time of day."""
    copied = {mapped.ghost.lower() for mapped in mapping}
    moments = [quote(column.name).lower() for column in ghost.columns if column.data_type == "timestamp"]
    new = [column for column in ghost.columns if column.folded not in copied]
    texts = [(f"column {column.name}", column.expression + (column.default or "")) for column in new]
    texts += [(f"the CHECK {check.name}", check.condition) for check in checks(ghost.create)]
    texts += [(f"the index {index.name}", " ".join(index.expressions)) for index in ghost.indexes]
    for what, text in texts:
        if _CONVERTS.search(text) or any(moment in text.lower() for moment in moments):
            yield f"{what} follows from the time zone"
    for column in new:
        if column.data_type != "timestamp" and CLOCK.search(column.default or ""):
            yield f"column {column.name} follows from the time zone"

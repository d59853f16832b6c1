"""Values that tests of several rooms are made of."""

from datetime import UTC, datetime

from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import KeyColumn, KeyKind, MigrationKey
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.plan import FilledColumn, MappedColumn, Plan, SwapMethod

STARTED_AT = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
ORIGINAL = TableName("shop", "orders")
NAMES = Names.for_table(ORIGINAL, STARTED_AT)
INTEGER_KEY = MigrationKey("PRIMARY", (KeyColumn("id", "id", KeyKind.INTEGER),))
TEXT_KEY = MigrationKey("PRIMARY", (KeyColumn("code", "code", KeyKind.TEXT, charset="utf8mb4"),))
COMPOSITE_KEY = MigrationKey(
    "by_day",
    (
        KeyColumn("day", "day", KeyKind.DATE),
        KeyColumn("no", "number", KeyKind.DECIMAL),
        KeyColumn("hash", "hash", KeyKind.BINARY, length=4),
    ),
    ghost_index="PRIMARY",
)


def at(position: int, number: int = 1) -> Coordinates:
    """Coordinates in the binlog file of this number."""
    return Coordinates(f"binlog.{number:06}", position)


def plan(key: MigrationKey = INTEGER_KEY, *, swap: SwapMethod = SwapMethod.SAME_SESSION, rows: int = 1000) -> Plan:
    """A plan whose key columns and one more are copied."""
    columns = (*((column.name, column.ghost_name) for column in key.columns), ("note", "remark"))
    return Plan(
        names=NAMES,
        alter="ADD COLUMN extra INT",
        key=key,
        mapping=tuple(MappedColumn(old, new) for old, new in columns),
        filled=(FilledColumn("added", "''"),),
        original_create="CREATE TABLE `orders` (…)",
        ghost_create="CREATE TABLE `orders_gho` (…)",
        rows=rows,
        bytes=1 << 20,
        swap=swap,
        exclusive=False,
        discards=True,
    )

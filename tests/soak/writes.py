"""What an application may write to a table of any definition."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from tests.soak.tables import Column, Table

_NUMBERS = 3000  # of keys that there are


def rows(chance: random.Random, table: Table, count: int) -> Iterator[str]:
    """Statements that write so many rows; what does not fit into the table is left out by the server."""
    for _ in range(count // 100):
        yield f"INSERT IGNORE INTO t ({_names(table.columns)}) VALUES {_rows(chance, table, 100)}"


def write(chance: random.Random, table: Table) -> str:
    """A statement of the application. The server may refuse it."""
    return chance.choice(_WRITES)(chance, table)


def _insert(chance: random.Random, table: Table) -> str:
    verb = chance.choice(("INSERT", "INSERT IGNORE", "REPLACE"))
    return f"{verb} INTO t ({_names(table.columns)}) VALUES {_rows(chance, table, chance.randint(1, 3))}"


def _insert_or_update(chance: random.Random, table: Table) -> str:
    inserted = f"INSERT INTO t ({_names(table.columns)}) VALUES {_rows(chance, table, 1)}"
    return f"{inserted} ON DUPLICATE KEY UPDATE {_assignment(chance, table, table.others)}"


def _update(chance: random.Random, table: Table) -> str:
    return f"UPDATE t SET {_assignment(chance, table, table.others)} WHERE {_has_key(chance, table)}"


def _update_many(chance: random.Random, table: Table) -> str:
    return f"UPDATE t SET {_assignment(chance, table, table.others)} ORDER BY {_order(chance, table)} LIMIT 50"


def _move(chance: random.Random, table: Table) -> str:
    moved = _assignment(chance, table, table.key)
    return f"UPDATE IGNORE t SET {moved} ORDER BY {_order(chance, table)} LIMIT 2"


def _delete(chance: random.Random, table: Table) -> str:
    return f"DELETE FROM t WHERE {_has_key(chance, table)}"


def _delete_first(chance: random.Random, table: Table) -> str:
    return f"DELETE FROM t ORDER BY {_order(chance, table)} LIMIT 2"


_WRITES = (_insert, _insert, _insert_or_update, _update, _update, _update_many, _move, _delete, _delete_first)


def _rows(chance: random.Random, table: Table, count: int) -> str:
    def row() -> str:
        return ", ".join(_value(chance, column, is_key=column in table.key) for column in table.columns)

    return ", ".join(f"({row()})" for _ in range(count))


def _value(chance: random.Random, column: Column, *, is_key: bool) -> str:
    if is_key:
        return _key_value(chance, column)
    return "NULL" if column.may_be_null and chance.random() < 0.15 else column.kind.literal(chance)


def _key_value(chance: random.Random, column: Column) -> str:
    """Mostly a number among many; some that are special, or the same in another spelling."""
    if column.is_counter and chance.random() < 0.3:
        return "NULL"
    if not column.is_counter and chance.random() < 0.1:
        return column.kind.literal(chance)
    return column.kind.numbered(chance.randint(1, _NUMBERS))


def _assignment(chance: random.Random, table: Table, columns: Sequence[Column]) -> str:
    column = chance.choice(columns)
    return f"{column.quoted} = {_value(chance, column, is_key=column in table.key)}"


def _has_key(chance: random.Random, table: Table) -> str:
    column = table.key[0]
    return f"{column.quoted} = {column.kind.numbered(chance.randint(1, _NUMBERS))}"


def _order(chance: random.Random, table: Table) -> str:
    return _names(table.key) if chance.random() < 0.3 else f"RAND({chance.randint(1, 9999)})"


def _names(columns: Iterable[Column]) -> str:
    return ", ".join(column.quoted for column in columns)

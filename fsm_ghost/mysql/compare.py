"""SQL that compares original and ghost table, value by value, on the server."""

from __future__ import annotations

from collections.abc import Collection

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import MappedColumn, Plan
from fsm_ghost.model.table import Column, Definition
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.quoting import quote, table

_INTEGERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_LABELS = frozenset({"enum", "set"})
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_EXACT_NUMBERS = _INTEGERS | {"decimal"}


class Comparison:
    """The comparing statements of one migration: for the columns whose old and new values can be compared exactly."""

    def __init__(self, plan: Plan, original: Definition, ghost: Definition) -> None:
        names = plan.names
        self._original, self._ghost = table(names.original), table(names.ghost)
        self._columns = plan.key.columns
        self._ghost_columns = tuple(column.as_ghost() for column in plan.key.columns)
        self._from_original = f"{self._original} FORCE INDEX ({quote(plan.key.index)})"
        self._from_ghost = f"{self._ghost} FORCE INDEX ({quote(plan.key.ghost_index)})"
        pairs = [(mapped, self._pair(mapped, original, ghost)) for mapped in plan.mapping]
        self.uncompared = tuple(mapped.original for mapped, condition in pairs if condition is None)
        self._same = " AND ".join([self._same_key(), *(condition for _, condition in pairs if condition is not None)])

    def counts(self, key_range: KeyRange) -> str:
        """How many rows of a range the original has, how many of them are equal, and how many the ghost table has."""
        return (
            f"SELECT COUNT(*), COUNT(CASE WHEN {self._same} THEN 1 END),"
            f" (SELECT COUNT(*) FROM {self._from_ghost} WHERE {key_sql.within(self._ghost_columns, key_range)})"
            f" FROM {self._from_original} LEFT JOIN {self._from_ghost} ON {self._same_key()}"
            f" WHERE {key_sql.within(self._columns, key_range, self._original)}"
        )

    def differing(self, key_range: KeyRange, most: int) -> str:
        """The keys of at most `most` rows that differ, or that only one of the tables has."""
        return self._differing(
            key_sql.within(self._columns, key_range), key_sql.within(self._ghost_columns, key_range), f" LIMIT {most}"
        )

    def differing_among(self, keys: Collection[Key]) -> str:
        """Those of these keys whose rows differ, or that only one of the tables has."""
        return self._differing(key_sql.equals(self._columns, keys), key_sql.equals(self._ghost_columns, keys), "")

    def _differing(self, of_original: str, of_ghost: str, limit: str) -> str:
        return (
            f"(SELECT {key_sql.select_list(self._columns)} FROM {self._from_original}"
            f" WHERE {of_original} AND NOT {self._has_equal()}{limit}) UNION ALL"
            f" (SELECT {key_sql.select_list(self._ghost_columns)} FROM {self._from_ghost}"
            f" WHERE {of_ghost} AND NOT EXISTS (SELECT 1 FROM {self._original} WHERE {self._same_key()}){limit})"
        )

    def _has_equal(self) -> str:
        return f"EXISTS (SELECT 1 FROM {self._from_ghost} WHERE {self._same})"

    def _same_key(self) -> str:
        return " AND ".join(
            f"{self._ghost}.{quote(column.ghost_name)} = {self._original}.{quote(column.name)}"
            for column in self._columns
        )

    def _pair(self, mapped: MappedColumn, original: Definition, ghost: Definition) -> str | None:
        old, new = original.column(mapped.original), ghost.column(mapped.ghost)
        if old is None or new is None:
            return None
        old_name, new_name = f"{self._original}.{quote(old.name)}", f"{self._ghost}.{quote(new.name)}"
        return same_value(old, new, old_name, new_name)


def same_value(old: Column, new: Column, old_name: str, new_name: str) -> str | None:
    """A condition that holds exactly when a value was brought over unchanged; None where SQL has no exact one.

    Text is compared by its bytes, so that neither a collation nor padding hides a difference; across character sets
    by the bytes of its characters.
    """
    kinds = {old.data_type, new.data_type}
    if old.data_type == "set" and old.type != new.type:
        return None  # the text of a set follows the order of its labels
    if kinds <= _TEXTS or (kinds <= _LABELS and len(kinds) == 1):
        return f"{_bytes(old, old_name)} <=> {_bytes(new, new_name)}"
    if kinds <= _EXACT_NUMBERS:
        return f"{old_name} <=> {new_name}"
    if old.type == new.type:
        if old.data_type in _BYTES | {"json", "geometry", "vector"}:
            return (
                f"CAST({old_name} AS BINARY) <=> CAST({new_name} AS BINARY)"
                if old.data_type != "json"
                else (f"CAST({old_name} AS CHAR) <=> CAST({new_name} AS CHAR)")
            )
        return f"{old_name} <=> {new_name}"
    return None


def _bytes(column: Column, name: str) -> str:
    return (
        f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)" if column.charset != "utf8mb4" else f"CAST({name} AS BINARY)"
    )

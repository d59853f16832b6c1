"""What the writers of `benchmarks.load` know, and whether a table still says so after its migration."""

from __future__ import annotations

# ruff: noqa: INP001, S608 - a script's part; the SQL is its own
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import pymysql

from benchmarks.tables import SCHEMA, Table

HOT_ROWS: Final = 16
_COMPARED_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Change:
    """A statement, and what it leaves: the k of each of its rows, None for those that are gone; or a row it counts."""

    statement: str
    leaves: Mapping[int, int | None] = field(default_factory=dict)
    counts: int | None = None


@dataclass
class Journal:
    """What the server has acknowledged to one writer.

    `unknown` are rows whose last write got no answer. `vanished` are rows that a statement should have found.
    """

    leaves: dict[int, int | None] = field(default_factory=dict)
    hits: Counter[int] = field(default_factory=Counter)
    unknown: set[int] = field(default_factory=set)
    unknown_hits: Counter[int] = field(default_factory=Counter)
    vanished: list[int] = field(default_factory=list)

    def acknowledge(self, changes: Sequence[Change]) -> None:
        """The server has said that they are done."""
        for change in changes:
            self.unknown -= change.leaves.keys()
            self.leaves.update(change.leaves)
            if change.counts is not None:
                self.hits[change.counts] += 1

    def doubt(self, changes: Sequence[Change]) -> None:
        """The server has said nothing: they may be done or not."""
        for change in changes:
            self.unknown |= change.leaves.keys()
            if change.counts is not None:
                self.unknown_hits[change.counts] += 1


def hot_values(connection: pymysql.Connection[Any], table: Table) -> dict[int, int]:
    """The k of the rows that `hot` counts up."""
    return _found(connection, table, range(1, HOT_ROWS + 1))


def losses(
    connection: pymysql.Connection[Any],
    table: Table,
    rows: int,
    journals: Sequence[Journal],
    hot_before: Mapping[int, int],
) -> Iterator[str]:
    """Every way in which the table contradicts the journals."""
    expected = rows
    for journal in journals:
        yield from (f"row {row}: a statement did not find it" for row in journal.vanished)
        known = sorted(journal.leaves.keys() - journal.unknown)
        for first in range(0, len(known), _COMPARED_AT_ONCE):
            numbers = known[first : first + _COMPARED_AT_ONCE]
            yield from contradictions(journal, numbers, _found(connection, table, numbers))
        expected += difference(journal, rows)
    yield from _lost_hits(journals, hot_before, hot_values(connection, table))
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {SCHEMA}.{table.name}")
        count = int((cursor.fetchone() or (0,))[0])
    unknown = sum(len(journal.unknown) for journal in journals)
    if abs(count - expected) > unknown:
        yield f"{count} rows where there should be {expected}"


def contradictions(journal: Journal, numbers: Sequence[int], found: Mapping[int, int]) -> Iterator[str]:
    """Rows that are not as the server has acknowledged them."""
    for number in numbers:
        if found.get(number) != journal.leaves[number]:
            yield f"row {number}: acknowledged k = {journal.leaves[number]}, found {found.get(number)}"


def difference(journal: Journal, rows: int) -> int:
    """By how many rows a table of `rows` has grown."""
    known = {row: k for row, k in journal.leaves.items() if row not in journal.unknown}
    return sum(row > rows and k is not None for row, k in known.items()) - sum(
        row <= rows and k is None for row, k in known.items()
    )


def _lost_hits(journals: Sequence[Journal], before: Mapping[int, int], after: Mapping[int, int]) -> Iterator[str]:
    hits: Counter[int] = sum((journal.hits for journal in journals), Counter())
    doubtful: Counter[int] = sum((journal.unknown_hits for journal in journals), Counter())
    for row, count in hits.items():
        counted = after.get(row, 0) - before[row]
        if not count <= counted <= count + doubtful[row]:
            yield f"row {row}: {count} increments were acknowledged, {counted} are counted"


def _found(connection: pymysql.Connection[Any], table: Table, numbers: Sequence[int]) -> dict[int, int]:
    """The k of those rows that are there."""
    numbered = {table.key_of(number): number for number in numbers}
    with closing(connection.cursor()) as cursor:
        columns = ", ".join((*table.key, "k"))
        cursor.execute(f"SELECT {columns} FROM {SCHEMA}.{table.name} WHERE {table.where(numbers)}")
        return {numbered[tuple(row[:-1])]: int(row[-1]) for row in cursor.fetchall()}

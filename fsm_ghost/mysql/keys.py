"""The migration key in SQL: how it is selected, and the predicates that find it again.

Everything here is text for sessions with `time_zone = '+00:00'` and a sql_mode with `NO_AUTO_VALUE_ON_ZERO` and
`ALLOW_INVALID_DATES`. The predicates are written so that both servers read only the range of the key's index: a
composite key is never a row constructor, which MySQL matches wrongly for some types and MariaDB does not use for
ranges.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Component, Key, KeyColumn, KeyKind
from fsm_ghost.mysql.quoting import quote

# MySQL gives a warning for the literal of an old character set, and a warning stops a statement of ours. What is valid
# in utf8mb3 is the same text in utf8mb4; both servers convert the literal to the column's character set, and use the
# index.
_INTRODUCERS = {"utf8": "utf8mb4", "utf8mb3": "utf8mb4"}
_Pair = tuple[str, str]  # a column's name and a value for it, in SQL
_NUMBERS = frozenset({KeyKind.INTEGER, KeyKind.YEAR, KeyKind.BIT})
_SELECTED = {
    KeyKind.INTEGER: "{}",
    KeyKind.YEAR: "{} + 0",
    KeyKind.BIT: "{} + 0",
    KeyKind.TEXT: "LOWER(HEX({}))",
    KeyKind.BINARY: "LOWER(HEX({}))",
    # With its length: on their way through a temporary table, servers have no room for the 0 before the point.
    KeyKind.DECIMAL: "CAST({} AS CHAR(70))",
}


def select_list(columns: Sequence[KeyColumn]) -> str:
    """Expressions that return the components of a key; `parse` makes a Key of the row they bring."""
    return ", ".join(_SELECTED.get(column.kind, "CAST({} AS CHAR)").format(quote(column.name)) for column in columns)


def parse(columns: Sequence[KeyColumn], row: Iterable[Any]) -> Key:
    """The key in a row that was selected by `select_list`."""
    return tuple(_component(column, value) for column, value in zip(columns, row, strict=True))


def _component(column: KeyColumn, value: object) -> Component:
    text = value.decode("ascii") if isinstance(value, bytes) else str(value)
    if column.kind in _NUMBERS:
        return int(text)
    return _without_padding(text) if column.kind is KeyKind.DECIMAL else text


def _without_padding(decimal: str) -> str:
    """A decimal without the zeros that ZEROFILL puts before it."""
    whole, point, fraction = decimal.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{whole.removeprefix('-').lstrip('0') or '0'}{point}{fraction}"


def literal(column: KeyColumn, component: Component) -> str:
    """The component as a literal that is equal to the stored value and comparable by the column's own collation."""
    match column.kind:
        case KeyKind.INTEGER | KeyKind.YEAR | KeyKind.BIT | KeyKind.DECIMAL:
            return str(component)
        case KeyKind.TEXT:
            charset = column.charset or "binary"
            return f"_{_INTRODUCERS.get(charset, charset)} x'{component}'"
        case KeyKind.BINARY:
            return f"x'{component}'"
        case _:
            return f"'{component}'"


def equals(columns: Sequence[KeyColumn], keys: Collection[Key]) -> str:
    """A predicate for the rows of these keys; `FALSE` for none."""
    if not keys:
        return "FALSE"
    if len(columns) == 1:
        return f"{quote(columns[0].name)} IN ({', '.join(literal(columns[0], key[0]) for key in keys)})"
    pairs = (
        [(quote(column.name), literal(column, part)) for column, part in zip(columns, key, strict=True)] for key in keys
    )
    return f"({' OR '.join(f'({_all_equal(each)})' for each in pairs)})"


def exactly(columns: Sequence[KeyColumn], keys: Collection[Key]) -> str:
    """As `equals`, but texts have to agree byte for byte: 'a' is not 'A', whatever their collation says."""
    if not keys or not any(column.kind is KeyKind.TEXT for column in columns):
        return equals(columns, keys)
    stored = ", ".join(_spelling(column) for column in columns)
    spelled = ", ".join(f"({', '.join(map(_spelled, columns, key))})" for key in keys)
    return f"{equals(columns, keys)} AND ({stored}) IN ({spelled})"


def _spelling(column: KeyColumn) -> str:
    return f"LOWER(HEX({quote(column.name)}))" if column.kind is KeyKind.TEXT else quote(column.name)


def _spelled(column: KeyColumn, component: Component) -> str:
    return f"'{component}'" if column.kind is KeyKind.TEXT else literal(column, component)


def within(columns: Sequence[KeyColumn], key_range: KeyRange, of: str = "") -> str:
    """A predicate for the keys of a range; `TRUE` when it is open on both sides.

    `of` is the quoted table, for a statement that reads another one besides with columns of the same names.
    Columns in which both ends agree are compared by `=`, so that the bounds on the next column limit the index scan.
    """
    after, upto = key_range.after, key_range.upto
    shared = _shared(after, upto)
    names = [f"{of}.{quote(column.name)}" if of else quote(column.name) for column in columns]
    ends = [
        [(name, literal(column, part)) for name, column, part in zip(names, columns, end or (), strict=False)]
        for end in (after, upto)
    ]
    bounds = [_all_equal(ends[0][:shared])] if after and shared else []
    bounds += [_beyond(ends[0][shared:], ">", ">")] if after else []
    bounds += [_beyond(ends[1][shared:], "<", "<=")] if upto else []
    return " AND ".join(bounds) or "TRUE"


def ordered(columns: Sequence[KeyColumn]) -> str:
    """The columns for ORDER BY, in the key's order."""
    return ", ".join(quote(column.name) for column in columns)


def _all_equal(pairs: Sequence[_Pair]) -> str:
    return " AND ".join(f"{name} = {value}" for name, value in pairs)


def _shared(after: Key | None, upto: Key | None) -> int:
    """In how many leading columns, but not all of them, both ends agree."""
    if after is None or upto is None:
        return 0
    differing = (index for index, (low, high) in enumerate(zip(after, upto, strict=True)) if low != high)
    return min(next(differing, len(after)), len(after) - 1)


def _beyond(end: Sequence[_Pair], strict: str, last: str) -> str:
    """Keys on one side of `end`: `strict` compares the leading columns, `last` the last one.

    (a > x) OR (a = x AND b > y), and with it the bound a >= x that both optimizers turn into a range.
    """
    name, value = end[0]
    if len(end) == 1:
        return f"{name} {last} {value}"
    return f"{name} {strict}= {value} AND ({' OR '.join(_steps(end, strict, last))})"


def _steps(end: Sequence[_Pair], strict: str, last: str) -> Iterator[str]:
    for index, (name, value) in enumerate(end):
        operator = last if index == len(end) - 1 else strict
        equal = _all_equal(end[:index])
        bound = f"{name} {operator} {value}"
        yield f"({equal} AND {bound})" if equal else f"({bound})"

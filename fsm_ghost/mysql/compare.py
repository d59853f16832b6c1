"""SQL that compares original and ghost table, value by value, on the server."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import MappedColumn, Plan
from fsm_ghost.model.table import Column, Definition
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql import types
from fsm_ghost.mysql.fit import INSTANT
from fsm_ghost.mysql.quoting import quote, table


class Comparison:
    """The comparing statements of one migration: for the columns whose old and new values can be compared exactly."""

    def __init__(self, plan: Plan, original: Definition, ghost: Definition) -> None:
        names = plan.names
        self._original, self._ghost = table(names.original), table(names.ghost)
        self._columns = plan.key.columns
        self._ghost_columns = tuple(column.as_ghost() for column in plan.key.columns)
        self._from_original = f"{self._original} FORCE INDEX ({quote(plan.key.index)})"
        self._from_ghost = f"{self._ghost} FORCE INDEX ({quote(plan.key.ghost_index)})"
        mapping = (*plan.mapping, *_made_again(plan, original, ghost))
        pairs = {mapped.original: self._pair(mapped, original, ghost) for mapped in mapping}
        self._conditions = {name: condition for name, condition in pairs.items() if condition is not None}
        self.uncompared = tuple(name for name in pairs if name not in self._conditions)
        self._same = " AND ".join([self._same_key(), *self._conditions.values()])

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

    def by_column(self, keys: Collection[Key]) -> str:
        """Each of these keys that the original has, and what `unequal` reads; NULL where the ghost table lacks it."""
        digits = ", ".join(f"({condition})" for condition in self._conditions.values()) or "''"
        return (
            f"SELECT {key_sql.select_list(self._columns)},"
            f" (SELECT CONCAT({digits}) FROM {self._from_ghost} WHERE {self._same_key()})"
            f" FROM {self._from_original} WHERE {key_sql.equals(self._columns, keys)}"
        )

    def unequal(self, digits: str) -> tuple[str, ...]:
        """The columns, by their names in the original, that differ in a row."""
        return tuple(name for name, digit in zip(self._conditions, digits, strict=True) if digit == "0")

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
        value, new_name = mapped.value(f"{self._original}.{quote(old.name)}"), f"{self._ghost}.{quote(new.name)}"
        if mapped.instead == INSTANT:
            return same_value(old, new, f"{self._original}.{quote(old.name)}", new_name)
        if mapped.instead:  # the value has been made to fit, but is of a wider type still
            kind = {"float": "double", "enum": "text"}.get(new.data_type, new.data_type)
            old = replace(new, charset=None, data_type=kind)
            value = f"RTRIM({value})" if new.data_type == "char" else value
        return same_value(old, new, value, new_name)


def _made_again(plan: Plan, original: Definition, ghost: Definition) -> Iterator[MappedColumn]:
    """The STORED generated columns whose values have to be made as they were: nothing that they may depend on changes.

    An ALTER TABLE of the server's own leaves them alone then. Some say something else on another day, such as a
    DATETIME of a TIME.
    """
    if all(original.column(mapped.original) == ghost.column(mapped.ghost) for mapped in plan.mapping):
        for column in original.columns:
            if column.stored and ghost.column(column.name) == column:
                yield MappedColumn(column.name, column.name)


def same_value(old: Column, new: Column, old_name: str, new_name: str) -> str | None:
    """A condition that holds exactly when a value was brought over, or converted as the server does it by itself.

    None where SQL has no exact one. Text is compared by its bytes, so that neither a collation nor padding hides a
    difference; across character sets by the bytes of its characters.
    """
    for applies, condition in _SAME:
        if applies(old, new):
            return condition(old, new, old_name, new_name)
    return None


def _bytes(column: Column, name: str) -> str:
    return (
        f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)" if column.charset != "utf8mb4" else f"CAST({name} AS BINARY)"
    )


def _plain(_old: Column, _new: Column, old_name: str, new_name: str) -> str:
    return f"{old_name} <=> {new_name}"


def _by_bytes(old: Column, new: Column, old_name: str, new_name: str) -> str:
    if old.charset == new.charset:  # some have several codes for one character
        return _as_stored(old, new, old_name, new_name)
    return f"{_bytes(old, old_name)} <=> {_bytes(new, new_name)}"


def _by_label(old: Column, new: Column, old_name: str, new_name: str) -> str:
    """By what the label says; what was no label when it was stored reads as an empty one does."""
    return f"{_by_bytes(old, new, old_name, new_name)} AND ({old_name} + 0 = 0) <=> ({new_name} + 0 = 0)"


def _as_json(_old: Column, _new: Column, old_name: str, new_name: str) -> str:
    """By its text, and by its kind: a date may be written as a text is."""
    texts = (f"CAST(CAST({name} AS CHAR) AS BINARY)" for name in (old_name, new_name))
    return f"{' <=> '.join(texts)} AND {old_name} <=> {new_name}"


def _parsed(old: Column, new: Column, old_name: str, new_name: str) -> str:
    return _as_json(old, new, f"CAST({old_name} AS JSON)", new_name)


def _as_stored(_old: Column, _new: Column, old_name: str, new_name: str) -> str:
    return f"CAST({old_name} AS BINARY) <=> CAST({new_name} AS BINARY)"


def _by_text(_old: Column, new: Column, old_name: str, new_name: str) -> str:
    """A value that has become a text."""
    return f"CAST(CAST({old_name} AS CHAR CHARACTER SET utf8mb4) AS BINARY) <=> {_bytes(new, new_name)}"


def _padded(_old: Column, new: Column, old_name: str, new_name: str) -> str:
    """Bytes that a BINARY column fills up with zeros."""
    length = types.most_characters(new)
    return f"CAST({old_name} AS BINARY({length})) <=> CAST({new_name} AS BINARY)"


def _by_each_label(old: Column, new: Column, old_name: str, new_name: str) -> str:
    """A SET whose labels were moved: each label is in both or in neither.

    As bytes: servers take labels that differ in case only for one, in a SET and, MariaDB, also as literals.
    """
    labels = dict.fromkeys((*types.labels(old), *types.labels(new)))
    sets = _bytes(old, old_name), _bytes(new, new_name)
    both = (" <=> ".join(f"(FIND_IN_SET(_binary{label}, {each}) > 0)" for each in sets) for label in labels)
    return " AND ".join(both)


def _read_as_set(_old: Column, new: Column, old_name: str, new_name: str) -> str:
    """A text that has become a SET: labels in any order and spelling."""
    text, stored = _in_collation(new, old_name), _bytes(new, new_name)
    both = []
    for label in types.labels(new):
        spelled = _in_collation(new, f"CONVERT(_binary{label} USING utf8mb4)")
        both.append(f"(FIND_IN_SET({spelled}, {text}) > 0) <=> (FIND_IN_SET(_binary{label}, {stored}) > 0)")
    return " AND ".join(both)


def _read_as_enum(_old: Column, new: Column, old_name: str, new_name: str) -> str:
    """A text that has become a label, which is found in any spelling that the column's collation takes for equal."""
    return f"{_in_collation(new, f'RTRIM({old_name})')} <=> {new_name}"


def _in_collation(column: Column, value: str) -> str:
    return f"CONVERT({value} USING {column.charset}) COLLATE {column.collation}"


def _as_exact(old: Column, new: Column, old_name: str, new_name: str) -> str:
    """What has become an exact number; a text may write it with an exponent."""
    if new.data_type == "decimal":
        kind = f"DECIMAL({', '.join(map(str, types.precision(new)))})"
    elif old.data_type in types.TEXTS:
        kind = "DECIMAL(65, 0)"
    else:
        kind = "UNSIGNED" if types.is_unsigned(new) else "SIGNED"
    return f"CAST({old_name} AS {kind}) <=> {new_name}"


def _rounded(_old: Column, new: Column, old_name: str, new_name: str) -> str:
    scale = types.precision(new)[1] if new.data_type == "decimal" else 0
    return f"ROUND({old_name}, {scale}) <=> {new_name}"


def _as_number(_old: Column, _new: Column, old_name: str, new_name: str) -> str:
    return f"{old_name} + 0 <=> {new_name} + 0"


def _as_moment(_old: Column, new: Column, old_name: str, new_name: str) -> str:
    """Moments of other precision or kind, by the server's own conversion; zones are those of the session."""
    kind = {"date": "DATE", "time": f"TIME({types.fraction(new)})"}.get(
        new.data_type, f"DATETIME({types.fraction(new)})"
    )
    return f"CAST({old_name} AS {kind}) <=> {new_name}"


def _as_instants(_old: Column, _new: Column, old_name: str, new_name: str) -> str:
    """Moments as they are stored: an hour that comes twice in autumn would hide a difference in a zone's time."""
    return f"UNIX_TIMESTAMP({old_name}) <=> UNIX_TIMESTAMP({new_name})"


def _as_instant(old: Column, new: Column, old_name: str, new_name: str) -> str:
    """What has become an instant, also one of an hour that comes twice; 0000-00-00 may have none before."""
    value = f"CAST({old_name} AS DATETIME({types.fraction(new)}))"
    seconds = (f"IFNULL(UNIX_TIMESTAMP({each}), 0)" for each in (value, new_name))
    return f"{_as_moment(old, new, old_name, new_name)} AND {' <=> '.join(seconds)}"


def _as_address(_old: Column, new: Column, old_name: str, new_name: str) -> str:
    return f"CAST({old_name} AS {new.data_type.upper()}) <=> {new_name}"


def _as_approximate(old: Column, new: Column, old_name: str, new_name: str) -> str:
    """Approximate numbers, and the sign of their zeros, which are equal."""
    value = old_name
    if new.data_type == "float" and old.data_type != "float":
        value = f"CAST({old_name} AS FLOAT)"
    elif old.data_type in types.TEXTS:
        value = f"({old_name} * 1e0)"
    return f"{value} <=> {new_name} AND ({value} <> 0 OR LEFT({value}, 1) <=> LEFT({new_name}, 1))"


_Applies = Callable[[Column, Column], bool]
_Condition = Callable[[Column, Column, str, str], str]


def _are(old_kinds: Collection[str], new_kinds: Collection[str]) -> _Applies:
    return lambda old, new: old.data_type in old_kinds and new.data_type in new_kinds


def _moves_labels(old: Column, new: Column) -> bool:
    return old.data_type == new.data_type == "set" and types.labels(old) != types.labels(new)


def _loses_digits(old: Column, new: Column) -> bool:
    scales = [types.precision(column)[1] if column.data_type == "decimal" else 0 for column in (old, new)]
    return scales[0] > scales[1]


def _is_unchanged(old: Column, new: Column) -> bool:
    return old.type == new.type


_EXACT = types.INTEGERS | {"decimal"}
_CLOCKS = types.MOMENTS | {"time"}
_ADDRESSES = frozenset({"uuid", "inet4", "inet6"})
_SHAPES = frozenset(
    {
        "geometry",
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geometrycollection",
        "geomcollection",
    }
)
# The first that applies.
_SAME: tuple[tuple[_Applies, _Condition], ...] = (
    (_moves_labels, _by_each_label),
    (_are(types.TEXTS | {"enum"}, {"set"}), _read_as_set),
    (_are(types.TEXTS | {"set"}, {"enum"}), _read_as_enum),
    (_are({"enum"}, {"enum"}), _by_label),
    (_are(types.TEXTS | types.LABELS, types.TEXTS | types.LABELS), _by_bytes),
    (_are({"json"}, {"json"}), _as_json),
    (_are({"json"}, types.TEXTS), _by_text),
    (_are(types.TEXTS, {"json"}), _parsed),
    (_are({"timestamp"}, {"timestamp"}), _as_instants),
    (_are(_CLOCKS | types.TEXTS, {"timestamp"}), _as_instant),
    (_are(types.TEXTS, _ADDRESSES), _as_address),
    # As numbers: where MariaDB has read both from one row only, years are never equal.
    (_are({"bit", "year"} | types.INTEGERS, {"bit", "year"}), _as_number),
    (_are({"bit", "year"}, types.NUMBERS), _as_number),
    (_are(types.NUMBERS | types.TEXTS, types.APPROXIMATE), _as_approximate),
    (_are(types.APPROXIMATE | types.TEXTS, _EXACT), _as_exact),
    (_are(types.BYTES | types.TEXTS, {"binary"}), _padded),
    (_are(types.BYTES | types.TEXTS, types.BYTES), _as_stored),
    (_are(types.BYTES, types.TEXTS), _as_stored),
    (_are(_SHAPES, _SHAPES), _as_stored),
    (_are({"vector"}, {"vector"}), _as_stored),
    (_is_unchanged, _plain),
    (lambda old, new: _are(_EXACT, _EXACT)(old, new) and not _loses_digits(old, new), _plain),
    (_are(_EXACT, _EXACT), _rounded),
    (_are(_CLOCKS | _ADDRESSES, types.TEXTS), _by_text),
    (_are(_CLOCKS | types.TEXTS, _CLOCKS), _as_moment),
)

"""Which rows a new definition would break, as conditions on the original; and what could be stored instead.

A strict server refuses most of what does not fit, but not all: it rounds, pads and cuts some values without a word.
Both are misfits. A change of type that is not known here has none: then row copy, which is strict, finds out, and the
comparison does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from fsm_ghost.errors import ServerError
from fsm_ghost.model.plan import PLACE, Lossy, Unfit
from fsm_ghost.model.table import Column
from fsm_ghost.mysql import types
from fsm_ghost.mysql.quoting import literal

# A TIMESTAMP, for a column that stays one, in a form that no time zone of the session changes: MySQL, from 8.0.19.
INSTANT = (
    f"CASE WHEN UNIX_TIMESTAMP({PLACE}) = 0 THEN {PLACE}"
    f" ELSE CONCAT(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL UNIX_TIMESTAMP({PLACE}) SECOND, '+00:00') END"
)
_EXACT_IN = {"float": 2**24, "double": 2**53}  # integers up to which a type keeps them all
_SUPERSETS = {
    "utf8mb4": {"ascii", "latin1", "utf8", "utf8mb3", "ucs2", "utf16", "utf16le", "utf32", "latin2", "cp1250"}
}
_FULL_UTF8 = {"utf8": {"ascii", "latin1"}, "utf8mb3": {"ascii", "latin1", "utf8"}}
_LAST_SECOND = 2**31 - 1  # of a TIMESTAMP on servers of today, in seconds since the epoch
_MARK = "it does not fit: "
_WIDEST_NUMBER = 260  # characters of any number written out


@dataclass(frozen=True, slots=True)
class Misfit:
    """One way in which values of a column may not fit: those for which `condition` holds, said by `what`.

    `instead` are expressions for what can be stored, by what the user allows. PLACE stands for the column in both.
    Where the condition `converts`, it is an error by itself in a strict statement: nothing can be stored instead.
    """

    what: str
    condition: str
    instead: dict[Lossy, str] = field(default_factory=dict)
    converts: bool = False


def misfits(old: Column, new: Column) -> tuple[Misfit, ...]:
    """In which ways values of `old` may not fit into `new`; none where they all do, or nothing is known."""
    found = list(_changed(old, new))
    if old.nullable and not new.nullable:
        found.insert(0, Misfit("is NULL, which the new column must not be", f"{PLACE} IS NULL"))
    default = _default(new)
    return tuple(
        each
        if each.converts
        else replace(each, instead={**each.instead, Lossy.DEFAULT: _when(each.condition, default)})
        for each in found
    )


def converted(old: Column, new: Column) -> str:
    """A value as a native ALTER TABLE would convert it; PLACE alone where INSERT … SELECT does the same.

    Measured for all pairs of types: INSERT … SELECT writes the digits of a FLOAT out as those of a DOUBLE, cuts them to
    fit without a word, and knows nothing of ZEROFILL nor of the year 0000.
    """
    is_number = old.data_type in types.NUMBERS - {"bit"}
    becomes_text = is_number and new.data_type in types.TEXTS | types.BYTES
    return f"CAST({PLACE} AS CHAR)" if becomes_text else PLACE


def inconvertible(old: Column, new: Column) -> str:
    """Why values are not converted, in words; empty where they are."""
    if old.data_type == "time" and new.data_type in types.MOMENTS:
        return "the server adds the day on which it happens to copy a row"
    return "only a native ALTER TABLE converts that rightly" if _is_only_native(old, new) else ""


def _is_only_native(old: Column, new: Column) -> bool:
    """Whether INSERT … SELECT makes something else of a value than a native ALTER TABLE, which refuses most of them."""
    numbers = types.NUMBERS - {"bit"}
    if old.data_type in numbers and new.data_type in types.LABELS | types.MOMENTS | {"time"}:
        return True
    is_odd = "zerofill" in old.type or bool(types.numbers(new))
    if old.data_type in types.APPROXIMATE and is_odd and old.type != new.type:
        return new.data_type in types.APPROXIMATE | {"bit", "year"}
    to_bit = old.data_type in types.TEXTS | types.BYTES | {"json"} and new.data_type == "bit"
    return to_bit or (old.data_type in types.MOMENTS and new.data_type == "year")


def barred(unfit: Unfit, name: str, column: str) -> str:
    """A condition that holds for every value but those that are unfit: they are an error.

    Servers have no statement that raises an error in a SELECT. That a text is no number is one in strict mode.
    """
    words = literal(f"{_MARK}{name} {unfit.what}")
    # Not a constant: servers evaluate those even if no row needs them.
    text = f"CONCAT({words}, LEFT(IFNULL(HEX({column}), ''), 0))"
    condition = unfit.condition.replace(PLACE, column)
    return f"CASE WHEN {condition} THEN CAST({text} AS SIGNED) IS NOT NULL ELSE TRUE END"


def why(error: ServerError) -> str:
    """What does not fit, in words: ours where it was a condition of ours, otherwise the server's."""
    found = re.search(rf"'{_MARK}(.*)'", error.message)
    return found[1] if found else error.message


def _changed(old: Column, new: Column) -> Iterator[Misfit]:
    if old.type == new.type and (old.charset, old.data_type) == (new.charset, new.data_type):
        return
    for kinds, find in _FINDERS:
        if new.data_type in kinds:
            yield from find(old, new)
            return


def _when(condition: str, value: str) -> str:
    return f"CASE WHEN {condition} THEN {value} ELSE {PLACE} END"


def _default(column: Column) -> str:
    """What a row has in a column for which nothing is given."""
    if column.default is not None:
        return column.default
    if column.nullable:
        return "NULL"
    if column.data_type == "enum":
        return types.labels(column)[0]
    return types.implicit_default(column) or "NULL"


def _to_integer(old: Column, new: Column) -> Iterator[Misfit]:
    low, high = types.integer_range(new)
    if old.data_type in types.INTEGERS:
        least, most = types.integer_range(old)
        yield from _out_of_range(PLACE, low if least < low else None, high if most > high else None)
    elif old.data_type in types.APPROXIMATE | {"decimal"}:
        if old.data_type != "decimal" or types.precision(old)[1]:
            yield _rounded(0)
        yield from _out_of_range(f"ROUND({PLACE})", low, high)
    elif old.data_type == "bit" and (types.numbers(old) or (1,))[0] >= high.bit_length():
        yield from _out_of_range(f"({PLACE} + 0)", None, high)
    elif old.data_type in types.TEXTS:
        number = f"CAST({PLACE} AS DECIMAL(65, 20))"
        yield _no_number()
        yield Misfit("has digits after the point", f"{number} <> ROUND({number})")
        yield from _out_of_range(number, low, high)


def _out_of_range(value: str, low: int | str | None, high: int | str | None) -> Iterator[Misfit]:
    sides = [f"{value} < {low}"] * (low is not None) + [f"{value} > {high}"] * (high is not None)
    if not sides:
        return
    clamped = value if low is None else f"GREATEST({value}, {low})"
    clamped = clamped if high is None else f"LEAST({clamped}, {high})"
    condition = f"({' OR '.join(sides)})"
    yield Misfit("is out of range", condition, {Lossy.CLAMP: _when(condition, clamped)})


def _rounded(digits: int) -> Misfit:
    value = f"ROUND({PLACE}, {digits})"
    what = f"has more than {digits} digits after the point" if digits else "has digits after the point"
    return Misfit(what, f"{PLACE} <> {value}", {Lossy.TRUNCATE: value})


def _no_number() -> Misfit:
    return Misfit(
        "is not a number", f"{PLACE} NOT REGEXP '^[[:space:]]*[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[-+]?[0-9]+)?$'"
    )


def _to_decimal(old: Column, new: Column) -> Iterator[Misfit]:
    digits, scale = types.precision(new)
    whole = digits - scale
    most = f"{'9' * whole or '0'}{f'.{chr(57) * scale}' if scale else ''}"
    low = "0" if types.is_unsigned(new) else f"-{most}"
    if old.data_type == "decimal":
        had, had_scale = types.precision(old)
        if had_scale > scale:
            yield _rounded(scale)
        # One digit more, where rounding may need it.
        is_wide = whole >= had - had_scale + (had_scale > scale)
        is_signed = types.is_unsigned(new) and not types.is_unsigned(old)
        if not is_wide or is_signed:
            yield from _out_of_range(
                f"ROUND({PLACE}, {scale})", low if is_signed or not is_wide else None, None if is_wide else most
            )
    elif old.data_type in types.INTEGERS:
        least, greatest = types.integer_range(old)
        if greatest >= 10**whole or (least < 0 and types.is_unsigned(new)):
            yield from _out_of_range(PLACE, low, most)
    elif old.data_type in types.APPROXIMATE:
        yield _rounded(scale)
        yield from _out_of_range(f"ROUND({PLACE}, {scale})", low, most)
    elif old.data_type in types.TEXTS:
        yield _no_number()
        yield from _out_of_range(f"CAST({PLACE} AS DECIMAL(65, 30))", low, most)


def _to_approximate(old: Column, new: Column) -> Iterator[Misfit]:
    if old.data_type in types.INTEGERS:
        exact = _EXACT_IN[new.data_type]
        least, most = types.integer_range(old)
        if most > exact:
            beyond = f"({PLACE} > {exact}" + (f" OR {PLACE} < -{exact})" if least < 0 else ")")
            yield Misfit(f"is beyond what {new.type.upper()} keeps to the last digit", beyond, {Lossy.TRUNCATE: PLACE})
    elif old.data_type == "decimal":
        scale = types.precision(old)[1]
        kept = f"CAST(CAST({PLACE} AS {new.data_type.upper()}) AS DECIMAL(65, {scale}))"
        yield Misfit(f"has digits that {new.type.upper()} does not keep", f"{PLACE} <> {kept}", {Lossy.TRUNCATE: PLACE})
    elif old.data_type == "double" and new.data_type == "float":
        kept = f"CAST({PLACE} AS FLOAT)"
        yield Misfit(f"has digits that {new.type.upper()} does not keep", f"{PLACE} <> {kept}", {Lossy.TRUNCATE: PLACE})
    elif old.data_type in types.TEXTS:
        yield _no_number()


def _to_bit(old: Column, new: Column) -> Iterator[Misfit]:
    most = 2 ** (types.numbers(new) or (1,))[0] - 1
    if old.data_type in types.INTEGERS:
        least, greatest = types.integer_range(old)
        yield from _out_of_range(PLACE, 0 if least < 0 else None, most if greatest > most else None)
    elif old.data_type == "bit" and types.numbers(old) > types.numbers(new):
        yield from _out_of_range(f"({PLACE} + 0)", None, most)


def _to_year(old: Column, _: Column) -> Iterator[Misfit]:
    if old.data_type in types.NUMBERS - {"year"}:
        yield Misfit("is not a year from 1901 to 2155", f"{PLACE} <> 0 AND NOT {PLACE} BETWEEN 1901 AND 2155")


def _to_text(old: Column, new: Column) -> Iterator[Misfit]:
    if old.data_type in types.BYTES:
        yield Misfit(
            f"is not valid {new.charset}",
            f"NOT (CAST(CONVERT({PLACE} USING {new.charset}) AS BINARY) <=> CAST({PLACE} AS BINARY))",
            converts=True,
        )
    elif old.charset and new.charset and not _holds(new.charset, old.charset):
        back = f"CONVERT(CONVERT({PLACE} USING {new.charset}) USING {old.charset})"
        yield Misfit(
            f"has characters that {new.charset} lacks",
            f"NOT (CAST({back} AS BINARY) <=> CAST({PLACE} AS BINARY))",
            converts=True,
        )
    as_text = PLACE if old.data_type in types.TEXTS else _as_text(old, new)
    if (most := types.most_characters(new)) is not None:
        if _longest(old) > most:
            yield _too_long(new, f"CHAR_LENGTH({as_text}) > {most}", f"LEFT({as_text}, {most})")
    elif (room := types.most_bytes(new)) is not None and _longest(old) * _WIDEST.get(new.charset or "", 4) > room:
        condition = f"LENGTH(CONVERT({as_text} USING {new.charset})) > {room}"
        yield _too_long(new, condition, f"LEFT({as_text}, {room // _WIDEST.get(new.charset or '', 4)})")
    if new.data_type == "char" and old.data_type in types.TEXTS | types.BYTES and old.data_type != "char":
        yield Misfit(
            "ends in spaces, which CHAR does not keep", f"{PLACE} LIKE '% '", {Lossy.TRUNCATE: f"RTRIM({PLACE})"}
        )


_WIDEST = {"ascii": 1, "latin1": 1, "binary": 1, "ucs2": 2, "utf8": 3, "utf8mb3": 3}  # bytes of a character; else 4


def _holds(charset: str, other: str) -> bool:
    """Whether a character set has all the characters of another one."""
    return charset == other or other in _SUPERSETS.get(charset, ()) or other in _FULL_UTF8.get(charset, ())


def _as_text(old: Column, new: Column) -> str:
    if old.data_type == "bit":
        return f"CAST({PLACE} + 0 AS CHAR)"  # its text would be its bytes
    return f"CONVERT({PLACE} USING {new.charset})" if old.data_type in types.BYTES else f"CAST({PLACE} AS CHAR)"


def _longest(column: Column) -> int:
    """How many characters the text of a value may have."""
    if column.data_type in types.NUMBERS:
        return _digits(column)
    if column.data_type in types.LABELS:
        lengths = [len(label) - 2 for label in types.labels(column)]  # without its quotes
        return max(lengths, default=0) if column.data_type == "enum" else sum(lengths) + len(lengths)
    if column.data_type in types.MOMENTS | {"time"}:
        return len("2024-02-29 23:59:59.123456")
    return types.most_characters(column) or types.most_bytes(column) or 2**32


def _digits(column: Column) -> int:
    """How many characters a number may have, its sign and its point included."""
    if column.data_type in types.INTEGERS:
        return max(len(str(end)) for end in types.integer_range(column))
    return types.precision(column)[0] + 2 if column.data_type == "decimal" else _WIDEST_NUMBER


def _too_long(new: Column, condition: str, cut: str) -> Misfit:
    return Misfit(f"is too long for {new.type.upper()}", condition, {Lossy.TRUNCATE: _when(condition, cut)})


def _to_bytes(old: Column, new: Column) -> Iterator[Misfit]:
    if old.data_type not in types.TEXTS | types.BYTES:
        return
    room = types.most_characters(new) or types.most_bytes(new) or 2**32
    longest = _longest(old) * (_WIDEST.get(old.charset or "", 4) if old.data_type in types.TEXTS else 1)
    if longest > room:
        condition = f"LENGTH({PLACE}) > {room}"
        yield _too_long(new, condition, f"LEFT(CAST({PLACE} AS BINARY), {room})")


def _to_enum(old: Column, new: Column) -> Iterator[Misfit]:
    known = types.labels(new)
    if old.data_type == "enum":
        if lost := [label for label in types.labels(old) if label not in known]:
            yield Misfit("has a label that is taken away", f"CAST({PLACE} AS CHAR) IN ({', '.join(lost)})")
    elif old.data_type in types.TEXTS:
        yield Misfit("is no label of the new column", f"{PLACE} NOT IN ({', '.join(known)})")


def _to_set(old: Column, new: Column) -> Iterator[Misfit]:
    lost = [label for label in types.labels(old) if label not in types.labels(new)]
    if old.data_type in types.LABELS and lost:
        shown = " OR ".join(f"FIND_IN_SET({label}, {PLACE}) > 0" for label in lost)
        yield Misfit("has a label that is taken away", f"({shown})")


def _to_date(old: Column, _: Column) -> Iterator[Misfit]:
    if old.data_type in {"datetime", "timestamp"}:
        yield Misfit("has a time of day", f"TIME({PLACE}) <> 0", {Lossy.TRUNCATE: f"DATE({PLACE})"})
    elif old.data_type in types.TEXTS:
        yield Misfit("is not a date", _no_day(f"CAST({PLACE} AS DATE)"), converts=True)


def _no_day(value: str) -> str:
    """When a value is no moment of the calendar: sessions of ours take a 30th of February, for rows that have one."""
    month = f"CONCAT(LEFT({value}, 8), '01')"
    beyond = f"COALESCE(DAY({value}) > DAY(LAST_DAY({month})), TRUE)"
    return f"({PLACE} IS NOT NULL AND ({value} IS NULL OR {beyond}))"


def _to_moment(old: Column, new: Column) -> Iterator[Misfit]:
    if old.data_type in types.TEXTS:
        yield Misfit("is not a date and time", _no_day(f"CAST({PLACE} AS DATETIME(6))"), converts=True)
    if old.data_type in {"datetime", "timestamp"} and types.fraction(old) > types.fraction(new):
        yield from _finer(old, new)
    if new.data_type == "timestamp" and old.data_type in {"date", "datetime"}:
        seconds = f"UNIX_TIMESTAMP({PLACE})"
        there = f"COALESCE(FROM_UNIXTIME({seconds}) = {PLACE}, FALSE)"
        yield Misfit(
            "is no moment that TIMESTAMP can hold in the server's time zone",
            f"({PLACE} <> 0 AND (NOT {there} OR {seconds} > {_LAST_SECOND}))",
        )


def _finer(old: Column, new: Column) -> Iterator[Misfit]:
    kept = types.fraction(new)
    as_type = "TIME" if old.data_type == "time" else "DATETIME"
    yield Misfit(
        "has smaller parts of a second than the new column keeps",
        f"MICROSECOND({PLACE}) % {10 ** (6 - kept)} <> 0",
        {Lossy.TRUNCATE: f"CAST({PLACE} AS {as_type}({kept}))"},
    )


def _to_time(old: Column, new: Column) -> Iterator[Misfit]:
    if old.data_type == "time" and types.fraction(old) > types.fraction(new):
        yield from _finer(old, new)
    elif old.data_type in {"datetime", "timestamp"}:
        yield Misfit("has a date, which TIME does not keep", f"{PLACE} IS NOT NULL", {Lossy.TRUNCATE: f"TIME({PLACE})"})


def _to_json(old: Column, _: Column) -> Iterator[Misfit]:
    if old.data_type in types.TEXTS:
        yield Misfit("is not valid JSON", f"NOT JSON_VALID({PLACE})", converts=True)


def _to_uuid(old: Column, new: Column) -> Iterator[Misfit]:
    if old.data_type in types.TEXTS:
        name = new.data_type.upper()
        yield Misfit(f"is no {name}", f"{PLACE} IS NOT NULL AND CAST({PLACE} AS {name}) IS NULL", converts=True)


_Finder = Callable[[Column, Column], Iterator[Misfit]]
_FINDERS: tuple[tuple[frozenset[str], _Finder], ...] = (
    (types.INTEGERS, _to_integer),
    (frozenset({"decimal"}), _to_decimal),
    (types.APPROXIMATE, _to_approximate),
    (frozenset({"bit"}), _to_bit),
    (frozenset({"year"}), _to_year),
    (types.TEXTS, _to_text),
    (types.BYTES, _to_bytes),
    (frozenset({"enum"}), _to_enum),
    (frozenset({"set"}), _to_set),
    (frozenset({"date"}), _to_date),
    (frozenset({"datetime", "timestamp"}), _to_moment),
    (frozenset({"time"}), _to_time),
    (frozenset({"json"}), _to_json),
    (frozenset({"uuid", "inet4", "inet6"}), _to_uuid),
)

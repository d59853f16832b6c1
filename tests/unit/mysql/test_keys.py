"""The migration key in SQL, as text; what servers make of it is tested with them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Component, KeyColumn, KeyKind
from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.keys import equals, exactly, literal, ordered, parse, select_list, within
from fsm_ghost.mysql.quoting import quote, table

ID = KeyColumn("id", "id", KeyKind.INTEGER)
NAME = KeyColumn("the name", "n", KeyKind.TEXT, charset="latin1")
DAY = KeyColumn("day", "day", KeyKind.DATE)
BOTH = (ID, DAY)


def test_names_are_quoted_whatever_they_hold() -> None:
    assert quote("a`b") == "`a``b`"
    assert table(TableName("s", "t`")) == "`s`.`t```"


@pytest.mark.parametrize(
    "kind, component, expected",
    [
        (KeyKind.INTEGER, -5, "-5"),
        (KeyKind.YEAR, 0, "0"),
        (KeyKind.BIT, 255, "255"),
        (KeyKind.DECIMAL, "-12.50", "-12.50"),
        (KeyKind.DATE, "2024-00-00", "'2024-00-00'"),
        (KeyKind.DATETIME, "2024-02-29 00:00:00.5", "'2024-02-29 00:00:00.5'"),
        (KeyKind.TIMESTAMP, "0000-00-00 00:00:00", "'0000-00-00 00:00:00'"),
        (KeyKind.TIME, "-838:59:59", "'-838:59:59'"),
        (KeyKind.UUID, "123e4567-e89b-12d3-a456-426655440000", "'123e4567-e89b-12d3-a456-426655440000'"),
        (KeyKind.TEXT, "6127", "_latin1 x'6127'"),
        (KeyKind.TEXT, "", "_latin1 x''"),
        (KeyKind.BINARY, "00ff", "x'00ff'"),
    ],
)
def test_literals(kind: KeyKind, component: Component, expected: str) -> None:
    assert literal(KeyColumn("k", "k", kind, charset="latin1"), component) == expected


@pytest.mark.parametrize("charset", ["utf8", "utf8mb3", "utf8mb4"])
def test_every_utf8_is_written_as_the_one_that_gives_no_warning(charset: str) -> None:
    assert literal(KeyColumn("k", "k", KeyKind.TEXT, charset=charset), "61") == "_utf8mb4 x'61'"


def test_what_is_selected_is_what_is_parsed() -> None:
    bit, year = KeyColumn("b", "b", KeyKind.BIT), KeyColumn("y", "y", KeyKind.YEAR)
    assert select_list((ID, NAME, DAY, bit, year)) == (
        "`id`, LOWER(HEX(`the name`)), CAST(`day` AS CHAR), `b` + 0, `y` + 0"
    )
    assert parse((ID, NAME, DAY, bit, year), (5, "61", b"2024-01-01", 3, 0)) == (5, "61", "2024-01-01", 3, 0)
    assert parse((ID,), ("00005",)) == (5,)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("00012.50", "12.50"),
        ("000.10", "0.10"),
        ("-0.10", "-0.10"),
        ("0000", "0"),
        ("12", "12"),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_decimals_lose_the_zeros_before_them(text: str | Decimal, expected: str) -> None:
    assert parse([KeyColumn("d", "d", KeyKind.DECIMAL)], [text]) == (expected,)


def test_equals() -> None:
    assert equals((ID,), [(1,), (2,)]) == "`id` IN (1, 2)"
    assert equals(BOTH, [(1, "2024-01-01")]) == "((`id` = 1 AND `day` = '2024-01-01'))"
    assert equals(BOTH, [(1, "x"), (2, "y")]) == "((`id` = 1 AND `day` = 'x') OR (`id` = 2 AND `day` = 'y'))"
    assert equals(BOTH, []) == "FALSE"


def test_exactly_compares_texts_byte_for_byte() -> None:
    code = KeyColumn("code", "code", KeyKind.TEXT, charset="latin1")
    assert exactly((ID,), [(1,), (2,)]) == "`id` IN (1, 2)"
    assert exactly((code,), []) == "FALSE"
    assert exactly((code,), [("61",), ("62",)]) == (
        "`code` IN (_latin1 x'61', _latin1 x'62') AND (LOWER(HEX(`code`))) IN (('61'), ('62'))"
    )
    assert exactly((ID, code), [(1, "61")]) == (
        "((`id` = 1 AND `code` = _latin1 x'61')) AND (`id`, LOWER(HEX(`code`))) IN ((1, '61'))"
    )


@pytest.mark.parametrize(
    "after, upto, expected",
    [
        (None, None, "TRUE"),
        ((1,), None, "`id` > 1"),
        (None, (9,), "`id` <= 9"),
        ((1,), (9,), "`id` > 1 AND `id` <= 9"),
        ((1,), (1,), "`id` > 1 AND `id` <= 1"),
    ],
)
def test_ranges_of_one_column(after: tuple[int] | None, upto: tuple[int] | None, expected: str) -> None:
    assert within((ID,), KeyRange(after, upto)) == expected


def test_ranges_of_several_columns_have_a_bound_on_the_first() -> None:
    assert within(BOTH, KeyRange((1, "x"), None)) == "`id` >= 1 AND ((`id` > 1) OR (`id` = 1 AND `day` > 'x'))"
    assert within(BOTH, KeyRange(None, (9, "y"))) == "`id` <= 9 AND ((`id` < 9) OR (`id` = 9 AND `day` <= 'y'))"
    assert within(BOTH, KeyRange((1, "x"), (9, "y"))) == " AND ".join(
        (within(BOTH, KeyRange((1, "x"), None)), within(BOTH, KeyRange(None, (9, "y"))))
    )


def test_columns_in_which_both_ends_agree_are_constant() -> None:
    assert within(BOTH, KeyRange((1, "x"), (1, "y"))) == "`id` = 1 AND `day` > 'x' AND `day` <= 'y'"
    three = (ID, NAME, DAY)
    assert within(three, KeyRange((1, "61", "x"), (1, "61", "y"))).startswith("`id` = 1 AND `the name` = _latin1 x'61'")
    assert within(three, KeyRange((1, "61", "x"), (1, "62", "y"))).startswith(
        "`id` = 1 AND `the name` >= _latin1 x'61'"
    )


def test_order() -> None:
    assert ordered((ID, NAME)) == "`id`, `the name`"

"""Where the client knows the order of keys, it is the order of the server's index."""

import random

import pytest

from fsm_ghost.model.key import Component, KeyColumn, KeyKind, MigrationKey
from tests.unit.model.examples import COMPOSITE_KEY, INTEGER_KEY, TEXT_KEY

# Values of a column in the order that the server has them in.
_ASCENDING: dict[KeyKind, list[Component]] = {
    KeyKind.INTEGER: [-(2**63), -10, -9, -1, 0, 9, 10, 99, 100, 2**63, 2**64 - 1],
    KeyKind.YEAR: [0, 1901, 1999, 2000, 2155],
    KeyKind.BIT: [0, 1, 9, 10, 2**63, 2**64 - 1],
    KeyKind.DECIMAL: ["-100.5", "-99.5", "-9.50", "-0.01", "0.00", "0.01", "9.99", "10.00", "99999999999999999999.5"],
    KeyKind.DATE: ["0000-00-00", "1000-01-01", "2023-02-31", "2024-00-00", "2024-02-29", "9999-12-31"],
    KeyKind.DATETIME: [
        "0000-00-00 00:00:00.000",
        "2024-02-29 23:59:59.119",
        "2024-02-29 23:59:59.120",
        "2024-03-01 00:00:00.000",
    ],
    KeyKind.TIMESTAMP: ["1970-01-01 00:00:01", "2009-09-09 09:09:09", "2010-01-01 00:00:00", "2038-01-19 03:14:07"],
    KeyKind.BINARY: ["", "00", "0000", "00ff", "09", "0a", "61", "6100", "6162", "62", "ff", "ff00", "ffff"],
}
_UNORDERED = set(KeyKind) - set(_ASCENDING)


def key_of(*kinds: KeyKind) -> MigrationKey:
    return MigrationKey("PRIMARY", tuple(KeyColumn(f"c{n}", f"c{n}", kind) for n, kind in enumerate(kinds)))


@pytest.mark.parametrize("kind", _ASCENDING)
def test_values_sort_as_the_server_has_them(kind: KeyKind) -> None:
    key, values = key_of(kind), _ASCENDING[kind]
    shuffled = random.Random(str(kind)).sample(values, len(values))
    assert sorted(((value,) for value in shuffled), key=key.order) == [(value,) for value in values]
    assert key.is_ordered


@pytest.mark.parametrize("kind", sorted(_UNORDERED))
def test_kinds_that_only_the_server_can_order_are_known_as_such(kind: KeyKind) -> None:
    assert not key_of(kind).is_ordered
    assert not key_of(KeyKind.INTEGER, kind).is_ordered
    assert not key_of(kind, KeyKind.INTEGER).is_ordered


def test_texts_times_and_uuids_are_the_kinds_without_an_order() -> None:
    assert {KeyKind.TEXT, KeyKind.TIME, KeyKind.UUID} == _UNORDERED


def test_composite_keys_sort_by_their_columns_from_left_to_right() -> None:
    columns = (KeyKind.DATE, KeyKind.DECIMAL, KeyKind.BINARY)
    keys = [(a, b, c) for a in _ASCENDING[columns[0]] for b in _ASCENDING[columns[1]] for c in _ASCENDING[columns[2]]]
    shuffled = random.Random(3).sample(keys, len(keys))
    assert sorted(shuffled, key=COMPOSITE_KEY.order) == keys


def test_a_key_with_too_few_components_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        COMPOSITE_KEY.order(("2024-01-01",))


def test_equal_decimals_are_equal_texts_of_one_scale() -> None:
    order = key_of(KeyKind.DECIMAL).order
    assert order(("9.50",)) == order(("9.50",))
    assert order(("9.50",)) < order(("9.51",))


def test_a_key_column_of_the_ghost_table_has_its_new_name_and_nothing_else_new() -> None:
    column = KeyColumn("no", "number", KeyKind.DECIMAL, unsigned=True)
    assert column.as_ghost() == KeyColumn("number", "number", KeyKind.DECIMAL, unsigned=True)


def test_the_examples_are_what_their_names_say() -> None:
    assert INTEGER_KEY.is_ordered
    assert COMPOSITE_KEY.is_ordered
    assert not TEXT_KEY.is_ordered

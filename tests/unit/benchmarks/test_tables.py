"""Every table of the benchmark is filled with the rows that were asked for, and its rows are found by number."""

import re

import pytest

from benchmarks.tables import FILLED_AT_ONCE, MOST_INDEXES, TABLES, Table, literal, many_indexes

ALL = [pytest.param(table, id=name) for name, table in {**TABLES, "many": many_indexes(9)}.items()]


def columns_of(table: Table) -> list[str]:
    """The columns that its definition names."""
    lines = (line for line in table.definition if not re.match(r"(PRIMARY )?KEY", line))
    return [line.split()[0] for line in lines]


@pytest.mark.parametrize("table", ALL)
def test_every_column_is_filled(table: Table) -> None:
    assert columns_of(table) == list(table.values)


@pytest.mark.parametrize("table", ALL)
def test_every_table_has_its_key_and_what_writers_count_in(table: Table) -> None:
    assert {*table.key, "k"} <= {*table.values}
    assert len(table.key_of(7)) == len(table.key)


@pytest.mark.parametrize("table", ALL)
def test_rows_have_keys_of_their_own(table: Table) -> None:
    assert len({table.key_of(number) for number in range(1, 3001)}) == 3000


@pytest.mark.parametrize(
    "rows, firsts",
    [(1, [1]), (FILLED_AT_ONCE, [1]), (FILLED_AT_ONCE + 1, [1, FILLED_AT_ONCE + 1])],
)
def test_rows_are_filled_in_without_a_gap(rows: int, firsts: list[int]) -> None:
    statements = [*TABLES["sbtest"].fill(rows)]
    assert [int(re.findall(r"SELECT (\d+) \+ d0", statement)[0]) for statement in statements] == firsts
    assert all(f"WHERE n <= {rows} " in statement for statement in statements)


def test_a_batch_has_as_many_numbers_as_its_digits_make() -> None:
    (statement,) = TABLES["sbtest"].fill(1)
    assert 10 ** statement.count("digits AS") == FILLED_AT_ONCE


def test_a_row_is_inserted_with_its_key_and_the_k_that_is_wanted() -> None:
    statement = TABLES["sbtest"].insert({17: 4711, 18: 4712})
    assert statement.startswith("INSERT INTO bench.sbtest (id, k, c, pad) VALUES (17, 4711, ")
    assert "), (18, 4712, " in statement


def test_rows_with_one_key_column_are_found_by_a_list() -> None:
    assert TABLES["sbtest"].where([3, 5]) == "id IN (3, 5)"
    assert re.fullmatch(r"id IN \(X'[0-9a-f]{32}'\)", TABLES["uuid"].where([3]))


def test_rows_with_two_key_columns_are_found_by_alternatives() -> None:
    where = TABLES["composite"].where([3, 1002])
    assert where == "(tenant = 3 AND number = 3) OR (tenant = 2 AND number = 1002)"


def test_bytes_are_written_as_a_hexadecimal_literal() -> None:
    assert literal(b"\x00'\xff") == "X'0027ff'"


@pytest.mark.parametrize("count", [0, 1, MOST_INDEXES])
def test_a_table_has_as_many_indexes_as_are_asked_for_and_the_same_columns_with_any(count: int) -> None:
    table = many_indexes(count)
    keys = [line.partition("(")[2] for line in table.definition if line.startswith("KEY")]
    assert len(keys) == len({*keys}) == count
    assert columns_of(table) == columns_of(many_indexes(5))

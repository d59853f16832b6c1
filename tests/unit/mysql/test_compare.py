"""When a value was brought over unchanged: exactly, or not at all."""

from dataclasses import replace

import pytest

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.plan import MappedColumn
from fsm_ghost.model.table import Column, Definition
from fsm_ghost.mysql.compare import Comparison, same_value
from tests.unit.model.examples import COMPOSITE_KEY, NAMES, plan


def column(kind: str, charset: str | None = None, name: str = "c") -> Column:
    data_type = kind.split("(", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    return Column(
        name=name,
        type=kind,
        data_type=data_type,
        nullable=True,
        charset=charset,
        collation=charset and f"{charset}_bin",
        octet_length=None,
        generated=False,
        auto_increment=False,
        has_default=False,
    )


def condition(old: Column, new: Column) -> str | None:
    return same_value(old, new, "o", "n")


PLAIN = "o <=> n"
SECONDS = "IFNULL(UNIX_TIMESTAMP({}), 0)"
BYTES = "CAST(o AS BINARY) <=> CAST(n AS BINARY)"


@pytest.mark.parametrize(
    "old,new",
    [
        ("int", "int"),
        ("int", "bigint"),
        ("bigint unsigned", "int"),
        ("int(11)", "int(11) unsigned"),
        ("tinyint(1)", "smallint"),
        ("int", "decimal(20,4)"),
        ("decimal(10,2)", "decimal(20,4)"),
        ("date", "date"),
        ("datetime(6)", "datetime(6)"),
        ("time(3)", "time(3)"),
        ("uuid", "uuid"),
        ("inet6", "inet6"),
    ],
)
def test_numbers_and_values_of_one_type_are_compared_as_they_are(old: str, new: str) -> None:
    assert condition(column(old), column(new)) == PLAIN


@pytest.mark.parametrize("kind", ["blob", "varbinary(10)", "longblob", "geometry", "point", "vector(3)"])
def test_bytes_of_one_type_are_compared_as_bytes(kind: str) -> None:
    assert condition(column(kind), column(kind)) == BYTES


def test_json_is_compared_by_the_bytes_of_its_text_and_as_json() -> None:
    assert condition(column("json"), column("json")) == (
        "CAST(CAST(o AS CHAR) AS BINARY) <=> CAST(CAST(n AS CHAR) AS BINARY) AND o <=> n"
    )


@pytest.mark.parametrize("old,new", [("varchar(10)", "varchar(10)"), ("char(5)", "text"), ("text", "varchar(100)")])
def test_text_is_compared_by_its_bytes_so_that_no_collation_hides_a_difference(old: str, new: str) -> None:
    assert condition(column(old, "utf8mb4"), column(new, "utf8mb4")) == BYTES


@pytest.mark.parametrize("old,new", [("latin1", "utf8mb4"), ("utf8mb3", "utf8mb4"), ("utf8mb4", "latin1")])
def test_text_across_character_sets_is_compared_by_the_bytes_of_its_characters(old: str, new: str) -> None:
    found = condition(column("varchar(10)", old), column("varchar(10)", new))
    assert found is not None
    for side, charset in (("o", old), ("n", new)):
        spelled = (
            f"CAST({side} AS BINARY)" if charset == "utf8mb4" else f"CAST(CONVERT({side} USING utf8mb4) AS BINARY)"
        )
        assert spelled in found


def test_text_of_one_character_set_is_compared_by_its_own_bytes_for_some_have_two_codes_for_a_character() -> None:
    assert condition(column("varchar(10)", "cp932"), column("text", "cp932")) == BYTES


def test_labels_are_compared_by_what_they_say_and_not_by_their_number() -> None:
    found = condition(column("enum('a','b')", "utf8mb4"), column("enum('b','a','c')", "utf8mb4"))
    assert found == f"{BYTES} AND (o + 0 = 0) <=> (n + 0 = 0)"


def test_the_labels_of_a_set_are_compared_one_by_one_where_they_have_moved() -> None:
    assert condition(column("set('a','b')", "utf8mb4"), column("set('a','b')", "utf8mb4")) == BYTES
    found = condition(column("set('a','b')", "utf8mb4"), column("set('b','c','a')", "utf8mb4"))
    assert found is not None
    assert found.count("FIND_IN_SET") == 6


@pytest.mark.parametrize(
    "old,new,spelled",
    [
        ("timestamp", "timestamp", "UNIX_TIMESTAMP(o) <=> UNIX_TIMESTAMP(n)"),
        ("decimal(10,2)", "bigint", "ROUND(o, 0) <=> n"),
        ("decimal(10,4)", "decimal(10,2)", "ROUND(o, 2) <=> n"),
        ("date", "varchar(20)", "CAST(CAST(o AS CHAR CHARACTER SET utf8mb4) AS BINARY) <=> CAST(n AS BINARY)"),
        ("datetime(6)", "datetime", "CAST(o AS DATETIME(0)) <=> n"),
        (
            "datetime",
            "timestamp",
            f"CAST(o AS DATETIME(0)) <=> n AND {SECONDS.format('CAST(o AS DATETIME(0))')} <=> {SECONDS.format('n')}",
        ),
        ("timestamp", "timestamp(6)", "UNIX_TIMESTAMP(o) <=> UNIX_TIMESTAMP(n)"),
        ("timestamp(3)", "datetime(3)", "CAST(o AS DATETIME(3)) <=> n"),
        ("datetime", "date", "CAST(o AS DATE) <=> n"),
        ("varbinary(10)", "binary(12)", "CAST(o AS BINARY(12)) <=> CAST(n AS BINARY)"),
        ("binary(3)", "blob", BYTES),
        ("enum('a')", "varchar(10)", BYTES),
        ("int", "bit(8)", "o + 0 <=> n + 0"),
        ("year(4)", "int", "o + 0 <=> n + 0"),
        ("year(4)", "year(4)", "o + 0 <=> n + 0"),
        ("bit(8)", "bit(8)", "o + 0 <=> n + 0"),
        ("double", "double", f"{PLAIN} AND (o <> 0 OR LEFT(o, 1) <=> LEFT(n, 1))"),
        ("float", "double", f"{PLAIN} AND (o <> 0 OR LEFT(o, 1) <=> LEFT(n, 1))"),
        ("varchar(20)", "int", "CAST(o AS DECIMAL(65, 0)) <=> n"),
        ("double", "bigint unsigned", "CAST(o AS UNSIGNED) <=> n"),
        ("double", "decimal(10,2)", "CAST(o AS DECIMAL(10, 2)) <=> n"),
        ("text", "binary(4)", "CAST(o AS BINARY(4)) <=> CAST(n AS BINARY)"),
        ("varbinary(9)", "text", BYTES),
        ("char(36)", "uuid", "CAST(o AS UUID) <=> n"),
    ],
)
def test_a_value_that_is_converted_is_compared_with_what_the_server_makes_of_it(
    old: str, new: str, spelled: str
) -> None:
    assert condition(column(old, "utf8mb4"), column(new, "utf8mb4")) == spelled


@pytest.mark.parametrize(
    "old,new", [("datetime", "bigint"), ("bit(8)", "varchar(9)"), ("uuid", "varbinary(16)"), ("json", "int")]
)
def test_conversions_that_sql_cannot_compare_exactly_are_not_compared(old: str, new: str) -> None:
    assert condition(column(old, "utf8mb4"), column(new, "utf8mb4")) is None


def definition(name: TableName, *columns: Column) -> Definition:
    return Definition(name, "InnoDB", "CREATE …", columns, (), None, 0, 0)


def comparison(new_note: str = "varchar(10)") -> Comparison:
    days, hashes = column("date", name="day"), column("binary(4)", name="hash")
    numbers = column("decimal(5,1)", name="no"), column("decimal(5,1)", name="number")
    notes = column("varchar(10)", "utf8mb4", "note"), column(new_note, "utf8mb4", "remark")
    return Comparison(
        plan(COMPOSITE_KEY),
        definition(NAMES.original, days, numbers[0], hashes, notes[0]),
        definition(NAMES.ghost, days, numbers[1], hashes, notes[1]),
    )


def test_every_column_that_is_copied_is_compared_or_said_not_to_be() -> None:
    assert comparison().uncompared == ()
    assert comparison("bit(8)").uncompared == ("note",)


def test_a_value_that_is_made_to_fit_is_compared_with_what_is_stored() -> None:
    made = (
        MappedColumn("a", "a", instead="LEFT(\0, 3)"),
        MappedColumn("b", "b", instead="IF(\0 > 1, 0.1, \0)"),
    )
    names = [column("varchar(9)", "utf8mb4", "a"), column("double", name="b")]
    fitting = [column("char(3)", "utf8mb4", "a"), column("float", name="b")]
    counts = Comparison(
        replace(plan(), mapping=made), definition(NAMES.original, *names), definition(NAMES.ghost, *fitting)
    ).counts(KeyRange(None, None))
    assert "CONVERT(RTRIM(LEFT(`shop`.`orders`.`a`, 3)) USING utf8mb4)" in counts
    assert "CAST(IF(`shop`.`orders`.`b` > 1, 0.1, `shop`.`orders`.`b`) AS FLOAT) <=> `shop`.`orders_gho`.`b`" in counts


def test_the_columns_that_differ_are_read_from_a_digit_for_each() -> None:
    found = comparison()
    assert found.unequal("1111") == ()
    assert found.unequal("0101") == ("day", "hash")
    with pytest.raises(ValueError, match="shorter"):
        found.unequal("01")


def test_rows_are_joined_by_the_key_under_both_names() -> None:
    counts = comparison().counts(KeyRange(None, None))
    assert "`shop`.`orders_gho`.`number` = `shop`.`orders`.`no`" in counts
    assert "CAST(`shop`.`orders`.`note` AS BINARY) <=> CAST(`shop`.`orders_gho`.`remark` AS BINARY)" in counts


def test_rows_that_only_one_of_the_tables_has_differ() -> None:
    differing = comparison().differing(KeyRange(("2024-01-01", "1.0", "00"), None), 50)
    original, _, ghost = differing.partition(" UNION ALL ")
    assert "AND NOT EXISTS (SELECT 1 FROM `shop`.`orders_gho`" in original
    assert "AND NOT EXISTS (SELECT 1 FROM `shop`.`orders` WHERE" in ghost
    assert original.endswith("LIMIT 50)")
    assert ghost.endswith("LIMIT 50)")
    assert "`number` > 1.0" in ghost
    assert "`no` > 1.0" in original

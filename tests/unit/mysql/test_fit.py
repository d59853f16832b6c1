"""Which values may not fit, and how a value is converted: by the types alone."""

import pytest

from fsm_ghost.errors import ServerError
from fsm_ghost.model.plan import PLACE, Lossy, MappedColumn, Unfit
from fsm_ghost.model.table import Column
from fsm_ghost.mysql.fit import barred, converted, inconvertible, misfits, why


def column(kind: str, *, charset: str | None = None, nullable: bool = True, default: str | None = None) -> Column:
    data_type = kind.split("(", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    is_text = data_type in {"char", "varchar", "text", "tinytext", "enum", "set"}
    return Column(
        name="c",
        type=kind,
        data_type=data_type,
        nullable=nullable,
        charset=charset or ("utf8mb4" if is_text else None),
        collation=None,
        octet_length=None,
        generated=False,
        auto_increment=False,
        has_default=default is not None,
        default=default,
    )


@pytest.mark.parametrize(
    "old,new",
    [
        ("int", "bigint"),
        ("int unsigned", "bigint"),
        ("smallint", "decimal(5,0)"),
        ("int", "double"),
        ("float", "double"),
        ("decimal(8,2)", "decimal(10,2)"),
        ("decimal(8,2)", "decimal(10,4)"),
        ("int", "varchar(11)"),
        ("varchar(10)", "varchar(20)"),
        ("varchar(63)", "tinytext"),
        ("char(10)", "varchar(10)"),
        ("enum('a','b')", "enum('b','a','c')"),
        ("set('a')", "set('b','a')"),
        ("enum('abc')", "varchar(3)"),
        ("date", "datetime"),
        ("datetime(2)", "datetime(6)"),
        ("binary(4)", "varbinary(4)"),
        ("bit(3)", "bit(4)"),
        ("bit(3)", "tinyint"),
    ],
)
def test_where_every_value_fits_nothing_is_asked(old: str, new: str) -> None:
    assert misfits(column(old), column(new)) == ()


def test_a_type_that_stays_is_not_asked_about_but_for_null() -> None:
    (only,) = misfits(column("text"), column("text", nullable=False))
    assert "NULL" in only.what
    assert only.condition == f"{PLACE} IS NULL"


@pytest.mark.parametrize(
    "old,new,condition",
    [
        ("int", "int unsigned", f"({PLACE} < 0)"),
        ("bigint unsigned", "bigint", f"({PLACE} > {2**63 - 1})"),
        ("int", "tinyint", f"({PLACE} < -128 OR {PLACE} > 127)"),
        ("decimal(8,3)", "decimal(8,3) unsigned", f"(ROUND({PLACE}, 3) < 0)"),
        ("varchar(20)", "varchar(10)", f"CHAR_LENGTH({PLACE}) > 10"),
        ("bit(8)", "bit(4)", f"(({PLACE} + 0) > 15)"),
    ],
)
def test_only_the_sides_are_asked_about_on_which_a_value_may_not_fit(old: str, new: str, condition: str) -> None:
    assert [misfit.condition for misfit in misfits(column(old), column(new))] == [condition]


def test_labels_are_told_apart_as_they_are_written_in_sql() -> None:
    (lost,) = misfits(column(r"enum('it''s','a\\b','c,d')"), column("enum('c,d')"))
    assert lost.condition == rf"CAST({PLACE} AS CHAR) IN ('it''s', 'a\\b')"


@pytest.mark.parametrize(
    "new,default",
    [
        (column("int", nullable=False), "0"),
        (column("int", nullable=False, default="7"), "7"),
        (column("varchar(3)", nullable=False), "''"),
        (column("enum('x','y')", nullable=False), "'x'"),
    ],
)
def test_the_default_that_replaces_a_value_is_the_new_columns(new: Column, default: str) -> None:
    (only, *_) = misfits(column(new.type), new)
    assert f"THEN {default} ELSE {PLACE}" in only.instead[Lossy.DEFAULT]


@pytest.mark.parametrize("old", ["float", "double", "int(6) zerofill", "year(4)", "decimal(5,2)", "bigint"])
@pytest.mark.parametrize("new", ["char(9)", "text", "varbinary(9)", "blob"])
def test_a_number_becomes_the_text_that_a_native_alter_makes_of_it(old: str, new: str) -> None:
    assert converted(column(old), column(new)) == f"CAST({PLACE} AS CHAR)"


@pytest.mark.parametrize("old,new", [("bit(8)", "char(9)"), ("int", "bigint"), ("date", "char(10)"), ("text", "blob")])
def test_other_values_are_converted_rightly_as_they_are(old: str, new: str) -> None:
    assert converted(column(old), column(new)) == PLACE


@pytest.mark.parametrize(
    "old,new,refused",
    [
        ("int", "enum('a')", True),
        ("year(4)", "date", True),
        ("double", "time", True),
        ("date", "year(4)", True),
        ("text", "bit(8)", True),
        ("blob", "bit(8)", True),
        ("float", "float(7,3)", True),
        ("double zerofill", "bit(8)", True),
        ("float(7,3)", "float(7,3)", False),
        ("float", "double", False),
        ("int", "year(4)", False),
        ("bit(8)", "int", False),
        ("datetime", "date", False),
        ("time", "date", True),
        ("time", "datetime(6)", True),
        ("time(3)", "timestamp", True),
        ("datetime", "time", False),
        ("time", "time(3)", False),
        ("time", "varchar(20)", False),
    ],
)
def test_types_between_which_insert_select_converts_otherwise_are_refused(old: str, new: str, *, refused: bool) -> None:
    assert bool(inconvertible(column(old), column(new))) is refused


def test_what_is_unfit_is_an_error_that_says_so_and_not_a_constant_that_servers_evaluate_beforehand() -> None:
    condition = barred(Unfit("is too long", f"LENGTH({PLACE}) > 3"), "it's", "`t`.`c`")
    assert condition.startswith("CASE WHEN LENGTH(`t`.`c`) > 3 THEN CAST(CONCAT('it does not fit: it''s is too long'")
    assert condition.endswith("AS SIGNED) IS NOT NULL ELSE TRUE END")
    assert "HEX(`t`.`c`)" in condition


def test_the_reason_is_ours_where_the_condition_was_and_the_servers_otherwise() -> None:
    words = "INSERT …: Truncated incorrect INTEGER value: 'it does not fit: c is too long' (1292)"
    assert why(ServerError(words)) == "c is too long"
    assert why(ServerError("Out of range")) == "Out of range"


def test_what_is_stored_instead_stands_for_any_column() -> None:
    mapped = MappedColumn("a", "b", instead=f"LEFT({PLACE}, 3)")
    assert mapped.value("`x`.`a`") == "LEFT(`x`.`a`, 3)"
    assert MappedColumn("a", "b").value("`a`") == "`a`"

"""Which column becomes which, by which key, and what is refused: on made-up definitions."""

import re
from dataclasses import replace

import pytest

from fsm_ghost.errors import RefusedError
from fsm_ghost.model.key import KeyColumn, KeyKind
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.plan import FilledColumn, Lossy, MappedColumn, Plan, SwapMethod, UniqueKey
from fsm_ghost.model.table import Column, Definition, Index
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.alter import Alteration, read_alter
from fsm_ghost.services import planner
from fsm_ghost.settings import DefinitionSettings
from tests.unit.model.examples import NAMES, ORIGINAL

_TEXTS = {"char", "varchar", "text", "enum", "set"}


def column(
    name: str,
    kind: str = "int",
    *,
    nullable: bool = False,
    generated: bool = False,
    auto_increment: bool = False,
    default: bool = False,
    collation: str = "utf8mb4_bin",
) -> Column:
    data_type = re.split(r"[( ]", kind)[0]
    length = re.search(r"\((\d+)", kind)
    is_text = data_type in _TEXTS
    return Column(
        name=name,
        type=kind,
        data_type=data_type,
        nullable=nullable,
        charset=collation.partition("_")[0] if is_text else None,
        collation=collation if is_text else None,
        octet_length=int(length[1]) if length and data_type in {"binary", "varbinary"} else None,
        generated=generated,
        auto_increment=auto_increment,
        has_default=default,
    )


def index(name: str, *columns: str, unique: bool = True, prefixed: bool = False, kind: str = "BTREE") -> Index:
    return Index(name, unique, columns, prefixed, kind)


PRIMARY = index("PRIMARY", "id")


def definition(*parts: Column | Index, name: TableName = ORIGINAL, create: str = "CREATE") -> Definition:
    columns = tuple(part for part in parts if isinstance(part, Column))
    indexes = tuple(part for part in parts if isinstance(part, Index))
    return Definition(name, "InnoDB", create, columns, indexes, None, 1000, 1 << 20)


def alteration(text: str) -> Alteration:
    return read_alter(text, ORIGINAL.schema, ORIGINAL.name)


def mapped(text: str, original: Definition, ghost: Definition) -> list[tuple[str, str]]:
    return [(one.original, one.ghost) for one in planner.map_columns(alteration(text), original, ghost, {})]


AS_IT_IS = DefinitionSettings()


def plan(
    text: str, original: Definition, ghost: Definition, autoinc_mode: str = "2", asked: DefinitionSettings = AS_IT_IS
) -> Plan:
    return planner.make_plan(NAMES, alteration(text), original, ghost, SwapMethod.SENTRY, autoinc_mode, asked)


ORDERS = definition(column("id"), column("a"), column("b", "varchar(10)"), PRIMARY)


# Columns


def test_columns_that_keep_their_names_are_copied_to_themselves() -> None:
    assert mapped("FORCE", ORDERS, ORDERS) == [("id", "id"), ("a", "a"), ("b", "b")]


def test_a_renamed_column_is_copied_to_its_new_name() -> None:
    ghost = definition(column("id"), column("z"), column("b"))
    assert mapped("CHANGE a z INT", ORDERS, ghost) == [("id", "id"), ("a", "z"), ("b", "b")]
    assert mapped("RENAME COLUMN A TO z", ORDERS, ghost) == [("id", "id"), ("a", "z"), ("b", "b")]


def test_columns_that_exchange_their_names_are_copied_crosswise() -> None:
    assert mapped("CHANGE a b INT, CHANGE b a INT", ORDERS, ORDERS) == [("id", "id"), ("a", "b"), ("b", "a")]


def test_a_dropped_column_is_not_copied() -> None:
    assert mapped("DROP b", ORDERS, definition(column("id"), column("a"))) == [("id", "id"), ("a", "a")]


def test_a_name_that_becomes_free_may_be_taken_by_another_column() -> None:
    ghost = definition(column("id"), column("b"))
    assert mapped("DROP b, CHANGE a b INT", ORDERS, ghost) == [("id", "id"), ("a", "b")]
    ghost = definition(column("id"), column("a"), column("z"), column("b"))
    assert mapped("CHANGE a z INT, ADD a INT", ORDERS, ghost) == [("id", "id"), ("a", "z"), ("b", "b")]


def test_a_column_that_is_dropped_and_added_again_begins_empty() -> None:
    assert mapped("DROP b, ADD b INT", ORDERS, ORDERS) == [("id", "id"), ("a", "a")]


def test_a_column_that_only_changes_its_case_is_the_same_column() -> None:
    ghost = definition(column("ID"), column("A"), column("b"))
    assert mapped("CHANGE a A INT, CHANGE id ID INT", ORDERS, ghost) == [("id", "ID"), ("a", "A"), ("b", "b")]


def test_generated_columns_make_their_values_themselves() -> None:
    original = definition(column("id"), column("a", generated=True), column("b"))
    ghost = definition(column("id"), column("a", generated=True), column("b", generated=True))
    assert mapped("MODIFY b INT AS (id)", original, ghost) == [("id", "id")]


def test_the_values_of_a_column_that_is_not_generated_any_more_are_kept() -> None:
    original = definition(column("id"), column("a", generated=True))
    assert mapped("MODIFY a INT", original, definition(column("id"), column("a"))) == [("id", "id"), ("a", "a")]


def test_a_column_that_is_gone_although_nobody_drops_it_is_refused() -> None:
    with pytest.raises(RefusedError, match="column b is gone"):
        mapped("FORCE", ORDERS, definition(column("id"), column("a")))


def test_a_column_that_is_new_although_nobody_adds_it_is_refused() -> None:
    with pytest.raises(RefusedError, match="column c is new"):
        mapped("FORCE", ORDERS, definition(*ORDERS.columns, column("c")))


def test_a_column_that_is_still_there_although_it_is_dropped_is_refused() -> None:
    with pytest.raises(RefusedError, match="column b is new"):
        mapped("ADD c INT, DROP b", ORDERS, definition(*ORDERS.columns, column("c")))


def test_a_rename_that_did_not_happen_is_refused() -> None:
    with pytest.raises(RefusedError, match="column a is gone"):
        mapped("CHANGE a z INT", ORDERS, ORDERS)


def test_names_that_differ_for_the_server_are_different_columns() -> None:
    table = definition(column("id"), column("strasse"), column("straße"))
    assert mapped("FORCE", table, table) == [("id", "id"), ("strasse", "strasse"), ("straße", "straße")]


# New columns that the server would not fill in strict mode


def test_a_new_column_that_no_row_may_lack_gets_what_a_native_alter_gives() -> None:
    ghost = definition(
        column("id"),
        column("n"),
        column("t", "varchar(9)"),
        column("e", "enum('x','y')"),
        column("z", "binary(3)"),
        column("null", nullable=True),
        column("default", default=True),
        column("made", generated=True),
        column("count", auto_increment=True),
    )
    filled = planner.fill_columns(ghost, (MappedColumn("id", "id"),))
    assert filled == (FilledColumn("n", "0"), FilledColumn("t", "''"), FilledColumn("e", "1"), FilledColumn("z", "''"))


def test_a_copied_column_is_not_filled() -> None:
    assert planner.fill_columns(definition(column("B")), (MappedColumn("a", "b"),)) == ()


@pytest.mark.parametrize("kind", ["datetime", "date", "timestamp", "json", "geometry", "uuid", "inet6", "vector(3)"])
def test_a_type_without_a_value_to_give_needs_a_default(kind: str) -> None:
    with pytest.raises(RefusedError, match="has no value to give"):
        planner.fill_columns(definition(column("c", kind)), ())


# The key


def chosen(original: Definition, ghost: Definition, *renamed: tuple[str, str]) -> str:
    names = {one.name: one.name for one in original.columns} | dict(renamed)
    mapping = tuple(MappedColumn(old, new) for old, new in names.items() if ghost.column(new))
    return planner.choose_key(original, ghost, mapping).index


def test_the_primary_key_comes_first() -> None:
    table = definition(column("id", "varchar(9)"), column("a"), index("u", "a"), PRIMARY)
    assert chosen(table, table) == "PRIMARY"


def test_without_a_primary_key_the_cheapest_unique_one_is_taken() -> None:
    parts = (column("t", "varchar(9)"), column("d", "datetime"), column("n"), column("m"))
    table = definition(*parts, index("text", "t"), index("date", "d"), index("two", "n", "m"), index("one", "n"))
    assert [key.name for key in planner.usable_keys(table)] == ["one", "two", "date", "text"]


@pytest.mark.parametrize(
    "parts",
    [
        (column("a", nullable=True), index("u", "a")),
        (column("a"), index("u", "a", unique=False)),
        (column("a", "varchar(99)"), index("u", "a", prefixed=True)),
        (column("a"), index("u", "a", kind="HASH")),
        (column("a", generated=True), index("u", "a")),
        (column("a", "float"), index("u", "a")),
        (column("a", "enum('x')"), index("u", "a")),
        (column("a", "inet6"), index("u", "a")),
        (column("a"), column("b", nullable=True), index("u", "a", "b")),
        (column("a"), index("u", "a", "None")),
    ],
)
def test_a_key_that_rows_can_lack_or_that_cannot_be_written_down_is_not_usable(parts: tuple[Column | Index]) -> None:
    assert planner.usable_keys(definition(*parts)) == []


def test_a_key_must_live_on_in_the_ghost_table() -> None:
    table = definition(column("id"), column("a"), PRIMARY, index("u", "a"))
    ghost = definition(column("id"), column("a"), index("renamed", "a"))
    assert chosen(table, ghost) == "u"
    assert planner.choose_key(table, ghost, (MappedColumn("id", "id"), MappedColumn("a", "a"))).ghost_index == "renamed"


def test_a_key_whose_column_is_dropped_or_changed_is_passed_over() -> None:
    table = definition(column("id"), column("a"), PRIMARY, index("u", "a"))
    assert chosen(table, definition(column("a"), index("u", "a"))) == "u"
    assert chosen(table, definition(column("id", "smallint"), column("a"), PRIMARY, index("u", "a"))) == "u"


@pytest.mark.parametrize(
    "old,new",
    [
        ("int", "bigint"),
        ("smallint unsigned", "int unsigned"),
        ("varchar(20)", "varchar(40)"),
        ("varbinary(4)", "varbinary(16)"),
    ],
)
def test_a_key_may_become_wider(old: str, new: str) -> None:
    assert chosen(definition(column("id", old), PRIMARY), definition(column("id", new), PRIMARY)) == "PRIMARY"


def test_a_key_whose_columns_changed_places_is_passed_over() -> None:
    table = definition(column("a"), column("b"), index("u", "a", "b"), index("v", "b"))
    ghost = definition(column("a"), column("b"), index("u", "b", "a"), index("v", "b"))
    assert chosen(table, ghost) == "v"


def test_a_key_column_is_known_by_both_its_names() -> None:
    table = definition(column("id", "int unsigned"), column("h", "binary(4)"), index("u", "id", "h"))
    ghost = definition(column("number", "int unsigned"), column("h", "binary(4)"), index("u", "number", "h"))
    key = planner.choose_key(table, ghost, (MappedColumn("id", "number"), MappedColumn("h", "h")))
    assert key.columns == (
        KeyColumn("id", "number", KeyKind.INTEGER, unsigned=True),
        KeyColumn("h", "h", KeyKind.BINARY, length=4),
    )


def test_only_text_carries_a_character_set() -> None:
    table = definition(column("id", "varchar(9)", collation="latin1_bin"), PRIMARY)
    assert planner.choose_key(table, table, (MappedColumn("id", "id"),)).columns[0].charset == "latin1"


@pytest.mark.parametrize(
    "ghost",
    [
        definition(column("id", "smallint"), PRIMARY),
        definition(column("id", "int unsigned"), PRIMARY),
        definition(column("id", "varchar(20)"), PRIMARY),
        definition(column("id"), index("PRIMARY", "id", "a")),
        definition(column("id"), index("i", "id", unique=False)),
        definition(column("id"), index("PRIMARY", "id", prefixed=True)),
    ],
)
def test_without_a_key_that_lives_on_the_alter_is_refused(ghost: Definition) -> None:
    with pytest.raises(RefusedError, match="no unique key"):
        chosen(definition(column("id"), PRIMARY), ghost)


# New uniqueness (R9)

EMAIL = column("email", "varchar(99)")
USERS = definition(column("id"), EMAIL, column("org"), PRIMARY, index("u", "email"))


def refuses(text: str, original: Definition, ghost: Definition) -> bool:
    try:
        plan(text, original, ghost)
    except RefusedError as error:
        return "unique" in error.message
    return False


def demands(text: str, original: Definition, ghost: Definition) -> bool:
    return bool(plan(text, original, ghost).demanded)


def test_unique_keys_that_were_there_before_are_no_news() -> None:
    assert not demands("FORCE", USERS, USERS)


def test_a_new_unique_key_is_demanded() -> None:
    ghost = definition(*USERS.columns, *USERS.indexes, index("new", "org"))
    assert demands("ADD UNIQUE new (org)", USERS, ghost)


def test_a_unique_key_that_holds_more_than_one_that_was_there_is_no_news() -> None:
    ghost = definition(*USERS.columns, *USERS.indexes, index("new", "org", "email"))
    assert not demands("ADD UNIQUE new (org, email)", USERS, ghost)


def test_a_unique_key_that_holds_less_than_one_that_was_there_is_demanded() -> None:
    original = definition(column("id"), column("a"), column("b"), PRIMARY, index("u", "a", "b"))
    ghost = definition(column("id"), column("a"), column("b"), PRIMARY, index("u", "a"))
    assert demands("DROP INDEX u, ADD UNIQUE u (a)", original, ghost)


@pytest.mark.parametrize(
    "email",
    [
        column("email", "varchar(99)", collation="utf8mb4_general_ci"),
        column("email", "varchar(99)", collation="latin1_bin"),
        column("email", "varchar(50)"),
        column("email", "int"),
    ],
)
def test_a_unique_key_over_a_column_that_compares_differently_now_is_demanded(email: Column) -> None:
    ghost = definition(column("id"), email, column("org"), *USERS.indexes)
    assert demands("MODIFY email VARCHAR(99)", USERS, ghost)


def test_a_unique_key_over_a_renamed_column_is_no_news() -> None:
    ghost = definition(column("id"), column("mail", "varchar(99)"), column("org"), PRIMARY, index("u", "mail"))
    assert not demands("CHANGE email mail VARCHAR(99)", USERS, ghost)


def test_a_unique_key_that_stays_on_a_name_while_the_columns_change_places_is_demanded() -> None:
    original = definition(column("id"), column("a"), column("b"), PRIMARY, index("u", "a"))
    assert demands("CHANGE a b INT, CHANGE b a INT, DROP INDEX u, ADD UNIQUE u (a)", original, original)


def test_a_unique_key_over_a_new_column_is_demanded() -> None:
    ghost = definition(*USERS.columns, column("c", nullable=True), *USERS.indexes, index("new", "c"))
    assert demands("ADD c INT, ADD UNIQUE new (c)", USERS, ghost)


def test_a_new_unique_key_over_a_prefix_is_demanded_with_its_length() -> None:
    prefix = replace(index("new", "email", prefixed=True), lengths=(5,))
    ghost = definition(*USERS.columns, *USERS.indexes, prefix)
    demanded = plan("ADD UNIQUE new (email(5))", USERS, ghost).demanded
    assert demanded == (UniqueKey("u", ("email",), (None,)), UniqueKey("new", ("email",), (5,)))


def test_a_new_unique_key_over_an_expression_is_refused() -> None:
    new = replace(index("new", "None", prefixed=True), expressions=("(`email` + 1)",))
    assert refuses("ADD UNIQUE new ((email + 1))", USERS, definition(*USERS.columns, *USERS.indexes, new))


def test_a_unique_key_over_an_expression_that_was_there_before_is_kept_as_long_as_every_column_is() -> None:
    odd = replace(index("odd", "None", prefixed=True), expressions=("(`email` + 1)",))
    table = definition(*USERS.columns, *USERS.indexes, odd)
    assert not demands("FORCE", table, table)
    wider = definition(
        *(replace(c, type="varchar(9)") if c.name == "email" else c for c in USERS.columns), odd, PRIMARY
    )
    assert refuses("MODIFY email VARCHAR(9)", table, wider)


def test_a_unique_key_over_an_expression_is_refused_where_a_column_is_generated_otherwise() -> None:
    odd = replace(index("odd", "None", prefixed=True), expressions=("(`sum` + 1)",))
    old = replace(column("sum", generated=True), expression="(`org` + 1)")
    new = replace(old, expression="(`org` DIV 2)")
    table, changed = (definition(*USERS.columns, generated, odd, PRIMARY) for generated in (old, new))
    assert not demands("FORCE", table, table)
    assert refuses("MODIFY sum INT AS (org DIV 2)", table, changed)


def test_a_unique_key_is_demanded_anew_where_other_values_are_stored_instead_of_those_that_do_not_fit() -> None:
    original = definition(column("id"), column("a", nullable=True), PRIMARY, index("u", "a"))
    ghost = definition(column("id"), column("a"), PRIMARY, index("u", "a"))
    asked = DefinitionSettings(lossy=(("a", Lossy.DEFAULT),))
    assert plan("MODIFY a INT NOT NULL", original, ghost, asked=asked).demanded == (UniqueKey("u", ("a",), (None,)),)


def test_checks_that_get_another_name_are_announced() -> None:
    old = definition(
        create="(\n  CONSTRAINT `positive` CHECK ((`a` > 0)),\n  CONSTRAINT `t_chk_1` CHECK ((`b` > 0))\n)"
    )
    create = "(\n  CONSTRAINT `orders_gho_chk_1` CHECK ((`a` > 0)),\n  CONSTRAINT `t_chk_1` CHECK ((`b` > 0))\n)"
    new = definition(name=NAMES.ghost, create=create)
    assert planner.renamed_checks(old, new) == (MappedColumn("positive", "orders_chk_1"),)


def test_a_unique_prefix_that_was_there_before_is_no_news() -> None:
    table = definition(*USERS.columns, PRIMARY, index("u", "email", prefixed=True))
    assert not demands("FORCE", table, table)


def test_a_unique_prefix_that_becomes_shorter_is_demanded() -> None:
    tables = [definition(*USERS.columns, PRIMARY, *catalog._indexes([statistics(length)])) for length in (10, 5)]
    assert demands("DROP INDEX u, ADD UNIQUE u (email(5))", tables[0], tables[1])


def test_an_index_that_is_not_unique_is_nobodys_business() -> None:
    ghost = definition(*USERS.columns, *USERS.indexes, index("i", "org", unique=False))
    assert not demands("ADD INDEX i (org)", USERS, ghost)


def test_a_unique_key_that_is_dropped_is_nobodys_business() -> None:
    assert not demands("DROP INDEX u", USERS, definition(*USERS.columns, PRIMARY))


def statistics(sub_part: int | None) -> dict[str, object]:
    names = {"index_name": "u", "non_unique": 0, "column_name": "email", "index_type": "BTREE", "seq_in_index": 1}
    return {**names, "sub_part": sub_part}


def test_an_index_is_read_from_its_statistics() -> None:
    whole, prefix = catalog._indexes([statistics(None)])[0], catalog._indexes([statistics(10)])[0]
    assert replace(whole, lengths=()) == index("u", "email")
    assert (whole.prefixed, whole.lengths) == (False, (None,))
    assert (prefix.prefixed, prefix.lengths) == (True, (10,))


def test_a_unique_prefix_that_becomes_shorter_is_another_index() -> None:
    assert catalog._indexes([statistics(10)]) != catalog._indexes([statistics(5)])


# The plan


def test_a_plan_carries_the_fingerprints_and_the_estimates() -> None:
    ghost = replace(ORDERS, name=NAMES.ghost, create="CREATE ghost", columns=(*ORDERS.columns, column("c")))
    made = plan("ADD c INT", ORDERS, ghost)
    assert (made.original_create, made.ghost_create) == ("CREATE", "CREATE ghost")
    assert (made.rows, made.bytes, made.alter, made.swap) == (1000, 1 << 20, "ADD c INT", SwapMethod.SENTRY)
    assert made.filled == (FilledColumn("c", "0"),)


@pytest.mark.parametrize(
    "kind,auto_increment,mode,exclusive",
    [
        ("int", False, "1", False),
        ("int", True, "2", False),
        ("int", True, "1", True),
        ("int", True, "0", True),
        ("varchar(9)", False, "2", True),
    ],
)
def test_chunks_and_refreshes_exclude_each_other_where_they_would_lock_or_cannot_be_told_apart(
    kind: str, mode: str, *, auto_increment: bool, exclusive: bool
) -> None:
    table = definition(column("id", kind, auto_increment=auto_increment), PRIMARY)
    assert plan("FORCE", table, table, mode).exclusive == exclusive


@pytest.mark.parametrize("kinds", [("timestamp", "datetime"), ("datetime", "timestamp")])
def test_a_conversion_through_a_time_zone_is_refused_where_the_key_needs_utc(kinds: tuple[str, str]) -> None:
    keyed = (column("id", "timestamp"), PRIMARY)
    original, ghost = (definition(*keyed, column("a", kind)) for kind in kinds)
    with pytest.raises(RefusedError, match="the key holds a TIMESTAMP"):
        plan("MODIFY a DATETIME", original, ghost)
    plain = (column("id"), PRIMARY)
    original, ghost = (definition(*plain, column("a", kind)) for kind in kinds)
    assert plan("MODIFY a DATETIME", original, ghost).mapping


def test_what_the_user_says_about_columns_counts() -> None:
    ghost = definition(column("id"), column("alpha"), column("b", "varchar(10)"), PRIMARY)
    asked = DefinitionSettings(mapped=(("A", "alpha"),))
    with pytest.raises(RefusedError, match="--map"):
        plan("FORCE", ORDERS, ghost)
    made = planner.make_plan(NAMES, alteration("FORCE"), ORDERS, ghost, SwapMethod.SENTRY, "2", asked)
    assert [(mapped.original, mapped.ghost) for mapped in made.mapping] == [("id", "id"), ("a", "alpha"), ("b", "b")]


@pytest.mark.parametrize("mapped", [(("nothing", "a"),), (("a", "nothing"),), (("a", "b"), ("b", "b"))])
def test_columns_that_there_are_not_cannot_be_mapped(mapped: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(RefusedError, match="--map"):
        planner.map_columns(alteration("FORCE"), ORDERS, ORDERS, dict(mapped))


def test_a_loss_can_only_be_allowed_for_a_column_that_is_copied() -> None:
    asked = DefinitionSettings(lossy=(("nothing", Lossy.CLAMP),))
    with pytest.raises(RefusedError, match="nothing is no column"):
        planner.make_plan(NAMES, alteration("FORCE"), ORDERS, ORDERS, SwapMethod.SENTRY, "2", asked)


def test_what_a_new_column_gets_otherwise_than_natively_is_said() -> None:
    number = replace(column("n"), auto_increment=True)
    clock = replace(column("at", "datetime"), default="CURRENT_TIMESTAMP", has_default=True)
    made = plan(
        "ADD n INT AUTO_INCREMENT, ADD at DATETIME", ORDERS, definition(*ORDERS.columns, number, clock, PRIMARY)
    )
    assert [remark.split()[0] for remark in made.remarks] == ["n", "at"]
    assert made.zoned
    assert plan("FORCE", ORDERS, ORDERS).remarks == ()


AT = column("at", "timestamp")
HOUR = "(hour(`at`))"


@pytest.mark.parametrize(
    "news",
    [
        [replace(column("h", generated=True), expression=HOUR)],
        [replace(column("h", nullable=True, default=True), default=HOUR)],
        [replace(column("h", nullable=True, default=True), default="(from_unixtime(5))")],
        [replace(column("h", "datetime", nullable=True, default=True), default="(current_timestamp())")],
        [replace(index("odd", "None", unique=False, prefixed=True), expressions=(HOUR,))],
    ],
)
def test_what_is_calculated_in_a_time_zone_is_refused_only_where_rows_are_found_by_a_timestamp(
    news: list[Column | Index],
) -> None:
    for key in ("id", "at"):
        parts = (column("id"), AT, index("PRIMARY", key))
        original, ghost = definition(*parts), definition(*parts, *news)
        if key == "id":
            assert plan("ADD h INT", original, ghost).zoned
            assert not plan("FORCE", original, original).zoned
        else:
            with pytest.raises(RefusedError, match="follows from the time zone"):
                plan("ADD h INT", original, ghost)


def test_a_check_of_a_timestamp_follows_from_the_time_zone() -> None:
    create = "(\n  CONSTRAINT `told` CHECK ((hour(`at`) = 10))\n)"
    table = definition(column("id"), AT, PRIMARY, create=create)
    assert plan("FORCE", table, table).zoned

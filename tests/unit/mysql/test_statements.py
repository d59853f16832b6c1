"""The SQL of a migration, word for word: for a composite key one of whose columns is renamed."""

import pytest

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.plan import Flavour
from fsm_ghost.mysql import statements
from fsm_ghost.mysql.quoting import quote, table
from fsm_ghost.mysql.statements import Statements
from tests.unit.model.examples import COMPOSITE_KEY, INTEGER_KEY, NAMES, plan

ID = "0123456789abcdef"
FROM = "`shop`.`orders` FORCE INDEX (`by_day`)"
LOW: Key = ("2024-01-01", "9.5", "0a")
HIGH: Key = ("2024-01-31", "10.0", "ff")
SELECTED = "CAST(`day` AS CHAR), CAST(`no` AS CHAR(70)), LOWER(HEX(`hash`))"
GHOSTS, ORIGINALS = "`day`, `number`, `hash`, `remark`, `added`", "`day`, `no`, `hash`, `note`, ''"
WITHIN = (
    "`day` >= '2024-01-01' AND ((`day` > '2024-01-01') OR (`day` = '2024-01-01' AND `no` > 9.5)"
    " OR (`day` = '2024-01-01' AND `no` = 9.5 AND `hash` > x'0a'))"
    " AND `day` <= '2024-01-31' AND ((`day` < '2024-01-31') OR (`day` = '2024-01-31' AND `no` < 10.0)"
    " OR (`day` = '2024-01-31' AND `no` = 10.0 AND `hash` <= x'ff'))"
)
EQUALS = (
    "((`day` = '2024-01-01' AND `no` = 9.5 AND `hash` = x'0a')"
    " OR (`day` = '2024-01-31' AND `no` = 10.0 AND `hash` = x'ff'))"
)


def mysql() -> Statements:
    return Statements(plan(COMPOSITE_KEY), Flavour.MYSQL, ID)


def mariadb() -> Statements:
    return Statements(plan(COMPOSITE_KEY), Flavour.MARIADB, ID)


def test_a_chunk_is_copied_without_a_lock_and_without_ignoring_anything() -> None:
    assert mysql().copy(KeyRange(LOW, HIGH)) == (
        f"INSERT /* fsm-ghost {ID} */ INTO `shop`.`orders_gho` ({GHOSTS})"
        f" SELECT {ORIGINALS} FROM {FROM} WHERE {WITHIN}"
        " ON DUPLICATE KEY UPDATE `shop`.`orders_gho`.`day` = `shop`.`orders_gho`.`day`"
    )
    assert mariadb().copy(KeyRange(LOW, HIGH)) == mysql().copy(KeyRange(LOW, HIGH))


@pytest.mark.parametrize("flavour", Flavour)
def test_row_copy_takes_no_lock_on_the_original(flavour: Flavour) -> None:
    statement = Statements(plan(), flavour, ID).copy(KeyRange((1,), (9,))).upper()
    assert not any(word in statement for word in ("FOR SHARE", "LOCK IN", "FOR UPDATE", "IGNORE", "REPLACE"))


def test_rows_are_locked_in_the_original_by_each_servers_word() -> None:
    lock = f"SELECT {SELECTED} FROM {FROM} WHERE {EQUALS}"
    assert mysql().lock([LOW, HIGH], wait=False) == f"{lock} FOR SHARE NOWAIT"
    assert mysql().lock([LOW, HIGH], wait=True) == f"{lock} FOR SHARE"
    assert mariadb().lock([LOW, HIGH], wait=False) == f"{lock} LOCK IN SHARE MODE NOWAIT"
    assert mariadb().lock([LOW, HIGH], wait=True) == f"{lock} LOCK IN SHARE MODE"


def test_rows_are_deleted_from_the_ghost_table_by_its_own_names() -> None:
    renamed = EQUALS.replace("`no`", "`number`")
    assert mysql().delete([LOW, HIGH]) == (
        f"DELETE /* fsm-ghost {ID} */ FROM `shop`.`orders_gho` USING `shop`.`orders_gho` FORCE INDEX (`PRIMARY`)"
        f" WHERE {renamed}"
    )


def test_rows_are_written_again_under_a_locking_read() -> None:
    for made, share in ((mysql(), "FOR SHARE"), (mariadb(), "LOCK IN SHARE MODE")):
        assert made.replace([LOW, HIGH]) == (
            f"REPLACE /* fsm-ghost {ID} */ INTO `shop`.`orders_gho` ({GHOSTS})"
            f" SELECT {ORIGINALS} FROM {FROM} WHERE {EQUALS} {share}"
        )


def test_the_end_of_a_chunk_is_the_key_so_many_rows_on() -> None:
    assert mysql().boundary(LOW, HIGH, 1000) == (
        f"SELECT {SELECTED} FROM {FROM} WHERE {WITHIN} ORDER BY `day`, `no`, `hash` LIMIT 1 OFFSET 999"
    )


def test_the_edges_are_the_first_and_the_last_key() -> None:
    assert mysql().edge(last=False) == f"SELECT {SELECTED} FROM {FROM} ORDER BY `day`, `no`, `hash` LIMIT 1"
    assert mysql().edge(last=True) == (
        f"SELECT {SELECTED} FROM {FROM} ORDER BY `day` DESC, `no` DESC, `hash` DESC LIMIT 1"
    )


def test_a_key_of_one_column_is_a_list() -> None:
    made = Statements(plan(INTEGER_KEY), Flavour.MYSQL, ID)
    assert "WHERE `id` IN (1, -2, 3) FOR SHARE NOWAIT" in made.lock([(1,), (-2,), (3,)], wait=False)
    assert "WHERE `id` > 1 AND `id` <= 9 ON DUP" in made.copy(KeyRange((1,), (9,)))
    assert "WHERE `id` <= 9 ON DUP" in made.copy(KeyRange(None, (9,)))
    assert "WHERE TRUE ON DUP" in made.copy(KeyRange(None, None))


def test_every_statement_that_writes_is_marked_as_ours() -> None:
    made = mysql()
    tag = f"/* {statements.own_tag(ID)} */"
    for statement in (
        made.copy(KeyRange(LOW, HIGH)),
        made.delete([LOW]),
        made.replace([LOW]),
        statements.create_like(NAMES.ghost, NAMES.original, ID),
        statements.drop(NAMES.ghost, ID),
        statements.alter(NAMES.ghost, "ADD c INT", ID),
        statements.rename(statements.swap_pairs(NAMES), ID),
    ):
        assert tag in statement


def test_the_tables_are_swapped_in_one_statement_and_the_marker_proves_it() -> None:
    assert statements.rename(statements.swap_pairs(NAMES), ID) == (
        f"RENAME /* fsm-ghost {ID} */ TABLE `shop`.`orders` TO `shop`.`orders_20261120123456_del`,"
        " `shop`.`orders_gho` TO `shop`.`orders`, `shop`.`orders_ghm` TO `shop`.`orders_ghs`"
    )


def test_the_users_text_is_passed_on_as_it_is() -> None:
    text = "ADD c VARCHAR(9) DEFAULT '%s {0} 100%'"
    assert statements.alter(NAMES.ghost, text, ID).endswith(f"TABLE `shop`.`orders_gho` {text}")


def test_names_are_quoted_whatever_they_hold() -> None:
    assert quote("a`b") == "`a``b`"
    assert table(TableName("my shop", "or`ders; --")) == "`my shop`.`or``ders; --`"


def test_nothing_is_selected_for_no_keys() -> None:
    assert "WHERE FALSE" in mysql().delete([])

"""What is read from SHOW CREATE TABLE about constraints, and how foreign keys are told."""

from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.relations import ForeignKey, has_overlaps_key


def test_a_key_without_overlaps_is_found_and_a_word_about_one_is_not() -> None:
    line = "  UNIQUE KEY `u` (`a`,`p` WITHOUT OVERLAPS)"
    assert has_overlaps_key(f"CREATE TABLE `t` (\n{line}\n)")
    assert has_overlaps_key(f"CREATE TABLE `t` (\n{line},\n  KEY `a` (`a`)\n)")
    assert not has_overlaps_key(f"CREATE TABLE `t` (\n  KEY `a` (`a`) COMMENT '{line}'\n)")


def test_a_foreign_key_is_dropped_by_names_that_are_quoted() -> None:
    key = ForeignKey("o`f", TableName("s", "c`d"), TableName("s", "p"))
    assert key.drop == "ALTER TABLE `s`.`c``d` DROP FOREIGN KEY `o``f`;"
    assert str(key) == "o`f (s.c`d refers to s.p)"

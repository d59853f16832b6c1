"""CHECK constraints, read from a definition."""

from fsm_ghost.mysql.checks import checks, without_names

MYSQL = """CREATE TABLE `t` (
  `id` int NOT NULL COMMENT 'CONSTRAINT `no` CHECK (1)',
  PRIMARY KEY (`id`),
  CONSTRAINT `od``d` CHECK ((`id` > 0)),
  CONSTRAINT `of` FOREIGN KEY (`id`) REFERENCES `u` (`id`),
  CONSTRAINT `t_chk_1` CHECK ((`id` < 9)) /*!80016 NOT ENFORCED */
) ENGINE=InnoDB COMMENT='  CONSTRAINT `no` CHECK (1)'"""


def test_checks_are_found_and_nothing_else() -> None:
    assert tuple(check.name for check in checks(MYSQL)) == ("od`d", "t_chk_1")
    assert [check.meaning for check in checks(MYSQL)] == [("((`id` > 0))", True), ("((`id` < 9))", False)]


def test_a_definition_without_names_of_checks_says_the_same_otherwise() -> None:
    bare = without_names(MYSQL)
    assert "  CONSTRAINT CHECK ((`id` > 0)),\n  CONSTRAINT `of` FOREIGN KEY" in bare
    assert without_names(MYSQL.replace("`od``d`", "`other`")) == bare
    assert without_names(MYSQL.replace("> 0", "> 1")) != bare

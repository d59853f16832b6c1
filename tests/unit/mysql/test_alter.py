"""What an ALTER asks for: the statements of the field that are hard to read, and those that must not be run."""

from typing import NamedTuple

import pytest

from fsm_ghost.errors import RefusedError
from fsm_ghost.mysql.alter import Alteration, read_alter, statement_of, tokens, with_check_names


class Reading(NamedTuple):
    """What is to be found in a statement."""

    text: str
    renamed: dict[str, str] = {}  # noqa: RUF012 - never changed
    dropped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def read(text: str) -> Alteration:
    return read_alter(text, "shop", "orders")


_COLUMNS = [
    # added
    Reading("ADD c INT", added=("c",)),
    Reading("add column c int", added=("c",)),
    Reading("ADD COLUMN `c` INT", added=("c",)),
    Reading("ADD COLUMN `a``b` INT", added=("a`b",)),
    Reading("ADD COLUMN `weird name, with (signs)` INT", added=("weird name, with (signs)",)),
    Reading("ADD COLUMN IF NOT EXISTS c INT", added=("c",)),
    Reading("ADD (a INT, b DECIMAL(10,2), `c` ENUM('x,y','(')) ", added=("a", "b", "c")),
    Reading("ADD COLUMN (a INT DEFAULT (1 + (2 * 3)), b INT)", added=("a", "b")),
    Reading("ADD a INT, ADD b INT, ADD c INT", added=("a", "b", "c")),
    Reading("ADD c ENUM('a','b,c','d''e','f\\'g')", added=("c",)),
    Reading('ADD c ENUM("a","b,c","d""e","f\\"g"), ADD d INT', added=("c", "d")),
    Reading("ADD c VARCHAR(10) DEFAULT 'it''s, (not) over'", added=("c",)),
    Reading("ADD c VARCHAR(10) DEFAULT '\\\\', ADD d INT", added=("c", "d")),
    Reading("ADD c INT COMMENT 'DROP COLUMN x, RENAME TO y'", added=("c",)),
    Reading("ADD c INT AFTER `b`, ADD d INT FIRST", added=("c", "d")),
    Reading("ADD c INT GENERATED ALWAYS AS (a + b) VIRTUAL", added=("c",)),
    Reading("ADD c INT AS (IF(a > 1, a, b)) STORED UNIQUE", added=("c",)),
    Reading("ADD c INT GENERATED ALWAYS AS (a) PERSISTENT", added=("c",)),
    Reading("ADD c JSON DEFAULT (JSON_OBJECT('a', 1))", added=("c",)),
    Reading("ADD c GEOMETRY NOT NULL SRID 4326, ADD SPATIAL INDEX (c)", added=("c",)),
    Reading("ADD c TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci", added=("c",)),
    Reading("ADD c NATIONAL VARCHAR(10)", added=("c",)),
    Reading("ADD c INET6, ADD d UUID", added=("c", "d")),
    Reading("ADD c TEXT COMPRESSED", added=("c",)),
    Reading("ADD c INT INVISIBLE", added=("c",)),
    Reading("ADD größe INT", added=("größe",)),
    Reading("ADD 表 INT, ADD `🐘` INT", added=("表", "🐘")),
    Reading("ADD 1st INT, ADD $c INT, ADD _c INT", added=("1st", "$c", "_c")),
    Reading("ADD COLUMN `add` INT, ADD COLUMN `drop` INT", added=("add", "drop")),
    Reading("ADD COLUMN `index` INT", added=("index",)),
    Reading("ADD COLUMN period DATE", added=("period",)),
    Reading("ADD c BIT(3) DEFAULT b'101', ADD d BLOB DEFAULT x'2c28'", added=("c", "d")),
    Reading("ADD c VARCHAR(9) DEFAULT _utf8mb4'a,b' , ADD d INT", added=("c", "d")),
    Reading("ADD c DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)", added=("c",)),
    # dropped
    Reading("DROP c", dropped=("c",)),
    Reading("DROP COLUMN `c`", dropped=("c",)),
    Reading("DROP COLUMN IF EXISTS c, DROP d", dropped=("c", "d")),
    Reading("DROP COLUMN c CASCADE", dropped=("c",)),
    Reading("DROP `partition`", dropped=("partition",)),
    Reading("DROP COLUMN `primary`, DROP PRIMARY KEY", dropped=("primary",)),
    Reading("DROP b, ADD b BIGINT", dropped=("b",), added=("b",)),
    # renamed
    Reading("CHANGE a b INT", {"a": "b"}),
    Reading("CHANGE COLUMN a b INT NOT NULL DEFAULT 0 AFTER c", {"a": "b"}),
    Reading("change column `a` `b` int", {"a": "b"}),
    Reading("CHANGE COLUMN IF EXISTS a b INT", {"a": "b"}),
    Reading("CHANGE `a b` `c,d` INT", {"a b": "c,d"}),
    Reading("CHANGE a a BIGINT", {"a": "a"}),
    Reading("CHANGE a A BIGINT", {"a": "A"}),
    Reading("RENAME COLUMN a TO b", {"a": "b"}),
    Reading("RENAME COLUMN IF EXISTS a TO b", {"a": "b"}),
    Reading("rename column `to` to `as`", {"to": "as"}),
    Reading("RENAME COLUMN a TO b, RENAME COLUMN b TO a", {"a": "b", "b": "a"}),
    Reading("CHANGE a b INT, CHANGE b c INT, CHANGE c a INT", {"a": "b", "b": "c", "c": "a"}),
    Reading("CHANGE /* old */ a /* new */ b INT", {"a": "b"}),
    Reading("CHANGE -- old\n a -- new\n b INT", {"a": "b"}),
    Reading("CHANGE # old\n a\tb\r\nINT", {"a": "b"}),
    Reading("CHANGE a b INT, DROP c, ADD a INT", {"a": "b"}, ("c",), ("a",)),
    # comments that are none, and commas that separate nothing
    Reading("ADD c INT /* , DROP d */", added=("c",)),
    Reading("ADD c INT -- , DROP d", added=("c",)),
    Reading("ADD c INT # , DROP d\n, ADD e INT", added=("c", "e")),
    Reading("ADD c INT DEFAULT 1--1, DROP d", added=("c",), dropped=("d",)),
    Reading("ADD c VARCHAR(9) DEFAULT '/*', DROP d, ADD e VARCHAR(9) DEFAULT '*/'", added=("c", "e"), dropped=("d",)),
    Reading("ADD c VARCHAR(9) DEFAULT '-- ', DROP d", added=("c",), dropped=("d",)),
    Reading("ADD c VARCHAR(9) DEFAULT '`', DROP d, ADD e VARCHAR(9) DEFAULT '`'", added=("c", "e"), dropped=("d",)),
    Reading("ADD `'` INT, DROP d, ADD `''` INT", added=("'", "''"), dropped=("d",)),
    Reading("/* nothing */ ADD /**/ c INT", added=("c",)),
]
_NO_COLUMNS = [
    "ENGINE=InnoDB",
    "FORCE",
    "COMMENT = 'a, b; c'",
    "ROW_FORMAT=DYNAMIC KEY_BLOCK_SIZE=8",
    "AUTO_INCREMENT=100, COMMENT='x'",
    "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    "DEFAULT CHARACTER SET = utf8mb4",
    "MODIFY a BIGINT UNSIGNED NOT NULL",
    "MODIFY COLUMN IF EXISTS a BIGINT",
    "ALTER a SET DEFAULT 1, ALTER COLUMN b DROP DEFAULT",
    "ALTER INDEX i INVISIBLE",
    "ALTER INDEX i NOT IGNORED",
    "ALTER CHECK c NOT ENFORCED",
    "ADD INDEX i (a, b DESC)",
    "ADD KEY (a(10))",
    "ADD INDEX i ((LOWER(a)), (b + 1))",
    "ADD UNIQUE u (a)",
    "ADD UNIQUE INDEX IF NOT EXISTS u (a)",
    "ADD FULLTEXT ft (a, b) WITH PARSER ngram",
    "ADD SPATIAL INDEX (g)",
    "ADD VECTOR INDEX (v)",
    "ADD PRIMARY KEY (a, b)",
    "ADD CONSTRAINT u UNIQUE (a)",
    "ADD CONSTRAINT CHECK (a > 0)",
    "ADD CHECK (a IN (1, 2, 3))",
    "DROP INDEX i, DROP KEY k",
    "DROP PRIMARY KEY, ADD PRIMARY KEY (a)",
    "DROP CHECK c",
    "DROP CONSTRAINT c",
    "RENAME INDEX a TO b, RENAME KEY c TO d",
    "ORDER BY a, b DESC",
    "PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "PARTITION BY HASH (a) PARTITIONS 4",
    "ADD PARTITION (PARTITION p2 VALUES LESS THAN (20))",
    "REMOVE PARTITIONING",
    "ADD SYSTEM VERSIONING",
    "DROP SYSTEM VERSIONING",
    "ADD PERIOD FOR SYSTEM_TIME (a, b)",
    "DISABLE KEYS",
    "WITHOUT VALIDATION",
]
_REFUSED = [
    # the ghost table would go by another name
    "RENAME TO other",
    "RENAME AS other",
    "RENAME = other",
    "RENAME other",
    "RENAME `COLUMN`",
    "rename to shop.other",
    "ADD c INT, RENAME TO other",
    "/*!50000 RENAME TO other */",
    "/*M!100000 RENAME TO other */",
    "ADD c INT /*! , RENAME other */",
    "RENAME/**/TO/**/other",
    "NOWAIT RENAME TO other",
    # data of the table it is run on
    "EXCHANGE PARTITION p0 WITH TABLE other",
    "DROP PARTITION p0",
    "DROP PARTITION IF EXISTS p0",
    "TRUNCATE PARTITION p0",
    "REORGANIZE PARTITION p0 INTO (PARTITION p1 VALUES LESS THAN (5))",
    "COALESCE PARTITION 2",
    "DISCARD TABLESPACE",
    "IMPORT TABLESPACE",
    "DISCARD PARTITION p0 TABLESPACE",
    "ANALYZE PARTITION ALL",
    "CHECK PARTITION p0",
    "OPTIMIZE PARTITION p0",
    "REBUILD PARTITION p0",
    "REPAIR PARTITION p0",
    # how a native ALTER would be done
    "ADD c INT, ALGORITHM=INPLACE",
    "ALGORITHM INSTANT, ADD c INT",
    "ADD c INT, LOCK = NONE",
    "lock=shared",
    # more than one statement, or less
    "ADD c INT; DROP TABLE other",
    "ADD c INT; ADD d INT",
    "ADD c INT,",
    ", ADD c INT",
    "ADD c INT,, ADD d INT",
    "",
    " ; ",
    "-- nothing",
    "ADD",
    "DROP COLUMN",
    "CHANGE a",
    "RENAME COLUMN a TO",
    # another table
    "ALTER TABLE other ADD c INT",
    "ALTER TABLE elsewhere.orders ADD c INT",
    "ALTER TABLE `shop`.`other` ADD c INT",
]
_WHOLE = [
    "ALTER TABLE orders ADD c INT",
    "alter table `orders` add c int",
    "ALTER TABLE shop.orders ADD c INT;",
    "ALTER TABLE `shop`.`orders`\n\tADD c INT ;\n",
    "ALTER TABLE shop . orders ADD c INT",
    "  ALTER  IGNORE  TABLE orders ADD c INT",
    "ALTER ONLINE TABLE orders ADD c INT",
    "ADD c INT;",
    "ADD c INT ; ",
]


@pytest.mark.parametrize("reading", _COLUMNS, ids=lambda reading: reading.text)
def test_the_columns_that_are_renamed_dropped_and_added_are_found(reading: Reading) -> None:
    found = read(reading.text)
    assert (found.renamed, found.dropped, found.added) == (reading.renamed, reading.dropped, reading.added)


@pytest.mark.parametrize("text", _NO_COLUMNS)
def test_what_does_not_concern_columns_renames_drops_and_adds_none(text: str) -> None:
    found = read(text)
    assert (found.renamed, found.dropped, found.added) == ({}, (), ())


@pytest.mark.parametrize("text", _REFUSED)
def test_what_must_not_be_run_on_the_ghost_table_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read(text)
    assert refused.value.remedy


@pytest.mark.parametrize("text", _WHOLE)
def test_a_whole_statement_is_reduced_to_its_clauses(text: str) -> None:
    found = read(text)
    assert found.added == ("c",)
    assert found.clauses.upper() == "ADD C INT"


@pytest.mark.parametrize("text", [reading.text for reading in _COLUMNS] + _NO_COLUMNS)
def test_the_clauses_are_passed_on_as_they_were_written(text: str) -> None:
    assert read(text).clauses == text.strip()


def test_the_name_in_a_whole_statement_may_hold_anything() -> None:
    found = read_alter("ALTER TABLE `my``shop`.`or.der s` ADD c INT", "my`shop", "or.der s")
    assert found.clauses == "ADD c INT"


def test_a_refusal_names_the_table_that_the_statement_is_for() -> None:
    with pytest.raises(RefusedError, match=r"for elsewhere\.orders, not for shop\.orders"):
        read("ALTER TABLE elsewhere.orders ADD c INT")


@pytest.mark.parametrize("mark", ["/*!", "/*!80023", "/*!100000", "/*M!", "/*M!100301"])
def test_executable_comments_are_refused_for_not_every_server_runs_them(mark: str) -> None:
    for text in (f"ADD c INT {mark} INVISIBLE */", f"{mark} ADD c INT */", f"ADD c INT {mark} , CHANGE a b INT */"):
        with pytest.raises(RefusedError, match="executable comment"):
            read(text)


def test_optimizer_hints_are_comments() -> None:
    assert [token.text for token in tokens("a /*+ b */ c")] == ["a", "c"]


def test_every_character_of_a_statement_is_in_a_token_or_left_out_on_purpose() -> None:
    executable = ("/*!", "/*M!")
    refused = [text for text in _REFUSED if not any(mark in text for mark in executable)]
    for text in (*_NO_COLUMNS, *refused, *(reading.text for reading in _COLUMNS)):
        kept = "".join(token.text for token in tokens(text))
        assert set("'\"`") & set(kept) == set("'\"`") & set(_without_comments(text)), text


def _without_comments(text: str) -> str:
    return text.replace("-- nothing", "")


@pytest.mark.parametrize("text", ["'open", "`open", '"open', "/* open", "ADD c INT DEFAULT 'x"])
def test_what_is_not_closed_is_passed_on_for_the_server_to_refuse(text: str) -> None:
    assert list(tokens(text))


# Forms that only MariaDB has, and words that only look like something else


def test_a_wait_with_a_number_hides_nothing() -> None:
    assert read("WAIT 5 ADD c INT").added == ("c",)
    with pytest.raises(RefusedError):
        read("WAIT 5 RENAME TO other")
    with pytest.raises(RefusedError):
        read("ALTER TABLE orders WAIT 5 RENAME TO other")


@pytest.mark.parametrize("text", ["CONVERT PARTITION p0 TO TABLE other", "CONVERT TABLE other TO PARTITION p0"])
def test_partitions_and_tables_are_not_converted_into_each_other(text: str) -> None:
    with pytest.raises(RefusedError):
        read(text)


def test_if_exists_is_not_a_table() -> None:
    assert read("ALTER TABLE IF EXISTS orders ADD c INT").added == ("c",)


@pytest.mark.parametrize("name", ["period", "system", "vector"])
def test_a_column_may_be_called_like_a_word_that_is_not_reserved(name: str) -> None:
    assert read(f"ADD {name} INT").added == (name,)
    assert read(f"DROP {name}").dropped == (name,)


@pytest.mark.parametrize(
    "text,found",
    [
        ("ALTER TABLE orders ADD c INT", ("", "orders", "ADD c INT")),
        ("alter online ignore table if exists `a.b`.`c``d`\nADD e INT", ("a.b", "c`d", "ADD e INT")),
        ("/* why */ ALTER -- not\n TABLE shop . orders DROP c", ("shop", "orders", "DROP c")),
        ("CREATE INDEX i ON orders(a, b(10))", ("", "orders", "ADD INDEX i (a, b(10))")),
        (
            "create unique index `my index` using btree on shop.orders (a) comment 'x'",
            ("shop", "orders", "ADD UNIQUE INDEX `my index` USING btree (a) comment 'x'"),
        ),
        ("CREATE FULLTEXT INDEX f ON orders (note)", ("", "orders", "ADD FULLTEXT INDEX f (note)")),
        ("DROP INDEX `i` ON shop.orders", ("shop", "orders", "DROP INDEX `i`")),
        ("DROP INDEX i ON orders ALGORITHM=INPLACE", ("", "orders", "DROP INDEX i, ALGORITHM=INPLACE")),
    ],
)
def test_a_whole_statement_names_its_table_and_its_clauses(text: str, found: tuple[str, str, str]) -> None:
    assert statement_of(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "ADD c INT", "DROP COLUMN a", "drop index i, add x int", "ALTER", "CREATE TABLE t (a INT)", "ALTER TABLE"],
)
def test_a_list_of_clauses_is_no_whole_statement(text: str) -> None:
    assert statement_of(text) is None


def test_an_index_statement_for_another_table_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"for shop\.users"):
        read("CREATE INDEX i ON users (a)")


@pytest.mark.parametrize(
    "clauses,changed",
    [
        ("DROP CONSTRAINT positive, ADD c INT", "DROP CONSTRAINT `t_gho_chk_1`, ADD c INT"),
        ("drop check `positive`", "drop check `t_gho_chk_1`"),
        ("ALTER CHECK positive NOT ENFORCED", "ALTER CHECK `t_gho_chk_1` NOT ENFORCED"),
        ("ADD CONSTRAINT positive CHECK (a > 0)", "ADD CONSTRAINT positive CHECK (a > 0)"),
        ("DROP COLUMN positive COMMENT 'DROP CHECK positive'", "DROP COLUMN positive COMMENT 'DROP CHECK positive'"),
        ("DROP CONSTRAINT other", "DROP CONSTRAINT other"),
    ],
)
def test_checks_are_dropped_and_altered_by_the_name_that_they_have_in_the_ghost_table(
    clauses: str, changed: str
) -> None:
    assert with_check_names(clauses, {"positive": "t_gho_chk_1"}) == changed

"""The change stream on real servers: whatever is written, and however the server logs it, every key arrives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from fsm_ghost.errors import ConnectionLostError, ServerError, StoppedError, StreamError
from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.private import Flavour, PrivateServer
from tests.conftest import ServerFactory
from tests.integration.following import OWN_TAG, Followed, following, keys, read_on
from tests.servers import Database
from tests.servers.binlog import dumps, purge

COMPOSITE = (
    "c VARCHAR(9), tenant INT NOT NULL, name VARCHAR(20) NOT NULL, on_day DATE NOT NULL,"
    " PRIMARY KEY (tenant, name, on_day)"
)


@pytest.fixture
def orders(database: Database) -> Iterator[Followed]:
    with following(database) as followed:
        yield followed


# --- Rows -------------------------------------------------------------------------------------------------------------


def test_inserted_updated_and_deleted_rows_bring_their_keys(orders: Followed) -> None:
    assert orders.keys_after("INSERT INTO orders VALUES (1, 'a'), (2, NULL), (-3, 'c')") == keys(1, 2, -3)
    assert orders.keys_after("UPDATE orders SET v = NULL WHERE id = 1") == keys(1)
    assert orders.keys_after("DELETE FROM orders WHERE id < 2") == keys(1, -3)


def test_an_update_of_the_key_brings_both_keys(orders: Followed) -> None:
    orders.keys_after("INSERT INTO orders VALUES (1, 'a')")
    assert orders.keys_after("UPDATE orders SET id = 7 WHERE id = 1") == keys(1, 7)


def test_replace_and_on_duplicate_key_bring_the_keys_of_all_rows_they_touch(database: Database) -> None:
    with following(database, "id INT PRIMARY KEY, v INT, UNIQUE KEY (v)") as followed:
        assert followed.keys_after("INSERT INTO orders VALUES (1, 10), (2, 20)") == keys(1, 2)
        assert followed.keys_after("REPLACE INTO orders VALUES (3, 10)") == keys(1, 3)
        assert followed.keys_after("INSERT INTO orders VALUES (4, 20) ON DUPLICATE KEY UPDATE id = 5") == keys(2, 5)


def test_a_composite_key_is_read_in_the_order_of_the_key(database: Database) -> None:
    with following(database, COMPOSITE, key="tenant,name,on_day") as followed:
        followed.run("INSERT INTO orders VALUES (NULL, 1, 'é', '2024-02-29')")
        assert followed.read().keys == {(1, "c3a9", "2024-02-29")}
        followed.run("UPDATE orders SET on_day = '0000-00-00'")
        assert followed.read().keys == {(1, "c3a9", "2024-02-29"), (1, "c3a9", "0000-00-00")}
        assert followed.selected() == [(1, "c3a9", "0000-00-00")]


def test_other_tables_bring_nothing(orders: Followed) -> None:
    orders.run(
        "CREATE TABLE other LIKE orders", "CREATE TABLE ordersx LIKE orders", "INSERT INTO ordersx VALUES (1, 'a')"
    )
    assert orders.keys_after("INSERT INTO other VALUES (1, 'a')", "UPDATE other SET v = 'b'") == keys()


def test_a_deleted_marker_is_not_reported(orders: Followed) -> None:
    orders.read()
    orders.run(f"DELETE FROM {orders.changelog.name}")
    found = orders.read()
    assert found.markers == {2}
    assert found.row_events == 0


def test_keys_are_found_behind_columns_of_every_kind(database: Database, flavour: Flavour) -> None:
    special = "s1 VECTOR(2)" if flavour == "mysql" else "s1 VARCHAR(50) COMPRESSED, s2 BLOB COMPRESSED"
    columns = (
        "c1 JSON, c2 LONGTEXT, c3 TINYBLOB, c4 GEOMETRY, c5 ENUM('a', 'b'), c6 SET('x', 'y'), c7 FLOAT, c8 DOUBLE,"
        " c9 DECIMAL(20, 7), c10 BIT(9), c11 TIME(3), c12 DATETIME(6), c13 TIMESTAMP(2) NULL, c14 YEAR, c15 DATE,"
        " c16 CHAR(255), c17 BINARY(3), c18 VARCHAR(300), c19 INT GENERATED ALWAYS AS (c20 + 1) VIRTUAL, c20 INT,"
        f" c21 INT GENERATED ALWAYS AS (c20 + 2) STORED, c22 INT INVISIBLE, {special}, id BIGINT PRIMARY KEY"
    )
    full = {
        "c1": "'{\"a\": 1}'",
        "c2": "REPEAT('t', 70000)",
        "c3": "'b'",
        "c4": "ST_GeomFromText('POINT(1 1)')",
        "c5": "'a'",
        "c6": "'x,y'",
        "c7": "1.5",
        "c8": "2.5",
        "c9": "-3.25",
        "c10": "257",
        "c11": "'-1:2:3.5'",
        "c12": "NOW(6)",
        "c13": "NOW(2)",
        "c14": "2024",
        "c15": "NOW()",
        "c16": "REPEAT('€', 255)",
        "c17": "'a'",
        "c18": "REPEAT('v', 299)",
        "c20": "7",
        "c22": "8",
        "s1": "TO_VECTOR('[1, 2]')" if flavour == "mysql" else "REPEAT('z', 50)",
    }
    with following(database, columns) as followed:
        names = list(full)
        for given in range(len(names) + 1):  # ever fewer columns are NULL
            chosen = names[:given]
            listed = ", ".join([*chosen, "id"])
            values = ", ".join([*(full[name] for name in chosen), str(given)])
            followed.run(f"INSERT INTO orders ({listed}) VALUES ({values})")
        assert followed.read().keys == keys(*range(len(names) + 1))
        assert followed.keys_after("UPDATE orders SET c5 = NULL, c18 = 'short', c2 = NULL") == keys(
            *range(len(names) + 1)
        )
        assert followed.keys_after("DELETE FROM orders") == keys(*range(len(names) + 1))


def test_a_table_of_three_hundred_columns_is_followed(database: Database) -> None:
    many = ", ".join(f"c{number} TINYINT" for number in range(300))
    with following(database, f"{many}, id INT PRIMARY KEY") as followed:
        followed.run("INSERT INTO orders (id, c7, c299) VALUES (5, 1, NULL), (6, NULL, 3)")
        assert followed.keys_after("UPDATE orders SET c298 = 1") == keys(5, 6)


# --- How the server logs ----------------------------------------------------------------------------------------------


@pytest.mark.mysql_only
def test_compressed_transactions_are_read(orders: Followed) -> None:
    before = orders.position()
    orders.run("SET SESSION binlog_transaction_compression = ON")
    orders.run(
        "BEGIN", "INSERT INTO orders VALUES (1, 'a'), (2, 'b')", "UPDATE orders SET id = 3 WHERE id = 1", "COMMIT"
    )
    found = orders.read()
    assert found.keys == keys(1, 2, 3)
    assert before <= found.start < found.end == orders.position()


@pytest.mark.mysql_only
def test_a_huge_compressed_transaction_comes_in_bounded_parts(orders: Followed) -> None:
    orders.run("SET SESSION binlog_transaction_compression = ON, cte_max_recursion_depth = 200000")
    before = orders.position()
    orders.run(
        "INSERT INTO orders WITH RECURSIVE n AS (SELECT 1 i UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
        " SELECT i, 'v' FROM n"
    )
    after = orders.position()
    parts = [orders.next()]
    while parts[-1].end < after:
        parts.append(orders.next())
    with_keys = [part for part in parts if part.keys]
    assert len(with_keys) > 3
    assert all(len(part.keys) < 55_000 for part in with_keys)
    assert {part.start for part in with_keys} == {before}
    assert frozenset().union(*(part.keys for part in with_keys)) == keys(*range(1, 200_001))


@pytest.mark.mariadb_only
def test_compressed_events_are_read(fresh_server: ServerFactory) -> None:
    server = fresh_server({"log-bin-compress": "ON", "log-bin-compress-min-len": 10})
    with following(Database(server), "id INT PRIMARY KEY, v VARCHAR(900)") as followed:
        followed.run("INSERT INTO orders VALUES (1, REPEAT('a', 900)), (2, REPEAT('b', 900))")
        followed.run("UPDATE orders SET id = id + 10")
        assert followed.keys_after("DELETE FROM orders WHERE id = 11") == keys(1, 2, 11, 12)
        followed.run(f"ALTER TABLE orders COMMENT '{'c' * 900}'")
        with pytest.raises(StreamError, match=r"changed .*orders at"):
            read_on(followed.stream)


@pytest.mark.mysql_only
def test_partial_updates_of_json_are_read(database: Database) -> None:
    columns = "j1 JSON, id INT NOT NULL, j2 JSON, part VARCHAR(9) NOT NULL, v INT, PRIMARY KEY (id, part)"
    with following(database, columns, key="id,part") as followed:
        followed.run("SET SESSION binlog_row_value_options = PARTIAL_JSON")
        followed.run(
            "INSERT INTO orders VALUES ('{\"a\": 1, \"b\": 2}', 1, '[1, 2]', 'x', 1), (NULL, 2, '[3]', 'y', 1)"
        )
        followed.run("UPDATE orders SET j1 = JSON_SET(j1, '$.a', 7, '$.b', 8), j2 = JSON_SET(j2, '$[0]', 9)")
        assert followed.read().keys == {(1, "78"), (2, "79")}
        followed.run("UPDATE orders SET j1 = JSON_SET(j1, '$.a', 3), id = id + 10 WHERE id = 1")
        assert followed.read().keys == {(1, "78"), (11, "78")}
        followed.run("SET SESSION binlog_row_image = MINIMAL", "UPDATE orders SET j2 = JSON_SET(j2, '$[0]', 4)")
        assert followed.read().keys == {(11, "78"), (2, "79")}


def test_minimal_images_are_enough_for_a_primary_key(orders: Followed) -> None:
    orders.run("SET SESSION binlog_row_image = MINIMAL", "INSERT INTO orders (id) VALUES (1), (2)")
    assert orders.keys_after("UPDATE orders SET v = 'x'") == keys(1, 2)
    assert orders.keys_after("UPDATE orders SET id = 3 WHERE id = 2", "DELETE FROM orders WHERE id = 1") == keys(
        1, 2, 3
    )


def test_minimal_images_of_a_composite_key_are_completed_from_the_row_before(database: Database) -> None:
    with following(database, COMPOSITE, key="tenant,name,on_day") as followed:
        followed.run("SET SESSION binlog_row_image = MINIMAL", "INSERT INTO orders VALUES ('c', 1, 'n', '2024-01-01')")
        followed.run("UPDATE orders SET name = 'm'")
        assert followed.read().keys == {(1, "6e", "2024-01-01"), (1, "6d", "2024-01-01")}


def test_an_image_without_the_key_stops_the_stream(database: Database) -> None:
    with following(database, "pk INT PRIMARY KEY, id INT NOT NULL, v INT, UNIQUE KEY (id)") as followed:
        followed.run("SET SESSION binlog_row_image = MINIMAL", "INSERT INTO orders VALUES (1, 2, 3)")
        assert followed.read().keys == keys(2)
        followed.run("UPDATE orders SET v = 4")
        with pytest.raises(StreamError, match="binlog_row_image=MINIMAL"):
            read_on(followed.stream)


def test_images_without_blobs_are_enough(database: Database) -> None:
    with following(database, "b LONGBLOB, id INT NOT NULL, UNIQUE KEY (id)") as followed:
        followed.run("SET SESSION binlog_row_image = NOBLOB", "INSERT INTO orders VALUES (REPEAT('b', 99), 2)")
        assert followed.keys_after("UPDATE orders SET id = 3") == keys(2, 3)


@pytest.mark.parametrize("megabytes", [1, 15, 16, 20, 40])
def test_large_rows_are_read_and_large_rows_of_others_passed_over(database: Database, megabytes: int) -> None:
    size = megabytes << 20
    database.execute("SET GLOBAL max_allowed_packet = 1073741824")
    with following(database, "b LONGBLOB, id INT PRIMARY KEY") as followed:
        followed.run("CREATE TABLE other LIKE orders")
        followed.run(f"INSERT INTO other VALUES (REPEAT('o', {size}), 1)", "INSERT INTO orders VALUES ('s', 1)")
        followed.run(
            f"INSERT INTO orders VALUES (REPEAT('b', {size}), 2)", f"INSERT INTO orders VALUES (REPEAT('c', {size}), 3)"
        )
        assert followed.keys_after("DELETE FROM other", "INSERT INTO orders VALUES ('s', 4)") == keys(1, 2, 3, 4)
        assert followed.stream.bytes > 4 * size
        assert followed.stream.boundary == followed.position()


def test_streams_without_checksums_and_changes_of_checksums_are_read(fresh_server: ServerFactory) -> None:
    server = fresh_server({"binlog-checksum": "NONE"})
    with following(Database(server)) as followed:
        assert followed.keys_after("INSERT INTO orders VALUES (1, 'a')") == keys(1)
        followed.run("SET GLOBAL binlog_checksum = CRC32")
        assert followed.keys_after("INSERT INTO orders VALUES (2, 'a')") == keys(2)
        followed.reopen(followed.stream.boundary)
        assert followed.keys_after("INSERT INTO orders VALUES (3, 'a')") == keys(3)
        followed.run("SET GLOBAL binlog_checksum = NONE")
        assert followed.keys_after("INSERT INTO orders VALUES (4, 'a')") == keys(4)


@pytest.mark.mariadb_only
def test_names_are_compared_as_the_server_does(fresh_server: ServerFactory) -> None:
    server = fresh_server({"lower-case-table-names": 1})
    with following(Database(server), name="Orders") as followed:
        assert followed.keys_after("INSERT INTO orders VALUES (1, 'a')", "INSERT INTO ORDERS VALUES (2, 'a')") == keys(
            1, 2
        )


@pytest.mark.mariadb_only
def test_old_dates_are_read_and_old_fractions_of_a_second_refused(fresh_server: ServerFactory) -> None:
    server = fresh_server({"mysql56-temporal-format": "OFF"})
    columns = "a DATETIME, t TIME, id DATETIME NOT NULL, s TIMESTAMP NOT NULL, v INT, PRIMARY KEY (id, s)"
    with following(Database(server), columns, key="id,s") as followed:
        followed.run("INSERT INTO orders VALUES (NOW(), '-1:2:3', '2024-02-29 23:59:59', '2024-03-31 02:30:00', 5)")
        followed.run("INSERT INTO orders VALUES (NULL, NULL, '0000-00-00', 0, 5)")
        assert followed.read().keys == set(followed.selected())
    with following(Database(server), "id INT PRIMARY KEY, d DATETIME(3)") as followed:
        followed.run("INSERT INTO orders VALUES (1, NOW(3))")
        with pytest.raises(StreamError, match="FORCE converts it"):
            read_on(followed.stream)


@pytest.mark.mariadb_only
def test_a_limit_on_statements_does_not_end_the_stream(fresh_server: ServerFactory) -> None:
    server = fresh_server({"max-statement-time": 1})
    with following(Database(server)) as followed:
        assert followed.stream.read(2.5) is None
        assert followed.keys_after("INSERT INTO orders VALUES (1, 'a')") == keys(1)


# --- Transactions and boundaries --------------------------------------------------------------------------------------


def test_start_and_end_enclose_the_transactions_of_what_was_found(orders: Followed) -> None:
    orders.read()
    orders.run("CREATE TABLE other LIKE orders", "INSERT INTO other VALUES (1, 'a')")
    before = orders.position()
    orders.run("INSERT INTO orders VALUES (1, 'a')")
    after = orders.position()
    found = orders.next()
    while not found.keys:
        found = orders.next()
    assert found.start == before
    assert found.end >= after


def test_the_boundary_stays_before_a_transaction_that_is_not_read_to_its_end(database: Database) -> None:
    with following(database, "id INT PRIMARY KEY, v CHAR(200)") as followed:
        followed.read()
        before = followed.position()
        rows = ", ".join(f"({number}, REPEAT('v', 200))" for number in range(5000))
        followed.run("BEGIN", f"INSERT INTO orders VALUES {rows}", "UPDATE orders SET v = 'w'", "COMMIT")
        after = followed.position()
        parts = [followed.next()]
        while parts[-1].end < after:
            parts.append(followed.next())
        assert len(parts) > 2
        assert {part.start for part in parts} == {before}
        assert {part.end for part in parts[:-1]} == {before}


def test_a_stream_that_resumes_at_the_boundary_reads_nothing_again(orders: Followed) -> None:
    for number in range(5):
        assert orders.keys_after(f"INSERT INTO orders VALUES ({number}, 'a')") == keys(number)
        assert orders.stream.boundary == orders.position()
        orders.reopen(orders.stream.boundary)


def test_a_stream_that_resumes_inside_a_transaction_reads_it_as_a_whole(database: Database) -> None:
    with following(database, "id INT PRIMARY KEY, v CHAR(200)") as followed:
        followed.read()
        rows = ", ".join(f"({number}, REPEAT('v', 200))" for number in range(5000))
        followed.run("BEGIN", f"INSERT INTO orders VALUES {rows}", "DELETE FROM orders", "COMMIT")
        first = followed.next()
        assert 0 < len(first.keys) < 5000
        followed.reopen(followed.stream.boundary)
        assert followed.read().keys == keys(*range(5000))


def test_rolled_back_savepoints_do_no_harm(orders: Followed) -> None:
    orders.run("BEGIN", "INSERT INTO orders VALUES (1, 'a')", "SAVEPOINT s", "INSERT INTO orders VALUES (2, 'b')")
    orders.run("ROLLBACK TO SAVEPOINT s", "INSERT INTO orders VALUES (3, 'c')", "COMMIT")
    found = orders.read()
    assert found.keys >= keys(1, 3)
    assert found.end == orders.position()


def test_xa_transactions_bring_their_keys_when_they_are_prepared(orders: Followed) -> None:
    orders.run("XA START 'x'", "INSERT INTO orders VALUES (1, 'a')", "XA END 'x'", "XA PREPARE 'x'")
    boundary = orders.position()
    parts = [orders.next()]
    while parts[-1].end < boundary:
        parts.append(orders.next())
    assert [part.keys for part in parts if part.keys] == [part.prepared for part in parts if part.keys] == [keys(1)]
    assert parts[-1].end == boundary
    orders.run("XA COMMIT 'x'")
    assert orders.read().end == orders.position()
    orders.run("XA START 'y'", "INSERT INTO orders VALUES (2, 'a')", "XA END 'y'", "XA COMMIT 'y' ONE PHASE")
    assert orders.read().keys == keys(2)
    orders.run("XA START 'z'", "INSERT INTO orders VALUES (3, 'a')", "XA END 'z'", "XA PREPARE 'z'", "XA ROLLBACK 'z'")
    assert orders.read().keys == keys(3)


def test_tables_without_transactions_move_the_boundary_too(database: Database) -> None:
    with following(database) as followed:
        followed.run("CREATE TABLE other (id INT) ENGINE = MyISAM", "INSERT INTO other VALUES (1)")
        followed.run("CREATE TABLE third ENGINE = InnoDB AS SELECT * FROM other")
        assert followed.read().end == followed.position()


# --- Files ------------------------------------------------------------------------------------------------------------


def test_the_stream_goes_on_in_the_next_file(orders: Followed) -> None:
    for number in range(3):
        orders.run(f"INSERT INTO orders VALUES ({number}, 'a')", "FLUSH BINARY LOGS")
    found = orders.read()
    assert found.keys == keys(0, 1, 2)
    assert orders.start < found.end <= orders.position()
    assert found.end.file == orders.position().file
    orders.run("FLUSH BINARY LOGS")
    orders.reopen(orders.position())
    assert orders.keys_after("INSERT INTO orders VALUES (9, 'z')") == keys(9)


def test_a_purged_binlog_is_reported_with_what_to_do(database: Database) -> None:
    with following(database) as followed:
        followed.run("FLUSH BINARY LOGS")
        latest = followed.position()
        followed.reopen(latest)
        purge(database, latest.file)
        with pytest.raises(StreamError, match="cannot send its binlog from") as caught:
            read_on(followed.open(followed.start))
        assert "start it again" in caught.value.remedy


@pytest.mark.parametrize("off", [1_000_000_000, 7])
def test_a_position_that_does_not_exist_is_an_error(orders: Followed, off: int) -> None:
    orders.run("INSERT INTO orders VALUES (1, 'a')")
    start = Coordinates(orders.start.file, orders.start.position + off)
    with pytest.raises(StreamError):
        read_on(orders.open(start))


def test_a_file_that_does_not_exist_is_an_error(orders: Followed) -> None:
    with pytest.raises(StreamError, match=r"binlog\.099999"):
        read_on(orders.open(Coordinates("binlog.099999", 4)))


# --- Statements -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE orders ADD COLUMN w INT",
        "ALTER TABLE orders COMMENT 'x'",
        "TRUNCATE TABLE orders",
        "TRUNCATE orders",
        "DROP TABLE orders",
        "RENAME TABLE orders TO elsewhere",
        "ALTER TABLE orders RENAME TO elsewhere",
        "CREATE INDEX i ON orders (v)",
        "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET NEW.v = 'x'",
        "CREATE TABLE child (id INT, order_id INT, FOREIGN KEY (order_id) REFERENCES orders (id))",
        "ALTER TABLE /*!50000 `orders` */ ENGINE = InnoDB",
        "ALTER TABLE partitioned EXCHANGE PARTITION p WITH TABLE orders",
    ],
)
def test_a_definition_changed_by_somebody_else_stops_the_stream(orders: Followed, statement: str) -> None:
    orders.run(
        "CREATE TABLE partitioned (id INT PRIMARY KEY, v VARCHAR(20))"
        " PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (9))"
    )
    orders.run("INSERT INTO orders VALUES (1, 'a')", statement)
    with pytest.raises(StreamError, match=rf"A statement changed {orders.original} at .*orders"):
        read_on(orders.stream)


@pytest.mark.mariadb_only
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE OR REPLACE TABLE orders (id INT)",
        "SET STATEMENT lock_wait_timeout = 1 FOR ALTER TABLE orders COMMENT 'x'",
        "ALTER ONLINE TABLE IF EXISTS orders COMMENT 'x'",
    ],
)
def test_mariadbs_own_ways_to_change_a_definition_stop_it_too(orders: Followed, statement: str) -> None:
    orders.run(statement)
    with pytest.raises(StreamError, match="A statement changed"):
        read_on(orders.stream)


def test_a_stream_that_was_stopped_does_not_go_on(orders: Followed) -> None:
    orders.run("TRUNCATE orders", "INSERT INTO orders VALUES (1, 'a')")
    for _ in range(3):
        with pytest.raises(StreamError, match="A statement changed"):
            read_on(orders.stream)
    assert orders.stream.boundary == orders.start


def test_statements_that_only_mention_the_table_do_not_stop_the_stream(orders: Followed) -> None:
    orders.run(
        "CREATE TABLE IF NOT EXISTS orders (id INT)",
        "CREATE TABLE copy LIKE orders",
        "CREATE TABLE second AS SELECT * FROM orders",
        "CREATE TEMPORARY TABLE orders (id INT)",
        "DROP TEMPORARY TABLE orders",
        "CREATE VIEW seen AS SELECT * FROM orders",
        "CREATE PROCEDURE p() UPDATE orders SET v = 1",
        "DROP PROCEDURE p",
        "ALTER TABLE copy ADD COLUMN orders INT, ADD INDEX orders (orders)",
        "CREATE TRIGGER t BEFORE INSERT ON copy FOR EACH ROW SET @x = (SELECT MAX(id) FROM orders)",
        "DROP TABLE copy",
        "GRANT SELECT ON orders TO CURRENT_USER()",
        "ANALYZE TABLE orders",
        "OPTIMIZE TABLE orders",
        "FLUSH TABLES orders",
    )
    assert orders.keys_after("INSERT INTO orders VALUES (1, 'a')") == keys(1)


def test_dropping_the_schema_stops_the_stream(database: Database) -> None:
    with following(database) as followed:
        followed.run(f"DROP DATABASE `{database.name}`")
        with pytest.raises(StreamError, match=r"DROP DATABASE|DROP TABLE"):
            read_on(followed.stream)


def test_rows_that_are_logged_as_a_statement_stop_the_stream(orders: Followed) -> None:
    orders.run("SET SESSION binlog_format = STATEMENT", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    orders.run("INSERT INTO orders VALUES (1, 'a')")
    with pytest.raises(StreamError, match="logged as text") as caught:
        read_on(orders.stream)
    assert "binlog_format" in caught.value.remedy


@pytest.fixture
def elsewhere(orders: Followed) -> Iterator[Database]:
    """Another database, whose `session` logs statements."""
    other = Database(orders.database.server)
    yield other
    other.drop()


def test_definitions_elsewhere_do_not_stop_the_stream(orders: Followed, elsewhere: Database) -> None:
    run_as_statements(
        elsewhere,
        "CREATE TABLE orders (id INT, v TEXT)",
        "CREATE VIEW seen AS SELECT * FROM orders",
        "CREATE PROCEDURE p() DELETE FROM orders",
        "TRUNCATE TABLE orders",
        "ALTER TABLE orders ADD COLUMN w INT",
        "ANALYZE TABLE orders",
        "GRANT SELECT ON orders TO CURRENT_USER()",
        "FLUSH TABLES",
        "DROP TABLE orders",
    )
    assert orders.keys_after("INSERT INTO orders VALUES (1, 'a')") == keys(1)


STATEMENTS_ELSEWHERE = (
    "INSERT INTO orders_of_others VALUES (1, 'a'), (2, REPEAT('b', 9))",
    "UPDATE orders_of_others SET v = RAND()",
    "SET @x = 5",
    "INSERT INTO orders_of_others VALUES (@x, UUID_SHORT())",
    "CREATE TABLE copy AS SELECT * FROM orders_of_others",
    "DELETE FROM orders_of_others",
)


@pytest.mark.mysql_only
def test_statements_that_stay_elsewhere_do_not_stop_the_stream(orders: Followed, elsewhere: Database) -> None:
    run_as_statements(elsewhere, "CREATE TABLE orders_of_others (id INT, v TEXT)", *STATEMENTS_ELSEWHERE)
    assert orders.keys_after("INSERT INTO orders VALUES (1, 'a')") == keys(1)


@pytest.mark.mariadb_only
def test_statements_of_which_the_server_does_not_say_where_they_stay_stop_the_stream(
    orders: Followed, elsewhere: Database
) -> None:
    session = run_as_statements(elsewhere, "CREATE TABLE orders_of_others (id INT, v TEXT)", STATEMENTS_ELSEWHERE[0])
    with pytest.raises(StreamError, match=rf"by session {session} in database {elsewhere.name}: INSERT INTO orders_of"):
        read_on(orders.stream)


WAYS_FROM_ELSEWHERE = {
    "a view": ["UPDATE seen SET v = 'x'"],
    "a trigger": ["INSERT INTO others VALUES (1)"],
    "a trigger, under LOCK TABLES": ["LOCK TABLES others WRITE", "INSERT INTO others VALUES (1)"],
    "a function": ["SELECT f()"],
    "a function that is given a value": ["SET @x = f()"],
    "a function that calls another one": ["INSERT INTO plain VALUES (g())"],
    "a view of a function": ["SELECT * FROM computed"],
    "a procedure": ["CALL p()"],
    "a prepared statement": ["PREPARE s FROM \"UPDATE seen SET v = 'x'\"", "EXECUTE s"],
    "a format that changes with the statement": ["SET SESSION binlog_format = MIXED", "UPDATE seen SET v = 'x'"],
}
WAYS_ON_MARIADB = {
    "an explanation": ["ANALYZE UPDATE seen SET v = 'x'"],
    "a table that is filled": ["CREATE TABLE filled AS SELECT f()"],
    "a temporary table that is filled": ["CREATE TEMPORARY TABLE filled AS SELECT f()"],
}


@pytest.mark.parametrize(
    "statements",
    [
        *(pytest.param(way, id=name) for name, way in WAYS_FROM_ELSEWHERE.items()),
        *(pytest.param(way, id=name, marks=pytest.mark.mariadb_only) for name, way in WAYS_ON_MARIADB.items()),
    ],
)
def test_a_statement_elsewhere_that_changes_rows_stops_the_stream(
    orders: Followed, elsewhere: Database, statements: list[str]
) -> None:
    """MySQL lists our database with the statement; what it lists is believed, so that it has to be seen here."""
    orders.keys_after("INSERT INTO orders VALUES (1, 'a')")
    change = f"UPDATE {orders.database.name}.orders SET v = 'x'"
    functions = elsewhere.query("SELECT @@GLOBAL.log_bin_trust_function_creators")
    elsewhere.execute("SET GLOBAL log_bin_trust_function_creators = ON")
    try:
        for definition in (
            f"VIEW seen AS SELECT * FROM {orders.database.name}.orders",
            "TABLE plain (id INT)",
            "TABLE others LIKE plain",
            f"TRIGGER t AFTER INSERT ON others FOR EACH ROW {change}",
            f"FUNCTION f() RETURNS INT NO SQL BEGIN {change}; RETURN 1; END",
            "FUNCTION g() RETURNS INT NO SQL RETURN f()",
            "VIEW computed AS SELECT f() AS computed",
            "PROCEDURE p() UPDATE seen SET v = 'x'",
        ):
            elsewhere.execute(f"CREATE {definition}")
        session = run_as_statements(elsewhere, *statements)
    finally:
        elsewhere.execute("SET GLOBAL log_bin_trust_function_creators = %s", functions[0])
    assert orders.session.query("SELECT v FROM orders") == [("x",)]
    with pytest.raises(StreamError, match=f"logged as text.* by session {session} in database {elsewhere.name}: "):
        read_on(orders.stream)


def run_as_statements(database: Database, *statements: str) -> int:
    """Carry them out in a session that logs statements and row events where it must; its connection id."""
    connection = database.connect()
    with connection.cursor() as cursor:
        for statement in ("SET SESSION binlog_format = STATEMENT", *statements, "SELECT CONNECTION_ID()"):
            cursor.execute(statement)
        number = cursor.fetchall()[0][0]
    connection.close()  # with the locks that it holds
    return int(number)


def test_a_loaded_file_that_is_logged_as_a_statement_stops_the_stream(orders: Followed) -> None:
    path = orders.database.server.datadir / "rows.txt"
    path.write_text("1\ta\n2\tb\n")
    orders.run("SET SESSION binlog_format = STATEMENT", "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    orders.run("CREATE TABLE IF NOT EXISTS other LIKE orders", f"LOAD DATA INFILE '{path}' INTO TABLE orders")
    with pytest.raises(StreamError, match="LOAD DATA"):
        read_on(orders.stream)


def test_our_own_statements_do_not_stop_the_stream_and_our_rename_ends_it(orders: Followed) -> None:
    orders.run("CREATE TABLE ghost LIKE orders", f"ALTER /* {OWN_TAG} */ TABLE orders COMMENT 'ours'")
    orders.run(f"RENAME /* {OWN_TAG} */ TABLE ghost TO ghost2", "INSERT INTO orders VALUES (1, 'a')")
    assert orders.read().keys == keys(1)
    orders.run("INSERT INTO orders VALUES (2, 'b')", f"RENAME /* {OWN_TAG} */ TABLE orders TO old, ghost2 TO orders")
    swap = orders.position()
    orders.run("INSERT INTO orders VALUES (3, 'c')")
    found = read_on(orders.stream)
    assert [part.swapped for part in found] == [False] * (len(found) - 1) + [True]
    assert frozenset().union(*(part.keys for part in found)) == keys(2)
    assert orders.stream.boundary == swap
    assert orders.stream.read(0.01) is None


# --- The connection ---------------------------------------------------------------------------------------------------


def over_tcp(server: PrivateServer) -> dict[str, object]:
    return {"unix_socket": None, "host": server.host, "port": server.port}


def test_a_killed_connection_is_lost(orders: Followed) -> None:
    orders.keys_after("INSERT INTO orders VALUES (1, 'a')")
    orders.database.kill(dumps(orders.database))
    with pytest.raises(ConnectionLostError):
        read_on(orders.stream)
    orders.reopen(orders.stream.boundary)
    assert orders.keys_after("INSERT INTO orders VALUES (2, 'a')") == keys(2)


def test_a_restarted_server_is_followed_although_it_gives_table_ids_anew(fresh_server: ServerFactory) -> None:
    server = fresh_server()
    with following(Database(server)) as followed:
        followed.run("CREATE TABLE other LIKE orders", "INSERT INTO orders VALUES (1, 'a')")
        assert followed.read().keys == keys(1)
        server.kill()
        with pytest.raises(ConnectionLostError):
            read_on(followed.stream)
        with pytest.raises(ConnectionLostError):
            followed.open(followed.stream.boundary, connect=over_tcp(server))
        server.start()
        followed.session.close()
        followed.session = type(followed.session)(followed.arguments)
        followed.run(
            f"USE {followed.database.name}", *(f"INSERT INTO other VALUES ({number}, 'o')" for number in range(30))
        )
        followed.reopen(followed.stream.boundary)
        assert followed.keys_after("INSERT INTO orders VALUES (2, 'a')") == keys(2)


def test_a_second_reader_with_the_same_server_id_stops_the_first(orders: Followed) -> None:
    first = orders.open(orders.position(), server_id=6999)
    orders.run("INSERT INTO orders VALUES (1, 'a')")
    assert first.read(20), "it has asked first, and the server has heard it"
    orders.open(orders.position(), server_id=6999)
    with pytest.raises(ConnectionLostError, match="same"):
        read_on(first)


def test_interrupt_ends_a_read_at_once_and_every_later_one(orders: Followed) -> None:
    orders.read()
    interrupted: list[float] = []

    def interrupt() -> None:
        interrupted.append(time.monotonic())
        orders.stream.interrupt()

    timer = threading.Timer(0.2, interrupt)
    timer.start()
    assert orders.stream.read(30) is None
    assert time.monotonic() - interrupted[0] < 10, "it did not wait for the 30 seconds that were asked for"
    assert orders.stream.interrupted
    assert orders.stream.read(30) is None
    timer.join()


def test_nothing_new_is_none_after_the_timeout(orders: Followed) -> None:
    orders.read()
    began = time.monotonic()
    assert orders.stream.read(0.1) is None
    assert 0.09 < time.monotonic() - began < 10
    assert not orders.stream.interrupted


def test_a_user_who_may_not_replicate_is_told_so(orders: Followed) -> None:
    orders.run("CREATE USER IF NOT EXISTS nobody IDENTIFIED BY 'secret'")
    with pytest.raises(ServerError, match="refuses to send its binlog") as caught:
        read_on(orders.open(orders.position(), connect={"user": "nobody", "password": "secret"}))
    assert "REPLICATION SLAVE" in caught.value.remedy
    with pytest.raises(ServerError, match="refuses"):
        orders.open(orders.position(), connect={"user": "nobody", "password": "wrong"})
    orders.run("DROP USER nobody")


def test_only_the_server_that_is_meant_is_read_from(orders: Followed) -> None:
    own = catalog.identity(orders.session).uuid
    orders.open(orders.position(), server=own)
    with pytest.raises(StoppedError, match=f"binlog of server somebody else .* server {own} answers"):
        orders.open(orders.position(), server="somebody else")


def test_a_dump_cannot_begin_beyond_four_gibibytes_of_a_file(orders: Followed) -> None:
    with pytest.raises(StoppedError, match="first 4 GiB") as caught:
        orders.open(Coordinates(orders.start.file, 2**32))
    assert "FLUSH BINARY LOGS" in caught.value.remedy


def test_nobody_at_the_address_is_a_lost_connection(orders: Followed) -> None:
    with pytest.raises(ConnectionLostError):
        orders.open(orders.position(), connect={**over_tcp(orders.database.server), "port": 1})


def test_an_encrypted_connection_brings_the_same(orders: Followed, flavour: Flavour) -> None:
    server = orders.database.server
    orders.stream = orders.open(orders.start, connect=over_tcp(server))
    rows = ", ".join(f"({number}, REPEAT('v', 20))" for number in range(20_000))
    assert orders.keys_after(f"INSERT INTO orders VALUES {rows}") == keys(*range(20_000))
    assert (type(orders.stream._tap._socket).__name__ == "SSLSocket") == (flavour == "mysql")


# --- Against another reader -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:'db' is deprecated")
def test_the_keys_are_those_that_mysql_replication_finds(orders: Followed) -> None:
    previous = orders.session.value("SELECT @@GLOBAL.binlog_row_metadata")
    orders.run("SET GLOBAL binlog_row_metadata = FULL")
    try:
        start = orders.position()
        orders.reopen(start)
        for number in range(40):
            orders.run(f"INSERT INTO orders VALUES ({number}, 'a'), ({1000 + number}, NULL)")
            orders.run(
                f"UPDATE orders SET id = id + 5000 WHERE id = {number // 2}", "UPDATE orders SET v = 'b' LIMIT 3"
            )
        orders.run("DELETE FROM orders WHERE id % 7 = 0")
        assert orders.read().keys == keys_by_mysql_replication(orders, start)
    finally:
        orders.run(f"SET GLOBAL binlog_row_metadata = {previous}")


def keys_by_mysql_replication(followed: Followed, start: Coordinates) -> set[Key]:
    reader = BinLogStreamReader(
        connection_settings={"unix_socket": followed.database.server.socket, "user": "root"},
        server_id=6998,
        log_file=start.file,
        log_pos=start.position,
        resume_stream=True,
        only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent],
        only_schemas=[followed.original.schema],
        only_tables=[followed.original.name],
        enable_logging=False,
    )
    try:
        rows = [row for event in reader for row in event.rows]
    finally:
        reader.close()
    return {(row[image]["id"],) for row in rows for image in row if image.endswith("values")}


# --- Ranges of the key ------------------------------------------------------------------------------------------------


RANGES = [
    (None, (5, "35", "2024-01-01"), 5 * 100 + 52),
    ((18, "35", "2024-01-01"), None, 48 + 100),
    ((5, "35", "2024-01-01"), (5, "37", "2024-01-01"), 20),
    ((5, "35", "2024-01-01"), (5, "35", "2024-01-05"), 4),
    ((5, "39", "2024-01-09"), (7, "30", "2024-01-02"), 1 + 100 + 2),
    ((5, "35", "2024-01-01"), (5, "35", "2024-01-01"), 0),
]


@pytest.mark.parametrize("after, upto, rows", RANGES)
def test_a_range_of_a_composite_key_reads_that_range_of_the_index_only(
    database: Database, after: tuple[int, str, str] | None, upto: tuple[int, str, str] | None, rows: int
) -> None:
    with following(database, COMPOSITE, key="tenant,name,on_day") as followed:
        values = (
            f"(NULL, {tenant}, '{name}', '2024-01-{day:02d}')"
            for tenant in range(20)
            for name in range(10)
            for day in range(10)
        )
        followed.run(f"INSERT INTO orders VALUES {', '.join(values)}")
        within = key_sql.within(followed.key.columns, KeyRange(after, upto))
        before = handler_reads(followed)
        assert len(followed.session.query(f"SELECT tenant FROM orders FORCE INDEX (PRIMARY) WHERE {within}")) == rows
        assert handler_reads(followed) - before <= rows + 8


def test_many_composite_keys_are_found_through_the_index(database: Database) -> None:
    with following(database, COMPOSITE, key="tenant,name,on_day") as followed:
        values = (f"(NULL, {tenant}, '{name}', '2024-01-01')" for tenant in range(200) for name in range(100))
        followed.run(f"INSERT INTO orders VALUES {', '.join(values)}", "ANALYZE TABLE orders")
        wanted = [(tenant, name.encode().hex(), "2024-01-01") for tenant in range(0, 200, 2) for name in ("7", "42")]
        before = handler_reads(followed)
        condition = key_sql.equals(followed.key.columns, wanted)
        assert len(followed.session.query(f"SELECT tenant FROM orders FORCE INDEX (PRIMARY) WHERE {condition}")) == 200
        assert handler_reads(followed) - before <= 2 * 200 + 3


def handler_reads(followed: Followed) -> int:
    rows = followed.session.query("SHOW SESSION STATUS LIKE 'Handler_read%'")
    return sum(
        int(value)
        for name, value in rows
        if name
        in {"Handler_read_key", "Handler_read_next", "Handler_read_first", "Handler_read_rnd_next", "Handler_read_prev"}
    )

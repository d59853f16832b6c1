"""What events bring: keys, markers, boundaries, and reasons to stop."""

from __future__ import annotations

import pytest

from fsm_ghost.errors import StreamError
from fsm_ghost.model.changes import Changes
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import KeyColumn, KeyKind, MigrationKey
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.table import Column
from fsm_ghost.mysql.binlog.decoder import Decoder
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.queries import QueryReader
from fsm_ghost.mysql.binlog.tables import Changelog, Original
from tests.unit.mysql.binlog import made
from tests.unit.mysql.binlog.made import LOG, LONGLONG, ORDERS, OTHER, VARCHAR, order, orders_map

QUERY, ROTATE, FORMAT, XID, TABLE_MAP, INCIDENT, GTID, XA_PREPARE, PAYLOAD, MARIADB_GTID = (
    2,
    4,
    15,
    16,
    19,
    26,
    33,
    38,
    40,
    162,
)
WRITE, UPDATE, DELETE = 30, 31, 32
INT24 = 9
NAME = TableName("shop", "orders")


def column(name: str, column_type: str) -> Column:
    return Column(name, column_type, column_type.partition("(")[0], False, None, None, None, False, False, False)


class Reader:
    """A decoder, and a binlog file that is written as it goes."""

    def __init__(self, columns: tuple[Column, ...] | None = None, kind: KeyKind = KeyKind.INTEGER) -> None:
        columns = columns or (column("Id", "bigint"), column("v", "varchar(20)"))
        key = MigrationKey("PRIMARY", (KeyColumn("id", "id", kind),))
        original, changelog = Original(NAME, columns, key), Changelog(TableName("shop", "orders_ghc"))
        self.decoder = Decoder(Coordinates("bin.000001", 1000), original, changelog, QueryReader(NAME, "ours"))
        self.position = 1000
        self.give(ROTATE, bytes(8) + b"bin.000001", artificial=True)

    def give(self, kind: int, body: bytes = b"", *, artificial: bool = False) -> int:
        """Hand an event over; returns where it ends."""
        event = made.event(kind, body)
        if not artificial:
            self.position += len(event)
        self.decoder.handle(kind, event, 19, len(event), 0 if artificial else self.position)
        return self.position

    def write(self, table_id: bytes, images: bytes, kind: int = WRITE) -> None:
        present = b"\xff\xff" if kind == UPDATE else b"\xff"
        self.give(kind, made.rows(table_id, 2, images, present))

    def take(self) -> Changes:
        changes = self.decoder.take()
        assert changes is not None
        return changes


@pytest.fixture
def reader() -> Reader:
    return Reader()


def at(position: int, file: str = "bin.000001") -> Coordinates:
    return Coordinates(file, position)


# --- Rows -------------------------------------------------------------------------------------------------------------


def test_keys_are_given_once_and_row_events_are_counted(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map())
    reader.write(ORDERS, order(1) + order(-2, None))
    reader.write(ORDERS, order(1), DELETE)
    reader.write(ORDERS, order(5) + order(5, "w") + order(6) + order(7), UPDATE)
    changes = reader.take()
    assert changes.keys == {(1,), (-2,), (5,), (6,), (7,)}
    assert changes.row_events == 3
    assert reader.decoder.take() is None


def test_markers_are_the_ids_of_rows_written_to_the_changelog(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map(LOG, "orders_ghc"))
    reader.write(LOG, order(-1))  # unsigned
    reader.write(LOG, order(7) + order(7, "w"), UPDATE)
    reader.write(LOG, order(9), DELETE)
    changes = reader.take()
    assert changes.markers == {2**64 - 1, 7}
    assert not changes.keys
    assert changes.row_events == 0


def test_a_table_id_that_goes_to_another_table_is_forgotten(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map())
    assert ORDERS in reader.decoder.tables
    reader.give(TABLE_MAP, orders_map(ORDERS, "other"))
    assert ORDERS not in reader.decoder.tables


def test_table_ids_do_not_outlive_their_file(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map())
    reader.give(ROTATE, bytes(8) + b"bin.000002")
    assert not reader.decoder.tables


def test_a_table_of_the_same_name_elsewhere_or_with_a_longer_name_is_another_one(reader: Reader) -> None:
    for name, schema in [("orders", "shop2"), ("orders2", "shop"), ("orders", "sho")]:
        reader.give(TABLE_MAP, made.table_map(OTHER, name, bytes([LONGLONG]), b"", schema=schema))
        assert not reader.decoder.tables


def test_a_changed_layout_is_an_error_and_changed_names_are_not(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map())
    reader.give(TABLE_MAP, orders_map() + b"optional metadata")
    reader.give(TABLE_MAP, orders_map(OTHER))
    wider = made.table_map(ORDERS, "orders", bytes([LONGLONG, VARCHAR]), b"\x15\0", nullable=2)
    with pytest.raises(UnreadableError, match=r"definition of shop\.orders has changed"):
        reader.give(TABLE_MAP, wider)


def test_the_changelog_may_change(reader: Reader) -> None:
    reader.give(TABLE_MAP, made.table_map(LOG, "orders_ghc", bytes([LONGLONG]), b""))
    reader.give(WRITE, made.rows(LOG, 1, b"\xfe" + (4).to_bytes(8, "little")))
    reader.give(TABLE_MAP, orders_map(LOG, "orders_ghc"))
    reader.write(LOG, order(5))
    assert reader.take().markers == {4, 5}


def test_the_key_of_the_changelog_may_not(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map(LOG, "orders_ghc"))
    with pytest.raises(UnreadableError, match=r"key of shop\.orders_ghc has changed"):
        reader.give(TABLE_MAP, made.table_map(LOG, "orders_ghc", bytes([INT24, VARCHAR]), b"\x14\0", nullable=2))


def test_another_number_of_columns_than_the_catalogues_is_an_error() -> None:
    with pytest.raises(UnreadableError, match="2 columns in the binlog and 1 in the catalogue"):
        Reader((column("id", "bigint"),)).give(TABLE_MAP, orders_map())


def test_a_key_of_another_type_than_the_catalogues_is_an_error() -> None:
    with pytest.raises(UnreadableError, match="no text in the binlog, but LONGLONG"):
        Reader(kind=KeyKind.TEXT).give(TABLE_MAP, orders_map())


def test_a_key_that_can_be_null_is_an_error(reader: Reader) -> None:
    with pytest.raises(UnreadableError, match="can be NULL"):
        reader.give(TABLE_MAP, made.table_map(ORDERS, "orders", bytes([LONGLONG, VARCHAR]), b"\x14\0", nullable=3))


def test_fractions_of_a_second_in_the_old_format_are_an_error() -> None:
    columns = (column("id", "bigint"), column("v", "datetime(3)"))
    with pytest.raises(UnreadableError, match=r"shop\.orders\.v is stored in the format of before MySQL 5\.6"):
        Reader(columns).give(TABLE_MAP, made.table_map(ORDERS, "orders", bytes([LONGLONG, 12]), b""))


def test_rows_with_another_number_of_columns_are_an_error(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map())
    with pytest.raises(UnreadableError, match="3 columns where its table map has 2"):
        reader.give(WRITE, made.rows(ORDERS, 3, order(1)))


def test_events_with_other_columns_and_extra_data_may_alternate(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map())
    only_id, extra = b"\xfe" + order(2)[1:9], b"\7\0extra"
    for _ in range(2):
        reader.write(ORDERS, order(1))
        reader.give(WRITE, made.rows(ORDERS, 2, only_id, present=b"\xfd"))
        reader.give(WRITE, ORDERS + b"\1\0" + extra + b"\2\xff" + order(3))
        assert reader.take().keys == {(1,), (2,), (3,)}


def test_it_is_full_with_many_keys(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map())
    full = []
    for batch in range(5):
        reader.write(ORDERS, b"".join(order(number) for number in range(batch * 10_000, (batch + 1) * 10_000)))
        full.append(reader.decoder.is_full)
    assert full == [False, False, False, False, True]
    assert len(reader.take().keys) == 50_000


# --- Boundaries -------------------------------------------------------------------------------------------------------


def test_mysqls_transactions_end_with_xid(reader: Reader) -> None:
    first = reader.position
    reader.give(GTID, b"g")
    reader.give(QUERY, made.query("BEGIN"))
    reader.give(TABLE_MAP, orders_map())
    reader.write(ORDERS, order(1))
    changes = reader.take()
    assert (changes.start, changes.end) == (at(first), at(first))
    reader.write(ORDERS, order(2))
    second = reader.give(XID)
    changes = reader.take()
    assert (changes.start, changes.end) == (at(first), at(second))
    assert changes.keys == {(2,)}


def test_the_start_is_the_last_boundary_before_the_first_row(reader: Reader) -> None:
    for _ in range(3):
        reader.give(GTID)
        reader.give(XID)
    boundary = reader.position
    reader.give(GTID)
    reader.give(TABLE_MAP, orders_map())
    reader.write(ORDERS, order(1))
    end = reader.give(XID)
    changes = reader.take()
    assert (changes.start, changes.end) == (at(boundary), at(end))


def test_a_transaction_begins_with_its_gtid_whatever_was_before(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map())
    for gtid in (33, 34, 42, MARIADB_GTID):
        boundary = reader.position
        reader.give(gtid, bytes(13))
        assert reader.decoder.boundary == at(boundary)


def test_only_passing_a_boundary_is_worth_a_reading_too(reader: Reader) -> None:
    reader.give(GTID)
    end = reader.give(XID)
    assert reader.take() == Changes(at(end), at(end))
    assert reader.decoder.take() is None


@pytest.mark.parametrize("kind", [XID, XA_PREPARE, PAYLOAD])
def test_what_ends_a_transaction(reader: Reader, kind: int) -> None:
    reader.give(MARIADB_GTID, bytes(13))
    assert reader.give(kind, b"\1") == reader.decoder.boundary.position


def test_statements_are_boundaries_outside_transactions_only(reader: Reader) -> None:
    reader.give(GTID)
    assert reader.give(QUERY, made.query("CREATE TABLE x (id INT)")) == reader.decoder.boundary.position
    boundary = reader.position
    reader.give(GTID)
    for text in ("BEGIN", "SAVEPOINT a", "CREATE TABLE y (id INT) START TRANSACTION", "ROLLBACK TO a"):
        reader.give(QUERY, made.query(text))
        assert reader.decoder.boundary == at(boundary)
    assert reader.give(QUERY, made.query("COMMIT")) == reader.decoder.boundary.position


def test_mariadbs_gtid_says_whether_a_transaction_follows(reader: Reader) -> None:
    reader.give(MARIADB_GTID, bytes(12) + b"\1")
    assert reader.give(QUERY, made.query("CREATE TABLE x (id INT)")) == reader.decoder.boundary.position
    boundary = reader.position
    reader.give(MARIADB_GTID, bytes(12) + b"\0")
    reader.give(QUERY, made.query("CREATE TABLE `y` (`1` int(1) NOT NULL)"))
    assert reader.decoder.boundary == at(boundary)
    assert reader.give(XID) == reader.decoder.boundary.position


def test_artificial_events_are_no_boundaries(reader: Reader) -> None:
    reader.give(XID, artificial=True)
    assert reader.decoder.take() is None


def test_the_next_file_is_a_boundary(reader: Reader) -> None:
    reader.give(TABLE_MAP, orders_map())
    reader.write(ORDERS, order(1))
    reader.give(ROTATE, bytes(8) + b"bin.000002")
    reader.give(FORMAT, made.format_description()[19:])
    changes = reader.take()
    assert (changes.start, changes.end) == (at(1000), at(4, "bin.000002"))
    assert changes.end.created == 1


# --- XA transactions --------------------------------------------------------------------------------------------------


def begin(reader: Reader, flavour: str, *, xa: bool) -> None:
    """Begin a transaction as this server logs it."""
    if flavour == "mariadb":
        reader.give(MARIADB_GTID, bytes(12) + (b"\x40" if xa else b"\0"))
    else:
        reader.give(GTID)
        reader.give(QUERY, made.query("XA START X'61',X'',1" if xa else "BEGIN"))
    reader.give(TABLE_MAP, orders_map())


def test_keys_of_a_transaction_that_was_prepared_are_known_as_such(reader: Reader) -> None:
    for flavour in ("mysql", "mariadb"):
        begin(reader, flavour, xa=True)
        reader.write(ORDERS, order(1))
        reader.give(QUERY, made.query("XA END X'61',X'',1"))
        reader.give(XA_PREPARE, b"\0")
        begin(reader, flavour, xa=False)
        reader.write(ORDERS, order(1) + order(2))
        reader.give(XID)
        changes = reader.take()
        assert changes.keys == {(1,), (2,)}
        assert changes.prepared == {(1,)}
        assert changes.end.position == reader.position


def test_xa_transactions_that_are_committed_in_one_phase_are_not_prepared(reader: Reader) -> None:
    begin(reader, "mysql", xa=True)
    reader.write(ORDERS, order(1))
    reader.give(XA_PREPARE, b"\1")
    changes = reader.take()
    assert changes.keys == {(1,)}
    assert not changes.prepared


@pytest.mark.parametrize("flavour", ["mysql", "mariadb"])
def test_while_it_is_not_known_how_an_xa_transaction_ends_its_keys_count_as_prepared(
    reader: Reader, flavour: str
) -> None:
    begin(reader, flavour, xa=True)
    reader.write(ORDERS, order(1))
    assert reader.take().prepared == {(1,)}
    reader.write(ORDERS, order(2))
    begin(reader, flavour, xa=False)  # the server went down in between
    reader.write(ORDERS, order(3))
    changes = reader.take()
    assert changes.keys == {(2,), (3,)}
    assert changes.prepared == {(2,)}


def test_keys_that_are_set_apart_fill_it_too(reader: Reader) -> None:
    begin(reader, "mysql", xa=True)
    reader.write(ORDERS, b"".join(order(number) for number in range(50_000)))
    assert reader.decoder.is_full
    assert len(reader.take().prepared) == 50_000


def test_a_transaction_that_is_prepared_without_having_begun_so_is_an_error(reader: Reader) -> None:
    begin(reader, "mysql", xa=False)
    reader.write(ORDERS, order(1))
    with pytest.raises(UnreadableError, match="did not begin as one"):
        reader.give(XA_PREPARE, b"\0")


# --- Reasons to stop --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [0, 1, 6, 8, 10, 12, 20, 21, 22, 43, 99, 166 + 6, 200, 255])
def test_an_unknown_event_is_an_error(reader: Reader, kind: int) -> None:
    with pytest.raises(UnreadableError, match=f"events of type {kind} are not known"):
        reader.give(kind)


def test_an_incident_is_an_error(reader: Reader) -> None:
    with pytest.raises(UnreadableError, match="INCIDENT"):
        reader.give(INCIDENT)


def test_a_file_in_another_format_is_an_error(reader: Reader) -> None:
    body = bytearray(made.format_description()[19:])
    reader.give(FORMAT, bytes(body))
    body[57 - 1 + 19] = 6  # TABLE_MAP with four bytes of table id: before MySQL 5.1.4
    with pytest.raises(UnreadableError, match="format"):
        reader.give(FORMAT, bytes(body))


def test_ddl_is_an_error_that_says_what_and_where(reader: Reader) -> None:
    with pytest.raises(StreamError, match=r"changed shop\.orders at bin\.000001:1\d\d\d: TRUNCATE orders") as caught:
        reader.give(QUERY, made.query("TRUNCATE orders"))
    assert "start it again" in caught.value.remedy


def test_long_statements_are_cut_in_the_message(reader: Reader) -> None:
    with pytest.raises(StreamError) as caught:
        reader.give(QUERY, made.query(f"INSERT INTO orders VALUES {'(1), ' * 1000}"))
    assert len(caught.value.message) < 500
    assert "binlog_format" in caught.value.remedy


def test_our_own_rename_ends_the_stream(reader: Reader) -> None:
    reader.give(QUERY, made.query("RENAME /* ours */ TABLE orders TO old, ghost TO orders"))
    assert reader.decoder.is_full
    assert reader.take() == Changes(at(reader.position), at(reader.position), swapped=True)

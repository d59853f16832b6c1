"""Cutting the dump into events."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.packets import Packets, ServerPacket
from tests.unit.mysql.binlog.made import ORDERS, OTHER, event, format_description, packets, rotate, rows

GIANT = 1 << 24
Given = tuple[int, bytes, int]  # type, body, position


def cut(*pieces: bytes, checksums: bool = False) -> Iterator[Given]:
    """The events in these bytes, which arrive in pieces."""
    stream = Packets({ORDERS})
    stream.cursor.has_checksums = checksums
    events = stream.events()
    for piece in pieces:
        stream.feed(piece)
        while (found := next(events)) is not None:
            kind, buffer, start, stop, position = found
            yield kind, buffer[start:stop], position


def test_events_come_with_their_bodies_and_positions() -> None:
    data = packets(event(33, b"gtid", 100), event(16, b"", 200), event(34, b"x", 300))
    assert list(cut(data)) == [(33, b"gtid", 100), (16, b"", 200), (34, b"x", 300)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 23, 24, 25, 50])
def test_it_does_not_matter_in_which_pieces_bytes_arrive(size: int) -> None:
    data = packets(event(33, b"gtid", 100), event(16, b"", 200), event(27), event(30, rows(ORDERS, 1, b"row"), 300))
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(cut(*pieces)) == list(cut(data))
    assert len(list(cut(data))) == 3


def test_what_nobody_wants_is_counted_and_passed_over() -> None:
    stream = Packets({ORDERS})
    stream.feed(
        packets(event(27), event(160, b"text"), event(30, rows(OTHER, 1, b"row")), event(30, rows(ORDERS, 1, b"r")))
    )
    events = stream.events()
    found = next(events)
    assert found is not None
    assert found[1][found[2] : found[3]] == rows(ORDERS, 1, b"r")
    assert next(events) is None
    assert stream.cursor.events == 4


@pytest.mark.parametrize("size", [GIANT - 22, GIANT - 21, GIANT - 20, GIANT, 2 * GIANT - 22, 2 * GIANT - 21, 2 * GIANT])
def test_giants_span_packets_and_are_put_together(size: int) -> None:
    body = rows(ORDERS, 1, b"r" * (size - 12))
    data = packets(event(33, b"a", 10), event(30, body, 20), event(33, b"b", 30))
    pieces = [data[at : at + 4_000_000] for at in range(0, len(data), 4_000_000)]
    assert list(cut(*pieces)) == [(33, b"a", 10), (30, body, 20), (33, b"b", 30)]


@pytest.mark.parametrize("size", [300_000, GIANT - 21, GIANT, 2 * GIANT])
def test_giants_of_other_tables_are_passed_over(size: int) -> None:
    data = packets(event(33, b"a", 10), event(30, rows(OTHER, 1, b"r" * (size - 12)), 20), event(33, b"b", 30))
    pieces = [data[at : at + 262_144] for at in range(0, len(data), 262_144)]
    assert list(cut(*pieces)) == [(33, b"a", 10), (33, b"b", 30)]


def test_a_packet_out_of_sequence_is_an_error() -> None:
    data = packets(event(33), event(33))
    with pytest.raises(UnreadableError, match="packet 4 came where 3"):
        list(cut(data + packets(event(33), first=4)))
    assert len(list(cut(data + packets(event(33), first=3)))) == 3


def test_sequence_numbers_begin_again_after_255() -> None:
    assert len(list(cut(packets(*[event(33)] * 600)))) == 600


def test_an_event_whose_size_is_not_its_packets_is_an_error() -> None:
    data = bytearray(packets(event(33, b"body")))
    data[4 + 1 + 9] += 1
    with pytest.raises(UnreadableError, match="size"):
        list(cut(bytes(data)))


@pytest.mark.parametrize("content", [b"\xff\xd4\x04#HY000gone", b"\xfe\0\0\2\0", b"\xff\xd4\x04#HY000" + b"x" * 300])
@pytest.mark.parametrize("size", [1, 10_000])
def test_a_packet_that_is_no_event_is_handed_out_as_it_is(content: bytes, size: int) -> None:
    data = packets(event(33)) + len(content).to_bytes(3, "little") + b"\2" + content
    given = cut(*(data[at : at + size] for at in range(0, len(data), size)))
    assert next(given)[0] == 33
    with pytest.raises(ServerPacket) as caught:
        next(given)
    assert caught.value.content == content


def test_a_packet_too_short_for_an_event_is_an_error() -> None:
    with pytest.raises(UnreadableError, match="too short"):
        list(cut(b"\3\0\0\1\0ab"))


def test_checksums_are_taken_off_as_soon_as_the_file_says_that_it_has_them() -> None:
    data = packets(format_description(checksum=True), event(33, b"x", 9, checksum=True))
    assert list(cut(data))[1] == (33, b"x", 9)
    data = packets(format_description(), event(33, b"x", 9))
    assert list(cut(data, checksums=True))[1] == (33, b"x", 9)


def test_rows_with_a_wrong_checksum_are_an_error() -> None:
    right = event(30, rows(ORDERS, 1, b"row"), checksum=True)
    assert list(cut(packets(right), checksums=True)) == [(30, rows(ORDERS, 1, b"row"), 0)]
    with pytest.raises(UnreadableError, match="checksum"):
        list(cut(packets(right.replace(b"row", b"wor")), checksums=True))


def test_positions_beyond_four_gibibytes_are_not_known_until_the_next_file() -> None:
    first, beyond, later = (
        event(16, b"", 4_000_000_000),
        event(30, rows(OTHER, 1, b"r"), 100),
        event(16, b"", 4_200_000_000),
    )
    data = packets(first, beyond, later, event(27, b"", 5), rotate("bin.000002"), event(16, b"", 500))
    assert [position for kind, _, position in cut(data) if kind == 16] == [4_000_000_000, 0, 500]

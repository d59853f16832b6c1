"""Compressed events."""

from __future__ import annotations

import zlib

import pytest
import zstandard

from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.packets import Packets
from fsm_ghost.mysql.binlog.payload import inner_events, uncompressed
from tests.unit.mysql.binlog.made import ORDERS, OTHER, event, packets, rows


def payload(data: bytes, size: int, method: int = 0) -> bytes:
    fields = b"\2\3\xfc" + method.to_bytes(2, "little") + b"\1\3" + b"\xfc" + (len(data) & 0xFFFF).to_bytes(2, "little")
    return fields + b"\3\x09\xfe" + size.to_bytes(8, "little") + b"\0" + data


def bodies(body: bytes) -> list[tuple[int, bytes]]:
    return [(kind, buffer[start:stop]) for kind, buffer, start, stop, _ in inner_events(body)]


EVENTS = [event(2, b"BEGIN"), event(19, b"map"), event(30, rows(ORDERS, 1, b"row")), event(16, b"xid")]
PLAIN = b"".join(EVENTS)
EXPECTED = [(2, b"BEGIN"), (19, b"map"), (30, rows(ORDERS, 1, b"row")), (16, b"xid")]


def test_the_events_of_a_compressed_transaction() -> None:
    assert bodies(payload(zstandard.compress(PLAIN), len(PLAIN))) == EXPECTED


def test_a_transaction_that_is_not_compressed() -> None:
    assert bodies(payload(PLAIN, len(PLAIN), method=255)) == EXPECTED


def test_several_compressed_frames_make_one_transaction() -> None:
    data = zstandard.compress(PLAIN[:50]) + zstandard.compress(PLAIN[50:])
    assert bodies(payload(data, len(PLAIN))) == EXPECTED


def test_events_larger_than_what_is_decompressed_at_a_time() -> None:
    large = event(30, b"r" * 1_000_000)
    whole = PLAIN + large + PLAIN
    found = bodies(payload(zstandard.compress(whole), len(whole)))
    assert found == [*EXPECTED, (30, b"r" * 1_000_000), *EXPECTED]


def test_a_transaction_is_decompressed_piece_by_piece() -> None:
    whole = event(30, bytes(8000)) * 20_000  # 160 MB of little information
    body = payload(zstandard.compress(whole), len(whole))
    assert len(body) < 50_000
    sizes = {len(buffer) for _, buffer, _, _, _ in inner_events(body)}
    assert max(sizes) < 300_000


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_an_incomplete_transaction_is_an_error(cut: int) -> None:
    with pytest.raises(UnreadableError):
        bodies(payload(zstandard.compress(PLAIN)[:-cut], len(PLAIN)))
    with pytest.raises(UnreadableError):
        bodies(payload(PLAIN[:-cut], len(PLAIN), method=255))
    with pytest.raises(UnreadableError):
        bodies(payload(zstandard.compress(PLAIN[:-cut]), len(PLAIN)))


def test_what_is_missing_between_events_is_noticed_by_the_size() -> None:
    with pytest.raises(UnreadableError, match="incomplete"):
        bodies(payload(zstandard.compress(PLAIN), len(PLAIN) + 1))


def test_garbage_is_an_error() -> None:
    for body in (
        b"",
        b"\2\1",
        payload(b"no zstd", 7),
        payload(PLAIN, len(PLAIN), method=7),
        payload(bytes(40), 40, 255),
    ):
        with pytest.raises(UnreadableError):
            bodies(body)


def test_inner_events_are_given_in_place_before_the_payload_itself() -> None:
    stream = Packets({ORDERS})
    inner = [*EVENTS, event(27), event(30, rows(OTHER, 1, b"row"))]
    whole = b"".join(inner)
    stream.feed(packets(event(33, b"", 50), event(40, payload(zstandard.compress(whole), len(whole)), 100)))
    given = []
    for found in stream.events():
        if found is None:
            break
        given.append((found[0], found[4]))
    assert given == [(33, 50), (2, 0), (19, 0), (30, 0), (16, 0), (40, 100)]


def test_what_mariadb_compresses() -> None:
    plain = b"text" * 100
    data = b"\x02" + len(plain).to_bytes(2, "big") + zlib.compress(plain)
    assert uncompressed(data) == plain
    wrong_size = b"\x02" + (len(plain) - 1).to_bytes(2, "big") + zlib.compress(plain)
    for wrong in (wrong_size, b"\x12" + data[1:], data[:-10], b"\x01", b""):
        with pytest.raises(UnreadableError):
            uncompressed(wrong)

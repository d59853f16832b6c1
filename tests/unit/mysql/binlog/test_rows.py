"""Walking over row images."""

from __future__ import annotations

import pytest

from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.rows import Image, PartialRowsWalker, RawKey, RowsWalker
from fsm_ghost.mysql.binlog.tablemap import ColumnLayout, ColumnType

INT = ColumnLayout(ColumnType.LONG, 4)
MAYBE_INT = ColumnLayout(ColumnType.LONG, 4, nullable=True)
TEXT = ColumnLayout(ColumnType.VARCHAR, 1, variable=True)
MAYBE_TEXT = ColumnLayout(ColumnType.VARCHAR, 2, variable=True, nullable=True)
MAYBE_BLOB = ColumnLayout(ColumnType.BLOB, 3, variable=True, nullable=True)
JSON = ColumnLayout(ColumnType.JSON, 4, variable=True, nullable=True)

LAYOUT = (MAYBE_TEXT, INT, MAYBE_INT, TEXT, MAYBE_BLOB)
ALL = b"\x1f"


def found(walker: RowsWalker | PartialRowsWalker, images: bytes) -> list[RawKey]:
    keys: list[RawKey] = []
    walker.keys(b"before" + images + b"after", 6, 6 + len(images), keys.append)
    return keys


def row(key: bytes, text: bytes, nulls: int) -> bytes:
    """A row of LAYOUT; the bits of `nulls` leave out the nullable columns 0, 2 and 4."""
    return (
        bytes([0xE0 | nulls])
        + (b"" if nulls & 1 else b"\3\0abc")
        + key
        + (b"" if nulls & 4 else b"\x09\x09\x09\x09")
        + bytes([len(text)])
        + text
        + (b"" if nulls & 16 else b"\2\0\0zz")
    )


def walker(key: tuple[int, ...], before: bytes = ALL, after: bytes | None = None) -> RowsWalker:
    images = Image.read(LAYOUT, before, key), None if after is None else Image.read(LAYOUT, after, key)
    return RowsWalker(*images, len(key))


@pytest.mark.parametrize("key, expected", [((1,), b"\1\0\0\0"), ((3,), b"kk"), ((3, 1), (b"kk", b"\1\0\0\0"))])
@pytest.mark.parametrize("nulls", [0, 1, 4, 5, 16, 17, 20, 21])
def test_a_key_is_cut_out_whatever_is_null_around_it(key: tuple[int, ...], expected: RawKey, nulls: int) -> None:
    assert found(walker(key), row(b"\1\0\0\0", b"kk", nulls)) == [expected]


def test_rows_of_different_shapes_follow_one_another() -> None:
    images = b"".join(row(bytes([number, 0, 0, 0]), b"k" * number, number % 2 | number % 3 & 4) for number in range(99))
    assert found(walker((1,)), images) == [bytes([number, 0, 0, 0]) for number in range(99)]


def test_an_update_gives_the_key_before_and_a_different_one_after() -> None:
    images = (
        row(b"\1\0\0\0", b"k", 0) + row(b"\1\0\0\0", b"k", 5) + row(b"\1\0\0\0", b"k", 1) + row(b"\2\0\0\0", b"k", 0)
    )
    assert found(walker((1,), ALL, ALL), images) == [b"\1\0\0\0", b"\1\0\0\0", b"\2\0\0\0"]


def test_bits_after_the_last_column_have_no_meaning() -> None:
    images = row(b"\1\0\0\0", b"k", 0)
    assert found(walker((1,)), images) == found(walker((1,)), b"\0" + images[1:]) == [b"\1\0\0\0"]


def test_a_minimal_image_after_an_update_is_completed_from_the_one_before() -> None:
    before, after = b"\x0a", b"\x08"  # columns 1 and 3; column 3
    images = b"\xfc" + b"\1\0\0\0" + b"\2aa" + b"\xfe" + b"\2bb"
    assert found(walker((1, 3), before, after), images) == [(b"\1\0\0\0", b"aa"), (b"\1\0\0\0", b"bb")]
    assert found(walker((1,), before, after), images) == [b"\1\0\0\0"]
    assert found(walker((1,), before, b"\0"), b"\xfc\1\0\0\0\2aa") == [b"\1\0\0\0"]


def test_an_image_without_the_key_is_an_error() -> None:
    with pytest.raises(UnreadableError, match="MINIMAL"):
        walker((1, 3), b"\x02")


@pytest.mark.parametrize("cut", range(1, 19))
def test_rows_that_do_not_end_with_the_event_are_an_error(cut: int) -> None:
    images = row(b"\1\0\0\0", b"kk", 0) * 2
    keys: list[RawKey] = []
    with pytest.raises(UnreadableError):
        walker((1,)).keys(images[:-cut], 0, len(images) - cut, keys.append)
    with pytest.raises(UnreadableError):
        walker((1,)).keys(images, 0, len(images) - cut, keys.append)


def test_null_where_it_cannot_be_is_an_error() -> None:
    with pytest.raises(UnreadableError):
        found(walker((1,)), row(b"\1\0\0\0", b"kk", 8))


def test_more_than_eight_columns_have_more_bytes_of_null_bits() -> None:
    layout = (*[MAYBE_INT] * 20, INT)
    image = Image.read(layout, b"\xff\xff\x1f", (20,))
    nulls = 0b1111_0101_0101_0101_0101
    images = (
        (0xE00000 | nulls).to_bytes(3, "little") + bytes(4 * 8) + b"\7\0\0\0" + b"\0\0\xe0" + bytes(80) + b"\x08\0\0\0"
    )
    assert found(RowsWalker(image, None, 1), images) == [b"\7\0\0\0", b"\x08\0\0\0"]


def test_lengths_of_all_sizes() -> None:
    for size, length in [(1, 200), (2, 300), (3, 70_000), (4, 70_000)]:
        layout = (ColumnLayout(ColumnType.BLOB, size, variable=True), INT)
        image = Image.read(layout, b"\3", (1,))
        images = b"\xfc" + length.to_bytes(size, "little") + bytes(length) + b"\1\2\3\4"
        assert found(RowsWalker(image, None, 1), images * 3) == [b"\1\2\3\4"] * 3


@pytest.mark.parametrize("key, expected", [((0,), [b"\1\0\0\0"]), ((0, 2), [(b"\1\0\0\0", b"a"), (b"\1\0\0\0", b"b")])])
def test_partial_updates_have_bits_between_their_images(key: tuple[int, ...], expected: list[RawKey]) -> None:
    layout = (INT, JSON, TEXT)
    before, after = Image.read(layout, b"\7", key), Image.read(layout, b"\6", key)
    walk = PartialRowsWalker(before, after, layout, len(key))
    json = b"\2\0\0\0{}"
    old, new = b"\xf8\1\0\0\0" + json + b"\1a", b"\xfc" + json + b"\1b"
    assert sorted(found(walk, old + b"\1\1" + new)) == expected
    assert sorted(found(walk, old + b"\0" + new)) == expected
    with pytest.raises(UnreadableError):
        found(walk, old + b"\1\1" + new[:-1])


def test_a_partial_update_without_the_key_is_an_error() -> None:
    layout = (INT, JSON)
    with pytest.raises(UnreadableError, match="MINIMAL"):
        PartialRowsWalker(Image.read(layout, b"\2", (0,)), Image.read(layout, b"\2", (0,)), layout, 1)

"""How long the chunks are, and where their ends may be reckoned instead of looked up."""

import pytest

from fsm_ghost.model.chunk import Chunk, CopiedChunk, KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.services.chunker import ChunkSize, is_dense
from fsm_ghost.settings import CopySettings
from tests.unit.model.examples import COMPOSITE_KEY, INTEGER_KEY, TEXT_KEY

LONG = 1 << 40  # bytes: as much as anybody may want


def size(chunk_size: int = 0, row_bytes: float = 100, most_bytes: int = LONG) -> ChunkSize:
    return ChunkSize(CopySettings(chunk_size=chunk_size, chunk_seconds=0.25), row_bytes, most_bytes)


def copied(rows: int, seconds: float, parts: int = 1) -> CopiedChunk:
    return CopiedChunk(Chunk(1, KeyRange(None, (1,))), rows, seconds, parts)


def after_chunks_of(chunk: ChunkSize, row_seconds: float, count: int) -> int:
    for _ in range(count):
        chunk.learn(copied(chunk.rows, chunk.rows * row_seconds))
    return chunk.rows


@pytest.mark.parametrize("row_seconds,rows", [(1e-5, 25_000), (1e-3, 250), (1e-7, 100_000)])
def test_within_five_chunks_a_chunk_takes_its_time(row_seconds: float, rows: int) -> None:
    assert after_chunks_of(size(), row_seconds, 5) == pytest.approx(rows, rel=0.05)


def test_it_follows_a_server_that_slows_down_and_recovers() -> None:
    chunk = size()
    assert after_chunks_of(chunk, 1e-5, 5) == pytest.approx(25_000, rel=0.05)
    assert after_chunks_of(chunk, 1e-4, 3) == pytest.approx(2_500, rel=0.05)
    assert after_chunks_of(chunk, 1e-5, 3) == pytest.approx(25_000, rel=0.05)


def test_however_slow_the_server_is_chunks_do_not_collapse() -> None:
    assert after_chunks_of(size(), 10.0, 50) == 50


def test_a_chunk_that_changes_had_emptied_says_nothing() -> None:
    chunk = size()
    chunk.learn(copied(3, 0.001))
    assert chunk.rows == 1000


def test_a_size_that_was_asked_for_stays() -> None:
    chunk = size(777, row_bytes=1 << 20, most_bytes=1 << 20)
    chunk.learn(copied(777, 60.0))
    assert chunk.rows == 777


def test_wide_rows_make_short_chunks_from_the_first_one_on() -> None:
    chunk = size(row_bytes=1 << 20, most_bytes=32 << 20)
    assert chunk.rows == 32
    assert after_chunks_of(chunk, 1e-6, 20) == 32


def test_a_row_wider_than_a_chunk_may_be_still_is_a_chunk() -> None:
    assert size(row_bytes=1 << 30, most_bytes=32 << 20).rows == 1


def test_a_chunk_that_had_to_be_cut_makes_all_later_ones_as_short() -> None:
    chunk = size()
    chunk.learn(copied(1000, 0.01, parts=4))
    assert chunk.rows == 250
    assert after_chunks_of(chunk, 1e-7, 5) == 250


def test_while_the_application_writes_chunks_are_short_and_afterwards_as_long_as_before() -> None:
    chunk = size(row_bytes=1024)
    assert after_chunks_of(chunk, 1e-5, 5) == pytest.approx(25_000, rel=0.05)
    chunk.is_gentle = True
    assert chunk.rows == 1024
    assert after_chunks_of(chunk, 1e-5, 5) == 1024
    chunk.is_gentle = False
    assert chunk.rows == pytest.approx(25_000, rel=0.05)


def test_a_size_that_was_asked_for_stays_also_while_the_application_writes() -> None:
    chunk = size(50_000)
    chunk.is_gentle = True
    assert chunk.rows == 50_000


@pytest.mark.parametrize(
    "after,upto,rows,dense",
    [
        ((0,), (100,), 100, True),
        ((0,), (100,), 50, True),
        ((0,), (100,), 49, False),
        ((-50,), (50,), 80, True),
        ((2**64 - 101,), (2**64 - 1,), 100, True),
        (None, (100,), 100, False),
    ],
)
def test_integers_lie_close_when_every_other_one_is_there(
    after: Key | None, upto: Key, rows: int, *, dense: bool
) -> None:
    assert is_dense(INTEGER_KEY, KeyRange(after, upto), rows) == dense


def test_of_other_keys_nothing_can_be_reckoned() -> None:
    assert not is_dense(TEXT_KEY, KeyRange(("61",), ("62",)), 10)
    assert not is_dense(COMPOSITE_KEY, KeyRange(("2024-01-01", "1", "00"), ("2024-01-02", "1", "00")), 10)


def test_another_length_counts_at_once_and_without_one_it_is_learned_from_where_it_was() -> None:
    chunk = size()
    assert after_chunks_of(chunk, 1e-5, 5) == pytest.approx(25_000, rel=0.05)
    chunk.retune(CopySettings(chunk_size=500, chunk_seconds=0.25))
    assert chunk.rows == 500
    assert after_chunks_of(chunk, 1e-5, 3) == 500
    chunk.retune(CopySettings(chunk_seconds=0.25))
    assert chunk.rows == 500
    assert after_chunks_of(chunk, 1e-5, 5) == pytest.approx(25_000, rel=0.05)

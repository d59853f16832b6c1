"""Each event makes a new progress and changes exactly what it stands for."""

import random

import pytest

from fsm_ghost.model.chunk import Chunk, CopiedChunk, KeyRange
from fsm_ghost.model.progress import Progress
from tests.unit.model.examples import plan


def test_chunks_are_numbered_from_one_and_each_begins_where_the_last_one_ended() -> None:
    progress = Progress().range_found((1,), (30,))
    for upto in (10, 20, 30):
        progress = progress.chunk_handed_out((upto,))
    assert progress.open_chunks == (
        Chunk(1, KeyRange(None, (10,))),
        Chunk(2, KeyRange((10,), (20,))),
        Chunk(3, KeyRange((20,), (30,))),
    )
    assert (progress.chunks, progress.handed_out) == (3, (30,))


def test_the_first_chunk_is_open_at_its_start_so_that_no_row_lies_before_it() -> None:
    assert Progress().range_found((5,), (9,)).chunk_handed_out((7,)).open_chunks[0].range.after is None


def test_all_is_handed_out_when_the_last_key_is_reached() -> None:
    progress = Progress().range_found((1,), (20,))
    assert not progress.is_handed_out
    progress = progress.chunk_handed_out((10,))
    assert not progress.is_handed_out
    assert progress.chunk_handed_out((20,)).is_handed_out


def test_an_empty_table_has_nothing_to_hand_out_but_an_unknown_range_may_have() -> None:
    assert Progress().range_found(None, None).is_handed_out
    assert not Progress().is_handed_out


def test_a_table_of_one_row_is_one_chunk() -> None:
    progress = Progress().range_found((7,), (7,))
    assert not progress.is_handed_out
    progress = progress.chunk_handed_out((7,))
    assert progress.is_handed_out
    assert progress.open_chunks == (Chunk(1, KeyRange(None, (7,))),)


def test_chunks_are_committed_in_any_order_and_their_rows_are_counted() -> None:
    chance = random.Random(5)
    progress = Progress().range_found((1,), (100,))
    for upto in range(10, 101, 10):
        progress = progress.chunk_handed_out((upto,))
    rows = 0
    for chunk in chance.sample(progress.open_chunks, 10):
        assert chunk in progress.open_chunks
        progress = progress.chunk_copied(CopiedChunk(chunk, chunk.number, 0.1))
        rows += chunk.number
        assert chunk not in progress.open_chunks
        assert progress.rows == rows
        assert list(progress.open_chunks) == sorted(progress.open_chunks, key=lambda open_chunk: open_chunk.number)
    assert progress.open_chunks == ()
    assert (progress.chunks, progress.handed_out) == (10, (100,))


def test_a_number_is_not_given_out_again_once_its_chunk_is_copied() -> None:
    progress = Progress().range_found((1,), (30,)).chunk_handed_out((10,))
    progress = progress.chunk_copied(CopiedChunk(progress.open_chunks[0], 10, 0.1)).chunk_handed_out((20,))
    assert progress.open_chunks == (Chunk(2, KeyRange((10,), (20,))),)


def test_an_event_leaves_the_progress_it_came_to_as_it_was() -> None:
    before = Progress().range_found((1,), (30,))
    before.chunk_handed_out((10,))
    assert before == Progress(range_known=True, first=(1,), last=(30,))


def test_verified_ranges_add_up() -> None:
    progress = Progress().verified_chunk((10,), 9, 0.3).verified_chunk((20,), 11, 0.6)
    assert (progress.verified_upto, progress.verified_rows, progress.verified_part) == ((20,), 20, 0.6)
    assert not progress.verified


def test_asking_for_a_plan_that_has_not_been_made_is_an_error_and_not_none() -> None:
    with pytest.raises(LookupError, match="no plan"):
        Progress().the_plan  # noqa: B018
    assert Progress(plan=plan()).the_plan == plan()

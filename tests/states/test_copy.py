"""A chunk is handed out in one step, stored, and sent in the next one; copied is what was committed, all of it."""

from dataclasses import replace

import pytest

from fsm_ghost.errors import ConnectionLostError, MismatchError
from fsm_ghost.model.chunk import CopiedChunk
from fsm_ghost.model.phase import Outcome
from fsm_ghost.states.copy import Copy
from tests.states.fakes import READY, FakePlane, following, raising
from tests.unit.engine.begun import chunks, copied
from tests.unit.model.examples import at


def test_chunks_are_handed_out_in_one_step_and_sent_in_the_next_one() -> None:
    fake = FakePlane()
    first = Copy(fake.plane, compares=True).step(READY)
    assert first.progress.open_chunks == chunks(10, 20)
    assert fake.the_copier.sent == []
    Copy(fake.plane, compares=True).step(first.progress)
    assert fake.the_copier.sent == list(chunks(10, 20))


def test_no_chunk_is_ever_sent_in_the_step_that_hands_it_out() -> None:
    fake = FakePlane()
    stored = {chunk.number: chunk for chunk in READY.open_chunks}
    step = Copy(fake.plane, compares=True).step(READY)
    while step.outcome is None:
        assert {chunk.number for chunk in fake.the_copier.sent} <= stored.keys()
        stored |= {chunk.number: chunk for chunk in step.progress.open_chunks}
        fake.the_copier.done = list(copied(*fake.the_copier.sent[len(fake.the_chunker.learned) :][:1]))
        step = Copy(fake.plane, compares=True).step(step.progress)
    assert step.outcome is Outcome.COPIED
    assert fake.the_copier.sent == list(chunks(10, 20, 30, 40))


def test_one_chunk_more_than_there_are_workers_lies_ready() -> None:
    fake = FakePlane()
    fake.the_copier.workers = 3
    assert len(Copy(fake.plane, compares=True).step(READY).progress.open_chunks) == 4


def test_after_a_chunk_was_handed_out_there_is_no_waiting_and_otherwise_there_is() -> None:
    fake = FakePlane()
    first = Copy(fake.plane, compares=True).step(READY)
    assert first.wait == 0
    assert Copy(fake.plane, compares=True).step(first.progress).wait > 0


def test_what_an_earlier_run_left_open_is_sent_again() -> None:
    fake = FakePlane()
    left = replace(READY, open_chunks=chunks(10, 20, 30)[1:], chunks=3, handed_out=(30,))
    Copy(fake.plane, compares=True).step(left)
    assert fake.the_copier.sent == list(left.open_chunks)


def test_what_was_committed_is_reported_counted_and_learned_from() -> None:
    fake = FakePlane()
    progress = replace(READY, open_chunks=chunks(10, 20), chunks=2, handed_out=(20,))
    fake.the_copier.done = list(copied(chunks(10, 20)[1]))
    step = Copy(fake.plane, compares=True).step(progress)
    assert step.copied == copied(chunks(10, 20)[1])
    assert (step.progress.rows, step.progress.copied_part) == (10, 0.1)
    assert chunks(10, 20)[1] not in step.progress.open_chunks
    assert fake.the_chunker.learned == list(step.copied)


def test_it_is_copied_only_when_the_last_chunk_has_been_committed() -> None:
    fake = FakePlane()
    progress = replace(READY, open_chunks=chunks(10, 20, 30, 40)[2:], chunks=4, handed_out=(40,))
    assert Copy(fake.plane, compares=True).step(progress).outcome is None
    fake.the_copier.done = list(copied(progress.open_chunks[1]))
    step = Copy(fake.plane, compares=True).step(progress)
    assert step.outcome is None
    fake.the_copier.done = list(copied(progress.open_chunks[0]))
    last = Copy(fake.plane, compares=True).step(step.progress)
    assert last.outcome is Outcome.COPIED
    assert last.copied == copied(progress.open_chunks[0])


def test_an_empty_table_is_copied_at_once() -> None:
    fake = FakePlane()
    step = Copy(fake.plane, compares=True).step(replace(READY, first=None, last=None))
    assert (step.outcome, step.progress.open_chunks, fake.the_copier.sent) == (Outcome.COPIED, (), [])


def test_nothing_is_handed_out_beyond_the_last_key() -> None:
    fake = FakePlane()
    fake.the_copier.workers = 100
    step = Copy(fake.plane, compares=True).step(READY)
    assert step.progress.open_chunks == chunks(10, 20, 30, 40)


def test_the_chunks_that_ended_are_taken_before_the_marker_that_proves_them() -> None:
    """R11: what is recorded of the ghost table is followed by a marker."""
    fake = FakePlane(follows=following(safe=at(99)))
    fake.the_copier.done = []
    step = Copy(fake.plane, compares=True).step(READY)
    assert fake.log.index("copied") < fake.log.index("follow") < fake.log.index("send")
    assert step.progress.safe == at(99)


def test_what_is_copied_is_compared_meanwhile() -> None:
    fake = FakePlane(compares=lambda progress: progress.verified_chunk((10,), 5, 0.5))
    step = Copy(fake.plane, compares=True).step(READY)
    assert (step.outcome, step.progress.verified_upto, step.progress.open_chunks) == (None, (10,), chunks(10, 20))
    assert Copy(fake.plane, compares=False).step(READY).progress.verified_upto is None


def test_a_difference_is_an_outcome_and_what_was_copied_is_kept() -> None:
    fake = FakePlane(compares=raising(MismatchError("they differ")))
    progress = replace(READY, open_chunks=chunks(10, 20), chunks=2, handed_out=(20,))
    fake.the_copier.done = list(copied(chunks(10)[0]))
    step = Copy(fake.plane, compares=True).step(progress)
    assert (step.outcome, step.reason, step.copied) == (Outcome.DIFFERS, "they differ", copied(chunks(10)[0]))
    assert step.progress.rows == 10


@pytest.mark.parametrize("where", ["chunk", "change"])
def test_a_row_that_does_not_fit_is_an_outcome_with_its_reason(where: str) -> None:
    error = MismatchError("a row does not fit: key (7,)", "Mend it.")
    fake = FakePlane(follows=raising(error)) if where == "change" else FakePlane()
    fake.the_copier.error = error if where == "chunk" else None
    step = Copy(fake.plane, compares=True).step(READY)
    assert (step.outcome, step.progress, step.copied) == (Outcome.BROKEN, READY, ())
    assert "key (7,)" in step.reason


def test_a_lost_connection_is_no_outcome() -> None:
    fake = FakePlane()
    fake.the_copier.error = ConnectionLostError("gone")
    with pytest.raises(ConnectionLostError):
        Copy(fake.plane, compares=True).step(READY)


def test_a_chunk_that_is_reported_twice_is_counted_once() -> None:
    fake = FakePlane()
    progress = replace(READY, open_chunks=chunks(10), chunks=1, handed_out=(10,))
    done = CopiedChunk(chunks(10)[0], 10, 0.5)
    fake.the_copier.done = [done]
    once = Copy(fake.plane, compares=True).step(progress).progress
    assert once.rows == 10
    assert done.chunk not in once.open_chunks

"""The rules R6b, R7 and R11 of the protocol, as the ledger keeps them: one by one, then in the reference's company."""

import pytest

from fsm_ghost.model.changes import Changes
from fsm_ghost.model.chunk import Chunk, KeyRange
from fsm_ghost.model.clash import Clash
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key, KeyColumn, KeyKind, MigrationKey
from fsm_ghost.services.ledger import MOST_CARRIED, Ledger, RefreshId
from tests.unit.model.examples import COMPOSITE_KEY, INTEGER_KEY, TEXT_KEY, at

BEGIN = at(100)


def ledger(key: MigrationKey = INTEGER_KEY, *, exclusive: bool = False) -> Ledger:
    return Ledger(key, BEGIN, exclusive=exclusive)


def event(book: Ledger, start: int, *keys: int | Key, end: int | None = None) -> None:
    """A read from the binlog that names these keys."""
    named = frozenset(key if isinstance(key, tuple) else (key,) for key in keys)
    book.changed(Changes(at(start), at(start + 10 if end is None else end), named))


def chunk(number: int, after: int | None, upto: int | None) -> Chunk:
    return Chunk(number, KeyRange(None if after is None else (after,), None if upto is None else (upto,)))


def take(book: Ledger, most: int = 100) -> RefreshId:
    taken = book.take(most)
    assert taken is not None
    return taken[0]


# Where to read from again (R11)


def test_a_fresh_ledger_is_clean_and_safe_where_it_was_opened() -> None:
    book = ledger()
    assert (len(book), book.safe, book.waiting, book.refreshing) == (0, BEGIN, 0, 0)


def test_a_read_without_keys_moves_the_safe_coordinates_to_its_end() -> None:
    book = ledger()
    book.changed(Changes(at(200), at(300)))
    assert book.safe == at(300)


def test_a_dirty_key_holds_the_safe_coordinates_at_the_start_of_the_read_that_named_it() -> None:
    book = ledger()
    event(book, 200, 1)
    event(book, 300, 2)
    assert book.safe == at(200)


def test_a_key_being_refreshed_holds_the_safe_coordinates_as_well() -> None:
    book = ledger()
    event(book, 200, 1)
    take(book)
    event(book, 300)
    assert book.safe == at(200)


def test_a_committed_refresh_lets_the_safe_coordinates_go_on() -> None:
    book = ledger()
    event(book, 200, 1)
    book.refreshed(take(book))
    assert (book.safe, len(book)) == (at(210), 0)


def test_a_later_key_that_becomes_clean_first_does_not_move_the_safe_coordinates() -> None:
    book = ledger()
    event(book, 200, 1)
    first = take(book)
    event(book, 300, 2)
    book.refreshed(take(book))
    assert book.safe == at(200)
    book.refreshed(first)
    assert book.safe == at(310)


def test_a_second_event_of_a_dirty_key_does_not_move_its_safe_coordinates_ahead() -> None:
    book = ledger()
    event(book, 200, 1)
    event(book, 300, 1)
    assert book.safe == at(200)
    book.refreshed(take(book))
    assert book.safe == at(310)


def test_a_long_transaction_holds_the_safe_coordinates_at_its_start_however_many_reads_it_takes() -> None:
    book = ledger()
    for key in range(5):
        event(book, 200, key, end=200)
    for _ in range(5):
        book.refreshed(take(book, 1))
        assert book.safe == at(200)
    event(book, 200, 9, end=900)
    assert book.safe == at(200)
    book.refreshed(take(book))
    assert book.safe == at(900)


def test_the_safe_coordinates_follow_the_number_of_the_file_beyond_six_digits() -> None:
    book = Ledger(INTEGER_KEY, at(4, 999_999), exclusive=False)
    book.changed(Changes(at(4, 999_999), at(4, 1_000_000), frozenset({(1,)})))
    assert book.safe == at(4, 999_999)
    book.refreshed(take(book))
    assert book.safe == at(4, 1_000_000)
    assert book.safe > at(4, 999_999)


def test_a_key_that_stays_locked_is_carried_and_the_coordinates_go_on_without_it() -> None:
    book = ledger()
    event(book, 200, 1)
    event(book, 300, 2, 3)
    refresh = take(book)
    assert book.refreshed(refresh, locked=[(1,)]) == 2
    assert (book.safe, len(book), set(book.carried)) == (at(310), 1, {(1,)})
    event(book, 400, 4)
    assert book.refreshed(take(book)) == 1
    assert (book.safe, len(book), set(book.carried)) == (at(410), 1, {(1,)})
    assert not book.is_clean([(1,)])
    assert book.is_clean([(2,), (3,), (4,)])


# One refresh per key at a time (R6b)


def test_a_key_in_a_running_refresh_is_not_taken_by_another_worker() -> None:
    book = ledger()
    event(book, 200, 1)
    take(book)
    event(book, 300, 1)
    assert book.take(100) is None
    assert book.take_blocked(100) is None


def test_an_event_for_a_key_in_a_running_refresh_keeps_it_dirty_for_the_next_round() -> None:
    book = ledger()
    event(book, 200, 1)
    refresh = take(book)
    event(book, 300, 1)
    assert book.refreshed(refresh) == 0
    assert (book.safe, len(book), book.waiting) == (at(300), 1, 1)
    assert book.refreshed(take(book)) == 1
    assert book.safe == at(310)


def test_of_several_events_during_a_refresh_the_first_counts() -> None:
    book = ledger()
    event(book, 200, 1)
    refresh = take(book)
    for start in (300, 400, 500):
        event(book, start, 1)
    book.refreshed(refresh)
    assert book.safe == at(300)


def test_an_event_during_a_refresh_that_met_a_lock_leaves_the_key_dirty_once() -> None:
    book = ledger()
    event(book, 200, 1)
    refresh = take(book)
    event(book, 300, 1)
    book.refreshed(refresh, locked=[(1,)])
    assert (len(book), set(book.carried)) == (1, {(1,)})
    taken = book.take_blocked()
    assert taken is not None
    book.refreshed(taken[0])
    assert (len(book), book.safe, set(book.carried)) == (0, at(310), set())


def test_the_longest_dirty_keys_are_taken_first() -> None:
    book = ledger()
    for number in range(10):
        event(book, 200 + 10 * number, 9 - number)
    taken = book.take(3)
    assert taken is not None
    assert taken[1] == ((9,), (8,), (7,))


def test_nothing_is_taken_from_a_clean_ledger() -> None:
    book = ledger()
    assert book.take(10) is None
    assert book.take_blocked() is None


def test_two_workers_have_different_keys() -> None:
    book = ledger()
    event(book, 200, 1, 2, 3, 4)
    first, second = book.take(2), book.take(2)
    assert first is not None
    assert second is not None
    assert first[0] != second[0]
    assert sorted(first[1] + second[1]) == [(1,), (2,), (3,), (4,)]
    assert (book.refreshing, book.waiting, len(book)) == (2, 0, 4)


# Locked rows


def test_a_locked_key_is_taken_as_blocked_and_not_with_the_others() -> None:
    book = ledger()
    event(book, 200, 1, 2)
    book.refreshed(take(book), locked=[(2,)])
    assert book.take(10) is None
    taken = book.take_blocked()
    assert taken is not None
    assert taken[1] == ((2,),)


def test_an_event_for_a_blocked_key_leaves_it_blocked() -> None:
    book = ledger()
    event(book, 200, 1)
    book.refreshed(take(book), locked=[(1,)])
    event(book, 300, 1)
    assert (book.waiting, len(book), set(book.carried)) == (0, 1, {(1,)})


def test_blocked_keys_take_turns() -> None:
    book = ledger()
    event(book, 200, 1, 2, 3)
    book.refreshed(take(book), locked=[(1,), (2,), (3,)])
    seen = []
    for _ in range(6):
        taken = book.take_blocked()
        assert taken is not None
        seen.append(taken[1][0])
        book.refreshed(taken[0], locked=taken[1])
    assert sorted(seen[:3]) == [(1,), (2,), (3,)]
    assert seen[:3] == seen[3:]


def test_a_blocked_key_that_could_be_refreshed_is_clean() -> None:
    book = ledger()
    event(book, 200, 1)
    book.refreshed(take(book), locked=[(1,)])
    taken = book.take_blocked()
    assert taken is not None
    assert book.refreshed(taken[0]) == 1
    assert (len(book), book.safe) == (0, at(210))


# A refresh that overlaps a chunk is not final (R7)


def test_keys_in_the_range_of_a_chunk_in_flight_are_not_taken() -> None:
    book = ledger()
    event(book, 200, 10, 11, 20, 21)
    book.chunk_started(chunk(1, 10, 20))
    taken = book.take(100)
    assert taken is not None
    assert sorted(taken[1]) == [(10,), (21,)]  # after is exclusive, upto inclusive
    assert book.take(100) is None


def test_keys_in_the_range_of_a_chunk_that_has_ended_are_taken_again() -> None:
    book = ledger()
    event(book, 200, 15)
    running = chunk(1, 10, 20)
    book.chunk_started(running)
    assert book.take(100) is None
    book.chunk_ended(running)
    assert book.refreshed(take(book)) == 1


def test_a_blocked_key_in_the_range_of_a_chunk_in_flight_is_not_taken() -> None:
    book = ledger()
    event(book, 200, 15)
    book.refreshed(take(book), locked=[(15,)])
    book.chunk_started(chunk(1, 10, 20))
    assert book.take_blocked() is None


def test_a_refresh_does_not_count_when_a_chunk_with_its_key_was_started_during_it() -> None:
    book = ledger()
    event(book, 200, 15)
    refresh = take(book)
    book.chunk_started(chunk(1, 10, 20))
    assert book.refreshed(refresh) == 0
    assert (len(book), book.safe) == (1, at(200))


def test_a_refresh_does_not_count_when_a_chunk_began_and_ended_in_the_middle_of_it() -> None:
    book = ledger()
    event(book, 200, 15)
    refresh = take(book)
    running = chunk(1, 10, 20)
    book.chunk_started(running)
    book.chunk_ended(running)
    assert book.refreshed(refresh) == 0
    assert (len(book), book.safe) == (1, at(200))
    assert book.refreshed(take(book)) == 1


def test_a_refresh_counts_for_keys_outside_of_the_chunks_that_overlapped_it() -> None:
    book = ledger()
    event(book, 200, 5, 15, 25)
    refresh = take(book)
    book.chunk_started(chunk(1, 10, 20))
    assert book.refreshed(refresh) == 2
    assert not book.is_clean([(15,)])
    assert book.is_clean([(5,), (25,)])


def test_a_refresh_that_began_after_a_chunk_had_ended_counts() -> None:
    book = ledger()
    event(book, 200, 15)
    running = chunk(1, 10, 20)
    book.chunk_started(running)
    book.chunk_ended(running)
    assert book.refreshed(take(book)) == 1
    assert len(book) == 0


def test_one_of_two_overlapping_chunks_is_enough_to_spoil_a_refresh() -> None:
    book = ledger()
    event(book, 200, 15)
    refresh = take(book)
    elsewhere, here = chunk(1, None, 10), chunk(2, 10, 20)
    book.chunk_started(elsewhere)
    book.chunk_ended(elsewhere)
    book.chunk_started(here)
    assert book.refreshed(refresh) == 0


def test_an_event_and_a_chunk_during_a_refresh_leave_the_key_dirty_since_its_first_event() -> None:
    book = ledger()
    event(book, 200, 15)
    refresh = take(book)
    event(book, 300, 15)
    running = chunk(1, None, None)
    book.chunk_started(running)
    book.chunk_ended(running)
    book.refreshed(refresh)
    assert book.safe == at(200)
    assert book.refreshed(take(book)) == 1
    assert book.safe == at(310)


@pytest.mark.parametrize("after,upto", [(None, 20), (10, None), (None, None)])
def test_an_open_range_contains_every_key_on_its_side(after: int | None, upto: int | None) -> None:
    book = ledger()
    event(book, 200, 15)
    book.chunk_started(chunk(1, after, upto))
    assert book.take(1) is None


def test_decimals_lie_in_ranges_by_value_and_not_by_text() -> None:
    key = MigrationKey("PRIMARY", (KeyColumn("id", "id", KeyKind.DECIMAL),))
    book = ledger(key)
    event(book, 200, ("9.50",), ("10.00",), ("-3.00",))
    book.chunk_started(Chunk(1, KeyRange(("9.00",), ("10.00",))))
    taken = book.take(10)
    assert taken is not None
    assert taken[1] == (("-3.00",),)


def test_composite_keys_lie_in_ranges_column_by_column() -> None:
    book = ledger(COMPOSITE_KEY)
    inside = (("2024-01-01", "10.0", "00"), ("2024-01-02", "-5.0", "ff"), ("2024-01-31", "9.0", "0a"))
    outside = (("2024-01-01", "9.5", "ff"), ("2024-01-01", "9.5", "0b"), ("2024-01-31", "9.0", "0a01"))
    event(book, 200, *inside, *outside)
    after, upto = ("2024-01-01", "9.5", "ff"), ("2024-01-31", "9.0", "0a")
    book.chunk_started(Chunk(1, KeyRange(after, upto)))
    taken = book.take(10)
    assert taken is not None
    assert set(taken[1]) == set(outside)


# Keys whose order only the server knows; and plans for which chunks and refreshes exclude each other


def test_where_the_order_is_unknown_every_range_can_contain_every_key() -> None:
    book = ledger(TEXT_KEY)
    event(book, 200, ("61",))
    refresh = take(book)
    running = Chunk(1, KeyRange(("7a",), ("7b",)))
    book.chunk_started(running)
    book.chunk_ended(running)
    assert book.refreshed(refresh) == 0
    assert not book.is_clean([("61",)])


def test_where_the_order_is_unknown_nothing_is_taken_while_a_chunk_is_in_flight() -> None:
    book = ledger(TEXT_KEY)
    event(book, 200, ("61",))
    book.chunk_started(Chunk(1, KeyRange(("7a",), None)))
    assert book.exclusive
    assert book.take(1) is None


def test_an_exclusive_plan_takes_nothing_while_any_chunk_is_in_flight() -> None:
    book = ledger(exclusive=True)
    event(book, 200, 5)
    running = chunk(1, 10, 20)
    book.chunk_started(running)
    assert book.take(1) is None
    assert book.take_blocked() is None
    book.chunk_ended(running)
    assert book.take(1) is not None


def test_an_ordered_plan_is_exclusive_only_when_asked() -> None:
    assert not ledger().exclusive
    assert ledger(exclusive=True).exclusive


# Watching which keys are not clean


def test_a_key_that_was_clean_all_the_time_is_not_restless() -> None:
    book = ledger()
    event(book, 200, 1)
    book.refreshed(take(book))
    book.watch()
    event(book, 300, 2)
    assert book.restless([(1,), (2,), (3,)]) == ((2,),)


def test_a_key_that_was_not_clean_when_watching_began_is_restless_also_after_its_refresh() -> None:
    book = ledger()
    event(book, 200, 1, 2, 3)
    book.refreshed(take(book, 1), locked=[(1,)] if book.is_clean([(2,)]) else [])
    event(book, 300, 4)
    refresh = take(book, 1)
    book.watch()
    unclean = [key for key in ((1,), (2,), (3,), (4,)) if not book.is_clean([key])]
    book.refreshed(refresh)
    while (more := book.take(1)) is not None:
        book.refreshed(more[0])
    assert len(book) == 0
    assert list(book.restless([(1,), (2,), (3,), (4,)])) == unclean


def test_dirty_blocked_and_refreshing_keys_are_all_restless_from_the_beginning() -> None:
    book = ledger()
    event(book, 200, 1)
    book.refreshed(take(book), locked=[(1,)])
    event(book, 300, 2)
    take(book)
    event(book, 400, 3)
    book.watch()
    assert book.restless([(0,), (1,), (2,), (3,)]) == ((1,), (2,), (3,))


def test_an_event_makes_a_key_restless_however_soon_it_is_clean_again() -> None:
    book = ledger()
    book.watch()
    event(book, 200, 1)
    book.refreshed(take(book))
    assert book.is_clean([(1,)])
    assert book.restless([(1,)]) == ((1,),)


def test_watching_anew_forgets_what_has_settled() -> None:
    book = ledger()
    book.watch()
    event(book, 200, 1)
    book.refreshed(take(book))
    book.watch()
    event(book, 300, 2)
    assert book.restless([(1,), (2,)]) == ((2,),)


def test_who_does_not_watch_sees_nothing() -> None:
    book = ledger()
    event(book, 200, 1)
    assert book.restless([(1,)]) == ()
    book.watch()
    book.unwatch()
    event(book, 300, 2)
    assert book.restless([(1,), (2,)]) == ()


def test_a_key_is_clean_only_when_it_is_neither_dirty_nor_blocked_nor_being_refreshed() -> None:
    book = ledger()
    assert book.is_clean([(1,)])
    event(book, 200, 1)
    assert not book.is_clean([(1,)])
    refresh = take(book)
    assert not book.is_clean([(1,)])
    book.refreshed(refresh, locked=[(1,)])
    assert not book.is_clean([(2,), (1,)])
    assert book.is_clean([(2,)])


def test_what_is_forgotten_about_is_forgotten_wholly() -> None:
    """Reads whose keys are all clean leave nothing behind, or a migration of weeks would fill the memory."""
    book = ledger()
    for start in range(200, 20_000, 10):
        event(book, start, start % 7, end=start + 10)
        book.refreshed(take(book))
    assert book.safe == Coordinates("binlog.000001", 20_000)
    assert (len(book._starts), len(book._unclean), len(book._again)) == (0, 0, 0)


def test_only_so_many_keys_are_carried_and_one_more_holds_the_coordinates() -> None:
    book = ledger()
    many = [(number,) for number in range(MOST_CARRIED + 1)]
    event(book, 200, *many)
    book.refreshed(take(book, len(many)), locked=many)
    event(book, 300, 5000)
    book.refreshed(take(book))
    assert (len(book.carried), book.safe) == (MOST_CARRIED, at(200))


def test_a_key_that_holds_the_coordinates_does_not_keep_every_later_read_in_memory() -> None:
    book = ledger()
    event(book, 190, 999)
    held = take(book)
    for start in range(200, 20_000, 10):
        event(book, start, start % 7, end=start + 10)
        book.refreshed(take(book))
        assert book.safe == at(190)
    assert len(book._starts) < 100
    book.refreshed(held)


# Rows that are alike under a new unique key (R9)


def clashing(book: Ledger) -> None:
    """Row 1 could not be written, because of row 2, which is clean."""
    event(book, 200, 1)
    book.refreshed(take(book), locked=[(1,)])
    book.clash(Clash((1,), ((2,),)))


def test_a_row_that_clashes_is_taken_only_together_with_those_that_it_is_like() -> None:
    book = ledger()
    clashing(book)
    assert (book.take(10), book.take_blocked(10)) == (None, None)
    assert (book.clashes, len(book), book.safe) == ((Clash((1,), ((2,),)),), 1, at(210))
    taken = book.take_clash()
    assert taken is not None
    assert set(taken[1]) == {(1,), (2,)}
    assert book.refreshed(taken[0]) == 2
    assert (len(book), book.clashes, set(book.carried)) == (0, (), set())


def test_a_clash_waits_until_none_of_its_rows_is_being_refreshed() -> None:
    book = ledger()
    clashing(book)
    event(book, 300, 2)
    other = take(book)
    assert book.take_clash() is None
    book.refreshed(other)
    assert book.take_clash() is not None


def test_a_clash_waits_for_a_chunk_that_can_contain_one_of_its_rows() -> None:
    book = ledger()
    clashing(book)
    book.chunk_started(chunk(1, 1, 5))
    assert book.take_clash() is None
    book.chunk_ended(chunk(1, 1, 5))
    assert book.take_clash() is not None


def test_two_rows_that_clash_with_each_other_are_one_clash() -> None:
    book = ledger()
    event(book, 200, 1, 2)
    book.refreshed(take(book), locked=[(1,), (2,)])
    book.clash(Clash((1,), ((2,),)))
    book.clash(Clash((2,), ((1,),)))
    taken = book.take_clash()
    assert taken is not None
    assert book.take_clash() is None
    assert book.refreshed(taken[0]) == 2


def test_rows_that_pass_their_values_round_are_taken_all_at_once() -> None:
    book = ledger()
    event(book, 200, 1, 2, 3)
    book.refreshed(take(book), locked=[(1,), (2,), (3,)])
    for key, other in ((1, 2), (2, 3), (3, 1)):
        book.clash(Clash((key,), ((other,),)))
    taken = book.take_clash()
    assert taken is not None
    assert set(taken[1]) == {(1,), (2,), (3,)}
    assert book.refreshed(taken[0]) == 3


def test_what_changes_while_a_clash_is_tried_again_is_dirty_afterwards() -> None:
    book = ledger()
    clashing(book)
    taken = book.take_clash()
    assert taken is not None
    event(book, 300, 2)
    assert book.refreshed(taken[0]) == 1
    assert not book.is_clean([(2,)])


def test_rows_that_a_chunk_left_out_are_dirty_and_carried() -> None:
    book = ledger()
    event(book, 200)
    book.carry([(7,)])
    assert (len(book), book.waiting, book.safe, set(book.carried)) == (1, 1, at(210), {(7,)})
    assert book.refreshed(take(book)) == 1
    assert book.carried == frozenset()

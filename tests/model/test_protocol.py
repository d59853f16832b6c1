"""The data protocol holds in every interleaving, and without any one of its rules it does not.

`pytest -s` shows the traces; `FSM_GHOST_DEEP=1` adds the larger scopes.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.model.checker import STUCK, Verdict, check
from tests.model.protocol import DataPlane
from tests.model.rules import ALL_RULES, Rule, Scope
from tests.model.scopes import HALTS, HOLDS, HOLDS_DEEP, SHOWS


@pytest.mark.parametrize("scope", HOLDS.values(), ids=HOLDS.keys())
def test_with_all_rules_no_row_is_ever_lost_and_the_swap_stays_reachable(scope: Scope) -> None:
    verdict = _shown(check(DataPlane(scope)))
    assert verdict.problem is None


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif("FSM_GHOST_DEEP" not in os.environ, reason="takes minutes: set FSM_GHOST_DEEP=1")
@pytest.mark.parametrize("scope", HOLDS_DEEP.values(), ids=HOLDS_DEEP.keys())
def test_it_holds_in_larger_worlds_too(scope: Scope) -> None:
    verdict = _shown(check(DataPlane(scope)))
    assert verdict.problem is None


def test_a_copy_that_starts_before_the_markers_commit_returns_misses_a_change() -> None:
    _loses_a_row_without(Rule.R1_BARRIER)


def test_commits_that_become_visible_out_of_order_slip_past_the_barrier() -> None:
    _loses_a_row_without(Rule.R1_ORDER)


def test_a_transaction_prepared_before_the_start_commits_without_an_event() -> None:
    _loses_a_row_without(Rule.R1_XA)


def test_a_chunk_left_over_by_a_dead_run_resurrects_a_row() -> None:
    _loses_a_row_without(Rule.R2_FENCE)


def test_a_chunk_left_over_by_a_lost_connection_resurrects_a_row() -> None:
    _loses_a_row_without(Rule.R2_LOST)


def test_a_refresh_without_a_lock_copies_a_stale_row() -> None:
    _loses_a_row_without(Rule.R6_LOCK)


def test_a_key_deleted_by_equality_takes_its_look_alike_with_it() -> None:
    _loses_a_row_without(Rule.R6_SPELLING)


def test_a_deleted_row_comes_back_when_a_refresh_overlapping_its_chunk_counts_as_final() -> None:
    _loses_a_row_without(Rule.R7)


def test_a_deleted_row_comes_back_when_its_chunk_ended_in_the_middle_of_the_refresh() -> None:
    _loses_a_row_without(Rule.R7_ANY_MOMENT)


def test_a_key_is_dropped_too_early_when_only_its_first_event_lies_before_the_marker() -> None:
    _loses_a_row_without(Rule.R8_NEWEST)


def test_a_marker_merely_read_back_proves_nothing() -> None:
    _loses_a_row_without(Rule.R8_RETURNED)


def test_coordinates_asked_for_after_the_marker_lie_behind_changes_that_nobody_can_see_yet() -> None:
    _loses_a_row_without(Rule.R8_ASKED)


def test_a_chunk_cannot_insert_a_dropped_key_whose_unique_value_a_stale_row_still_has() -> None:
    _loses_a_row_without(Rule.R8_UNIQUE)


def test_a_key_is_dropped_although_its_chunk_has_read_before_the_change() -> None:
    _loses_a_row_without(Rule.R8_STARTED)


def test_a_repeated_chunk_does_not_overwrite_what_its_first_attempt_left() -> None:
    _loses_a_row_without(Rule.R8_STARTED_EARLIER)


def test_a_dropped_key_beyond_the_copied_range_is_read_by_no_chunk() -> None:
    _loses_a_row_without(Rule.R8_RANGE)


def test_a_prepared_transaction_commits_after_the_chunk_that_was_to_see_it() -> None:
    _loses_a_row_without(Rule.R8_XA)


def test_a_key_that_was_refreshed_ahead_of_its_chunk_is_stale_when_a_later_event_is_dropped() -> None:
    _loses_a_row_without(Rule.R8_AHEAD)


def test_a_row_that_is_replaced_by_one_that_is_like_it_is_lost() -> None:
    _loses_a_row_without(Rule.R9_INSERT)


def test_a_row_that_a_chunk_left_out_is_lost_when_nobody_looks_for_it() -> None:
    _loses_a_row_without(Rule.R9_MISSING)


def test_a_row_that_a_chunk_left_out_is_forgotten_in_a_crash_when_it_is_not_stored_with_the_chunk() -> None:
    _loses_a_row_without(Rule.R9_STORED)


def test_two_rows_that_exchanged_their_values_never_fit_one_after_the_other() -> None:
    _never_ends_without(Rule.R9_TOGETHER)


def test_three_rows_that_passed_their_values_round_never_fit_two_by_two() -> None:
    _never_ends_without(Rule.R9_CYCLE)


def test_a_swap_that_does_not_wait_for_rows_that_are_alike_loses_one_of_them() -> None:
    _loses_a_row_without(Rule.R9_CLASH)


def test_coordinates_past_a_dirty_key_forget_it_in_a_crash() -> None:
    _loses_a_row_without(Rule.R11_DIRTY)


def test_coordinates_past_a_key_being_refreshed_forget_it_in_a_crash() -> None:
    _loses_a_row_without(Rule.R11_TAKEN)


def test_coordinates_past_a_held_key_forget_it_in_a_crash() -> None:
    _loses_a_row_without(Rule.R11_HELD)


def test_coordinates_past_a_locked_key_forget_it_in_a_crash_when_it_is_not_stored_by_name() -> None:
    _loses_a_row_without(Rule.R11_NAMED)


def test_a_locked_key_is_forgotten_in_a_crash_between_its_coordinates_and_its_name() -> None:
    _loses_a_row_without(Rule.R11_AT_ONCE)


def test_a_chunk_recorded_before_its_commit_is_never_repeated() -> None:
    _loses_a_row_without(Rule.R11_DONE)


def test_a_chunk_left_over_by_a_former_owner_resurrects_a_row() -> None:
    _loses_a_row_without(Rule.R12_FENCE)


def test_a_former_owner_who_goes_on_resurrects_a_row() -> None:
    _loses_a_row_without(Rule.R12_LEASE)


def test_a_chunk_that_the_mirror_does_not_know_has_left_a_row_whose_change_is_dropped() -> None:
    _loses_a_row_without(Rule.R12_FLOOR)


def test_a_chunk_may_commit_after_the_last_key_of_the_ghost_table_was_asked_for() -> None:
    _loses_a_row_without(Rule.R12_FLOOR_LAST)


def test_a_swap_without_draining_the_stream_loses_the_last_change() -> None:
    _loses_a_row_without(Rule.R14_DRAIN)


def test_every_rule_has_its_counterexample_here() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [rule.name for rule in Rule if f"_without(Rule.{rule.name})" not in tests] == []


def _never_ends_without(rule: Rule) -> None:
    assert rule in HALTS
    mutated = _shown(check(DataPlane(SHOWS[rule], ALL_RULES - {rule})))
    assert mutated.problem == STUCK, f"{rule.name} can be left out unnoticed"


def _loses_a_row_without(rule: Rule) -> None:
    mutated = _shown(check(DataPlane(SHOWS[rule], ALL_RULES - {rule}, only_swap=True), live=False))
    assert mutated.problem is not None, f"{rule.name} can be left out unnoticed"
    assert mutated.trace[-1][0] == "swap: RENAME"


def _shown(verdict: Verdict) -> Verdict:
    sys.stdout.write(f"\n{verdict}\n")
    return verdict

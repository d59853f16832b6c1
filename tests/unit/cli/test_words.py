from __future__ import annotations

from dataclasses import replace

import pytest

from fsm_ghost.cli.ui import words
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from tests.unit.cli.made_up import COPYING, GALLERY


@pytest.mark.parametrize(
    "part, complete, shown",
    [
        (0.0, False, "0.0 %"),
        (0.5243, False, "52.4 %"),
        (0.9999, False, "99.9 %"),
        (1.0, False, "99.9 %"),
        (2.05, False, "99.9 %"),
        (-0.1, False, "0.0 %"),
        (float("nan"), False, "0.0 %"),
        (0.97, True, "100 %"),
    ],
)
def test_a_percentage_is_100_only_when_it_is_complete(part: float, shown: str, *, complete: bool) -> None:
    assert words.percent(part, complete=complete) == shown


@pytest.mark.parametrize(
    "seconds, shown",
    [
        (-1, "0 ms"),
        (0.0004, "0 ms"),
        (0.34, "340 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (23.4, "23 s"),
        (59.6, "1 m 00 s"),
        (192, "3 m 12 s"),
        (3599.7, "1 h 00 m"),
        (7500, "2 h 05 m"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    "eta, spread, shown",
    [
        (None, None, "—"),
        (float("inf"), None, "—"),
        (float("nan"), 1.0, "—"),
        (22.4, 4.2, "23 s ± 4 s"),
        (22.4, 0.2, "23 s"),
        (22.4, None, "23 s"),
        (0.0, 0.0, "1 s"),
        (-5.0, None, "1 s"),
    ],
)
def test_the_time_left_is_a_dash_until_it_is_known_and_never_due(
    eta: float | None, spread: float | None, shown: str
) -> None:
    assert words.eta(Readings(eta=eta, eta_spread=spread)) == shown


@pytest.mark.parametrize(
    "in_bytes, shown",
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (96_900_000, "92.4 MiB"), (2**50, "1024.0 TiB")],
)
def test_sizes_have_units(in_bytes: int, shown: str) -> None:
    assert words.size(in_bytes) == shown


@pytest.mark.parametrize(
    "statement, shown",
    [
        ("ADD c INT", "ADD c INT"),
        ("ALTER TABLE shop.orders\n  ADD c INT,\n  DROP d;", "ADD c INT, DROP d"),
        ("alter online table `my shop` . `orders` add c int", "add c int"),
        ("ALTER TABLE orders ENGINE=InnoDB", "ENGINE=InnoDB"),
    ],
)
def test_a_statement_is_shown_by_its_clauses(statement: str, shown: str) -> None:
    assert words.clauses(statement) == shown


def test_an_estimate_that_was_too_low_is_not_shown_any_more() -> None:
    assert words.copied_rows(COPYING.progress) == "524,288 of ~1,000,000 rows"
    assert words.copied_rows(replace(COPYING.progress, rows=1_000_001)) == "1,000,001 rows"


def test_an_empty_table_is_copied_as_soon_as_its_range_is_known() -> None:
    assert not Progress().is_copied
    assert Progress(range_known=True).is_copied


def test_what_is_waited_for_is_said_instead_of_what_is_done() -> None:
    assert words.doing(GALLERY["sync"]) == "waiting: 1203 changed keys to be refreshed"
    assert "postponed" in words.doing(GALLERY["sync, verified, postponed"])


def test_how_far_the_comparison_has_come_is_said_while_rows_are_copied() -> None:
    begun = replace(COPYING, progress=replace(COPYING.progress, verifying=True, verified_part=0.4319))
    assert "compared" not in words.doing(COPYING)
    assert words.doing(begun) == "copying rows, while changes go on; compared up to 43.1 %"


def test_a_reading_of_the_past_is_not_taken_for_what_is_waited_for_now() -> None:
    assert (
        words.doing(replace(GALLERY["sync"], alive=False, reason="stopped as asked")) == "not running: stopped as asked"
    )


@pytest.mark.parametrize("name", GALLERY)
def test_every_state_has_words(name: str) -> None:
    assert words.doing(GALLERY[name])


def test_all_states_are_in_the_gallery() -> None:
    assert {snapshot.phase for snapshot in GALLERY.values()} == set(Phase)


def test_what_can_be_done_next_depends_on_the_state() -> None:
    assert words.next_commands(GALLERY["stopped"])[0] == "fsm-ghost resume 3f2a91c4"
    assert words.next_commands(GALLERY["failed in verify"])[0] == "fsm-ghost resume 3f2a91c4 --retry"
    assert words.next_commands(COPYING)[0] == "fsm-ghost status 3f2a91c4 --watch"
    assert words.next_commands(GALLERY["done"]) == ()


def test_whoever_holds_the_swap_up_is_told_how_to_have_it() -> None:
    postponed = GALLERY["sync, verified, postponed"]
    assert "fsm-ghost cut-over 3f2a91c4" in words.next_commands(postponed)
    assert "fsm-ghost cut-over 3f2a91c4" not in words.next_commands(GALLERY["sync"])
    assert "fsm-ghost cut-over 3f2a91c4" not in words.next_commands(replace(postponed, alive=False))


def test_parts_that_do_not_fit_are_left_out_from_the_end() -> None:
    assert words.fitted(["one", "", "two", "three"], 9) == "one · two"
    assert words.fitted(["one", "two"], 5) == "one"
    assert words.fitted(["much too long"], 5) == ""

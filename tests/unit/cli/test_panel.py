"""The gallery: each state drawn from a made-up snapshot, as text."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from fsm_ghost.cli.ui.panel import MAIN, Extras, bar, breadcrumbs, panel, sparkline
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from tests.unit.cli.made_up import COPYING, GALLERY, NOW

_EXTRAS = Extras("db1.example.com:3306", rates=tuple(range(40)))


def drawn(snapshot: Snapshot, width: int, extras: Extras = _EXTRAS) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(panel(snapshot, NOW, width, extras))
    return captured.get().splitlines()


def line_of(snapshot: Snapshot, label: str, width: int = 80) -> str:
    return next(line for line in drawn(snapshot, width) if line.startswith(f"│ {label} "))


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("name", GALLERY)
def test_every_line_is_exactly_as_wide_as_asked(name: str, width: int) -> None:
    assert {len(line) for line in drawn(GALLERY[name], width)} == {width}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", GALLERY)
def test_nothing_important_is_cut_off(name: str, width: int) -> None:
    assert "…" not in "".join(drawn(GALLERY[name], width))


@pytest.mark.parametrize("name", [name for name, shown in GALLERY.items() if shown.alive and shown.execute])
def test_the_panel_does_not_change_its_height_while_it_runs(name: str) -> None:
    assert len(drawn(GALLERY[name], 80)) == len(drawn(COPYING, 80)) <= 14


@pytest.mark.parametrize("name", GALLERY)
def test_nothing_is_ever_more_than_100_percent_or_due(name: str) -> None:
    text = "\n".join(drawn(GALLERY[name], 120))
    percentages = [float(word) for word, sign in zip(text.split(), text.split()[1:], strict=False) if sign == "%"]
    assert all(share <= 100 for share in percentages)
    assert "due" not in text


def test_a_very_long_name_and_statement_leave_the_frame_whole() -> None:
    shown = replace(COPYING, table=TableName("s" * 64, "t" * 64), statement="ADD COLUMN c INT, " * 50)
    assert {len(line) for line in drawn(shown, 80)} == {80}


def test_markup_in_a_name_is_text() -> None:
    assert "[bold]x[/]" in drawn(replace(COPYING, statement="COMMENT '[bold]x[/]'"), 80)[1]


def crumbs(name: str, width: int = 76) -> str:
    return breadcrumbs(GALLERY[name], width).plain


def test_states_behind_are_ticked_and_the_current_one_is_marked() -> None:
    assert crumbs("copy") == "✔ validate › ✔ prepare › ● copy › ○ sync › ○ verify › ○ cut over › ○ cleanup"


def test_all_states_fit_80_columns() -> None:
    assert len(crumbs("copy")) == 80 - 4
    assert all(str(phase).replace("_", " ") in crumbs("copy") for phase in MAIN)


def test_the_return_from_verify_to_sync_is_shown() -> None:
    assert "✔ copy › ● sync › ○ verify" in crumbs("sync")
    assert "✔ sync › ● verify" in crumbs("verify")
    assert "✔ copy › ● sync ‹ ✔ verify › ○ cut over" in crumbs("sync, verified, postponed")


def test_a_finished_migration_has_all_ticks() -> None:
    assert crumbs("done").count("✔") == len(MAIN)


def test_a_dry_run_has_three_states() -> None:
    assert crumbs("dry run") == "✔ validate › ● prepare › ○ cleanup"


def test_what_failed_and_what_was_given_up_end_where_they_did() -> None:
    assert crumbs("failed in verify").endswith("✔ sync › ✖ verify")
    assert crumbs("rollback").endswith("◼ copy › ● rollback")
    assert crumbs("aborted").endswith("◼ copy › ✔ aborted")
    assert crumbs("refused") == "✖ validate"


def test_a_refusal_in_prepare_ends_there() -> None:
    refused = replace(GALLERY["aborted"], progress=GALLERY["validate"].progress)
    assert breadcrumbs(refused, 76).plain == "✔ validate › ◼ prepare › ✔ aborted"


def test_in_a_narrow_window_states_to_come_are_left_out() -> None:
    assert crumbs("copy", 56) == "✔ validate › ✔ prepare › ● copy"


def test_copying_shows_share_rows_speed_and_time_left_with_its_uncertainty() -> None:
    first, second = drawn(COPYING, 80)[5:7]
    assert "52.4 %  ETA 23 s ± 4 s" in first
    assert "524,288 of ~1,000,000 rows · 85,813 rows/s" in second


def test_the_time_left_is_a_dash_at_first() -> None:
    assert "0.0 %  ETA —" in line_of(GALLERY["copy, just begun"], "copy")


def test_a_copy_that_is_not_complete_is_never_shown_as_such() -> None:
    line = line_of(GALLERY["copy, more rows than estimated"], "copy")
    assert "99.9 %" in line
    assert "╸" in line


def test_the_stream_is_shown_by_rate_backlog_and_delay() -> None:
    assert "12,345 read · 412/s · backlog 236 keys · stream delay 0.34 s" in line_of(COPYING, "changes")


def test_the_binlog_is_shown_by_safe_coordinates_and_the_age_of_the_checkpoint() -> None:
    assert "mysql-bin.000124:9120455 (safe) · checkpoint 87, 2 s ago" in line_of(COPYING, "binlog")
    assert "2 h 05 m ago" in line_of(GALLERY["stopped"], "binlog")


def test_verification_shows_how_much_was_found_equal() -> None:
    assert "37.0 %  371,004 rows equal" in line_of(GALLERY["verify"], "verify")
    assert "left out, as asked" in line_of(GALLERY["done, not verified"], "verify")


def test_a_stopped_migration_says_how_to_go_on() -> None:
    text = "\n".join(drawn(GALLERY["stopped"], 80))
    assert "◼ not running: stopped as asked" in text
    assert "fsm-ghost resume 3f2a91c4" in text


def test_the_last_picture_of_a_run_leaves_that_to_the_message_below_it() -> None:
    assert "fsm-ghost resume" not in "\n".join(drawn(GALLERY["stopped"], 80, Extras(parting=True)))


def test_a_stop_that_was_asked_for_is_acknowledged() -> None:
    assert "stopping after this step" in "\n".join(drawn(COPYING, 80, Extras(stopping=True)))


def test_there_is_more_to_see_where_there_is_more_room() -> None:
    assert "▆" not in "".join(drawn(COPYING, 80))
    assert "▆" in "".join(drawn(COPYING, 120))
    assert "9,876 keys refreshed" in line_of(COPYING, "changes", 120)


@pytest.mark.parametrize(
    "part, complete, shown", [(0.0, False, 0), (0.5, False, 5), (1.0, False, 9), (7.0, False, 9), (0.3, True, 10)]
)
def test_a_bar_is_full_only_when_it_is_complete(part: float, shown: int, *, complete: bool) -> None:
    text = bar(part, complete, 10, "green")
    assert len(text.plain) == 10
    filled = text.plain[: text.spans[0].start if text.spans else 10]
    assert filled.count("━") == shown


def test_a_sparkline_is_as_high_as_its_highest_value() -> None:
    assert sparkline([0, 1, 2, 4], 3) == "▃▅█"
    assert sparkline([0, 0], 5) == "▁▁"
    assert sparkline([1], 0) == ""


def test_the_phase_is_the_only_thing_that_decides_the_colour_of_the_frame() -> None:
    colours = {name: panel(shown, NOW, 80).border_style for name, shown in GALLERY.items()}
    assert colours["done"] == "green"
    assert colours["failed in verify"] == "red"
    assert {colours["copy"], colours["sync"], colours["verify"]} == {"cyan"}
    assert GALLERY["stopped"].phase is Phase.COPY
    assert colours["stopped"] == "yellow"

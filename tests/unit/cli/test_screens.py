from __future__ import annotations

import io
import itertools
import json
import logging
import os
import termios
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fsm_ghost.cli.ui import choose
from fsm_ghost.cli.ui.ended import Ended
from fsm_ghost.cli.ui.json import JsonScreen
from fsm_ghost.cli.ui.lines import Cadence
from fsm_ghost.cli.ui.live import LiveScreen
from fsm_ghost.cli.ui.plain import NoScreen, PlainScreen, line
from fsm_ghost.cli.ui.summary import print_list, print_plan, print_status
from fsm_ghost.cli.ui.terminal import quiet_control_keys
from fsm_ghost.engine.store import JournalEntry
from fsm_ghost.errors import StoppedError
from fsm_ghost.model.finding import Finding
from fsm_ghost.model.forecast import Forecast
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Lossy, MappedColumn
from fsm_ghost.model.probe import NOT_PROBED, Offence
from tests.unit.cli.made_up import COPYING, GALLERY, NOW, PLAN, STARTED

log = logging.getLogger("fsm_ghost.somewhere")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "environment, kind",
    [
        ({"TERM": "xterm"}, "live"),
        ({"TERM": "dumb"}, "plain"),
        ({}, "plain"),
        ({"TERM": "xterm", "CI": "true"}, "plain"),
    ],
)
def test_a_terminal_gets_the_live_display_unless_it_is_dumb_or_ci(environment: dict[str, str], kind: str) -> None:
    assert choose("auto", Terminal(), environment) == kind


def test_a_pipe_gets_plain_lines() -> None:
    assert choose("auto", io.StringIO(), {"TERM": "xterm"}) == "plain"


def test_what_is_asked_for_is_given() -> None:
    assert choose("json", Terminal(), {"TERM": "xterm"}) == "json"


def test_lines_come_quickly_at_first_and_seldom_later() -> None:
    cadence = Cadence(began=0.0)
    due = [second for second in range(1200) if cadence.is_due(float(second))]
    assert due[:4] == [0, 5, 10, 15]
    assert {later - earlier for earlier, later in itertools.pairwise(due) if 60 <= earlier < 590} == {15}
    assert due[-1] - due[-2] == 60


def test_plain_lines_come_at_every_change_of_state_and_not_in_between() -> None:
    stream = io.StringIO()
    with PlainScreen(stream=stream) as screen:
        for name in ("validate", "prepare", "copy", "copy", "copy", "sync"):
            screen.publish(GALLERY[name])
    states = [text.split()[4].rstrip(":") for text in stream.getvalue().splitlines()]
    assert states == ["validate", "prepare", "copy", "sync"]


@pytest.mark.parametrize("name", GALLERY)
def test_a_plain_line_is_one_line_of_text_without_colours(name: str) -> None:
    text = line(GALLERY[name], NOW)
    assert "\n" not in text
    assert "\x1b" not in text


def test_a_plain_line_says_all_that_counts() -> None:
    text = line(COPYING, NOW)
    for part in ("shop.orders copy: 52.4 %", "85,813 rows/s", "ETA 23 s ± 4 s", "backlog 236 keys", "000124:9120455"):
        assert part in text


@pytest.mark.parametrize("name", ["copy", "index", "verify"])
def test_a_plain_line_says_once_how_far_the_comparison_has_come(name: str) -> None:
    seen = GALLERY[name]
    begun = replace(seen, progress=replace(seen.progress, verifying=True, verified_part=0.4319))
    assert "43.1 %" not in line(seen, NOW)
    assert line(begun, NOW).count("43.1 %") == 1
    assert ("compared up to 43.1 %" in line(begun, NOW)) is (name != "verify")


class Gone(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("kind", [PlainScreen, JsonScreen])
def test_a_migration_goes_on_when_nobody_reads_its_lines_any_more(kind: type[PlainScreen | JsonScreen]) -> None:
    with kind(stream=Gone()) as screen:
        screen.publish(GALLERY["validate"])
        screen.publish(GALLERY["copy"])


def test_a_stop_is_acknowledged_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    PlainScreen().stopping()
    assert "with a checkpoint" in capfd.readouterr().err


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(text) for text in stream.getvalue().splitlines()]


def test_json_lines_are_events_with_a_schema() -> None:
    stream = io.StringIO()
    with JsonScreen(stream=stream) as screen:
        screen.publish(GALLERY["validate"])
        screen.publish(COPYING)
        log.info("a %s", "message")
        screen.ended(Ended(GALLERY["done"], 0, ("The old table is kept.",)))
    found = events(stream)
    assert [event["event"] for event in found] == ["state", "state", "log", "end"]
    assert {event["schema"] for event in found} == {1}
    assert found[1]["migration"]["state"] == "copy"
    assert (found[2]["level"], found[2]["message"]) == ("info", "a message")
    assert (found[2]["migration_id"], found[2]["state"]) == (COPYING.id, "copy")
    assert (found[3]["exit_code"], found[3]["report"], found[3]["plan"]) == (0, ["The old table is kept."], None)


def test_json_lines_end_with_an_end_whatever_happens() -> None:
    stream = io.StringIO()
    error = StoppedError("stopped as asked", "fsm-ghost resume 3f2a91c4")
    JsonScreen(stream=stream).__enter__().__exit__(StoppedError, error, None)
    (end,) = events(stream)
    assert (end["event"], end["exit_code"], end["reason"]) == ("end", 4, "stopped as asked")
    assert (end["report"], end["migration"]) == (["fsm-ghost resume 3f2a91c4"], None)


def test_the_json_of_a_dry_run_ends_with_the_plan() -> None:
    stream = io.StringIO()
    JsonScreen(stream=stream).ended(Ended(GALLERY["dry run, done"], 0))
    assert events(stream)[0]["plan"]["original"] == "shop.orders"


def test_logs_go_where_the_display_is_and_back_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("fsm_ghost")
    before = logger.handlers, logger.level, logger.propagate
    with PlainScreen(logging.WARNING, io.StringIO()):
        log.info("not said")
        log.warning("said once")
    assert (logger.handlers, logger.level, logger.propagate) == before
    assert capsys.readouterr().err.count("said once") == 1


def test_no_display_says_only_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    with NoScreen() as screen:
        screen.publish(COPYING)
        screen.ended(Ended(GALLERY["done"], 0, ("fine",)))
    assert capsys.readouterr() == ("", "")
    NoScreen().ended(Ended(GALLERY["failed in verify"], 8, ("fsm-ghost abort 3f2a91c4",), "3 rows differ"))
    assert capsys.readouterr().err == "fsm-ghost: 3 rows differ\n  fsm-ghost abort 3f2a91c4\n"


def test_a_refusal_is_told_with_all_its_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "no binary log\n  Start it with --log-bin\nno usable key\n  Add one"
    PlainScreen().ended(Ended(GALLERY["refused"], 3, (), reason))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "fsm-ghost: no binary log"
    assert [text.strip() for text in lines[1:]] == ["Start it with --log-bin", "no usable key", "Add one"]


def test_control_keys_are_not_written_into_the_picture_and_are_afterwards() -> None:
    master, slave = os.openpty()

    def shows_control_keys() -> bool:
        return bool(termios.tcgetattr(slave)[3] & termios.ECHOCTL)

    before = termios.tcgetattr(slave)
    assert shows_control_keys()
    with quiet_control_keys(slave):
        assert not shows_control_keys()
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_without_a_terminal_there_is_nothing_to_be_quiet_about(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, quiet_control_keys(file.fileno()):
        pass


def terminal(width: int = 80) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=24, force_terminal=True, color_system=None, legacy_windows=False)
    return console, stream


def test_the_live_display_ends_with_the_last_picture_and_shows_the_cursor_again() -> None:
    console, stream = terminal()
    with LiveScreen("db1:3306", console=console) as screen:
        screen.publish(COPYING)
        log.info("a log line with [brackets] and 100 %")
        screen.publish(GALLERY["done"])
    text = stream.getvalue()
    assert "a log line with [brackets] and 100 %" in text
    assert "✔ done in 1 m 23 s" in text[text.rindex("╭") :]
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_the_live_display_of_a_stopped_run_says_so() -> None:
    console, stream = terminal()
    screen = LiveScreen(console=console).__enter__()
    screen.publish(COPYING)
    error = StoppedError("stopped as asked", "fsm-ghost resume 3f2a91c4")
    screen.__exit__(type(error), error, None)
    assert "◼ not running: stopped as asked" in stream.getvalue()


def test_the_live_display_shows_nothing_before_there_is_something() -> None:
    console, stream = terminal()
    with LiveScreen(console=console):
        pass
    assert "╭" not in stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_list_keeps_to_its_width(width: int) -> None:
    stream = io.StringIO()
    print_list(list(GALLERY.values()), NOW, Console(file=stream, width=width))
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(GALLERY) + 1
    assert max(map(len, lines)) <= width
    assert all(text.startswith("3f2a91c4  shop.orders") for text in lines[1:])


def test_a_status_shows_how_it_came_there(capsys: pytest.CaptureFixture[str]) -> None:
    journal = [JournalEntry(3, Phase.CUT_OVER, "given_up", Phase.SYNC, "not granted\nin time", 1, STARTED)]
    stream = io.StringIO()
    print_status(COPYING, journal, "db1:3306", NOW, Console(file=stream, width=80))
    assert "cut over → sync  given up: not granted in time" in stream.getvalue()
    assert "fsm-ghost abort 3f2a91c4" in stream.getvalue()
    assert capsys.readouterr().out == ""


def test_a_plan_says_what_will_be_done_and_how(capsys: pytest.CaptureFixture[str]) -> None:
    offence = Offence("c", "is too long for CHAR(3)", 2, ("(7,)", "(9,)"), Lossy.TRUNCATE)
    forecast = Forecast(1_000_000, 5, 1.0, 62.0, 0.0, 10.0, 100, 50, 4, 3.0)
    progress = replace(COPYING.progress, plan=PLAN, probe=NOT_PROBED.found(offence), forecast=forecast)
    print_plan(replace(COPYING, progress=progress, statement="ALTER TABLE shop.orders ADD COLUMN note TEXT"))
    text = capsys.readouterr().out
    for part in (
        "shop.orders, ~1,000,000 rows, 92.4 MiB",
        "PRIMARY (id)",
        "customer → client",
        "--execute",
        "c is too long for CHAR(3): 2 rows, for example (7,), (9,); it is cut or rounded",
        "about 1 m 15 s (row copy 1 m 02 s, comparison 10 s, the rest 3 s), less with up to 4 workers",
    ):
        assert part in text


def test_a_plan_tells_what_is_saved_by_comparing_beside_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    forecast = Forecast(1_000_000, 5, 1.0, 60.0, 20.0, 10.0, 100, 50, beside_seconds=7.0)
    progress = replace(COPYING.progress, plan=PLAN, forecast=forecast)
    print_plan(replace(COPYING, progress=progress))
    assert "about 1 m 23 s (" in (text := capsys.readouterr().out)
    assert "; comparing beside the others saves 7 s)" in " ".join(text.split())


def test_a_plan_says_once_that_a_check_is_called_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    plan = replace(PLAN, renamed_checks=(MappedColumn("positive", "orders_chk_1"),))
    warned = (Finding("CHECK constraints will be called orders_chk_1 and so on", "", ("positive",)),)
    print_plan(replace(COPYING, progress=replace(COPYING.progress, plan=plan, warnings=warned)))
    text = capsys.readouterr().out
    assert (text.count("positive"), text.count("orders_chk_1")) == (1, 1)


def test_colours_are_left_out_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def colours() -> bool:
        stream = io.StringIO()
        print_status(COPYING, [], "", NOW, Console(file=stream, width=80, force_terminal=True))
        return "\x1b[36m" in stream.getvalue()

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours()

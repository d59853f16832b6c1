"""Under the name gh-ost: its version, its exit codes, its status line, and no file but its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fsm_ghost.cli.arguments import parse
from fsm_ghost.cli.as_gh_ost import exit_code, in_our_words
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.help import everything
from fsm_ghost.cli.ui.gh_ost import GhOstScreen
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.model.status_line import duration, line
from tests.unit.cli.made_up import COPYING, GALLERY


@pytest.fixture
def gh_ost(tmp_path: Path) -> Path:
    """This program under the name gh-ost."""
    program = tmp_path / "bin" / "gh-ost"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom fsm_ghost.cli import main\nsys.exit(main())\n")
    program.chmod(0o755)
    return program


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOME": str(program.parent), "FSM_GHOST_STATE_DB": f"{program.parent}/state.db"}
    del environment["FSM_GHOST_NO_DEFAULTS"]
    return subprocess.run([program, *arguments], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("flag", ["--version", "-version"])
def test_its_version_is_a_bare_number(gh_ost: Path, flag: str) -> None:
    done = run(gh_ost, flag)
    assert (done.returncode, done.stdout) == (0, "1.1.10\n")


def test_its_help_is_all_of_the_flags(gh_ost: Path) -> None:
    assert run(gh_ost, "--help").stdout == everything("start") + "\n"


def test_it_takes_flags_without_a_command_and_ends_with_1_where_we_have_a_code_of_our_own(gh_ost: Path) -> None:
    (gh_ost.parent / ".my.cnf").write_text("[client]\nhost=from-a-file\n")
    done = run(gh_ost, "-port=1", "-database=a", "-table=b", "-alter=ADD c INT", "-allow-on-master")
    assert done.returncode == 1  # 75: nobody listens there
    assert "127.0.0.1:1" in done.stderr


@pytest.mark.parametrize("arguments", [["--tabel=b"], ["--test-on-replica"], ["status"]])
def test_a_wrong_command_line_ends_with_2(gh_ost: Path, arguments: Sequence[str]) -> None:
    assert run(gh_ost, *arguments).returncode == 2


def test_whether_flags_are_known_can_be_asked(gh_ost: Path) -> None:
    assert run(gh_ost, "--check-flag", "--chunk-size=5", "--gcp", "--panic-on-warnings").returncode == 0
    assert run(gh_ost, "--check-flag", "--chunksize=5").returncode == 2


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_becomes_one_of_gh_osts(code: ExitCode) -> None:
    assert exit_code(code) == {0: 0, 2: 2}.get(code, 1)


def test_its_own_words_count_more_than_what_is_assumed() -> None:
    said = ["--ui=none", "--defaults-file=x", "--throttle-additional-flag-file="]
    values = parse("start", in_our_words(said)[1:], {})
    assert values.text("ui") == "none"
    assert values.text("throttle-additional-flag-file") == ""
    assert not values.is_on("no-defaults")


def test_what_gh_ost_does_without_being_asked_is_done() -> None:
    values = parse("start", in_our_words([])[1:], {})
    assert values.text("throttle-additional-flag-file") == "/tmp/gh-ost.throttle"  # noqa: S108 - gh-ost's
    assert values.is_on("make-postpone-flag-file")
    assert values.is_on("no-defaults")


# --- The status line --------------------------------------------------------------------------------------------------


def test_the_status_line_is_gh_osts() -> None:
    assert line(COPYING, 83, 61) == (
        "Copy: 524288/1000000 52.4%; Applied: 9876; Backlog: 236/1000; Time: 1m23s(total), 1m1s(copy);"
        " streamer: mysql-bin.000124:9120455; Lag: 0.34s, HeartbeatLag: 0.34s, State: migrating; ETA: 23s"
    )


@pytest.mark.parametrize(
    "snapshot, words",
    [
        (GALLERY["copy, more rows than estimated"], "Copy: 1873221/1873221 99.9%;"),
        (GALLERY["sync"], "Copy: 1000000/1000000 100.0%;"),
        (GALLERY["sync"], "ETA: due"),
        (GALLERY["copy, just begun"], "State: migrating; ETA: N/A"),
        (GALLERY["sync, verified, postponed"], "State: postponing cut-over;"),
        (replace(COPYING, readings=replace(COPYING.readings, waiting_for="lag 3 s")), "State: throttled, lag 3 s;"),
        (GALLERY["validate"], "Copy: 0/0 0.0%;"),
    ],
)
def test_the_status_line_never_shows_more_than_there_is(snapshot: Snapshot, words: str) -> None:
    assert words in line(snapshot, 1, 1)


@pytest.mark.parametrize("seconds, shown", [(0.9, "0s"), (7, "7s"), (65, "1m5s"), (3600, "1h0m0s"), (-1, "0s")])
def test_a_time_span_is_written_as_go_does(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    "elapsed, eta, lines", [(30, None, 60), (100, None, 12), (1000, 5000.0, 2), (1000, 100.0, 12), (1000, 20.0, 60)]
)
def test_lines_come_as_often_as_gh_osts(
    elapsed: float,
    eta: float | None,
    lines: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [COPYING.created_at + elapsed]
    monkeypatch.setattr("time.time", lambda: clock[0])
    screen = GhOstScreen()
    shown = replace(COPYING, readings=replace(COPYING.readings, eta=eta))
    for _ in range(600):  # a minute in which the time that has gone by does not matter
        screen.publish(replace(shown, created_at=clock[0] - elapsed))
        clock[0] += 0.1
    printed = capsys.readouterr().out.splitlines()
    assert abs(sum(text.startswith("Copy: ") for text in printed) - lines) <= max(1, lines // 10)
    assert sum(text.startswith("# Migrating `") for text in printed) == 1


def test_lines_come_at_each_state_with_what_is_migrated_before_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [COPYING.created_at]
    monkeypatch.setattr("time.time", lambda: clock[0])
    with GhOstScreen("db1:3306") as screen:
        for elapsed, snapshot in (
            (0, GALLERY["validate"]), (0.1, COPYING), (0.2, COPYING), (1.2, COPYING), (1.3, GALLERY["sync"]),
        ):  # fmt: skip
            clock[0] = COPYING.created_at + elapsed
            screen.publish(snapshot)
    printed = capsys.readouterr().out.splitlines()
    assert printed[1:3] == [
        "# Migrating `shop`.`orders`; Ghost table is `shop`.`orders_gho`",
        f"# Migrating db1:3306; inspecting db1:3306; executing on {os.uname().nodename}",
    ]
    lines = [text for text in printed if text.startswith("Copy: ")]
    assert [text.partition(" Time: ")[2].partition(";")[0] for text in lines] == [
        "0s(total), 0s(copy)", "0s(total), 0s(copy)", "1s(total), 1s(copy)", "1s(total), 1s(copy)",
    ]  # fmt: skip

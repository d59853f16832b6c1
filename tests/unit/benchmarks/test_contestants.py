"""A contestant's command line is what was asked for, and what its process used is measured."""

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from benchmarks import contestants
from benchmarks.contestants import Place, Program, filled, last_words, tool
from benchmarks.restored import written_mib
from benchmarks.tables import TABLES
from fsm_ghost.mysql.private import PrivateServer

ALTER = "ADD COLUMN note varchar(32) NOT NULL DEFAULT '', ADD INDEX (c(10))"


@dataclass(frozen=True)
class Server:
    """As much of a server as a command line names."""

    host: str = "127.0.0.1"
    port: int = 10_001
    socket: str = "a b/socket"
    user: str = "root"


def place(folder: Path = Path("folder"), limit: float = 30.0) -> Place:
    return Place(cast("PrivateServer", Server()), TABLES["sbtest"], ALTER, folder, limit)


def test_a_tool_is_a_name_and_a_command_line() -> None:
    asked = tool("gh-ost=gh-ost --execute --alter='{alter}' --port {port}")
    assert asked == Program("gh-ost", ("gh-ost", "--execute", "--alter={alter}", "--port", "{port}"))


def test_what_stands_for_a_placeholder_stays_within_its_word() -> None:
    asked = tool("x=tool {host}:{port} -S {socket} {user}@{database}.{table} {alter} {{}} {folder}/y")
    assert filled(asked.words, place()) == [
        "tool", "127.0.0.1:10001", "-S", "a b/socket", "root@bench.sbtest", ALTER, "{}", "folder/y",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["gh-ost", "=gh-ost", "a b=gh-ost", "gh-ost=", "x=tool {adress}", "x=tool {}", "x=tool {alter", "x=tool 'open"],
)
def test_a_command_line_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        tool(text)


def test_fsm_ghost_takes_part_in_its_variants_and_who_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    found = [one if isinstance(one, str) else one.name for one in contestants.programs()]
    assert found == [
        "fsm-ghost",
        "fsm-ghost --no-verify",
        "fsm-ghost --index-build inline",
        "fsm-ghost --index-build inline --no-verify",
        "fsm-ghost --index-build deferred",
        "pt-online-schema-change: not installed",
    ]


def test_a_program_keeps_its_byte_code_as_one_that_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    asked = Program("x", (sys.executable, "-c", "import sys; sys.exit(sys.dont_write_bytecode)"))
    assert asked.run(place(tmp_path)).trouble == ""


def test_the_unit_fills_a_table_that_is_already_changed() -> None:
    raw = contestants.raw(TABLES["sbtest"], ALTER)
    assert raw.before[1] == f"ALTER TABLE bench.sbtest_raw {ALTER}"
    assert raw.statements == ("INSERT INTO bench.sbtest_raw (id, k, c, pad) SELECT id, k, c, pad FROM bench.sbtest",)
    assert not raw.changes


def test_the_algorithm_of_a_native_alter_is_demanded() -> None:
    assert contestants.native(TABLES["plain"], "ADD x INT").statements == ("ALTER TABLE bench.plain ADD x INT",)
    native = contestants.native(TABLES["plain"], "ADD x INT", "COPY")
    assert native.name == "native-copy"
    assert native.statements == ("ALTER TABLE bench.plain ADD x INT, ALGORITHM=COPY",)
    assert native.changes


def test_bare_chunks_are_all_rows_without_secondary_indexes() -> None:
    *others, chunks = contestants.floor(TABLES["sbtest"], 8001)
    assert not any("sbtest" in statement for other in others for statement in other.statements)
    assert [statement.partition(" WHERE ")[2] for statement in chunks.statements] == [
        "id > 0 AND id <= 4000",
        "id > 4000 AND id <= 8000",
        "id > 8000 AND id <= 12000",
    ]
    assert chunks.before[0].endswith("DEFAULT '') ENGINE = InnoDB")


def test_keys_that_are_no_numbers_of_rows_have_no_bare_chunks() -> None:
    found = [one.name for one in contestants.floor(TABLES["uuid"], 8000)]
    assert found == [contestants.LEFT_ALONE, contestants.COMPUTING]


def test_last_words_are_the_last_line_that_says_something() -> None:
    assert last_words("first\n last \n\n") == "last"
    assert last_words("\n") == "it said nothing"


def test_what_a_process_wrote_is_what_it_caused_to_be_written() -> None:
    assert written_mib("rchar: 7\nwchar: 9\nwrite_bytes: 3145728\ncancelled_write_bytes: 0\n") == 3.0


# --- Processes --------------------------------------------------------------------------------------------------------

HUNGRY = "block = bytearray(b'x') * (64 << 20); print('full'); import time\nwhile time.process_time() < 0.2: pass"


def test_time_and_memory_are_those_of_the_program_and_its_children(tmp_path: Path) -> None:
    hungry = Program("hungry", ("sh", "-c", '"$0" -c "$1"; :', sys.executable, HUNGRY))
    outcome = hungry.run(place(tmp_path))
    assert outcome.trouble == ""
    assert outcome.cpu is not None
    assert outcome.cpu >= 0.2
    assert outcome.wall >= 0.2
    assert outcome.mib is not None
    assert 64 < outcome.mib < 150


def test_the_memory_of_this_process_is_not_counted(tmp_path: Path) -> None:
    ballast = bytearray(b"x") * (128 << 20)
    outcome = Program("small", ("true",)).run(place(tmp_path))
    assert outcome.mib is not None
    assert outcome.mib < len(ballast) >> 21


def test_a_program_that_fails_tells_how_it_ended_and_its_last_words(tmp_path: Path) -> None:
    failing = Program("failing", ("sh", "-c", "echo first; echo no such table >&2; exit 3"))
    assert failing.run(place(tmp_path)).trouble == "exit code 3: no such table"


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    outcome = Program("slow", ("sleep", "60")).run(place(tmp_path, limit=0.1))
    assert outcome.trouble == "not done after 0.1 s"
    assert outcome.wall < 30


def test_a_program_that_is_not_there_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outcome = Program("nobody", ("no-such-program",)).run(place(tmp_path))
    assert outcome.trouble == "no-such-program could not be started"
    assert "FileNotFoundError" in capfd.readouterr().err

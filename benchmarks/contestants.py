"""Who takes part in `benchmarks.migrate`: statements that the server carries out, and programs."""

from __future__ import annotations

# ruff: noqa: INP001, S608 - a script's part; the SQL is its own
import argparse
import json
import os
import re
import shlex
import shutil
import string
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pymysql

from benchmarks.tables import SCHEMA, Table
from fsm_ghost.mysql.private import Flavour, PrivateServer

ALGORITHMS: Final[dict[Flavour, tuple[str, ...]]] = {
    "mariadb": ("INSTANT", "NOCOPY", "INPLACE", "COPY"),
    "mysql": ("INSTANT", "INPLACE", "COPY"),
}
RAW: Final = "raw INSERT … SELECT"
LEFT_ALONE: Final = "(left alone)"
COMPUTING: Final = "(computing)"
BARE_CHUNKS: Final = "(bare chunks)"
PT_OSC: Final = "pt-online-schema-change"
PLACEHOLDERS: Final = ("host", "port", "socket", "user", "database", "table", "alter", "folder")

_CHECKOUT: Final = Path(__file__).resolve().parents[1]
_VARIANTS: Final = (
    (),
    ("--no-verify",),
    ("--index-build", "inline"),
    ("--index-build", "inline", "--no-verify"),
    ("--index-build", "deferred"),
)
_WHERE: Final = (
    "--quiet", "--ui", "none", "--no-defaults", "--profile=",
    "--socket", "{socket}", "--user", "{user}", "--database", "{database}", "--table", "{table}", "--alter", "{alter}",
    "--state-db", "{folder}/state.db",
)  # fmt: skip
_PT_OSC: Final = (
    PT_OSC, "--execute", "--no-version-check", "--alter", "{alter}", "S={socket},u={user},D={database},t={table}",
)  # fmt: skip
_READ_COMMITTED: Final = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
_QUIET: Final = 20  # seconds
_SOME_WORK, _WORKS = 5_000_000, 100  # rounds of a statement, some hundredths of a second; and how many statements
_ROWS_OF_A_CHUNK: Final = 4000  # about 1 MiB of sysbench's table: what fsm-ghost takes while the application writes
_LAST_WORDS: Final = 160  # characters of what a program said that are shown
_UNFINISHED: Final = "not done after {:g} s"

# Starts the program and waits for it. A process of its own, and a small one: a program's memory is counted from that of
# whoever started it, and what it has used is only known when it has been waited for.
_LAUNCHER: Final = """
import json, resource, subprocess, sys, threading, time
limit, output, *words = sys.argv[1:]
with open(output, "wb") as said:
    began = time.perf_counter()
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
    for seconds, end in ((float(limit), child.terminate), (float(limit) + 20, child.kill)):
        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
    code = child.wait()
    wall = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Place:
    """Where a contestant works, and at most for how long."""

    server: PrivateServer
    table: Table
    alter: str
    folder: Path
    limit: float


@dataclass(frozen=True)
class Outcome:
    """What one run of a contestant came to; what it used itself is unknown where the server did everything."""

    wall: float
    trouble: str = ""
    cpu: float | None = None
    mib: float | None = None


class Contestant(Protocol):
    """Somebody who changes a table, or only says that he would."""

    @property
    def name(self) -> str:
        """What it is called in the table of results."""

    @property
    def changes(self) -> bool:
        """Whether the table has to be as the ALTER wants it afterwards."""

    def run(self, place: Place) -> Outcome:
        """Change it, once."""


@dataclass(frozen=True)
class Statements:
    """Statements that the server carries out one after the other, after some that do not count."""

    name: str
    statements: tuple[str, ...]
    before: tuple[str, ...] = ()
    changes: bool = True

    def run(self, place: Place) -> Outcome:
        """Send them and wait."""
        with closing(place.server.connect(SCHEMA)) as connection, closing(connection.cursor()) as cursor:
            for statement in self.before:
                cursor.execute(statement)
            kill = f"KILL {connection.thread_id()}"  # type: ignore[no-untyped-call]
            watchdog = threading.Timer(place.limit, place.server.execute, (kill,))
            watchdog.start()
            began = time.perf_counter()
            try:
                for statement in self.statements:
                    cursor.execute(statement)
                trouble = ""
            except pymysql.err.Error as error:
                trouble = ": ".join(map(str, error.args))
            wall = time.perf_counter() - began
            watchdog.cancel()
            watchdog.join()
            with suppress(pymysql.err.Error):
                cursor.execute("DO 0")  # so that closing does not complain of a connection that was killed
        return Outcome(wall, _UNFINISHED.format(place.limit) if wall >= place.limit else trouble)


@dataclass(frozen=True)
class Program:
    """A command line. Its words hold placeholders."""

    name: str
    words: tuple[str, ...]
    changes: bool = True

    def run(self, place: Place) -> Outcome:
        """Start it and wait; its output goes to a file."""
        output = place.folder / "output"
        words = filled(self.words, place)
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(place.limit), str(output)]
        done = subprocess.run(
            [*launcher, *words], cwd=_CHECKOUT, env=_environment(), stdout=subprocess.PIPE, check=False
        )
        if done.returncode:
            return Outcome(0.0, f"{words[0]} could not be started")
        code, wall, cpu, mib = json.loads(done.stdout)
        said = output.read_text(encoding="utf-8", errors="replace")
        trouble = f"exit code {code}: {last_words(said)}" if code else ""
        return Outcome(wall, _UNFINISHED.format(place.limit) if wall >= place.limit else trouble, cpu, mib)


def _environment() -> dict[str, str]:
    """Ours; but a Python program keeps its byte code, as it does where it is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def filled(words: Sequence[str], place: Place) -> list[str]:
    """A program's command line for this place."""
    server = place.server
    values = {
        "host": server.host,
        "port": server.port,
        "socket": server.socket,
        "user": server.user,
        "database": SCHEMA,
        "table": place.table.name,
        "alter": place.alter,
        "folder": place.folder,
    }
    return [word.format_map(values) for word in words]


def last_words(said: str) -> str:
    """The last line that is not empty, cut to a readable length."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:_LAST_WORDS] if lines else "it said nothing"


def tool(text: str) -> Program:
    """What `--tool NAME='command line'` means."""
    name, equals, command = text.partition("=")
    try:
        words = tuple(shlex.split(command))
        unknown = sorted({field or "" for word in words for _, field, _, _ in string.Formatter().parse(word)
                          if field is not None} - {*PLACEHOLDERS})  # fmt: skip
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{command!r}: {error}") from None
    if not equals or not re.fullmatch(r"\S+", name) or not words:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME='command line'")
    if unknown:
        known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
        raise argparse.ArgumentTypeError(f"{{{unknown[0]}}} is none of {known}; {{{{ and }}}} stand for braces")
    return Program(name, words)


def raw(table: Table, alter: str) -> Statements:
    """The unit: all rows in one statement into the new table with all its indexes in place; no row is locked."""
    target = f"{SCHEMA}.{table.name}_raw"
    return Statements(
        RAW,
        (f"INSERT INTO {target} ({table.columns}) SELECT {table.columns} FROM {SCHEMA}.{table.name}",),
        (f"CREATE TABLE {target} LIKE {SCHEMA}.{table.name}", f"ALTER TABLE {target} {alter}", _READ_COMMITTED),
        changes=False,
    )


def native(table: Table, alter: str, algorithm: str = "") -> Statements:
    """ALTER TABLE, with an algorithm, or with the server's choice."""
    statement = f"ALTER TABLE {SCHEMA}.{table.name} {alter}"
    if not algorithm:
        return Statements("native", (statement,))
    return Statements(f"native-{algorithm.lower()}", (f"{statement}, ALGORITHM={algorithm}",))


def floor(table: Table, rows: int) -> Iterator[Statements]:
    """What no tool can be better than: nothing at all, a server that computes, and rows copied by bare statements."""
    yield Statements(LEFT_ALONE, (f"DO SLEEP({_QUIET})",), changes=False)
    yield Statements(COMPUTING, (f"DO BENCHMARK({_SOME_WORK}, CRC32('computing'))",) * _WORKS, changes=False)
    if table.key_of(1) != (1,):
        return  # the ranges of its keys are not known
    target, key = f"{SCHEMA}.{table.name}_raw", table.key[0]
    definition = ", ".join(line for line in table.definition if not line.startswith("KEY "))
    yield Statements(
        BARE_CHUNKS,
        tuple(
            f"INSERT INTO {target} ({table.columns}) SELECT {table.columns} FROM {SCHEMA}.{table.name}"
            f" WHERE {key} > {after} AND {key} <= {after + _ROWS_OF_A_CHUNK}"
            for after in range(0, rows, _ROWS_OF_A_CHUNK)
        ),
        (f"CREATE TABLE {target} ({definition}) ENGINE = InnoDB", _READ_COMMITTED),
        changes=False,
    )


def fsm_ghost(command: str, *options: str) -> tuple[str, ...]:
    """The command line of this checkout's fsm-ghost."""
    return (sys.executable, "-m", "fsm_ghost", command, *options, *_WHERE)


def programs() -> Iterator[Program | str]:
    """fsm-ghost in its variants, and what else is installed; for what is not, that it is not."""
    for options in _VARIANTS:
        yield Program(" ".join(("fsm-ghost", *options)), (*fsm_ghost("start", "--execute"), *options))
    yield Program(PT_OSC, _PT_OSC) if shutil.which(PT_OSC) else f"{PT_OSC}: not installed"

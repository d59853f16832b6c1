"""The same migration by one tool after the other: `python -m benchmarks.migrate mariadb|mysql [--table T] [--load L]`.

Makes a table on a private server with durable commits, and has every contestant change it in turn, A B C A B C …, each
time from the same data directory, in memory as far as it fits. The unit is one INSERT … SELECT of the whole table into
the new one with all its indexes in place, without load, whatever the load of the others is.

--load   none, rate:N (single-row writes a second), max, hot, multi, bulk (the last three also with a rate: bulk:20).
         The writers work alone first; what they see then is "undisturbed"
--tool   another contestant: NAME='command line'. {host} {port} {socket} {user} {database} {table} {alter} and {folder}
         (an empty one, made for each run) stand for what they say, each within one word. Exit code 0 means done
--only   names of contestants, with * and ?; the unit, and what --tool names, always takes part
--floor  what any tool would do to the application, however good it is: the server is left alone for as long, computes
         for some seconds and touches no table, or copies the rows in bare chunks without indexes, which nobody brings
         up to date

Wall time, CPU time and memory of a program are those of its process and its children, from its start to its end. What
the server has used and written is counted until then; with a load, the load's share is in it.
"""

from __future__ import annotations

# ruff: noqa: INP001, T201 - a script: it prints
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pymysql

import fsm_ghost
from benchmarks import contestants, figures
from benchmarks.chart import Panel, chart
from benchmarks.contestants import RAW, Contestant, Outcome, Place
from benchmarks.figures import Phase, Run
from benchmarks.journal import hot_values, losses
from benchmarks.load import ABOUT, WRITERS, Load, Writers, load_named
from benchmarks.restored import Restored, Used
from benchmarks.tables import TABLES, Table
from fsm_ghost.mysql.private import Flavour, PrivateServer, ServerUnavailableError

WARM_UP = 1.0  # seconds in which writers get going


@dataclass(frozen=True)
class Asked:
    """What was asked for."""

    flavour: Flavour
    table: Table
    rows: int
    alter: str
    load: Load | None
    rounds: int
    undisturbed: float
    limit: float
    tools: tuple[contestants.Program, ...]
    only: tuple[str, ...]
    floor: bool
    options: dict[str, str | int]


class Trial:
    """All runs of all contestants."""

    def __init__(self, asked: Asked, restored: Restored, folder: Path) -> None:
        self._asked = asked
        self._restored = restored
        self._folder = folder
        self.absent: list[str] = []
        self.runs: list[Run] = []

    def run(self) -> None:
        """Every contestant, in every round."""
        invited = list(self._invited())
        for number in range(1, self._asked.rounds + 1):
            for contestant in invited:
                run = self.one(contestant, number)
                self.runs.append(run)
                print(f"round {number}: {run.contestant}: {run.trouble or f'{run.wall:.2f} s'}", file=sys.stderr)

    def _invited(self) -> Iterator[Contestant]:
        asked, restored = self._asked, self._restored
        yield contestants.raw(asked.table, asked.alter)
        everybody: list[Contestant | str] = [contestants.native(asked.table, asked.alter)]
        for algorithm in contestants.ALGORITHMS[asked.flavour]:
            if algorithm in restored.algorithms:
                everybody.append(contestants.native(asked.table, asked.alter, algorithm))
            else:
                everybody.append(f"native-{algorithm.lower()}: the server refuses: {restored.refused[algorithm]}")
        for one in (*everybody, *contestants.programs()):
            name = one.partition(":")[0] if isinstance(one, str) else one.name
            if asked.only and not any(fnmatchcase(name, pattern) for pattern in asked.only):
                continue
            if isinstance(one, str):
                self.absent.append(one)
            else:
                yield one
        if asked.floor:
            yield from contestants.floor(asked.table, asked.rows)
        yield from asked.tools

    def one(self, contestant: Contestant, number: int) -> Run:
        """One run of a contestant, on the server as it was; it has to have changed the table, unless it is not to."""
        asked, server = self._asked, self._restored.server
        self._restored.restore()
        load_average = os.getloadavg()[0]
        before: Phase | None = None
        during: Phase | None = None
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            place = Place(server, asked.table, asked.alter, Path(folder), asked.limit)
            if asked.load is None or contestant.name == RAW:
                outcome, used = self._timed(contestant, place)
                lost = self._lost_rows()
            else:
                outcome, used, (before, during), lost = self._under_load(contestant, place, asked.load)
        trouble = outcome.trouble
        if not trouble and contestant.changes and not self._restored.is_changed():
            trouble = "it says that it is done, and the table is not as the ALTER wants it"
        return Run(
            contestant.name,
            number,
            outcome.wall,
            trouble,
            outcome.cpu,
            outcome.mib,
            used.cpu,
            used.written,
            load_average,
            before,
            during,
            tuple(lost),
        )

    def _timed(self, contestant: Contestant, place: Place) -> tuple[Outcome, Used]:
        before = self._restored.used()
        outcome = contestant.run(place)
        after = self._restored.used()
        written = None if after.written is None or before.written is None else after.written - before.written
        return outcome, Used(after.cpu - before.cpu, written)

    def _lost_rows(self) -> list[str]:
        """Rows that are missing although nobody wrote."""
        count = self._restored.count()
        return [] if count == self._asked.rows else [f"{count} rows where there should be {self._asked.rows}"]

    def _under_load(
        self, contestant: Contestant, place: Place, load: Load
    ) -> tuple[Outcome, Used, tuple[Phase, Phase], list[str]]:
        asked = self._asked
        arguments = {"unix_socket": place.server.socket, "user": place.server.user, "charset": "utf8mb4"}
        with closing(place.server.connect()) as connection:
            hot = hot_values(connection, asked.table)
        writers = Writers(arguments, asked.table, asked.rows, load)
        try:
            writers.start()
            time.sleep(WARM_UP)
            begin = time.monotonic()
            time.sleep(asked.undisturbed)
            middle = time.monotonic()
            outcome, used = self._timed(contestant, place)
            end = time.monotonic()
            seen = writers.stop()
        finally:
            writers.end()
        times = [each for each, _ in seen]
        with closing(place.server.connect()) as connection:
            journals = [journal for _, journal in seen]
            lost = list(losses(connection, asked.table, asked.rows, journals, hot))
        before, during = (
            figures.phase(times, *moments, scheduled=load.rate is not None)
            for moments in ((begin, middle), (middle, end))
        )
        return outcome, used, (before, during), lost


# --- What is told -----------------------------------------------------------------------------------------------------


def conditions(asked: Asked, restored: Restored) -> dict[str, Any]:
    """Under which the results came about."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "fsm-ghost": f"{fsm_ghost.__version__}{_commit()}",
        "server": f"{asked.flavour} {restored.server.binary.version}",
        "settings": restored.settings,
        "table": asked.table.name,
        "rows": asked.rows,
        "MiB": round(restored.mib, 1),
        "alter": asked.alter,
        "load": asked.load.name if asked.load else "none",
        "rounds": asked.rounds,
        "tools": {tool.name: " ".join(tool.words) for tool in asked.tools},
        "cores": os.cpu_count(),
        "memory GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "PyMySQL": pymysql.VERSION_STRING,
        "load average at the beginning": round(os.getloadavg()[0], 2),
    }


def _commit() -> str:
    """The commit of this checkout, if it can be told, and whether something was changed since."""
    git, here = shutil.which("git"), Path(__file__).resolve().parent
    if git is None:
        return ""
    said = [
        subprocess.run([git, *words], cwd=here, capture_output=True, text=True, check=False).stdout.strip()
        for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--untracked-files=no", ".."))
    ]
    return f" ({said[0]}{', changed' if said[1] else ''})" if said[0] else ""


def machine(found: dict[str, Any]) -> Iterator[str]:
    """What the conditions say of server and machine, for people."""
    yield f"{found['server']}, fsm-ghost {found['fsm-ghost']}, Python {found['python']}, PyMySQL {found['PyMySQL']}"
    yield f"{found['cores']} cores, {found['memory GiB']} GiB, load average {found['load average at the beginning']}"
    yield ", ".join(f"{name} = {text}" for name, text in found["settings"].items())


def heading(found: dict[str, Any], asked: Asked) -> Iterator[str]:
    """The conditions, for people."""
    yield from machine(found)
    yield f"{asked.table.name} ({asked.table.about}): {asked.rows:,} rows, {found['MiB']} MiB. {asked.alter}"
    if asked.load:
        yield f"load {asked.load.name}: {WRITERS} writers, each transaction {ABOUT[asked.load.kind]}"
    yield f"medians of {asked.rounds} rounds" if asked.rounds > 1 else "one round: no more than an impression"


def missing(trial: Trial) -> Iterator[str]:
    """What could not be measured, and what is not in the figures."""
    yield from trial.absent
    if any(run.written_mib is None for run in trial.runs):
        yield "written MiB: the system does not tell what the server writes"
    yield "CPU and memory of the client of raw and native: it only sends a statement"
    if trial.runs:
        highest = max(run.load_average for run in trial.runs)
        yield f"what else the machine did: its load average before a run was {highest:.1f} at most"


def drawing(asked: Asked, trial: Trial, found: dict[str, Any]) -> str:
    """The results as bars."""
    runs = trial.runs
    names = figures.names(runs)
    panels = [Panel("wall time, relative to raw", {name: figures.ratio(runs, name, RAW) for name in names}, 1.0)]
    if asked.load:
        loaded = [name for name in names if name != RAW]
        panels += [
            Panel("writes per second, % of undisturbed", {n: _middle(runs, n, _share) for n in loaded}, 100.0, 0),
            Panel("longest gap between two writes, ms", {n: _middle(runs, n, _gap) for n in loaded}, decimals=0),
        ]
    title = f"{found['server']}: {asked.table.name}, {asked.rows:,} rows, load {found['load']}"
    return chart(title, asked.alter, panels)


def _middle(runs: Sequence[Run], name: str, of: Any) -> float | None:  # noqa: ANN401 - a function of a run
    found = figures.median(of(run) for run in figures.counted(runs, name))
    return found.value if found else None


def _share(run: Run) -> float | None:
    if run.before is None or run.during is None or not run.before.writes:
        return None
    return 100 * run.during.per_second / run.before.per_second


def _gap(run: Run) -> float | None:
    return run.during.gap if run.during else None


# --- The command line -------------------------------------------------------------------------------------------------


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """The options for which `server_options` looks."""
    parser.add_argument("--buffer-pool", default="1G", metavar="SIZE")
    parser.add_argument("--redo", default="2G", metavar="SIZE")


def server_options(given: argparse.Namespace) -> dict[str, str | int]:
    """The server's settings: commits are durable, and sizes are those that were given."""
    redo = "innodb-log-file-size" if given.flavour == "mariadb" else "innodb-redo-log-capacity"
    return {
        "innodb-buffer-pool-size": given.buffer_pool,
        redo: given.redo,
        "sync-binlog": 1,
        "innodb-flush-log-at-trx-commit": 1,
        "innodb-buffer-pool-load-at-startup": 0,  # the scan before each run does it, and is over when that begins
        "max-binlog-size": 1 << 30,
    }


def read(words: Sequence[str] | None = None) -> tuple[Asked, argparse.Namespace]:
    """What was asked for, and where results go."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flavour", choices=["mariadb", "mysql"])
    parser.add_argument("--table", choices=list(TABLES), default="sbtest")
    parser.add_argument("--rows", type=int, help="how many (default: 1,000,000; wide: 100,000)")
    parser.add_argument("--alter", help="other clauses than the table's own")
    parser.add_argument("--load", type=load_named, default="none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--undisturbed", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--limit", type=float, default=600.0, metavar="SECONDS", help="a run is ended after this")
    parser.add_argument("--tool", type=contestants.tool, action="append", default=[], metavar="NAME='…'")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--floor", action="store_true", help="also a server that only computes, and bare chunks")
    add_sizes(parser)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    given = parser.parse_args(words)
    table = TABLES[given.table]
    rows = given.rows or table.rows
    if rows < 1000 or given.rounds < 1:  # noqa: PLR2004 - the writers need some rows of their own
        parser.error("there have to be 1000 rows and one round at least")
    asked = Asked(
        given.flavour, table, rows, given.alter or table.alter, given.load, given.rounds, given.undisturbed,
        given.limit, tuple(given.tool), tuple(given.only), given.floor, server_options(given),
    )  # fmt: skip
    return asked, given


def main() -> int:
    """Measure, print and keep; 1 when this tool has lost something."""
    asked, given = read()
    try:
        server = PrivateServer(asked.flavour, asked.options)
    except ServerUnavailableError as error:
        raise SystemExit(str(error)) from None
    with server, tempfile.TemporaryDirectory(prefix="fsm-ghost-benchmark-") as folder:
        restored = Restored(server, asked.table, asked.rows, asked.alter, Path(folder))
        restored.make()
        found = conditions(asked, restored)
        trial = Trial(asked, restored, Path(folder))
        try:
            trial.run()
        except KeyboardInterrupt:
            trial.absent.append("the rest: interrupted")
    print("\n".join(heading(found, asked)), end="\n\n")
    print("\n".join(figures.costs(trial.runs, RAW)), end="\n\n")
    if asked.load:
        print("\n".join(figures.under_load(trial.runs)), end="\n\n")
    for remark in figures.remarks(trial.runs):
        print(remark)
    print("Not measured:", *missing(trial), sep="\n  ")
    if given.json:
        document = {"conditions": found, "absent": trial.absent, "runs": [asdict(run) for run in trial.runs]}
        given.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if given.plot:
        given.plot.write_text(drawing(asked, trial, found), encoding="utf-8")
    return 1 if any(run.losses for run in trial.runs if run.contestant.startswith("fsm-ghost")) else 0


if __name__ == "__main__":
    sys.exit(main())

"""How fast changed rows are brought over: `python -m benchmarks.refresh [mariadb|mysql] [--rows N] [--workers 1,2,4]`.

Fills a table and its ghost, makes keys dirty all over it, and has them refreshed by as many workers in batches of as
many keys as named: by the real refresher, one transaction a batch, on a server with durable commits that has nothing
else to do. Each figure is the median of several rounds over the same keys in another order. CPU time is that of this
process, and of the server; other load on the machine makes the rates lower and hardly changes the CPU time.
"""

from __future__ import annotations

# ruff: noqa: INP001, T201 - a script: it prints
import argparse
import os
import platform
import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pymysql

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.plan import Flavour as ServerFlavour
from fsm_ghost.model.plan import Plan, SwapMethod
from fsm_ghost.mysql import catalog, sample, statements
from fsm_ghost.mysql.alter import read_alter
from fsm_ghost.mysql.private import Flavour, PrivateServer
from fsm_ghost.mysql.session import Session
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services import planner
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.refresher import Left, Refresher
from fsm_ghost.settings import DefinitionSettings

NAMES = Names.for_table(TableName("bench", "orders"), datetime.now(UTC))
ALTER = "ADD COLUMN note VARCHAR(32) NOT NULL DEFAULT '', ADD INDEX status_changed (status, changed_at)"
MIGRATION = "benchmark"
FLAVOURS: tuple[Flavour, ...] = ("mariadb", "mysql")
OPTIONS: dict[str, str | int] = {
    "innodb-buffer-pool-size": "512M",
    "max-binlog-size": 1 << 30,
    "loose-innodb-redo-log-capacity": "512M",
    "loose-innodb-log-file-size": "512M",
}
BATCHES = (50, 200, 500)  # keys
MOST_KEYS = 20_000  # refreshed in one round
ROUNDS = 3


@dataclass(frozen=True)
class Measured:
    """One round: seconds, and CPU seconds of this process and of the server."""

    wall: float
    client: float
    server: float


def prepare(session: Session, flavour: Flavour, rows: int) -> Plan:
    """The table with its rows, and a ghost table that has all of them."""
    sample.create(session, NAMES.original, rows)
    session.execute(statements.create_like(NAMES.ghost, NAMES.original, MIGRATION))
    session.execute(statements.alter(NAMES.ghost, ALTER, MIGRATION))
    original, ghost = (catalog.definition(session, name) for name in (NAMES.original, NAMES.ghost))
    if original is None or ghost is None:
        raise SystemExit("the table is gone")
    alteration = read_alter(ALTER, NAMES.original.schema, NAMES.original.name)
    mode = catalog.variable(session, "innodb_autoinc_lock_mode")
    plan = planner.make_plan(NAMES, alteration, original, ghost, SwapMethod.SENTRY, mode, DefinitionSettings())
    session.execute(Statements(plan, ServerFlavour(flavour), MIGRATION).copy(KeyRange(None, None)))
    return plan


def refresh(crew: Crew[Left], refresher: Refresher, batches: Sequence[Sequence[Key]], bell: threading.Event) -> None:
    """Have every batch refreshed by whichever worker is idle."""
    waiting = [partial(refresher.refresh, keys=batch) for batch in reversed(batches)]
    while waiting or crew.busy:
        while waiting and crew.idle:
            crew.assign(waiting.pop())
        bell.wait()
        bell.clear()
        if any(left != Left() for left in crew.collect()):
            raise SystemExit("a key was left out, although nobody holds a lock")


def timed(server: PrivateServer, work: Callable[[], None]) -> Measured:
    """What it takes."""
    wall, client, used = time.perf_counter(), time.process_time(), cpu_of(server)
    work()
    return Measured(time.perf_counter() - wall, time.process_time() - client, cpu_of(server) - used)


def cpu_of(server: PrivateServer) -> float:
    """CPU seconds that the server has used."""
    fields = Path(f"/proc/{server.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(server: PrivateServer, rows: int, workers: Sequence[int], say: Callable[[str], None]) -> None:
    """Refresh the same keys with every number of workers and in every size of batches; say what it took."""
    arguments: dict[str, Any] = {"unix_socket": server.socket, "user": "root", "charset": "utf8mb4"}
    session = Session(arguments)
    plan = prepare(session, server.flavour, rows)
    refresher = Refresher(Statements(plan, ServerFlavour(server.flavour), MIGRATION), plan)
    choice = random.Random(1)
    keys: list[Key] = [(number,) for number in choice.sample(range(1, rows + 1), min(rows, MOST_KEYS))]
    say(f"{len(keys):,} keys all over the table, {describe(session)}")
    say("workers   batch    keys/s  (from       to)  ms/batch  CPU µs/key: client  server")
    for count in workers:
        bell = threading.Event()
        crew = Crew[Left]("refresher", [refresher.set_up(Session(arguments)) for _ in range(count)], bell)
        for size in BATCHES:
            rounds = []
            for _ in range(ROUNDS):
                choice.shuffle(keys)
                batches = [keys[first : first + size] for first in range(0, len(keys), size)]
                rounds.append(timed(server, partial(refresh, crew, refresher, batches, bell)))
            say(line(count, size, len(keys), rounds))
        crew.close()
    session.close()


def describe(session: Session) -> str:
    """How durable the server's commits are."""
    names = ("sync_binlog", "innodb_flush_log_at_trx_commit", "innodb_flush_method", "log_bin")
    values = catalog.variables(session, names)
    return ", ".join(f"{name} = {values[name]}" for name in names)


def line(workers: int, size: int, keys: int, rounds: Sequence[Measured]) -> str:
    """One line of the table."""
    wall, client, server = (
        sorted(times) for times in zip(*((one.wall, one.client, one.server) for one in rounds), strict=True)
    )
    batch = statistics.median(wall) * workers / -(-keys // size)
    cpu = (statistics.median(times) / keys * 1e6 for times in (client, server))
    rates = f"{keys / statistics.median(wall):10,.0f}{keys / wall[-1]:9,.0f}{keys / wall[0]:9,.0f}"
    return f"{workers:7}{size:8}{rates}{batch * 1000:11.1f}" + "{:20.1f}{:8.1f}".format(*cpu)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flavour", nargs="?", choices=["mariadb", "mysql"], help="both when it is not given")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", default="1,2,4", help="numbers of workers, with commas (default: %(default)s)")
    chosen = parser.parse_args()
    workers = [int(number) for number in chosen.workers.split(",")]
    for flavour in [chosen.flavour] if chosen.flavour else FLAVOURS:
        with PrivateServer(flavour, OPTIONS) as server:
            load = " ".join(f"{part:.1f}" for part in os.getloadavg())
            python = f"Python {platform.python_version()}, PyMySQL {pymysql.VERSION_STRING}"
            print(f"\n{flavour} {server.binary.version}, {python}, {os.cpu_count()} CPUs, load {load}")
            print(f"{chosen.rows:,} rows of the practice table, data in {server.datadir.parent.parent}, Unix socket")
            measure(server, chosen.rows, workers, print)


if __name__ == "__main__":
    main()

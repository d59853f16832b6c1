"""How swaps under load end: `python benchmarks/cutover.py --server mariadb|mysql [--swaps N] [--writers N] …`.

Migrates a small table of a private server again and again while writers write to it, in this process, and compares the
table with the writers' journals of what the server acknowledged. Prints how many swaps there were, how many attempts
were given up, what was lost, which errors the writers saw, how long a swap held them up, and the longest that one of
them waited for a transaction, for whatever reason.

--reader     somebody reads the ghost table in a transaction when it is to be swapped: before the lock, or behind it
--disturbed  long SELECTs and idle transactions on the original all the time; --swaps is the number of attempts then
--sentry     two sessions swap behind a sentry table, on MySQL too, and not before a writer waits for the lock
--teeth      the same, with names of ours that sort before the original's: what must not be. Writes have to escape

Attempts follow each other at once instead of after a growing pause. Everything runs on one machine and in one process:
what a writer waits for is also Python and the processor.
"""

from __future__ import annotations

# ruff: noqa: INP001, S608, T201 - a script: it prints, and the SQL is its own
import argparse
import itertools
import math
import os
import platform
import queue
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pymysql

from fsm_ghost import migration
from fsm_ghost.engine.store import Store
from fsm_ghost.errors import ServerError
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.plan import SwapMethod
from fsm_ghost.mysql import sample, sessions
from fsm_ghost.mysql.private import PrivateServer
from fsm_ghost.mysql.quoting import table
from fsm_ghost.mysql.session import Session, connect_arguments
from fsm_ghost.mysql.sessions import Listed
from fsm_ghost.services import dataplane, swapper
from fsm_ghost.services.builder import Builder
from fsm_ghost.services.swapper import Attempt, Swapper
from fsm_ghost.settings import CopySettings, CutOverSettings, ServerSettings, Settings

ROWS = 500
ROUND = 100  # swaps of one table, which its writers make longer; then its journals are looked at, and it is made anew
OPTIONS: dict[str, str | int] = {"max-connections": 500, "max-binlog-size": 1 << 26}
_PAUSE = 0.3  # seconds between attempts, at most
_SHORT, _LONG = 0.3, 2.5  # times the budget: how long somebody reads
_LOOK_EVERY = 0.002  # seconds


@dataclass(frozen=True)
class Load:
    """What goes on while the tables are swapped. `rate` is transactions per second of all writers together."""

    writers: int = 16
    rate: float = 400.0
    budget: float = 1.0
    reader: bool = False
    disturbers: int = 0
    sentry: bool = False
    sorts_before: bool = False


@dataclass
class Tally:
    """What came of it."""

    attempts: list[Attempt] = field(default_factory=list)
    endings: Counter[int] = field(default_factory=Counter)
    losses: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    longest: float = 0.0
    commits: int = 0
    conflicts: int = 0
    escaped: int = 0
    healed: int = 0
    unclear: int = 0
    reads: Counter[str] = field(default_factory=Counter)

    @property
    def swaps(self) -> int:
        """How many migrations have swapped their tables."""
        return self.endings.total()

    @property
    def given_up(self) -> list[Attempt]:
        """The attempts that came to nothing."""
        return [attempt for attempt in self.attempts if attempt.given_up]

    @property
    def stalls(self) -> list[float]:
        """How long each swap has held writers up, in seconds."""
        return [attempt.stall for attempt in self.attempts if not attempt.given_up]


class Hammer:
    """Swaps one table under load, in this thread."""

    def __init__(self, server: ServerSettings, name: TableName, folder: Path, load: Load, seed: int = 1) -> None:
        self._server = server
        self._arguments = connect_arguments(server)
        self._name = name
        self._state_file = folder / "state.db"
        self._load = load
        self._chance = random.Random(seed)
        self.tally = Tally()

    def swap(self, swaps: int) -> None:
        """So many migrations of a new table, one after the other."""
        with self._at_work():
            for number in range(swaps):
                self._migrate(number)

    def attempt(self, attempts: int) -> None:
        """Migrations of a new table until there were so many attempts more; then nobody disturbs the last one."""
        wanted, number = len(self.tally.attempts) + attempts, 0
        with self._at_work():
            while len(self.tally.attempts) < wanted:
                with self._disturbed(wanted):
                    self._migrate(number)
                number += 1

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        load, session = self._load, Session(self._arguments)
        with closing(session), self._seams():
            session.execute(f"DROP TABLE IF EXISTS {table(self._name)}")
            sample.create(session, self._name, ROWS)
            seed = self._chance.randrange(10**6)
            writers = sample.Writers(
                self._arguments, self._name, ROWS, count=load.writers, rate=load.rate, seed=seed
            ).start()
            try:
                yield
            finally:
                writers.stop()
            tally = self.tally
            tally.losses += sample.losses(session, self._name, writers)
            tally.errors += writers.errors
            tally.longest = max(tally.longest, writers.longest)
            tally.commits += writers.commits
            tally.conflicts += sum(journal.conflicts for journal in writers.journals)

    def _migrate(self, number: int) -> None:
        settings = Settings(
            self._server,
            self._name.schema,
            self._name.name,
            "DROP COLUMN extra" if number % 2 else "ADD COLUMN extra INT NOT NULL DEFAULT 7",
            execute=True,
            copy=CopySettings(chunk_size=1000),
            cut_over=CutOverSettings(lock_timeout=self._load.budget, attempts=100_000, drop_old_table=True),
        )
        with closing(Store(self._state_file)) as store:
            begun = migration.begin(settings, store)
            ending = migration.drive(store, begun, self._server, publish=lambda _: None, stop=threading.Event())
        swap = ending.snapshot.progress.swap
        if swap is None or swap.escaped is None:
            raise SystemExit(f"not swapped, or nobody looked for escaped writes: {ending.phase}, {ending.report}")
        self.tally.endings[ending.exit_code] += 1
        self.tally.escaped += swap.escaped
        self.tally.healed += swap.healed
        self.tally.unclear += len(swap.unclear)

    @contextmanager
    def _seams(self) -> Iterator[None]:
        """What is different from a real migration, for as long as this lasts."""
        attempt = Swapper.attempt

        def noted(self_: Swapper, *, rehearsal: bool = False) -> Attempt:
            found = attempt(self_, rehearsal=rehearsal)
            self.tally.attempts.append(found)
            return found

        with ExitStack() as stack:
            stack.enter_context(_put(Swapper, "attempt", noted))
            stack.enter_context(_put(dataplane, "_LONGEST_BACK_OFF", _PAUSE))
            if self._load.sorts_before:
                stack.enter_context(_put(Names, "for_table", names_that_sort_before))
            at_points: list[Callable[[str], None]] = []
            if self._load.sentry:
                stack.enter_context(_put(Builder, "swap_method", lambda _: SwapMethod.SENTRY))
                queue_of_writers = stack.enter_context(closing(QueueOfWriters(self._arguments, self._load.budget)))
                at_points.append(queue_of_writers.at)
            if self._load.reader:
                ghost = Names.for_table(self._name, datetime.now().astimezone()).ghost
                reader = GhostReader(self._arguments, ghost, self._load.budget, self.tally.reads)
                at_points.append(stack.enter_context(closing(reader)).at)
            stack.enter_context(_put(swapper, "fault_point", lambda point: [at(point) for at in at_points]))
            yield

    @contextmanager
    def _disturbed(self, wanted: int) -> Iterator[None]:
        """Others use the table, each for a while and again, until there were so many attempts."""
        over = threading.Event()

        def disturb(seed: int) -> None:
            chance = random.Random(seed)
            with closing(Session(self._arguments)) as session:
                while not over.is_set() and len(self.tally.attempts) < wanted:
                    use_for_a_while(session, self._name, chance.uniform(0.1, 3 * self._load.budget), chance, over)
                    over.wait(chance.uniform(0.0, self._load.budget))

        threads = [
            threading.Thread(target=disturb, args=(self._chance.randrange(10**6),))
            for _ in range(self._load.disturbers)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()


def use_for_a_while(
    session: Session, name: TableName, seconds: float, chance: random.Random, over: threading.Event
) -> None:
    """A long SELECT, or a transaction that has read the table and idles."""
    if chance.random() < 0.5:  # noqa: PLR2004 - one or the other
        session.query(f"SELECT SLEEP({seconds:.2f}) FROM {table(name)} LIMIT 1")
        return
    session.begin()
    session.query(f"SELECT id FROM {table(name)} LIMIT 1")
    over.wait(seconds)
    session.rollback()


class QueueOfWriters:
    """Sees to it that somebody waits for the original when it is let go: he may not get it before the RENAME does."""

    def __init__(self, arguments: Mapping[str, Any], budget: float) -> None:
        self._budget = budget
        self._watcher = Session(arguments)

    def at(self, point: str) -> None:
        """The swap has come to this fault point."""
        if point == "swap.before-sentry-drop":
            until_listed(self._watcher, self._budget / 2, lambda each: "RENAME" not in each.statement)

    def close(self) -> None:
        """Close the connection."""
        self._watcher.close()


class GhostReader:
    """Somebody whose transactions read the ghost table when it is swapped, in a different way for each attempt.

    He has read it before the lock is asked for, or waits behind the lock and reads as soon as it is gone; and his
    transaction ends within the budget, or not. While a long one is open he does nothing new.
    """

    def __init__(self, arguments: Mapping[str, Any], ghost: TableName, budget: float, reads: Counter[str]) -> None:
        self._ghost = ghost
        self._budget = budget
        self._reads = reads
        self._ways = itertools.cycle(itertools.product(("behind", "before", ""), (_LONG, _SHORT)))
        self._way, self._length = "", 0.0
        self._session, self._watcher = Session(arguments), Session(arguments)
        self._orders: queue.SimpleQueue[float | None] = queue.SimpleQueue()
        self._idle, self._reading, self._over = threading.Event(), threading.Event(), threading.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._run, name="ghost reader")
        self._thread.start()

    def at(self, point: str) -> None:
        """The swap has come to this fault point."""
        if point == "swap.before-lock":
            self._way, self._length = next(self._ways) if self._idle.is_set() else ("", 0.0)
        if (self._way, point) == ("before", "swap.before-lock"):
            self._read()
            self._reading.wait(self._budget)
        elif (self._way, point) == ("behind", "swap.after-lock"):
            self._read()
            until_listed(self._watcher, self._budget / 2, lambda each: each.connection == self._session.id)

    def close(self) -> None:
        """Let him end."""
        self._over.set()
        self._orders.put(None)
        self._thread.join()
        self._session.close()
        self._watcher.close()

    def _read(self) -> None:
        self._reads[f"{'long' if self._length == _LONG else 'short'}, {self._way} the lock"] += 1
        self._idle.clear()
        self._reading.clear()
        self._orders.put(self._budget * self._length)

    def _run(self) -> None:
        while (seconds := self._orders.get()) is not None:
            self._session.begin()
            with suppress(ServerError):  # the table is gone: it was swapped
                self._session.query(f"SELECT COUNT(*) FROM {table(self._ghost)}")
                self._reading.set()
                self._over.wait(seconds)
            self._session.rollback()
            self._idle.set()


def until_listed(watcher: Session, seconds: float, who: Callable[[Listed], bool]) -> None:
    """Wait until somebody like that is seen waiting for a table, but not for long: writers wait as well."""
    ends = time.monotonic() + seconds
    while not any(each.waits_for_table and who(each) for each in sessions.listed(watcher)):
        if time.monotonic() > ends:
            return
        time.sleep(_LOOK_EVERY)


def names_that_sort_before(original: TableName, started_at: datetime) -> Names:
    """Names as gh-ost gives them: RENAME takes the locks of all of them before that of the original."""

    def beside(suffix: str) -> TableName:
        return original.sibling(f"_{original.name}{suffix}")

    return Names(
        original=original,
        ghost=beside("_gho"),
        changelog=beside("_ghc"),
        marker=beside("_ghm"),
        swapped=beside("_ghs"),
        old=beside(f"_{started_at:%Y%m%d%H%M%S}_del"),
    )


@contextmanager
def _put(owner: Any, name: str, value: object) -> Iterator[None]:  # noqa: ANN401 - a module or a class
    """Something in another's place."""
    real = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, real)


def told(tally: Tally) -> Iterator[str]:
    """The figures, for people."""

    def milliseconds(values: list[float]) -> str:
        ordered = sorted(values)
        if not ordered:
            return "none"
        p95 = ordered[min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)]
        each = (statistics.median(ordered), p95, ordered[-1])
        return "median {:.0f} ms, 95 % within {:.0f} ms, longest {:.0f} ms".format(*(1000 * value for value in each))

    given_up = tally.given_up
    yield f"swaps           {tally.swaps} in {len(tally.attempts)} attempts; {len(given_up)} given up"
    yield f"losses          {len(tally.losses)} of {tally.commits} acknowledged transactions"
    yield f"escaped rows    {tally.escaped}: {tally.healed} healed, {tally.unclear} left to people"
    yield f"errors          {len(tally.errors)}, besides {tally.conflicts} deadlocks and lock timeouts"
    yield f"stall of a swap {milliseconds(tally.stalls)}"
    if given_up:
        yield f"  of one given up {milliseconds([attempt.stall for attempt in given_up])}"
        causes = Counter(re.sub("^[0-9]+ ", "", attempt.given_up.partition(":")[0]) for attempt in given_up)
        yield from (f"    {count} times {cause}" for cause, count in causes.most_common())
    yield f"longest gap     {1000 * tally.longest:.0f} ms that a writer waited for one transaction"
    yield from (f"ghost was read  {count} times: {how}" for how, count in sorted(tally.reads.items()))
    yield from (f"LOST            {loss}" for loss in tally.losses[:10])
    yield from (f"ERROR           {error}" for error in tally.errors[:10])


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["mariadb", "mysql"], required=True)
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--rate", type=float, default=400.0, help="transactions per second of all writers together")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds that a swap may take")
    parser.add_argument("--reader", action="store_true")
    parser.add_argument("--disturbed", action="store_true")
    parser.add_argument("--sentry", action="store_true")
    parser.add_argument("--teeth", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Swap and print; 1 when something was lost, or somebody saw an error."""
    asked = arguments()
    load = Load(
        writers=asked.writers,
        rate=asked.rate,
        budget=asked.budget,
        reader=asked.reader,
        disturbers=4 * asked.disturbed,
        sentry=asked.sentry or asked.teeth,
        sorts_before=asked.teeth,
    )
    began = time.monotonic()
    with PrivateServer(asked.server, OPTIONS) as server, tempfile.TemporaryDirectory() as folder:
        print(
            f"{asked.server} {server.binary.version}, Python {platform.python_version()}, {os.cpu_count()} CPUs, ",
            end="",
        )
        print(f"PyMySQL {pymysql.VERSION_STRING}, load {os.getloadavg()[0]:.1f}")
        print(f"{load}; {ROWS} rows at first, Unix socket, durable commits")
        settings = ServerSettings(user=server.user, socket=server.socket)
        hammer = Hammer(settings, TableName("bench", "orders"), Path(folder), load)
        for first in range(0, asked.swaps, ROUND):
            (hammer.attempt if asked.disturbed else hammer.swap)(min(ROUND, asked.swaps - first))
    print("\n".join(told(hammer.tally)))
    print(f"{time.monotonic() - began:.0f} s, load at the end {os.getloadavg()[0]:.1f}")
    return 1 if hammer.tally.losses or hammer.tally.errors else 0


if __name__ == "__main__":
    sys.exit(main())

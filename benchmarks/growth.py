"""How cost grows, and whether the forecast is right: `python -m benchmarks.growth mariadb|mysql [--rows N,…] …`.

For each number of rows × secondary indexes a table is made on a private server. `fsm-ghost plan` says what migrating it
will cost, then `fsm-ghost start` carries it out, each on the server as it was when the table had been made. What was
said is compared with what it came to, and a line is fitted: wall = start + rows × (a + b × indexes).

--load        as in `benchmarks.migrate`; plan and start both run under it
--tolerance   by how much a forecast may be off; exit code 1 when one is off by more, or a run failed

InnoDB takes 64 secondary indexes at most.
"""

from __future__ import annotations

# ruff: noqa: INP001, T201 - a script: it prints
import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks import contestants, figures, migrate
from benchmarks.chart import Line, line_chart
from benchmarks.contestants import Outcome, Place, Program
from benchmarks.fit import Fit, fitted
from benchmarks.load import load_named
from benchmarks.restored import Restored
from benchmarks.tables import MOST_INDEXES, SCHEMA, many_indexes
from fsm_ghost.mysql.private import PrivateServer, ServerUnavailableError

_LEAST_ROWS: Final = 1000  # the writers need some of their own
_UNDISTURBED: Final = 1.0  # seconds that writers work alone
_MIB: Final = 1 << 20
_PLAN: Final = Program("plan", contestants.fsm_ghost("plan", "--json"), changes=False)
_START: Final = Program("start", (*contestants.fsm_ghost("start", "--execute"), "--report-path", "{folder}"))


@dataclass(frozen=True)
class Case:
    """One table: what was said of its migration, and what that came to. Seconds and bytes; `trouble`: it did not work.

    `parts` and `said_parts` are the seconds of each state, and of each part of the forecast.
    """

    rows: int
    indexes: int
    round: int
    trouble: str = ""
    said: float = 0.0
    wall: float = 0.0
    said_disk: int = 0
    disk: int = 0
    said_binlog: int = 0
    binlog: int = 0
    said_rows: int = 0
    sampled: int = 0
    said_parts: dict[str, float] | None = None
    parts: dict[str, float] | None = None
    losses: tuple[str, ...] = ()
    load_average: float = 0.0

    @property
    def ratio(self) -> float:
        """What was said, relative to what it came to."""
        return self.said / self.wall if self.wall else 0.0

    def is_off(self, tolerance: float) -> bool:
        """Whether the forecast of the time was off by more than this share of what it came to."""
        return not self.trouble and abs(self.ratio - 1) > tolerance


@dataclass
class Watched:
    """A contestant, and what is to be known of its run besides its time."""

    program: Program
    output: str
    document: dict[str, Any] | None = None
    binlog: int = 0
    disk: int = 0

    @property
    def name(self) -> str:
        """The program's."""
        return self.program.name

    @property
    def changes(self) -> bool:
        """Whether the program changes the table."""
        return self.program.changes

    def run(self, place: Place) -> Outcome:
        """Run the program; its document, the bytes that the binlog grew by, and those of the table's file."""
        before = _binlog(place.server)
        outcome = self.program.run(place)
        self.binlog = _binlog(place.server) - before
        self.disk = (place.server.datadir / SCHEMA / f"{place.table.name}.ibd").stat().st_size
        if not outcome.trouble:
            self.document = json.loads((place.folder / self.output).read_text(encoding="utf-8"))
        return outcome


def _binlog(server: PrivateServer) -> int:
    """The bytes of all files of the binary log."""
    return sum(int(row[1]) for row in server.execute("SHOW BINARY LOGS"))


def measured(trial: migrate.Trial, rows: int, indexes: int, number: int) -> Case:
    """The forecast, and what then happens."""
    plan, start = Watched(_PLAN, "output"), Watched(_START, "report.json")
    planned = trial.one(plan, number)
    done = trial.one(start, number)
    trouble = "; ".join(f"{run.contestant}: {run.trouble}" for run in (planned, done) if run.trouble)
    case = Case(rows, indexes, number, trouble, wall=done.wall, losses=done.losses, load_average=done.load_average)
    if trouble or plan.document is None or start.document is None:
        return case
    said = plan.document["plan"]["forecast"]
    return replace(
        case,
        said=said["seconds"],
        said_disk=said["disk"],
        disk=start.disk,
        said_binlog=said["binlog"],
        binlog=start.binlog,
        said_rows=said["rows"],
        sampled=said["sampled"],
        said_parts={name: value for name, value in said.items() if name.endswith("_seconds")},
        parts={state["state"]: state["seconds"] for state in start.document["states"]},
    )


# --- What is told -----------------------------------------------------------------------------------------------------


def report(cases: Sequence[Case], tolerance: float) -> Iterator[str]:
    """A line for each case, and what was off."""
    yield (
        f"{'rows':>12}{'indexes':>9}{'said s':>10}{'wall s':>10}{'ratio':>8}"
        f"{'said MiB':>10}{'disk MiB':>10}{'said binlog':>13}{'binlog MiB':>12}"
    )
    for case in cases:
        if case.trouble:
            yield f"{case.rows:12,}{case.indexes:9}  {case.trouble}"
            continue
        yield (
            f"{case.rows:12,}{case.indexes:9}{case.said:10.2f}{case.wall:10.2f}{case.ratio:8.2f}"
            f"{case.said_disk / _MIB:10.1f}{case.disk / _MIB:10.1f}"
            f"{case.said_binlog / _MIB:13.1f}{case.binlog / _MIB:12.1f}"
        )
    yield ""
    off = [case for case in cases if case.is_off(tolerance)]
    worked = sum(1 for case in cases if not case.trouble)
    yield f"{len(off)} of {worked} forecasts were off by more than {tolerance:.0%}"
    for case in off:
        yield f"  {case.rows:,} rows, {case.indexes} indexes: {case.said:.2f} s said, {case.wall:.2f} s taken"


def growth(cases: Sequence[Case]) -> Fit | None:
    """The fit of wall = start + rows × (a + b × indexes); None where there are too few different cases to tell."""
    return fitted(
        [((1.0, float(case.rows), float(case.rows * case.indexes)), case.wall) for case in cases if not case.trouble]
    )


def told(fit: Fit | None, cases: Sequence[Case]) -> Iterator[str]:
    """The line that was fitted, and how far each case is from it."""
    if fit is None:
        yield "no fit: it takes at least two numbers of rows, and two of indexes"
        return
    start, row, index = fit.factors
    yield (
        f"wall = {start:.2f} s + rows × ({row * 1e6:.2f} µs + {index * 1e6:.3f} µs × indexes),"
        f" root mean square error {fit.error:.2f} s"
    )
    worked = [case for case in cases if not case.trouble]
    for case, residual in zip(worked, fit.residuals, strict=True):
        yield f"  {case.rows:,} rows, {case.indexes} indexes: {residual:+.2f} s ({residual / case.wall:+.0%} of it)"


def drawing(title: str, remark: str, cases: Sequence[Case]) -> str:
    """Wall time by rows, a line for each number of indexes; what was said is dashed."""
    worked = [case for case in cases if not case.trouble]
    lines = []
    for indexes in sorted({case.indexes for case in worked}):
        same = [case for case in worked if case.indexes == indexes]
        name = f"{indexes} index{'es' if indexes > 1 else ''}"
        lines.append(Line(name, _medians(same, "wall"), _medians(same, "said")))
    return line_chart(title, remark, "rows", "seconds (dashed: the forecast)", lines)


def _medians(cases: Sequence[Case], field: str) -> dict[float, float]:
    found = {
        rows: figures.median(getattr(case, field) for case in cases if case.rows == rows)
        for rows in sorted({case.rows for case in cases})
    }
    return {float(rows): median.value for rows, median in found.items() if median}


# --- The command line -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What was asked for, besides what `benchmarks.migrate` is asked for."""

    rows: tuple[int, ...]
    indexes: tuple[int, ...]
    tolerance: float
    json: Path | None
    plot: Path | None
    base: migrate.Asked


def numbers(least: int, most: int | None = None) -> Any:  # noqa: ANN401 - what argparse takes as a type
    """The type of an option that is a list of numbers, each once, in order."""

    def read_numbers(text: str) -> tuple[int, ...]:
        try:
            found = tuple(sorted({int(word) for word in text.split(",")}))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not N,N,…") from None
        if found[0] < least or (most is not None and found[-1] > most):
            raise argparse.ArgumentTypeError(f"{text!r}: from {least}" + (f" to {most}" if most is not None else ""))
        return found

    return read_numbers


def read(words: Sequence[str] | None = None) -> Wanted:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flavour", choices=["mariadb", "mysql"])
    parser.add_argument("--rows", type=numbers(_LEAST_ROWS), default="100000,1000000", metavar="N,…")
    parser.add_argument("--indexes", type=numbers(0, MOST_INDEXES), default="1,10,60", metavar="N,…")
    parser.add_argument("--load", type=load_named, default="none")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--tolerance", type=float, default=0.3, metavar="SHARE")
    parser.add_argument("--limit", type=float, default=3600.0, metavar="SECONDS", help="a run is ended after this")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    migrate.add_sizes(parser)
    given = parser.parse_args(words)
    if given.rounds < 1:
        parser.error("--rounds: there has to be one at least")
    table = many_indexes(given.indexes[0])
    base = migrate.Asked(
        given.flavour, table, given.rows[0], table.alter, given.load, given.rounds, _UNDISTURBED, given.limit,
        (), (), floor=False, options=migrate.server_options(given),
    )  # fmt: skip
    return Wanted(given.rows, given.indexes, given.tolerance, given.json, given.plot, base)


def _cases(wanted: Wanted, conditions: dict[str, Any]) -> Iterator[Case]:
    """Every case, each with a server of its own; `conditions` are told with the first."""
    for rows in wanted.rows:
        for indexes in wanted.indexes:
            asked = replace(wanted.base, table=many_indexes(indexes), rows=rows)
            with (
                PrivateServer(asked.flavour, asked.options) as server,
                tempfile.TemporaryDirectory(prefix="fsm-ghost-benchmark-") as folder,
            ):
                restored = Restored(server, asked.table, asked.rows, asked.alter, Path(folder))
                restored.make()
                if not conditions:
                    found = migrate.conditions(asked, restored)
                    conditions.update({**found, "rows": wanted.rows, "indexes": wanted.indexes})
                trial = migrate.Trial(asked, restored, Path(folder))
                for number in range(1, asked.rounds + 1):
                    yield measured(trial, rows, indexes, number)


def main() -> int:
    """Measure, print and keep; 1 when a forecast was off by too much, or something did not work."""
    wanted = read()
    conditions: dict[str, Any] = {}
    cases: list[Case] = []
    try:
        with closing(_cases(wanted, conditions)) as found:  # type: ignore[type-var]
            for case in found:
                cases.append(case)
                print(
                    f"{case.rows:,} rows, {case.indexes} indexes: {case.trouble or f'{case.wall:.2f} s'}",
                    file=sys.stderr,
                )
    except ServerUnavailableError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        print("interrupted: the rest is not measured", file=sys.stderr)
    if not cases:
        return 1
    fit = growth(cases)
    print("\n".join((*migrate.machine(conditions), f"{wanted.base.alter}, load {conditions['load']}")), end="\n\n")
    print("\n".join(report(cases, wanted.tolerance)), end="\n\n")
    print("\n".join(told(fit, cases)))
    if wanted.json:
        document = {
            "conditions": conditions,
            "cases": [{**asdict(case), "ratio": case.ratio} for case in cases],
            "fit": asdict(fit) if fit else None,
        }
        wanted.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if wanted.plot:
        title = f"{conditions['server']}: a migration, by rows and secondary indexes, load {conditions['load']}"
        wanted.plot.write_text(drawing(title, wanted.base.alter, cases), encoding="utf-8")
    return 1 if any(case.trouble or case.losses or case.is_off(wanted.tolerance) for case in cases) else 0


if __name__ == "__main__":
    sys.exit(main())

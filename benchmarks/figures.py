"""What was measured, put into figures: latencies, gaps, medians of rounds, and the tables that are printed."""

from __future__ import annotations

# ruff: noqa: INP001 - a script's part
import math
import statistics
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Times:
    """When the writes of one writer were due, sent and acknowledged, and those that ended in an error; in seconds."""

    due: array[float] = field(default_factory=lambda: array("d"))
    sent: array[float] = field(default_factory=lambda: array("d"))
    acknowledged: array[float] = field(default_factory=lambda: array("d"))
    errors: list[tuple[float, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Phase:
    """What the application saw for a while. Latencies and gaps are in milliseconds, None where there was no write.

    `late99` is counted from when a write was due, not from when it could be sent: None where none is ever due.
    """

    seconds: float
    writes: int
    per_second: float
    p50: float | None
    p99: float | None
    worst: float | None
    late99: float | None
    gap: float
    errors: dict[str, int]


@dataclass(frozen=True)
class Run:
    """One run of one contestant. `trouble` says why it is not to be counted; what could not be measured is None."""

    contestant: str
    round: int
    wall: float
    trouble: str = ""
    client_cpu: float | None = None
    client_mib: float | None = None
    server_cpu: float | None = None
    written_mib: float | None = None
    load_average: float = 0.0
    before: Phase | None = None
    during: Phase | None = None
    losses: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it did what it was asked for."""
        return not self.trouble


@dataclass(frozen=True)
class Median:
    """The median of a contestant's rounds, the lowest, and the highest."""

    value: float
    low: float
    high: float


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the ordered values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def longest_gap(acknowledged: Iterable[float], begin: float, end: float) -> float:
    """The longest time between two acknowledged writes, whoever's; it may reach up to the begin and the end."""
    longest, last = 0.0, begin
    for moment in sorted(moment for moment in acknowledged if begin <= moment <= end):
        longest, last = max(longest, moment - last), moment
    return max(longest, end - last)


def phase(all_times: Sequence[Times], begin: float, end: float, *, scheduled: bool = True) -> Phase:
    """What all writers together saw between two moments: latencies and errors of what was sent in between."""
    latencies: list[float] = []
    late: list[float] = []
    for times in all_times:
        for due, sent, acknowledged in zip(times.due, times.sent, times.acknowledged, strict=True):
            if begin <= sent < end:
                latencies.append(acknowledged - sent)
                late.append(acknowledged - due)
    latencies.sort()
    late.sort()
    moments = [moment for times in all_times for moment in times.acknowledged if begin <= moment < end]
    errors = Counter(error for times in all_times for sent, error in times.errors if begin <= sent < end)
    return Phase(
        end - begin,
        len(moments),
        len(moments) / (end - begin),
        _milliseconds(percentile(latencies, 0.5)),
        _milliseconds(percentile(latencies, 0.99)),
        _milliseconds(percentile(latencies, 1.0)),
        _milliseconds(percentile(late, 0.99)) if scheduled else None,
        1000 * longest_gap(moments, begin, end),
        dict(errors.most_common()),
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def median(values: Iterable[float | None]) -> Median | None:
    """The median of those that were measured."""
    known = [value for value in values if value is not None]
    return Median(statistics.median(known), min(known), max(known)) if known else None


def names(runs: Sequence[Run]) -> list[str]:
    """The contestants, in the order of their first runs."""
    return list(dict.fromkeys(run.contestant for run in runs))


def counted(runs: Sequence[Run], name: str) -> list[Run]:
    """A contestant's runs that did what they were asked for."""
    return [run for run in runs if run.contestant == name and run.counts]


def ratio(runs: Sequence[Run], name: str, unit: str) -> float | None:
    """How long a contestant takes, relative to another: the quotient of the medians."""
    own, other = (median(run.wall for run in counted(runs, each)) for each in (name, unit))
    return own.value / other.value if own and other else None


# --- In columns -------------------------------------------------------------------------------------------------------


def costs(runs: Sequence[Run], unit: str) -> Iterator[str]:
    """What each contestant took, a line for each."""
    heads = {"wall s": 8, "(from": 8, "to)": 8, "× raw": 7, "client CPU s": 14, "client MiB": 12, "server CPU s": 14}
    yield _heads("", {**heads, "written MiB": 13})
    for name in names(runs):
        done = counted(runs, name)
        wall = median(run.wall for run in done)
        if wall is None:
            yield f"{name:34}{'no run succeeded':>31}"
            continue
        cells = [f"{wall.value:8.2f}{wall.low:8.2f}{wall.high:8.2f}", _cell(ratio(runs, name, unit), 7, 2)]
        cells.append(_cell(_middle(run.client_cpu for run in done), 14, 2))
        cells.append(_cell(_middle(run.client_mib for run in done), 12, 0))
        cells.append(_cell(_middle(run.server_cpu for run in done), 14, 2))
        cells.append(_cell(_middle(run.written_mib for run in done), 13, 1))
        yield f"{name:34}{''.join(cells)}"


def under_load(runs: Sequence[Run]) -> Iterator[str]:
    """What the application saw of each contestant: two lines, undisturbed and during the migration."""
    heads = {"writes/s": 9, "%": 6, "p50 ms": 8, "p99 ms": 8, "max ms": 9, "p99 due": 9, "gap ms": 9, "errors": 8}
    yield _heads(" " * 12, {**heads, "lost": 6})
    for name in names(runs):
        done = [run for run in runs if run.contestant == name and run.during and run.before]
        if not done:
            continue
        before = [run.before for run in done if run.before]
        during = [run.during for run in done if run.during]
        share = _middle(
            100 * run.during.per_second / run.before.per_second
            for run in done
            if run.during and run.before and run.before.per_second
        )
        lost = sum(len(run.losses) for run in done)
        yield f"{name:34}{'undisturbed':12}{_seen(before, None)}"
        yield f"{'' if counted(runs, name) else '  (failed)':34}{'migrating':12}{_seen(during, share)}{lost:6}"


def _seen(phases: Sequence[Phase], share: float | None) -> str:
    cells = [
        _cell(_middle(one.per_second for one in phases), 9, 0),
        _cell(share, 6, 0) if share is not None else " " * 6,
        _cell(_middle(one.p50 for one in phases), 8, 1),
        _cell(_middle(one.p99 for one in phases), 8, 1),
        _cell(_middle(one.worst for one in phases), 9, 0),
        _cell(_middle(one.late99 for one in phases), 9, 1),
        _cell(_middle(one.gap for one in phases), 9, 0),
    ]
    return "".join(cells) + f"{sum(sum(one.errors.values()) for one in phases):8}"


def remarks(runs: Sequence[Run]) -> Iterator[str]:
    """What went wrong, once for each contestant and kind."""
    troubles = Counter((run.contestant, run.trouble) for run in runs if run.trouble)
    for (name, trouble), count in troubles.items():
        yield f"{name}: {count} failed: {trouble}"
    for name in names(runs):
        errors: Counter[str] = Counter()
        for run in runs:
            if run.contestant == name and run.during:
                errors.update(run.during.errors)
        yield from (f"{name}: application error, {count} times: {error}" for error, count in errors.most_common(3))
        lost = [loss for run in runs if run.contestant == name for loss in run.losses]
        yield from (f"{name}: LOST {loss}" for loss in lost[:3])


def _heads(first: str, widths: Mapping[str, int]) -> str:
    return " " * 34 + first + "".join(f"{head:>{width}}" for head, width in widths.items())


def _middle(values: Iterable[float | None]) -> float | None:
    found = median(values)
    return found.value if found else None


def _cell(value: float | None, width: int, decimals: int) -> str:
    return f"{'–':>{width}}" if value is None else f"{value:{width},.{decimals}f}"

"""Decides how many chunks are copied at the same time.

It tries one worker more, or one fewer, and keeps the larger number only where the copy is clearly faster with it. It
goes down at once when the server, or the change stream, has more than it can take. Knows neither server nor clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot, sqrt
from statistics import fmean, median

from fsm_ghost.model.pressure import Pressure

MOST_BY_DEFAULT = 8
UNKNOWN_CORES = 2  # workers at most where the server does not tell how many cores it has

# Measuring
GAIN = 0.10  # how much faster the copy has to be for one worker more
LOSS = 0.05  # how much faster it has to be for keeping it: less, so that a number is not left and taken again
_DOUBT = 2.0  # standard errors by which it has to be faster as well
_LEAST_CHUNKS, _LEAST_SECONDS = 8, 2.0  # of a measurement
_CLOSE, _PATIENCE = 0.03, 4  # relative error of a measurement; until it is reached, up to so many times as long
_IDLE = 2.0  # seconds without a chunk under way, after which a measurement begins anew
FIRST_REST, LONGEST_REST = 10.0, 300.0  # seconds between attempts; each pause is twice as long as the one before
_AT_ONCE = 2  # workers where the server is left to us
_BLAME = 60.0  # seconds: pressure that comes so soon after a worker was added is taken for its doing

# Pressure
CALM_LOOKS = 5  # at what one worker does, before there are more
REDO = 0.90  # of what makes writers wait; about three quarters of MySQL's redo log
_REDO_ABOVE_ONE = 0.10  # by how much it must be more than with one worker
SLOW_COMMIT, _SLOWER = 0.05, 3.0  # seconds, and times the calm median
_PER_CORE = 2  # running statements of the application for each core
BACKLOG = 1000  # dirty keys: fewer are refreshed in a moment
STREAM_DELAY = 1.0  # seconds
_NEVER = float("-inf")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


@dataclass(frozen=True, slots=True)
class Most:
    """How many workers there may be: where the server is left to us `alone`, and no more where it is `shared`."""

    alone: int
    shared: int


def most_workers(asked: int | None, cores: int | None) -> Most:
    """How many workers there may be: as `asked`; or half of the server's cores, 1..8, and all where nobody else is.

    `UNKNOWN_CORES` where the server does not tell: a second worker costs a connection and a few seconds' attempt, and
    stays only if it pays; more would be a guess about somebody else's machine.
    """
    if asked:
        return Most(asked, asked)
    if cores is None:
        return Most(UNKNOWN_CORES, UNKNOWN_CORES)
    return Most(max(1, min(MOST_BY_DEFAULT, cores)), max(1, min(MOST_BY_DEFAULT, cores // 2)))


# --- Measuring --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Copied:
    """A chunk: its rows, and from when to when it was copied (seconds of the owner's clock)."""

    rows: int
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        return max(self.ended - self.began, 0.001)

    @property
    def speed(self) -> float:
        return self.rows / self.seconds

    def within(self, since: float, until: float) -> float:
        """The rows copied between two moments, had they been copied evenly."""
        return self.speed * max(0.0, min(self.ended, until) - max(self.began, since))


@dataclass(frozen=True, slots=True)
class _Speed:
    """Rows a second, and the standard error of that."""

    rows: float
    error: float


class _Measurement:
    """How fast the copy is with a new number of workers: only chunks that were begun with it are measured."""

    _since: float
    _chunks: list[_Copied]
    _longest: float  # seconds
    _speeds: float  # the sum of the chunks' speeds
    _squares: float  # and of their squares

    def __init__(self, changed: float) -> None:
        self._changed = self._newest = changed
        self._begin(changed)

    def add(self, chunk: _Copied) -> None:
        """Take in a chunk; they come in the order of their ends."""
        if chunk.began > self._newest + _IDLE:
            self._begin(chunk.began)
        self._newest = chunk.ended
        if chunk.began < self._changed:
            self._since = chunk.ended
            return
        self._chunks.append(chunk)
        self._longest = max(self._longest, chunk.seconds)
        self._speeds += chunk.speed
        self._squares += chunk.speed**2

    def speed(self) -> _Speed | None:
        """None until it is known well enough, or has been measured for long."""
        if not self._is_long(1) or (self._error > _CLOSE and not self._is_long(_PATIENCE)):
            return None
        rows = sum(chunk.within(self._since, self._until) for chunk in self._chunks) / (self._until - self._since)
        return _Speed(rows, rows * self._error)

    def _begin(self, since: float) -> None:
        self._since = since
        self._chunks = []
        self._longest = self._speeds = self._squares = 0.0

    @property
    def _until(self) -> float:
        """A moment by which all chunks of that time have ended: what is under way is not known here."""
        return self._newest - self._longest

    def _is_long(self, times: int) -> bool:
        return len(self._chunks) >= times * _LEAST_CHUNKS and self._until - self._since >= times * _LEAST_SECONDS

    @property
    def _error(self) -> float:
        """The relative standard error of the chunks' mean speed."""
        count = len(self._chunks)
        mean = self._speeds / count
        variance = max(0.0, self._squares / count - mean**2)
        return sqrt(variance / (count - 1)) / (mean or 1.0)


# --- Pressure ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen at one moment; None for what is not known."""

    server: Pressure
    backlog: int
    commit: float | None
    delay: float | None


@dataclass(slots=True)
class _Calm:
    """What is seen with one worker: what it shows as well says nothing about the others."""

    looks: int = 0
    redo: deque[float] = field(default_factory=lambda: deque(maxlen=31))
    commits: deque[float] = field(default_factory=lambda: deque(maxlen=31))

    @property
    def is_known(self) -> bool:
        """Whether it has been seen for long enough."""
        return self.looks >= CALM_LOOKS

    def learn(self, look: _Look, *, pressed: bool) -> None:
        """Take in a look with one worker. A slow commit is never normal; a full redo log may be."""
        self.looks += 1
        if look.server.redo is not None:
            self.redo.append(look.server.redo)
        if look.commit is not None and not pressed:
            self.commits.append(look.commit)


def _redo_fills(looks: Sequence[_Look], calm: _Calm, _: int | None) -> str:
    """More waits for a checkpoint than with one worker, for four looks on average: it rises and falls like a saw."""
    shares = _newest((look.server.redo for look in looks), 4)
    if not shares or not calm.redo or fmean(shares) <= max(REDO, median(calm.redo) + _REDO_ABOVE_ONE):
        return ""
    return f"the server's redo log is {fmean(shares):.0%} full"


def _commits_are_slow(looks: Sequence[_Look], calm: _Calm, _: int | None) -> str:
    commits = _newest((look.commit for look in looks), 2)
    if not commits or not calm.commits:
        return ""
    usual = median(calm.commits)
    if min(commits) <= max(SLOW_COMMIT, _SLOWER * usual):
        return ""
    return f"a commit takes {min(commits) * 1000:.0f} ms, and {usual * 1000:.0f} ms when it is calm"


def _application_runs(looks: Sequence[_Look], _: _Calm, cores: int | None) -> str:
    running = _newest((look.server.running for look in looks), 3)
    if not running or cores is None or min(running) <= _PER_CORE * cores:
        return ""
    return f"{min(running):.0f} statements of the application run on {cores} cores"


def _backlog_grows(looks: Sequence[_Look], _: _Calm, __: int | None) -> str:
    keys = _newest((look.backlog for look in looks), 6)
    return f"{keys[-1]:.0f} changed keys wait, and they become more" if _rises(keys) and keys[-1] > BACKLOG else ""


def _stream_falls_behind(looks: Sequence[_Look], _: _Calm, __: int | None) -> str:
    delays = _newest((look.delay for look in looks), 3)
    return f"the change stream is {delays[-1]:.1f} s behind" if _rises(delays) and delays[-1] > STREAM_DELAY else ""


def _newest(values: Iterable[float | None], count: int) -> list[float]:
    """The newest values that are known; none unless there are `count` of them."""
    known = [value for value in values if value is not None]
    return known[-count:] if len(known) >= count else []


def _rises(values: Sequence[float]) -> bool:
    return bool(values) and all(later > earlier for earlier, later in pairwise(values))


_SIGNS: tuple[Callable[[Sequence[_Look], _Calm, int | None], str], ...] = (
    _commits_are_slow,
    _redo_fills,
    _application_runs,
    _stream_falls_behind,
    _backlog_grows,
)
_REMEMBERED = 6  # looks


# --- Deciding ---------------------------------------------------------------------------------------------------------


class Governor:
    """How many workers may copy, 1..`most`. `now` is in seconds of any clock that never goes back. Owner thread only.

    `cores` are the server's; None when it does not tell: then the application's running statements say nothing. `work`
    is what the workers do, for the words.
    """

    def __init__(self, most: Most, cores: int | None, work: str = "the copy") -> None:
        self._most = most
        self._is_alone = False
        self._work = work
        self.workers = 1
        self._cores = cores
        self._words = "measuring how fast one is"
        self._measurement: _Measurement | None = _Measurement(0.0)  # None: at rest
        self._before: _Speed | None = None  # the speed before the attempt that is under way
        self._direction = 1  # of the attempt that is under way, or of the next one: one worker more, or one fewer
        self._rest, self._rests_until = FIRST_REST, 0.0
        self._rose_at = _NEVER
        self._ceiling, self._ceiling_until, self._ban = most.alone, _NEVER, FIRST_REST
        self._looks: deque[_Look] = deque(maxlen=_REMEMBERED)
        self._calm = _Calm()

    @property
    def reason(self) -> str:
        """How many workers there are, and why, in words."""
        return f"{self.workers} of {self._allowed}: {self._words}" if self._allowed > 1 else "1 of 1"

    @property
    def most(self) -> int:
        """How many there will never be more of."""
        return self._most.alone

    @property
    def _allowed(self) -> int:
        return self._most.alone if self._is_alone else self._most.shared

    def copied(self, rows: int, seconds: float, now: float) -> None:
        """A chunk was committed: its rows, how long it took, and when that was noticed."""
        if self.most == 1:
            return
        if self._measurement is None:
            if now < self._rests_until:
                return
            self._measurement = _Measurement(now)
        self._measurement.add(_Copied(rows, now - seconds, now))
        speed = self._measurement.speed()
        if speed is None:
            return
        if self._before is not None:
            self._judge(self._before, speed, now)
        elif self._calm.is_known or self._is_alone:
            self._attempt(speed, now)

    def look(
        self,
        pressure: Pressure,
        backlog: int,
        commit_seconds: float | None,
        delay: float | None,
        now: float,
        *,
        alone: bool = False,
    ) -> None:
        """Once a second: what the server says, how many keys are dirty, and how far (seconds) the stream is behind.

        `commit_seconds` is what the commit of our last marker took, None when there was none since the last look.
        `alone`: nobody else uses the server.
        """
        if self.most == 1:
            return
        look = _Look(pressure, backlog, commit_seconds, delay)
        self._looks.append(look)
        pressing = next(filter(None, (sign(self._looks, self._calm, self._cores) for sign in _SIGNS)), "")
        if self.workers == 1:
            self._calm.learn(look, pressed=bool(pressing))
        if pressing:
            self._retreat(pressing, now)
        elif alone != self._is_alone:
            self._is_alone = alone
            self._share(now)

    # Company

    def _share(self, now: float) -> None:
        """Somebody has come, or the server is left to us: then a second worker needs no proof in advance.

        A short copy would be over before there is one. Where it goes on for longer, the second is put to the test.
        """
        if self._is_alone:
            workers = max(self.workers, min(_AT_ONCE, self._most_at(now)))
            self._words = "nobody else uses the server"
        else:
            workers = min(self.workers, self._most.shared) if self._calm.is_known else 1
            self._words = "others use the server" if workers < self.workers else self._words
        if workers == self.workers:
            return
        self._rose_at = now if workers > self.workers else _NEVER
        self.workers = workers
        self._measurement = self._before = None
        self._direction = 1
        self._rests_until = now + (FIRST_REST if self._is_alone and workers == self.most else 0.0)

    # Attempts

    def _attempt(self, speed: _Speed, now: float) -> None:
        """Try one worker more or one fewer, and begin to measure."""
        if not self._may_go(self._direction, now):
            self._direction = -self._direction
        if not self._may_go(self._direction, now):
            self._take_a_rest(now)
            return
        self._before = speed
        self.workers += self._direction
        self._measurement = _Measurement(now)
        if self._direction > 0:
            self._rose_at = now
            self._words = f"trying whether {_a(self.workers)} makes {self._work} faster"
        else:
            self._words = f"trying whether {self._work} needs {_a(self.workers + 1)}"

    def _judge(self, before: _Speed, speed: _Speed, now: float) -> None:
        """Keep the larger number of workers if it pays, the smaller one otherwise; if that is news, go on that way."""
        more = self._direction > 0
        last = _a(self.workers if more else self.workers + 1)
        if more:
            doubt = _DOUBT * hypot(before.error, speed.error)
            pays = before.rows > 0 and speed.rows - before.rows >= max(GAIN * before.rows, doubt)
        else:
            pays = before.rows - speed.rows >= LOSS * speed.rows
        self._words = f"{self._work} is faster with {last}" if pays else f"{last} did not make {self._work} faster"
        if pays == more and self._may_go(self._direction, now):
            self._attempt(speed, now)
            return
        if pays != more:
            self.workers -= self._direction
            self._rose_at = _NEVER
        self._take_a_rest(now)

    def _take_a_rest(self, now: float) -> None:
        """No attempt for a while; the next one goes the other way."""
        self._measurement = self._before = None
        self._direction = -self._direction
        self._rests_until = now + self._rest
        self._rest = min(LONGEST_REST, 2 * self._rest)

    # Pressure

    def _retreat(self, pressing: str, now: float) -> None:
        """Go down: by one if the last worker is to blame, and then not up to it again for a while; else by half."""
        if self.workers > 1:
            to_blame = now - self._rose_at < _BLAME
            if to_blame:
                self._ceiling_until, self._ban = now + self._ban, min(LONGEST_REST, 2 * self._ban)
            self._ceiling = self.workers - 1
            self._rose_at = _NEVER
            self.workers = self.workers - 1 if to_blame else self.workers // 2
            self._looks.clear()
        self._words = pressing
        self._measurement = self._before = None
        self._direction = 1
        self._rest, self._rests_until = FIRST_REST, now + FIRST_REST

    def _may_go(self, direction: int, now: float) -> bool:
        return 1 <= self.workers + direction <= self._most_at(now)

    def _most_at(self, now: float) -> int:
        """How many there may be now: fewer than allowed for a while after too many of them have pressed the server."""
        return min(self._allowed, self._ceiling) if now < self._ceiling_until else self._allowed


def _a(number: int) -> str:
    """The worker of that number: "a third"."""
    return f"a{'n' if number == 8 else ''} {_ORDINALS[number - 1]}" if number <= len(_ORDINALS) else "one more"  # noqa: PLR2004

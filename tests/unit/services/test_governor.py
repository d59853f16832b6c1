"""The governor finds the number of workers that pays, on simulated servers, and gives way to pressure."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from fsm_ghost.model.pressure import Pressure
from fsm_ghost.services.governor import (
    CALM_LOOKS,
    FIRST_REST,
    LONGEST_REST,
    Governor,
    Most,
    _Copied,
    _Measurement,
    most_workers,
)

Curve = Callable[[int], float]
CALM = Pressure(running=2, redo=0.3)
CORES = 8

LOCKED: Curve = lambda _: 1.0  # noqa: E731 - AUTO-INC lock: one inserts, the others wait
WORSE: Curve = lambda workers: 1.0 / workers  # noqa: E731
SATURATED: Curve = lambda workers: min(workers, 3)  # noqa: E731
SCALES: Curve = lambda workers: workers  # noqa: E731
AMDAHL: Curve = lambda workers: 1 / (0.2 + 0.8 / workers)  # noqa: E731
BEST: dict[str, tuple[Curve, int]] = {
    "locked": (LOCKED, 1),
    "worse": (WORSE, 1),
    "saturated": (SATURATED, 3),
    "amdahl": (AMDAHL, 5),  # the sixth brings less than a tenth
    "scales": (SCALES, 8),
}


@dataclass(frozen=True)
class Seen:
    """What the governor is shown at a look."""

    server: Pressure = CALM
    backlog: int = 0
    commit: float | None = 0.005
    delay: float | None = 0.05


@dataclass(frozen=True)
class Moment:
    at: float
    workers: int
    reason: str
    chunks: int
    by_look: bool


class Simulation:
    """A server that copies `curve(workers)` times 20,000 rows a second, and an owner thread that asks the governor."""

    def __init__(self, curve: Curve, most: int | Most = 8, *, noise: float = 0.0, seed: int = 0) -> None:
        self.governor = Governor(most if isinstance(most, Most) else Most(most, most), CORES)
        self.alone: Callable[[float], bool] = lambda _: False  # by seconds since the start
        self.now = 1000.0
        self.curve = curve
        self.seen: Callable[[float], Seen] = lambda _: Seen()  # by seconds since the start
        self.history = [Moment(0.0, 1, self.governor.reason, 0, by_look=False)]
        self._noise = noise
        self._chance = random.Random(seed)
        self._began = self._looks_at = self.now
        self._under_way: list[tuple[float, int, int, float]] = []
        self._rows = 1000
        self._sent = self.chunks = 0

    def run(self, seconds: float) -> Simulation:
        until = self.now + seconds
        while self.now < until:
            self._send()
            ended, _, rows, took = heapq.heappop(self._under_way)
            while self._looks_at <= ended:
                self._look()
            self.now = ended
            self.chunks += 1
            self.governor.copied(rows, took, self.now)
            self._rows = int(rows * min(3.0, max(0.3, 0.25 / took)))
            self._note(by_look=False)
        return self

    def share_at(self, workers: int, since: float = 0.0) -> float:
        """The share of the time, from a moment on, for which there were so many workers."""
        ends = [moment.at for moment in self.history[1:]] + [self.now - self._began]
        spent = sum(
            max(0.0, end - max(since, moment.at))
            for moment, end in zip(self.history, ends, strict=True)
            if moment.workers == workers
        )
        return spent / (self.now - self._began - since)

    def rises(self) -> list[float]:
        return [later.at for earlier, later in pairwise(self.history) if later.workers > earlier.workers]

    def _send(self) -> None:
        while len(self._under_way) < self.governor.workers:
            speed = 20_000 * self.curve(self.governor.workers) / self.governor.workers
            took = self._rows / speed * max(0.2, self._chance.gauss(1.0, self._noise)) + 0.003
            self._sent += 1
            heapq.heappush(self._under_way, (self.now + took, self._sent, self._rows, took))

    def _look(self) -> None:
        at = self._looks_at - self._began
        seen, alone = self.seen(at), self.alone(at)
        self.governor.look(seen.server, seen.backlog, seen.commit, seen.delay, self._looks_at, alone=alone)
        self.now = self._looks_at
        self._looks_at += 1.0
        self._note(by_look=True)

    def _note(self, *, by_look: bool) -> None:
        if self.governor.workers != self.history[-1].workers:
            at = self.now - self._began
            self.history.append(Moment(at, self.governor.workers, self.governor.reason, self.chunks, by_look))


# --- The number that pays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BEST)
def test_the_number_that_pays_is_found_soon_and_kept(name: str) -> None:
    curve, best = BEST[name]
    simulation = Simulation(curve).run(600)
    found = next(moment for moment in simulation.history if moment.workers == best)
    assert found.chunks <= 8 * sum(range(1, best + 1)) + 100  # each measurement takes a while, longer in chunks
    assert simulation.share_at(best) > 0.9


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["locked", "worse", "saturated", "scales"])
def test_chunks_that_vary_do_not_mislead_it(name: str, seed: int) -> None:
    curve, best = BEST[name]
    assert Simulation(curve, noise=0.15, seed=seed).run(400).share_at(best) > 0.8


def test_chance_is_not_taken_for_a_gain() -> None:
    shares = [Simulation(LOCKED, noise=0.4, seed=seed).run(600).share_at(1) for seed in range(6)]
    assert sum(shares) / len(shares) > 0.75


def test_the_more_chunks_vary_the_longer_they_are_measured() -> None:
    even, uneven = (Simulation(LOCKED, noise=noise).run(60).history for noise in (0.0, 0.4))
    assert uneven[2].at - uneven[1].at > 2 * (even[2].at - even[1].at)


def test_chunks_under_way_do_not_count_against_many_workers() -> None:
    measurement = _Measurement(100.0)
    for second in range(99, 110):
        measurement.add(_Copied(2000, second, second + 2))  # two at a time, 1000 rows a second each
    speed = measurement.speed()
    assert speed is not None
    assert speed.rows == pytest.approx(2000)


def test_what_did_not_pay_is_tried_more_and_more_rarely() -> None:
    simulation = Simulation(LOCKED, 4).run(3000)
    tried = simulation.rises()
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert all(later > 1.5 * earlier for earlier, later in pairwise(pauses) if later < LONGEST_REST)
    assert pauses[0] >= FIRST_REST
    assert pauses[-1] < LONGEST_REST + 20
    assert simulation.governor.reason == "1 of 4: a second did not make the copy faster"


def test_one_worker_is_watched_for_a_while_before_there_are_two() -> None:
    assert Simulation(SCALES).run(60).rises()[0] >= CALM_LOOKS - 1


def test_never_more_than_allowed() -> None:
    simulation = Simulation(SCALES, 3).run(300)
    assert max(moment.workers for moment in simulation.history) == 3
    assert simulation.share_at(3) > 0.8
    assert simulation.governor.reason == "3 of 3: the copy is faster with a third"


def test_a_worker_that_no_longer_pays_is_sent_home() -> None:
    simulation = Simulation(SCALES, 4).run(60)
    assert simulation.governor.workers == 4
    simulation.curve = LOCKED
    simulation.run(600)
    assert simulation.governor.workers == 1
    assert simulation.governor.reason == "1 of 4: a second did not make the copy faster"


def test_a_server_that_has_become_faster_is_noticed() -> None:
    simulation = Simulation(LOCKED, 4).run(300)
    simulation.curve = SCALES
    simulation.run(LONGEST_REST + 60)
    assert simulation.governor.workers == 4


def test_with_one_worker_at_most_nothing_is_decided() -> None:
    simulation = Simulation(SCALES, 1)
    simulation.seen = lambda at: Seen(commit=5.0 if at > 10 else 0.001, backlog=10_000 + int(at), delay=10 + at)
    simulation.run(100)
    assert [moment.workers for moment in simulation.history] == [1]
    assert simulation.governor.reason == "1 of 1"


def test_chunks_begun_with_fewer_workers_are_not_measured() -> None:
    governor, now = begun(most=2)
    governor.copied(1_000_000, 1.0, now + 0.1)
    assert fed(governor, now + 0.1, speed=1.0, seconds=10.0) == {2, 1}


def test_a_pause_is_not_taken_for_slowness() -> None:
    governor = known(2)
    assert fed(governor, 1000.0, speed=1.0, seconds=1.0) == {1}
    assert fed(governor, 1060.0, speed=1.0, seconds=10.0) == {1, 2}
    assert governor.workers == 1


def test_chunks_without_rows_prove_nothing() -> None:
    governor, now = known(4), 1000.0
    for _ in range(200):
        now += 0.1
        governor.copied(0, 0.1, now)
    assert governor.workers == 1


def known(most: int, cores: int | None = CORES) -> Governor:
    """A governor that has seen what one worker does, and nothing measured yet."""
    governor = Governor(Most(most, most), cores)
    for second in range(CALM_LOOKS):
        governor.look(CALM, 0, 0.005, 0.05, 990.0 + second)
    return governor


def begun(most: int) -> tuple[Governor, float]:
    """A governor that has just begun to try a second worker."""
    governor, now = known(most), 1000.0
    while governor.workers == 1:
        now += 0.25
        governor.copied(5000, 0.25, now)
    return governor, now


def fed(governor: Governor, now: float, *, speed: float, seconds: float) -> set[int]:
    """Copy at a speed that does not depend on the workers; the numbers that there were."""
    numbers = {governor.workers}
    until = now + seconds
    while now < until:
        workers = governor.workers
        now += 0.25
        for _ in range(workers):
            governor.copied(int(5000 * speed / workers), 0.25, now)
        numbers.add(governor.workers)
    return numbers


# --- Pressure ---------------------------------------------------------------------------------------------------------

BURST = (100.0, 125.0)  # seconds


def rising(at: float, least: float, step: float) -> float:
    return least + step * (at - BURST[0])


SIGNS: dict[str, tuple[Callable[[float], Seen], str]] = {
    "redo": (lambda _: Seen(replace(CALM, redo=0.95)), "the server's redo log is 95% full"),
    "commits": (lambda _: Seen(commit=0.120), "a commit takes 120 ms, and 5 ms when it is calm"),
    "running": (lambda _: Seen(replace(CALM, running=17)), "17 statements of the application run on 8 cores"),
    "backlog": (lambda at: Seen(backlog=int(rising(at, 2000, 100))), " changed keys wait, and they become more"),
    "delay": (lambda at: Seen(delay=rising(at, 1.1, 0.3)), " s behind"),
}
HARMLESS: dict[str, Callable[[float], Seen]] = {
    "nothing is known": lambda _: Seen(Pressure(), 0, None, None),
    "the redo log is rather full": lambda _: Seen(replace(CALM, redo=0.89)),
    "the redo log fills and empties": lambda at: Seen(replace(CALM, redo=(0.2, 0.5, 0.8, 1.0)[int(at) % 4])),
    "one commit in three is slow": lambda at: Seen(commit=1.0 if int(at) % 3 == 0 else 0.005),
    "commits are slower, but not slow": lambda _: Seen(commit=0.049),
    "the server is busy, but not too busy": lambda _: Seen(replace(CALM, running=16)),
    "the application comes in waves": lambda at: Seen(replace(CALM, running=0 if int(at) % 3 == 0 else 100)),
    "many keys wait, but not more and more": lambda at: Seen(backlog=50_000 + int(at) % 4 * 1000),
    "keys become more, but there are few": lambda at: Seen(backlog=int(rising(at, 0, 30))),
    "keys become fewer": lambda at: Seen(backlog=int(rising(at, 90_000, -1000))),
    "the stream is behind, but not more and more": lambda _: Seen(delay=5.0),
    "the stream catches up": lambda at: Seen(delay=rising(at, 100.0, -1.0)),
    "the stream's delay rises, but is short": lambda at: Seen(delay=rising(at, 0.0, 0.03)),
}


def under(seen: Callable[[float], Seen], curve: Curve = SCALES) -> Simulation:
    """A server that is under this pressure during the burst, seen up to its end."""
    simulation = Simulation(curve)
    simulation.seen = lambda at: seen(at) if BURST[0] <= at < BURST[1] else Seen()
    return simulation.run(BURST[1])


@pytest.mark.parametrize("sign", SIGNS)
def test_under_pressure_the_workers_are_halved_within_seconds_and_down_to_one_while_it_lasts(sign: str) -> None:
    seen, words = SIGNS[sign]
    simulation = under(seen)
    retreats = [(was, now) for was, now in pairwise(simulation.history) if now.at >= BURST[0] and now.by_look]
    assert retreats[0][1].at - BURST[0] <= 5
    assert all(now.workers == was.workers // 2 and words in now.reason for was, now in retreats)
    assert simulation.governor.workers == 1


@pytest.mark.parametrize("sign", sorted(SIGNS.keys() - {"redo"}))  # a redo log that stays full says less and less
def test_what_was_given_up_under_pressure_is_taken_up_again_when_it_is_gone(sign: str) -> None:
    simulation = under(SIGNS[sign][0])
    assert simulation.governor.workers == 1
    simulation.run(60)
    assert 8 in {moment.workers for moment in simulation.history if moment.at > BURST[1]}
    assert min(at for at in simulation.rises() if at > BURST[0] + 20) >= BURST[1] + FIRST_REST - 1


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_pressure_changes_nothing(name: str) -> None:
    assert not [moment for moment in under(HARMLESS[name]).history if moment.by_look]


def test_a_redo_log_that_one_worker_fills_says_nothing_about_more() -> None:
    simulation = Simulation(SCALES, 4)
    simulation.seen = lambda _: Seen(replace(CALM, redo=0.95))
    simulation.run(300)
    assert simulation.share_at(1, since=10) == 0
    assert simulation.share_at(4, since=20) > 0.8


def test_a_redo_log_that_more_workers_fill_is_left_to_fewer() -> None:
    simulation = Simulation(SCALES, 4)
    simulation.seen = lambda _: Seen(replace(CALM, redo=0.32 * simulation.governor.workers))
    simulation.run(2000)
    assert simulation.share_at(2, since=100) > 0.7


def test_where_a_commit_takes_long_with_one_worker_it_may_take_as_long_with_more() -> None:
    simulation = Simulation(SCALES, 4)
    simulation.seen = lambda at: Seen(commit=0.1 if at < 20 else 0.2)
    assert simulation.run(100).share_at(4, since=20) > 0.8


def test_a_worker_that_did_not_stay_is_not_to_blame_for_pressure() -> None:
    simulation = Simulation(SATURATED)
    simulation.seen = lambda at: Seen(delay=5.0 + at if at > 75 else 0.05)
    simulation.run(80)
    assert simulation.rises()[-1] > 20
    assert [moment.workers for moment in simulation.history][-2:] == [3, 1]


def test_running_statements_say_nothing_when_the_cores_are_not_known() -> None:
    governor = known(4, None)
    now = fed_until(governor, 4)
    for second in range(10):
        governor.look(replace(CALM, running=1000), 0, 0.005, 0.05, now + second)
    assert governor.workers == 4


def fed_until(governor: Governor, workers: int) -> float:
    """Copy on a server that scales, until there are so many workers; the time."""
    now = 1000.0
    while governor.workers < workers:
        now += 0.25
        for _ in range(governor.workers):
            governor.copied(5000, 0.25, now)
    return now


def test_pressure_that_a_worker_brings_is_met_more_and_more_rarely() -> None:
    simulation = Simulation(SCALES, 4)
    simulation.seen = lambda _: Seen(commit=0.2 if simulation.governor.workers == 4 else 0.005)
    simulation.run(3000)
    tried = [moment.at for moment in simulation.history if moment.workers == 4]
    assert 4 <= len(tried) <= 20
    assert tried[-1] - tried[-2] > LONGEST_REST
    assert all(now.workers == 3 for was, now in pairwise(simulation.history) if was.workers == 4)
    assert simulation.share_at(3) > 0.7
    assert simulation.share_at(4) < 0.05


def test_slow_commits_are_never_taken_for_calm() -> None:
    simulation = Simulation(SCALES, 4)
    simulation.seen = lambda at: Seen(commit=0.3 if at > 50 else 0.005)
    simulation.run(1000)
    assert simulation.share_at(1, since=60) == 1
    assert simulation.governor.reason == "1 of 4: a commit takes 300 ms, and 5 ms when it is calm"


@pytest.mark.parametrize("seed", range(10))
def test_whatever_happens_the_number_stays_within_its_bounds_and_does_not_flutter(seed: int) -> None:
    chance = random.Random(seed)
    most = chance.randint(2, 8)
    simulation = Simulation(AMDAHL, most, noise=0.3, seed=seed)

    def anything(_: float) -> Seen:
        return Seen(
            Pressure(chance.choice([None, 2, 100]), chance.choice([None, chance.random()])),
            chance.randint(0, 5000),
            chance.choice([None, 0.001, 0.5]),
            chance.choice([None, chance.uniform(0, 3)]),
        )

    simulation.seen = anything
    for _ in range(20):
        simulation.curve = chance.choice([LOCKED, WORSE, SATURATED, SCALES, AMDAHL])
        simulation.run(50)
    assert all(1 <= moment.workers <= most for moment in simulation.history)
    for earlier, later in pairwise(simulation.history):
        if earlier.by_look and not later.by_look:
            assert later.at - earlier.at >= FIRST_REST
        assert abs(later.workers - earlier.workers) == 1 or later.by_look


# --- How many at most -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cores, shared", [(1, 1), (2, 1), (3, 1), (4, 2), (7, 3), (8, 4), (16, 8), (17, 8), (128, 8), (None, 2)]
)
def test_at_most_half_of_the_cores_and_no_more_than_eight(cores: int | None, shared: int) -> None:
    assert most_workers(None, cores).shared == shared


@pytest.mark.parametrize("cores, alone", [(1, 1), (2, 2), (3, 3), (8, 8), (17, 8), (None, 2)])
def test_where_nobody_else_is_all_of_the_cores(cores: int | None, alone: int) -> None:
    assert most_workers(None, cores).alone == alone


def test_what_is_asked_for_holds_in_company_and_without() -> None:
    assert most_workers(3, 16) == Most(alone=3, shared=3)


# --- Alone, and in company --------------------------------------------------------------------------------------------

TWO_CORES = Most(alone=2, shared=1)
EIGHT_CORES = Most(alone=8, shared=4)


def looked(governor: Governor, now: float, *, alone: bool) -> int:
    """How many workers there are after a look."""
    governor.look(CALM, 0, 0.005, 0.05, now, alone=alone)
    return governor.workers


def test_where_nobody_else_is_there_are_two_at_once_and_one_again_when_somebody_comes() -> None:
    governor = Governor(TWO_CORES, 2)
    assert looked(governor, 1000.0, alone=True) == 2
    assert governor.reason == "2 of 2: nobody else uses the server"
    assert looked(governor, 1001.0, alone=False) == 1
    assert governor.reason == "1 of 1"


@pytest.mark.parametrize("curve, best", [(SCALES, 2), (LOCKED, 1)])
def test_a_second_worker_is_put_to_the_test_once_the_copy_has_gone_on_for_a_while(curve: Curve, best: int) -> None:
    simulation = Simulation(curve, TWO_CORES)
    simulation.alone = lambda _: True
    assert simulation.run(FIRST_REST).share_at(2) > 0.85
    assert simulation.run(600).share_at(best) > 0.85


def test_a_second_worker_that_has_pressed_the_server_is_not_there_again_whenever_somebody_goes() -> None:
    governor = known(2)
    now = 1000.0
    assert looked(governor, now, alone=True) == 2
    for _ in range(3):
        governor.look(CALM, 0, 0.5, 0.05, now := now + 1, alone=True)
    assert governor.workers == 1
    for _ in range(6):  # until these looks are forgotten
        looked(governor, now := now + 1, alone=False)
    assert looked(governor, now + 1, alone=True) == 1


def test_more_than_two_are_climbed_to_as_ever() -> None:
    simulation = Simulation(SCALES, EIGHT_CORES)
    simulation.alone = lambda _: True
    assert simulation.run(120).share_at(8, since=60) > 0.85


def test_in_company_it_says_why_there_are_fewer() -> None:
    governor = Governor(EIGHT_CORES, CORES)
    assert [looked(governor, 1000.0 + at, alone=at == 0) for at in range(2)] == [2, 1]
    assert governor.reason == "1 of 4: others use the server"


def test_who_has_not_seen_what_one_worker_does_begins_with_one_when_somebody_comes() -> None:
    simulation = Simulation(SCALES, EIGHT_CORES)
    simulation.alone = lambda at: at < 30
    simulation.run(29)
    assert simulation.governor.workers > 4
    simulation.run(4)
    assert simulation.governor.workers == 1
    assert simulation.run(120).share_at(4, since=100) > 0.85


def test_somebody_who_comes_and_goes_does_not_keep_it_from_what_it_knows() -> None:
    simulation = Simulation(SCALES, EIGHT_CORES)
    simulation.alone = lambda at: at > 60 and int(at) % 7 == 0
    simulation.run(200)
    assert simulation.share_at(1, since=60) == 0
    assert all(moment.workers >= 2 for moment in simulation.history if moment.at > 60)

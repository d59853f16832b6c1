"""Migrations under load, killed at random moments, for as long as it takes.

FSM_GHOST_SOAK_KILLS   how many kills there are to be on each server [200]
FSM_GHOST_SOAK_SEED    makes a run repeatable, as far as clocks allow [the time]

With -s it says what it does: `make soak`.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from fsm_ghost.mysql.private import PrivateServer
from tests.crash.stage import Chunk, Command, Stage
from tests.soak.seed import SEED, say

KILLS = int(os.environ.get("FSM_GHOST_SOAK_KILLS", "200"))
LIFE = 1.5  # seconds that a run has, at most


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_migrations_killed_at_random_moments_lose_nothing(server: PrivateServer, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    killed: Counter[str] = Counter()
    runs = 0
    say(f"{server.flavour}: {KILLS} kills, FSM_GHOST_SOAK_SEED={SEED}")
    while killed.total() < KILLS:
        runs += 1
        rows, workers = chance.randint(500, 20_000), chance.choice((1, 1, 2, 4))
        rate = chance.choice((None, 100, 500))
        with Stage(
            server, tmp_path / f"run-{runs}", rows=rows, chunk_size=chance.choice((0, 20, 200)), rate=rate
        ) as stage:
            at = migrate(stage, chance, workers, KILLS - killed.total())
        killed.update(at)
        shown = ", ".join(f"{count} in {phase}" for phase, count in Counter(at).items()) or "never"
        say(f"run {runs}: {rows} rows, {workers} copy workers, {rate or 'all'} writes/s; killed {shown}; nothing lost")
    say(f"{server.flavour}: {runs} migrations, killed {dict(killed)}")


def migrate(stage: Stage, chance: random.Random, workers: int, most: int) -> list[str]:
    """Carry one migration out; the states in which it was killed on the way."""
    at: list[str] = []
    before: list[Chunk] = []
    run: Command | None = stage.start("--copy-workers", str(workers))
    while run is not None and len(at) < most:
        # The start of a process takes about 0.4 s: a life that is shorter would say nothing.
        time.sleep(0.4 + chance.uniform(0, LIFE))
        if run.ended:
            break
        run.kill()
        stage.assert_nothing_copied_twice(before, workers)
        before = stage.chunks()
        record = stage.find()
        at.append(str(record.phase) if record else "nothing yet")
        run = stage.go_on()
    stage.assert_migrated(run)
    stage.assert_nothing_copied_twice(before, workers)
    return at

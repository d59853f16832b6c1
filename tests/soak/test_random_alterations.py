"""Random ALTERs of random tables under random writes, compared with native ones, for as long as it takes.

FSM_GHOST_SOAK_MIGRATIONS   how many migrations there are to be on each server [200]
FSM_GHOST_SOAK_SEED         the seed of the first one [the time]; the next one's is one more
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from fsm_ghost.mysql.private import PrivateServer
from tests.soak.seed import SEED, say
from tests.soak.trial import Trial

MIGRATIONS = int(os.environ.get("FSM_GHOST_SOAK_MIGRATIONS", "200"))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_what_any_alter_makes_of_any_table_is_what_a_native_one_makes(server: PrivateServer, tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(SEED, SEED + MIGRATIONS):
        say(f"{server.flavour}: FSM_GHOST_SOAK_SEED={seed}")
        with Trial(server, tmp_path / str(seed), random.Random(seed)) as trial:
            outcome = trial.run()
        outcomes[outcome] += 1
        say(f"{outcome}; {trial.told}")
    say(f"{server.flavour}: {dict(outcomes)}")
    assert outcomes["equal"] >= MIGRATIONS // 4

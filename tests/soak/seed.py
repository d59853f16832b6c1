"""The seed of a soak, and what it says while it goes on."""

from __future__ import annotations

import os
import time

SEED = int(os.environ.get("FSM_GHOST_SOAK_SEED", str(int(time.time()))))


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)  # noqa: T201

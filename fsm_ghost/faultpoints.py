"""Named places where a test kills this process.

`FSM_GHOST_CRASH_AT=copy.before-commit` or `…:3` sends SIGKILL to this process when it reaches that point for the first
or the third time: the crash that a power failure would be, at a moment of our choosing. Without the variable a point
costs one comparison. Names end in `before-…` or `after-…` a side effect; `tests/crash` finds them in the source.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_WANTED, _, _TIMES = os.environ.get("FSM_GHOST_CRASH_AT", "").partition(":")
_passed: Counter[str] = Counter()


def fault_point(name: str) -> None:
    """Die here, if this run was asked to."""
    if name != _WANTED:
        return
    _passed[name] += 1
    if _passed[name] == int(_TIMES or 1):
        os.kill(os.getpid(), signal.SIGKILL)

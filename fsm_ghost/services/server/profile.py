"""Where this process spends its time: its threads' stacks, looked at again and again."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from types import FrameType

_EVERY = 0.01  # seconds


def sampled(seconds: float) -> str:
    """The stacks seen, one a line with how often, as flame graph programs read them: `thread;outer;inner 12`."""
    seen: Counter[str] = Counter()
    ours = threading.get_ident()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for number, frame in sys._current_frames().items():  # noqa: SLF001 - what it is there for
            if number != ours:
                seen[";".join([names.get(number, "unknown"), *_stack(frame)])] += 1
        time.sleep(_EVERY)
    return "\n".join(f"{stack} {times}" for stack, times in seen.most_common())


def _stack(frame: FrameType | None) -> list[str]:
    """The functions from the outermost to the one that runs."""
    functions = []
    while frame is not None:
        functions.append(frame.f_code.co_qualname.replace(";", ","))
        frame = frame.f_back
    return functions[::-1]

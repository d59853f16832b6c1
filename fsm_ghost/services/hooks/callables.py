"""Python callables that installed packages offer as entry points of the group `fsm_ghost.hooks`."""

from __future__ import annotations

import json
import threading
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from fsm_ghost.model.occasion import HookResult

GROUP = "fsm_ghost.hooks"


class Callables:
    """All that are installed. `timeout` is in seconds, for each of them."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    @cached_property
    def _found(self) -> list[EntryPoint]:
        return sorted(entry_points(group=GROUP), key=lambda found: found.name)

    def __bool__(self) -> bool:
        return bool(self._found)

    def run(self, context: str) -> HookResult:
        """Call them in the order of their names, each with what the context says, until one fails."""
        for found in self._found:
            problem = self._call(found, context)
            if problem:
                return HookResult(ok=False, output=f"{found.name} ({found.value}): {problem}\n")
        return HookResult(ok=True, output="")

    def _call(self, found: EntryPoint, context: str) -> str:
        """What went wrong; empty when nothing did. A call that takes too long goes on, but nobody waits for it."""
        problems: list[str] = []

        def call() -> None:
            try:
                found.load()(json.loads(context))
            except BaseException as error:  # noqa: BLE001 - whatever another's code raises, it has failed
                problems.append(f"{type(error).__name__}: {error}")

        thread = threading.Thread(target=call, name=f"hook-{found.name}", daemon=True)
        thread.start()
        thread.join(self._timeout)
        return f"has not returned after {self._timeout:g} s" if thread.is_alive() else "".join(problems)

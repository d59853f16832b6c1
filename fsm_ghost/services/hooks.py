"""Runs executables at the moments of a migration; names and variables are gh-ost's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fsm_ghost.model.phase import Moment
from fsm_ghost.settings import Settings


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a hook is told about why it runs: `key` is the same for every attempt at the same occasion."""

    moment: Moment
    key: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks of one migration; `facts` gives the variables that change, by name without prefix."""

    settings: Settings
    facts: Callable[[], Mapping[str, str]]

    def run(self, occasion: Occasion) -> tuple[bool, str]:
        """Run the hooks of a moment in lexical order until one fails: whether none did, and what they printed."""
        output = ""
        for path in self._found(occasion.moment):
            ok, printed = self._run_one(path, occasion)
            output += printed
            if not ok:
                return False, output
        return True, output

    def _found(self, moment: Moment) -> list[Path]:
        if not self.settings.hooks.path:
            return []
        return sorted(path for path in Path(self.settings.hooks.path).glob(f"{moment}*") if os.access(path, os.X_OK))

    def _run_one(self, path: Path, occasion: Occasion) -> tuple[bool, str]:
        try:
            process = subprocess.Popen(
                [str(path.absolute())],
                env={**os.environ, **self._environment(occasion)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return False, f"{path.name}: cannot be run: {error}\n"
        try:
            printed, _ = process.communicate(timeout=self.settings.hooks.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return False, f"{path.name}: killed after {self.settings.hooks.timeout:g} s\n"
        text = printed.decode(errors="replace")
        return (
            process.returncode == 0,
            text if process.returncode == 0 else f"{text}\n{path.name}: exit code {process.returncode}\n",
        )

    def _environment(self, occasion: Occasion) -> dict[str, str]:
        settings = self.settings
        facts = {
            "DATABASE_NAME": settings.schema,
            "TABLE_NAME": settings.table,
            "DDL": settings.alter,
            "EXECUTING_HOST": socket.gethostname(),
            "MIGRATED_HOST": settings.server.host,
            "INSPECTED_HOST": settings.server.host,
            "HOOKS_HINT": settings.hooks.hint,
            "HOOKS_HINT_OWNER": settings.hooks.hint_owner,
            "HOOKS_HINT_TOKEN": settings.hooks.hint_token,
            "DRY_RUN": "false" if settings.execute else "true",
            **self.facts(),
        }
        named = {f"{prefix}_{name}": value for prefix in ("GH_OST", "FSM_GHOST") for name, value in facts.items()}
        return named | {"FSM_GHOST_HOOK_KEY": occasion.key, "FSM_GHOST_HOOK_ATTEMPT": str(occasion.attempt)}

"""How a run ended, as every display is told it."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Ended:
    """The last picture, the exit code, lines for people, and why it failed, if it did."""

    snapshot: Snapshot
    exit_code: int
    report: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it came to what was wanted."""
        return self.exit_code == ExitCode.DONE

    @property
    def is_dry_run(self) -> bool:
        """Whether it came to a plan only."""
        return self.is_good and not self.snapshot.execute

"""What was found out about a server and a table before a migration begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a migration must not begin, or what to know when it does.

    `remedy` says what to do, `evidence` what was seen, a few lines at most.
    """

    reason: str
    remedy: str
    evidence: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All of it in one line, for logs."""
        evidence = f" ({'; '.join(self.evidence)})" if self.evidence else ""
        return f"{self.reason}{evidence}. {self.remedy}"

    def __str__(self) -> str:
        below = [line for text in (*self.evidence, self.remedy) for line in text.splitlines()]
        return "\n  ".join([self.reason, *below])

"""Which rows of the original the new definition would break, as far as that was looked for before row copy."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Lossy

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Offence:
    """So many `rows` do not fit: `subject` (a column, or a constraint of the new definition) and `what` say how.

    `examples` name some of them, by key or by the values that they share. `allowed` is what the user lets become of
    them, `allowable` what he could allow.
    """

    subject: str
    what: str
    rows: int
    examples: tuple[str, ...]
    allowed: Lossy | None = None
    allowable: tuple[Lossy, ...] = ()

    def __str__(self) -> str:
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{self.subject} {self.what}: {rows}, for example {', '.join(self.examples)}"

    def __add__(self, more: Offence) -> Offence:
        return replace(self, rows=self.rows + more.rows, examples=(self.examples + more.examples)[:_EXAMPLES])

    def is_like(self, other: Offence) -> bool:
        """Whether both tell of the same kind of misfit."""
        return (self.subject, self.what) == (other.subject, other.what)


@dataclass(frozen=True, slots=True)
class Probe:
    """How far the search has come: all keys up to `upto` of those up to `last`, and so many unique keys.

    `unknown` are the questions that the server could not answer in time, in words.
    """

    done: bool = False
    began: bool = False
    last: Key | None = None
    upto: Key | None = None
    rows: int = 0
    scanned: bool = False
    uniques: int = 0
    offences: tuple[Offence, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def refusable(self) -> tuple[Offence, ...]:
        """The offences that nobody has allowed."""
        return tuple(offence for offence in self.offences if offence.allowed is None)

    def found(self, offence: Offence) -> Probe:
        """One more finding, added to those of its kind."""
        if any(known.is_like(offence) for known in self.offences):
            offences = tuple(known + offence if known.is_like(offence) else known for known in self.offences)
        else:
            offences = (*self.offences, offence)
        return replace(self, offences=offences)


NOT_PROBED = Probe()

"""What a migration is going to cost, reckoned from a sample that was copied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forecast:
    """Reckoned for `rows` rows, from `sampled` ones that were copied in `sample_seconds` by one worker.

    `seconds` are those of row copy, the build of deferred indexes, and the comparison, with one worker; with more of
    them it may take less. `beside_seconds` of them are spent on two of these at the same time. `rest_seconds` is what
    goes before and comes after, whatever the number of workers. `disk` and `binlog` are bytes: of the new table, and of
    what copying writes to the binary log.
    """

    rows: int
    sampled: int
    sample_seconds: float
    copy_seconds: float
    index_seconds: float
    verify_seconds: float
    disk: int
    binlog: int
    workers: int = 1
    rest_seconds: float = 0.0
    beside_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """All of it, with one worker."""
        return self.copy_seconds + self.index_seconds + self.verify_seconds - self.beside_seconds + self.rest_seconds

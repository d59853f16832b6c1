"""What a migration is going to cost, reckoned from a sample that was copied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forecast:
    """Reckoned for `rows` rows, from `sampled` ones that were copied in `sample_seconds`.

    `seconds` are those of row copy by `copiers` workers, the build of deferred indexes, and the comparison; with more
    workers, up to `workers`, it may take less. `beside_seconds` of them are spent on the comparison and one of the
    others at the same time. `rest_seconds` is what goes before and comes after, whatever the number of workers. `disk`
    and `binlog` are bytes: of the new table, and of what copying writes to the binary log.
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
    copiers: int = 1

    @property
    def seconds(self) -> float:
        """All of it, with so many copiers."""
        return self.copy_seconds + self.index_seconds + self.verify_seconds - self.beside_seconds + self.rest_seconds

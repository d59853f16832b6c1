"""How long the application's statements on a table take, by performance_schema."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from fsm_ghost.model.naming import TableName
from fsm_ghost.model.plan import Flavour
from fsm_ghost.mysql.quoting import quote
from fsm_ghost.mysql.session import Session

_PICOSECONDS = 10**12


@dataclass(frozen=True, slots=True)
class Latencies:
    """Statements since the server was started: how many, how long in all (seconds), and how many up to how long.

    MariaDB does not keep the latter.
    """

    count: int = 0
    total: float = 0.0
    upto: Counter[float] = field(default_factory=Counter)

    def since(self, before: Latencies) -> Latencies:
        """Those that were not among the ones `before`."""
        return Latencies(self.count - before.count, self.total - before.total, self.upto - before.upto)

    @property
    def slowness(self) -> float:
        """How long 99 of 100 statements took at most, seconds; where that is not known, the mean."""
        if not self.upto:
            return self.total / max(self.count, 1)
        left = 0.99 * sum(self.upto.values())
        for bound in sorted(self.upto):
            left -= self.upto[bound]
            if left <= 0:
                return bound
        return max(self.upto)

    @property
    def figure(self) -> str:
        """What `slowness` is called."""
        return "p99" if self.upto else "mean"


def latencies(session: Session, flavour: Flavour, table: TableName, ghost: TableName) -> Latencies:
    """Of the statements that name a table, but for ours. LookupError where performance_schema is off."""
    if not int(session.value("SELECT @@GLOBAL.performance_schema")):
        raise LookupError("performance_schema is off")
    about = _about(session, table, ghost)
    summary = "performance_schema.events_statements_summary_by_digest AS summary"
    count, total = session.query(f"SELECT SUM(COUNT_STAR), SUM(SUM_TIMER_WAIT) FROM {summary} WHERE {about}")[0]
    upto: Counter[float] = Counter()
    if flavour is Flavour.MYSQL:
        rows = session.query(
            "SELECT BUCKET_TIMER_HIGH, SUM(COUNT_BUCKET)"
            f" FROM {summary} JOIN performance_schema.events_statements_histogram_by_digest AS histogram"
            f" USING (SCHEMA_NAME, DIGEST) WHERE {about} AND COUNT_BUCKET > 0 GROUP BY BUCKET_TIMER_HIGH"
        )
        upto.update({int(bound) / _PICOSECONDS: int(found) for bound, found in rows})
    return Latencies(int(count or 0), int(total or 0) / _PICOSECONDS, upto)


def _about(session: Session, table: TableName, ghost: TableName) -> str:
    """Which statements count: ours name the ghost table, or an index of the original."""
    name, other = (session.quote(quote(each.name)) for each in (table, ghost))
    full = session.quote(f"{quote(table.schema)} . {quote(table.name)}")
    there = f"(SCHEMA_NAME = {session.quote(table.schema)} AND LOCATE({name}, DIGEST_TEXT) > 0)"
    ours = f"LOCATE({other}, DIGEST_TEXT) > 0 OR LOCATE('FORCE INDEX', DIGEST_TEXT) > 0"
    return f"({there} OR LOCATE({full}, DIGEST_TEXT) > 0) AND NOT ({ours})"

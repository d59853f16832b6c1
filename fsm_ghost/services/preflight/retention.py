"""A migration that is stopped can be resumed for as long as the binary log reaches back to its checkpoint."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject
from fsm_ghost.services.retention import seconds_kept

_ROWS = 20_000  # a second: what row copy does on a slow server
_BYTES = 20_000_000
_LEAST = 3600.0  # seconds: people need time to notice


def check(subject: Subject) -> Finding | None:
    """Warn of a binary log that may be purged before the migration has ended."""
    forecast = _forecast(subject)
    kept, limit = seconds_kept(subject.variables), _bytes_kept(subject)
    evidence = []
    if kept and kept < max(_LEAST, 2 * forecast):
        evidence.append(f"it is purged after {kept:,.0f} s; the migration may take {forecast:,.0f} s")
    written = subject.definition.bytes if subject.definition else 0
    if limit and limit < 2 * written:
        evidence.append(f"it is purged beyond {limit:,.0f} bytes; the migration may write {written:,} bytes")
    if not evidence:
        return None
    return Finding(
        "the binary log is not kept for long: a run that is stopped may not be resumable",
        "Let it be kept for longer (binlog_expire_logs_seconds, expire_logs_days, max_binlog_total_size).",
        tuple(evidence),
    )


def _forecast(subject: Subject) -> float:
    """How long row copy may take, in seconds: rather too long than too short."""
    table = subject.definition
    return max(table.rows / _ROWS, table.bytes / _BYTES) if table else 0.0


def _bytes_kept(subject: Subject) -> float:
    """Beyond how many bytes they are purged (MariaDB, Percona Server); 0 for never."""
    limits = [subject.number(name) for name in ("max_binlog_total_size", "binlog_space_limit")]
    return min((limit for limit in limits if limit), default=0.0)

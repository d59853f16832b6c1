"""A snapshot as a document for programs: `status --json`, `--ui json` and hooks show it.

Keys are only ever added under one `schema`; null is unknown. Times come twice: as `…_at` in ISO 8601 (UTC) and as
`…_at_ms`, milliseconds since the epoch. Shares are 0..1, durations seconds. Key values are left out: they may be
anybody's data.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot

SCHEMA = 1
Document = dict[str, Any]


def dumps(document: Document, *, indent: int | None = None) -> str:
    """The text of a document; what JSON cannot say (NaN, infinity) becomes null."""
    return json.dumps(_sayable(document), allow_nan=False, ensure_ascii=False, indent=indent)


def of_snapshot(snapshot: Snapshot, now: float) -> Document:
    """One migration at one moment."""
    progress, readings = snapshot.progress, snapshot.readings
    return {
        "id": snapshot.id,
        "short_id": snapshot.id[:8],
        "schema_name": snapshot.table.schema,
        "table_name": snapshot.table.name,
        "statement": snapshot.statement,
        "execute": snapshot.execute,
        "state": str(snapshot.phase),
        "alive": snapshot.alive,
        "finished": snapshot.finished_at is not None,
        "reason": snapshot.reason or None,
        "waiting_for": (readings.waiting_for or None) if snapshot.alive else None,
        "concern": (readings.concern or None) if snapshot.alive else None,
        **times("created_", snapshot.created_at),
        **times("finished_", snapshot.finished_at),
        "elapsed_seconds": rounded((snapshot.finished_at or now) - snapshot.created_at),
        "copy": _copy(snapshot),
        "changes": {
            "read": progress.changes,
            "per_second": readings.changes_per_second,
            "keys_refreshed": progress.refreshed,
            "backlog_keys": readings.backlog,
            "stream_delay_seconds": readings.stream_delay,
            "stream_reconnects": readings.reconnects,
        },
        "verify": {
            "share": _share(progress.verified_part, complete=progress.verified) if progress.verifying else None,
            "complete": progress.verified,
            "rows": progress.verified_rows,
            "workers": (readings.workers or None) if snapshot.phase is Phase.VERIFY else None,
        },
        "cut_over": {
            "postponed": snapshot.is_postponed,
            "attempts": progress.attempts,
            "swapped": progress.swap is not None,
            "stall_seconds": progress.swap.stall if progress.swap else None,
            "escaped_writes": progress.swap.escaped if progress.swap else None,
            "locked_at": str(progress.swap.locked_at) if progress.swap else None,
        },
        "binlog": {
            "start": str(progress.start) if progress.start else None,
            "safe": str(progress.safe) if progress.safe else None,
        },
        "checkpoint": {
            "number": snapshot.checkpoints,
            **times("", snapshot.checkpoint_at),
            "age_seconds": rounded(now - snapshot.checkpoint_at) if snapshot.checkpoint_at is not None else None,
        },
    }


def _copy(snapshot: Snapshot) -> Document:
    progress, readings = snapshot.progress, snapshot.readings
    return {
        "share": _share(progress.copied_part, complete=progress.is_copied) if progress.range_known else None,
        "complete": progress.is_copied,
        "rows": progress.rows,
        "rows_estimate": progress.plan.rows if progress.plan else None,
        "rows_per_second": readings.rows_per_second,
        "chunks": progress.chunks,
        "chunk_rows": readings.chunk_rows,
        "chunk_seconds": readings.chunk_seconds,
        "workers": (readings.workers or None) if snapshot.phase is Phase.COPY else None,
        "eta_seconds": readings.eta if snapshot.phase is Phase.COPY else None,
        "eta_spread_seconds": readings.eta_spread if snapshot.phase is Phase.COPY else None,
    }


def times(prefix: str, at: float | None) -> Document:
    """A time, seconds since the epoch, as `…at` and as `…at_ms`."""
    known = at is not None and math.isfinite(at)
    return {
        f"{prefix}at": iso(at) if known and at is not None else None,
        f"{prefix}at_ms": round(at * 1000) if known and at is not None else None,
    }


def iso(moment: float) -> str:
    """A time in ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _share(part: float, *, complete: bool) -> float:
    """0..1, and 1 only when it is complete; rounded down."""
    tenths = math.floor(part * 10_000) if math.isfinite(part) else 0
    return 1.0 if complete else min(9_999, max(0, tenths)) / 10_000


def rounded(seconds: float) -> float:
    """A time span, to the millisecond; never less than 0."""
    return round(max(0.0, seconds), 3)


def _sayable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sayable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sayable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

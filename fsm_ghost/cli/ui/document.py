"""Migrations as JSON documents, for programs. Keys are only ever added under one `schema`; null is unknown.

Times come twice: as `…_at` in ISO 8601 (UTC) and as `…_at_ms`, milliseconds since the epoch. Shares are 0..1, durations
seconds. Key values are left out, but for the examples of a plan: they may be anybody's data.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fsm_ghost.cli.ui import words
from fsm_ghost.engine.store import JournalEntry, Order
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.probe import Offence
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import masked

SCHEMA = 1
Document = dict[str, Any]


def dumps(document: Document, *, indent: int | None = None) -> str:
    """The text of a document; what JSON cannot say (NaN, infinity) becomes null."""
    return json.dumps(_sayable(document), allow_nan=False, ensure_ascii=False, indent=indent)


def of_status(snapshot: Snapshot, journal: Sequence[JournalEntry], now: float) -> Document:
    """What `status --json` prints."""
    return {
        "schema": SCHEMA,
        **_moment("", now),
        "migration": of_snapshot(snapshot, now),
        "plan": of_plan(snapshot.progress.plan, snapshot.progress) if snapshot.progress.plan else None,
        "journal": [_of_entry(entry) for entry in journal],
        "next": list(words.next_commands(snapshot)),
    }


def of_list(snapshots: Sequence[Snapshot], now: float) -> Document:
    """What `list --json` prints."""
    return {
        "schema": SCHEMA,
        **_moment("", now),
        "migrations": [of_snapshot(snapshot, now) for snapshot in snapshots],
    }


def of_history(snapshot: Snapshot, journal: Sequence[JournalEntry], orders: Sequence[Order], now: float) -> Document:
    """What `history --json` prints; `seconds` is for how long the state that was left had lasted."""
    begins = [snapshot.created_at, *(entry.at for entry in journal)]
    return {
        "schema": SCHEMA,
        **_moment("", now),
        "migration": of_snapshot(snapshot, now),
        "transitions": [
            {**_of_entry(entry), "seconds": _round(entry.at - began)}
            for entry, began in zip(journal, begins, strict=False)
        ],
        "commands": [_of_order(order) for order in orders],
    }


def _of_order(order: Order) -> Document:
    return {
        "id": order.command.id,
        "verb": str(order.command.verb),
        "value": masked(order.command.value) or None,
        **_moment("", order.at),
        **_moment("taken_", order.taken_at),
        "took_effect": order.answer.took_effect if order.answer else None,
        "answer": order.answer.text if order.answer else None,
    }


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
        "doing": words.doing(snapshot),
        **_moment("created_", snapshot.created_at),
        **_moment("finished_", snapshot.finished_at),
        "elapsed_seconds": _round((snapshot.finished_at or now) - snapshot.created_at),
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
            "postponed": words.is_postponed(snapshot),
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
            **_moment("", snapshot.checkpoint_at),
            "age_seconds": _round(now - snapshot.checkpoint_at) if snapshot.checkpoint_at is not None else None,
        },
    }


def _copy(snapshot: Snapshot) -> Document:
    progress, readings = snapshot.progress, snapshot.readings
    return {
        "share": _share(progress.copied_part, complete=words.is_copied(progress)) if progress.range_known else None,
        "complete": words.is_copied(progress),
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


def of_plan(plan: Plan, progress: Progress, *, examples: bool = False) -> Document:
    """How one table is migrated, what was found out about its rows, and what it will cost."""
    names, forecast = plan.names, progress.forecast
    return {
        "original": str(names.original),
        "ghost": str(names.ghost),
        "changelog": str(names.changelog),
        "marker": str(names.marker),
        "old": str(names.old),
        "key": {"index": plan.key.index, "columns": [column.name for column in plan.key.columns]},
        "columns": [
            {"original": pair.original, "ghost": pair.ghost, "stored_instead": pair.instead != ""}
            for pair in plan.mapping
        ],
        "warnings": [asdict(finding) for finding in progress.warnings],
        "remarks": list(plan.remarks),
        "renamed_checks": [{"original": pair.original, "new": pair.ghost} for pair in plan.renamed_checks],
        "native_algorithm": str(plan.native),
        "probe": {
            "complete": progress.probe.done,
            "rows_read": progress.probe.rows,
            "offences": [_offence(offence, examples=examples) for offence in progress.probe.offences],
            "unknown": list(progress.probe.unknown),
        },
        "forecast": None if forecast is None else {**asdict(forecast), "seconds": forecast.seconds},
        "rows_estimate": plan.rows,
        "bytes_estimate": plan.bytes,
        "swap": str(plan.swap),
        "index_build": {"deferred": len(plan.deferral.indexes), "reason": plan.deferral.reason or None},
    }


def _offence(offence: Offence, *, examples: bool) -> Document:
    return {
        "subject": offence.subject,
        "what": offence.what,
        "rows": offence.rows,
        "examples": list(offence.examples) if examples else None,
        "allowed": str(offence.allowed) if offence.allowed else None,
        "allowable": [str(policy) for policy in offence.allowable],
    }


def _of_entry(entry: JournalEntry) -> Document:
    return {
        "seq": entry.seq,
        "from": str(entry.source),
        "outcome": entry.outcome,
        "to": str(entry.dest),
        "reason": entry.reason or None,
        "epoch": entry.epoch,
        "facts": json.loads(entry.facts),
        **_moment("", entry.at),
    }


def _moment(prefix: str, at: float | None) -> Document:
    known = at is not None and math.isfinite(at)
    return {
        f"{prefix}at": words.iso(at) if known and at is not None else None,
        f"{prefix}at_ms": round(at * 1000) if known and at is not None else None,
    }


def _share(part: float, *, complete: bool) -> float:
    """0..1, and 1 only when it is complete; rounded down."""
    tenths = math.floor(part * 10_000) if math.isfinite(part) else 0
    return 1.0 if complete else min(9_999, max(0, tenths)) / 10_000


def _round(seconds: float) -> float:
    return round(max(0.0, seconds), 3)


def _sayable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sayable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sayable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""Migrations as JSON documents, for programs: what `model/picture.py` says of one, and what only commands show.

Key values are left out, but for the examples of a plan: they may be anybody's data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from fsm_ghost.cli.ui import words
from fsm_ghost.engine.store import JournalEntry, Order
from fsm_ghost.model import picture
from fsm_ghost.model.picture import SCHEMA, Document, rounded, times
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.probe import Offence
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import masked


def of_status(snapshot: Snapshot, journal: Sequence[JournalEntry], now: float) -> Document:
    """What `status --json` prints."""
    return {
        "schema": SCHEMA,
        **times("", now),
        "migration": of_snapshot(snapshot, now),
        "plan": of_plan(snapshot.progress.plan, snapshot.progress) if snapshot.progress.plan else None,
        "journal": [_of_entry(entry) for entry in journal],
        "next": list(words.next_commands(snapshot)),
    }


def of_list(snapshots: Sequence[Snapshot], now: float) -> Document:
    """What `list --json` prints."""
    return {
        "schema": SCHEMA,
        **times("", now),
        "migrations": [of_snapshot(snapshot, now) for snapshot in snapshots],
    }


def of_history(snapshot: Snapshot, journal: Sequence[JournalEntry], orders: Sequence[Order], now: float) -> Document:
    """What `history --json` prints; `seconds` is for how long the state that was left had lasted."""
    begins = [snapshot.created_at, *(entry.at for entry in journal)]
    return {
        "schema": SCHEMA,
        **times("", now),
        "migration": of_snapshot(snapshot, now),
        "transitions": [
            {**_of_entry(entry), "seconds": rounded(entry.at - began)}
            for entry, began in zip(journal, begins, strict=False)
        ],
        "commands": [_of_order(order) for order in orders],
    }


def _of_order(order: Order) -> Document:
    return {
        "id": order.command.id,
        "verb": str(order.command.verb),
        "value": masked(order.command.value) or None,
        **times("", order.at),
        **times("taken_", order.taken_at),
        "took_effect": order.answer.took_effect if order.answer else None,
        "answer": order.answer.text if order.answer else None,
    }


def of_snapshot(snapshot: Snapshot, now: float) -> Document:
    """One migration at one moment, and what it is doing in words."""
    return {**picture.of_snapshot(snapshot, now), "doing": words.doing(snapshot)}


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
        **times("", entry.at),
    }

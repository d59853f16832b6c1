"""The report of a migration as a JSON document: what was done, what it cost, and what was not proved.

Keys are only ever added under one `schema`; each of them is described in docs/reference/report.md. The rules of
`document` hold, but that the keys of rows are given which people have to look at.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fsm_ghost import __version__, verdict
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.ui import words
from fsm_ghost.cli.ui.document import of_status
from fsm_ghost.engine.record import JournalEntry, Record
from fsm_ghost.engine.state import FINAL
from fsm_ghost.model import document
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.picture import Document, times
from fsm_ghost.mysql import statements
from fsm_ghost.settings import masked

SCHEMA = 1
_HIDDEN = "(not shown)"
_MIGRATION = (
    "id short_id schema_name table_name statement execute state finished reason"
    " created_at created_at_ms finished_at finished_at_ms elapsed_seconds"
)
_KILLED = re.compile(
    r"(?:^|; )killed (?=(?:perhaps )?connection [0-9])(.*)", re.DOTALL
)  # as states/cut_over.py says it


@dataclass(frozen=True, slots=True)
class Told:
    """All that the state file tells of one migration; `alive` is whether a process is driving it."""

    record: Record
    journal: Sequence[JournalEntry]
    alive: bool = False


def of_report(told: Told, now: float) -> Document:
    """What `report --json` prints, and what report.json holds."""
    record, progress, settings = told.record, told.record.progress, told.record.asked
    snapshot = record.snapshot(alive=told.alive)
    status = of_status(snapshot, told.journal, now)
    return {
        "schema": SCHEMA,
        "at": status["at"],
        "at_ms": status["at_ms"],
        "version": __version__,
        "outcome": words.doing(snapshot),
        "migration": {key: status["migration"][key] for key in _MIGRATION.split()},
        "exit": _exit(told),
        "server": _server(record),
        "settings": _settings(record),
        "plan": status["plan"],
        "definitions": _definitions(record),
        "states": _states(told, status["journal"], now),
        "runs": {
            "count": record.epoch,
            "last_owner": record.owner or None,
            "stopped_because": record.reason or None if record.phase not in FINAL and not told.alive else None,
        },
        "journal": status["journal"],
        "original": verdict.original(progress),
        "copy": {key: status["migration"]["copy"][key] for key in ("rows", "chunks", "complete")},
        "changes": {
            key: status["migration"]["changes"][key] for key in ("read", "keys_refreshed", "stream_reconnects")
        },
        "replaced": [
            {"column": each.column, "how": str(each.how), "rows_before_copy": each.rows}
            for each in verdict.replaced(progress, settings)
        ],
        "verification": _verification(record, status["journal"]),
        "swap": _swap(record, status["journal"]),
        "old_table": _old_table(record),
        "next": status["next"],
        "not_proved": [*verdict.doubts(progress, settings), *verdict.limits(progress, settings)],
    }


def _exit(told: Told) -> Document | None:
    """How it ended; None as long as it has not."""
    if told.record.phase not in FINAL:
        return None
    code = ExitCode(verdict.exit_code(told.record, told.journal))
    return {"code": int(code), "meaning": code.meaning, "reason": told.record.reason or None}


def _server(record: Record) -> Document:
    known = record.progress.plan.server if record.progress.plan else None
    return {
        "address": record.host,
        "uuid": record.server,
        "flavour": str(known.flavour) if known else None,
        "version": known.version if known else None,
    }


def _settings(record: Record) -> Document:
    """Everything that was asked for, but for what may be a secret."""
    asked: Document = json.loads(document.dump(record.asked))
    del asked["server"]["password"]
    if asked["hooks"]["hint_token"]:
        asked["hooks"]["hint_token"] = _HIDDEN
    asked["throttle"]["http"] = masked(asked["throttle"]["http"])
    return asked


def _definitions(record: Record) -> Document | None:
    plan = record.progress.plan
    if plan is None:
        return None
    return {"before": _definition(plan.original_create), "after": _definition(plan.ghost_create)}


def _definition(create: str) -> Document:
    return {"create": create, "sha256": hashlib.sha256(create.encode()).hexdigest()}


def _states(told: Told, journal: Sequence[Document], now: float) -> list[Document]:
    """Every state, in the order in which they were entered first; but not the one in which it has ended."""
    record = told.record
    began = times("", record.created_at)
    entered = [(str(Phase.VALIDATE), began), *((entry["to"], entry) for entry in journal)]
    since = [record.created_at, *(entry.at for entry in told.journal), record.finished_at or now]
    if record.phase in FINAL:
        entered.pop()
    found: dict[str, Document] = {}
    for place, (state, entry) in enumerate(entered):
        fresh = {"state": state, "entered": 0, "at": entry["at"], "at_ms": entry["at_ms"], "seconds": 0.0}
        known = found.setdefault(state, fresh)
        known["entered"] += 1
        known["seconds"] = round(known["seconds"] + max(0.0, since[place + 1] - since[place]), 3)
    return list(found.values())


def _verification(record: Record, journal: Sequence[Document]) -> Document:
    progress, settings = record.progress, record.asked
    compared = verdict.was_compared(progress)
    ended = [entry for entry in journal if entry["outcome"] == Outcome.EQUAL]
    last = ended[-1] if ended and compared else {"at": None, "at_ms": None}
    columns = [pair.original for pair in progress.plan.mapping] if progress.plan and progress.verifying else []
    return {
        "wanted": settings.verify,
        "complete": compared,
        "rows": progress.verified_rows,
        "columns_compared": [column for column in columns if column not in progress.uncompared],
        "columns_not_compared": list(progress.uncompared),
        "why_not": "SQL cannot compare the old and the new value exactly" if progress.uncompared else None,
        "times": len(ended) if compared else 0,
        "ended_at": last["at"],
        "ended_at_ms": last["at_ms"],
    }


def _swap(record: Record, journal: Sequence[Document]) -> Document:
    swap = record.progress.swap
    known = swap if swap is not None and not verdict.was_found_done(swap) else None
    ours = [entry for entry in journal if entry["from"] == Phase.CUT_OVER]
    seen = next((entry for entry in ours if entry["outcome"] == Outcome.SWAPPED), {"at": None, "at_ms": None})
    killed = [match[1] for entry in ours if (match := _KILLED.search(entry["reason"] or ""))]
    return {
        "swapped": swap is not None,
        "seen_at": seen["at"],
        "seen_at_ms": seen["at_ms"],
        "attempts": record.progress.attempts,
        "given_up": [
            {"at": entry["at"], "at_ms": entry["at_ms"], "reason": _KILLED.sub("", entry["reason"] or "")}
            for entry in ours
            if entry["outcome"] == Outcome.GIVEN_UP
        ],
        "sessions_killed": killed,
        "locked_at": str(known.locked_at) if known and known.locked_at else None,
        "held_up_seconds": known.stall if known else None,
        "escaped_writes": swap.escaped if swap else None,
        "healed_writes": swap.healed if swap else None,
        "unclear_keys": [list(key) for key in swap.unclear] if swap else [],
    }


def _old_table(record: Record) -> Document | None:
    if record.progress.swap is None:
        return None
    old = record.progress.the_plan.names.old
    dropped = record.phase is Phase.DONE and record.asked.cut_over.drop_old_table
    return {
        "name": str(old),
        "dropped": dropped,
        "drop_statement": None if dropped else statements.drop_for_people(old),
    }

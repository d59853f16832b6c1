"""`fsm-ghost history`: every transition of a migration, and every command, whether anybody runs it or not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.known import newest
from fsm_ghost.cli.store import reading
from fsm_ghost.cli.ui import words
from fsm_ghost.cli.ui.document import of_history
from fsm_ghost.engine.store import JournalEntry, Order
from fsm_ghost.model.picture import dumps
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.settings import masked

_INDENT = " " * 25


def run(values: Values) -> int:
    """Print it."""
    with reading(values) as store:
        record = newest(store, values)
        snapshot, journal, orders = store.snapshot(record), store.journal(record.id), store.orders(record.id)
    if values.is_on("json"):
        print(dumps(of_history(snapshot, journal, orders, time.time()), indent=2))
    else:
        print("\n".join(lines(snapshot, journal, orders, time.time())))
    return ExitCode.DONE


def lines(snapshot: Snapshot, journal: Sequence[JournalEntry], orders: Sequence[Order], now: float) -> Iterator[str]:
    """What happened, in the order in which it did."""
    yield f"migration {snapshot.id[:8]} of {snapshot.table}: {words.clauses(snapshot.statement)}"
    yield f"  {words.local(snapshot.created_at)}  begun"
    happened: list[tuple[float, list[str]]] = []
    began, run_ = snapshot.created_at, 0
    for entry in journal:
        happened.append((entry.at, list(_transition(entry, entry.at - began, is_new=entry.epoch != run_))))
        began, run_ = entry.at, entry.epoch
    happened += [(order.at, list(_order(order))) for order in orders]
    for _, told in sorted(happened, key=lambda each: each[0]):
        yield from told
    if snapshot.finished_at is None:
        since = f"{words.state(snapshot.phase)} for {words.duration(max(0.0, now - began))} so far"
        yield f"  {words.local(now)}  {since}: {words.doing(snapshot)}"


def _transition(entry: JournalEntry, seconds: float, *, is_new: bool) -> Iterator[str]:
    """What was left after how long, for what, and why; then what the migration had come to."""
    by = f" (run {entry.epoch})" if is_new else ""
    left = f"{words.state(entry.source)} → {words.state(entry.dest)}"
    yield f"  {words.local(entry.at)}  {left}: {entry.outcome.replace('_', ' ')} after {words.duration(seconds)}{by}"
    yield from (f"{_INDENT}{line}" for line in entry.reason.splitlines() if line.strip())
    facts = json.loads(entry.facts)
    if facts:
        yield _INDENT + ", ".join(f"{name.replace('_', ' ')} {_shown(fact)}" for name, fact in facts.items())


def _order(order: Order) -> Iterator[str]:
    """What was asked for, and what was answered."""
    asked = " ".join(filter(None, (str(order.command.verb), masked(order.command.value))))
    yield f"  {words.local(order.at)}  asked: {asked}"
    if order.answer is not None:
        yield f"{_INDENT}{'done' if order.answer.took_effect else 'not done'}: {order.answer.text}"
    elif order.taken_at is None:
        yield f"{_INDENT}no run has taken it yet"


def _shown(fact: object) -> str:
    return words.count(fact) if isinstance(fact, int) and not isinstance(fact, bool) else str(fact).lower()

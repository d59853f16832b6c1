"""A report as a page of text: for whoever is called at night, and for the ticket. It says what the document says."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from fsm_ghost.cli.ui import words
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.picture import Document

_WIDTH = 100
_INDENT = "  "
_COLUMN = 12
_MOST_ATTEMPTS = 5  # that were given up, shown: the last ones

Row = tuple[str, str]


def text(report: Document) -> str:
    """The page, with the times in UTC."""
    blocks = [
        _title(report),
        _table(_what(report)),
        _table(_done(report), "What was done"),
        _table(_states(report), "Where the time went"),
        _old_table(report),
        _listed(report["not_proved"], "What was not proved"),
        _listed(report["next"], "What can be done now"),
        _footer(report),
    ]
    return "\n\n".join(filter(None, blocks))


def _title(report: Document) -> str:
    """The table and how it stands; the reason has a line of its own below."""
    first = (report["migration"]["reason"] or "").partition("\n")[0]
    outcome = report["outcome"].removesuffix(f": {first}")
    return f"{report['migration']['schema_name']}.{report['migration']['table_name']}: {outcome}"


def _footer(report: Document) -> str:
    command = f"fsm-ghost report {report['migration']['short_id']} --json"
    return (
        f"Written by fsm-ghost {report['version']} at {_time(report['at'])}.\n"
        f"Definitions, plan, settings and journal: report.json, or {command}"
    )


def _what(report: Document) -> Iterator[Row]:
    migration, server, runs, ended = report["migration"], report["server"], report["runs"], report["exit"]
    yield "change", words.clauses(migration["statement"])
    yield "migration", migration["id"] + ("" if migration["execute"] else " (a dry run)")
    known = f", {server['flavour']} {server['version']}" if server["flavour"] else ""
    yield "server", f"{server['address']}{known}"
    yield "began", _time(migration["created_at"])
    if migration["finished_at"]:
        yield "ended", f"{_time(migration['finished_at'])}, after {words.duration(migration['elapsed_seconds'])}"
    yield "runs", words.count(runs["count"]) + (f", the last by {runs['last_owner']}" if runs["last_owner"] else "")
    if ended:
        yield "exit code", f"{ended['code']}: {ended['meaning']}"
    else:
        yield "state", f"{_named(migration['state'])}; it has not ended, this is how far it has come"
    if migration["reason"]:
        yield "reason", migration["reason"]


def _done(report: Document) -> Iterator[Row]:
    copy, changes, definitions = report["copy"], report["changes"], report["definitions"]
    yield "original", report["original"]
    if copy["chunks"] or copy["complete"]:
        yield "copied", f"{words.many(copy['rows'], 'row')} in {words.many(copy['chunks'], 'chunk')}"
        yield (
            "followed",
            f"{words.many(changes['read'], 'change')}; {words.many(changes['keys_refreshed'], 'key')} refreshed",
        )
    for each in report["replaced"]:
        yield (
            "replaced",
            f"{each['column']} ({each['how']}): {words.many(each['rows_before_copy'], 'row')} before row copy",
        )
    yield from _compared(report["verification"])
    yield from _swapped(report["swap"])
    yield from _planned(report["plan"], swapped=report["swap"]["swapped"])
    if definitions:
        yield "before", f"definition, sha256 {definitions['before']['sha256']}"
        yield "after", f"definition, sha256 {definitions['after']['sha256']}"


def _planned(plan: Document | None, *, swapped: bool) -> Iterator[Row]:
    """What was known beforehand to be otherwise than one might expect."""
    for remark in plan["remarks"] if plan else []:
        yield "note", remark
    for check in plan["renamed_checks"] if plan and swapped else []:
        yield "check", f"{check['original']} is called {check['new']} now"


def _compared(verification: Document) -> Iterator[Row]:
    if not verification["complete"]:
        return
    columns = words.many(len(verification["columns_compared"]), "column")
    rows = words.many(verification["rows"], "row")
    yield "compared", f"{rows} found equal in {columns}, until {_time(verification['ended_at'])}"


def _swapped(swap: Document) -> Iterator[Row]:
    if swap["swapped"]:
        locked = f", locked at {swap['locked_at']}" if swap["locked_at"] else ""
        seen = swap["held_up_seconds"]
        held_up = f"; writers were held up for {words.duration(seen)}" if seen is not None else ""
        yield "swapped", f"{_time(swap['seen_at'])}, attempt {swap['attempts']}{locked}{held_up}"
    if len(swap["given_up"]) > _MOST_ATTEMPTS:
        yield "given up", f"{words.many(len(swap['given_up']), 'attempt')}; the last of them:"
    for attempt in swap["given_up"][-_MOST_ATTEMPTS:]:
        yield "given up", f"{_time(attempt['at'])}: {attempt['reason']}"
    for killed in swap["sessions_killed"]:
        yield "killed", killed
    if swap["escaped_writes"] is not None:
        healed = f", {words.count(swap['healed_writes'])} brought over" if swap["escaped_writes"] else ""
        yield "audit", f"{words.many(swap['escaped_writes'], 'write')} to the old table behind its lock{healed}"


def _states(report: Document) -> Iterator[Row]:
    for state in report["states"]:
        times = f", {state['entered']} times" if state["entered"] > 1 else ""
        yield _named(state["state"]), f"{words.duration(state['seconds'])}{times}"


def _old_table(report: Document) -> str:
    old = report["old_table"]
    if old is None:
        return ""
    if old["dropped"]:
        return f"The old table\n{_INDENT}{old['name']} was dropped, as asked."
    kept = f"{old['name']} is kept. When it is not needed any more:"
    return f"The old table\n{_INDENT}{kept}\n{_INDENT}{old['drop_statement']}"


def _table(rows: Iterator[Row], title: str = "") -> str:
    """Rows under a title; a long value goes on below itself. Empty when there are none."""
    lines = [line for name, value in rows for line in _wrapped(f"{_INDENT}{name:<{_COLUMN}}", value)]
    return "\n".join(filter(None, [title, *lines])) if lines else ""


def _listed(items: Sequence[str], title: str) -> str:
    lines = [line for item in items for line in _wrapped(f"{_INDENT}- ", item)]
    return "\n".join([title, *lines]) if lines else ""


def _wrapped(lead: str, value: str) -> Iterator[str]:
    """A value of one line or more behind its lead."""
    for place, line in enumerate(filter(None, (" ".join(line.split()) for line in value.splitlines()))):
        yield from textwrap.wrap(
            line,
            _WIDTH,
            initial_indent=" " * len(lead) if place else lead,
            subsequent_indent=" " * len(lead),
            break_on_hyphens=False,
            break_long_words=False,
        )


def _named(state: str) -> str:
    return words.state(Phase(state))


def _time(moment: str | None) -> str:
    """2026-11-20T11:01:23.000Z as people write it."""
    return f"{moment[:19].replace('T', ' ')} UTC" if moment else words.UNKNOWN

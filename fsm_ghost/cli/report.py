"""`fsm-ghost report`: what a migration did, what it cost, and what was not proved; and the files that say so."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from pathlib import Path

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.known import newest
from fsm_ghost.cli.store import reading
from fsm_ghost.cli.ui.report import Told, of_report
from fsm_ghost.cli.ui.report_text import text
from fsm_ghost.engine.state import FINAL
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.model.picture import dumps

log = logging.getLogger(__name__)
_FOLDER = "reports"  # beside the state file


def run(values: Values) -> int:
    """Print it: of a migration that has ended, or as far as it has come."""
    with reading(values) as store:
        record = newest(store, values)
        alive = not record.is_finished and store.is_running(record.id)
        report = of_report(Told(record, store.journal(record.id), alive), time.time())
    print(dumps(report, indent=2) if values.is_on("json") else text(report))
    return ExitCode.DONE


def keep(store: Store, migration: str, folder: str) -> tuple[str, ...]:
    """Write the report of a migration that has ended into `folder`, empty for the one beside the state file.

    A line that says where it is; none when there is nothing to be reported, or a warning was given instead.
    """
    record = store.find(migration)
    if record.phase not in FINAL or not record.asked.execute:
        return ()
    where = Path(folder) if folder else store.path.parent / _FOLDER / record.short_id
    try:
        _write(store, record, where)
    except OSError as error:
        log.warning(
            "the report could not be written: %s; it is printed by: fsm-ghost report %s", error, record.short_id
        )
        return ()
    return (f"The report is {where / 'report.txt'}, and report.json beside it.",)


def _write(store: Store, record: Record, folder: Path) -> None:
    report = of_report(Told(record, store.journal(record.id)), time.time())
    for made in reversed((folder, *folder.parents)):
        made.mkdir(mode=0o700, exist_ok=True)
    _replace(folder / "report.json", dumps(report, indent=2))
    _replace(folder / "report.txt", text(report))


def _replace(path: Path, content: str) -> None:
    """Write a file that only we may read; whoever reads it meanwhile sees the old one or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content + "\n")
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise

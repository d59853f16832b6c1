"""Where nobody else uses the server, rows are compared while others are still copied."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsm_ghost.errors import MismatchError
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.services.copier import Copier
from fsm_ghost.settings import CopySettings
from tests.integration.driving import Driver
from tests.servers import Database

ROWS = 3000
ALTER = "ADD COLUMN added INT NOT NULL DEFAULT 7"
SENT = 20  # chunks, of 30: row copy waits for the comparison


@pytest.fixture
def filled(database: Database) -> Database:
    database.execute("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, word VARCHAR(40))")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({n}, {n % 7})' for n in range(1, ROWS + 1))}")
    return database


@pytest.fixture
def unfinished(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last chunks are never sent."""
    send = Copier.send

    def sent(self: Copier, progress: Progress) -> None:
        send(self, replace(progress, open_chunks=tuple(each for each in progress.open_chunks if each.number <= SENT)))

    monkeypatch.setattr(Copier, "send", sent)


def copied(seen: Snapshot) -> bool:
    """Whether a chunk is known to be copied, and row copy goes on."""
    return seen.phase is Phase.COPY and seen.progress.copied_upto is not None


@pytest.mark.usefixtures("unfinished")
@pytest.mark.parametrize(
    "spoil",
    ["DELETE FROM t_gho WHERE id = {}", "UPDATE t_gho SET word = 'x' WHERE id = {}"],
    ids=["lost", "other"],
)
def test_a_row_that_was_spoiled_behind_a_chunk_is_found_while_others_are_copied(
    filled: Database, driver: Driver, spoil: str
) -> None:
    settings = driver.settings(alter=ALTER, copy=CopySettings(chunk_size=100))
    running = driver.start(settings, hold=copied)
    reached = running.until_held().progress.copied_upto
    assert reached is not None
    last = int(reached[0])  # of what is copied: no range that is being compared can contain it yet
    filled.execute(spoil.format(last))
    running.go()
    ending = running.ending()
    assert (ending.phase, ending.exit_code) == (Phase.FAILED, MismatchError.exit_code)
    assert driver.journal(running.id)[-1] == (Phase.COPY, "differs", Phase.FAILED)
    assert f"({last},): {'not in the ghost table' if 'DELETE' in spoil else 'word'}" in ending.snapshot.reason
    assert ending.snapshot.progress.rows < ROWS

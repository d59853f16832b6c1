"""Writes that slip behind the last refresh of a swap are found and healed; later ones are never undone (R16).

Nothing can slip through a lock, so the tests write through the very session that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from fsm_ghost.errors import ConnectionLostError
from fsm_ghost.migration import Ending
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.model.key import Key
from fsm_ghost.model.phase import Phase
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.auditor import Audit, Auditor
from fsm_ghost.services.swapper import Found, Witness
from tests.integration.driving import Driver, contents, old_table
from tests.servers import Database

WANTED = ["id", "code", "n"]
Escape = Callable[..., None]


@pytest.fixture
def escape(database: Database, monkeypatch: pytest.MonkeyPatch) -> Escape:
    """Makes these statements run between the last refresh and the RENAME."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, code VARCHAR(9) NOT NULL, n INT NOT NULL)")
    database.execute(f"INSERT INTO t VALUES {', '.join(f'({n}, {n}, 0)' for n in range(1, 301))}")
    drain = Applier.drain

    def prepare(*statements: str) -> None:
        def drained(applier: Applier, session: Session, marker: int, deadline: float) -> bool:
            done = drain(applier, session, marker, deadline)
            for statement in statements:
                session.execute(statement)
            return done

        monkeypatch.setattr(Applier, "drain", drained)

    return prepare


def told(ending: Ending) -> tuple[int | None, int, tuple[Key, ...]]:
    swap = ending.snapshot.progress.swap
    assert swap is not None
    return swap.escaped, swap.healed, swap.unclear


def test_writes_that_escaped_are_brought_over_and_the_exit_code_says_so(
    database: Database, driver: Driver, escape: Escape
) -> None:
    escape(
        f"UPDATE `{database.name}`.t SET n = 1, code = CONCAT(code, 'x') WHERE id BETWEEN 5 AND 9",
        f"DELETE FROM `{database.name}`.t WHERE id = 20",
        f"INSERT INTO `{database.name}`.t VALUES (999, 'new', 3)",
        f"UPDATE `{database.name}`.t SET id = 1000 WHERE id = 40",
    )
    ending = driver.run(driver.settings(alter="ADD COLUMN added INT NOT NULL DEFAULT 7, RENAME COLUMN id TO number"))
    assert ending.phase is Phase.DONE
    assert ending.exit_code != 0
    assert told(ending) == (9, 9, ())
    assert any("9 rows were written to the old table" in line for line in ending.report)
    new = contents(database, "t", ["number", "code", "n"])
    assert new == contents(database, old_table(database, "t"), WANTED)


def test_an_escaped_row_that_was_written_again_since_the_swap_is_left_to_people(
    database: Database, driver: Driver, escape: Escape, monkeypatch: pytest.MonkeyPatch
) -> None:
    escape(f"UPDATE `{database.name}`.t SET n = 1 WHERE id IN (5, 6)")
    audit = Auditor.audit

    def late(auditor: Auditor, keys: Collection[Key], renamed_at: Coordinates) -> Audit:
        database.execute("UPDATE t SET n = 2 WHERE id = 6")
        return audit(auditor, keys, renamed_at)

    monkeypatch.setattr(Auditor, "audit", late)
    ending = driver.run(driver.settings())
    assert ending.exit_code != 0
    assert told(ending) == (2, 1, ((6,),))
    assert any("(6,)" in line for line in ending.report)
    assert database.query("SELECT id, n FROM t WHERE id IN (5, 6)") == [(5, 1), (6, 2)]


def test_an_escaped_row_that_came_to_look_like_the_new_one_is_left_to_people(
    database: Database, driver: Driver, escape: Escape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both tables say 1, and 2 would be right."""
    escape(f"UPDATE `{database.name}`.t SET n = n + 1 WHERE id IN (5, 6)")
    audit = Auditor.audit

    def late(auditor: Auditor, keys: Collection[Key], renamed_at: Coordinates) -> Audit:
        database.execute("UPDATE t SET n = n + 1 WHERE id = 6")
        return audit(auditor, keys, renamed_at)

    monkeypatch.setattr(Auditor, "audit", late)
    ending = driver.run(driver.settings())
    assert ending.exit_code != 0
    assert told(ending) == (2, 1, ((6,),))


def test_a_swap_found_done_after_a_lost_connection_is_audited_as_well(
    database: Database, driver: Driver, escape: Escape, monkeypatch: pytest.MonkeyPatch
) -> None:
    escape(f"UPDATE `{database.name}`.t SET n = 1 WHERE id IN (5, 6)", f"DELETE FROM `{database.name}`.t WHERE id = 7")
    look, looks = Witness.look, []

    def blind(witness: Witness) -> Found:
        found = look(witness)
        looks.append(found)
        if len(looks) == 1:
            raise ConnectionLostError("a test cuts the connection")
        return found

    monkeypatch.setattr(Witness, "look", blind)
    ending = driver.run(driver.settings())
    assert looks == [Found.SWAPPED, Found.SWAPPED]
    assert ending.exit_code != 0
    assert told(ending) == (3, 3, ())
    assert contents(database, "t", WANTED) == contents(database, old_table(database, "t"), WANTED)


def test_when_nothing_escaped_nobody_waits_for_the_audit(
    driver: Driver, escape: Escape, monkeypatch: pytest.MonkeyPatch
) -> None:
    escape()
    monkeypatch.delattr(Auditor, "_heal")
    ending = driver.run(driver.settings())
    assert (ending.exit_code, *told(ending)) == (0, 0, 0, ())

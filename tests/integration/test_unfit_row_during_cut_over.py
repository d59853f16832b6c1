"""A refresh that fails while the cut-over waits for it must be told, and not leave its key in the hands of nobody."""

import threading
from collections.abc import Sequence

import pytest

from fsm_ghost.model.key import Key
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.refresher import Left, Refresher
from tests.integration.driving import Driver
from tests.servers import Database


@pytest.mark.timeout(120)
def test_a_row_that_does_not_fit_is_told_also_when_its_refresh_ends_during_the_cut_over(
    database: Database, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))")
    database.execute("INSERT INTO t VALUES (1, 'fits')")
    cut_over, changes = threading.Event(), ["UPDATE t SET v = 'does not fit' WHERE id = 1"]
    refresh = Refresher.refresh

    def late(
        self: Refresher, session: Session, keys: Sequence[Key], *, wait: bool = False, together: bool = False
    ) -> Left:
        driver.flag_file.unlink(missing_ok=True)
        cut_over.wait(10)
        return refresh(self, session, keys, wait=wait, together=together)

    def publish(seen: Snapshot) -> None:
        if seen.phase is Phase.SYNC and changes and seen.progress.verified:
            database.execute(changes.pop())
        if seen.phase is Phase.CUT_OVER and seen.progress.swapping:
            cut_over.set()

    monkeypatch.setattr(Refresher, "refresh", late)
    ending = driver.run(driver.postponed(alter="MODIFY v VARCHAR(5)"), publish=publish)
    assert ending.phase is Phase.FAILED
    assert "the row (1,) does not fit" in ending.snapshot.reason

"""Scenario 6: the network loses an answer in the middle of the swap, or everything. What happened is found out.

The server decides how tables are swapped: MySQL by one session, MariaDB behind a sentry table. MySQL is made to do it
the second way too, since a RENAME whose client has died is carried out later there.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsm_ghost.model.plan import SwapMethod
from fsm_ghost.mysql import blockers
from fsm_ghost.services import swapper
from fsm_ghost.services.builder import Builder
from tests.acceptance.busy import Busy, through
from tests.integration.driving import Driver
from tests.servers import Database
from tests.servers.proxy import How, Proxy

LOCK = r"^LOCK TABLES .*`orders` WRITE"
SENTRY = r"^CREATE .* TABLE .*_del` "
RENAME = r"^RENAME .* TABLE `\w+`\.`orders` TO "
DROP_SENTRY = r"^DROP .* TABLE .*_del`"
UNLOCK = r"^UNLOCK TABLES"
BEHIND_SENTRY = pytest.mark.mariadb_only


@pytest.fixture
def network(database: Database, driver: Driver) -> Iterator[Proxy]:
    """What lies between migrations and their server."""
    with Proxy(database.server) as own:
        through(driver, own)
        yield own


@pytest.fixture
def busy(database: Database, driver: Driver, network: Proxy) -> Iterator[Busy]:
    with Busy(database, driver) as own:
        yield own
        network.cut()  # so that what hangs in a stalled network comes to its end


@pytest.fixture(params=["as the server can", pytest.param("behind a sentry", marks=pytest.mark.mysql_only)])
def _either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Swap as it was probed, and on MySQL also behind a sentry."""
    if request.param == "behind a sentry":
        monkeypatch.setattr(Builder, "swap_method", lambda _: SwapMethod.SENTRY)


@pytest.mark.usefixtures("_either_way")
def test_a_swap_whose_answer_is_lost_is_found_done_and_not_made_again(busy: Busy, network: Proxy) -> None:
    running = busy.waiting()
    answer = network.lay(RENAME, How.LOSE_REPLY)
    busy.swap()
    answer.await_sprung()
    busy.assert_migrated(running)
    assert busy.swapped(running) == ["found done"]
    assert network.seen(RENAME) == [answer.statement]


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("how", [How.LOSE_STATEMENT, How.CUT])
def test_a_swap_whose_connection_breaks_before_it_is_made_is_made_once(busy: Busy, network: Proxy, how: How) -> None:
    """Whether the statement never arrives, or waits behind the lock and nobody is there to hear what comes of it."""
    running = busy.waiting()
    statement = network.lay(RENAME, how)
    busy.swap()
    statement.await_sprung()
    busy.assert_migrated(running)


@pytest.mark.parametrize(
    "statement",
    [
        LOCK,
        UNLOCK,
        pytest.param(SENTRY, marks=BEHIND_SENTRY),
        pytest.param(DROP_SENTRY, marks=BEHIND_SENTRY),
    ],
    ids=lambda pattern: pattern.strip("^").split(" ")[0],
)
def test_the_tables_are_swapped_once_whichever_answer_is_lost(busy: Busy, network: Proxy, statement: str) -> None:
    running = busy.waiting()
    answer = network.lay(statement, How.LOSE_REPLY)
    busy.swap()
    answer.await_sprung()
    busy.assert_migrated(running)
    if statement in {LOCK, SENTRY}:
        assert "found not done" in busy.given_up(running)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends a locking session whose client is silent for one second."""
    monkeypatch.setattr(swapper, "_IDLE_LIMIT", 1)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    "statement, breaks",
    [(LOCK, True), (RENAME, False), pytest.param(DROP_SENTRY, False, marks=BEHIND_SENTRY)],
    ids=["LOCK, then it breaks", "RENAME, then it goes on", "DROP, then it goes on"],
)
def test_a_network_that_stands_still_in_the_swap_does_not_hold_the_application_up(
    busy: Busy,
    network: Proxy,
    statement: str,
    breaks: bool,  # noqa: FBT001
) -> None:
    """Nobody can unlock the tables then but the server, and nobody hears of it until the network is there again."""
    running = busy.waiting(budget=1.0)
    stall = network.lay(statement, How.STALL)
    busy.swap()
    stall.await_sprung()
    busy.goes_on()
    if breaks:
        network.cut()
    else:
        network.lift()
    busy.assert_migrated(running)


def test_a_lock_that_is_being_waited_for_when_the_network_stands_still_is_not_waited_for_any_longer(
    busy: Busy, network: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchdog cannot reach the server either: the server's own limit ends it."""
    monkeypatch.setattr(blockers, "of_table", lambda *_: ())  # so that the attempt is made in spite of the reader
    running = busy.waiting(budget=1.0)
    reader = busy.reader()
    stall = network.lay(LOCK, How.STALL, reader.begin)
    busy.swap()
    stall.await_sprung()
    busy.goes_on()
    network.lift()
    reader.end()
    busy.assert_migrated(running)

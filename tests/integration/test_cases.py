"""The cases of tests/cases: the table becomes what a native ALTER makes of a copy, or the refusal says why not.

Every row of `create.sql` comes through the copy. `changes.sql` is carried out when the copy has ended, and before the
tables are compared: what it writes can only come through the change stream.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fsm_ghost.errors import RefusedError
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.snapshot import Snapshot
from fsm_ghost.mysql.private import Flavour
from tests.integration.cases import Case, cases
from tests.integration.driving import Driver, old_table, tables
from tests.integration.native import alter_natively, carry_out, once_copied, picture
from tests.servers import Database

FLAVOURS: tuple[Flavour, ...] = ("mariadb", "mysql")


def of_cases(*, refused: bool) -> Sequence[object]:
    """The cases that succeed on a server, or that do not, marked with the only server that they are for."""
    found = []
    for case in cases():
        on = {flavour for flavour in FLAVOURS if case.runs_on(flavour) and bool(case.refusal(flavour)) is refused}
        marks = [getattr(pytest.mark, f"{flavour}_only") for flavour in on] if len(on) == 1 else []
        if on:
            found.append(pytest.param(case, id=case.folder.name, marks=marks))
    return found


@pytest.mark.parametrize("case", of_cases(refused=False))
def test_the_table_becomes_what_a_native_alter_makes_of_it(
    database: Database, twin: Database, driver: Driver, flavour: Flavour, case: Case
) -> None:
    changes = case.changes(flavour)
    for each in (database, twin):
        carry_out(each, case.create(flavour))
    carry_out(twin, changes)
    alter_natively(twin, case.alter(flavour))
    ending = driver.run(
        driver.settings(alter=case.alter(flavour)), publish=once_copied(lambda: carry_out(database, changes))
    )
    assert ending.phase is Phase.DONE, ending.snapshot.reason
    assert ending.exit_code == 0
    assert picture(database) == picture(twin)
    assert tables(database).keys() - tables(twin).keys() == {old_table(database, "t")}
    assert (ending.snapshot.progress.changes > 0) is bool(changes)


@pytest.mark.parametrize("case", of_cases(refused=True))
def test_what_cannot_be_done_is_refused_and_nothing_is_changed(
    database: Database, twin: Database, driver: Driver, flavour: Flavour, case: Case
) -> None:
    for each in (database, twin):
        carry_out(each, case.create(flavour))
    reason = refusal(database, driver, case.alter(flavour), case.changes(flavour))
    carry_out(twin, case.changes(flavour))
    assert [text for text in case.refusal(flavour) if text not in reason] == [], reason
    assert picture(database) == picture(twin)
    assert tables(database).keys() == tables(twin).keys()


def refusal(database: Database, driver: Driver, alter: str, changes: list[str]) -> str:
    """Why a migration was refused, or stopped because of a row; it has been given up then.

    The swap is postponed: a row that does not fit must be found before.
    """
    late = [changes]
    act = once_copied(lambda: carry_out(database, late.pop()))

    def publish(seen: Snapshot) -> None:
        act(seen)
        waits = "postponed" in seen.readings.waiting_for and not seen.readings.backlog
        assert not waits or bool(changes) > bool(seen.progress.changes), "it was not refused"

    try:
        ending = driver.run(driver.postponed(alter=alter), publish=publish)
    except RefusedError as error:
        reason = str(error)
    else:
        assert ending.phase in {Phase.FAILED, Phase.ABORTED}
        reason = ending.snapshot.reason
        if not driver.record().is_finished:
            driver.resume(driver.record().id, Outcome.ABORT)
    for left in late:  # it was refused before its time came
        carry_out(database, left)
    return reason

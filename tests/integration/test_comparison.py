"""The comparing statements, on values that look alike: what differs is never taken for equal, nor the other way round.

The rows are brought over by the statement that copies. Then each row of the ghost table is given the next row's key,
again and again, until every value has been compared with every other one of its column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.naming import Names
from fsm_ghost.model.plan import Flavour, MappedColumn, Plan
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.compare import Comparison
from fsm_ghost.mysql.session import SQL_MODE, Session, connect_arguments
from fsm_ghost.mysql.statements import Statements
from fsm_ghost.services.planner import conversions
from tests.integration.compared import CHANGED, LOSSY, MARIADB, MYSQL, SAME, Case
from tests.integration.driving import reached, table_of
from tests.servers import Database
from tests.unit.model.examples import plan

EVERYTHING = KeyRange(None, None)
TWICE = 1729987200  # seconds: an hour begins that comes twice in the zone Test/Twice


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    own = Session({**connect_arguments(reached(database.server)), "database": database.name}, "connecting as the test")
    yield own
    own.close()


class Pair:
    """A table `t` with a column for each case, and its ghost table."""

    def __init__(self, database: Database, session: Session, cases: Sequence[Case]) -> None:
        self.session = session
        self.columns = {f"c{place}": case for place, case in enumerate(cases)}
        olds = ", ".join(f"{name} {case.old}" for name, case in self.columns.items())
        session.execute(f"CREATE TABLE t (id INT PRIMARY KEY, {olds})")
        session.execute("CREATE TABLE t_gho LIKE t")
        changed = (f"MODIFY {name} {case.new}" for name, case in self.columns.items() if case.new != case.old)
        session.execute(f"ALTER TABLE t_gho {', '.join(changed) or 'FORCE'}")
        self.rows = max(len(case.values) for case in cases) + 1  # the last one is NULL
        for row in range(self.rows):
            values = (case.values[row] if row < len(case.values) else "NULL" for case in cases)
            session.execute(f"INSERT INTO t VALUES ({row}, {', '.join(values)})")
        self._plan = self._planned(database)
        original = catalog.definition(session, self._plan.names.original)
        ghost = catalog.definition(session, self._plan.names.ghost)
        assert original is not None
        assert ghost is not None
        lossy = {name: case.lossy for name, case in self.columns.items() if case.lossy}
        mapping = tuple(MappedColumn(name, name) for name in ("id", *self.columns))
        self._plan = replace(self._plan, mapping=conversions(mapping, original, ghost, lossy))
        self.comparison = Comparison(self._plan, original, ghost)

    @staticmethod
    def _planned(database: Database) -> Plan:
        return replace(plan(), names=Names.for_table(table_of(database, "t"), datetime.now(UTC)), filled=())

    def copy(self, flavour: Flavour) -> None:
        """Bring all rows over, as row copy does."""
        self.session.execute_strictly(Statements(self._plan, flavour, "").copy(EVERYTHING))

    def shift(self) -> None:
        """Let each row of the ghost table have the next one's key."""
        self.session.execute(f"UPDATE t_gho SET id = id + {self.rows}")
        self.session.execute(f"UPDATE t_gho SET id = (id + 1) % {self.rows}")

    def differing(self) -> set[int]:
        """The ids of the rows that differ."""
        return {int(number) for (number,) in self.session.query(self.comparison.differing(EVERYTHING, 100))}

    def unequal(self, ids: Sequence[int]) -> dict[int, set[str]]:
        """Which columns of these rows differ."""
        found = self.session.query(self.comparison.by_column([(number,) for number in ids]))
        return {number: set(self.comparison.unequal(digits)) for number, digits in found}

    def expected(self, row: int, shifts: int) -> set[str]:
        """Which columns differ in a row after so many shifts: those of which it has another value."""
        other = (row - shifts) % self.rows
        return {name for name, case in self.columns.items() if _place(case, row) != _place(case, other)}

    def assert_told_apart(self, ids: Sequence[int], shifts: int) -> None:
        """Exactly the columns differ that have another value after so many shifts."""
        unequal = self.unequal(ids)
        assert set(unequal) == set(ids)
        for row, found in unequal.items():
            for name in found ^ self.expected(row, shifts):
                case = self.columns[name]
                values = [(*case.values, "NULL")[_place(case, other)] for other in (row, (row - shifts) % self.rows)]
                told = "differ" if name in found else "do not differ"
                pytest.fail(f"{case.old} to {case.new}: {' and '.join(values)} {told}", pytrace=False)


def _place(case: Case, row: int) -> int:
    """The place of a row's value in the case; beyond them all is NULL."""
    return min(row, len(case.values))


def test_every_value_is_equal_to_itself_and_to_no_other_however_much_they_look_alike(
    database: Database, session: Session, flavour: str
) -> None:
    of_flavour = MARIADB if flavour == "mariadb" else MYSQL
    pair = Pair(database, session, (*SAME, *CHANGED, *LOSSY, *of_flavour))
    assert pair.comparison.uncompared == ()
    pair.copy(Flavour(flavour))
    everyone = range(pair.rows)
    assert session.query(pair.comparison.counts(EVERYTHING)) == [(pair.rows, pair.rows, pair.rows)]
    for shifts in everyone:
        pair.assert_told_apart(everyone, shifts)
        assert pair.differing() == (set(everyone) if shifts else set())
        for row in everyone if shifts <= 1 else ():  # servers read a row that is named by its key in ways of their own
            pair.assert_told_apart([row], shifts)
            assert session.query(pair.comparison.differing_among([(row,)])) == ([(row,)] if shifts else [])
        pair.shift()


def test_what_is_no_label_is_not_taken_for_the_empty_one(database: Database, session: Session, flavour: str) -> None:
    kinds = ("ENUM('', 'x')", "ENUM('x', '')")
    pair = Pair(database, session, [Case(kinds[0], new, ("''", "'x'")) for new in kinds])
    session.execute("SET sql_mode = ''")
    session.execute("UPDATE t SET c0 = 0, c1 = 0 WHERE id = 1")
    session.execute(f"SET sql_mode = '{SQL_MODE}'")
    pair.copy(Flavour(flavour))
    assert pair.differing() == set()
    pair.shift()
    assert pair.unequal([1]) == {1: {"c0", "c1"}}


def test_an_instant_one_hour_off_is_found_in_the_hour_that_comes_twice(
    database: Database, session: Session, flavour: str
) -> None:
    make_zone(database)
    session.execute("SET time_zone = '+00:00'")
    hours = (f"FROM_UNIXTIME({TWICE + 7})", f"FROM_UNIXTIME({TWICE + 3607})")
    kinds = ("TIMESTAMP NULL", "TIMESTAMP(6) NULL")
    pair = Pair(database, session, [Case(old, new, hours) for old in kinds for new in kinds])
    pair.copy(Flavour(flavour))
    for shifts in range(pair.rows):
        session.execute("SET time_zone = 'Test/Twice'")
        pair.assert_told_apart(range(pair.rows), shifts)
        session.execute("SET time_zone = '+00:00'")
        pair.shift()


def test_what_became_an_instant_of_the_hour_that_comes_twice_is_compared_as_one(
    database: Database, session: Session, flavour: str
) -> None:
    make_zone(database)
    session.execute("SET time_zone = 'Test/Twice'")
    moment = ("'2024-10-27 02:30:00'",)
    pair = Pair(database, session, [Case(old, "TIMESTAMP NULL", moment) for old in ("DATETIME", "VARCHAR(30)")])
    pair.copy(Flavour(flavour))
    assert pair.differing() == set()
    session.execute("SET time_zone = '+00:00'")
    session.execute("UPDATE t_gho SET c0 = c0 + INTERVAL 1 HOUR, c1 = c1 + INTERVAL 1 HOUR WHERE id = 0")
    session.execute("SET time_zone = 'Test/Twice'")
    assert pair.unequal([0]) == {0: {"c0", "c1"}}


def make_zone(database: Database) -> None:
    """The time zone Test/Twice: from UTC+2 it goes back to UTC+1 when the hour from TWICE is over."""
    for name, columns, values in (
        ("time_zone", "Time_zone_id, Use_leap_seconds", "(9001, 'N')"),
        ("time_zone_name", "Name, Time_zone_id", "('Test/Twice', 9001)"),
        (
            "time_zone_transition_type",
            "Time_zone_id, Transition_type_id, `Offset`, Is_DST, Abbreviation",
            "(9001, 0, 7200, 1, 'S'), (9001, 1, 3600, 0, 'W')",
        ),
        (
            "time_zone_transition",
            "Time_zone_id, Transition_time, Transition_type_id",
            f"(9001, 1000000000, 0), (9001, {TWICE + 3600}, 1)",
        ),
    ):
        database.execute(f"REPLACE INTO mysql.{name} ({columns}) VALUES {values}")

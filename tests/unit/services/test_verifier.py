"""How ranges are divided between workers, and are one range again."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, cast

import pytest

from fsm_ghost.errors import LockConflictError, MismatchError
from fsm_ghost.model.chunk import Chunk, KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.verifier import Compared, Verifier, compare_keys, tell_difference
from tests.unit.model.examples import plan

WHOLE = Progress(plan=plan(), verifying=True, first=(1,), verify_last=(95,))


@dataclass
class Around:
    """Everything around a verifier: a crew whose workers are done in the opposite order, and ranges of ten keys."""

    workers: int
    rows: int = 10
    jobs: list[Callable[[Any], Compared]] = field(default_factory=list)
    compared: list[KeyRange] = field(default_factory=list)
    differ: set[int] = field(default_factory=set)
    watched: int = 0
    uncompared: tuple[str, ...] = ()
    locked: int = 0  # comparisons that are not let to the tables
    asked: int = 0  # how often somebody has looked where a range ends
    last: int | None = 95  # key of the original

    def assign(self, job: Callable[[Any], Compared]) -> None:
        self.jobs.append(job)

    @property
    def busy(self) -> int:
        return len(self.jobs)

    def collect(self) -> list[Compared]:
        jobs, self.jobs = self.jobs, []
        return [job(self) for job in reversed(jobs)]

    def counts(self, key_range: KeyRange) -> KeyRange:
        self.compared.append(key_range)
        return key_range

    differing_among = counts

    def differing(self, key_range: KeyRange, _: int) -> KeyRange:
        return key_range

    def query(self, asked: KeyRange | tuple[Key, ...]) -> list[tuple[int, ...]]:
        if self.locked:
            self.locked -= 1
            raise LockConflictError("SELECT: Lock wait timeout exceeded (1205)")
        if not isinstance(asked, KeyRange):
            return []
        begin = int(asked.after[0]) if asked.after else 0
        end = int(asked.upto[0]) if asked.upto else 95
        return [(end - begin, end - begin, end - begin)]

    def end(self, after: Key | None, last: Key, rows: int) -> Key:
        self.asked += 1
        return min((int(after[0] if after else 0) + rows,), last)

    def edges(self) -> tuple[Key | None, Key | None]:
        return (None, None) if self.last is None else ((1,), (self.last,))

    def learn(self, *_: object) -> None: ...

    def done(self, *_: object) -> None: ...

    def look(self) -> None: ...

    @property
    def ledger(self) -> "Around":
        return self

    def watch(self) -> None:
        self.watched += 1

    def unwatch(self) -> None: ...


def verifier(around: Around) -> Verifier:
    anything = cast("Any", around)
    return Verifier(anything, anything, plan(), anything, anything, anything, anything)


def ranges(*ends: int | None) -> list[KeyRange]:
    keys = [None if end is None else (end,) for end in ends]
    return [KeyRange(after, upto) for after, upto in pairwise(keys)]


def test_a_range_is_divided_between_the_workers_and_is_done_when_all_are() -> None:
    around = Around(workers=3)
    under_test = verifier(around)
    progress = under_test.step(WHOLE)
    assert (around.busy, around.watched, progress.verified_upto) == (3, 1, None)
    progress = under_test.step(progress)
    assert sorted(around.compared, key=str) == sorted(ranges(None, 10, 20, 30), key=str)
    assert (progress.verified_upto, progress.verified_rows, around.busy) == ((30,), 30, 3)


def test_the_last_range_is_open_and_ends_the_comparison_with_all_rows() -> None:
    around = Around(workers=4)
    under_test = verifier(around)
    progress = replace(WHOLE, verified_upto=(70,), verified_rows=70)
    progress = under_test.step(under_test.step(progress))
    assert sorted(around.compared, key=str) == sorted(ranges(70, 80, 90, None), key=str)
    assert (progress.verified, progress.verified_rows, progress.verified_upto, around.busy) == (True, 95, (95,), 0)


def test_beside_row_copy_whole_ranges_of_what_is_copied_are_compared_one_at_a_time() -> None:
    around = Around(workers=4)
    under_test = verifier(around)
    progress = replace(WHOLE, handed_out=(35,), open_chunks=(Chunk(4, KeyRange((25,), (35,))),))
    for _ in range(4):
        progress = under_test.step(progress, to_the_end=False)
        assert around.busy <= 1
    assert (around.compared, progress.verified_upto) == (ranges(None, 10, 20), (20,))
    progress = replace(progress, open_chunks=())
    progress = under_test.step(under_test.step(progress, to_the_end=False), to_the_end=False)
    assert (around.compared[2:], progress.verified_upto, progress.verified) == (ranges(20, 30), (30,), False)


def test_nobody_looks_for_a_range_again_before_more_is_copied() -> None:
    around = Around(workers=1)
    under_test = verifier(around)
    progress = replace(WHOLE, handed_out=(8,))
    for _ in range(3):
        progress = under_test.step(progress, to_the_end=False)
    assert (around.asked, around.busy) == (1, 0)
    under_test.step(replace(progress, handed_out=(18,)), to_the_end=False)
    assert (around.asked, around.busy) == (2, 1)


def test_before_anything_is_copied_nothing_is_compared() -> None:
    around = Around(workers=1)
    verifier(around).step(WHOLE, to_the_end=False)
    assert (around.asked, around.busy) == (0, 0)


def test_the_last_range_is_left_until_the_comparison_may_go_to_the_end() -> None:
    """Also where rows have gone from the end since row copy began, so that it is through with more than there is."""
    around = Around(workers=1)
    under_test = verifier(around)
    progress = replace(WHOLE, verified_upto=(70,), verified_rows=70, handed_out=(100,), verify_last=(90,))
    for _ in range(3):
        progress = under_test.step(progress, to_the_end=False)
    assert (around.compared, progress.verified, progress.verified_upto) == (ranges(70, 80, 90), False, (90,))
    progress = under_test.step(under_test.step(progress))
    assert (around.compared[2:], progress.verified) == (ranges(90, None), True)


def test_what_was_inserted_at_the_end_while_rows_were_copied_is_compared_in_ranges_as_well() -> None:
    around = Around(workers=2)
    under_test = verifier(around)
    progress = replace(WHOLE, verified_upto=(90,), handed_out=(95,))
    progress = under_test.step(progress, to_the_end=False)
    around.last = 130
    progress = under_test.step(under_test.step(progress))
    assert (progress.verify_last, progress.verified) == ((130,), False)
    around.last = 200
    progress = under_test.step(under_test.step(progress))
    assert around.compared == [*reversed(ranges(90, 100, 110)), *reversed(ranges(110, 120, None))]
    assert progress.verified


def test_a_range_whose_tables_somebody_keeps_locked_is_compared_again() -> None:
    around = Around(workers=1, locked=1)
    under_test = verifier(around)
    progress = under_test.step(under_test.step(WHOLE))
    assert (around.compared, progress.verified_upto, around.busy) == (ranges(None, 10), None, 1)
    progress = under_test.step(progress)
    assert (around.compared[1:], progress.verified_upto) == (ranges(None, 10), (10,))


def test_keys_whose_tables_somebody_keeps_locked_are_no_difference() -> None:
    found = Compared(KeyRange(None, (10,)), (10,), 10, ((3,), (4,)), complete=True)
    around: Any = Around(workers=1, locked=1)
    again = compare_keys(around, plan().key, found)(around)
    assert (again.suspects, again.complete, again.range) == ((), False, found.range)


def test_an_empty_table_is_one_open_range() -> None:
    around = Around(workers=4, last=None)
    under_test = verifier(around)
    progress = under_test.step(under_test.step(replace(WHOLE, first=None)))
    assert around.compared == [KeyRange(None, None)]
    assert progress.verified


@dataclass
class Asked:
    """A comparison, and a session that has rows for it: a key, and what is equal in it."""

    rows: list[tuple[int, str | None]]
    keys: list[Key] = field(default_factory=list)

    def by_column(self, keys: list[Key]) -> str:
        self.keys = keys
        return "by column"

    def unequal(self, digits: str) -> tuple[str, ...]:
        return tuple(name for name, digit in zip(("id", "note"), digits, strict=True) if digit == "0")

    def query(self, _: str) -> list[tuple[int, str | None]]:
        return self.rows


def difference(keys: int, *rows: tuple[int, str | None]) -> tuple[str, list[Key]]:
    """What is said about the keys from 1 on, and which of them were looked at."""
    asked: Any = Asked(list(rows))
    with pytest.raises(MismatchError) as caught:
        tell_difference(asked, plan(), [(number,) for number in range(1, keys + 1)])(asked)
    return caught.value.message, asked.keys


def test_a_difference_is_told_by_its_columns_or_by_the_table_that_lacks_the_row() -> None:
    said, _ = difference(3, (2, "10"), (3, None))
    assert said.endswith("in 3 rows: (1,): only in the ghost table; (2,): note; (3,): not in the ghost table")


def test_a_row_that_has_become_equal_since_is_told_all_the_same() -> None:
    assert difference(1, (1, "11"))[0].endswith("in 1 rows: (1,)")


def test_of_many_rows_that_differ_the_first_are_told() -> None:
    said, looked_at = difference(12)
    assert looked_at == [(number,) for number in range(1, 11)]
    assert said.endswith("(10,): only in the ghost table; and 2 more")
    assert "in 12 rows" in said

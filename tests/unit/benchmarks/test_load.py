"""Writers do not get into each other's rows, and their journals find what is lost."""

import argparse
from collections.abc import Mapping

import pytest

from benchmarks.journal import HOT_ROWS, Change, Journal, contradictions, difference
from benchmarks.load import ROWS_OF_A_BULK, ROWS_OF_A_TRANSACTION, WRITERS, Application, Kind, Load, load_named
from benchmarks.tables import TABLES

ROWS = 2003  # no multiple of the number of writers


def application(kind: Kind, number: int = 0, journal: Journal | None = None) -> Application:
    return Application(TABLES["sbtest"], ROWS, kind, number, journal or Journal(), WRITERS)


def written(kind: Kind, number: int, transactions: int = 300) -> Journal:
    """What a writer's journal holds when the server has acknowledged everything."""
    journal = Journal()
    writes = application(kind, number, journal)
    for _ in range(transactions):
        journal.acknowledge(writes.transaction())
    return journal


@pytest.mark.parametrize(
    "text, load",
    [
        ("none", None),
        ("max", Load("max", Kind.MIX)),
        ("rate:500", Load("rate:500", Kind.MIX, 500.0)),
        ("hot", Load("hot", Kind.HOT)),
        ("multi", Load("multi", Kind.MULTI)),
        ("bulk:0.5", Load("bulk:0.5", Kind.BULK, 0.5)),
    ],
)
def test_a_load_is_what_its_name_says(text: str, load: Load | None) -> None:
    assert load_named(text) == load


@pytest.mark.parametrize(
    "text", ["", "rate", "rate:", "rate:0", "rate:-1", "rate:x", "rate:inf", "rate:nan", "max:5", "mix", "none:5"]
)
def test_another_load_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        load_named(text)


@pytest.mark.parametrize("kind", [Kind.MIX, Kind.MULTI, Kind.BULK])
def test_no_two_writers_write_to_the_same_row_or_give_it_the_same_k(kind: Kind) -> None:
    journals = [written(kind, number) for number in range(WRITERS)]
    rows = [row for journal in journals for row in journal.leaves]
    ks = [k for journal in journals for k in journal.leaves.values() if k is not None]
    assert min(rows) >= 1
    assert len(rows) == len({*rows})
    assert len(ks) == len({*ks})


def test_the_mix_inserts_updates_deletes_and_brings_back() -> None:
    journal = Journal()
    writes = application(Kind.MIX, 3, journal)
    seen = set()
    for _ in range(2000):
        (change,) = writes.transaction()
        ((row, k),) = change.leaves.items()
        was_gone = journal.leaves.get(row, 0) is None
        seen.add((change.statement.split()[0], row > ROWS, was_gone, k is None))
        journal.acknowledge([change])
    assert seen == {
        ("UPDATE", False, False, False),
        ("DELETE", False, False, True),
        ("INSERT", True, False, False),
        ("INSERT", False, True, False),
    }


def test_hot_writes_count_up_a_few_rows_that_all_writers_share() -> None:
    journals = [written(Kind.HOT, number) for number in (0, 1)]
    assert all({*journal.hits} == {*range(1, HOT_ROWS + 1)} for journal in journals)
    assert all(journal.leaves == {} for journal in journals)


def test_a_transaction_of_several_rows_has_a_statement_for_each() -> None:
    changes = application(Kind.MULTI).transaction()
    assert 1 < len(changes) <= ROWS_OF_A_TRANSACTION


def test_a_bulk_deletes_many_rows_of_those_there_are_and_brings_all_of_them_back() -> None:
    journal = Journal()
    writes = application(Kind.BULK, 5, journal)
    sizes, brought_back = set(), 0
    for _ in range(200):
        (change,) = writes.transaction()
        assert all(row <= ROWS for row in change.leaves)
        sizes.add(len(change.leaves))
        brought_back += change.statement.startswith("INSERT")
        journal.acknowledge([change])
    assert max(sizes) == ROWS_OF_A_BULK
    assert brought_back


ACKNOWLEDGED = {1: 8, 2: None, 3: 24}


@pytest.mark.parametrize(
    "found, lost",
    [
        ({1: 8, 3: 24}, []),
        ({1: 7, 3: 24}, ["row 1: acknowledged k = 8, found 7"]),
        ({1: 8}, ["row 3: acknowledged k = 24, found None"]),
        ({1: 8, 2: 5, 3: 24}, ["row 2: acknowledged k = None, found 5"]),
    ],
    ids=["nothing", "an old value", "a missing row", "a deleted row that is back"],
)
def test_what_a_table_says_is_compared_with_what_was_acknowledged(found: Mapping[int, int], lost: list[str]) -> None:
    assert [*contradictions(Journal({**ACKNOWLEDGED}), [1, 2, 3], found)] == lost


def test_a_table_has_grown_by_the_rows_that_are_known_to_be_new_less_those_that_are_gone() -> None:
    held = {1: None, 2: None, 3: 8, 101: 16, 102: 24, 103: 32, 104: None, 105: 40}
    journal = Journal({**held}, unknown={2, 103, 105})
    assert difference(journal, 100) == 2 - 1


def test_a_write_without_an_answer_is_doubted_until_the_row_is_written_again() -> None:
    journal = Journal()
    change = Change("", {5: 40})
    journal.doubt([change, Change("", counts=1)])
    assert (journal.unknown, journal.unknown_hits, journal.leaves) == ({5}, {1: 1}, {})
    journal.acknowledge([change])
    assert (journal.unknown, journal.leaves) == (set(), {5: 40})

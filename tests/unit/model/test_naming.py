"""Each table of a migration sorts after the original byte for byte (R14), has at most 64 characters, and is unique."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from fsm_ghost.model.naming import Names, TableName, after
from tests.unit.model.examples import STARTED_AT

_ALPHABETS = {
    "ASCII": "abcxyzABCXYZ019_$",
    "printable": "".join(map(chr, range(0x21, 0x7F))),
    "tildes": "~}|z",
    "Latin": "aäöüßéÿ",
    "Cyrillic": "жщяЯ",
    "Chinese": "表订单库龥",
    "last of the plane": "\uffdc\uff41\uff21\uffda",
    "mixed": "a~é表_9",
}
SUFFIXES = ("_gho", "_ghc", "_ghm", "_ghs", "_20261120123456_del")


def made_up(alphabet: str, count: int) -> list[str]:
    chance = random.Random(alphabet)
    letters = _ALPHABETS[alphabet]
    lengths = [1, 44, 45, 46, 59, 60, 61, 62, 63, 64, *(chance.randint(1, 64) for _ in range(count))]
    return ["".join(chance.choices(letters, k=length)) for length in lengths]


@pytest.mark.parametrize("alphabet", _ALPHABETS)
def test_every_name_sorts_after_the_original_byte_for_byte(alphabet: str) -> None:
    for name in made_up(alphabet, 400):
        names = Names.for_table(TableName("shop", name), STARTED_AT)
        for table in (names.ghost, names.changelog, names.marker, names.swapped, names.old):
            assert table.name.encode() > name.encode(), (name, table.name)
            assert len(table.name) <= 64, (name, table.name)
            assert table.schema == "shop"


@pytest.mark.parametrize("alphabet", _ALPHABETS)
def test_the_names_of_one_migration_are_all_different(alphabet: str) -> None:
    for name in made_up(alphabet, 200):
        names = Names.for_table(TableName("shop", name), STARTED_AT)
        tables = (names.original, names.ghost, names.changelog, names.marker, names.swapped, names.old)
        assert len({table.name.lower() for table in tables}) == len(tables)


def test_two_tables_that_share_sixty_characters_do_not_meet() -> None:
    chance = random.Random(60)
    for length in (61, 62, 63, 64):
        for letter in "az~ж表":
            shared = letter * 60
            originals = {shared + "".join(chance.choices("abcdefghij", k=length - 60)) for _ in range(40)}
            for suffix in SUFFIXES:
                assert len({after(name, suffix) for name in originals}) == len(originals)


def families(alphabet: str) -> set[str]:
    """Names that are easily mixed up: with a long common beginning, or ending like names that are made of others."""
    chance = random.Random(alphabet)
    found = set(made_up(alphabet, 100))
    for name in sorted(found):
        short, long = name[:40], (name * 64)[:60]
        found |= {long, *(long + letter for letter in chance.choices(_ALPHABETS[alphabet], k=4))}
        found |= {(long + end)[:64] for end in ("1234", "_old", "_new", "~", "_")}
        found |= {short + end for end in ("_", "~", "_del", "_20261120123456", "~123456", "_gh", "_ghosts")}
    return found


@pytest.mark.parametrize("alphabet", _ALPHABETS)
def test_no_two_migrations_make_tables_of_the_same_name(alphabet: str) -> None:
    """Whenever they were started; and also where servers do not tell case, if they tell the originals."""
    originals = sorted({name.lower(): name for name in families(alphabet)}.values())
    owners: dict[str, str] = {}
    for name in originals:
        for started_at in (STARTED_AT, STARTED_AT + timedelta(seconds=1)):
            names = Names.for_table(TableName("shop", name), started_at)
            for table in (*names.made, names.swapped, names.old):
                assert owners.setdefault(table.name.lower(), name) == name, table.name
    assert len(owners) == len(originals) * 6  # four that are the same each time, and two old tables


def test_a_name_that_was_cut_tells_case_and_accents() -> None:
    """The servers that do not would not have had two such tables."""
    for first, second in (("T", "t"), ("É", "é"), ("e", "é"), ("Ж", "ж")):
        for suffix in SUFFIXES:
            assert after(first * 64, suffix).lower() != after(second * 64, suffix).lower()


def test_a_short_name_stays_readable() -> None:
    names = Names.for_table(TableName("shop", "orders"), STARTED_AT)
    assert (names.ghost.name, names.changelog.name) == ("orders_gho", "orders_ghc")
    assert (names.marker.name, names.swapped.name) == ("orders_ghm", "orders_ghs")
    assert names.old.name == "orders_20261120123456_del"


def test_a_name_is_cut_only_where_it_must_be() -> None:
    assert after("t" * 60, "_gho") == "t" * 60 + "_gho"
    cut = after("t" * 61, "_gho")
    assert len(cut) == 64
    assert cut.startswith("t" * 50)
    assert cut.endswith("_gho")


def test_the_same_table_has_the_same_names_in_every_run() -> None:
    table = TableName("shop", "t" * 64)
    assert Names.for_table(table, STARTED_AT) == Names.for_table(table, STARTED_AT)


def test_two_migrations_of_one_table_keep_different_old_tables() -> None:
    table = TableName("shop", "orders")
    later = Names.for_table(table, STARTED_AT + timedelta(seconds=1))
    assert later.old != Names.for_table(table, STARTED_AT).old
    assert later.ghost == Names.for_table(table, STARTED_AT).ghost


def test_the_names_do_not_depend_on_where_the_clock_hangs() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert Names.for_table(TableName("shop", "t"), moment).old.name == "t_20260102030405_del"


def test_what_a_migration_makes_before_the_swap_is_listed_with_the_proof_last() -> None:
    names = Names.for_table(TableName("shop", "orders"), STARTED_AT)
    assert names.made == (names.ghost, names.marker, names.changelog)


def test_a_name_that_nothing_can_follow_is_refused() -> None:
    with pytest.raises(ValueError, match="sorts after"):
        after("\uffff" * 64, "_gho")


def test_a_table_is_shown_with_its_schema() -> None:
    assert str(TableName("shop", "orders")) == "shop.orders"
    assert TableName("shop", "orders").sibling("x") == TableName("shop", "x")

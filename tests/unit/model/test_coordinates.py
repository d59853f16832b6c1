import itertools
import random

import pytest

from fsm_ghost.model.coordinates import Coordinates


def test_file_numbers_are_compared_as_numbers() -> None:
    assert Coordinates("bin.999999", 900) < Coordinates("bin.1000000", 4)
    assert Coordinates("bin.1000000", 4) > Coordinates("bin.999999", 900)
    assert max(Coordinates("bin.1000000", 4), Coordinates("bin.999999", 9)).file == "bin.1000000"


def test_within_a_file_the_position_decides_as_a_number() -> None:
    assert Coordinates("bin.000001", 99) < Coordinates("bin.000001", 100)
    assert Coordinates("bin.000001", 2**40) > Coordinates("bin.000001", 2**32)


def test_coordinates_are_totally_ordered() -> None:
    ordered = [Coordinates(f"a.b-bin.{n:06}", p) for n in (1, 2, 999_999, 1_000_000, 1_000_001) for p in (4, 99, 100)]
    shuffled = random.Random(1).sample(ordered, len(ordered))
    assert sorted(shuffled) == ordered
    for earlier, later in itertools.pairwise(ordered):
        assert earlier < later
        assert earlier <= later
        assert later > earlier
        assert later >= earlier
        assert earlier != later


def test_equal_coordinates_are_neither_before_nor_after_each_other() -> None:
    one, other = Coordinates("bin.000007", 7), Coordinates("bin.000007", 7)
    assert one == other
    assert one <= other
    assert one >= other
    assert not one < other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("text", ["mysql-bin.000123:4", "a.b:c.000001:18446744073709551615", "bin.1000000:7"])
def test_coordinates_are_read_back_from_their_text(text: str) -> None:
    assert str(Coordinates.parse(text)) == text


def test_a_file_name_may_hold_dots_and_colons() -> None:
    assert Coordinates.parse("db1.example:bin.000123:99") == Coordinates("db1.example:bin.000123", 99)
    assert Coordinates("db1.example-bin.000123", 4).number == 123


@pytest.mark.parametrize("text", ["", "bin.000001", "bin.000001:", "bin.000001:four", "bin.000001:4.5"])
def test_a_text_that_is_no_coordinates_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Coordinates.parse(text)

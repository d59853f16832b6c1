import pytest

from fsm_ghost.mysql.pressure import count_processors


@pytest.mark.parametrize("listed, count", [("0", 1), ("0-1", 2), ("0-3,8", 5), ("2,4-5,15-16", 5), ("0-127", 128)])
def test_processors_are_counted_from_their_list(listed: str, count: int) -> None:
    assert count_processors(listed) == count

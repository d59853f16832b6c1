"""Whether the application is taken to be writing, and whether there is room for two statements of ours beside it."""

import pytest

from fsm_ghost.services.activity import Activity, has_room


def test_the_application_writes_for_a_second_after_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    seen, written = Activity(), []
    for at, changes in ((100.0, 0), (100.0, 3), (100.9, 3), (101.1, 3), (101.1, 4)):
        now = at
        seen.changes(changes)
        written.append(seen.writes)
    assert written == [False, True, True, False, True]


@pytest.mark.parametrize(
    "written, looks, absent",
    [
        (False, [], True),
        (False, [None, None], True),
        (False, [0, 0, 1, 0, 0, 0], True),
        (False, [0, 2, 0, 0, 0, 1], False),
        (False, [5, 5, 0, 0, 0, 0, 0], True),
        (True, [0, 0], False),
    ],
    ids=["not looked", "not told", "somebody looked", "twice seen", "gone", "writes"],
)
def test_the_application_is_absent_where_nobody_writes_and_hardly_anything_runs(
    written: bool,  # noqa: FBT001
    looks: list[float | None],
    absent: bool,  # noqa: FBT001
) -> None:
    seen = Activity()
    seen.changes(7 if written else 0)
    for running in looks:
        seen.runs(running)
    assert seen.is_absent is absent


@pytest.mark.parametrize(
    "cores, written, room",
    [(2, False, True), (None, False, True), (2, True, False), (None, True, False), (4, True, True)],
)
def test_two_long_statements_have_room_where_nobody_is_or_cores_are_many(
    cores: int | None,
    written: bool,  # noqa: FBT001
    room: bool,  # noqa: FBT001
) -> None:
    seen = Activity()
    seen.changes(int(written))
    assert has_room(cores, alone=seen.is_absent) is room

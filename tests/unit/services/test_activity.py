"""Whether the application is taken to be writing, and whether there is room for two statements of ours beside it."""

from dataclasses import replace

import pytest

from fsm_ghost.model.progress import Progress
from fsm_ghost.services.activity import Activity, has_room


def test_the_application_writes_for_a_second_after_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    seen, progress = Activity(), Progress()
    assert not seen.is_going_on(progress)
    progress = replace(progress, changes=3)
    assert seen.is_going_on(progress)
    now = 100.9
    assert seen.is_going_on(progress)
    now = 101.1
    assert not seen.is_going_on(progress)
    assert seen.is_going_on(replace(progress, changes=4))


@pytest.mark.parametrize(
    "cores, written, room",
    [(2, False, True), (None, False, True), (2, True, False), (None, True, False), (4, True, True)],
)
def test_two_long_statements_have_room_where_nobody_writes_or_cores_are_many(
    cores: int | None,
    written: bool,  # noqa: FBT001
    room: bool,  # noqa: FBT001
) -> None:
    assert has_room(cores, written=written) is room

"""Files and boundaries."""

from __future__ import annotations

import pytest

from fsm_ghost.errors import StreamError
from fsm_ghost.model.coordinates import Coordinates
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.route import Route


def begun(file: str = "bin.000009", position: int = 500) -> Route:
    route = Route(Coordinates(file, position))
    route.rotates(file.encode())
    return route


def test_the_boundary_moves_forward_only() -> None:
    route = begun()
    for position, expected in [(600, 600), (0, 600), (550, 600), (4, 600), (700, 700)]:
        route.passes(position)
        assert route.boundary == Coordinates("bin.000009", expected)


@pytest.mark.parametrize("tail", [b"", b"\1\2\3\4"])
def test_the_first_event_names_the_file_with_or_without_a_checksum(tail: bytes) -> None:
    route = Route(Coordinates("bin.000009", 500))
    route.rotates(b"bin.000009" + tail)
    assert route.boundary == Coordinates("bin.000009", 500)


@pytest.mark.parametrize("name", [b"bin.000008", b"bin.00000", b"bin.0000091", b"bin.000009\1\2\3", b""])
def test_a_server_that_sends_another_file_is_refused(name: bytes) -> None:
    with pytest.raises(UnreadableError, match="asked for"):
        Route(Coordinates("bin.000009", 500)).rotates(name)


def test_the_next_file_is_said_twice_and_begins_at_four_when_it_is_opened() -> None:
    route = begun()
    route.rotates(b"bin.000010", by_file=True)
    route.rotates(b"bin.000010")
    assert route.boundary == Coordinates("bin.000009", 500)
    route.opens(88, server_started=False)
    assert route.boundary == Coordinates("bin.000010", 4)
    assert route.boundary.created == 88
    route.passes(200)
    assert route.boundary == Coordinates("bin.000010", 200)


def test_the_file_that_was_begun_is_known_by_when_it_was_created() -> None:
    route = Route(Coordinates("bin.000009", 500))
    route.rotates(b"bin.000009")
    route.opens(77, server_started=False)
    assert route.boundary.created == 77
    resumed = Route(route.boundary)
    resumed.rotates(b"bin.000009")
    resumed.opens(77, server_started=False)
    with pytest.raises(StreamError, match=r"bin\.000009 is not the file of this name") as caught:
        Route(route.boundary).opens(78, server_started=True)
    assert "RESET MASTER" in caught.value.remedy


def test_a_file_that_was_not_ended_is_followed_by_the_first_of_a_server_that_was_started() -> None:
    route = begun()
    route.rotates(b"bin.000010")
    route.opens(88, server_started=True)
    assert route.boundary == Coordinates("bin.000010", 4)
    route.rotates(b"bin.000011")
    with pytest.raises(StreamError, match=r"bin\.000010 does not go on in bin\.000011"):
        route.opens(99, server_started=False)


def test_file_numbers_are_numbers() -> None:
    route = begun("bin.999999")
    route.rotates(b"bin.1000000", by_file=True)
    route.opens(88, server_started=False)
    assert route.boundary == Coordinates("bin.1000000", 4)


@pytest.mark.parametrize("name", [b"bin.000011", b"bin.000008", b"log.000010", b"bin.x", b"bin", b"bin.000010\xff"])
def test_any_other_file_is_refused(name: bytes) -> None:
    with pytest.raises(UnreadableError):
        begun().rotates(name)

"""Fixtures that every test may ask for.

`server`        a running MariaDB or MySQL, one for the whole session; the test runs once for each flavour
`database`      a fresh schema on it: .name, .server, .execute, .query, .connect
`fresh_server`  makes servers for tests that need their own options, a restart, a crash or a replica
`flavour`       "mariadb" or "mysql": which of them this run of the test is about
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from fsm_ghost.mysql.private import NO_OPTIONS, Flavour, Options, PrivateServer
from tests.servers import Database, flavours, require
from tests.servers.machine import compile_once, read_no_certificates, read_no_configuration, write_to_memory

write_to_memory()
read_no_certificates()
read_no_configuration()
compile_once()


class ServerFactory(Protocol):
    """What `fresh_server` is: call it as often as needed; everything it made is stopped after the test."""

    def __call__(
        self, options: Options = NO_OPTIONS, *, server_id: int = 1, replica_of: PrivateServer | None = None
    ) -> PrivateServer:
        """A started server; with `replica_of`, one that follows that primary (give it another server_id)."""
        ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out a test on the flavour that its marker excludes."""
    for item in items:
        flavour = getattr(item, "callspec", None) and item.callspec.params.get("flavour")  # type: ignore[attr-defined]
        for only in ("mariadb", "mysql"):
            if flavour not in {None, only} and item.get_closest_marker(f"{only}_only"):
                item.add_marker(pytest.mark.skip(reason=f"about {only} only"))


@pytest.fixture(scope="session", params=flavours())
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    require(chosen)
    return chosen


@pytest.fixture(scope="session")
def server(flavour: Flavour) -> Iterator[PrivateServer]:
    with PrivateServer(flavour) as running:
        yield running


@pytest.fixture
def database(server: PrivateServer) -> Iterator[Database]:
    own = Database(server)
    yield own
    own.drop()


@pytest.fixture
def fresh_server(flavour: Flavour) -> Iterator[ServerFactory]:
    with ExitStack() as running:

        def make(
            options: Options = NO_OPTIONS, *, server_id: int = 1, replica_of: PrivateServer | None = None
        ) -> PrivateServer:
            made = running.enter_context(PrivateServer(flavour, options, server_id))
            if replica_of:
                made.follow(replica_of)
            return made

        yield make

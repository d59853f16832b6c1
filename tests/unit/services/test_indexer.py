"""What an ALTER TABLE that fails comes to; that it works is for the tests with servers."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from fsm_ghost.errors import FsmGhostError, LockConflictError, ServerError, StoppedError
from fsm_ghost.model.plan import Deferral, Plan
from fsm_ghost.mysql import catalog
from fsm_ghost.mysql.faults import LOG_OF_CHANGES_FULL
from fsm_ghost.services.indexer import Indexer
from tests.unit.model.examples import plan

PLAN: Plan = replace(plan(), deferral=Deferral("as asked", ("KEY `a` (`a`)",), "bare"))


@dataclass
class Server:
    """Everything around an indexer: the ghost table's definition, a crew, and what is told to the applier."""

    ends: list[FsmGhostError | None]  # what comes of each build
    built: str = PLAN.ghost_create
    create: str = "bare"
    busy: int = 0
    builds: int = 0
    killed: list[int] = field(default_factory=list)
    is_held: bool = False
    id: int = 17

    def assign(self, _: Callable[..., bool]) -> None:
        self.busy, self.builds = 1, self.builds + 1

    def collect(self) -> list[bool]:
        self.busy = 0
        if (error := self.ends.pop(0)) is not None:
            raise error
        self.create = self.built
        return [True]

    def close(self) -> None: ...

    def kill(self, connection: int) -> None:
        self.killed.append(connection)


@pytest.fixture
def indexer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server], Indexer]:
    def made(server: Server) -> Indexer:
        monkeypatch.setattr(catalog, "fingerprint", lambda *_: server.create)
        monkeypatch.setattr(catalog, "build_progress", lambda *_: None)
        anything = cast("Any", server)
        return Indexer(PLAN, "m", anything, anything, anything, anything)

    return made


def test_it_is_built_once(indexer: Callable[[Server], Indexer]) -> None:
    server = Server([None])
    under_test = indexer(server)
    assert [under_test.step(), under_test.step()] == [False, True]
    assert server.builds == 1


def test_where_all_is_there_already_nothing_is_built(indexer: Callable[[Server], Indexer]) -> None:
    server = Server([], create=PLAN.ghost_create)
    assert indexer(server).step()
    assert server.builds == 0


def test_when_the_server_cannot_keep_all_changes_it_is_built_without_any(indexer: Callable[[Server], Indexer]) -> None:
    server = Server([ServerError("too big", code=LOG_OF_CHANGES_FULL), None])
    under_test = indexer(server)
    assert [under_test.step(), under_test.step(), server.is_held] == [False, False, True]
    assert [under_test.step(), under_test.step(), server.is_held] == [False, True, False]
    assert server.builds == 2


def test_that_is_tried_once(indexer: Callable[[Server], Indexer]) -> None:
    server = Server([ServerError("too big", code=LOG_OF_CHANGES_FULL)] * 2)
    under_test = indexer(server)
    assert [under_test.step() for _ in range(3)] == [False] * 3
    with pytest.raises(ServerError):
        under_test.step()


def test_who_reads_the_ghost_table_is_waited_for(indexer: Callable[[Server], Indexer]) -> None:
    server = Server([LockConflictError("1205"), LockConflictError("1205"), None])
    under_test = indexer(server)
    assert [under_test.step() for _ in range(6)] == [False] * 5 + [True]
    assert not server.is_held


def test_other_errors_end_the_run(indexer: Callable[[Server], Indexer]) -> None:
    under_test = indexer(Server([ServerError("disk full", code=1114)]))
    under_test.step()
    with pytest.raises(ServerError, match="disk full"):
        under_test.step()


def test_other_indexes_than_asked_for_end_the_run(indexer: Callable[[Server], Indexer]) -> None:
    under_test = indexer(Server([None], built="others"))
    under_test.step()
    with pytest.raises(StoppedError, match="other indexes"):
        under_test.step()


def test_a_build_that_runs_is_killed_when_the_run_ends(indexer: Callable[[Server], Indexer]) -> None:
    server = Server([None])
    under_test = indexer(server)
    under_test.step()
    under_test.close()
    assert server.killed == [17]
    assert under_test.told.startswith("the server to build 1 index (")

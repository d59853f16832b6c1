"""`stage`: a table under load on the session's server, and the command that migrates it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from fsm_ghost.mysql.private import PrivateServer
from tests.crash.stage import Stage


class StageMaker(Protocol):
    """What `make_stage` is: a stage of another size, on the session's server or another one."""

    def __call__(
        self,
        *,
        rows: int = 1000,
        chunk_size: int = 100,
        rate: float | None = 200,
        on: PrivateServer | None = None,
    ) -> Stage:
        """A stage whose application is writing already."""
        ...


@pytest.fixture
def make_stage(server: PrivateServer, tmp_path: Path) -> Iterator[StageMaker]:
    with ExitStack() as stages:

        def make(
            *, rows: int = 1000, chunk_size: int = 100, rate: float | None = 200, on: PrivateServer | None = None
        ) -> Stage:
            return stages.enter_context(
                Stage(on or server, tmp_path / "run", rows=rows, chunk_size=chunk_size, rate=rate)
            )

        yield make


@pytest.fixture
def stage(make_stage: StageMaker) -> Stage:
    return make_stage()

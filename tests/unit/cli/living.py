"""A migration that is run by the real engine in a thread, in states that only go round; and its doors."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from fsm_ghost.cli.control.asking import socket_of
from fsm_ghost.cli.control.serving import Serving
from fsm_ghost.engine.state import Step
from fsm_ghost.engine.store import Record, Store
from fsm_ghost.errors import FsmGhostError
from fsm_ghost.model import document
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.settings import ControlSettings, MetricsSettings, ServerSettings, Settings, ThrottleSettings
from tests.unit.cli.made_up import COPYING
from tests.unit.engine.fakes import Machinery, Scripted, comes_to

ID = COPYING.id
SHORT = ID[:8]
PATIENCE = 60.0  # seconds: however busy the machine is
SERVER = ServerSettings("db1", 3307, "ghost", password="hunter2")  # noqa: S106 - nobody's
SETTINGS = Settings(SERVER, "shop", "orders", "ADD c INT", execute=True)


def with_metrics(**options: object) -> Settings:
    """Settings with these of metrics."""
    return replace(SETTINGS, metrics=MetricsSettings(**options))  # type: ignore[arg-type]


def put(state_db: Path, settings: Settings = SETTINGS) -> None:
    """An unfinished migration, in a state file."""
    with closing(Store(state_db)) as store:
        store.create(
            ID,
            server="a server",
            host="db1:3307",
            table=TableName("shop", "orders"),
            statement="ADD c INT",
            settings=document.dump(settings.without_secrets()),
        )


@dataclass
class Life:
    """A run in a thread: it copies until it is told that everything is copied, and then waits in sync."""

    state_db: Path
    copied: threading.Event = field(default_factory=threading.Event)
    deaf: threading.Event = field(default_factory=threading.Event)  # while set, it is busy with one long statement
    is_deaf: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    copying: threading.Event = field(default_factory=threading.Event)
    syncing: threading.Event = field(default_factory=threading.Event)
    error: FsmGhostError | None = None

    def _copy(self, progress: Progress) -> Step:
        self.copying.set()
        while self.deaf.is_set():
            self.is_deaf.set()
            time.sleep(0.005)
        return Step(progress, Outcome.COPIED if self.copied.is_set() else None, wait=0.01)

    def _sync(self, progress: Progress) -> Step:
        self.syncing.set()
        return Step(progress, wait=0.01)

    def falls_silent(self) -> None:
        """Wait until it hears nothing any more."""
        self.deaf.set()
        assert self.is_deaf.wait(PATIENCE)

    def live(self) -> None:
        """Run until it ends, or is stopped."""
        with closing(Store(self.state_db)) as store:
            run = store.drive(ID, f"db-host process {threading.get_ident()}")
            states = {
                Phase.VALIDATE: Scripted(comes_to(Outcome.PASSED)),
                Phase.PREPARE: Scripted(comes_to(Outcome.PREPARED, range_known=True)),
                Phase.COPY: Scripted(self._copy),
                Phase.SYNC: Scripted(self._sync),
                Phase.ROLLBACK: Scripted(comes_to(Outcome.ROLLED_BACK)),
            }
            try:
                Machinery(run, states, stop=self.stop, bell=threading.Event()).engine().drive()  # type: ignore[arg-type]
            except FsmGhostError as error:
                self.error = error
            finally:
                run.release()


@contextmanager
def living(state_db: Path) -> Iterator[Life]:
    """Another process runs the migration; it copies."""
    life = Life(state_db)
    thread = threading.Thread(target=life.live)
    thread.start()
    assert life.copying.wait(PATIENCE)
    try:
        yield life
    finally:
        life.deaf.clear()
        life.stop.set()
        thread.join()


@contextmanager
def served(state_db: Path) -> Iterator[Path]:
    """It listens at its socket, which is yielded."""
    with closing(Store.existing(state_db)) as store, Serving(store, ID) as serving:
        serving.begin()
        yield socket_of(store, store.find(ID))


def say(where: Path | int, text: str) -> str:
    """What is answered, at a socket or a port, to these lines."""
    answer = b""
    with connected(where) as client:
        with suppress(OSError):  # who is not heard is not read either
            client.sendall(text.encode())
            client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while heard := client.recv(65_536):
                answer += heard
    return answer.decode()


def connected(where: Path | int) -> socket.socket:
    """A client that has not said anything yet."""
    if isinstance(where, int):
        return socket.create_connection(("127.0.0.1", where), timeout=PATIENCE)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    client.connect(str(where))
    return client


def record(state_db: Path) -> Record:
    """What the state file says."""
    with closing(Store.reading(state_db)) as store:
        return store.find(ID)


def with_control(**options: object) -> Settings:
    """Settings with these of control."""
    return replace(SETTINGS, control=ControlSettings(**options))  # type: ignore[arg-type]


def with_throttle(**options: object) -> Settings:
    """Settings with these of throttling."""
    return replace(SETTINGS, throttle=ThrottleSettings(**options))  # type: ignore[arg-type]


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes."""
    ticking, deadline = threading.Event(), time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        ticking.wait(0.01)

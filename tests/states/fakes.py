"""A data plane that does what a test says, and notes in which order it was asked."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

from fsm_ghost.errors import FsmGhostError
from fsm_ghost.model.chunk import Chunk, CopiedChunk
from fsm_ghost.model.key import Key
from fsm_ghost.model.probe import Probe
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.auditor import Audit
from fsm_ghost.services.dataplane import DataPlane
from fsm_ghost.services.scout import Scout
from fsm_ghost.services.swapper import Attempt, Found
from tests.unit.model.examples import at, plan

READY = Progress(plan=plan(), prepared=True, start=at(4), safe=at(4), range_known=True, first=(1,), last=(40,))


@dataclass
class FakeCopier:
    """Copies what it is sent when the test says so."""

    log: list[str]
    workers: int = 1
    done: list[CopiedChunk] = field(default_factory=list)
    sent: list[Chunk] = field(default_factory=list)
    error: FsmGhostError | None = None

    def copied(self) -> list[CopiedChunk]:
        self.log.append("copied")
        if self.error:
            raise self.error
        done, self.done = self.done, []
        return done

    def wants_more(self, progress: Progress) -> bool:
        return len(progress.open_chunks) < self.workers + 1

    def send(self, progress: Progress) -> None:
        self.log.append("send")
        self.sent += [chunk for chunk in progress.open_chunks if chunk not in self.sent]


@dataclass
class FakeChunker:
    """Cuts the range into tens."""

    log: list[str]
    learned: list[CopiedChunk] = field(default_factory=list)
    ends: tuple[Key | None, Key | None] = ((1,), (40,))

    def edges(self) -> tuple[Key | None, Key | None]:
        self.log.append("edges")
        return self.ends

    def hand_out(self, progress: Progress) -> Progress:
        self.log.append("hand out")
        return progress.chunk_handed_out((10 * (progress.chunks + 1),))

    def learn(self, copied: CopiedChunk) -> None:
        self.learned.append(copied)

    def measured(self, progress: Progress) -> Progress:
        return replace(progress, copied_part=progress.rows / 100)


@dataclass
class FakeVerifier:
    """Comes to what the test says."""

    becomes: Callable[[Progress], Progress]

    def step(self, progress: Progress, *, resting: bool = False) -> Progress:
        return progress if resting else self.becomes(progress)


@dataclass
class FakeSwapper:
    """One attempt that comes to what the test says."""

    log: list[str]
    result: Attempt | BaseException

    def attempt(self) -> Attempt:
        self.log.append("attempt")
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@dataclass
class FakeWitness:
    """Sees what the test says."""

    log: list[str]
    found: Found | BaseException

    def look(self) -> Found:
        self.log.append("look")
        if isinstance(self.found, BaseException):
            raise self.found
        return self.found


@dataclass
class FakeIndexer:
    """Is done when the test says so."""

    done: bool = False
    told: str = "the server to build 2 indexes"

    def step(self) -> bool:
        return self.done


@dataclass
class FakePlane:
    """The data plane, as far as states can see."""

    log: list[str] = field(default_factory=list)
    follows: Callable[[Progress], Progress] = lambda progress: progress
    barrier: bool = True
    behind: str = ""
    unfit_rows: str = ""
    throttle: str = ""
    compares: Callable[[Progress], Progress] = lambda progress: progress
    probe: Probe = field(default_factory=lambda: Probe(done=True))
    found: Found | BaseException = Found.NOT_SWAPPED
    attempt: Attempt | BaseException = field(default_factory=Attempt)
    audited: Audit = field(default_factory=lambda: Audit(0))
    rehearsed: tuple[bool, str] = (True, "in 20 ms")
    intends_swap: bool = False
    waited_for: list[str] = field(default_factory=list)
    the_indexer: FakeIndexer = field(default_factory=FakeIndexer)
    the_verifier: FakeVerifier = field(default_factory=lambda: FakeVerifier(lambda progress: progress))

    def __post_init__(self) -> None:
        self.the_copier = FakeCopier(self.log)
        self.the_chunker = FakeChunker(self.log)

    @property
    def plane(self) -> DataPlane:
        """This, for states."""
        return cast("DataPlane", self)

    @property
    def crews(self) -> "FakePlane":
        return self

    @property
    def scout(self) -> Scout:
        """This, for the state that looks ahead."""
        return cast("Scout", self)

    def follow(self, progress: Progress) -> Progress:
        self.log.append("follow")
        return self.follows(progress)

    def barrier_passed(self, _: Progress) -> bool:
        self.log.append("barrier")
        return self.barrier

    def close(self) -> None:
        self.log.append("close")

    def probed(self, progress: Progress) -> Progress:
        self.log.append("probed")
        return replace(progress, probe=self.probe)

    def copier(self, _: Progress) -> FakeCopier:
        return self.the_copier

    def chunker(self, _: Progress) -> FakeChunker:
        return self.the_chunker

    def throttled(self, _: Progress) -> str:
        return self.throttle

    def compared_beside(self, progress: Progress) -> Progress:
        return self.compares(progress)

    def indexer(self, _: Progress) -> FakeIndexer:
        return self.the_indexer

    def verifier(self, _: Progress) -> FakeVerifier:
        return self.the_verifier

    def analyze(self, _: Progress) -> None:
        self.log.append("analyze")

    def swapper(self, _: Progress) -> FakeSwapper:
        return FakeSwapper(self.log, self.attempt)

    def witness(self, _: Progress) -> FakeWitness:
        return FakeWitness(self.log, self.found)

    def audit(self, _: Progress) -> Audit:
        self.log.append("audit")
        return self.audited

    def audit_found(self, _: Progress) -> Audit:
        self.log.append("audit found")
        return self.audited

    def rehearse(self, _: Progress) -> tuple[bool, str]:
        self.log.append("rehearse")
        return self.rehearsed

    def unfit(self, _: Progress) -> str:
        return self.unfit_rows

    def is_behind(self, _: Progress) -> str:
        return self.behind

    def back_off(self, *, refused: bool) -> None:  # noqa: ARG002 - as the data plane is asked
        self.log.append("back off")

    def waiting_for(self, reason: str) -> None:
        self.waited_for.append(reason)


def following(**changes: object) -> Callable[[Progress], Progress]:
    """What following the changes does to the progress."""
    return lambda progress: replace(progress, **changes)  # type: ignore[arg-type]


def raising(error: FsmGhostError) -> Callable[[Progress], Progress]:
    """Following that ends in an error."""

    def follow(_: Progress) -> Progress:
        raise error

    return follow

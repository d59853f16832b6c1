"""The crews that copy rows, build indexes and compare, opened when a state first needs them.

How many statements they have under way at a time depends on what else the server has to do. Owner thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from fsm_ghost.model.chunk import CopiedChunk
from fsm_ghost.model.pressure import Pressure
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import pressure
from fsm_ghost.mysql.pressure import PressureGauge
from fsm_ghost.services.activity import Activity, has_room
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.chunker import Chunker, Ruler
from fsm_ghost.services.chunkwriter import ChunkWriter
from fsm_ghost.services.copier import Copier
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.governor import Governor, most_workers
from fsm_ghost.services.indexer import Indexer
from fsm_ghost.services.pace import Pace
from fsm_ghost.services.tools import Tools
from fsm_ghost.services.verifier import Compared, Verifier
from fsm_ghost.settings import Settings

# Changed keys, up to which comparing goes on beside something else: more are suspects, and to be watched, for nothing.
_FEW_WAIT = 1000


class Crews:
    """Those of one migration; `following` gives what brings the changes over meanwhile."""

    def __init__(self, tools: Tools, following: Callable[[Progress], Applier]) -> None:
        self._tools = tools
        self._following = following
        self._chunker: Chunker | None = None
        self._copier: Copier | None = None
        self._indexer: Indexer | None = None
        self._verifier: Verifier | None = None
        self.activity = Activity()

    def chunker(self, progress: Progress) -> Chunker:
        """Finds key ranges."""
        if self._chunker is None:
            plan = progress.the_plan
            asking, settings = self._tools.statements(plan), self._tools.settings.copy
            self._chunker = Chunker(self._tools.session, asking, plan, settings, self.activity)
        reporter = self._tools.reporter
        reporter.chunk_rows, reporter.chunk_seconds = self._chunker.rows, self._chunker.seconds
        return self._chunker

    def copier(self, progress: Progress) -> Copier:
        """Copies chunks."""
        if self._copier is None:
            plan = progress.the_plan
            pace = self._open_pace(progress, "the copy")
            crew = Crew[CopiedChunk]("copier", self._tools.open_writers(plan, "row copy", pace.most), self._tools.bell)
            settings = self._tools.settings
            writer = ChunkWriter(self._tools.statements(plan), plan, quarantine=settings.definition.quarantine)
            self._copier = Copier(writer, crew, self._following(progress), pace, settings.throttle.nice_ratio)
        self._tools.reporter.workers = self._copier.pace.reason
        return self._copier

    def indexer(self, progress: Progress) -> Indexer:
        """Has deferred indexes built."""
        if self._indexer is None:
            tools, plan = self._tools, progress.the_plan
            worker = tools.connections.open("index")
            crew = Crew[bool]("indexer", [worker], tools.bell)
            self._indexer = Indexer(plan, tools.migration, tools.session, worker, crew, self._following(progress))
        return self._indexer

    def verifier(self, progress: Progress) -> Verifier:
        """Compares the tables."""
        verifier = self._open_verifier(progress)
        self._tools.reporter.workers = verifier.pace.reason
        return verifier

    def compared_beside(self, progress: Progress, *, resting: bool) -> Progress:
        """Go on with the comparison beside row copy, or beside a build of indexes, where that has room for it.

        Of what is copied by now, all but the end. A range that is being compared is ended in any case; while it is
        `resting`, the server has no room, many rows are behind, or we were asked to be nice, no other is begun.
        MismatchError when the tables differ.
        """
        alone = self.activity.is_absent
        may_begin = (
            (has_room(self._cores, alone=alone) if progress.is_copied else alone)
            and self._following(progress).ledger.waiting <= _FEW_WAIT
            and not self._tools.settings.throttle.nice_ratio
        )
        rests = resting or not may_begin
        if rests and not progress.verifying:
            return progress
        return self._open_verifier(progress).step(progress, resting=rests, to_the_end=False)

    def retune(self, settings: Settings) -> None:
        """Work with other settings from now on; those that only matter in the beginning change nothing any more."""
        self._tools = replace(self._tools, settings=settings)
        if self._chunker is not None:
            self._chunker.retune(settings.copy)
        if self._copier is not None:
            self._copier.nice = settings.throttle.nice_ratio

    def close(self) -> None:
        """End everything that runs."""
        for crew in (self._copier, self._indexer, self._verifier):
            if crew is not None:
                crew.close()
        self._copier = self._indexer = self._verifier = None

    def _open_verifier(self, progress: Progress) -> Verifier:
        if self._verifier is None:
            plan = progress.the_plan
            pace = self._open_pace(progress, "the comparison")
            crew = Crew[Compared]("verifier", self._tools.open_writers(plan, "verify", pace.most), self._tools.bell)
            ruler = Ruler(self._tools.session, self._tools.statements(plan), plan.key)
            comparison, applier = self._tools.comparison(plan), self._following(progress)
            self._verifier = Verifier(crew, comparison, plan, applier, self.chunker(progress), ruler, pace)
        return self._verifier

    def _open_pace(self, progress: Progress, work: str) -> Pace:
        applier, gauge = self._following(progress), PressureGauge(self._tools.session)
        most = most_workers(self._tools.settings.copy.workers, self._cores)

        def read() -> Pressure:
            return gauge.read(self._busy + applier.ledger.refreshing)

        return Pace(Governor(most, self._cores, work), applier, self.activity, read)

    @cached_property
    def _cores(self) -> int | None:
        """How many processors the server has; None when it does not tell."""
        return pressure.cores(self._tools.session)

    @property
    def _busy(self) -> int:
        """How many statements these crews have under way."""
        return sum(crew.busy for crew in (self._copier, self._indexer, self._verifier) if crew is not None)

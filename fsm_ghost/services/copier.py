"""Has chunks copied: which of them, and how many at a time."""

from __future__ import annotations

import time
from functools import partial

from fsm_ghost.model.chunk import CopiedChunk
from fsm_ghost.model.progress import Progress
from fsm_ghost.services.applier import Applier
from fsm_ghost.services.chunkwriter import ChunkWriter
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.pace import Pace


class Copier:
    """Has the chunks copied that progress says are open, as many at a time as the pace allows.

    After each chunk no other is sent for `nice` times as long as it took. Owner thread only.
    """

    def __init__(
        self,
        writer: ChunkWriter,
        crew: Crew[CopiedChunk],
        applier: Applier,
        pace: Pace,
        nice: float = 0.0,
    ) -> None:
        self._writer = writer
        self._crew = crew
        self._applier = applier
        self.pace = pace
        self.nice = nice
        self._rests_until = 0.0  # monotonic seconds
        self._sent: set[int] = set()

    def wants_more(self, progress: Progress) -> bool:
        """Whether another chunk should be handed out, so that one lies ready when a worker is done."""
        return len(progress.open_chunks) < self.pace.workers + 1

    def copied(self) -> list[CopiedChunk]:
        """The chunks that were committed since the last call; MismatchError when one does not fit."""
        done = self._crew.collect()
        for copied in done:
            self._sent.discard(copied.chunk.number)
            self._applier.chunk_ended(copied)
            self.pace.done(copied.rows, copied.seconds)
            self._rests_until = max(self._rests_until, time.monotonic()) + self.nice * copied.seconds
        self.pace.look()
        return done

    @property
    def busy(self) -> int:
        """How many chunks are being copied."""
        return len(self._sent)

    def send(self, progress: Progress) -> None:
        """Have the open chunks copied for which there is a worker. They must have been stored as open before."""
        if time.monotonic() < self._rests_until:
            return
        for chunk in progress.open_chunks:
            if chunk.number in self._sent:
                continue
            if len(self._sent) >= self.pace.workers or not self._applier.lets_chunk_start():
                return
            self._sent.add(chunk.number)
            self._applier.chunk_started(chunk)
            self._crew.assign(partial(self._writer.copy, chunk))

    def close(self) -> None:
        """Stop copying."""
        self._crew.close()

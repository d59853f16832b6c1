"""What somebody without this state file needs to go on with a migration: written beside its tables (protocol R12).

It comes in two parts, for one of them is written every other second: `Origin` changes with transitions only,
`Standing` is the checkpoint. Of the chunks only the open ones are in it. The others are one chunk for each stretch
that is done: for the proof that all of them were copied it is all the same where one ended (protocol R5).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fsm_ghost.engine.record import JournalEntry, PendingHook, Record
from fsm_ghost.model import document
from fsm_ghost.model.chunk import Chunk, KeyRange
from fsm_ghost.model.naming import TableName
from fsm_ghost.model.phase import Phase
from fsm_ghost.model.plan import Plan
from fsm_ghost.model.progress import Progress
from fsm_ghost.settings import masked

_VERSION = 1
# Settings that may be secrets, by their options. Whoever may read the table could read them there.
_SECRETS = {
    "hooks-hint-token": ("hooks", "hint_token"),
    "notify-url": ("hooks", "notify_url"),
    "throttle-http": ("throttle", "http"),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a migration was begun with, what was planned, and the transitions so far.

    `withheld` names the options whose values are not in `settings`, for they are secrets.
    """

    version: int
    id: str
    server: str
    host: str
    table: TableName
    statement: str
    settings: str
    created_at: float
    plan: Plan | None
    journal: tuple[JournalEntry, ...]
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it has come since, and which hooks are not known to have run."""

    progress: Progress
    hooks: tuple[PendingHook, ...]


@dataclass(frozen=True, slots=True)
class Handover:
    """A migration as it was left, for another state file."""

    origin: Origin
    standing: Standing

    @classmethod
    def load(cls, origin: str, standing: str) -> Handover:
        """The handover in two documents; ValueError when they are something else, or of another version."""
        handed = cls(document.load(Origin, origin), document.load(Standing, standing))
        if handed.origin.version != _VERSION:
            raise ValueError(f"it is of version {handed.origin.version}, this one knows {_VERSION}")
        return handed

    @property
    def phase(self) -> Phase:
        """The state that it is in."""
        return self.origin.journal[-1].dest

    @property
    def came_from(self) -> Phase | None:
        """The state that was left for `failed`."""
        last = self.origin.journal[-1]
        return last.source if last.dest is Phase.FAILED else None

    @property
    def progress(self) -> Progress:
        """The checkpoint, with the plan."""
        return replace(self.standing.progress, plan=self.origin.plan)

    def done_chunks(self) -> Iterator[Chunk]:
        """One chunk for each stretch between open chunks, with the number of the last one that it is made of."""
        progress = self.standing.progress
        reached = None
        for chunk in progress.open_chunks:
            if chunk.range.after != reached:
                yield Chunk(chunk.number - 1, KeyRange(reached, chunk.range.after))
            reached = chunk.range.upto
        if progress.handed_out != reached:
            yield Chunk(progress.chunks, KeyRange(reached, progress.handed_out))


def origin_of(record: Record, journal: tuple[JournalEntry, ...]) -> str:
    """The document with what was begun."""
    settings, withheld = _without_secrets(record.settings)
    return document.dump(
        Origin(
            version=_VERSION,
            id=record.id,
            server=record.server,
            host=record.host,
            table=record.table,
            statement=record.statement,
            settings=settings,
            created_at=record.created_at,
            plan=record.progress.plan,
            journal=journal,
            withheld=withheld,
        )
    )


def _without_secrets(settings: str) -> tuple[str, tuple[str, ...]]:
    """Settings as others may read them, and the options whose values were left out."""
    fields = json.loads(settings)
    withheld = []
    for option, (group, name) in _SECRETS.items():
        value = fields.get(group, {}).get(name)
        # A URL to be told is often a secret as a whole, one that is asked only where it has an account or a query.
        if value and (option != "throttle-http" or masked(value) != value):
            del fields[group][name]
            withheld.append(option)
    return json.dumps(fields, ensure_ascii=False), tuple(withheld)


def standing_of(record: Record, hooks: tuple[PendingHook, ...]) -> str:
    """The document with how far it has come."""
    return document.dump(Standing(replace(record.progress, plan=None), hooks))

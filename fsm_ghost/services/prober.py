"""Looks, before row copy, for rows of the original that the new definition would break, and counts them.

Only what the change of a column's type, a new CHECK or a new unique key can break is asked for; a table is not read
where nothing can. Rows are read range by range, so that no snapshot is held for long.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fsm_ghost.errors import ConnectionLostError
from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.key import Key
from fsm_ghost.model.plan import Plan, UniqueKey
from fsm_ghost.model.probe import Offence, Probe
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.probe import MOST_GROUPS, ProbeStatements, Question
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.chunker import Ruler
from fsm_ghost.services.crew import Crew

_EXAMPLES = 3
_RANGE_SECONDS = 0.5  # that a range should take
_FIRST, _LEAST, _MOST = 10_000, 1000, 1_000_000  # rows of a range
_UNIQUE_SECONDS = 60  # after which the search for rows that are alike is given up: it cannot be divided


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found in a range of so many rows, or under a unique key; `unknown` says what was not answered."""

    upto: Key | None
    rows: int
    seconds: float
    offences: tuple[Offence, ...]
    unknown: str = ""


class Prober:
    """Asks one migration's questions. Owner thread only; `crew` has one worker."""

    def __init__(
        self,
        crew: Crew[Probed],
        asking: ProbeStatements,
        plan: Plan,
        ruler: Ruler,
        edges: Callable[[], tuple[Key | None, Key | None]],
    ) -> None:
        self._crew = crew
        self._asking = asking
        self._columns = plan.key.columns
        self._ghost_columns = tuple(column.as_ghost() for column in plan.key.columns)
        self._ruler = ruler
        self._edges = edges
        self._rows = _FIRST

    def step(self, probe: Probe) -> Probe:
        """Take in what was found, and ask the next question; `done` when there are none left."""
        if not probe.began:
            return self._begun(probe)
        for probed in self._crew.collect():
            probe = self._taken(probe, probed)
        if not self._crew.busy:
            if not probe.scanned:
                self._crew.assign(self._range(probe))
            elif probe.uniques < len(self._asking.uniques):
                self._crew.assign(self._alike(self._asking.uniques[probe.uniques]))
            else:
                return replace(probe, done=True)
        return probe

    def close(self) -> None:
        """Stop asking."""
        self._crew.close()

    def _begun(self, probe: Probe) -> Probe:
        last = self._edges()[1] if self._asking.questions else None
        return replace(probe, began=True, last=last, scanned=last is None, unknown=self._asking.unknown)

    def _taken(self, probe: Probe, probed: Probed) -> Probe:
        for offence in probed.offences:
            probe = probe.found(offence)
        if probed.unknown:
            probe = replace(probe, unknown=(*probe.unknown, probed.unknown))
        if probe.scanned:
            return replace(probe, uniques=probe.uniques + 1)
        self._ruler.learn(KeyRange(probe.upto, probed.upto), probed.rows)
        factor = min(3.0, max(0.3, _RANGE_SECONDS / max(probed.seconds, 0.001)))
        self._rows = int(min(_MOST, max(_LEAST, self._rows * factor)))
        rows = probe.rows + probed.rows
        return replace(probe, upto=probed.upto, rows=rows, scanned=probed.upto == probe.last)

    def _range(self, probe: Probe) -> Callable[[Session], Probed]:
        if probe.last is None:
            raise ValueError("an empty table has no ranges")
        upto = self._ruler.end(probe.upto, probe.last, self._rows)
        key_range = KeyRange(probe.upto, upto)

        def job(session: Session) -> Probed:
            began = time.monotonic()
            rows, offences = 0, []
            for of_ghost in (False, True):
                questions = [question for question in self._asking.questions if question.of_ghost is of_ghost]
                if questions:
                    total, *counts = session.query(self._asking.count(questions, key_range))[0]
                    rows = int(total)
                    offences += self._offences(session, questions, [int(count) for count in counts], key_range)
            return Probed(upto, rows, time.monotonic() - began, tuple(offences))

        return job

    def _offences(
        self, session: Session, questions: Sequence[Question], counts: Sequence[int], key_range: KeyRange
    ) -> list[Offence]:
        found = []
        for question, count in zip(questions, counts, strict=True):
            if count:
                columns = self._ghost_columns if question.of_ghost else self._columns
                keys = session.query(self._asking.examples(question, key_range, _EXAMPLES))
                examples = tuple(str(key_sql.parse(columns, row)) for row in keys)
                found.append(
                    Offence(question.subject, question.what, count, examples, question.allowed, question.allowable)
                )
        return found

    def _alike(self, unique: UniqueKey) -> Callable[[Session], Probed]:
        def job(session: Session) -> Probed:
            statement = self._asking.alike(unique, _UNIQUE_SECONDS)
            if statement is None:
                return Probed(None, 0, 0.0, (), f"whether rows are alike under {unique.name}")
            try:
                groups = session.query(statement)
            except ConnectionLostError:
                session.query("SELECT 1")  # the connection is there: it was the time that had run out
                return Probed(None, 0, 0.0, (), f"whether rows are alike under {unique.name} (in {_UNIQUE_SECONDS} s)")
            return Probed(None, 0, 0.0, _shared(unique, [(str(values), int(rows)) for values, rows in groups]))

        return job


def _shared(unique: UniqueKey, groups: Sequence[tuple[str, int]]) -> tuple[Offence, ...]:
    """The rows that share their values under a unique key, as one offence."""
    if not groups:
        return ()
    examples = tuple(f"{values!r} ({rows} rows)" for values, rows in groups[:_EXAMPLES])
    least, values = "at least " * (len(groups) > MOST_GROUPS), min(len(groups), MOST_GROUPS)
    what = f"would be unique, and {least}{values} {'value is' if values == 1 else 'values are'} not"
    return (Offence(unique.name, what, sum(rows for _, rows in groups), examples),)

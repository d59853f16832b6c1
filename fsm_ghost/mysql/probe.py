"""SQL that counts the rows which a new definition would break: functions of plan and definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fsm_ghost.model.chunk import KeyRange
from fsm_ghost.model.plan import PLACE, Flavour, Lossy, Plan, UniqueKey
from fsm_ghost.model.table import Column, Definition
from fsm_ghost.mysql import keys as key_sql
from fsm_ghost.mysql.checks import checks
from fsm_ghost.mysql.fit import misfits
from fsm_ghost.mysql.quoting import quote, table
from fsm_ghost.mysql.types import TEXTS

MOST_GROUPS = 1000  # of rows that share their values, that are counted


@dataclass(frozen=True, slots=True)
class Question:
    """A way in which rows may not fit: the rows of `source` (a table expression) for which `condition` holds."""

    subject: str
    what: str
    condition: str
    of_ghost: bool = False  # the condition speaks of the ghost table's columns
    allowed: Lossy | None = None
    allowable: tuple[Lossy, ...] = ()


class ProbeStatements:
    """The questions of one migration, and the statements that ask them."""

    def __init__(
        self, plan: Plan, original: Definition, ghost: Definition, lossy: Iterable[tuple[str, Lossy]], flavour: Flavour
    ) -> None:
        self._plan = plan
        self._flavour = flavour
        self._original, self._ghost = original, ghost
        self._columns = plan.key.columns
        self._ghost_columns = tuple(column.as_ghost() for column in plan.key.columns)
        self._from = f"{table(plan.names.original)} FORCE INDEX ({quote(plan.key.index)})"
        asked = self._of_checks()
        generated = [quote(column.name) for column in ghost.columns if column.generated]
        askable = [check for check in asked if not any(name in check.condition for name in generated)]
        self.questions = (*self._of_columns({name.lower(): policy for name, policy in lossy}), *askable)
        # What generated columns will hold is not known before they are there.
        self.unknown = tuple(f"whether the CHECK {check.subject} holds" for check in asked if check not in askable)
        self.uniques = tuple(unique for unique in plan.demanded if unique.name in plan.unproved)

    def _of_columns(self, lossy: Mapping[str, Lossy]) -> list[Question]:
        asked = []
        for mapped in self._plan.mapping:
            old, new = self._original.column(mapped.original), self._ghost.column(mapped.ghost)
            if old is None or new is None:
                continue
            policy = lossy.get(mapped.original.lower())
            for misfit in misfits(old, new):
                condition = misfit.condition.replace(PLACE, quote(mapped.original))
                allowed = policy if policy in misfit.instead else None
                allowable = tuple(misfit.instead)
                asked.append(Question(mapped.original, misfit.what, condition, allowed=allowed, allowable=allowable))
        return asked

    def _of_checks(self) -> list[Question]:
        known = {check.condition for check in checks(self._original.create)}
        return [
            Question(check.name, "is a CHECK that does not hold", f"NOT {check.condition}", of_ghost=True)
            for check in checks(self._ghost.create)
            if check.condition not in known and check.is_enforced
        ]

    def count(self, questions: Sequence[Question], key_range: KeyRange) -> str:
        """How many rows of a range there are, and for how many of them each question is to be answered with yes.

        All questions have to be about the same table's columns.
        """
        counts = [f"COUNT(CASE WHEN {question.condition} THEN 1 END)" for question in questions]
        return f"SELECT {', '.join(['COUNT(*)', *counts])} FROM {self._source(questions[0], key_range)}"

    def examples(self, question: Question, key_range: KeyRange, most: int) -> str:
        """The keys of some rows of a range for which the answer is yes."""
        columns = self._ghost_columns if question.of_ghost else self._columns
        source = self._source(question, key_range)
        joint = "WHERE" if question.of_ghost else "AND"
        return f"SELECT {key_sql.select_list(columns)} FROM {source} {joint} {question.condition} LIMIT {most}"

    def _source(self, question: Question, key_range: KeyRange) -> str:
        rows = f"{self._from} WHERE {key_sql.within(self._columns, key_range)}"
        if not question.of_ghost:
            return rows
        values = [f"{mapped.value(quote(mapped.original))} AS {quote(mapped.ghost)}" for mapped in self._plan.mapping]
        values += [f"{filled.value} AS {quote(filled.ghost)}" for filled in self._plan.filled]
        known = {mapped.ghost for mapped in self._plan.mapping} | {filled.ghost for filled in self._plan.filled}
        values += [
            f"{column.default or 'NULL'} AS {quote(column.name)}"
            for column in self._ghost.columns
            if column.name not in known and not column.generated
        ]
        return f"(SELECT {', '.join(values)} FROM {rows}) AS new_rows"

    def alike(self, unique: UniqueKey, seconds: int) -> str | None:
        """The values that several rows would share in a unique key, and how many do; None where that cannot be asked.

        Groups beyond MOST_GROUPS are left out. The statement ends by itself after so many `seconds`.
        """
        values = [self._indexed(name, length) for name, length in zip(unique.columns, unique.lengths, strict=True)]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        shown = ", ".join(f"CAST({value} AS CHAR)" for value in known)
        present = " AND ".join(f"{value} IS NOT NULL" for value in known)
        body = (
            f"CONCAT_WS(', ', {shown}), COUNT(*) FROM {table(self._plan.names.original)} WHERE {present}"
            f" GROUP BY {', '.join(known)} HAVING COUNT(*) > 1 LIMIT {MOST_GROUPS + 1}"
        )
        if self._flavour is Flavour.MYSQL:
            return f"SELECT /*+ MAX_EXECUTION_TIME({seconds * 1000}) */ {body}"
        return f"SET STATEMENT max_statement_time = {seconds} FOR SELECT {body}"

    def _indexed(self, ghost_name: str, length: int | None) -> str | None:
        """What a unique key of the ghost table would compare, from the original; None for what is not copied."""
        new = self._ghost.column(ghost_name)
        mapped = next((pair for pair in self._plan.mapping if pair.ghost.lower() == ghost_name.lower()), None)
        if new is None or mapped is None:
            return None
        value = self._converted(mapped.value(quote(mapped.original)), self._original.column(mapped.original), new)
        return value if length is None else f"LEFT({value}, {length})"

    @staticmethod
    def _converted(value: str, old: Column | None, new: Column) -> str:
        """A value as the new column compares it: by its character set and collation."""
        if new.data_type not in TEXTS or old is None or (old.charset, old.collation) == (new.charset, new.collation):
            return value
        return f"CONVERT({value} USING {new.charset}) COLLATE {new.collation}"

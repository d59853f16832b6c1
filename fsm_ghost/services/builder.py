"""Makes the tables of a migration, and takes them away again: only those that are proved to be its own.

The proof is the changelog table: its comment names the migration, and it lists the tables that were going to be made
before any of them was. Nothing is ever dropped because of its name alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from fsm_ghost.errors import AmbiguousError, RefusedError, ServerError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.plan import Native, SwapMethod
from fsm_ghost.mysql import catalog, statements
from fsm_ghost.mysql.alter import with_check_names
from fsm_ghost.mysql.changelog import Changelog
from fsm_ghost.mysql.checks import checks
from fsm_ghost.mysql.faults import TABLES_LOCKED
from fsm_ghost.mysql.session import Session


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes and removes one migration's tables."""

    session: Session
    names: Names
    migration: str
    changelog: Changelog

    def build(self, clauses: str) -> Native:
        """Make the changelog, the marker, and the ghost table with its new definition; how the server has changed it.

        RefusedError when the server does not take the ALTER; what was made by then is still there.
        """
        self.take_away()
        self.changelog.create((self.names.ghost, self.names.marker, self.names.swapped))
        fault_point("build.after-changelog")
        self.session.execute(statements.create_marker(self.names.marker, self.migration))
        self._create_ghost()
        fault_point("build.after-ghost")
        native = self._alter(with_check_names(clauses, self._check_names()))
        keep_counter(self.session, self.names, self.migration)
        return native

    def _create_ghost(self) -> None:
        try:
            self.session.execute(statements.create_like(self.names.ghost, self.names.original, self.migration))
        except ServerError as error:
            raise RefusedError(
                f"the server does not make a table like {self.names.original}: {error.message}",
                "Use a native ALTER TABLE for it.",
            ) from error

    def _check_names(self) -> dict[str, str]:
        """What the CHECKs of the original are called in the ghost table: MySQL wants names that no other table has.

        They are known by their conditions: lists are in the order of names, in which 10 comes before 2.
        """
        creates = (catalog.fingerprint(self.session, name) or "" for name in (self.names.original, self.names.ghost))
        olds, news = (sorted(checks(create), key=attrgetter("meaning")) for create in creates)
        return {old.name: new.name for old, new in zip(olds, news, strict=True) if old.name != new.name}

    def _alter(self, clauses: str) -> Native:
        """The user's ALTER, on the empty ghost table, as the server does it with least effort.

        Its defaults mean what they would mean in a native one.
        """
        self.session.use_server_time_zone()
        try:
            return next(native for native in Native if self._takes(native, clauses))
        except ServerError as error:
            raise RefusedError(f"the server refuses the ALTER: {error.message}", "Mend --alter.") from error
        finally:
            self.session.use_utc()

    def _takes(self, native: Native, clauses: str) -> bool:
        """Change the ghost table in one way; False where the server does not do it so, ServerError if in no way."""
        try:
            self.session.execute(statements.alter_natively(self.names.ghost, clauses, native, self.migration))
        except ServerError:
            if native is Native.COPY:
                raise
            return False
        return True

    def swap_method(self) -> SwapMethod:
        """How this server can swap tables: found by renaming our marker under its own lock, and back."""
        marker, swapped = self.names.marker, self.names.swapped
        self.session.lock_tables([marker])
        try:
            self.session.execute(statements.rename([(marker, swapped)], self.migration))
            self.session.execute(statements.rename([(swapped, marker)], self.migration))
        except ServerError as error:
            if error.code != TABLES_LOCKED:
                raise
            return SwapMethod.SENTRY
        finally:
            self.session.unlock_tables()
        return SwapMethod.SAME_SESSION

    def take_away(self) -> tuple[TableName, ...]:
        """Drop the ghost table and all that belongs to it, the changelog last; what was dropped.

        AmbiguousError when a table is there that cannot be proved to be ours.
        """
        candidates = (self.names.swapped, *self.names.made)  # swapped: a run may have died while it tried the RENAME
        found = catalog.found_tables(self.session, candidates)
        ours = self._ours(found)
        foreign = [name for name in found if name not in ours]
        if foreign:
            raise AmbiguousError(
                f"{foreign[0]} exists and was not made by migration {self.migration[:8]}",
                f"Find out whose it is. If it may go: {statements.drop_for_people(foreign[0])}",
            )
        for name in (name for name in candidates if name in ours):
            self.session.execute(statements.drop(name, self.migration))
            fault_point("take-away.after-drop")
        return tuple(name for name in candidates if name in ours)

    def clean_up_after_swap(self, *, drop_old: bool) -> None:
        """Drop what is left, and the old table if wanted; the changelog, by which another host goes on, goes last."""
        found = catalog.found_tables(self.session, (self.names.changelog, self.names.swapped, self.names.old))
        ours = self._ours(found) | ({self.names.old} if self.names.swapped in found else set())
        wanted = [self.names.swapped, self.names.changelog]
        if drop_old:
            wanted.insert(0, self.names.old)
        for name in wanted:
            if name in found and (name in ours or name == self.names.swapped):
                self.session.execute(statements.drop(name, self.migration))
                fault_point("clean-up.after-drop")

    def _ours(self, found: dict[TableName, catalog.FoundTable]) -> set[TableName]:
        signed = {name for name, table in found.items() if table.comment == statements.own_tag(self.migration)}
        if self.names.changelog not in signed:
            return set()
        made = self.changelog.made()
        # The ghost table's comment is the user's. The proof's name is free until the swap: others may have taken it.
        return {name for name in found if name.name in made and name in {self.names.ghost, *signed}} | {
            self.names.changelog
        }


def keep_counter(session: Session, names: Names, migration: str) -> None:
    """Let the ghost table's AUTO_INCREMENT not be behind the original's, which rows that came and went have moved."""
    original = catalog.auto_increment(session, names.original)
    if original is not None and original > (catalog.auto_increment(session, names.ghost) or 1):
        session.execute(statements.alter(names.ghost, f"AUTO_INCREMENT = {original}", migration))

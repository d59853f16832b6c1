"""What the checks judge: everything that was found out about a server and a table, as one value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.plan import Flavour, ServerIdentity
from fsm_ghost.model.table import Definition
from fsm_ghost.mysql.blockers import Blocker
from fsm_ghost.mysql.catalog import FoundTable
from fsm_ghost.mysql.relations import ForeignKey
from fsm_ghost.mysql.replication import Filters
from fsm_ghost.mysql.sessions import Deviation
from fsm_ghost.mysql.space import Disk

_SHOWN = 5  # lines of evidence


@dataclass(frozen=True, slots=True)
class Subject:
    """A server and a table as they were found."""

    server: ServerIdentity
    variables: Mapping[str, str]  # global ones
    names: Names
    found: FoundTable | None
    definition: Definition | None
    neighbours: Mapping[TableName, FoundTable]  # tables that have one of our names
    neighbour_owner: str  # who signed a changelog that is there already
    foreign_keys: tuple[ForeignKey, ...]
    triggers: tuple[str, ...]
    constraints: frozenset[str]  # the names of CHECKs in the schema, of this table and of others
    is_replica: bool
    wants_replica: bool  # the migration is to run on a replica
    filters: Filters
    affinity: str  # how a connection of ours is not one session of the server; empty when it is
    blockers: tuple[Blocker, ...]
    prepared: frozenset[str]
    deviations: tuple[Deviation, ...]
    disks: tuple[Disk, ...]
    missing_grants: tuple[str, ...]

    @property
    def is_mysql(self) -> bool:
        """Whether the server is of MySQL's family."""
        return self.server.flavour is Flavour.MYSQL

    def variable(self, name: str) -> str:
        """A global variable in upper case; empty when the server does not have it."""
        return self.variables.get(name, "").upper()

    def number(self, name: str) -> float:
        """A global variable that is a number; 0 when the server does not have it."""
        try:
            return float(self.variables.get(name, 0))
        except ValueError:
            return 0


def few(lines: Collection[str]) -> tuple[str, ...]:
    """The first of many lines of evidence, and how many more there are."""
    every = tuple(lines)
    return every if len(every) <= _SHOWN else (*every[:_SHOWN], f"and {len(every) - _SHOWN} more")

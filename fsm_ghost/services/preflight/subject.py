"""What the checks judge: everything that was found out about a server and a table, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.plan import Flavour, ServerIdentity
from fsm_ghost.model.table import Definition
from fsm_ghost.mysql.catalog import ForeignKey, FoundTable


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a migration is not begun, and what would have to change."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A server and a table as they were found."""

    server: ServerIdentity
    variables: Mapping[str, str]
    names: Names
    found: FoundTable | None
    definition: Definition | None
    neighbours: Mapping[TableName, FoundTable]  # tables that have one of our names
    neighbour_owner: str  # who signed a changelog that is there already
    foreign_keys: tuple[ForeignKey, ...]
    triggers: tuple[str, ...]
    is_replica: bool
    missing_grants: tuple[str, ...]

    @property
    def is_mysql(self) -> bool:
        """Whether the server is of MySQL's family."""
        return self.server.flavour is Flavour.MYSQL

    def variable(self, name: str) -> str:
        """A global variable in upper case; empty when the server does not have it."""
        return self.variables.get(name, "").upper()

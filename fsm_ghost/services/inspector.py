"""Finds out what there is: everything that is judged before a migration begins."""

from __future__ import annotations

from fsm_ghost.errors import RefusedError, ServerError
from fsm_ghost.model.naming import Names
from fsm_ghost.model.plan import Flavour, ServerIdentity
from fsm_ghost.model.table import Definition
from fsm_ghost.mysql import affinity, blockers, catalog, privileges, relations, replication, sessions, space
from fsm_ghost.mysql.changelog import owner_of
from fsm_ghost.mysql.checks import checks
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.preflight.subject import Subject


def survey(session: Session, server: ServerIdentity, names: Names, *, on_replica: bool = False) -> Subject:
    """Everything that the preflight checks judge; `on_replica` is where the migration is to run."""
    found = catalog.found_tables(session, (names.original, *names.made, names.swapped, names.old))
    original = found.pop(names.original, None)
    is_table = original is not None and original.kind == "BASE TABLE"
    definition = catalog.definition(session, names.original) if is_table else None
    return Subject(
        server=server,
        variables=catalog.every_variable(session),
        names=names,
        found=original,
        definition=definition,
        neighbours=found,
        neighbour_owner=owner_of(session, names.changelog) if names.changelog in found else "",
        foreign_keys=relations.foreign_keys(session, names.original) if is_table else (),
        triggers=relations.triggers(session, names.original) if is_table else (),
        constraints=_constraints(session, server, definition),
        is_replica=replication.is_replica(session),
        wants_replica=on_replica,
        filters=replication.filters(session),
        affinity=affinity.broken(session),
        blockers=blockers.of_table(session, names.original, ()) if is_table else (),
        prepared=_prepared(session),
        deviations=sessions.deviations(session),
        disks=space.disks(session),
        missing_grants=_missing_grants(session, server, names.original.schema),
    )


def _constraints(session: Session, server: ServerIdentity, definition: Definition | None) -> frozenset[str]:
    """The CHECKs of the schema, where their names have to be unique in it and some belong to the table."""
    if definition is None or server.flavour is not Flavour.MYSQL or not checks(definition.create):
        return frozenset()
    return relations.constraints(session, definition.name.schema)


def _prepared(session: Session) -> frozenset[str]:
    """The prepared XA transactions; none where the account may not see them, which is refused on its own."""
    try:
        return catalog.prepared_transactions(session)
    except (RefusedError, ServerError):
        return frozenset()


def _missing_grants(session: Session, server: ServerIdentity, schema: str) -> tuple[str, ...]:
    needed = privileges.GLOBAL_ON_MYSQL if server.flavour is Flavour.MYSQL else privileges.GLOBAL_ON_MARIADB
    return privileges.missing_grants(privileges.grants(session), schema, privileges.account(session), needed)

"""Finds out what there is: everything that is judged before a migration begins."""

from __future__ import annotations

from fsm_ghost.model.naming import Names
from fsm_ghost.model.plan import Flavour, ServerIdentity
from fsm_ghost.mysql import catalog, privileges
from fsm_ghost.mysql.changelog import owner_of
from fsm_ghost.mysql.session import Session
from fsm_ghost.services.preflight.subject import Subject


def survey(session: Session, server: ServerIdentity, names: Names) -> Subject:
    """Everything that the preflight checks judge."""
    found = catalog.found_tables(session, (names.original, *names.made, names.swapped, names.old))
    original = found.pop(names.original, None)
    is_table = original is not None and original.kind == "BASE TABLE"
    return Subject(
        server=server,
        variables=catalog.variables(session),
        names=names,
        found=original,
        definition=catalog.definition(session, names.original) if is_table else None,
        neighbours=found,
        neighbour_owner=owner_of(session, names.changelog) if names.changelog in found else "",
        foreign_keys=catalog.foreign_keys(session, names.original) if is_table else (),
        triggers=catalog.triggers(session, names.original) if is_table else (),
        is_replica=catalog.is_replica(session),
        missing_grants=privileges.missing_grants(
            catalog.grants(session),
            names.original.schema,
            catalog.account(session),
            privileges.GLOBAL_ON_MYSQL if server.flavour is Flavour.MYSQL else privileges.GLOBAL_ON_MARIADB,
        ),
    )

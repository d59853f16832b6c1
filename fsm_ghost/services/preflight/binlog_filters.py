"""Changes that the server leaves out of its binary log cannot be followed."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse a schema that --binlog-do-db or --binlog-ignore-db leaves out.

    Where it is logged, so is all that we do: changes of rows are judged by the schema of their table, DDL by the
    default database, and that is the same in our sessions.
    """
    schema = subject.names.original.schema
    if not subject.filters.leave_out(schema):
        return None
    return Finding(
        f"the binary log leaves out {schema}: neither its changes nor the swap would be in it",
        f"Restart the server with --binlog-do-db={schema} besides, or without --binlog-ignore-db={schema}.",
        evidence(subject),
    )


def evidence(subject: Subject) -> tuple[str, ...]:
    """The filters, as options of the server."""
    filters = (("--binlog-do-db", subject.filters.only), ("--binlog-ignore-db", subject.filters.ignored))
    return tuple(f"{option}: {', '.join(names)}" for option, names in filters if names)

"""Changes that the server leaves out of its binary log cannot be followed."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse a schema that --binlog-do-db or --binlog-ignore-db leaves out; on MariaDB every --binlog-do-db.

    It leaves out statements without a default database, such as ours: neither the replicas nor we would hear of the
    swap. MySQL goes by the tables that they name.
    """
    schema, filters = subject.names.original.schema, subject.filters
    if filters.leave_out(schema):
        reason = f"the binary log leaves out {schema}"
    elif filters.only and not subject.is_mysql:
        reason = "the binary log leaves out statements without a default database, so the swap would not be in it"
    else:
        return None
    return Finding(reason, "Restart the server without --binlog-do-db and --binlog-ignore-db.", evidence(subject))


def evidence(subject: Subject) -> tuple[str, ...]:
    """The filters, as options of the server."""
    filters = (("--binlog-do-db", subject.filters.only), ("--binlog-ignore-db", subject.filters.ignored))
    return tuple(f"{option}: {', '.join(names)}" for option, names in filters if names)

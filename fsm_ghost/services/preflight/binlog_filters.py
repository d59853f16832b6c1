"""Changes that the server leaves out of its binary log cannot be followed."""

from fsm_ghost.services.preflight.subject import Finding, Subject


def check(subject: Subject) -> Finding | None:
    """Refuse a schema that --binlog-do-db or --binlog-ignore-db leaves out."""
    schema, filters = subject.names.original.schema, subject.filters
    if not filters.leave_out(schema):
        return None
    return Finding(
        f"the binary log leaves out {schema}",
        "Restart the server with other --binlog-do-db and --binlog-ignore-db.",
        evidence(subject),
    )


def evidence(subject: Subject) -> tuple[str, ...]:
    """The filters, as options of the server."""
    filters = (("--binlog-do-db", subject.filters.only), ("--binlog-ignore-db", subject.filters.ignored))
    return tuple(f"{option}: {', '.join(names)}" for option, names in filters if names)

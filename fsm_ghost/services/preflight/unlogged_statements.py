"""The filters of a binary log judge a statement by the default database, not by the table that it is about."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight import binlog_filters
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Warn of filters: an ALTER or TRUNCATE from a schema that is left out would not be seen."""
    found = binlog_filters.evidence(subject)
    if not found or binlog_filters.check(subject):
        return None
    return Finding(
        "the binary log leaves out statements of sessions in other schemas, also those about this table",
        "Let nobody ALTER or TRUNCATE the table from another schema; only the comparison would notice.",
        found,
    )

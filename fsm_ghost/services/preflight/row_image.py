"""Row images must hold the migration key, before and after a change."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.services.preflight.subject import Subject


def check(subject: Subject) -> Finding | None:
    """Refuse MINIMAL row images: an insert that relies on a default does not name its key there."""
    found = subject.variable("binlog_row_image") or "FULL"
    if found in {"FULL", "NOBLOB", "FULL_NODUP"}:
        return None
    return Finding(f"binlog_row_image is {found}", "SET GLOBAL binlog_row_image = 'FULL'; (or NOBLOB)")

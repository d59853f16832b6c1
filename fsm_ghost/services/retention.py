"""For how long the server keeps its binlog: where a run is behind by half of that, people should know."""

from __future__ import annotations

from collections.abc import Mapping

from fsm_ghost.model.coordinates import Coordinates

VARIABLES = ("binlog_expire_logs_auto_purge", "binlog_expire_logs_seconds", "expire_logs_days")
_DAY = 86_400.0  # seconds
_HOUR = 3600.0


def seconds_kept(variables: Mapping[str, str]) -> float:
    """After how many seconds the server purges binlogs, by its global variables; 0 for never."""
    if variables.get("binlog_expire_logs_auto_purge", "").upper() == "OFF":
        return 0.0
    seconds, days = (_number(variables.get(name, "")) for name in ("binlog_expire_logs_seconds", "expire_logs_days"))
    return seconds or _DAY * days


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def concern(kept: float, safe: Coordinates | None, here: Coordinates, now: float) -> str:
    """Why the binlog that a resumed run needs may soon be gone, in words; empty when it may not.

    `safe` is where that begins, `here` where the server writes; a file that is written to is not purged. A file is as
    old as its beginning: it may be younger, never older. `kept` and `now` are seconds.
    """
    if not kept or safe is None or not safe.created or safe.number >= here.number:
        return ""
    age = now - safe.created
    if age < kept / 2:
        return ""
    return (
        f"the binlog is needed from {safe} on, a file of {age / _HOUR:.1f} hours; the server keeps it for"
        f" {kept / _HOUR:.1f}. Let it keep more (binlog_expire_logs_seconds, expire_logs_days) before it is purged"
    )

"""The table exists twice during a migration, and the binary log grows by the copy."""

from fsm_ghost.model.finding import Finding
from fsm_ghost.mysql.space import Disk, disk_of
from fsm_ghost.services.preflight.subject import Subject

_GROWTH = 1.1  # the new table against the old one
_LARGE = 1 << 30  # bytes: about less nothing is said where free space is unknown
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def check(subject: Subject) -> Finding | None:
    """Warn of a table that may not fit on the disk; of every large one where the server does not tell what is free."""
    size = subject.definition.bytes if subject.definition else 0
    needs = _needs(subject, round(size * _GROWTH), size)
    if any(disk is None for _, disk, _ in needs):
        is_short = size >= _LARGE
    else:
        is_short = any(disk.free < _total(needs, disk) for _, disk, _ in needs if disk)
    if not is_short:
        return None
    return Finding(
        "the disk may become full",
        "See that there is room: the old table is kept until it is dropped, the binary log until it is purged.",
        tuple(f"{what} {_said(need)}{f', {_said(disk.free)} free' if disk else ''}" for what, disk, need in needs),
    )


def _needs(subject: Subject, table: int, binlog: int) -> list[tuple[str, Disk | None, int]]:
    """What is needed where, in bytes, with the disk if it is known."""
    data = subject.variables.get("datadir", "")
    log = subject.variables.get("log_bin_basename") or data
    return [
        (f"{data} needs about", disk_of(data, subject.disks), table),
        (f"{log}.* needs about", disk_of(log, subject.disks), binlog),
    ]


def _total(needs: list[tuple[str, Disk | None, int]], disk: Disk) -> int:
    return sum(need for _, other, need in needs if other == disk)


def _said(size: float) -> str:
    """A size for people."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:  # noqa: PLR2004 - what the units are made of
        size, unit = size / 1024, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if size >= 10 or not unit else f"{size:.1f} {_UNITS[unit]}"  # noqa: PLR2004

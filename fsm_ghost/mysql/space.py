"""How much room the server's disks have. Only MariaDB tells, where its DISKS plugin is installed and may be read."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.errors import RefusedError, ServerError
from fsm_ghost.mysql.session import Session


@dataclass(frozen=True, slots=True)
class Disk:
    """Where a disk is mounted, and how many bytes are free on it."""

    path: str
    free: int


def disks(session: Session) -> tuple[Disk, ...]:
    """The server's disks; none where it does not tell."""
    try:
        rows = session.query("SELECT Path, Available FROM information_schema.DISKS")
    except (RefusedError, ServerError):
        return ()
    return tuple(Disk(str(path), int(kibibytes) << 10) for path, kibibytes in rows)


def disk_of(path: str, disks: tuple[Disk, ...]) -> Disk | None:
    """The disk that a file lies on; None where the server does not tell."""
    above = [disk for disk in disks if path == disk.path or path.startswith(disk.path.rstrip("/") + "/")]
    return max(above, key=lambda disk: len(disk.path), default=None)

"""What the tests ask of the machine they run on, before anything else: memory to write to, and no time wasted."""

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only what `tempfile` makes is put there
_PLENTY: Final = 6 << 30  # bytes: the largest test alone fills one gigabyte


def write_to_memory() -> None:
    """Keep whatever the tests write in memory where there is plenty of it, the data of their servers included.

    No test outlives the machine, so none needs a disk; and a server that commits durably waits for it all the time.
    TMPDIR, when it is set, is where somebody wants it.
    """
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and _room() > _PLENTY:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def read_no_certificates() -> None:
    """Let PyMySQL find no certificate authorities: it reads them for each connection, and verifies no test's server.

    That took half of the tests' CPU time.
    """
    os.environ |= {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}


def read_no_configuration() -> None:
    """Let no program that a test starts find the options of whoever runs the tests."""
    for name in ("MYSQL_HOST", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT", "MYSQL_PWD", "MYSQL_GROUP_SUFFIX"):
        os.environ.pop(name, None)
    os.environ |= {"FSM_GHOST_NO_DEFAULTS": "true", "XDG_CONFIG_HOME": os.devnull}


def compile_once() -> None:
    """Let programs that a test starts keep what Python makes of their modules, which takes each of them 0.2 s.

    `make test` does so anyway: tox hands no such variable on.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _room() -> int:
    """How much may be written to memory, in bytes."""
    try:
        available = re.search(r"^MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
        return min(int(available[1]) << 10 if available else 0, shutil.disk_usage(_MEMORY).free)
    except OSError:
        return 0

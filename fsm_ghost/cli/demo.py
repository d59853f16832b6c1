"""`fsm-ghost demo`: a migration to watch, on a private server."""

from __future__ import annotations

from typing import Literal

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.ui.terminal import quiet_control_keys
from fsm_ghost.errors import UsageError

_LEAST, _MOST = 1_000, 100_000_000  # rows


def run(values: Values) -> int:
    """Run it; the exit code is its verdict's."""
    rows = values["rows"]
    if not isinstance(rows, int) or not _LEAST <= rows <= _MOST:
        raise UsageError(f"--rows must lie between {_LEAST:,} and {_MOST:,}, not {rows}")
    from fsm_ghost import demo

    flavour: Literal["mariadb", "mysql"] = "mysql" if values.text("server") == "mysql" else "mariadb"
    with quiet_control_keys():  # the migration that is killed cannot put the terminal back
        verdict = demo.run(_say, flavour=flavour, rows=rows, crash=not values.is_on("no-crash"))
    print()
    for line in verdict.lines:
        print(line)
    return verdict.exit_code


def _say(line: str) -> None:
    print(line, flush=True)

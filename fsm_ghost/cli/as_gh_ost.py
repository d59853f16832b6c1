"""Under the name gh-ost: a link to this program takes gh-ost's place in scripts.

Its command line, status line, bare version and exit codes are kept; so is that it looks at no option file but --conf,
makes the file that holds up the swap, and lets /tmp/gh-ost.throttle hold up every migration of the host.
"""

from __future__ import annotations

from collections.abc import Sequence

from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.option import START

VERSION = "1.1.10"  # whose flags are taken
# What gh-ost does without being asked.
_ASSUMED = (
    "--ui=gh-ost",
    "--make-postpone-flag-file",
    "--throttle-additional-flag-file=/tmp/gh-ost.throttle",
)


def wants_version(arguments: Sequence[str]) -> bool:
    """Whether nothing but the version is asked for."""
    return "version" in _flags(arguments)


def in_our_words(arguments: Sequence[str]) -> list[str]:
    """A command line of gh-ost's as one of ours."""
    flags = _flags(arguments)
    if flags & {"help", "h"}:
        return [START, "--help-all"]
    files = [] if any(flag.startswith("defaults-") for flag in flags) else ["--no-defaults"]
    return [START, *files, *_ASSUMED, *arguments]


def _flags(arguments: Sequence[str]) -> set[str]:
    return {argument.lstrip("-").partition("=")[0] for argument in arguments if argument.startswith("-")}


def exit_code(code: int) -> int:
    """gh-ost's: 0, or 2 for a wrong command line, or 1 for all the rest."""
    return code if code in {ExitCode.DONE, ExitCode.USAGE} else ExitCode.FAILED

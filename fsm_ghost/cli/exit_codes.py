"""The exit codes of every command: the one place that says what they mean."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command came to; errors carry theirs (`FsmGhostError.exit_code`)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    STOPPED = 4
    OWNED_ELSEWHERE = 5
    ABORTED = 6
    NOT_CUT_OVER = 7
    MISMATCH = 8
    TRANSIENT = 75
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """In a few words, for help and reports."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.DONE: "done, or a dry run without objections",
    ExitCode.FAILED: "failed; resuming alone will not help",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.REFUSED: "refused; nothing was touched, or what was made is gone again",
    ExitCode.STOPPED: "stopped with a checkpoint; `resume` goes on",
    ExitCode.OWNED_ELSEWHERE: "another process has this migration, or this table",
    ExitCode.ABORTED: "aborted; the original table is as it was",
    ExitCode.NOT_CUT_OVER: "the tables could not be swapped; both are intact",
    ExitCode.MISMATCH: "old and new table differ, or a row does not fit",
    ExitCode.TRANSIENT: "a passing trouble; the same command may work later",
    ExitCode.INTERRUPTED: "interrupted at once; `resume` goes on from the last checkpoint",
}

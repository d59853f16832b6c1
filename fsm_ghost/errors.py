"""Everything that can end a command, by whose move it is next.

    FsmGhostError                       exit code
    ├── UsageError                        2  the command line is wrong
    ├── RefusedError                      3  the migration would hurt; nothing was left behind
    ├── StoppedError                      4  stopped with a checkpoint; `resume` goes on
    ├── StreamError                       1  the binlog cannot be followed past this point (protocol R10): start again
    ├── OwnedElsewhereError               5  another process has this migration or this table
    │   └── TakenOverError                5  this state file had the migration; another one has it now
    ├── AbortedError                      6  given up on request; the original is as it was
    ├── CutOverError                      7  the swap was not achieved; both tables are intact
    ├── MismatchError                     8  old and new table differ, or a row does not fit the new definition
    ├── AmbiguousError                    1  what happened cannot be told; a person has to look
    ├── StoreError                        1  the state file cannot be used
    ├── ServerError                       1  the server refused a statement that it should have taken
    ├── LockConflictError                75  a lock was not granted in time, or a deadlock was resolved against us
    └── ConnectionLostError              75  the server cannot be reached; the same command may work later

Every message says what happened, to which object; `remedy` says what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class FsmGhostError(Exception):
    """Base of all errors meant for the user; never raised itself."""

    exit_code: ClassVar[int] = 1
    resumable: ClassVar[bool] = False

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class UsageError(FsmGhostError):
    """The command line cannot be understood or carried out."""

    exit_code = 2


class RefusedError(FsmGhostError):
    """The migration was refused before it touched anything, or after what it had made was removed again."""

    exit_code = 3


class StoppedError(FsmGhostError):
    """The run stopped with a checkpoint; it can be resumed."""

    exit_code = 4
    resumable = True


class StreamError(FsmGhostError):
    """The binlog holds something that cannot be followed safely; resuming would meet it again."""


class OwnedElsewhereError(FsmGhostError):
    """Another process owns this migration, or this table is being migrated by another one."""

    exit_code = 5


class TakenOverError(OwnedElsewhereError):
    """Another state file has taken this migration over; what this one knows of it is out of date."""


class AbortedError(FsmGhostError):
    """The migration was given up; the original table is as it was."""

    exit_code = 6


class CutOverError(FsmGhostError):
    """The tables could not be swapped; nothing was changed."""

    exit_code = 7
    resumable = True


class MismatchError(FsmGhostError):
    """The ghost table cannot be, or is not, equal to the original."""

    exit_code = 8


class AmbiguousError(FsmGhostError):
    """The server shows something that this run cannot have left: a person has to decide."""

    exit_code = 1


class StoreError(FsmGhostError):
    """The state file is damaged, newer than this program, or not one of ours."""

    exit_code = 1


class ServerError(FsmGhostError):
    """The server refused a statement; `code` is its error number."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "", code: int = 0) -> None:
        super().__init__(message, remedy)
        self.code = code


class ConnectionLostError(FsmGhostError):
    """A connection could not be made or was lost; whether the last statement was carried out is unknown."""

    exit_code = 75
    resumable = True


class LockConflictError(FsmGhostError):
    """The server gave up waiting for a lock (1205, 3572) or resolved a deadlock against us (1213): try again."""

    exit_code = 75
    resumable = True

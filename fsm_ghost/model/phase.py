"""The names of the states, and what a step of one can come to."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """The states of a migration; what each does is in `states/`."""

    VALIDATE = "validate"
    PREPARE = "prepare"
    COPY = "copy"
    INDEX = "index"
    SYNC = "sync"
    VERIFY = "verify"
    CUT_OVER = "cut_over"
    CLEANUP = "cleanup"
    ROLLBACK = "rollback"
    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"


class Outcome(StrEnum):
    """What ends a state; each is a trigger of the machine."""

    PASSED = "passed"
    REFUSED = "refused"
    PREPARED = "prepared"
    DRY_RUN = "dry_run"
    ALTERED = "altered"
    COPIED = "copied"
    INDEXED = "indexed"
    TESTED = "tested"
    CAUGHT_UP = "caught_up"
    EQUAL = "equal"
    DIFFERS = "differs"
    BROKEN = "broken"
    SWAPPED = "swapped"
    GIVEN_UP = "given_up"
    CLEANED = "cleaned"
    ROLLED_BACK = "rolled_back"
    ABORT = "abort"
    RETRY = "retry"


class Moment(StrEnum):
    """When hooks run that are called as gh-ost's are; each transition has names of its own besides."""

    STARTUP = "gh-ost-on-startup"
    VALIDATED = "gh-ost-on-validated"
    BEFORE_ROW_COPY = "gh-ost-on-before-row-copy"
    ROW_COPY_COMPLETE = "gh-ost-on-row-copy-complete"
    BEFORE_CUT_OVER = "gh-ost-on-before-cut-over"
    SUCCESS = "gh-ost-on-success"
    FAILURE = "gh-ost-on-failure"
    BEGIN_POSTPONED = "gh-ost-on-begin-postponed"
    INTERACTIVE_COMMAND = "gh-ost-on-interactive-command"
    STATUS = "gh-ost-on-status"


# They belong to no transition.
IN_BETWEEN = frozenset({Moment.BEGIN_POSTPONED, Moment.INTERACTIVE_COMMAND, Moment.STATUS})

"""What an option is, and which commands there are to take it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a value is; the text stands for it in help."""

    TEXT = "TEXT"
    PATH = "PATH"
    NUMBER = "N"
    DECIMAL = "SECONDS"
    SWITCH = ""


class Group(StrEnum):
    """The sections of --help-all."""

    CHANGE = "What to change"
    SERVER = "The server"
    COPY = "Row copy"
    THROTTLE = "Throttling"
    CUT_OVER = "Cut-over"
    HOOKS = "Hooks"
    CONTROL = "Control while it runs"
    METRICS = "Metrics"
    DISPLAY = "State file and display"
    ORIGIN = "Where options come from"
    DEMO = "The demo"
    GH_OST = "Accepted for gh-ost's sake, without effect"
    REFUSED = "Refused, with what to do instead"


Value = str | int | float | bool
PREFIX = "FSM_GHOST_"  # of environment variables

START, PLAN, RESUME, STATUS, REPORT, HISTORY = "start", "plan", "resume", "status", "report", "history"
LIST, CONTROL = "list", "control"
CUT_OVER, POSTPONE, REHEARSE, THROTTLE, NO_THROTTLE = "cut-over", "postpone", "rehearse", "throttle", "no-throttle"
ABORT, CLEANUP, CONFIG, COMPLETION, DIAGRAM, DEMO = "abort", "cleanup", "config", "completion", "diagram", "demo"
STEERING = (CUT_OVER, POSTPONE, REHEARSE, THROTTLE, NO_THROTTLE)
# The arguments beside options.
TAKES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((START, PLAN), ("statement",)),
    CONFIG: ("show",),
    COMPLETION: ("shell",),
    CONTROL: ("ID", "COMMAND"),
    **dict.fromkeys((RESUME, STATUS, REPORT, HISTORY, *STEERING, ABORT, CLEANUP), ("ID",)),
}
STARTING = (START,)
CONNECTING = (START, RESUME, ABORT, CLEANUP)
DRIVING = (START, RESUME, ABORT)
STORING = (START, RESUME, STATUS, REPORT, HISTORY, LIST, CONTROL, *STEERING, ABORT, CLEANUP)
AS_START = (PLAN, CONFIG)  # commands that take the options of start


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    `sets` is the field of Settings that it becomes (dotted; `negated` for `--no-…`), empty where a command reads it
    itself. `brief` options are shown by -h, all by --help-all. `remark` is said when it is given. `refused` options
    may only be given the value that asks for nothing, as wrappers of gh-ost do that name every flag.
    """

    name: str
    kind: Kind
    group: Group
    help: str
    commands: tuple[str, ...] = STARTING
    default: Value = ""
    metavar: str = ""
    short: str = ""
    choices: tuple[str, ...] = ()
    sets: str = ""
    negated: bool = False
    brief: bool = False
    gh_ost: bool = True
    remark: str = ""
    secret: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether it would promise something that is not done; `help` says what to do instead."""
        return self.group is Group.REFUSED

    @property
    def flag(self) -> str:
        """As it is typed."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that stands in for it."""
        return PREFIX + self.name.replace("-", "_").upper()

    @property
    def is_switch(self) -> bool:
        """Whether it needs no value."""
        return self.kind is Kind.SWITCH

    @property
    def synopsis(self) -> str:
        """The flag with its value, for help."""
        value = self.metavar or "|".join(self.choices) or self.kind.value
        return f"{self.short + ' ' if self.short else ''}{self.flag}{' ' + value if value else ''}"

"""The one table of options: command line, variables, profiles, option files, help, completion and pages come from it.

Names are gh-ost's wherever it has one, so that its command lines work here. What gh-ost has and we do not is in the
table too (`gh_ost`): without effect, with the reason, or refused, since leaving out a protection silently is no
service.
"""

from __future__ import annotations

from fsm_ghost.cli.control_options import CONTROLLING, METRICS
from fsm_ghost.cli.copy_options import COPY
from fsm_ghost.cli.cut_over_options import CUT_OVER
from fsm_ghost.cli.gh_ost import REFUSED, WITHOUT_EFFECT
from fsm_ghost.cli.hook_options import HOOKS
from fsm_ghost.cli.option import (
    AS_START,
    CONFIG,
    CONNECTING,
    CONTROL,
    DEMO,
    DRIVING,
    HISTORY,
    LIST,
    PLAN,
    REPORT,
    RESUME,
    START,
    STATUS,
    STORING,
    Group,
    Kind,
    Option,
)
from fsm_ghost.cli.server_options import ORIGIN, SERVER
from fsm_ghost.cli.throttle_options import THROTTLE

OPTIONS: tuple[Option, ...] = (
    # What to change
    Option(
        "execute",
        Kind.SWITCH,
        Group.CHANGE,
        "really do it; without it: a dry run",
        default=False,
        sets="execute",
        brief=True,
    ),
    Option(
        "database",
        Kind.TEXT,
        Group.CHANGE,
        "the table's schema",
        (START, RESUME),
        metavar="NAME",
        sets="schema",
        brief=True,
    ),
    Option("table", Kind.TEXT, Group.CHANGE, "the table", (START, RESUME), metavar="NAME", sets="table", brief=True),
    Option(
        "alter",
        Kind.TEXT,
        Group.CHANGE,
        "its clauses, or the whole statement",
        metavar="CLAUSES",
        sets="alter",
        brief=True,
    ),
    *SERVER,
    *ORIGIN,
    *COPY,
    *THROTTLE,
    *CUT_OVER,
    *HOOKS,
    *CONTROLLING,
    *METRICS,
    # State file and display
    Option(
        "retry",
        Kind.SWITCH,
        Group.CHANGE,
        "leave `failed`: its cause is removed",
        (RESUME,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "from-server",
        Kind.SWITCH,
        Group.CHANGE,
        "go on with what another host has left",
        (RESUME,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "take-over",
        Kind.SWITCH,
        Group.CHANGE,
        "with --from-server: even while it runs",
        (RESUME,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "json",
        Kind.SWITCH,
        Group.DISPLAY,
        "as a JSON document, for programs",
        (PLAN, STATUS, REPORT, HISTORY, LIST, CONTROL, CONFIG),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "watch",
        Kind.SWITCH,
        Group.DISPLAY,
        "keep showing it; Ctrl-C ends only that",
        (STATUS,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "all",
        Kind.SWITCH,
        Group.DISPLAY,
        "finished migrations as well",
        (LIST,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "state-db",
        Kind.PATH,
        Group.DISPLAY,
        "the state file",
        STORING,
        default="~/.local/state/fsm-ghost/state.db",
        brief=True,
        gh_ost=False,
    ),
    Option(
        "report-path",
        Kind.PATH,
        Group.DISPLAY,
        "folder for report.txt and report.json in the end [reports/ID beside the state file]",
        DRIVING,
        metavar="FOLDER",
        gh_ost=False,
    ),
    Option(
        "ui",
        Kind.TEXT,
        Group.DISPLAY,
        "auto, live, plain, json, gh-ost or none",
        (*DRIVING, STATUS),
        default="auto",
        metavar="KIND",
        choices=("auto", "live", "plain", "json", "gh-ost", "none"),
        brief=True,
        gh_ost=False,
    ),
    Option("verbose", Kind.SWITCH, Group.DISPLAY, "say more", DRIVING, default=False),
    Option("debug", Kind.SWITCH, Group.DISPLAY, "say everything", (*CONNECTING, DEMO), default=False),
    Option("quiet", Kind.SWITCH, Group.DISPLAY, "log errors only", DRIVING, default=False),
    Option(
        "check-flag",
        Kind.SWITCH,
        Group.DISPLAY,
        "do nothing: exit code 0 when every flag is known and none is refused",
        default=False,
    ),
    # The demo
    Option(
        "rows",
        Kind.NUMBER,
        Group.DEMO,
        "rows of the table",
        (DEMO,),
        default=1_000_000,
        brief=True,
        gh_ost=False,
    ),
    Option(
        "server",
        Kind.TEXT,
        Group.DEMO,
        "which server",
        (DEMO,),
        default="mariadb",
        choices=("mariadb", "mysql"),
        brief=True,
        gh_ost=False,
    ),
    Option(
        "no-crash",
        Kind.SWITCH,
        Group.DEMO,
        "do not kill the migration on its way",
        (DEMO,),
        default=False,
        brief=True,
        gh_ost=False,
    ),
    *WITHOUT_EFFECT,
    *REFUSED,
)


def options_of(command: str) -> tuple[Option, ...]:
    """The options that a command takes, in the order of the table; some take those of `start`, and their own."""
    commands = {command, START} if command in AS_START else {command}
    return tuple(
        option for option in OPTIONS if commands & set(option.commands) and (command, option.name) != (PLAN, "execute")
    )

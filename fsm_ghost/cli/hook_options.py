"""The options of hooks."""

from __future__ import annotations

from fsm_ghost.cli.option import RESUME, START, Group, Kind, Option

HOOKS: tuple[Option, ...] = (
    Option(
        "hooks-path",
        Kind.PATH,
        Group.HOOKS,
        "folder of executables that are called like a moment (gh-ost-on-success …, fsm-ghost-on-copy-copied …)",
        (START, RESUME),
        sets="hooks.path",
    ),
    Option("hooks-hint", Kind.TEXT, Group.HOOKS, "handed to hooks as GH_OST_HOOKS_HINT", sets="hooks.hint"),
    Option(
        "hooks-hint-owner",
        Kind.TEXT,
        Group.HOOKS,
        "handed to hooks as GH_OST_HOOKS_HINT_OWNER",
        sets="hooks.hint_owner",
    ),
    Option(
        "hooks-hint-token",
        Kind.TEXT,
        Group.HOOKS,
        "handed to hooks as GH_OST_HOOKS_HINT_TOKEN",
        (START, RESUME),
        secret=True,
        sets="hooks.hint_token",
    ),
    Option(
        "hooks-status-interval",
        Kind.NUMBER,
        Group.HOOKS,
        "seconds between hooks that tell the status, gh-ost-on-status; 0: none",
        default=60,
        sets="hooks.status_interval",
    ),
    Option(
        "hooks-timeout",
        Kind.DECIMAL,
        Group.HOOKS,
        "seconds after which a hook has failed",
        default=600.0,
        sets="hooks.timeout",
        gh_ost=False,
    ),
    Option(
        "notify-url",
        Kind.TEXT,
        Group.HOOKS,
        "post JSON there at every transition, and with every status",
        (START, RESUME),
        metavar="URL",
        sets="hooks.notify_url",
        gh_ost=False,
        secret=True,
    ),
)

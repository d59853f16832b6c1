"""Values become Settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.given import WEAKEST_NAMED, Source
from fsm_ghost.cli.option import Option, Value
from fsm_ghost.engine.store import Change
from fsm_ghost.engine.tuning import TUNABLE
from fsm_ghost.errors import UsageError
from fsm_ghost.model.plan import Lossy
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql.alter import statement_of, tokens
from fsm_ghost.settings import (
    CopySettings,
    CutOverSettings,
    Encryption,
    HookSettings,
    IndexBuild,
    Kill,
    ServerSettings,
    Settings,
    ThrottleSettings,
    Where,
)

_NOTHING = ServerSettings()
_CHANGEABLE = {*TUNABLE, "postpone", "notify-url", "hooks-hint-token"}


def settings(values: Values, password: str) -> Settings:
    """What `start` was asked for. UsageError when something needed is missing."""
    schema, table, alter = _target(values)
    plain = Settings(server(values, password), schema, table, alter)
    groups = _by_group(values.settings())
    own = {name: value for name, value in groups.pop("", {}).items() if name not in {"schema", "table", "alter"}}
    groups.pop("server", None)
    hooks = groups.get("hooks", {}).get("path", "")
    if hooks and not Path(hooks).is_dir():
        raise UsageError(f"--hooks-path {hooks} is not a directory", "Hooks are executables in a folder of their own.")
    return _with(replace(plain, **own), groups)


def here(values: Values, remembered: Settings, withheld: Collection[str]) -> Settings:
    """Settings that another host has left, fit for this one: files and folders of that host may not be there.

    `withheld` are options that it was given, whose values are not among them. UsageError where going on without one of
    all these would be another migration than the one that was asked for.
    """
    said = list(values.settings(WEAKEST_NAMED))
    _refuse_silence(withheld, {option.name for option, _ in said})
    given = _by_group(said)
    remembered = _with(remembered, _by_group((option, value) for option, value in said if option.name in withheld))
    found = _with(remembered, {name: given[name] for name in ("hooks", "cut_over") if name in given})
    hooks, flag = found.hooks.path, found.cut_over.postpone_flag_file
    if hooks and not Path(hooks).is_dir():
        raise UsageError(
            f"the hooks of this migration are in {hooks}, which is no folder here",
            "Bring them here, or say where they are: --hooks-path PATH. To go on without: --hooks-path=",
        )
    is_named = "postpone_flag_file" in given.get("cut_over", {})
    is_held = found.cut_over.postpone or is_named or Path(flag).exists()
    if flag and not is_held:
        raise UsageError(
            f"the swap was to wait while {flag} exists; here it does not, so the swap would come as soon as it can",
            f"To let it wait: --postpone, or touch {flag}\nTo have it come: --postpone-cut-over-flag-file=",
        )
    return found


def _refuse_silence(withheld: Collection[str], said: Collection[str]) -> None:
    """UsageError where nothing was said of an option that the migration was given, and whose value nobody else has."""
    silent = [f"--{name}" for name in withheld if name not in said]
    if silent:
        raise UsageError(
            f"this migration was begun with {' and '.join(silent)}; what was given may be secret, and is not kept on"
            " the server",
            f"Give it again: {' '.join(f'{flag} …' for flag in silent)}"
            f"\nTo go on without: {' '.join(f'{flag}=' for flag in silent)}",
        )


def change(values: Values) -> Change | None:
    """What a migration is asked for anew when it goes on; None when nothing is. UsageError when it makes no sense.

    What is said here counts more than what was said to the runs before: neither `postpone` nor `cut-over` is still in
    force once `--postpone` is given, on or off; and a `cut-over` not once there is to be a window.
    """
    said = values.settings(Source.COMMAND_LINE)
    given = _by_group((option, value) for option, value in said if _is_changeable(option))
    if not given:
        return None
    cut_over = given.get("cut_over", {})
    CutOverSettings(**cut_over)  # to complain before anything is begun
    ThrottleSettings(**given.get("throttle", {}))
    CopySettings(**given.get("copy", {}))
    HookSettings(**given.get("hooks", {}))

    def changed(settings: Settings, progress: Progress) -> tuple[Settings, Progress]:
        forgotten = "postpone" in cut_over or (cut_over.get("window") and progress.postponed is False)
        return _with(settings, given), replace(progress, postponed=None if forgotten else progress.postponed)

    return changed


def server(values: Values, password: str, remembered: ServerSettings | None = None) -> ServerSettings:
    """How to reach the server: as remembered, but for what is given again. UsageError when it contradicts itself.

    What files that nobody has named say of other servers does not lead a migration away from its own.
    """
    weakest = Source.MYSQL_VARIABLE if remembered is None else WEAKEST_NAMED
    given = _by_group(values.settings(weakest)).get("server", {})
    if given.keys() & {"host", "port"}:
        given.setdefault("socket", "")  # a remembered socket would win over the host
    wanted = replace(remembered or _NOTHING, password=password, **given)
    if wanted.ssl_key and not wanted.ssl_cert:
        raise UsageError("--ssl-key needs --ssl-cert", "The certificate that belongs to the key.")
    return wanted


def _is_changeable(option: Option) -> bool:
    """Whether a migration that was begun may be asked for this anew."""
    if option.name == "postpone-cut-over-flag-file":  # another host's: see `here`
        return False
    return option.name in _CHANGEABLE or option.sets.startswith(("control.", "metrics."))


def _with(settings: Settings, groups: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Settings with other values in some of their groups."""
    return replace(settings, **{name: replace(getattr(settings, name), **fields) for name, fields in groups.items()})


def _by_group(given: Iterable[tuple[Option, Value]]) -> dict[str, dict[str, Any]]:
    """Given values by the group of Settings that they belong to; "" for its own fields."""
    groups: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for option, value in given:
        group, _, name = option.sets.rpartition(".")
        groups[group][name] = _meaning(option, value)
    return dict(groups)


def _meaning(option: Option, value: Value) -> Any:  # noqa: ANN401 - as the field of Settings has it
    """What a setting is for the value that was given for it."""
    if option.name in _READ_BY:
        return _READ_BY[option.name](str(value))
    return not value if option.negated else value


def _workers(text: str) -> int:
    """How many copy workers there may be; 0 leaves it to the server."""
    if text == "auto":
        return 0
    try:
        workers = int(text)
    except ValueError:
        workers = 0
    if workers < 1:
        raise UsageError(f"--copy-workers must be a number from 1 on, or auto, not {text!r}")
    return workers


def _names(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _pairs(flag: str) -> Callable[[str], tuple[tuple[str, str], ...]]:
    """What reads a list such as a=b,c=d; names may stand in backquotes."""

    def read(text: str) -> tuple[tuple[str, str], ...]:
        found = [token for token in tokens(text) if token != ("sign", ",")]
        pairs = [found[place : place + 3] for place in range(0, len(found), 3)]
        if any(len(pair) < 3 or pair[1] != ("sign", "=") for pair in pairs):  # noqa: PLR2004 - a, =, b
            raise UsageError(f"--{flag} must be written as a=b,c=d, not {text}")
        return tuple((left.identifier, right.identifier) for left, _, right in pairs)

    return read


def _lossy(text: str) -> tuple[tuple[str, Lossy], ...]:
    """What may become of values that do not fit, by column."""
    pairs = _pairs("allow-lossy")(text)
    for column, how in pairs:
        if how not in {*Lossy}:
            raise UsageError(f"--allow-lossy {column}={how}: it must be one of {', '.join(Lossy)}")
    return tuple((column, Lossy(how)) for column, how in pairs)


_READ_BY: dict[str, Callable[[str], object]] = {
    "copy-workers": _workers,
    "cut-over-kill": Kill,
    "cut-over-kill-users": _names,
    "index-build": IndexBuild,
    "map": _pairs("map"),
    "allow-lossy": _lossy,
    "migrate-on-replica": lambda text: Where.REPLICA if text == str(True) else Where.PRIMARY,
    "test-on-replica": lambda text: Where.TEST if text == str(True) else Where.PRIMARY,
    "mysql-timeout": lambda text: float(text) or _NOTHING.connect_timeout,
    "ssl-mode": Encryption,
    "statsd-tags": _names,
}


def _target(values: Values) -> tuple[str, str, str]:
    """Schema, table, and what to do with it: from the options, or out of a whole statement."""
    statement = _statement(values)
    if values.word and named_table(statement) is None:
        raise UsageError(
            "what is given is no ALTER TABLE, CREATE INDEX or DROP INDEX statement",
            'Quote it as one argument: fsm-ghost start "ALTER TABLE shop.orders ADD COLUMN note TEXT"',
        )
    schema, table = named_table(statement) or ("", "")
    return _name(values, "database", schema), _name(values, "table", table), statement


def _name(values: Values, option: str, in_statement: str) -> str:
    """A schema's or a table's name: as its flag says, or the statement, or else whatever says it more weakly."""
    said = values.text(option)
    return said if values.is_said(option) and said else in_statement or said


def _statement(values: Values) -> str:
    if values.word and values.text("alter"):
        raise UsageError("there are two statements: one by itself, one as --alter", "Give one of them.")
    return (values.word or values.text("alter")).strip()


def named_table(statement: str) -> tuple[str, str] | None:
    """Schema (empty when it is not named) and table of a whole statement; None for other texts."""
    found = statement_of(statement)
    return None if found is None else found[:2]

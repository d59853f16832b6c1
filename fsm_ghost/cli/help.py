"""Help, from the table of options: -h fits a screen of 24 lines, --help-all says everything."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.option import CONFIG, STEERING, Group, Option
from fsm_ghost.cli.options import options_of

WIDTH = 79
_COLUMN = 32


@dataclass(frozen=True, slots=True)
class Command:
    """What help says about a command: how it is written, and what it does, in a line and in a few."""

    usage: tuple[str, ...]
    summary: str
    text: str


COMMANDS: dict[str, Command] = {
    "start": Command(
        (
            '[OPTIONS] "ALTER TABLE shop.orders ADD COLUMN note TEXT"',
            '[OPTIONS] --database shop --table orders --alter "ADD …"',
        ),
        "change a table while it is in use",
        "Without --execute it is a dry run: everything is checked, the plan is shown.",
    ),
    "plan": Command(
        ('[OPTIONS] "ALTER TABLE shop.orders ADD COLUMN note TEXT"',),
        "say what a migration would do, and what it would cost",
        "The new definition is tried on an empty copy, rows that would not fit it are counted, nothing is left behind."
        " Takes all options of start.",
    ),
    "resume": Command(
        ("[ID] [OPTIONS]", "--from-server --database shop --table orders [OPTIONS]"),
        "go on with a migration that was stopped or killed",
        "Without ID: the only unfinished one. What it was started with is remembered, all but the password;"
        " what is given again counts.",
    ),
    "status": Command(
        ("[ID] [OPTIONS]",),
        "show a migration, also while it is running",
        "Without ID: the only unfinished one, or else the newest.",
    ),
    "report": Command(
        ("[ID] [OPTIONS]",),
        "print what a migration did, what it cost, what is not proved",
        "Also long after it has ended, and while it runs, as far as it has come. Without ID: the only unfinished one,"
        " or else the newest. Runs that end a migration write it into files: --report-path.",
    ),
    "history": Command(
        ("[ID] [OPTIONS]",),
        "show how a migration came here: every transition and command",
        "With what it had come to, how long each state lasted, and why it was left; also when nobody runs it. Without"
        " ID: the only unfinished one, or else the newest.",
    ),
    "list": Command(("[OPTIONS]",), "show the unfinished migrations", "Of this state file, the newest first."),
    "cut-over": Command(
        ("[ID] [OPTIONS]",),
        "swap the tables as soon as they are equal, whatever postpones it",
        "Neither a flag file, nor a window, nor --postpone holds the swap up any more. Without ID: the only unfinished"
        " one. A migration that is not running takes it when it is resumed.",
    ),
    "postpone": Command(
        ("[ID] [OPTIONS]",),
        "do not swap the tables until somebody says cut-over",
        "Rows are copied, compared and kept up to date meanwhile. Without ID: the only unfinished one. A migration that"
        " is not running takes it when it is resumed.",
    ),
    "rehearse": Command(
        ("[ID] [OPTIONS]",),
        "lock the tables as a swap would, unlock them, tell what it cost",
        "In state sync only, where a postponed migration waits. Writers are held up as by a swap; nobody is killed, and"
        " nothing is changed. Without ID: the only unfinished one.",
    ),
    "throttle": Command(
        ("[ID] [OPTIONS]",),
        "copy, compare and swap nothing until somebody says no-throttle",
        "Changes are brought over meanwhile, and everything stays resumable. Without ID: the only unfinished one. A"
        " migration that is not running takes it when it is resumed.",
    ),
    "no-throttle": Command(
        ("[ID] [OPTIONS]",),
        "take a throttle back",
        "What else holds row copy up (load, lag, a file) still does. Without ID: the only unfinished one.",
    ),
    "control": Command(
        ("[ID] COMMAND [OPTIONS]", "[ID] chunk-size=500     [ID] max-load=?     [ID] help"),
        "say something to a running migration, as one would to gh-ost",
        "It is said where the run listens; what cannot be said there is left in the state file. Each command answers"
        " whether it took effect. Without ID: the only unfinished one.",
    ),
    "abort": Command(
        ("ID [OPTIONS]",),
        "give a migration up; the original table stays as it is",
        "A running migration is asked to end; otherwise its tables are dropped from here.",
    ),
    "cleanup": Command(
        ("ID [OPTIONS]",),
        "drop what a stopped migration left on the server",
        "Only what is proved to be its own is dropped.",
    ),
    "config": Command(
        ("show [OPTIONS]",),
        "show what each option is, and where that comes from",
        "The command line counts more than variables, these more than a profile, and that more than MySQL's option"
        " files. Passwords are not shown. It takes the options of start, to show what would come of them.",
    ),
    "completion": Command(
        ("bash|zsh|fish",),
        "print a script that completes commands and options",
        'For bash: source <(fsm-ghost completion bash). For zsh: fsm-ghost completion zsh > "${fpath[1]}/_fsm-ghost".'
        " For fish: fsm-ghost completion fish > ~/.config/fish/completions/fsm-ghost.fish.",
    ),
    "diagram": Command(("",), "print the state machine (Mermaid)", "Generated from the table that drives migrations."),
    "demo": Command(
        ("[OPTIONS]",),
        "watch a migration on a private server, under load",
        "A table is made, writers work on it, its migration is killed and resumed, and old and new are compared.",
    ),
}


def general() -> str:
    """What `fsm-ghost -h` says."""
    lines = [
        "usage: fsm-ghost COMMAND [OPTIONS]",
        "Online schema change for MySQL and MariaDB: alter big tables in use.",
        "",
        *(f"  {name:<12}{command.summary}" for name, command in COMMANDS.items() if name not in STEERING),
        *textwrap.wrap(f"and, for a running one: {', '.join(STEERING)}", WIDTH, initial_indent="  "),
        "",
        "A first migration (then the same with start --execute in place of plan):",
        '  fsm-ghost plan --ask-pass "ALTER TABLE shop.orders ADD COLUMN note TEXT"',
        "Help for a command: fsm-ghost COMMAND -h     Version: fsm-ghost --version",
    ]
    return "\n".join(lines)


def brief(command: str) -> str:
    """What `-h` says: the options that matter most."""
    shown = [
        option for option in options_of(command) if option.brief and (command != CONFIG or CONFIG in option.commands)
    ]
    column = max((len(option.synopsis) for option in shown), default=0) + 4
    lines = [*_head(command), "", *(_line(command, option, column) for option in shown)]
    more = "All options, variables and exit codes" if len(shown) < len(options_of(command)) else "Exit codes"
    return "\n".join([*lines, *([""] if shown else []), f"{more}: fsm-ghost {command} --help-all"])


def everything(command: str) -> str:
    """What `--help-all` says: every option by group, the environment, the exit codes."""
    lines = _head(command)
    for group in Group:
        options = [option for option in options_of(command) if option.group is group]
        if options:
            lines += ["", f"{group}:", *(line for option in options for line in _entry(command, option))]
    lines += ["", *_wrapped(_ENVIRONMENT)] if options_of(command) else []
    lines += ["", "Exit codes:", *(f"  {code:>3}  {code.meaning}" for code in ExitCode)]
    return "\n".join(lines)


_ENVIRONMENT = (
    "Options may also be given by environment variables (FSM_GHOST_CHUNK_SIZE for --chunk-size, and so on), by a"
    " profile, and by MySQL's option files: see fsm-ghost config show. The password is also taken from MYSQL_PWD."
    " Switches take =true and =false, flags may have one dash or two, as in gh-ost."
)


def _head(command: str) -> list[str]:
    known = COMMANDS[command]
    lead = f"fsm-ghost {command} "
    usage = [
        f"{'usage: ' if not number else '       '}{lead}{form}".rstrip() for number, form in enumerate(known.usage)
    ]
    return [*usage, "", *_wrapped(f"{known.summary[0].upper()}{known.summary[1:]}. {known.text}")]


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _line(command: str, option: Option, column: int) -> str:
    text = f"{'  ' + option.synopsis:<{column}}{option.help}"
    default = _default(command, option)
    return text + default if len(text + default) <= WIDTH else text


def _default(command: str, option: Option) -> str:
    """The default in brackets; what other commands than start do without is remembered instead."""
    remembered = option.sets and command != "start"
    return f" [{option.default}]" if option.default and not option.is_switch and not remembered else ""


def _entry(command: str, option: Option) -> list[str]:
    text = textwrap.wrap(
        option.help + _default(command, option), WIDTH - _COLUMN, break_on_hyphens=False, break_long_words=False
    )
    lead = f"  {option.synopsis}"
    first = [f"{lead:<{_COLUMN}}{text.pop(0)}"] if len(lead) < _COLUMN else [lead]
    return [*first, *(" " * _COLUMN + line for line in text)]

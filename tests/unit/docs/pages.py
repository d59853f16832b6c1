"""The pages that repeat what the code says, made from the code: `python -m tests.unit.docs` writes them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fsm_ghost import errors
from fsm_ghost.cli.control.desk import HELP
from fsm_ghost.cli.diagram import mermaid
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.help import COMMANDS, Command
from fsm_ghost.cli.option import CONFIG, STORING, Group, Option
from fsm_ghost.cli.options import OPTIONS, options_of
from fsm_ghost.states.table import TABLE
from tests.unit.docs.manual import manual

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
CHART = "<!-- the chart: python -m tests.unit.docs -->", "<!-- end of the chart -->"
_GENERATED = "<!-- Made by `python -m tests.unit.docs` from the code. Do not edit it here. -->"


def commands() -> str:
    """Every command with its options, and what became of gh-ost's flags."""
    return _page(
        "# Commands and options",
        _GENERATED,
        "`fsm-ghost COMMAND -h` shows the options that matter most, `--help-all` shows all of them.",
        "Options have gh-ost's names wherever gh-ost has them. One dash or two, `--flag value` or `--flag=value`;"
        " switches take `=true` and `=false`. Options may also come from variables, profiles and option files:"
        " [how](../how-to/configure.md). All of them in one list: [options](options.md). What becomes of each of"
        " gh-ost's flags: [gh-ost's flags](gh-ost-flags.md).",
        *(block for name, command in COMMANDS.items() for block in _command(name, command)),
        "## What can be said to a running migration",
        "By `fsm-ghost control`, at its socket, or over TCP:"
        " [how to control a running migration](../how-to/control-a-running-migration.md).",
        f"```text\n{HELP}\n```",
    )


def options() -> str:
    """Every option by name: its variable, its default, and the commands that take it."""
    listed = sorted((option for option in OPTIONS if option.group not in _ELSEWHERE), key=lambda option: option.name)
    return _page(
        "# Options",
        _GENERATED,
        "By name. In a profile and in `[fsm-ghost]` of an option file, an option has its name without the dashes.",
        _table(
            ("option", "variable", "meaning", "default", "commands"),
            [
                (f"`{option.flag}`", f"`{option.variable}`", _cell(option.help), _default(option), _commands(option))
                for option in listed
            ],
        ),
    )


_ELSEWHERE = {Group.GH_OST, Group.REFUSED}


def _default(option: Option) -> str:
    return "" if option.is_switch or option.default == "" else f"`{option.default}`"


def _commands(option: Option) -> str:
    return ", ".join(option.commands) if len(option.commands) < len(STORING) else "all that know migrations"


def gh_ost_flags() -> str:
    """What becomes of each of gh-ost's flags."""
    flags = sorted((option for option in OPTIONS if option.gh_ost), key=lambda option: option.name)
    counts = {fate: sum(_fate(option) == fate for option in flags) for fate in ("works", "no effect", "refused")}
    return _page(
        "# gh-ost's flags",
        _GENERATED,
        f"Of gh-ost's flags (145799e, {len(flags) + 2} of them) {counts['works'] + 2} work, {counts['no effect']} are"
        f" accepted without effect, and {counts['refused']} are refused with exit code 2, since they would promise"
        " something that is not done here. A flag that is refused may be given the value that asks for nothing"
        " (`=false`, `=0`, or nothing), as wrappers do that name every flag.",
        _table(
            ("flag", "", "meaning, or why not"),
            [
                *((f"`{option.flag}`", _fate(option), _cell(option.help)) for option in flags),
                ("`--help`", "works", "the flags that matter most; `--help-all`: all of them"),
                ("`--version`", "works", "the version"),
            ],
        ),
        "## Under the name gh-ost",
        "A link called `gh-ost` to `fsm-ghost` takes gh-ost's place in scripts: there is no command before the flags,"
        " `--version` prints a bare number, the status line is gh-ost's (`--ui gh-ost`), the exit code is 0, 1, or 2"
        " for a wrong command line, and no option file is read but that of `--conf`. The file of"
        " `--postpone-cut-over-flag-file` is made at the start, and `/tmp/gh-ost.throttle` holds up row copy.",
    )


def _fate(option: Option) -> str:
    return {Group.GH_OST: "no effect", Group.REFUSED: "refused"}.get(option.group, "works")


def _command(name: str, command: Command) -> Iterator[str]:
    usage = "\n".join(f"fsm-ghost {name} {form}".rstrip() for form in command.usage)
    yield f"## {name}"
    yield f"```text\n{usage}\n```"
    yield f"{command.summary[0].upper()}{command.summary[1:]}. {command.text}"
    for group in Group:
        options = [
            option
            for option in options_of(name)
            if option.group is group and (name != CONFIG or name in option.commands)
        ]
        if options and group not in _ELSEWHERE:
            yield f"### {name}: {group.lower()}"
            yield _table(("option", "meaning", "default"), [_full_row(name, option) for option in options])


def _row(option: Option) -> tuple[str, str]:
    return f"`{_cell(option.synopsis)}`", _cell(option.help)


def _full_row(command: str, option: Option) -> tuple[str, str, str]:
    """An option with its default; what a migration is made of is remembered by other commands than start."""
    remembered = option.sets and command != "start"
    default = "" if remembered or option.is_switch or option.default == "" else f"`{option.default}`"
    return (*_row(option), default)


def exit_codes() -> str:
    """What each exit code means, and which errors have it."""
    return _page(
        "# Exit codes",
        _GENERATED,
        "Every command ends with one of these. An error is one line on stderr, and below it what to do next.",
        _table(
            ("code", "name", "meaning", "errors with this code"),
            [(str(int(code)), f"`{code.name}`", _cell(code.meaning), _errors_with(code)) for code in ExitCode],
        ),
        "After 4, 7, 75 and 130 a migration that had been begun can be resumed. In a script, treat 75 as *try again"
        " later*. Where 1 comes from a binlog that cannot be followed (`StreamError`), resuming comes to the same end:"
        " the message says so.",
        "`abort` ends with 0 when the migration has been aborted, since that is what was asked for; 6 is what a *run*"
        " ends with when somebody else aborted it.",
        "`control`, `cut-over`, `postpone`, `rehearse`, `throttle` and `no-throttle` end with 0 when what was asked for"
        " took effect, and with 1 when it did not: the message says why. 4: no process of this host runs the migration;"
        " a rehearsal is not made then, anything else is kept for the next run. 75: the run is busy and has not"
        " answered yet; it is going to.",
        "A migration that is *done* ends with 8 when the audit after the swap found writes that reached the old table"
        " after its lock. See [the cut-over](../explanation/cut-over.md#the-audit).",
        "## The errors",
        _table(
            ("error", "code", "`resume` goes on", "what it says"),
            [(f"`{kind.__name__}`", str(kind.exit_code), _yes(kind), _cell(_gist(kind))) for kind in _kinds()],
        ),
    )


def _kinds() -> list[type[errors.FsmGhostError]]:
    """Every error but the base class, in the order of the module."""
    values = vars(errors).values()
    kinds = [kind for kind in values if isinstance(kind, type) and issubclass(kind, errors.FsmGhostError)]
    return [kind for kind in kinds if kind is not errors.FsmGhostError]


def _errors_with(code: ExitCode) -> str:
    return ", ".join(f"`{kind.__name__}`" for kind in _kinds() if kind.exit_code == code)


def _yes(kind: type[errors.FsmGhostError]) -> str:
    return "yes" if kind.resumable else ""


def _gist(kind: type[errors.FsmGhostError]) -> str:
    return (kind.__doc__ or "").splitlines()[0]


def state_machine() -> str:
    """The page about the machine: its prose as it stands, and the chart and the table of transitions made anew."""
    text = (DOCS / "explanation/state-machine.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(CHART[0])
    _, _, after = rest.partition(CHART[1])
    return f"{before}{CHART[0]}\n\n{chart()}\n\n{CHART[1]}{after}"


def chart() -> str:
    rows = [
        (
            f"`{row.source}`",
            f"`{row.outcome}`",
            f"`{row.guard}`" if row.guard else "",
            f"`{row.dest}`",
            ", ".join(f"`{moment}`" for moment in row.hooks),
        )
        for row in TABLE
    ]
    table = _table(("in this state", "with this outcome", "if", "go to", "and run the hooks of"), rows)
    return f"```mermaid\n{mermaid()}\n```\n\n{table}"


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands,
    "reference/options.md": options,
    "reference/gh-ost-flags.md": gh_ost_flags,
    "reference/fsm-ghost.1": manual,
    "reference/exit-codes.md": exit_codes,
    "explanation/state-machine.md": state_machine,
}


def _page(*blocks: str) -> str:
    return "\n\n".join(blocks) + "\n"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

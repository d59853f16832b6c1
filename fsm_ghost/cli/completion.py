"""`fsm-ghost completion`: scripts that complete commands, options and their values, from the table of options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.help import COMMANDS
from fsm_ghost.cli.option import COMPLETION, CONFIG, Kind, Option
from fsm_ghost.cli.options import OPTIONS, options_of
from fsm_ghost.errors import UsageError


def run(values: Values) -> int:
    """Print the script for a shell."""
    write = SHELLS.get(values.word or "")
    if write is None:
        raise UsageError(f"completion takes the name of a shell: {', '.join(SHELLS)}", "See: fsm-ghost completion -h")
    print(write())
    return ExitCode.DONE


def _flags(command: str) -> list[Option]:
    """What is worth completing: not what is refused anyway."""
    return [option for option in options_of(command) if not option.is_refused]


def _words(command: str) -> str:
    """The words that a command takes besides options."""
    return {COMPLETION: " ".join(SHELLS), CONFIG: "show"}.get(command, "")


def _after(command: str) -> str:
    """All that may follow a command."""
    return " ".join(filter(None, [*(option.flag for option in _flags(command)), "--help-all", _words(command)]))


def bash() -> str:
    """The script for bash, which splits --flag=value at the equals sign."""
    paths = "|".join(sorted(option.flag for option in OPTIONS if option.kind is Kind.PATH and not option.is_refused))
    chosen = [option for option in OPTIONS if option.choices]
    lines = [
        "# Completion of fsm-ghost for bash.",
        "_fsm_ghost() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD - 1]}" words=',
        '    if [ "$word" = = ]; then word=; elif [ "$before" = = ]; then before="${COMP_WORDS[COMP_CWORD - 2]}"; fi',
        '    if [ "$COMP_CWORD" -eq 1 ]; then',
        f'        COMPREPLY=($(compgen -W "{" ".join(COMMANDS)} help --version" -- "$word"))',
        "        return",
        "    fi",
        '    case "$before" in',
        f'    {paths}) COMPREPLY=($(compgen -f -- "$word")); return ;;',
        *(
            f'    {option.flag}) COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$word")); return ;;'
            for option in chosen
        ),
        "    esac",
        '    case "${COMP_WORDS[1]}" in',
        *(f'    {name}) words="{_after(name)}" ;;' for name in COMMANDS),
        f'    help) words="{" ".join(COMMANDS)}" ;;',
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$word"))',
        "}",
        "complete -o bashdefault -o default -F _fsm_ghost fsm-ghost",
    ]
    return "\n".join(lines)


def zsh() -> str:
    """The script for zsh."""
    return "\n".join(
        [
            "#compdef fsm-ghost",
            "# Completion of fsm-ghost for zsh.",
            "_fsm_ghost() {",
            "    if (( CURRENT == 2 )); then",
            "        local -a commands=(",
            *(f"            {_quoted(f'{name}:{command.summary}')}" for name, command in COMMANDS.items()),
            "        )",
            "        _describe command commands",
            "        return",
            "    fi",
            '    local command="$words[2]"',
            "    shift words",
            "    (( CURRENT-- ))",
            '    case "$command" in',
            *(line for name in COMMANDS for line in _zsh_case(name)),
            "    esac",
            "}",
            '_fsm_ghost "$@"',
        ]
    )


def _zsh_case(command: str) -> Iterator[str]:
    words = _words(command)
    yield f"    {command})"
    yield "        _arguments \\"
    for option in _flags(command):
        yield f"            {_quoted(_zsh_option(option))} \\"
    yield f"            {_quoted(f'*:word:({words})' if words else '*: :')}"
    yield "        ;;"


def _zsh_option(option: Option) -> str:
    text = re.sub(r"([\[\]:])", r"\\\1", option.help)
    if option.is_switch:
        return f"{option.flag}[{text}]"
    what = f"({' '.join(option.choices)})" if option.choices else "_files" if option.kind is Kind.PATH else ""
    return f"{option.flag}=[{text}]:{option.kind.value.lower()}:{what}"


def fish() -> str:
    """The script for fish."""
    lines = ["# Completion of fsm-ghost for fish.", "complete -c fsm-ghost -f"]
    for name, command in COMMANDS.items():
        lines.append(
            f"complete -c fsm-ghost -n __fish_use_subcommand -a {name} -d {_quoted(command.summary, backslash=True)}"
        )
    for option in OPTIONS:
        commands = " ".join(name for name in COMMANDS if option in _flags(name))
        if commands:
            lines.append(f"complete -c fsm-ghost -n '__fish_seen_subcommand_from {commands}' {_fish_option(option)}")
    lines += [
        f"complete -c fsm-ghost -n '__fish_seen_subcommand_from {name}' -a '{words}'"
        for name in COMMANDS
        if (words := _words(name))
    ]
    return "\n".join(lines)


def _fish_option(option: Option) -> str:
    parts = [f"-l {option.name}"]
    if option.short:
        parts.append(f"-s {option.short[1]}")
    if option.choices:
        parts.append(f"-x -a '{' '.join(option.choices)}'")
    elif not option.is_switch:
        parts.append("-r -F" if option.kind is Kind.PATH else "-x")
    return f"{' '.join(parts)} -d {_quoted(option.help, backslash=True)}"


def _quoted(text: str, *, backslash: bool = False) -> str:
    """A text in single quotes; fish has an escape in them, other shells end them and begin again."""
    if backslash:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + text.replace("'", "'\\''") + "'"


SHELLS: dict[str, Callable[[], str]] = {"bash": bash, "zsh": zsh, "fish": fish}

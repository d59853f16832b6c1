"""The command line: arguments become settings, settings one call. The only package that prints or reads sys.argv."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.errors import FsmGhostError, UsageError

# A command's module has its name, but where that would hide a built-in one, or several commands share a module.
_MODULES = {
    "list": "listing",
    **dict.fromkeys(("cut-over", "postpone", "rehearse", "throttle", "no-throttle"), "steering"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Arguments are those after the program's name.

    A program that is called gh-ost takes its arguments, and ends with its exit codes.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is not None:
        return _run_to_the_end(arguments)
    _secure()  # passwords are crossed out in sys.argv; `arguments` still have them
    name = os.path.basename(sys.argv[0])  # noqa: PTH119 - pathlib takes longer to load than `status` to run
    return _as_gh_ost(arguments) if name == "gh-ost" else _run_to_the_end(arguments)


def _as_gh_ost(arguments: list[str]) -> int:
    from fsm_ghost.cli.as_gh_ost import VERSION, exit_code, in_our_words, wants_version

    if wants_version(arguments):
        print(VERSION)
        return ExitCode.DONE
    return exit_code(_run_to_the_end(in_our_words(arguments)))


def _run_to_the_end(arguments: list[str]) -> int:
    """What a command came to, whatever happens."""
    code: int = ExitCode.DONE
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()  # here, where it may fail
    except FsmGhostError as error:
        return _explained(error)
    except KeyboardInterrupt:
        print("\nfsm-ghost: interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has left
    return code


def _secure() -> None:
    """Before anything else: hide a password, and make sure that no character can end the program."""
    if any("password" in argument or "url" in argument for argument in sys.argv):
        from fsm_ghost.cli.password import hide_from_process_list

        hide_from_process_list()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _dispatch(arguments: list[str]) -> int:
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command in {"", "-h", "-help", "--help", "help"}:
        return _help(rest[:1] if command == "help" else [], everything="--help-all" in rest)
    if command in {"-version", "--version"}:
        from fsm_ghost import __version__

        print(f"fsm-ghost {__version__}")
        return ExitCode.DONE
    return _run(command, rest)


def _help(command: Sequence[str], *, everything: bool) -> int:
    from fsm_ghost.cli import help as texts

    if not command:
        print(texts.general())
    else:
        _known(command[0])
        print((texts.everything if everything else texts.brief)(command[0]))
    return ExitCode.DONE


def _run(command: str, rest: list[str]) -> int:
    _known(command)
    own = rest[: rest.index("--")] if "--" in rest else rest
    if {"-h", "-help", "--help", "-help-all", "--help-all"} & set(own):
        return _help([command], everything=bool({"-help-all", "--help-all"} & set(own)))
    from fsm_ghost.cli.arguments import parse
    from fsm_ghost.cli.files import beneath

    values = parse(command, rest, beneath=beneath)
    for remark in values.remarks():
        print(f"fsm-ghost: {remark}", file=sys.stderr)
    if values.is_on("check-flag"):
        return ExitCode.DONE
    from importlib import import_module

    return int(import_module(f"fsm_ghost.cli.{_MODULES.get(command, command)}").run(values))


def _known(command: str) -> None:
    """UsageError unless there is such a command."""
    from fsm_ghost.cli.help import COMMANDS

    if command not in COMMANDS:
        from fsm_ghost.cli.syntax import did_you_mean

        what = "before all flags comes a command" if command.startswith("-") else f"there is no command {command}"
        raise UsageError(what, did_you_mean(command, list(COMMANDS)) or "See: fsm-ghost -h")


def _explained(error: FsmGhostError) -> int:
    from fsm_ghost.cli.complaint import complain

    complain(error.message, error.remedy)
    return error.exit_code

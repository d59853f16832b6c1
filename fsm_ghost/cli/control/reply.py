"""What a command is answered with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fsm_ghost.cli.exit_codes import ExitCode

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `took_effect` is None where that is not known yet; `said` are words that only inform.

    `code` is what the command line ends with.
    """

    text: str
    code: ExitCode = ExitCode.DONE
    took_effect: bool | None = True
    said: bool = False
    remedy: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def in_words(self) -> str:
        """For people, and for what reads gh-ost's answers; it ends with a line end."""
        lead = "" if self.said else {True: "done: ", False: "not done: ", None: "not yet: "}[self.took_effect]
        return "\n".join(filter(None, (f"{lead}{self.text}", self.remedy))) + "\n"

    def in_json(self) -> str:
        """For programs, in a line; members are only ever added under one `schema`."""
        return (
            json.dumps(
                {
                    "schema": SCHEMA,
                    "took_effect": self.took_effect,
                    "exit_code": int(self.code),
                    "said": self.said,
                    "text": self.text,
                    "remedy": self.remedy or None,
                    "data": dict(self.data),
                },
                ensure_ascii=False,
            )
            + "\n"
        )


def refused(text: str, remedy: str = "", code: ExitCode = ExitCode.FAILED) -> Reply:
    """The answer to what was not done, and never will be."""
    return Reply(text, code, took_effect=False, remedy=remedy)


def told(text: str, **data: object) -> Reply:
    """The answer to a question."""
    return Reply(text, said=True, data=data)


def loaded(text: str) -> Reply:
    """The reply that `in_json` wrote; ValueError when it is none."""
    try:
        found = json.loads(text)
        return Reply(
            found["text"],
            ExitCode(found["exit_code"]),
            found["took_effect"],
            found["said"],
            found["remedy"] or "",
            found["data"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no reply: {error}") from error

"""MySQL makes up names of CHECK constraints for the ghost table, and again whenever it is renamed.

They are called <table>_chk_<number>, have to be free in the whole schema, and may have 64 characters. Where a name
cannot be had, the server refuses to make the ghost table, or to swap the tables, which would be found out at the end.
"""

import re
from collections.abc import Iterator

from fsm_ghost.model.finding import Finding
from fsm_ghost.mysql.checks import checks
from fsm_ghost.services.preflight.subject import Subject, few

_MOST = 64  # characters of a name


def check(subject: Subject) -> Finding | None:
    """Refuse tables with CHECKs for which MySQL will not find names."""
    if not subject.is_mysql or not own_names(subject):
        return None
    long = [name for name in _future(subject) if len(name) > _MOST]
    if long:
        return Finding(
            f"the name of {subject.names.original} is too long for the names that MySQL gives to its CHECKs",
            "Rename the table, or its CHECKs if they are called as MySQL calls them, or use a native ALTER TABLE.",
            few([f"{name} has {len(name)} characters, more than {_MOST}" for name in long]),
        )
    generated = {name.lower() for name in own_names(subject) if generated_number(subject, name)}
    taken = [name for name in _future(subject) if name.lower() in subject.constraints - generated]
    if not taken:
        return None
    return Finding(
        "names that MySQL will give to CHECKs are taken by other constraints of the schema",
        "Rename the table that has them, or drop them and add them by another name.",
        few(taken),
    )


def own_names(subject: Subject) -> tuple[str, ...]:
    """The names of the table's CHECKs."""
    return tuple(check.name for check in checks(subject.definition.create)) if subject.definition else ()


def generated_number(subject: Subject, name: str) -> str:
    """The number in a name that MySQL has made up, and makes up anew when the table is renamed; empty for others."""
    found = re.fullmatch(rf"{re.escape(subject.names.original.name)}_chk_(\d+)", name, re.IGNORECASE)
    return found[1] if found else ""


def _future(subject: Subject) -> Iterator[str]:
    """The names that constraints get: on the ghost table, there again after the swap, and on the old table."""
    names, every = subject.names, own_names(subject)
    for table in (names.ghost, names.original):
        yield from (f"{table.name}_chk_{number}" for number in range(1, len(every) + 1))
    yield from (f"{names.old.name}_chk_{number}" for name in every if (number := generated_number(subject, name)))

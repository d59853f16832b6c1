"""What an ALTER asks for, as far as we have to know: the server does the parsing.

The statement is only cut into tokens and clauses, to see which columns are renamed, dropped and added, and to refuse
forms that would escape the ghost table. Everything else is left to the server and to a comparison of catalogues.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fsm_ghost.errors import RefusedError

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>/\*(?!M?!).*?\*/ | --(?=\s|$)[^\n]* | \#[^\n]*)
      | (?P<opened>/\*M?!)                           # an executable comment
      | (?P<string>'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*")
      | (?P<quoted>`(?:[^`]|``)*`)
      | (?P<word>[\w$\x80-\U0010ffff]+)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_INDEX_WORDS = frozenset(
    ["INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "PRIMARY", "CONSTRAINT", "FOREIGN", "CHECK", "PARTITION"]
)
# Words that are no names of columns only if these follow.
_ONLY_BEFORE = {"VECTOR": ("INDEX", "KEY"), "SYSTEM": ("VERSIONING",), "PERIOD": ("FOR",)}
_PARTITION_VERBS = frozenset(
    [
        "EXCHANGE",
        "DISCARD",
        "IMPORT",
        "TRUNCATE",
        "REORGANIZE",
        "COALESCE",
        "ANALYZE",
        "OPTIMIZE",
        "REBUILD",
        "REPAIR",
        "CHECK",
    ]
)


class Token(NamedTuple):
    """A piece of a statement; `kind` is word, quoted, string or sign."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The keyword that this may be, in upper case; empty for anything but a bare word."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def identifier(self) -> str:
        """The name that this is."""
        return self.text[1:-1].replace("``", "`") if self.kind == "quoted" else self.text


@dataclass(frozen=True, slots=True)
class Alteration:
    """The columns that an ALTER renames (old name to new), drops, and adds; names as they were written."""

    clauses: str
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    unique: bool = False  # it mentions a unique or primary key
    indexed: bool = False  # it mentions any index


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a statement, without white space and comments.

    RefusedError for executable comments: whether their content counts depends on the server.
    """
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "opened":
            raise RefusedError("the ALTER has an executable comment", "Write out what is meant for this server.")
        if kind not in {"space", "comment"}:
            yield Token(kind, match.group())


def read_alter(text: str, schema: str, table: str) -> Alteration:
    """What the clauses of an ALTER, or a whole ALTER TABLE statement, ask for.

    RefusedError for what must not be run on the ghost table: another table's name, RENAME TO, a second statement,
    partition maintenance, ALGORITHM= and LOCK=.
    """
    clauses = _without_head(text.strip().rstrip(";").strip(), schema, table)
    found = Alteration(clauses)
    for clause in _clauses(clauses):
        found = _with_clause(found, clause)
    return found


def _without_head(text: str, schema: str, table: str) -> str:
    """The clauses of a whole ALTER TABLE statement; other texts as they are."""
    name = r"(?:`(?:[^`]|``)+`|[\w$]+)"
    verb = r"ALTER\s+(?:ONLINE\s+|OFFLINE\s+|IGNORE\s+)*TABLE\s+(?:IF\s+EXISTS\s+)?"
    head = re.match(rf"\s*{verb}({name})(?:\s*\.\s*({name}))?\s+", text, re.IGNORECASE)
    if head is None:
        return text
    first, second = (next(tokens(part)).identifier if part else None for part in head.groups())
    named = (first, second) if second is not None else (schema, first)
    if named != (schema, table):
        raise RefusedError(
            f"the ALTER is for {named[0]}.{named[1]}, not for {schema}.{table}", "Mend --alter or --table."
        )
    return text[head.end() :]


def _clauses(text: str) -> Iterator[list[Token]]:
    clause: list[Token] = []
    depth = 0
    for token in tokens(text):
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        if depth == 0 and token == ("sign", ";"):
            raise RefusedError("the ALTER holds more than one statement", "Give one ALTER at a time.")
        if depth == 0 and token == ("sign", ","):
            yield clause
            clause = []
        else:
            clause.append(token)
    yield clause


class _Reader:
    """Reads a clause from left to right."""

    def __init__(self, clause: list[Token]) -> None:
        self.rest = list(clause)

    @property
    def word(self) -> str:
        return self.rest[0].word if self.rest else ""

    @property
    def is_no_column(self) -> bool:
        """Whether an index, a constraint or the like is added or dropped here."""
        after = self.rest[1].word if len(self.rest) > 1 else ""
        return self.word in _INDEX_WORDS or after in _ONLY_BEFORE.get(self.word, ())

    def take(self) -> Token:
        if not self.rest:
            raise RefusedError("the ALTER ends too early", "Mend --alter.")
        return self.rest.pop(0)

    def skip(self, *words: str) -> None:
        while self.word in words:
            self.take()


def _with_clause(found: Alteration, clause: list[Token]) -> Alteration:
    reader = _Reader(clause)
    if not clause:
        raise RefusedError("the ALTER has an empty clause", "Mend --alter: is there a comma too many?")
    indexed = found.indexed or any(
        token.word in {"INDEX", "KEY", "UNIQUE", "PRIMARY", "FULLTEXT", "SPATIAL"} for token in clause
    )
    unique = found.unique or any(token.word in {"UNIQUE", "PRIMARY"} for token in clause)
    found = replace(found, indexed=indexed, unique=unique)
    reader.skip("ONLINE", "OFFLINE", "IGNORE", "NOWAIT")
    if reader.word == "WAIT":
        reader.take()  # and the number of seconds
        reader.take()
    verb = reader.word
    _refuse_dangerous(verb, clause)
    if verb == "CHANGE":
        return _read_change(found, reader)
    if verb == "RENAME":
        return _read_rename(found, reader)
    if verb == "DROP":
        return _read_drop(found, reader)
    if verb == "ADD":
        return _read_add(found, reader)
    return found


def _refuse_dangerous(verb: str, clause: list[Token]) -> None:
    text = " ".join(token.text for token in clause)
    if verb in {"ALGORITHM", "LOCK"}:
        raise RefusedError(
            f"the ALTER asks for '{text}', which means nothing for a ghost table", "Leave it out of --alter."
        )
    second = clause[1].word if len(clause) > 1 else ""
    if (
        verb in _PARTITION_VERBS
        or (verb == "CONVERT" and second in {"PARTITION", "TABLE"})
        or (verb == "DROP" and second == "PARTITION")
    ):
        raise RefusedError(f"'{text}' works on the data of the table it is run on", "Run it as a native ALTER TABLE.")


def _read_change(found: Alteration, reader: _Reader) -> Alteration:
    reader.skip("CHANGE", "COLUMN", "IF", "EXISTS")
    old, new = reader.take().identifier, reader.take().identifier
    return replace(found, renamed={**found.renamed, old: new})


def _read_rename(found: Alteration, reader: _Reader) -> Alteration:
    reader.take()
    if reader.word == "COLUMN":
        reader.skip("COLUMN", "IF", "EXISTS")
        old = reader.take().identifier
        reader.skip("TO")
        return replace(found, renamed={**found.renamed, old: reader.take().identifier})
    if reader.word in {"INDEX", "KEY"}:
        return found
    raise RefusedError("the ALTER renames the table", "Rename it with RENAME TABLE, before or after the migration.")


def _read_drop(found: Alteration, reader: _Reader) -> Alteration:
    reader.take()
    if reader.is_no_column:
        return found
    reader.skip("COLUMN", "IF", "EXISTS")
    return replace(found, dropped=(*found.dropped, reader.take().identifier))


def _read_add(found: Alteration, reader: _Reader) -> Alteration:
    reader.take()
    if reader.is_no_column:
        return found
    reader.skip("COLUMN", "IF", "NOT", "EXISTS")
    first = reader.take()
    if first != ("sign", "("):
        return replace(found, added=(*found.added, first.identifier))
    return replace(found, added=(*found.added, *_column_list(reader)))


def _column_list(reader: _Reader) -> list[str]:
    """The names in `ADD (a INT, b DECIMAL(5, 2))`, whose parenthesis has been taken."""
    names = [reader.take().identifier]
    depth = 1
    while depth and reader.rest:
        token = reader.take()
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "sign" else 0
        if depth == 1 and token == ("sign", ","):
            names.append(reader.take().identifier)
    return names

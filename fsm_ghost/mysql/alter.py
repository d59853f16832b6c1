"""What an ALTER asks for, as far as we have to know: the server does the parsing.

The statement is only cut into tokens and clauses, to see which columns are renamed, dropped and added, and to refuse
forms that would escape the ghost table. Everything else is left to the server and to a comparison of catalogues.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

from fsm_ghost.errors import RefusedError
from fsm_ghost.mysql.quoting import quote

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
_LONGEST_HEAD = 16  # tokens


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
    return (token for token, _ in _placed(text))


def _placed(text: str) -> Iterator[tuple[Token, int]]:
    """The tokens of a statement, and where each ends."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "opened":
            raise RefusedError("the ALTER has an executable comment", "Write out what is meant for this server.")
        if kind not in {"space", "comment"}:
            yield Token(kind, match.group()), match.end()


def with_check_names(clauses: str, names: Mapping[str, str]) -> str:
    """Clauses in which CHECKs that are dropped or altered have other names: `names` maps old ones to new ones."""
    changed, end = "", 0
    words: tuple[str, ...] = ("", "")
    for token, stop in _placed(clauses):
        start = stop - len(token.text)
        is_name = words[0] in {"DROP", "ALTER"} and words[1] in {"CONSTRAINT", "CHECK"}
        if is_name and token.kind in {"word", "quoted"} and token.identifier in names:
            changed += clauses[end:start] + quote(names[token.identifier])
            end = stop
        words = (words[1], token.word)
    return changed + clauses[end:]


def read_alter(text: str, schema: str, table: str) -> Alteration:
    """What the clauses of an ALTER, or a whole ALTER TABLE, CREATE INDEX or DROP INDEX statement, ask for.

    RefusedError for what must not be run on the ghost table: another table's name, RENAME TO, a second statement,
    partition maintenance, ALGORITHM= and LOCK=.
    """
    clauses = _without_head(text.strip().rstrip(";").strip(), schema, table)
    found = Alteration(clauses)
    for clause in _clauses(clauses):
        found = _with_clause(found, clause)
    return found


class _Head:
    """Reads the beginning of a statement word by word."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(islice(_placed(text), _LONGEST_HEAD))
        self._taken = 0

    @property
    def rest(self) -> str:
        """What has not been read."""
        end = self._tokens[self._taken - 1][1] if self._taken else 0
        return self._text[end:].strip()

    def takes(self, *words: str) -> bool:
        """Whether these words come next; then they are taken."""
        there = [token.word for token, _ in self._tokens[self._taken : self._taken + len(words)]]
        found = there == list(words)
        self._taken += len(words) * found
        return found

    def take_any(self, words: Collection[str]) -> str:
        """The next word, if it is one of these; empty otherwise."""
        word = self._tokens[self._taken][0].word if self._taken < len(self._tokens) else ""
        return word if word in words and self.takes(word) else ""

    def name(self) -> Token | None:
        """The name that comes next."""
        token = self._tokens[self._taken][0] if self._taken < len(self._tokens) else None
        if token is None or token.kind not in {"word", "quoted"}:
            return None
        self._taken += 1
        return token

    def table(self) -> tuple[str, str] | None:
        """Schema (empty when it is not named) and table, if they come next."""
        first = self.name()
        if first is None:
            return None
        if self._taken < len(self._tokens) and self._tokens[self._taken][0] == ("sign", "."):
            self._taken += 1
            second = self.name()
            return None if second is None else (first.identifier, second.identifier)
        return "", first.identifier


def statement_of(text: str) -> tuple[str, str, str] | None:
    """Schema (empty when it is not named), table and clauses of a whole statement; None for a list of clauses.

    ALTER TABLE, CREATE INDEX and DROP INDEX are known; the latter two become the clauses that say the same.
    """
    verb = _Head(text).take_any(("ALTER", "CREATE", "DROP"))
    if not verb:
        return None
    return {"ALTER": _alter_table, "CREATE": _create_index, "DROP": _drop_index}[verb](_Head(text))


def _alter_table(head: _Head) -> tuple[str, str, str] | None:
    head.takes("ALTER")
    while head.take_any(("ONLINE", "OFFLINE", "IGNORE")):
        pass
    if not head.takes("TABLE"):
        return None
    head.takes("IF", "EXISTS")
    table = head.table()
    return None if table is None else (*table, head.rest)


def _create_index(head: _Head) -> tuple[str, str, str] | None:
    head.takes("CREATE")
    kind = head.take_any(("UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"))
    if not head.takes("INDEX") or (name := head.name()) is None:
        return None
    using = f" USING {found.text}" if head.takes("USING") and (found := head.name()) else ""
    table = head.table() if head.takes("ON") else None
    clause = " ".join(filter(None, ("ADD", kind, f"INDEX {name.text}{using}", head.rest)))
    return None if table is None else (*table, clause)


def _drop_index(head: _Head) -> tuple[str, str, str] | None:
    if not head.takes("DROP", "INDEX") or (name := head.name()) is None:
        return None
    table = head.table() if head.takes("ON") else None
    # ALGORITHM and LOCK may follow, which are clauses of their own in an ALTER TABLE.
    return None if table is None else (*table, ", ".join(filter(None, (f"DROP INDEX {name.text}", head.rest))))


def _without_head(text: str, schema: str, table: str) -> str:
    """The clauses of a whole statement; other texts as they are."""
    found = statement_of(text)
    if found is None:
        return text
    named = (found[0] or schema, found[1])
    if named != (schema, table):
        raise RefusedError(
            f"the ALTER is for {named[0]}.{named[1]}, not for {schema}.{table}", "Mend --alter or --table."
        )
    return found[2]


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

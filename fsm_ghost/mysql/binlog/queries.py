"""Statements in the binlog (QUERY events): what each means for the migration of one table.

Row changes arrive as row events; statements are transaction framing, DDL, and the DML of sessions that do not log rows.
They are read as tokens, not parsed: enough to tell whether a statement *targets* the original (protocol R10). Where
that cannot be told, it does; and of DML it can only be told where the server says which databases it used, for views,
triggers and functions lead anywhere (`docs/decisions/0014`). Source for the event: "Query_event" in
`libs/mysql/binlog/event/statement_events.h`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

from pymysql.charset import charset_by_id

from fsm_ghost.model.naming import TableName
from fsm_ghost.mysql.binlog.failures import UnreadableError
from fsm_ghost.mysql.binlog.payload import uncompressed

_ANSI_QUOTES = 0x4
_NO_BACKSLASH_ESCAPES = 0x100000


class Meaning(Enum):
    """What a statement is to the stream."""

    NOTHING = auto()
    OPENS = auto()  # a transaction begins
    CLOSES = auto()  # it ends
    SWAPS = auto()  # our own RENAME of the original
    REDEFINES = auto()  # somebody else's DDL on the original
    MAY_CHANGE_ROWS = auto()  # DML logged as a statement, and the original may be its target


@dataclass(frozen=True, slots=True)
class Query:
    """A logged statement: its text, and what is needed to read the names in it.

    What the server generated itself is UTF-8, the rest is in the client's character set: `otherwise` is the text as the
    latter has it, where that differs. Nobody can tell which is meant.
    `databases` are those of all tables that it used, also through views, triggers and functions; None when the server
    does not say.
    """

    text: str
    schema: str = ""  # the session's default database
    session: int = 0  # its connection id
    databases: frozenset[str] | None = None
    ansi_quotes: bool = False
    backslash_escapes: bool = True
    otherwise: str = ""


# --- Reading the event ------------------------------------------------------------------------------------------------

_POST_HEADER = 13  # thread id 4, seconds 4, length of schema 1, error 2, length of status variables 2
_LOAD_DATA = 13  # EXECUTE_LOAD_QUERY: file id 4, positions of the file name 8, duplicates 1
# Flags, sql_mode, auto-increment, character sets, language, character set of the database, tables of an UPDATE.
_STATUS_SIZES = {0: 4, 1: 8, 3: 4, 4: 6, 7: 2, 8: 2, 9: 8}
_STATUS_TEXTS = frozenset({5, 6})  # time zone, catalogue: a length byte, then the text
_SQL_MODE, _CHARACTER_SETS, _DATABASES = 1, 4, 12
_MOST_DATABASES = 16  # that MySQL lists; another number says that there are too many, or that it cannot tell


def read_query(body: bytes, *, load_data: bool = False, compressed: bool = False) -> Query:
    """The statement in the body of a QUERY, EXECUTE_LOAD_QUERY or QUERY_COMPRESSED event. Raises UnreadableError."""
    status_at = _POST_HEADER + (_LOAD_DATA if load_data else 0)
    schema_at = status_at + int.from_bytes(body[11:13], "little")
    text_at = schema_at + body[8] + 1
    if text_at > len(body):
        raise UnreadableError("its statement is cut off")
    status = dict(_status(body[status_at:schema_at]))
    mode = int.from_bytes(status.get(_SQL_MODE, b""), "little")
    charset = int.from_bytes(status.get(_CHARACTER_SETS, b"")[:2], "little")
    text, otherwise = _decodings(uncompressed(body[text_at:]) if compressed else body[text_at:], charset)
    return Query(
        text=text,
        schema=_decode(body[schema_at : text_at - 1], charset),
        session=int.from_bytes(body[:4], "little"),
        databases=_databases(status.get(_DATABASES, b"")),
        ansi_quotes=bool(mode & _ANSI_QUOTES),
        backslash_escapes=not mode & _NO_BACKSLASH_ESCAPES,
        otherwise=otherwise,
    )


def _status(variables: bytes) -> Iterator[tuple[int, bytes]]:
    """The status variables up to the first that we don't know; those of interest come early in both servers."""
    at = 0
    while at < len(variables):
        code, at = variables[at], at + 1
        if code == _DATABASES:
            size = len(variables) - at  # nothing after it is of interest
        elif code in _STATUS_TEXTS:
            size = variables[at] + 1
        elif code in _STATUS_SIZES:
            size = _STATUS_SIZES[code]
        else:
            return
        yield code, variables[at : at + size]
        at += size


def _databases(variable: bytes) -> frozenset[str] | None:
    """The names in MySQL's Q_UPDATED_DB_NAMES: how many there are, then each with a zero byte at its end.

    An empty name stands for what the server cannot tell.
    """
    count, names = variable[:1], variable[1:].split(b"\0")
    if not count or not 0 < count[0] <= _MOST_DATABASES or len(names) <= count[0]:
        return None
    listed = names[: count[0]]
    return frozenset(_decode(name, 0) for name in listed) if all(listed) else None


def _decodings(text: bytes, charset: int) -> tuple[str, str]:
    """The text as UTF-8, if it can be that, and as the client's character set has it; empty where that is the same."""
    if text.isascii():
        return text.decode(), ""
    clients = _of_client(text, charset)
    try:
        generated = text.decode()
    except UnicodeDecodeError:
        return clients, ""
    return generated, "" if clients == generated else clients


def _decode(text: bytes, charset: int) -> str:
    return _decodings(text, charset)[0]


def _of_client(text: bytes, charset: int) -> str:
    try:
        return text.decode(charset_by_id(charset).encoding)
    except (KeyError, LookupError, UnicodeDecodeError):
        return text.decode(errors="surrogateescape")


# --- Tokens -----------------------------------------------------------------------------------------------------------


class Token(NamedTuple):
    """A word in upper case or a symbol (`word`), and what could be an identifier as it is written (`name`)."""

    word: str
    name: str


_GRAMMAR = r"""
    (?P<skip>       \s+ | \*/ | /\*M?!\d* )              # executable comments are read as what they hold
  | (?P<comment>    /\*.*?\*/ | --(?=\s|$)[^\n]* | \#[^\n]* )
  | (?P<backticks>  `(?:[^`]++|``)*+` )
  | (?P<single>     '(?:[^'{escape}]++|{escaped}|'')*+' )
  | (?P<double>     "(?:[^"{escape}]++|{escaped}|"")*+" )
  | (?P<word>       [\w$\udc80-\udcff]++ )
  | (?P<symbol>     . )
"""


def _grammar(escape: str, escaped: str) -> re.Pattern[str]:
    return re.compile(_GRAMMAR.replace("{escape}", escape).replace("{escaped}", escaped), re.VERBOSE | re.DOTALL)


_WITH_ESCAPES = _grammar(r"\\", r"\\.")
_WITHOUT_ESCAPES = _grammar("", "''")


def comments(query: Query) -> set[str]:
    """The texts of the statement's /* comments */."""
    found = (match["comment"] for match in _matches(query) if match["comment"])
    return {text[2:-2].strip() for text in found if text.startswith("/*")}


def tokens(query: Query) -> Iterator[Token]:
    """The statement's tokens, without space and comments."""
    for match in _matches(query):
        text = match[0]
        match match.lastgroup:
            case "word":
                yield Token(text.upper(), text)
            case "backticks":
                yield Token("", text[1:-1].replace("``", "`"))
            case "double":
                yield Token("", text[1:-1].replace('""', '"') if query.ansi_quotes else "")
            case "single":
                yield Token("", "")
            case "symbol":
                yield Token(text, "")


def _matches(query: Query) -> Iterator[re.Match[str]]:
    grammar = _WITH_ESCAPES if query.backslash_escapes else _WITHOUT_ESCAPES
    return grammar.finditer(query.text)


# --- Meaning ----------------------------------------------------------------------------------------------------------

_FRAMING = {
    "BEGIN": Meaning.OPENS,
    "START": Meaning.OPENS,
    "COMMIT": Meaning.CLOSES,
    "ROLLBACK": Meaning.CLOSES,
    "SAVEPOINT": Meaning.NOTHING,
    "RELEASE": Meaning.NOTHING,
    "XA": Meaning.NOTHING,
}
_XA = {"START": Meaning.OPENS, "BEGIN": Meaning.OPENS, "COMMIT": Meaning.CLOSES, "ROLLBACK": Meaning.CLOSES}
_DEFINING = frozenset({"ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE"})
_HARMLESS = frozenset(
    {"BACKUP", "BINLOG", "CACHE", "CHANGE", "CHECK", "CHECKSUM", "CLONE", "DESCRIBE", "FLUSH"}
    | {"GRANT", "HELP", "INSTALL", "KILL", "LOCK", "OPTIMIZE", "PURGE", "REPAIR", "RESET", "REVOKE", "SHOW"}
    | {"SHUTDOWN", "STOP", "UNINSTALL", "UNLOCK", "USE"}
)
_HARMLESS_SETTINGS = frozenset({"DEFAULT", "PASSWORD", "RESOURCE", "ROLE"})
# What CREATE and DROP make and remove; the first of these words decides.
_OBJECTS = frozenset(
    {"TABLE", "TABLES", "TEMPORARY", "INDEX", "TRIGGER", "DATABASE", "SCHEMA"}
    | {"VIEW", "PROCEDURE", "FUNCTION", "EVENT", "USER", "ROLE", "SERVER", "SEQUENCE", "PACKAGE", "TABLESPACE", "UNDO"}
    | {"LOGFILE", "REFERENCE", "LIBRARY", "RESOURCE", "CATALOG", "PREPARE"}
)
# Before the name of another table in ALTER TABLE: RENAME [TO | AS | =], EXCHANGE … WITH TABLE, CONVERT … TO TABLE,
# REFERENCES. Other names there are columns, indexes and partitions, and may well be called like the table.
_BEFORE_TABLE = frozenset({"TABLE", "RENAME", "TO", "AS", "=", "REFERENCES"})


class QueryReader:
    """Tells what a statement means for `original`; statements with the comment `own_tag` are ours.

    `ignoring_case` says that the server takes names of tables and schemas that differ only in case for one.
    """

    def __init__(self, original: TableName, own_tag: str, *, ignoring_case: bool = False) -> None:
        self._original = original
        self._own_tag = own_tag
        self._same = _same_but_for_case if ignoring_case else _same

    def meaning(self, query: Query) -> Meaning:
        """What the statement means; the worse, where it can be read in two ways."""
        meaning = self._meaning(query)
        if meaning is Meaning.NOTHING and query.otherwise:
            return self._meaning(replace(query, text=query.otherwise))
        return meaning

    def _meaning(self, query: Query) -> Meaning:
        words = [token.word for token in itertools.islice(tokens(query), 3)]
        framing = _framing(words)
        if framing is not None:
            return framing
        if words[0] not in _DEFINING and self._is_elsewhere(query):
            return Meaning.NOTHING  # unread, however long it is
        statement = _Statement(query, self._original, self._same)
        if self._own_tag in query.text and self._own_tag in comments(query):
            return Meaning.SWAPS if statement.renames() else Meaning.NOTHING
        if statement.redefines():
            return Meaning.REDEFINES
        may_change_rows = statement.may_change_rows() and not self._is_elsewhere(query)
        return Meaning.MAY_CHANGE_ROWS if may_change_rows else Meaning.NOTHING

    def _is_elsewhere(self, query: Query) -> bool:
        """Whether the server says that the statement used other databases only."""
        used = query.databases
        return used is not None and not any(self._same(name, self._original.schema) for name in used)


def _framing(words: Sequence[str]) -> Meaning | None:
    """What the statement does to the transaction, when that is all it does. Takes its first three words."""
    verb, second, third = (*words, "", "", "")[:3]
    if verb == "XA":
        return _XA.get(second, Meaning.NOTHING)
    if verb == "ROLLBACK" and "TO" in {second, third}:  # ROLLBACK [WORK] TO [SAVEPOINT]
        return Meaning.NOTHING
    return _FRAMING.get(verb) if verb else Meaning.NOTHING if not words else None


class _Statement:
    """A statement's tokens, and where they name the original; `same` compares names."""

    def __init__(self, query: Query, original: TableName, same: Callable[[str, str], bool]) -> None:
        self._same = same
        self._tokens = _inner(list(tokens(query)))
        self._words = [token.word for token in self._tokens]
        self._schema = query.schema
        self._original = original
        self._mentions = tuple(self._find_mentions())

    @property
    def verb(self) -> str:
        return self._words[0]

    def renames(self) -> bool:
        """Whether this is a RENAME TABLE that names the original."""
        return self.verb == "RENAME" and self._words[1] in {"TABLE", "TABLES"} and bool(self._mentions)

    def redefines(self) -> bool:
        """Whether this DDL targets the original."""
        match self.verb:
            case "ALTER":
                return self._alters()
            case "CREATE":
                return self._creates()
            case "DROP":
                return self._drops()
            case "RENAME":
                return self.renames()
            case "TRUNCATE":
                return bool(self._mentions)
            case _:
                return False

    def may_change_rows(self) -> bool:
        """Whether this may write to the original; it need not name it, nor even a table."""
        match self._words:
            case ["ANALYZE" | "EXPLAIN", *_]:
                return self._runs_what_it_explains()
            case ["CREATE", *_]:
                return self._fills_what_it_creates()
            case ["SET", setting, *_] if setting in _HARMLESS_SETTINGS:
                return False
            case _:
                return self.verb not in _DEFINING | _HARMLESS

    def _runs_what_it_explains(self) -> bool:
        """EXPLAIN ANALYZE and MariaDB's ANALYZE [FORMAT=JSON] do; ANALYZE [LOCAL] TABLE does not explain anything."""
        return "ANALYZE" in self._words[:2] and not {"TABLE", "TABLES"} & {*self._words[1:3]}

    def _fills_what_it_creates(self) -> bool:
        """CREATE TABLE with a query, which may call functions; where rows are logged, the query is left out."""
        kind, at = self._object()
        after = itertools.pairwise(self._words[at:])
        return kind in {"TABLE", "TEMPORARY"} and any(
            word == "SELECT" or (word == "VALUES" and follows not in {"IN", "LESS"}) for word, follows in after
        )

    def _alters(self) -> bool:
        if "TABLE" not in self._words[1:4]:  # ALTER [ONLINE] [IGNORE] TABLE
            return False
        return any(
            self._words[at - 1] in _BEFORE_TABLE or self._words[at - 3 : at] == ["TABLE", "IF", "EXISTS"]
            for at in self._mentions
        )

    def _creates(self) -> bool:
        kind, at = self._object()
        if kind in {"INDEX", "TRIGGER"}:
            return self._is_on_original()
        if kind != "TABLE":
            return False
        # IF NOT EXISTS does nothing to a table that exists, and the original does.
        return any(where == at + 1 or self._words[where - 1] == "REFERENCES" for where in self._mentions)

    def _drops(self) -> bool:
        kind, at = self._object()
        if kind in {"DATABASE", "SCHEMA"}:
            return any(self._is_schema(token) for token in self._tokens[at:])
        return self._is_on_original() if kind == "INDEX" else kind in {"TABLE", "TABLES"} and bool(self._mentions)

    def _object(self) -> tuple[str, int]:
        """The kind of thing that is created or dropped, and at which token it is said."""
        found = ((word, at) for at, word in enumerate(self._words) if word in _OBJECTS)
        return next(found, ("", 0))

    def _is_on_original(self) -> bool:
        """Whether the first ON is followed by the original."""
        return "ON" in self._words and self._words.index("ON") + 1 in self._mentions

    def _find_mentions(self) -> Iterator[int]:
        """Where the original's name begins, with its schema if that is given; not where it qualifies a column."""
        for at, token in enumerate(self._tokens):
            if self._is_name(token) and self._words[at + 1 : at + 2] != ["."]:
                schema, begin = self._qualified(at)
                if self._same(schema, self._original.schema):
                    yield begin

    def _qualified(self, at: int) -> tuple[str, int]:
        if at > 1 and self._words[at - 1] == "." and self._tokens[at - 2].name:
            return self._tokens[at - 2].name, at - 2
        return self._schema, at

    def _is_name(self, token: Token) -> bool:
        return self._same(token.name, self._original.name)

    def _is_schema(self, token: Token) -> bool:
        return self._same(token.name, self._original.schema)


def _inner(statement: list[Token]) -> list[Token]:
    """The statement itself, without the settings in MariaDB's SET STATEMENT … FOR …; never empty."""
    words = [token.word for token in statement]
    if words[:2] == ["SET", "STATEMENT"] and "FOR" in words[:-1]:
        return statement[words.index("FOR") + 1 :]
    return statement


def _same(name: str, wanted: str) -> bool:
    """Whether two identifiers may be the same one."""
    return name == wanted or (_is_undecodable(name) and not wanted.isascii())


def _same_but_for_case(name: str, wanted: str) -> bool:
    """The same, where case does not count."""
    return _same(name.lower(), wanted.lower())


def _is_undecodable(text: str) -> bool:
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)

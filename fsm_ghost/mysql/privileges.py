"""Which privileges a migration needs, and which of them an account lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fsm_ghost.mysql.quoting import quote
from fsm_ghost.mysql.session import Session

# PROCESS: foreign keys of schemas that the account cannot see, and who blocks a swap.
GLOBAL = ("REPLICATION SLAVE", "REPLICATION CLIENT", "PROCESS")
GLOBAL_ON_MARIADB = (*GLOBAL, "SLAVE MONITOR")  # to see whether the server is a replica; since 10.5 a privilege apart
GLOBAL_ON_MYSQL = (*GLOBAL, "XA_RECOVER_ADMIN")  # to see prepared XA transactions (R1); MariaDB shows them to everybody
ON_SCHEMA = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "LOCK TABLES", "TRIGGER")
# MySQL's partial revokes are shown among the grants that they take something from.
_LINE = re.compile(
    r"(?P<verb>GRANT|REVOKE) (?P<what>.+?) ON (?P<where>\S+|`(?:[^`]|``)+`\.\S+) (?:TO|FROM) ", re.IGNORECASE
)
_WILDCARDS = {"_": ".", "%": ".*"}
_SYNONYMS = {"BINLOG MONITOR": "REPLICATION CLIENT", "REPLICA MONITOR": "SLAVE MONITOR"}


def grants(session: Session) -> tuple[str, ...]:
    """The account's grants, those of its active roles included."""
    own = [str(row[0]) for row in session.query("SHOW GRANTS")]
    roles = str(session.value("SELECT CURRENT_ROLE()") or "NONE")
    if "@" in roles:  # MySQL; MariaDB shows the grants of its one active role at once
        own += [str(row[0]) for row in session.query(f"SHOW GRANTS FOR CURRENT_USER() USING {roles}")]
    return tuple(own)


def account(session: Session) -> str:
    """The account that we are, as GRANT names it."""
    user, _, host = str(session.value("SELECT CURRENT_USER()")).rpartition("@")
    return f"{quote(user)}@{quote(host)}"


def missing_grants(
    grants: Iterable[str], schema: str, account: str, needed: tuple[str, ...] = GLOBAL
) -> tuple[str, ...]:
    """The GRANT statements that `account` needs in addition to what SHOW GRANTS showed; empty when it has all."""
    everywhere: set[str] = set()
    on_schema: set[str] = set()
    revoked: set[str] = set()
    for line in grants:
        found = _LINE.match(line)
        if found is None:
            continue
        names = {_SYNONYMS.get(name.strip().upper(), name.strip().upper()) for name in found["what"].split(",")}
        if found["verb"].upper() == "REVOKE":
            revoked |= names if found["where"] == f"{quote(schema)}.*" else set()
        elif found["where"] == "*.*":
            everywhere |= names
        elif _covers(found["where"], schema):
            on_schema |= names
    lacking = []
    if rest := _without(needed, everywhere):
        lacking.append(f"GRANT {', '.join(rest)} ON *.* TO {account};")
    if rest := _without(ON_SCHEMA, (everywhere - revoked) | on_schema):
        lacking.append(f"GRANT {', '.join(rest)} ON {_spelled(schema)}.* TO {account};")
    return tuple(lacking)


def _spelled(schema: str) -> str:
    """A schema as GRANT names it: as a pattern, in which a backslash stands for itself only if there are two.

    Wildcards are left: a grant for a few schemas too many is what people expect from `under_score`.
    """
    return quote(schema.replace("\\", "\\\\"))


def _without(needed: Iterable[str], had: set[str]) -> list[str]:
    if had & {"ALL PRIVILEGES", "ALL"}:
        return []
    return [name for name in needed if name not in had]


def _covers(where: str, schema: str) -> bool:
    """Whether a grant on `where` is one on the whole schema; its name may hold LIKE wildcards."""
    found = re.fullmatch(r"`((?:[^`]|``)+)`\.\*", where)
    if found is None:
        return False
    parts = re.findall(r"\\.|.", found[1].replace("``", "`"), re.DOTALL)
    pattern = "".join(_WILDCARDS.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(pattern, schema, re.DOTALL) is not None

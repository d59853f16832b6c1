"""Which privileges a migration needs, and which of them an account lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable

# PROCESS: foreign keys of schemas that the account cannot see, and who blocks a swap.
GLOBAL = ("REPLICATION SLAVE", "REPLICATION CLIENT", "PROCESS")
GLOBAL_ON_MARIADB = (*GLOBAL, "SLAVE MONITOR")  # to see whether the server is a replica; since 10.5 a privilege apart
GLOBAL_ON_MYSQL = (*GLOBAL, "XA_RECOVER_ADMIN")  # to see prepared XA transactions (R1); MariaDB shows them to everybody
ON_SCHEMA = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "LOCK TABLES", "TRIGGER")
_GRANT = re.compile(r"GRANT (?P<what>.+?) ON (?P<where>\S+|`(?:[^`]|``)+`\.\S+) TO ", re.IGNORECASE)
_SYNONYMS = {"BINLOG MONITOR": "REPLICATION CLIENT", "REPLICA MONITOR": "SLAVE MONITOR"}


def missing_grants(
    grants: Iterable[str], schema: str, account: str, needed: tuple[str, ...] = GLOBAL
) -> tuple[str, ...]:
    """The GRANT statements that `account` needs in addition to what SHOW GRANTS showed; empty when it has all."""
    everywhere: set[str] = set()
    on_schema: set[str] = set()
    for grant in grants:
        found = _GRANT.match(grant)
        if found is None:
            continue
        names = {_SYNONYMS.get(name.strip().upper(), name.strip().upper()) for name in found["what"].split(",")}
        if found["where"] == "*.*":
            everywhere |= names
        elif _covers(found["where"], schema):
            on_schema |= names
    lacking = []
    if rest := _without(needed, everywhere):
        lacking.append(f"GRANT {', '.join(rest)} ON *.* TO {account};")
    if rest := _without(ON_SCHEMA, everywhere | on_schema):
        lacking.append(f"GRANT {', '.join(rest)} ON `{schema.replace('`', '``')}`.* TO {account};")
    return tuple(lacking)


def _without(needed: Iterable[str], had: set[str]) -> list[str]:
    if had & {"ALL PRIVILEGES", "ALL"}:
        return []
    return [name for name in needed if name not in had]


def _covers(where: str, schema: str) -> bool:
    """Whether a grant on `where` is one on the whole schema; its name may hold LIKE wildcards."""
    found = re.fullmatch(r"`((?:[^`]|``)+)`\.\*", where)
    if found is None:
        return False
    pattern = re.escape(found[1].replace("``", "`"))
    pattern = pattern.replace(r"\\_", "\0").replace(r"\\%", "\1").replace("_", ".").replace("%", ".*")
    return re.fullmatch(pattern.replace("\0", "_").replace("\1", "%"), schema) is not None

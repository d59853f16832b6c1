"""What part the server plays in replication, and which schemas its binary log leaves out."""

from __future__ import annotations

from dataclasses import dataclass

from fsm_ghost.errors import ServerError
from fsm_ghost.mysql.session import Session

_SYNTAX_ERROR = 1064
_OF_GROUP = "group_replication_"


@dataclass(frozen=True, slots=True)
class Filters:
    """--binlog-do-db and --binlog-ignore-db: schemas that alone are logged, and schemas that are not."""

    only: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def leave_out(self, schema: str) -> bool:
        """Whether changes of rows in a schema are not logged."""
        return schema in self.ignored or bool(self.only and schema not in self.only)


def is_replica(session: Session) -> bool:
    """Whether the server replicates from another one, by whatever channel but those of group replication."""
    for statement in ("SHOW ALL SLAVES STATUS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS"):
        try:
            channels = [str(row.get("channel_name", "")) for row in session.named(statement)]
        except ServerError as error:
            if error.code == _SYNTAX_ERROR:
                continue
            return False  # not allowed to see it: then it is not what stops us
        return not all(channel.startswith(_OF_GROUP) for channel in channels)
    return False


def filters(session: Session) -> Filters:
    """What the binary log leaves out; nothing where this cannot be seen."""
    for statement in ("SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"):  # MySQL before 8.2, MariaDB
        try:
            rows = session.named(statement)
        except ServerError as error:
            if error.code == _SYNTAX_ERROR:
                continue
            return Filters()
        return Filters(_names(rows[0]["binlog_do_db"]), _names(rows[0]["binlog_ignore_db"])) if rows else Filters()
    return Filters()


def _names(listed: object) -> tuple[str, ...]:
    return tuple(name for name in str(listed or "").split(",") if name)

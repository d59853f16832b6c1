"""A server's binlog, as who looks after the server sees it: its files, and who reads them."""

from tests.crash.stage import until
from tests.servers import Database


def dumps(database: Database) -> set[int]:
    """The connections that read the binlog; also those whose client has gone, until the server has noticed."""
    return {int(row[0]) for row in database.query("SHOW PROCESSLIST") if str(row[4]).startswith("Binlog Dump")}


def end_dumps(database: Database) -> None:
    """End every connection that reads the binlog, and wait until they are gone."""
    ended = dumps(database)
    database.kill(ended)
    until(lambda: ended.isdisjoint(int(row[0]) for row in database.query("SHOW PROCESSLIST")), "their end")


def logs(database: Database) -> list[str]:
    """The files, in order."""
    return [str(row[0]) for row in database.query("SHOW BINARY LOGS")]


def purge(database: Database, upto: str) -> None:
    """Purge every file before this one; the server leaves one that somebody still reads."""

    def purged() -> bool:
        database.execute(f"PURGE BINARY LOGS TO '{upto}'")
        return logs(database)[0] == upto

    until(purged, "the end of the older files")

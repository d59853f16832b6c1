"""The report of a whole migration says what can be seen on the server."""

from __future__ import annotations

import json

from fsm_ghost.cli import main
from tests.integration.driving import Driver, old_table, tables
from tests.servers import Database


def test_the_report_of_a_migration_is_true_and_its_statement_drops_the_old_table(
    database: Database, driver: Driver
) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n BIGINT NOT NULL) COMMENT 'orders'")
    database.execute("INSERT INTO t VALUES (1, 5), (2, 300), (3, -1000), (4, 7)")
    (version,) = database.query("SELECT VERSION()")[0]
    before, server = tables(database)["t"], driver.server
    reach = ["--host", server.host, "--port", str(server.port), "--socket", server.socket, "--user", server.user]
    asked = ["--execute", "--allow-lossy", "n=clamp", f"ALTER TABLE `{database.name}`.t MODIFY n TINYINT NOT NULL"]
    assert main(["start", "--ui=none", "--state-db", str(driver.state_file), *reach, *asked]) == 0
    page, kept = (driver.folder / "reports" / driver.record().short_id / f"report.{kind}" for kind in ("txt", "json"))
    report = json.loads(kept.read_text())
    after, old = tables(database), old_table(database, "t")
    assert report["server"]["version"] == version
    assert (report["exit"]["code"], report["original"]) == (0, "swapped for the ghost table")
    assert (report["copy"]["rows"], report["verification"]["rows"], report["verification"]["complete"]) == (4, 4, True)
    assert report["replaced"] == [{"column": "n", "how": "clamp", "rows_before_copy": 2}]
    assert report["definitions"]["before"]["create"] == before == after[old].replace(old, "t")
    assert report["definitions"]["after"]["create"].replace("t_gho", "t") == after["t"]
    assert report["swap"]["held_up_seconds"] > 0
    assert report["swap"]["locked_at"] is not None
    assert report["swap"]["escaped_writes"] == 0
    assert report["swap"]["attempts"] == 1 + len(report["swap"]["given_up"])
    assert [state["state"] for state in report["states"]] == [
        *("validate", "prepare", "copy", "sync", "verify", "cut_over", "cleanup")
    ]
    assert sum(state["seconds"] for state in report["states"]) <= report["migration"]["elapsed_seconds"] + 0.01
    assert report["not_proved"][0].startswith("Changed as allowed (clamp): n ")
    statement = report["old_table"]["drop_statement"]
    assert statement in page.read_text()
    database.execute(statement)
    assert list(tables(database)) == ["t"]

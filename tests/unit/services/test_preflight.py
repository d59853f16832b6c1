"""What each check makes of a server and a table. Real servers: tests/integration/test_refusals.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fsm_ghost.model.finding import Finding
from fsm_ghost.model.naming import Names, TableName
from fsm_ghost.model.plan import Flavour, ServerIdentity
from fsm_ghost.model.table import Column, Definition, Index
from fsm_ghost.mysql.blockers import Blocker
from fsm_ghost.mysql.catalog import FoundTable
from fsm_ghost.mysql.relations import ForeignKey
from fsm_ghost.mysql.replication import Filters
from fsm_ghost.mysql.sessions import Deviation
from fsm_ghost.mysql.space import Disk
from fsm_ghost.services import preflight
from fsm_ghost.services.preflight import check_names
from fsm_ghost.services.preflight.subject import Subject

ORDERS = TableName("shop", "orders")
ITEMS = TableName("shop", "items")
GIB = 1 << 30
VARIABLES = {
    "log_bin": "ON",
    "log_bin_basename": "/data/binlog",
    "datadir": "/data/",
    "binlog_format": "ROW",
    "binlog_row_image": "FULL",
    "binlog_order_commits": "ON",
    "read_only": "OFF",
    "innodb_file_per_table": "ON",
    "binlog_expire_logs_seconds": "2592000",
}


def table(name: TableName = ORDERS, *lines: str, after: str = "", **facts: Any) -> Definition:  # noqa: ANN401 - any field
    """A table with a primary key, `lines` more in its definition, and `after` behind it."""
    body = ",\n".join(["  `id` int NOT NULL", "  PRIMARY KEY (`id`)", *(f"  {line}" for line in lines)])
    create = f"CREATE TABLE `{name.name}` (\n{body}\n) ENGINE=InnoDB{after}"
    key = Column("id", "int", "int", False, None, None, None, False, False, False)
    made = Definition(name, "InnoDB", create, (key,), (Index("PRIMARY", True, ("id",), False, "BTREE"),), None, 1, 1)
    return replace(made, **facts)


def subject(**changes: Any) -> Subject:  # noqa: ANN401 - any field
    """A server and a table with which nothing is wrong, on MySQL; `variables` are added to those there are."""
    definition = changes.get("definition") or table()
    found = Subject(
        server=ServerIdentity("uuid", Flavour.MYSQL, "9.7.4", 1),
        variables=VARIABLES | changes.pop("variables", {}),
        names=Names.for_table(definition.name, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        found=FoundTable(definition.name, "BASE TABLE", "InnoDB", ""),
        definition=definition,
        neighbours={},
        neighbour_owner="",
        foreign_keys=(),
        triggers=(),
        constraints=frozenset(),
        is_replica=False,
        wants_replica=False,
        filters=Filters(),
        affinity="",
        blockers=(),
        prepared=frozenset(),
        deviations=(),
        disks=(),
        missing_grants=(),
    )
    return replace(found, **changes)


def on_mariadb(**changes: Any) -> Subject:  # noqa: ANN401 - any field
    return subject(server=ServerIdentity("uuid", Flavour.MARIADB, "10.11.19-MariaDB", 1), **changes)


def refusal(found: Subject) -> Finding:
    """The only reason to refuse."""
    (finding,) = preflight.refusals(found)
    assert finding.reason
    assert finding.remedy
    return finding


def warning(found: Subject) -> Finding:
    """The only warning, where nothing is refused."""
    assert preflight.refusals(found) == ()
    (finding,) = preflight.warnings(found)
    assert finding.reason
    assert finding.remedy
    return finding


@pytest.mark.parametrize("found", [subject(), on_mariadb()])
def test_nothing_is_said_where_nothing_is_wrong(found: Subject) -> None:
    assert preflight.refusals(found) == preflight.warnings(found) == ()


def test_everything_is_reported_at_once() -> None:
    found = subject(
        is_replica=True, triggers=("counting",), variables={"log_bin": "OFF", "binlog_order_commits": "OFF"}
    )
    assert len(preflight.refusals(found)) == 4


# --- The server -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value, reason",
    [
        ("log_bin", "OFF", "does not write a binary log"),
        ("binlog_format", "MIXED", "binlog_format is MIXED"),
        ("binlog_row_image", "MINIMAL", "binlog_row_image is MINIMAL"),
        ("binlog_order_commits", "OFF", "binlog_order_commits is OFF"),
        ("read_only", "ON", "read-only"),
        ("read_only", "NO_LOCK_NO_ADMIN", "read-only"),
        ("super_read_only", "ON", "read-only"),
        ("innodb_read_only", "ON", "read-only"),
        ("innodb_force_recovery", "4", "read-only"),
        ("offline_mode", "ON", "read-only"),
    ],
)
def test_a_variable_that_is_in_the_way_is_refused(name: str, value: str, reason: str) -> None:
    assert reason in refusal(subject(variables={name: value})).reason


@pytest.mark.parametrize(
    "name, value",
    [
        ("binlog_row_image", "NOBLOB"),
        ("binlog_row_value_options", "PARTIAL_JSON"),
        ("binlog_transaction_compression", "ON"),
        ("log_bin_compress", "ON"),
        ("binlog_encryption", "ON"),
        ("sync_binlog", "0"),
        ("gtid_mode", "OFF"),
        ("wsrep_on", "OFF"),
        ("innodb_force_recovery", "1"),
        ("group_replication_single_primary_mode", "OFF"),
        ("binlog_expire_logs_seconds", "0"),
    ],
)
def test_a_variable_that_is_not_in_the_way_is_not_refused(name: str, value: str) -> None:
    found = subject(variables={name: value})
    assert preflight.refusals(found) == preflight.warnings(found) == ()


def test_a_galera_node_is_refused_and_a_server_that_could_be_one_is_not() -> None:
    galera = {"wsrep_on": "ON", "wsrep_provider": "/usr/lib/galera/libgalera_smm.so"}
    assert "Galera" in refusal(on_mariadb(variables=galera)).reason
    assert preflight.refusals(on_mariadb(variables=galera | {"wsrep_provider": "none"})) == ()


def test_group_replication_is_refused_where_it_has_several_primaries() -> None:
    group = {"group_replication_group_name": "a", "group_replication_single_primary_mode": "OFF"}
    assert "multi-primary" in refusal(subject(variables=group)).reason
    assert preflight.refusals(subject(variables=group | {"group_replication_single_primary_mode": "ON"})) == ()


@pytest.mark.parametrize("flavour, version", [(Flavour.MYSQL, "5.7.44-log"), (Flavour.MARIADB, "10.4.34-MariaDB")])
def test_an_old_server_is_refused(flavour: Flavour, version: str) -> None:
    assert version in refusal(subject(server=ServerIdentity("uuid", flavour, version, 1))).reason


@pytest.mark.parametrize("flavour, version", [(Flavour.MYSQL, "8.0.11"), (Flavour.MARIADB, "11.4.2-MariaDB-log")])
def test_a_newer_server_is_not_refused(flavour: Flavour, version: str) -> None:
    assert preflight.refusals(subject(server=ServerIdentity("uuid", flavour, version, 1))) == ()


def test_a_proxy_is_refused_with_what_gave_it_away() -> None:
    assert refusal(subject(affinity="connection 3 was greeted")).evidence == ("connection 3 was greeted",)


@pytest.mark.parametrize("filters", [Filters(only=("a", "b")), Filters(ignored=("a", "shop"))])
def test_a_schema_that_the_binary_log_leaves_out_is_refused(filters: Filters) -> None:
    finding = refusal(subject(filters=filters))
    assert "leaves out shop" in finding.reason
    assert finding.evidence[0].endswith((": a, b", ": a, shop"))


@pytest.mark.parametrize("filters", [Filters(only=("shop", "b")), Filters(ignored=("a",))])
def test_other_schemas_that_the_binary_log_leaves_out_are_a_warning(filters: Filters) -> None:
    assert "statements of sessions in other schemas" in warning(subject(filters=filters)).reason


def test_the_servers_own_tables_are_refused() -> None:
    assert "mysql belongs" in refusal(subject(definition=table(TableName("mysql", "user")))).reason


# --- The table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, remedy", [("VIEW", "made of"), ("SYSTEM VERSIONED", "history"), ("SEQUENCE", "native")])
def test_what_is_no_base_table_is_refused_with_what_to_do(kind: str, remedy: str) -> None:
    found = replace(on_mariadb(), found=FoundTable(ORDERS, kind, "InnoDB", ""), definition=None)
    finding = refusal(found)
    assert kind.lower() in finding.reason
    assert remedy in finding.remedy


@pytest.mark.parametrize("line", ["UNIQUE KEY `u` (`a`,`p` WITHOUT OVERLAPS)", "PRIMARY KEY (`p` WITHOUT OVERLAPS)"])
def test_keys_over_periods_are_refused(line: str) -> None:
    assert "WITHOUT OVERLAPS" in refusal(on_mariadb(definition=table(ORDERS, line))).reason


def test_keys_by_a_hash_are_refused_and_named() -> None:
    by_hash = Index("body", True, ("body",), False, "HASH")
    definition = table(indexes=(*table().indexes, by_hash))
    assert refusal(on_mariadb(definition=definition)).evidence == ("body",)
    assert (
        preflight.refusals(on_mariadb(definition=table(indexes=(*table().indexes, replace(by_hash, unique=False)))))
        == ()
    )


def test_a_comment_about_periods_is_no_key_over_one() -> None:
    said = table(ORDERS, "KEY `k` (`a`) COMMENT 'UNIQUE KEY (p WITHOUT OVERLAPS)'")
    assert preflight.refusals(on_mariadb(definition=said)) == ()


@pytest.mark.parametrize("child, parent", [(ORDERS, ITEMS), (ITEMS, ORDERS), (ORDERS, ORDERS)])
def test_foreign_keys_are_refused_with_the_statements_that_drop_them(child: TableName, parent: TableName) -> None:
    key = ForeignKey("refers", child, parent, ("ON DELETE CASCADE",))
    finding = refusal(subject(foreign_keys=(key,), variables={"innodb_native_foreign_keys": "OFF"}))
    assert finding.evidence == (f"refers ({child} refers to {parent}) ON DELETE CASCADE",)
    assert f"ALTER TABLE `shop`.`{child.name}` DROP FOREIGN KEY `refers`;" in finding.remedy
    assert "does not log" not in finding.reason


@pytest.mark.parametrize("found", [subject(), on_mariadb()])
def test_a_cascade_that_is_not_logged_is_said_of_the_child_only(found: Subject) -> None:
    key = ForeignKey("refers", ORDERS, ITEMS, ("ON DELETE CASCADE",))
    assert "does not log" in refusal(replace(found, foreign_keys=(key,))).reason
    for harmless in (replace(key, actions=()), replace(key, child=ITEMS, parent=ORDERS)):
        assert "does not log" not in refusal(replace(found, foreign_keys=(harmless,))).reason


def test_a_long_list_is_cut() -> None:
    assert refusal(subject(triggers=tuple("abcdefgh"))).evidence == (*"abcde", "and 3 more")


def with_checks(name: str, *checks: str) -> Definition:
    return table(TableName("shop", name), *(f"CONSTRAINT `{check}` CHECK ((`id` > 0))" for check in checks))


@pytest.mark.parametrize(
    "length, check",
    [
        (57, "positive"),  # …_gho_chk_1 has 67 characters
        (55, "positive"),  # 65
        (40, "generated"),  # …_20260102030405_del_chk_1 has 65
    ],
)
def test_a_name_too_long_for_the_names_of_checks_is_refused(length: int, check: str) -> None:
    name = "n" * length
    found = subject(definition=with_checks(name, f"{name}_chk_1" if check == "generated" else check))
    assert "too long" in refusal(found).reason


@pytest.mark.parametrize("length, check", [(54, "positive"), (39, "generated")])
def test_a_name_just_short_enough_for_the_names_of_checks_is_not_refused(length: int, check: str) -> None:
    name = "n" * length
    found = subject(definition=with_checks(name, f"{name}_chk_1" if check == "generated" else check))
    assert preflight.refusals(found) == ()


def test_checks_do_not_matter_to_mariadb() -> None:
    assert preflight.refusals(on_mariadb(definition=with_checks("n" * 60, "positive"))) == ()


@pytest.mark.parametrize("taken", ["orders_chk_2", "orders_gho_chk_1"])
def test_a_name_for_a_check_that_another_constraint_has_is_refused(taken: str) -> None:
    definition = with_checks("orders", "positive", "even")
    assert refusal(subject(definition=definition, constraints=frozenset({taken}))).evidence == (taken,)


def test_a_generated_name_is_free_when_its_table_is_renamed() -> None:
    definition = with_checks("orders", "orders_chk_1", "Orders_chk_2")
    found = subject(definition=definition, constraints=frozenset({"orders_chk_1", "orders_chk_2"}))
    assert preflight.refusals(found) == preflight.warnings(found) == ()


def test_a_table_whose_old_name_is_the_longest_that_there_can_be_is_judged_by_it() -> None:
    found = subject(definition=with_checks("n" * 39, f"{'n' * 39}_chk_1"))
    assert max(len(name) for name in check_names._future(found)) == 64


# --- Warnings ---------------------------------------------------------------------------------------------------------


def test_checks_that_lose_their_names_are_named() -> None:
    finding = warning(subject(definition=with_checks("orders", "positive", "orders_chk_7")))
    assert "orders_chk_1 and so on" in finding.reason
    assert finding.evidence == ("positive",)


@pytest.mark.parametrize(
    "after",
    [
        " DATA DIRECTORY='/other/'",
        (
            "\n/*!50100 PARTITION BY HASH (`id`)\n(PARTITION p0 DATA DIRECTORY = '/other/' ENGINE = InnoDB,\n"
            " PARTITION p1 ENGINE = InnoDB) */"
        ),
    ],
)
def test_a_data_directory_that_is_not_kept_is_named(after: str) -> None:
    findings = preflight.warnings(subject(definition=table(after=after)))
    assert [finding.evidence for finding in findings if "DATA DIRECTORY" in finding.reason] == [("/other/",)]


def test_a_comment_about_a_data_directory_is_none() -> None:
    said = table(ORDERS, "KEY `k` (`id`) COMMENT 'DATA DIRECTORY=''/other/'''")
    assert preflight.warnings(subject(definition=said)) == ()


@pytest.mark.parametrize("clause", ["/*!50100 PARTITION BY HASH (`id`)\nPARTITIONS 4 */", " PARTITION BY HASH (`id`)"])
def test_partitions_are_a_warning(clause: str) -> None:
    assert "PARTITION BY HASH" in warning(subject(definition=table(after=f"\n{clause}"))).evidence[0]


@pytest.mark.parametrize(
    "variables, rows, size, said",
    [
        ({"binlog_expire_logs_seconds": "600"}, 1, 1, "600 s"),
        ({"binlog_expire_logs_seconds": "7200"}, 200_000_000, 1, "10,000 s"),
        ({"binlog_expire_logs_seconds": "7200"}, 1, 200 * 10**9, "10,000 s"),
        ({"binlog_expire_logs_seconds": "0", "expire_logs_days": "0.01"}, 1, 1, "864 s"),
        ({"max_binlog_total_size": "1000000"}, 1, 600_000, "1,000,000 bytes"),
        ({"binlog_space_limit": "1000000"}, 1, 600_000, "1,000,000 bytes"),
    ],
)
def test_a_binary_log_that_is_not_kept_for_long_is_a_warning(
    variables: dict[str, str], rows: int, size: int, said: str
) -> None:
    found = subject(definition=table(rows=rows, bytes=size), variables=variables, disks=(Disk("/", 10**15),))
    assert said in warning(found).evidence[0]


@pytest.mark.parametrize(
    "variables",
    [
        {"binlog_expire_logs_seconds": "3600"},
        {"binlog_expire_logs_seconds": "60", "binlog_expire_logs_auto_purge": "OFF"},
        {"binlog_expire_logs_seconds": "0", "expire_logs_days": "0.000000"},
        {"max_binlog_total_size": "0"},
        {"binlog_space_limit": "18446744073709551615"},
    ],
)
def test_a_binary_log_that_is_kept_for_long_is_none(variables: dict[str, str]) -> None:
    assert preflight.warnings(subject(variables=variables)) == ()


def test_a_large_table_is_a_warning_where_nobody_knows_what_is_free() -> None:
    finding = warning(subject(definition=table(bytes=100 * GIB)))
    assert finding.evidence == ("/data/ needs about 110 GiB", "/data/binlog.* needs about 100 GiB")
    assert preflight.warnings(subject(definition=table(bytes=GIB - 1))) == ()


@pytest.mark.parametrize(
    "disks, is_short",
    [
        ((Disk("/", 5), Disk("/data", 300 * GIB)), False),
        ((Disk("/", 900 * GIB), Disk("/data", 200 * GIB)), True),  # either fits, both do not
        ((Disk("/", 300 * GIB), Disk("/dat", 5)), False),
    ],
)
def test_what_is_needed_is_compared_with_what_is_free_on_its_disk(disks: tuple[Disk, ...], *, is_short: bool) -> None:
    found = subject(definition=table(bytes=100 * GIB), disks=disks)
    assert bool(preflight.warnings(found)) is is_short
    if is_short:
        assert "200 GiB free" in warning(found).evidence[0]


def test_a_shared_tablespace_is_a_warning() -> None:
    assert "shared tablespace" in warning(subject(variables={"innodb_file_per_table": "OFF"})).reason


def test_an_old_transaction_is_named_and_a_young_one_is_not() -> None:
    young = Blocker(7, "app", "web1", 59, "", 0, is_certain=True)
    assert preflight.warnings(subject(blockers=(young,))) == ()
    old = replace(young, connection=8, seconds=60)
    (line,) = warning(subject(blockers=(old, young))).evidence
    assert "connection 8 (app@web1" in line


def test_prepared_transactions_are_named() -> None:
    assert warning(subject(prepared=frozenset({"b", "a"}))).evidence == ("a", "b")


def test_sessions_that_log_otherwise_are_named() -> None:
    statements = Deviation(7, "app", "web1", "binlog_format", "STATEMENT")
    finding = warning(subject(deviations=(statements,)))
    assert finding.evidence == ("connection 7 (app@web1): binlog_format = STATEMENT",)
    assert "comparison" not in finding.reason
    silent = Deviation(8, "dba", "host", "sql_log_bin", "OFF")
    assert "comparison" in warning(subject(deviations=(statements, silent))).reason


@pytest.mark.parametrize(
    "found,said",
    [
        ({"is_replica": True}, "is a replica"),
        ({"wants_replica": True}, "is not a replica"),
        ({"is_replica": True, "wants_replica": True, "variables": {"log_slave_updates": "OFF"}}, "does not log"),
        ({"is_replica": True, "wants_replica": True, "variables": {"log_replica_updates": "OFF"}}, "does not log"),
    ],
)
def test_a_migration_runs_on_a_replica_only_where_that_is_wanted_and_possible(found: dict[str, Any], said: str) -> None:
    assert any(said in finding.reason for finding in preflight.refusals(subject(**found)))


@pytest.mark.parametrize("name", ["log_slave_updates", "log_replica_updates"])
def test_a_replica_that_is_read_only_as_usual_is_taken_where_it_is_wanted(name: str) -> None:
    usual = subject(is_replica=True, wants_replica=True, variables={name: "ON", "read_only": "ON"})
    assert preflight.refusals(usual) == ()
    strict = subject(is_replica=True, wants_replica=True, variables={name: "ON", "super_read_only": "ON"})
    assert len(preflight.refusals(strict)) == 1

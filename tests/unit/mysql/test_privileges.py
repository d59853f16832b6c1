"""What SHOW GRANTS says on MySQL 8 and 9 and MariaDB 10.11, and which GRANT is missing."""

import pytest

from fsm_ghost.mysql.privileges import GLOBAL_ON_MARIADB, GLOBAL_ON_MYSQL, ON_SCHEMA, missing_grants

ME = "`ghost`@`%`"
ALL_OF_SCHEMA = (
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, LOCK TABLES, TRIGGER ON `shop`.* TO `ghost`@`%`"
)
REPLICATION = "GRANT REPLICATION SLAVE, REPLICATION CLIENT, PROCESS ON *.* TO `ghost`@`%`"
MYSQL_ROOT = (
    (
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, SHUTDOWN, PROCESS, FILE, REFERENCES, INDEX, ALTER,"
        " SHOW DATABASES, SUPER, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT,"
        " CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, CREATE ROLE,"
        " DROP ROLE ON *.* TO `root`@`localhost` WITH GRANT OPTION"
    ),
    (
        "GRANT ALLOW_NONEXISTENT_DEFINER,APPLICATION_PASSWORD_ADMIN,BINLOG_ADMIN,CONNECTION_ADMIN,XA_RECOVER_ADMIN"
        " ON *.* TO `root`@`localhost` WITH GRANT OPTION"
    ),
    "GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION",
)
MARIADB_ROOT = (
    (
        "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` IDENTIFIED VIA mysql_native_password USING 'invalid'"
        " OR unix_socket WITH GRANT OPTION"
    ),
    "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
)


def lacking(*grants: str, schema: str = "shop") -> tuple[str, ...]:
    return missing_grants(grants, schema, ME)


@pytest.mark.parametrize("grants", [MYSQL_ROOT, MARIADB_ROOT], ids=["MySQL", "MariaDB"])
def test_root_lacks_nothing(grants: tuple[str, ...]) -> None:
    assert lacking(*grants) == ()
    assert missing_grants(grants, "shop", ME, GLOBAL_ON_MYSQL) == ()


def test_exactly_what_is_needed_is_enough() -> None:
    assert lacking("GRANT USAGE ON *.* TO `ghost`@`%`", REPLICATION, ALL_OF_SCHEMA) == ()


def test_an_account_without_anything_is_told_everything() -> None:
    assert lacking("GRANT USAGE ON *.* TO `ghost`@`%`") == (
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT, PROCESS ON *.* TO `ghost`@`%`;",
        f"GRANT {', '.join(ON_SCHEMA)} ON `shop`.* TO `ghost`@`%`;",
    )


@pytest.mark.parametrize("privilege", ON_SCHEMA)
def test_only_what_is_lacking_is_asked_for(privilege: str) -> None:
    rest = ", ".join(name for name in ON_SCHEMA if name != privilege)
    grant = f"GRANT {rest} ON `shop`.* TO `ghost`@`%`"
    assert lacking(REPLICATION, grant) == (f"GRANT {privilege} ON `shop`.* TO `ghost`@`%`;",)


def test_privileges_add_up_over_lines_and_levels() -> None:
    assert (
        lacking(
            "GRANT SELECT, REPLICATION SLAVE ON *.* TO `ghost`@`%`",
            "GRANT REPLICATION CLIENT, PROCESS ON *.* TO `ghost`@`%`",
            "GRANT INSERT, UPDATE, DELETE ON `shop`.* TO `ghost`@`%`",
            "GRANT CREATE, DROP, ALTER, INDEX, LOCK TABLES, TRIGGER ON `shop`.* TO `ghost`@`%` WITH GRANT OPTION",
        )
        == ()
    )


@pytest.mark.parametrize("what", ["ALL PRIVILEGES", "ALL", "all privileges"])
def test_all_on_the_schema_is_all_on_the_schema_and_nothing_global(what: str) -> None:
    grant = f"GRANT {what} ON `shop`.* TO `ghost`@`%`"
    assert lacking(grant, REPLICATION) == ()
    assert lacking(grant) == ("GRANT REPLICATION SLAVE, REPLICATION CLIENT, PROCESS ON *.* TO `ghost`@`%`;",)


def test_on_mysql_prepared_transactions_must_be_seen() -> None:
    assert missing_grants([REPLICATION, ALL_OF_SCHEMA], "shop", ME, GLOBAL_ON_MYSQL) == (
        "GRANT XA_RECOVER_ADMIN ON *.* TO `ghost`@`%`;",
    )


def test_mariadb_calls_replication_client_binlog_monitor() -> None:
    assert lacking("GRANT REPLICATION SLAVE, BINLOG MONITOR, PROCESS ON *.* TO `ghost`@`%`", ALL_OF_SCHEMA) == ()


def test_seeing_replicas_is_not_seeing_the_binlog() -> None:
    assert lacking("GRANT REPLICATION SLAVE, REPLICA MONITOR, PROCESS ON *.* TO `ghost`@`%`", ALL_OF_SCHEMA) != ()


@pytest.mark.parametrize("spelled", ["SLAVE MONITOR", "REPLICA MONITOR"])
def test_on_mariadb_it_must_be_seen_whether_the_server_is_a_replica(spelled: str) -> None:
    seen = f"GRANT REPLICATION SLAVE, BINLOG MONITOR, PROCESS, {spelled} ON *.* TO `ghost`@`%`"
    assert missing_grants([seen, ALL_OF_SCHEMA], "shop", ME, GLOBAL_ON_MARIADB) == ()
    assert missing_grants([REPLICATION, ALL_OF_SCHEMA], "shop", ME, GLOBAL_ON_MARIADB) == (
        "GRANT SLAVE MONITOR ON *.* TO `ghost`@`%`;",
    )


@pytest.mark.parametrize(
    "where,schema",
    [
        (r"`shop\_eu`.*", "shop_eu"),
        ("`shop_eu`.*", "shop_eu"),
        ("`shop_eu`.*", "shopXeu"),
        ("`sh%`.*", "shop"),
        ("`%`.*", "shop"),
        (r"`100\%`.*", "100%"),
        ("`my``shop`.*", "my`shop"),
        ("`my shop`.*", "my shop"),
        ("`sh.p`.*", "sh.p"),
        ("`süd-表`.*", "süd-表"),
        ("`a+b(c)`.*", "a+b(c)"),
    ],
)
def test_the_schema_of_a_grant_may_be_a_pattern(where: str, schema: str) -> None:
    assert lacking(REPLICATION, f"GRANT ALL PRIVILEGES ON {where} TO `ghost`@`%`", schema=schema) == ()


@pytest.mark.parametrize(
    "where,schema",
    [
        (r"`shop\_eu`.*", "shopXeu"),
        ("`shop`.*", "shop2"),
        ("`shop`.*", "myshop"),
        ("`sh.p`.*", "shop"),
        (r"`100\%`.*", "1000"),
        ("`shop`.`orders`", "shop"),
        ("`shop%`.`orders`", "shop"),
        ("PROCEDURE `shop`.`p`", "shop"),
    ],
)
def test_a_grant_on_something_else_is_not_one_on_the_schema(where: str, schema: str) -> None:
    assert len(lacking(REPLICATION, f"GRANT ALL PRIVILEGES ON {where} TO `ghost`@`%`", schema=schema)) == 1


def test_lines_about_roles_and_columns_are_no_privileges_of_the_schema() -> None:
    lines = (
        "GRANT `app_role`@`%`,`other`@`%` TO `ghost`@`%`",
        "GRANT `app_role` TO `ghost`@`%`",
        "SET DEFAULT ROLE `app_role` FOR `ghost`@`%`",
        "GRANT SELECT (`a`, `b`), INSERT (`a`) ON `shop`.`orders` TO `ghost`@`%`",
        "REVOKE INSERT ON `shop`.* FROM `ghost`@`%`",
        "",
    )
    assert len(lacking(*lines)) == 2


def test_the_grant_that_is_asked_for_quotes_the_schema() -> None:
    assert "ON `my``shop`.* TO" in lacking(REPLICATION, schema="my`shop")[0]


@pytest.mark.parametrize("schema", ["a\\b", "a\\", "\\_", "a\\%b"])
def test_a_backslash_is_told_as_two_and_read_back(schema: str) -> None:
    (told,) = lacking(REPLICATION, schema=schema)
    assert schema.replace("\\", "\\\\") in told
    assert lacking(REPLICATION, told.rstrip(";") + " ", schema=schema) == ()


def test_one_backslash_of_a_grant_only_takes_away_the_meaning_of_the_next_character() -> None:
    grant = f"GRANT {', '.join(ON_SCHEMA)} ON `a\\b\\_`.* TO `ghost`@`%`"
    assert lacking(REPLICATION, grant, schema="ab_") == ()
    assert lacking(REPLICATION, grant, schema="a\\b_") != ()
    assert lacking(REPLICATION, grant, schema="abx") != ()


def test_what_was_revoked_for_the_schema_is_lacking_unless_it_was_granted_there() -> None:
    everywhere = f"GRANT {', '.join(ON_SCHEMA)} ON *.* TO `ghost`@`%`"
    revoke = "REVOKE DROP ON `shop`.* FROM `ghost`@`%`"
    assert lacking(REPLICATION, everywhere, revoke) == ("GRANT DROP ON `shop`.* TO `ghost`@`%`;",)
    assert lacking(REPLICATION, everywhere, revoke, schema="other") == ()
    assert lacking(REPLICATION, everywhere, revoke, "GRANT DROP ON `shop`.* TO `ghost`@`%`") == ()

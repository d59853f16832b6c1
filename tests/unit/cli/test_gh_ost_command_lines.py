"""Command lines as they stand in runbooks, scripts and programs that call gh-ost: they all become settings."""

from __future__ import annotations

import shlex

import pytest

from fsm_ghost.cli.arguments import parse
from fsm_ghost.cli.as_gh_ost import in_our_words
from fsm_ghost.cli.to_settings import settings
from fsm_ghost.settings import Settings

# Of the flags that are used in public, what a collection of 50 command lines showed.
RUNBOOK = """
    gh-ost --max-load=Threads_running=25 --critical-load=Threads_running=1000 --chunk-size=1000
    --throttle-control-replicas="replica1:3306,replica2:3306" --max-lag-millis=1500 --user="ghost" --password="secret"
    --host=primary.example.org --allow-on-master --database="shop" --table="orders" --verbose
    --alter="engine=innodb" --switch-to-rbr --allow-master-master --cut-over=default --exact-rowcount
    --concurrent-rowcount --default-retries=120 --postpone-cut-over-flag-file=/tmp/ghost.postpone.flag --execute
"""
SINGLE_DASHES = """
    gh-ost -host 10.0.0.5 -port 3306 -user ghost -password secret -database shop -table orders -alter 'ADD COLUMN c INT'
    -allow-on-master -assume-rbr -initially-drop-ghost-table -initially-drop-old-table -ok-to-drop-table
    -initially-drop-socket-file -timestamp-old-table -chunk-size 2000 -dml-batch-size 100 -nice-ratio 0.5
    -cut-over-lock-timeout-seconds 10 -heartbeat-interval-millis 500 -max-load 'Threads_running=100' -debug -stack
    -execute
"""
REPLICA = """
    gh-ost --host=replica --port=3306 --assume-master-host=primary:3307 --conf=/dev/null --database=shop --table=orders
    --alter="ADD c INT" --throttle-additional-flag-file=/tmp/throttle --replica-server-id=99998
    --critical-load-interval-millis=500 --throttle-http=http://localhost/ready --approve-renamed-columns
    --gcp --checkpoint --checkpoint-seconds=60 --hooks-hint=deploy --quiet --execute
"""
# A program that names every boolean, and leaves empty what it has no value for.
WRAPPER = """
    gh-ost --host=primary --port=3306 --user=ghost --password=secret --database=shop --table=orders
    --alter="ADD COLUMN c INT" --execute=true --allow-on-master=true --assume-rbr=true --aliyun-rds=false --gcp=false
    --allow-nullable-unique-key=false --concurrent-rowcount=true --exact-rowcount=false --discard-foreign-keys=false
    --initially-drop-ghost-table=true --initially-drop-old-table=true --initially-drop-socket-file=true --ssl=false
    --ok-to-drop-table=true --skip-foreign-key-checks=false --timestamp-old-table=true --verbose=false
    --cut-over=atomic --cut-over-exponential-backoff=false --exponential-backoff-max-interval=64 --chunk-size=1000
    --default-retries=60 --dml-batch-size=10 --max-lag-millis=1500 --nice-ratio=0 --max-load= --critical-load=
    --critical-load-interval-millis=0 --critical-load-hibernate-seconds=0 --throttle-control-replicas=
    --throttle-query= --throttle-http= --throttle-flag-file= --replication-lag-query= --postpone-cut-over-flag-file=
    --panic-flag-file= --serve-socket-file= --serve-tcp-port=0 --hooks-path= --test-on-replica=false
    --migrate-on-replica=false --include-triggers=false --trigger-suffix= --attempt-instant-ddl=false --tungsten=false
    --skip-renamed-columns=false --force-named-cut-over=false --force-named-panic=false --gtid=false --statsd-addr=
"""
WHOLE_STATEMENT = 'gh-ost --host primary --alter "ALTER TABLE shop.orders ADD c INT" --allow-on-master --execute'


def asked(line: str) -> Settings:
    command, *arguments = in_our_words(shlex.split(line)[1:])
    return settings(parse(command, arguments, {}), "")


@pytest.mark.parametrize("line", [RUNBOOK, SINGLE_DASHES, REPLICA, WRAPPER, WHOLE_STATEMENT])
def test_a_public_command_line_is_understood(line: str) -> None:
    found = asked(line)
    assert (found.schema, found.table, found.execute) == ("shop", "orders", True)


def test_what_a_runbook_asks_for_is_asked_for() -> None:
    found = asked(RUNBOOK)
    assert (found.server.host, found.server.user, found.copy.chunk_size) == ("primary.example.org", "ghost", 1000)
    assert found.throttle.max_load == "Threads_running=25"
    assert found.throttle.replicas() == (("replica1", 3306), ("replica2", 3306))
    assert found.cut_over.postpone_flag_file == "/tmp/ghost.postpone.flag"  # noqa: S108 - only named


def test_where_a_replica_is_named_the_primary_beside_it_is_meant() -> None:
    assert asked(REPLICA).server.address == "primary:3307"


def test_nothing_comes_of_what_a_wrapper_leaves_empty() -> None:
    plain = "gh-ost --host=primary --user=ghost --database=shop --table=orders --alter='ADD COLUMN c INT' --execute"
    assert asked(WRAPPER) == asked(f"{plain} --ok-to-drop-table --chunk-size=1000")

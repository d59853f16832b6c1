"""gh-ost's flags that have no effect here, and those that would promise something we do not do."""

from __future__ import annotations

from fsm_ghost.cli.option import Group, Kind, Option


def _without_effect(name: str, kind: Kind, why: str, *, remark: bool = False, choices: tuple[str, ...] = ()) -> Option:
    said = f"--{name} has no effect: {why}" if remark else ""
    return Option(name, kind, Group.GH_OST, why, choices=choices, remark=said)


_LEFTOVERS = "leftovers are only dropped when they are proved to be ours: fsm-ghost cleanup ID"
_NO_GUESS = "which columns are renamed is read from the ALTER, not guessed"
_ROW_COUNT = "progress is measured by key range, not by counting rows"

WITHOUT_EFFECT: tuple[Option, ...] = (
    _without_effect("allow-on-master", Kind.SWITCH, "a migration always runs on the server that is named"),
    _without_effect("allow-master-master", Kind.SWITCH, "a migration always runs on the server that is named"),
    _without_effect("assume-rbr", Kind.SWITCH, "binlog_format is looked at, and never changed"),
    _without_effect("switch-to-rbr", Kind.SWITCH, "binlog_format is looked at, and never changed", remark=True),
    _without_effect("initially-drop-ghost-table", Kind.SWITCH, _LEFTOVERS, remark=True),
    _without_effect("initially-drop-old-table", Kind.SWITCH, _LEFTOVERS, remark=True),
    _without_effect("initially-drop-socket-file", Kind.SWITCH, "there is no socket file"),
    _without_effect("timestamp-old-table", Kind.SWITCH, "the old table's name always carries a time stamp"),
    _without_effect("exact-rowcount", Kind.SWITCH, _ROW_COUNT),
    _without_effect("concurrent-rowcount", Kind.SWITCH, _ROW_COUNT),
    _without_effect("approve-renamed-columns", Kind.SWITCH, _NO_GUESS),
    _without_effect("cut-over", Kind.TEXT, "there is one, and it is atomic", choices=("atomic", "default")),
    _without_effect("cut-over-exponential-backoff", Kind.SWITCH, "it always backs off"),
    _without_effect("exponential-backoff-max-interval", Kind.NUMBER, "30 s at most"),
    _without_effect("force-named-cut-over", Kind.SWITCH, "a command has to name one of several migrations"),
    _without_effect("force-named-panic", Kind.SWITCH, "commands always name their migration"),
    _without_effect("storage-engine", Kind.TEXT, "it is always InnoDB", choices=("innodb", "InnoDB")),
    _without_effect("charset", Kind.TEXT, "connections always use utf8mb4"),
    _without_effect("gtid", Kind.SWITCH, "coordinates are file and position"),
    _without_effect("checkpoint", Kind.SWITCH, "there are always checkpoints"),
    _without_effect("checkpoint-seconds", Kind.NUMBER, "there is one several times a second"),
    _without_effect("panic-on-warnings", Kind.SWITCH, "a row that does not fit always ends the migration"),
    _without_effect("dml-batch-size", Kind.NUMBER, "rows are refreshed as the backlog demands"),
    _without_effect("heartbeat-interval-millis", Kind.NUMBER, "the stream's delay is measured as needed"),
    _without_effect("replica-server-id", Kind.NUMBER, "every run takes an id of its own"),
    _without_effect("binlogsyncer-max-reconnect-attempts", Kind.NUMBER, "it reconnects while there is progress"),
    _without_effect("skip-port-validation", Kind.SWITCH, "the server is known by its identity"),
    _without_effect("skip-metadata-lock-check", Kind.SWITCH, "the swap is proved by its traces"),
    _without_effect("allow-setup-metadata-lock-instruments", Kind.SWITCH, "no instruments are needed"),
    _without_effect("analyze-ghost-table-before-cutover", Kind.SWITCH, "the ghost table is always analysed"),
    _without_effect("gcp", Kind.SWITCH, "nothing is different there"),
    _without_effect("azure", Kind.SWITCH, "nothing is different there"),
    _without_effect("aliyun-rds", Kind.SWITCH, "nothing is different there"),
    _without_effect("stack", Kind.SWITCH, "errors come with what to do next"),
)

# Flags of gh-ost's that would promise something we do not do: what to say instead, where there is something to say.
MISSING: dict[str, str] = {
    "replication-lag-query": "Lag is measured with our own marker: --throttle-control-replicas.",
    "panic-flag-file": "To end a migration: fsm-ghost abort ID; to stop it for a while: Ctrl-C, then resume.",
    "serve-socket-file": "To look at a running migration: fsm-ghost status; to end it: fsm-ghost abort ID.",
    "serve-tcp-port": "",
    "hooks-status-interval": "",
    "statsd-addr": "",
    "runtime-metrics-interval": "",
    "assume-master-host": "Name the primary with --host.",
    "master-user": "",
    "master-password": "",
    "mysql-timeout": "",
    "conf": "Credentials come from --ask-pass, --password-file, MYSQL_PWD or FSM_GHOST_PASSWORD.",
    "allow-nullable-unique-key": "",
    "skip-renamed-columns": "",
    "tungsten": "",
    "discard-foreign-keys": "",
    "skip-foreign-key-checks": "",
    "skip-strict-mode": "",
    "allow-zero-in-date": "",
    "test-on-replica": "",
    "test-on-replica-skip-replica-stop": "",
    "migrate-on-replica": "",
    "include-triggers": "",
    "trigger-suffix": "",
    "remove-trigger-suffix-if-exists": "",
    "resume": "To go on with a migration: fsm-ghost resume.",
    "revert": "",
    "old-table": "",
    "force-table-names": "",
    "check-flag": "",
}

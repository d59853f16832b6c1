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
    _without_effect("initially-drop-socket-file", Kind.SWITCH, "a dead run's socket always goes, a living one's never"),
    _without_effect("timestamp-old-table", Kind.SWITCH, "the old table's name always carries a time stamp"),
    _without_effect("exact-rowcount", Kind.SWITCH, _ROW_COUNT),
    _without_effect("concurrent-rowcount", Kind.SWITCH, _ROW_COUNT),
    _without_effect("approve-renamed-columns", Kind.SWITCH, _NO_GUESS),
    _without_effect("cut-over", Kind.TEXT, "there is one, and it is atomic", choices=("atomic", "default")),
    _without_effect("cut-over-exponential-backoff", Kind.SWITCH, "it always backs off"),
    _without_effect("exponential-backoff-max-interval", Kind.NUMBER, "30 s at most"),
    _without_effect("storage-engine", Kind.TEXT, "it is always InnoDB", choices=("innodb",)),
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
    _without_effect("tungsten", Kind.SWITCH, "the primary's own binlog is read, whatever replicates to it"),
    _without_effect("allow-zero-in-date", Kind.SWITCH, "dates that are stored are always kept as they are"),
    _without_effect(
        "skip-strict-mode", Kind.SWITCH, "a row that does not fit is an error, but for --allow-lossy", remark=True
    ),
    _without_effect(
        "skip-foreign-key-checks", Kind.SWITCH, "foreign keys are always looked for, and refused", remark=True
    ),
    _without_effect(
        "replication-lag-query", Kind.TEXT, "lag is measured by markers: --throttle-control-replicas", remark=True
    ),
    _without_effect("test-on-replica-skip-replica-stop", Kind.SWITCH, "replication is always left running"),
    _without_effect("runtime-metrics-interval", Kind.NUMBER, "there is no Go runtime to be measured"),
)

_TRIGGERS = "Drop the triggers before, and create them again afterwards."
_NO_REVERT = "The old table is kept, as it was at the swap: compare, and RENAME it, or migrate back."


def _refused(name: str, kind: Kind, instead: str) -> Option:
    return Option(name, kind, Group.REFUSED, instead)


# They would promise something that is not done here.
REFUSED: tuple[Option, ...] = (
    _refused("skip-renamed-columns", Kind.SWITCH, "Write the change as DROP COLUMN and ADD COLUMN."),
    _refused(
        "allow-nullable-unique-key",
        Kind.SWITCH,
        "Rows with NULL in the key would be left out. Make its columns NOT NULL first.",
    ),
    _refused("discard-foreign-keys", Kind.SWITCH, "Drop the foreign keys yourself first."),
    _refused("include-triggers", Kind.SWITCH, _TRIGGERS),
    _refused("trigger-suffix", Kind.TEXT, _TRIGGERS),
    _refused("remove-trigger-suffix-if-exists", Kind.SWITCH, _TRIGGERS),
    _refused("resume", Kind.SWITCH, "To go on with a migration: fsm-ghost resume."),
    _refused("revert", Kind.SWITCH, _NO_REVERT),
    _refused("old-table", Kind.TEXT, _NO_REVERT),
    _refused("force-table-names", Kind.TEXT, "Names that do not fit are cut, and kept apart by a hash: leave it out."),
)

"""What may be asked of a migration anew while it runs: settings, by the names of their options."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Any, get_type_hints

from fsm_ghost.engine.orders import BEFORE_THE_END
from fsm_ghost.errors import UsageError
from fsm_ghost.model.command import Answer, Command
from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import Settings, masked

# The field of Settings that each of them is.
TUNABLE = {
    "chunk-size": "copy.chunk_size",
    "max-load": "throttle.max_load",
    "critical-load": "throttle.critical_load",
    "critical-load-interval-millis": "throttle.critical_interval_millis",
    "critical-load-hibernate-seconds": "throttle.hibernate",
    "nice-ratio": "throttle.nice_ratio",
    "max-latency-growth": "throttle.max_latency_growth",
    "max-lag-millis": "throttle.max_lag_millis",
    "throttle-control-replicas": "throttle.control_replicas",
    "throttle-query": "throttle.query",
    "throttle-http": "throttle.http",
    "throttle-http-interval-millis": "throttle.http_interval_millis",
    "throttle-http-timeout-millis": "throttle.http_timeout_millis",
    "ignore-http-errors": "throttle.ignore_http_errors",
    "throttle-flag-file": "throttle.flag_file",
    "throttle-additional-flag-file": "throttle.additional_flag_file",
    "postpone-cut-over-flag-file": "cut_over.postpone_flag_file",
    "cut-over-window": "cut_over.window",
    "cut-over-kill": "cut_over.kill",
    "cut-over-kill-age": "cut_over.kill_age",
    "cut-over-kill-users": "cut_over.kill_users",
    "cut-over-lock-timeout-seconds": "cut_over.lock_timeout",
    "default-retries": "cut_over.attempts",
}
_TRUTH = {"true": True, "false": False}


def tuned(command: Command, phase: Phase, asked: Settings) -> tuple[Settings | None, Answer]:
    """What is asked of a migration after a change such as `chunk-size=500`, None where it stays; and the answer."""
    name, _, text = command.value.partition("=")
    if phase not in BEFORE_THE_END:
        return None, _refused(command, f"too late: the migration is in state {phase}")
    if name == "throttle-query" and text and not asked.control.allow_throttle_query:
        return None, _refused(command, "throttle-query is changed only where --allow-throttle-query-commands was given")
    try:
        changed = with_other(asked, name, text)
    except UsageError as error:
        return None, _refused(command, error.message)
    now, before = shown(changed, name), shown(asked, name)
    if changed == asked:
        return None, Answer(command.id, took_effect=True, text=f"{name} is {now} already")
    return changed, Answer(command.id, took_effect=True, text=f"{name} is {now} now; it was {before}")


def with_other(settings: Settings, name: str, text: str) -> Settings:
    """Settings with another value for one of them; UsageError when it has no such value, or may not be changed."""
    group, field = _field(name)
    old = getattr(settings, group)
    return replace(settings, **{group: replace(old, **{field: _read(name, get_type_hints(type(old))[field], text)})})


def shown(settings: Settings, name: str) -> str:
    """One of them in words: as it would be given, without what nobody else should know."""
    group, field = _field(name)
    return _said(getattr(getattr(settings, group), field))


def _field(name: str) -> tuple[str, str]:
    if name not in TUNABLE:
        raise UsageError(f"{name} cannot be changed while it runs")
    group, _, field = TUNABLE[name].partition(".")
    return group, field


def _said(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    text = ",".join(value) if isinstance(value, tuple) else masked(str(value))
    return text or "empty"


def _read(name: str, kind: Any, text: str) -> Any:  # noqa: ANN401 - as the field of Settings has it
    try:
        if kind is bool:
            return _TRUTH[text.lower()]
        if isinstance(kind, type) and issubclass(kind, (int, float, Enum)):
            return kind(text)
    except (ValueError, KeyError):
        raise UsageError(f"{name} cannot be {text!r}") from None
    if kind is not str:
        return tuple(filter(None, (part.strip() for part in text.split(","))))
    if name.endswith("-file") and text and not text.startswith("/"):
        raise UsageError(f"{name} must be an absolute path, not {text}: the run has another folder than you")
    return text.strip()


def _refused(command: Command, text: str) -> Answer:
    return Answer(command.id, took_effect=False, text=text)

"""What may be changed about a running migration, and what it answers."""

from dataclasses import replace

import pytest

from fsm_ghost.cli.options import OPTIONS
from fsm_ghost.engine.tuning import TUNABLE, shown, tuned, with_other
from fsm_ghost.errors import UsageError
from fsm_ghost.model.command import Answer, Command, Verb
from fsm_ghost.model.phase import Phase
from fsm_ghost.settings import ControlSettings, CopySettings, Kill, ServerSettings, Settings, ThrottleSettings

PLAIN = Settings(ServerSettings(), "shop", "orders", "ADD c INT")
FREE = replace(PLAIN, control=ControlSettings(allow_throttle_query=True))
_TAKEN = {
    "chunk-size": "500",
    "max-load": "Threads_running=30",
    "critical-load": "Threads_running=300",
    "critical-load-interval-millis": "2000",
    "critical-load-hibernate-seconds": "60",
    "nice-ratio": "0.5",
    "max-lag-millis": "900",
    "max-latency-growth": "10",
    "throttle-control-replicas": "db2:3306",
    "throttle-query": "SELECT 0",
    "throttle-http": "https://host/may-i",
    "throttle-http-interval-millis": "50",
    "throttle-http-timeout-millis": "500",
    "ignore-http-errors": "true",
    "throttle-flag-file": "/run/throttle",
    "throttle-additional-flag-file": "/run/throttle-all",
    "postpone-cut-over-flag-file": "/run/postpone",
    "cut-over-window": "02:00-04:00",
    "cut-over-kill": "list",
    "cut-over-kill-age": "9",
    "cut-over-kill-users": "app,batch",
    "cut-over-lock-timeout-seconds": "2.5",
    "default-retries": "7",
}
_WRONG = {
    "chunk-size": ("many", "-1", ""),
    "max-load": ("Threads_running",),
    "nice-ratio": ("nan", "101", "nice"),
    "max-lag-millis": ("99", "1.5"),
    "throttle-http": ("file:///etc/passwd", "https://me:sesame@host/may-i"),
    "throttle-http-interval-millis": ("0",),
    "critical-load-hibernate-seconds": ("-1",),
    "ignore-http-errors": ("perhaps",),
    "throttle-flag-file": ("here", "../there"),
    "cut-over-window": ("at night",),
    "cut-over-kill": ("perhaps",),
    "cut-over-lock-timeout-seconds": ("0", "inf"),
    "default-retries": ("0",),
}


def asked(value: str, settings: Settings = FREE, phase: Phase = Phase.COPY) -> tuple[Settings | None, Answer]:
    return tuned(Command(5, Verb.CHANGE, value), phase, settings)


@pytest.mark.parametrize("name", TUNABLE)
def test_what_may_be_changed_is_changed_and_said_with_what_it_was(name: str) -> None:
    changed, answer = asked(f"{name}={_TAKEN[name]}")
    assert changed is not None
    assert shown(changed, name) == _TAKEN[name]
    assert answer == Answer(5, took_effect=True, text=f"{name} is {_TAKEN[name]} now; it was {shown(FREE, name)}")
    others = [other for other in TUNABLE if other != name]
    assert [shown(changed, other) for other in others] == [shown(FREE, other) for other in others]


@pytest.mark.parametrize("name", TUNABLE)
def test_what_may_be_changed_is_the_option_of_that_name_and_nothing_else(name: str) -> None:
    assert [option.sets for option in OPTIONS if option.name == name] == [TUNABLE[name]]


def test_all_options_of_throttling_may_be_changed() -> None:
    assert {option.name for option in OPTIONS if option.sets.startswith("throttle.")} <= TUNABLE.keys()


@pytest.mark.parametrize("name,text", [(name, text) for name, texts in _WRONG.items() for text in texts])
def test_what_makes_no_sense_changes_nothing_and_is_answered(name: str, text: str) -> None:
    changed, answer = asked(f"{name}={text}")
    assert (changed, answer.command, answer.took_effect) == (None, 5, False)
    assert name in answer.text


@pytest.mark.parametrize("value", ["execute=true", "database=other", "verify=false", "nonsense=1", "=1", ""])
def test_nothing_else_may_be_changed(value: str) -> None:
    changed, answer = asked(value)
    assert (changed, answer.took_effect) == (None, False)


def test_what_is_so_already_is_a_success_that_changes_nothing() -> None:
    changed, answer = asked("chunk-size=0")
    assert (changed, answer.took_effect, answer.text) == (None, True, "chunk-size is 0 already")


def test_nothing_takes_a_list_or_a_file_away() -> None:
    full = replace(FREE, throttle=ThrottleSettings(max_load="Threads_running=3", flag_file="/run/throttle"))
    for name in ("max-load", "throttle-flag-file"):
        changed, _ = asked(f"{name}=", full)
        assert changed is not None
        assert shown(changed, name) == "empty"


@pytest.mark.parametrize("phase", [Phase.CLEANUP, Phase.ROLLBACK, Phase.DONE, Phase.FAILED, Phase.ABORTED])
def test_after_the_swap_it_is_too_late(phase: Phase) -> None:
    assert asked("chunk-size=5", phase=phase) == (
        None,
        Answer(5, took_effect=False, text=f"too late: the migration is in state {phase}"),
    )


def test_a_query_is_taken_only_where_that_was_allowed_and_may_always_be_taken_away() -> None:
    changed, answer = asked("throttle-query=SELECT 1", PLAIN)
    assert (changed, answer.took_effect) == (None, False)
    assert "--allow-throttle-query-commands" in answer.text
    with_one = replace(PLAIN, throttle=ThrottleSettings(query="SELECT 1"))
    changed, _ = asked("throttle-query=", with_one)
    assert changed is not None
    assert changed.throttle.query == ""


def test_a_token_in_a_url_is_not_repeated() -> None:
    changed, answer = asked("throttle-http=https://host/may-i?token=sesame")
    assert changed is not None
    assert changed.throttle.http.endswith("sesame")
    assert "https://host/may-i?(not shown)" in answer.text
    assert "sesame" not in answer.text + shown(changed, "throttle-http") + asked("max-load=x", changed)[1].text


def test_values_are_what_the_settings_want() -> None:
    assert with_other(PLAIN, "cut-over-kill", "yes").cut_over.kill is Kill.YES
    assert with_other(PLAIN, "cut-over-kill-users", " a, b,").cut_over.kill_users == ("a", "b")
    assert with_other(PLAIN, "chunk-size", "10").copy == CopySettings(chunk_size=10)
    with pytest.raises(UsageError):
        with_other(PLAIN, "cut-over-kill", "YES")

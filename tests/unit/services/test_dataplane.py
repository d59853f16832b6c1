"""What a change of settings does to services that are open already."""

from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fsm_ghost.model.progress import Progress
from fsm_ghost.services.dataplane import DataPlane
from fsm_ghost.services.tools import Tools
from fsm_ghost.settings import CopySettings, ServerSettings, Settings, ThrottleSettings

PLAIN = Settings(ServerSettings(), "shop", "orders", "ADD c INT")


def plane() -> DataPlane:
    """One with settings, and nothing else."""
    tools: dict[str, Any] = {each.name: None for each in fields(Tools)}
    return DataPlane(Tools(**tools | {"settings": PLAIN}))


def test_open_services_work_with_the_new_settings_from_then_on() -> None:
    changed = replace(PLAIN, copy=CopySettings(chunk_size=500), throttle=ThrottleSettings(nice_ratio=2.0))
    ours, lengths = plane(), cast("list[CopySettings]", [])
    ours.crews._copier = cast("Any", SimpleNamespace(nice=0.0))
    ours.crews._chunker = cast("Any", SimpleNamespace(retune=lengths.append))
    ours.retune(changed)
    assert (cast("Any", ours.crews._copier).nice, lengths) == (2.0, [changed.copy])
    assert ours._tools.settings == changed


def test_what_does_not_concern_throttling_does_not_make_row_copy_wait() -> None:
    ours = plane()
    ours.retune(replace(PLAIN, copy=CopySettings(chunk_size=500)))
    assert not ours._throttle_changed
    ours.retune(replace(PLAIN, throttle=ThrottleSettings(max_lag_millis=500)))
    ours.retune(replace(PLAIN, throttle=ThrottleSettings(max_lag_millis=500), copy=CopySettings(chunk_size=5)))
    assert ours._throttle_changed


def test_services_that_are_not_open_yet_are_opened_with_them() -> None:
    ours = plane()
    changed = replace(PLAIN, copy=CopySettings(chunk_size=500))
    ours.retune(changed)
    assert ours._tools.settings.copy.chunk_size == 500


@pytest.mark.parametrize("backlog, told", [(0, ""), (1000, ""), (1001, "1001 changed keys to be refreshed")])
def test_it_is_behind_with_more_keys_than_are_refreshed_in_a_moment(backlog: int, told: str) -> None:
    ours = plane()
    ours._applier = cast("Any", SimpleNamespace(backlog=backlog, small=1000, delay=0.1, clashes=""))
    assert ours.is_behind(Progress()) == told

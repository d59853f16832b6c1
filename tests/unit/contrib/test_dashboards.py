"""The dashboard and the alerts speak of figures that there are, and Prometheus can read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsm_ghost.services.metrics.figures import figures
from tests.unit.cli.made_up import COPYING, NOW

CONTRIB = Path(__file__).parents[3] / "contrib"
DASHBOARD = CONTRIB / "grafana/fsm-ghost.json"
ALERTS = CONTRIB / "prometheus/fsm-ghost.rules.yml"
NAMES = {f"fsm_ghost_{each.name}{'_total' if each.grows else ''}" for each in figures(COPYING, NOW, NOW)}


def texts(document: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Every text in a document."""
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        for item in document:
            yield from texts(item)
    elif isinstance(document, str):
        yield document


def test_every_figure_that_the_dashboard_shows_is_there() -> None:
    shown = set(re.findall(r"\bfsm_ghost_\w+", "\n".join(texts(json.loads(DASHBOARD.read_text())))))
    assert len(shown) > 10
    assert shown - NAMES == set()


def test_the_panels_of_the_dashboard_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_figure_that_an_alert_asks_for_is_there() -> None:
    asked = set(re.findall(r"\bfsm_ghost_\w+", ALERTS.read_text()))
    assert len(asked) > 5
    assert asked - NAMES == set()


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is in Debian's package prometheus")
@pytest.mark.parametrize(
    "command", [["check", "rules", "fsm-ghost.rules.yml"], ["test", "rules", "fsm-ghost.test.yml"]]
)
def test_prometheus_takes_the_alerts(command: list[str]) -> None:
    done = subprocess.run([str(PROMTOOL), *command], cwd=ALERTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_figure_is_in_the_manual(name: str) -> None:
    assert f"`{name}`" in (CONTRIB.parent / "docs/how-to/monitor.md").read_text()

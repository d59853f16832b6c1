"""Looks ahead of row copy: for rows that would not fit, and in a dry run for what the migration will cost.

Owner thread only.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from fsm_ghost.model.forecast import Forecast
from fsm_ghost.model.probe import Probe
from fsm_ghost.model.progress import Progress
from fsm_ghost.mysql import pressure
from fsm_ghost.mysql.probe import ProbeStatements
from fsm_ghost.services.chunker import Ruler, edges
from fsm_ghost.services.crew import Crew
from fsm_ghost.services.forecaster import Forecaster, Premises
from fsm_ghost.services.governor import most_workers
from fsm_ghost.services.prober import Probed, Prober
from fsm_ghost.services.tools import Tools


class Scout:
    """Asks one migration's questions, each with a connection of its own that is opened when it is needed.

    `began` is when the migration was begun, by this host's clock.
    """

    def __init__(self, tools: Tools, began: float) -> None:
        self._tools = tools
        self._began = began
        self._made: float | None = None  # when the tables were made, and rows could be looked for
        self._prober: Prober | None = None
        self._forecaster: Forecaster | None = None

    def probed(self, progress: Progress) -> Progress:
        """Look a little further for rows that the new definition would break."""
        self._made = self._made or time.time()
        if self._prober is None:
            tools, plan = self._tools, progress.the_plan
            original, ghost = tools.definitions(plan)
            asking = ProbeStatements(plan, original, ghost, tools.settings.definition.lossy, tools.flavour)
            if not asking.questions and not asking.uniques:
                return replace(progress, probe=Probe(done=True, unknown=asking.unknown))
            crew = Crew[Probed]("prober", [tools.open_writer(plan, "probe")], tools.bell)
            ruler = Ruler(tools.session, tools.statements(plan), plan.key)
            self._prober = Prober(
                crew, asking, plan, ruler, partial(edges, tools.session, tools.statements(plan), plan.key)
            )
        probe = self._prober.step(progress.probe)
        share = f", {probe.rows:,} of about {progress.the_plan.rows:,} are read" if probe.rows else ""
        self._tools.reporter.waiting_for = (
            "" if probe.done else f"rows that would not fit the new definition to be looked for{share}"
        )
        return replace(progress, probe=probe)

    def forecast(self, progress: Progress) -> Progress:
        """Reckon for a dry run what the migration will cost; the forecast is there when it is made."""
        if self._forecaster is None:
            tools, plan = self._tools, progress.the_plan
            cores = pressure.cores(tools.session)
            premises = Premises(most_workers(tools.settings.copy.workers, cores), cores, self._rest())
            first, *second = tools.open_writers(plan, "forecast", min(premises.most.alone, 2))
            crew = Crew[Forecast]("forecaster", [first], tools.bell)
            self._forecaster = Forecaster(crew, second, tools, plan, premises)
        forecast = self._forecaster.forecast()
        self._tools.reporter.waiting_for = (
            "" if forecast else "a sample to be copied, by which to reckon what it will cost"
        )
        return replace(progress, forecast=forecast)

    def _rest(self) -> float:
        """The seconds of a migration besides those for its rows, by what this run has taken so far.

        It will start, make its tables and look for rows that do not fit as this run did. Swapping them and taking the
        rest away are as many small statements as making them. Before it is begun, a program computes, and hardly waits.
        """
        now = time.time()
        made = self._made or now
        return time.process_time() + max(0.0, 2 * (made - self._began) + now - made)

    def close(self) -> None:
        """Stop asking."""
        for service in (self._prober, self._forecaster):
            if service is not None:
                service.close()
        self._prober = self._forecaster = None

"""What is to be run and told at the moments of a migration: noted with the transition, done at least once, in order.

A moment that nobody has a hook for is not noted. What others are told (NOTICE) keeps nothing waiting: it is handed
over, and what came of it is noted when it is known.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from fsm_ghost.engine.record import PendingHook
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import FINAL, Transition
from fsm_ghost.errors import StoppedError
from fsm_ghost.faultpoints import fault_point
from fsm_ghost.model.command import Command, Verb
from fsm_ghost.model.occasion import HookResult, Occasion, Passage
from fsm_ghost.model.phase import Moment, Phase

log = logging.getLogger(__name__)

NOTICE = "POST "  # before the name of a moment that others are told of
# Once it leads there, a hook that fails has nothing left to stop.
_ON_THE_WAY_OUT = FINAL | {Phase.CLEANUP, Phase.ROLLBACK}
_LAST_PATIENCE = 10.0  # seconds that the end of a migration waits for others to be told
_LONGEST_COMPLAINT = 500  # characters of what a hook printed that are shown


class HookRunner(Protocol):
    """Runs the hooks of moments, and tells others."""

    @property
    def notifies(self) -> bool:
        """Whether there is somebody to be told of every moment."""
        ...

    def wanted(self, moments: Sequence[str]) -> tuple[str, ...]:
        """Those moments that somebody has a hook for now."""
        ...

    def run(self, occasion: Occasion) -> HookResult:
        """Run the hooks of a moment, in order, until one fails."""
        ...

    def notify(self, occasion: Occasion) -> None:
        """Have others told of a moment; returns at once."""
        ...

    def notified(self, patience: float) -> list[tuple[str, HookResult]]:
        """What has come of notices since the last call, by their keys; waits for all of them for `patience` seconds."""
        ...


class Outbox:
    """The hooks of one run, as the engine sees them. Owner thread only."""

    def __init__(self, run: Run, table: Sequence[Transition], runner: HookRunner) -> None:
        self._run = run
        self._rows = {(row.source, str(row.outcome), row.dest): row for row in table}
        self._runner = runner
        self._under_way: dict[str, PendingHook] = {}  # notices, by their keys
        self._came: tuple[int, str] | None = None
        self._may_be_due = True  # so the state file is not asked in every step

    def due(self, transition: Transition) -> tuple[str, ...]:
        """What is to be noted with a transition."""
        self._may_be_due = True
        return self._noted(transition.moments, transition.name)

    def comes(self, moment: Moment) -> None:
        """Note a moment that belongs to no transition; it comes once until the next one."""
        came = (self._run.record.seq, moment)
        if came == self._came:
            return
        self._came = came
        if due := self._noted((moment,), moment):
            self._run.hooks_due(due)
            self._may_be_due = True

    def work_off(self) -> None:
        """Do what is due. StoppedError when a hook fails that the migration may not go on without."""
        self._note_notices(0)
        pending = self._run.pending_hooks() if self._may_be_due else ()
        for hook in pending:
            if not hook.moment.startswith(NOTICE):
                self._run_one(hook)
            elif self._key(hook) not in self._under_way:
                self._hand_over(hook)
        self._may_be_due = bool(pending)

    def settle(self) -> None:
        """At the end of a migration: see what came of the last notices. There is no next run that would repeat them."""
        self._note_notices(_LAST_PATIENCE)
        for hook in self._under_way.values():
            self._run.hook_ended(hook, "failed", "there was no answer before the migration had ended")
        self._under_way.clear()

    def refusal(self, command: Command) -> str:
        """Why a command is not to be carried out: what was printed by a hook that failed; empty when it may be."""
        moment = Moment.INTERACTIVE_COMMAND
        name = command.value.partition("=")[0] if command.verb is Verb.CHANGE else str(command.verb)
        occasion = Occasion(moment, f"{self._run.id}:command-{command.id}:{moment}", command=name)
        if self._runner.notifies:
            self._runner.notify(occasion)
        if not self._runner.wanted((moment,)):
            return ""
        result = self._runner.run(occasion)
        return "" if result.ok else f"the hook {moment} refuses it: {_shown(result)}"

    def _noted(self, moments: Sequence[str], notice: str) -> tuple[str, ...]:
        return (*self._runner.wanted(moments), *((NOTICE + notice,) if self._runner.notifies else ()))

    def _run_one(self, hook: PendingHook) -> None:
        occasion = self._occasion(hook)
        stops = _is_gate(occasion)
        self._run.hook_begins(hook)
        fault_point("hook.before-run")
        result = self._runner.run(occasion)
        fault_point("hook.after-run")
        self._run.hook_ended(hook, "ok" if result.ok else "pending" if stops else "failed", result.output)
        if result.ok:
            return
        message = f"the hook {hook.moment} failed: {_shown(result)}"
        if stops:
            raise StoppedError(message, f"Mend it, then: fsm-ghost resume {self._run.id[:8]} (the hook is run again)")
        log.warning("%s", message)

    def _hand_over(self, hook: PendingHook) -> None:
        occasion = self._occasion(hook)
        self._run.hook_begins(hook)
        fault_point("notice.before-post")
        self._runner.notify(occasion)
        self._under_way[occasion.key] = hook

    def _note_notices(self, patience: float) -> None:
        for key, result in self._runner.notified(patience):
            fault_point("notice.after-post")
            hook = self._under_way.pop(key, None)
            if hook is not None:
                self._run.hook_ended(hook, "ok" if result.ok else "failed", result.output)
            if not result.ok:
                log.warning("%s: %s", key.rpartition(":")[2], result.output)

    def _occasion(self, hook: PendingHook) -> Occasion:
        entry = next(entry for entry in self._run.journal() if entry.seq == hook.seq)
        passage = Passage(entry.seq, entry.source, entry.outcome, entry.dest, entry.reason)
        row = self._rows.get((entry.source, entry.outcome, entry.dest))
        moment = hook.moment.removeprefix(NOTICE)
        names = row.moments if row is not None and moment in row.moments else (moment,)
        return Occasion(moment, self._key(hook), hook.attempt, names, passage)

    def _key(self, hook: PendingHook) -> str:
        return f"{self._run.id}:{hook.seq}:{hook.moment.removeprefix(NOTICE)}"


def _is_gate(occasion: Occasion) -> bool:
    """Whether the migration may not go on when a hook fails."""
    leads_out = occasion.passage is not None and occasion.passage.dest in _ON_THE_WAY_OUT
    return not leads_out and occasion.moment != Moment.BEGIN_POSTPONED


def _shown(result: HookResult) -> str:
    return result.output.strip()[-_LONGEST_COMPLAINT:]

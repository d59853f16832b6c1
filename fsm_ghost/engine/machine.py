"""The engine: it steps the state, stores what came of it, and is the only one to trigger a transition."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from transitions import EventData, Machine

from fsm_ghost.engine import panic
from fsm_ghost.engine.lint import problems_of
from fsm_ghost.engine.orders import obey
from fsm_ghost.engine.outbox import HookRunner, Outbox
from fsm_ghost.engine.run import Run
from fsm_ghost.engine.state import FINAL, Facts, Guard, State, Step, Transition
from fsm_ghost.engine.tuning import tuned
from fsm_ghost.errors import FsmGhostError, StoppedError
from fsm_ghost.model.command import Answer, Command, Verb
from fsm_ghost.model.phase import Moment, Outcome, Phase
from fsm_ghost.model.progress import Progress
from fsm_ghost.model.readings import Readings
from fsm_ghost.settings import Settings

log = logging.getLogger(__name__)
logging.getLogger("transitions").setLevel(logging.ERROR)  # it warns about each method it does not bind

CHECKPOINT_EVERY = 0.25  # seconds; only chunks and transitions are stored sooner
LISTEN_EVERY = 0.2  # seconds between looks for commands
_OVER = FINAL - {Phase.FAILED}  # what has failed is kept for a look, or another try


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the engine is handed besides the machine itself."""

    hooks: HookRunner
    readings: Callable[[], Readings]
    mirror: Callable[[bool], None]  # keeps what has been stored a second time: at once, or when it is time
    publish: Callable[[Phase, Progress, Readings], None]
    bell: threading.Event  # rung by whoever has something for the owner thread
    stop: threading.Event
    retune: Callable[[Settings], None]  # work with other settings from now on


class Engine:
    """Drives one migration until it ends, is stopped, or cannot go on. One thread only.

    `state` is kept by `transitions`; what counts is the store, which is written before it changes.
    """

    state: str

    def __init__(
        self,
        run: Run,
        states: Mapping[Phase, State],
        table: Sequence[Transition],
        guards: Mapping[str, Guard],
        around: Surroundings,
    ) -> None:
        problems = problems_of(table, states.keys(), guards.keys())
        # `transitions` would put its own method in place of an attribute that is called like a trigger.
        problems += [f"the trigger {row.outcome} is a name of ours" for row in table if hasattr(self, row.outcome)]
        if problems:
            raise ValueError("the state table is wrong: " + "; ".join(problems))
        self._run = run
        self._states = states
        self._guards = guards
        self._around = around
        self._outbox = Outbox(run, table, around.hooks)
        self._progress = run.record.progress
        self._step = Step(self._progress)
        self._accepted = False
        self._stored_at = 0.0
        self._mirrored = False
        self._listened_at = 0.0
        self._abort_wanted = False
        self._machine = Machine(
            self,
            states=[str(phase) for phase in Phase],
            initial=str(run.record.phase),
            transitions=[self._configured(transition) for transition in table],
            auto_transitions=False,
            send_event=True,
            queued=True,
            model_override=True,
            finalize_event=[self._note_result],
        )

    @property
    def phase(self) -> Phase:
        """The state that the machine is in."""
        return Phase(self.state)

    def drive(self) -> Phase:
        """Step until a final state is reached; it.

        Raises what a step raises: nothing is lost by it, the next run goes on from the last checkpoint.
        """
        try:
            if self.phase is Phase.FAILED and self._can_abort():
                self._fire(Step(self._progress, Outcome.ABORT, reason="aborted as asked"))
            while self.phase not in FINAL:
                self._outbox.work_off()
                self._listen()
                if self._can_abort():
                    self._fire(Step(self._progress, Outcome.ABORT, reason="aborted as asked"))
                self._take(self._states[self.phase].step(self._progress))
            self._outbox.work_off()
            self._outbox.settle()
        except FsmGhostError as error:
            self._run.stopped(error.message)
            raise
        return self.phase

    def try_again(self) -> None:
        """Leave `failed` for the state that it was entered from."""
        self._fire(Step(self._progress, Outcome.RETRY, reason="asked to try again"))

    def _take(self, step: Step) -> None:
        before = self._progress
        self._progress = step.progress
        readings = self._around.readings()
        if step.outcome is not None:
            self._fire(step)
        else:
            self._checkpoint(step, before, readings)
            if readings.is_postponed:
                self._outbox.comes(Moment.BEGIN_POSTPONED)
        self._around.publish(self.phase, self._progress, readings)
        if step.outcome is None and step.wait:
            self._around.bell.wait(step.wait)
        self._around.bell.clear()

    def _checkpoint(self, step: Step, before: Progress, readings: Readings) -> None:
        """Store what has to be stored now; and then, for it is never ahead of the store, in the mirror."""
        must = _is_a_landmark(step.progress, before)
        chunks = step.copied or step.progress.open_chunks != before.open_chunks
        if must or chunks or step.answers or time.monotonic() - self._stored_at >= CHECKPOINT_EVERY:
            self._run.checkpoint(step, readings)
            self._stored_at = time.monotonic()
            self._mirror(at_once=must)
        for answer in step.answers:
            log.info("answered: %s", answer.text)

    def _mirror(self, *, at_once: bool) -> None:
        """Before there is a ghost table nobody can take over, and in the end nothing is left on the server.

        The first time all is mirrored that a run before may have stored and not mirrored, and what this one was given.
        """
        if self._progress.prepared and self.phase not in _OVER:
            self._around.mirror(at_once or not self._mirrored)
            self._mirrored = True

    def _fire(self, step: Step) -> None:
        if step.outcome is None:
            raise ValueError("a step without an outcome moves nothing")
        self._step = step
        self._progress = step.progress
        self._accepted = False
        self._machine.events[str(step.outcome)].trigger(self)
        if not self._accepted:
            raise StoppedError(
                f"{self.phase} came to '{step.outcome}', which the state file does not bear out",
                f"Look at: fsm-ghost status {self._run.id[:8]}; then try: fsm-ghost resume {self._run.id[:8]}",
            )
        self._mirror(at_once=True)
        log.info("%s: %s%s", self.phase, step.outcome, f" ({step.reason})" if step.reason else "")

    def _configured(self, transition: Transition) -> dict[str, object]:
        def commit(_: EventData) -> None:
            due = self._outbox.due(transition)
            self._run.enter(transition, self._step, self._around.readings(), due)
            self._stored_at = time.monotonic()

        def holds(_: EventData) -> bool:
            return transition.guard is None or self._guards[transition.guard](self._facts())

        return {
            "trigger": str(transition.outcome),
            "source": str(transition.source),
            "dest": str(transition.dest),
            "conditions": [holds],
            # `before` is the last moment at which a failure still means that nothing has changed.
            "before": [commit],
        }

    def _facts(self) -> Facts:
        stored = self._run.reread()
        return Facts(self._step.progress, stored.came_from, self._chain_is_complete)

    def _chain_is_complete(self) -> bool:
        """The chunks that this very step brings are part of the chain: store them before it is judged."""
        self._run.checkpoint(self._step, self._around.readings())
        return self._run.chain_is_complete()

    def _note_result(self, event: EventData) -> None:
        self._accepted = bool(event.result)

    def _listen(self) -> None:
        if self._around.stop.is_set():
            self._stop("stopped as asked")
        if time.monotonic() - self._listened_at < LISTEN_EVERY:
            return
        self._listened_at = time.monotonic()
        for command in self._run.commands():
            if command.verb is Verb.ABORT:
                self._run.take_aborts()
                self._abort_wanted = True
            elif command.verb is Verb.PANIC:
                self._panic(command)
            elif refused := self._outbox.refusal(command):
                self._answer(Answer(command.id, took_effect=False, text=refused))
                log.info("asked to %s: %s", command.verb, refused)
            elif command.verb is Verb.CHANGE:
                self._change(command)
            else:
                self._obey(command)

    def _obey(self, command: Command) -> None:
        """What was asked for, its effect and the answer are stored in one transaction; whoever takes over knows too."""
        before = self._progress
        self._progress, answer = obey(command, self.phase, before)
        self._answer(answer)
        if self._progress is not before:
            self._mirror(at_once=True)
        log.info("asked to %s: %s", command.verb, answer.text or "it is being done")

    def _change(self, command: Command) -> None:
        """As `_obey`, for what is asked of the migration: it is stored first, and worked with then."""
        asked, answer = tuned(command, self.phase, self._run.record.asked)
        self._answer(answer, asked)
        if asked is not None:
            self._around.retune(asked)
            self._mirror(at_once=True)
        log.info("asked for a change: %s", answer.text)

    def _panic(self, command: Command) -> None:
        answer = panic.answer_to(command, self._run.record)
        self._answer(answer)
        if answer.took_effect:
            self._stop("stopped by panic")

    def _answer(self, answer: Answer, asked: Settings | None = None) -> None:
        self._run.answer(Step(self._progress, answers=(answer,)), self._around.readings(), asked)

    def _stop(self, reason: str) -> NoReturn:
        self._run.checkpoint(Step(self._progress), self._around.readings())
        self._mirror(at_once=True)
        raise StoppedError(reason, f"Go on with: fsm-ghost resume {self._run.id[:8]}")

    def give_up(self) -> None:
        """Give the migration up as soon as it is known that it has not been swapped."""
        self._abort_wanted = True

    def _can_abort(self) -> bool:
        """Not while it is unknown whether the table was changed; and once it was, there is nothing to give up."""
        if self._abort_wanted and self.phase in {Phase.CLEANUP, Phase.ROLLBACK}:
            log.warning("it is too late to abort: this migration is in state %s", self.phase)
            self._abort_wanted = False
        return self._abort_wanted and not self._progress.is_in_doubt


def _is_a_landmark(now: Progress, before: Progress) -> bool:
    """Whether something has changed that may not be stored a little later."""
    return _landmarks(now) != _landmarks(before)


def _landmarks(progress: Progress) -> tuple[object, ...]:
    doubtful = (progress.altering, progress.swapping, progress.swap)
    return (progress.plan, progress.prepared, progress.start, progress.range_known, *doubtful)

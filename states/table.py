"""THE MACHINE: the only place where one state names another.

A migration runs down the left side. Every row reads: in this state, with this outcome, if the guard holds, go there;
then run the hooks of these moments. Nothing else moves a migration.

What each state leaves in the checkpoint: validate the plan; prepare the new definition, the coordinates at which
following the binlog starts, and the key range; copy every chunk, before it is sent and after its commit, the
coordinates that are safe to resume from, and what was compared meanwhile; index the same of the comparison, and that
the indexes left for later are there; sync and verify the coordinates and the range verified; cut_over the intent to
swap, the coordinates under the lock, and the swap that was seen.
"""

from __future__ import annotations

from fsm_ghost.engine.state import Transition
from fsm_ghost.model.phase import Moment, Outcome, Phase

TABLE: tuple[Transition, ...] = (
    Transition(Phase.VALIDATE, Outcome.PASSED, Phase.PREPARE, hooks=(Moment.STARTUP,)),
    Transition(Phase.VALIDATE, Outcome.REFUSED, Phase.FAILED, hooks=(Moment.FAILURE,)),
    Transition(Phase.PREPARE, Outcome.DRY_RUN, Phase.CLEANUP),
    Transition(Phase.PREPARE, Outcome.ALTERED, Phase.CLEANUP, guard="altered"),
    Transition(
        Phase.PREPARE,
        Outcome.PREPARED,
        Phase.COPY,
        guard="range_known",
        hooks=(Moment.VALIDATED, Moment.BEFORE_ROW_COPY),
    ),
    Transition(Phase.PREPARE, Outcome.REFUSED, Phase.ROLLBACK),
    Transition(
        Phase.COPY,
        Outcome.COPIED,
        Phase.INDEX,
        guard="lacks_indexes",
        hooks=(Moment.ROW_COPY_COMPLETE,),
    ),
    Transition(Phase.COPY, Outcome.COPIED, Phase.SYNC, guard="chain_complete", hooks=(Moment.ROW_COPY_COMPLETE,)),
    Transition(Phase.COPY, Outcome.DIFFERS, Phase.FAILED, hooks=(Moment.FAILURE,)),
    Transition(Phase.COPY, Outcome.BROKEN, Phase.FAILED, hooks=(Moment.FAILURE,)),
    Transition(Phase.INDEX, Outcome.INDEXED, Phase.SYNC, guard="has_indexes"),
    Transition(Phase.INDEX, Outcome.DIFFERS, Phase.FAILED, hooks=(Moment.FAILURE,)),
    Transition(Phase.INDEX, Outcome.BROKEN, Phase.FAILED, hooks=(Moment.FAILURE,)),
    Transition(Phase.SYNC, Outcome.CAUGHT_UP, Phase.CUT_OVER, guard="verified", hooks=(Moment.BEFORE_CUT_OVER,)),
    Transition(Phase.SYNC, Outcome.CAUGHT_UP, Phase.VERIFY),
    Transition(Phase.SYNC, Outcome.TESTED, Phase.CLEANUP, guard="verified"),
    Transition(Phase.SYNC, Outcome.BROKEN, Phase.FAILED, hooks=(Moment.FAILURE,)),
    Transition(Phase.VERIFY, Outcome.EQUAL, Phase.SYNC, guard="verified"),
    Transition(Phase.VERIFY, Outcome.DIFFERS, Phase.FAILED, hooks=(Moment.FAILURE,)),
    Transition(Phase.VERIFY, Outcome.BROKEN, Phase.FAILED, hooks=(Moment.FAILURE,)),
    Transition(Phase.CUT_OVER, Outcome.SWAPPED, Phase.CLEANUP, guard="swap_seen"),
    Transition(Phase.CUT_OVER, Outcome.GIVEN_UP, Phase.SYNC, guard="nothing_pending"),
    Transition(Phase.CLEANUP, Outcome.CLEANED, Phase.DONE, hooks=(Moment.SUCCESS,)),
    # Giving up: from anywhere before the swap.
    Transition(Phase.VALIDATE, Outcome.ABORT, Phase.ROLLBACK),
    Transition(Phase.PREPARE, Outcome.ABORT, Phase.ROLLBACK, guard="nothing_pending"),
    Transition(Phase.COPY, Outcome.ABORT, Phase.ROLLBACK),
    Transition(Phase.INDEX, Outcome.ABORT, Phase.ROLLBACK),
    Transition(Phase.SYNC, Outcome.ABORT, Phase.ROLLBACK),
    Transition(Phase.VERIFY, Outcome.ABORT, Phase.ROLLBACK),
    Transition(Phase.CUT_OVER, Outcome.ABORT, Phase.ROLLBACK, guard="nothing_pending"),
    Transition(Phase.FAILED, Outcome.ABORT, Phase.ROLLBACK),
    Transition(Phase.ROLLBACK, Outcome.ROLLED_BACK, Phase.ABORTED, hooks=(Moment.FAILURE,)),
    # Trying again what failed, once its cause has been removed.
    Transition(Phase.FAILED, Outcome.RETRY, Phase.COPY, guard="left_copy"),
    Transition(Phase.FAILED, Outcome.RETRY, Phase.INDEX, guard="left_index"),
    Transition(Phase.FAILED, Outcome.RETRY, Phase.SYNC, guard="left_sync"),
    Transition(Phase.FAILED, Outcome.RETRY, Phase.VERIFY, guard="left_verify"),
)

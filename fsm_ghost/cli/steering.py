"""`cut-over`, `postpone`, `rehearse`, `throttle` and `no-throttle`: ask for something, and say what came of it.

Whoever runs the migration answers within a fraction of a second where no statement of minutes is in the way.
"""

from __future__ import annotations

from fsm_ghost.cli.arguments import Values
from fsm_ghost.cli.complaint import complain
from fsm_ghost.cli.control.asking import ask
from fsm_ghost.cli.exit_codes import ExitCode
from fsm_ghost.cli.known import refuse_taken_over
from fsm_ghost.cli.store import writing
from fsm_ghost.model.command import Verb


def run(values: Values) -> int:
    """Ask; 0 when it took effect, FAILED when it did not. The other codes are those of `ask`."""
    with writing(values) as store:
        record = store.find(values.word)
        refuse_taken_over(record)
        reply = ask(store, record, Verb(values.command))
    if reply.code == ExitCode.DONE:
        print(reply.text)
    else:
        complain(reply.text, reply.remedy)
    return reply.code

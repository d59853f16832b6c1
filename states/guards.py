"""The guards of the state table: pure judgements on what is stored."""

from __future__ import annotations

from collections.abc import Mapping

from fsm_ghost.engine.state import Guard
from fsm_ghost.model.phase import Phase

GUARDS: Mapping[str, Guard] = {
    "range_known": lambda facts: (
        facts.progress.prepared and facts.progress.range_known and facts.progress.start is not None
    ),
    "chain_complete": lambda facts: not facts.progress.open_chunks and facts.chain_is_complete(),
    "verified": lambda facts: facts.progress.verified,
    "swap_seen": lambda facts: facts.progress.swap is not None,
    "nothing_pending": lambda facts: not facts.progress.swapping and facts.progress.swap is None,
    "left_copy": lambda facts: facts.left is Phase.COPY,
    "left_sync": lambda facts: facts.left is Phase.SYNC,
    "left_verify": lambda facts: facts.left is Phase.VERIFY,
}

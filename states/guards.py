"""The guards of the state table: pure judgements on what is stored."""

from __future__ import annotations

from collections.abc import Mapping

from fsm_ghost.engine.state import Facts, Guard
from fsm_ghost.model.phase import Phase


def _chain_is_complete(facts: Facts) -> bool:
    return not facts.progress.open_chunks and facts.chain_is_complete()


GUARDS: Mapping[str, Guard] = {
    "range_known": lambda facts: (
        facts.progress.prepared and facts.progress.range_known and facts.progress.start is not None
    ),
    "chain_complete": _chain_is_complete,
    "lacks_indexes": lambda facts: _chain_is_complete(facts) and facts.progress.lacks_indexes,
    "has_indexes": lambda facts: not facts.progress.lacks_indexes,
    "verified": lambda facts: facts.progress.verified,
    "swap_seen": lambda facts: facts.progress.swap is not None,
    "altered": lambda facts: facts.progress.altered,
    "nothing_pending": lambda facts: not facts.progress.is_in_doubt and facts.progress.swap is None,
    "left_copy": lambda facts: facts.left is Phase.COPY,
    "left_index": lambda facts: facts.left is Phase.INDEX,
    "left_sync": lambda facts: facts.left is Phase.SYNC,
    "left_verify": lambda facts: facts.left is Phase.VERIFY,
}

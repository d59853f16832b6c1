"""How states are shown in a trace."""

from collections.abc import Iterable

from tests.model.state import MARKER, UNTOUCHED, Cell, Cells, Client, Entry, Key, Phase, State, Store, Transaction


def name(key: Key) -> str:
    return f"k{key + 1}"


def names(keys: Iterable[Key]) -> str:
    return "+".join(name(key) for key in keys)


def rows(pairs: Iterable[tuple[Key, Cell]]) -> str:
    return ", ".join(f"{name(key)}={cell}" for key, cell in pairs) or "nothing"


def changes(writes: Cells) -> str:
    return rows((key, cell) for key, cell in enumerate(writes) if cell != UNTOUCHED)


def sentence(state: State) -> str:
    """O and G as plain readers see them, then everything under way. In the binlog `|` is how far it has been read."""
    server = state.server
    parts = [f"O {' '.join(server.table)}", f"G {' '.join(server.ghost)}"]
    under_way = {"open": server.open, "committing": server.committing, "prepared": server.prepared}
    parts += [f"{label} {_transactions(each)}" for label, each in under_way.items() if each]
    parts += [f"chunk {each.number + 1} writes {changes(each.writes)}" for each in server.chunks if _wrote(each.writes)]
    parts += [f"refresh writes {changes(each.writes)}" for each in server.refreshes if _wrote(each.writes)]
    parts += _stored("stored", state.store)
    if state.mirror is not None:
        parts += _stored("mirrored", state.mirror)
    if state.client is None:
        return " · ".join((*parts, "no client"))
    if state.store.phase is Phase.COPY:
        parts.append(f"binlog {_log(state, state.client)}")
    parts += [f"{name(key)} {_entry(each)}" for key, each in enumerate(state.client.ledger) if not each.is_clean]
    return " · ".join((*parts, "LOCKED") if server.locked else parts)


def _wrote(writes: Cells) -> bool:
    return any(cell != UNTOUCHED for cell in writes)


def _transactions(transactions: tuple[Transaction, ...]) -> str:
    return ", then ".join("marker" if each == MARKER else changes(each.writes) for each in transactions)


def _stored(label: str, store: Store) -> list[str]:
    """What is worth telling of it: keys stored by name, and coordinates that lie behind others."""
    carried = names(key for key, is_carried in enumerate(store.carried) if is_carried)
    parts = [*([f"@{store.coordinates}"] if store.coordinates else []), *([carried] if carried else [])]
    return [f"{label} {' '.join(parts)}"] if parts else []


def _log(state: State, client: Client) -> str:
    events = [names(event.keys) for event in state.server.binlog]
    return " ".join((*events[: client.read], "|", *events[client.read :]))


def _entry(entry: Entry) -> str:
    labelled = {"dirty": entry.dirty, "taken": entry.taken, "held": entry.held}
    where = [label if entry.carried else f"{label}@{at}" for label, at in labelled.items() if at is not None]
    like = [f"like {names(entry.others)}"] if entry.others else []
    return " ".join((*where, *(["carried"] if entry.carried else []), *like))

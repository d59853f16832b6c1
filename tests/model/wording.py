"""How states are shown in a trace."""

from collections.abc import Iterable

from tests.model.state import MARKER, UNTOUCHED, Cells, Client, Entry, Key, Phase, State, Transaction


def name(key: Key) -> str:
    return f"k{key + 1}"


def names(keys: Iterable[Key]) -> str:
    return "+".join(name(key) for key in keys)


def changes(writes: Cells) -> str:
    return ", ".join(f"{name(key)}={cell}" for key, cell in enumerate(writes) if cell != UNTOUCHED)


def sentence(state: State) -> str:
    """O and G as plain readers see them, then everything under way. In the binlog `|` is how far it has been read."""
    server = state.server
    parts = [f"O {' '.join(server.table)}", f"G {' '.join(server.ghost)}"]
    under_way = {"open": server.open, "committing": server.committing, "prepared": server.prepared}
    parts += [f"{label} {_transactions(each)}" for label, each in under_way.items() if each]
    parts += [f"chunk {each.number + 1} writes {changes(each.writes)}" for each in server.chunks if _wrote(each.writes)]
    parts += [f"refresh writes {changes(each.writes)}" for each in server.refreshes if _wrote(each.writes)]
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


def _log(state: State, client: Client) -> str:
    events = [names(event.keys) for event in state.server.binlog]
    return " ".join((*events[: client.read], "|", *events[client.read :]))


def _entry(entry: Entry) -> str:
    labelled = {"dirty": entry.dirty, "taken": entry.taken, "held": entry.held}
    return " ".join(f"{label}@{at}" for label, at in labelled.items() if at is not None)

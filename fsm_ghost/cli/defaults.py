"""Which of MySQL's option files are read, which groups, and what their options mean here.

From MySQL's own groups only that is taken which concerns connecting; [fsm-ghost] may hold any option of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fsm_ghost.cli.given import Given, Layer, Source
from fsm_ghost.cli.option_files import Entry, OptionFiles
from fsm_ghost.cli.reading import option_in_file, read
from fsm_ghost.errors import UsageError

GLOBAL = ("/etc/my.cnf", "/etc/mysql/my.cnf")
OWN = "~/.my.cnf"
OURS = "fsm-ghost"
GROUPS = ("client", "client-server", "client-mariadb", OURS)
_CONNECTING = {
    "host": "host",
    "port": "port",
    "socket": "socket",
    "user": "user",
    "password": "password",
    "database": "database",
    "connect-timeout": "mysql-timeout",
    "ssl-mode": "ssl-mode",
    "ssl-ca": "ssl-ca",
    "ssl-cert": "ssl-cert",
    "ssl-key": "ssl-key",
    "ssl-verify-server-cert": "ssl-verify-server-cert",
}
_PROTECTING = {"ssl-capath", "ssl-crl", "ssl-crlpath", "ssl-cipher", "tls-version", "tls-ciphersuites", "ssl-fp"}


def layer(said: Layer, environment: Mapping[str, str]) -> tuple[dict[str, Given], list[str]]:
    """What the option files say, and what there is to say of them. UsageError for what is wrong in them."""
    if _value(said, "no-defaults"):
        return {}, []
    suffix = str(_value(said, "defaults-group-suffix") or environment.get("MYSQL_GROUP_SUFFIX", ""))
    groups = {*GROUPS, *(group + suffix for group in GROUPS)}
    files = OptionFiles(groups)
    _read(files, said, environment)
    meaning = _Meaning(Source.DEFAULTS_FILE if _value(said, "defaults-file") else Source.OPTION_FILE)
    for entry in files.entries:
        meaning.take(entry, ours=entry.group.startswith(OURS))
    return meaning.settled(), [*files.notes, *meaning.notes]


def _read(files: OptionFiles, said: Layer, environment: Mapping[str, str]) -> None:
    """Read the files in MySQL's order: what is read later counts more."""
    only, extra = _value(said, "defaults-file"), _value(said, "defaults-extra-file")
    if only:
        files.read(Path(str(only)), required=True)
        return
    for name in GLOBAL:
        files.read(Path(name))
    if extra:
        files.read(Path(str(extra)), required=True)
    home = environment.get("HOME")
    if home:
        files.read(Path(OWN.replace("~", home)))


def _value(said: Layer, name: str) -> object:
    given = said.get(name)
    return given.value if given is not None else ""


@dataclass(slots=True)
class _Meaning:
    """What entries mean, one after the other; the last word on an option counts."""

    source: Source
    found: dict[str, Given] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    encrypted: Given | None = None  # `ssl` in MySQL's meaning
    over_tcp: bool = False

    def take(self, entry: Entry, *, ours: bool) -> None:
        """Note what an entry asks for."""
        name = entry.name.replace("_", "-")
        loose = name.startswith("loose-")
        name, text = _plain(name.removeprefix("loose-"), entry.text)
        if ours:
            self._take_ours(name, text, entry.place, loose=loose)
        elif name == "ssl":
            self.encrypted = self._given("ssl", text, entry.place)
        elif name == "protocol":
            self.over_tcp = (text or "").lower() == "tcp"
        elif name == "password" and text is None:
            self.found["ask-pass"] = Given(True, self.source, entry.place)  # noqa: FBT003 - as MySQL means it
        elif name in _CONNECTING:
            self.found[_CONNECTING[name]] = self._given(_CONNECTING[name], text, entry.place)
        elif name in _PROTECTING:
            self.notes.append(f"{entry.place}: {name} has no effect here")

    def _take_ours(self, name: str, text: str | None, place: str, *, loose: bool) -> None:
        try:
            option = option_in_file(name, place)
        except UsageError:
            if loose:
                return
            raise
        self.found[option.name] = self._given(option.name, text, place)

    def _given(self, name: str, text: str | None, place: str) -> Given:
        option = option_in_file(name, place)
        if text is None and not option.is_switch:
            raise UsageError(f"{place}: {name} needs a value")
        return Given(read(option, _decoded(text, place), f"{place}: {name}"), self.source, place)

    def settled(self) -> dict[str, Given]:
        """The options by name, once everything was taken."""
        found = dict(self.found)
        if self.over_tcp:
            found.pop("socket", None)
        demand = self.encrypted
        if demand is not None and "ssl-mode" not in found:
            if not demand.value:
                found["ssl-mode"] = Given("DISABLED", demand.source, demand.place)
            elif not {"ssl-ca", "ssl-verify-server-cert"} & found.keys():
                found["ssl-mode"] = Given("REQUIRED", demand.source, demand.place)
        return found


def _plain(name: str, text: str | None) -> tuple[str, str | None]:
    """A switch without the words that MySQL allows before it: skip-ssl is ssl=0."""
    for prefix, value in (("skip-", "0"), ("disable-", "0"), ("enable-", "1")):
        if name.startswith(prefix) and text is None:
            return name.removeprefix(prefix), value
    return name, text


def _decoded(text: str | None, place: str) -> str:
    """The text of a value; a switch without one is on. UsageError when it is not UTF-8."""
    try:
        return "true" if text is None else text.encode().decode()
    except UnicodeEncodeError:
        raise UsageError(f"{place}: the value is not written in UTF-8") from None

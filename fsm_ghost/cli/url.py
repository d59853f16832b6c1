"""A server's URL becomes options: mysql://user:password@host:port/database?ssl-mode=REQUIRED."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fsm_ghost.cli.option import Value
from fsm_ghost.errors import UsageError

_SCHEME = re.compile(r"(?:jdbc:)?(?:mysql2?|mariadb)(?:\+\w+)?://", re.IGNORECASE)
_FORM = "mysql://USER:PASSWORD@HOST:PORT/DATABASE?ssl-mode=REQUIRED"
_SPELLINGS = {
    "unix-socket": "socket",
    "sslmode": "ssl-mode",
    "connect-timeout": "mysql-timeout",
}
_KNOWN = {
    "socket",
    "ssl-mode",
    "ssl",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-verify-server-cert",
    "ssl-allow-insecure",
    "mysql-timeout",
}


def parts(url: str, place: str, environment: Mapping[str, str]) -> dict[str, Value]:
    """The options that a URL stands for; UsageError when it is none. What is unknown in it must not be about TLS.

    Errors name `place`, and never repeat the URL: a password may be in it.
    """
    from urllib.parse import parse_qsl, unquote, urlsplit

    text = _looked_up(url, place, environment)
    if not _SCHEME.match(text):
        raise UsageError(f"{place} is no URL of a server", f"It is written as {_FORM}")
    try:
        split = urlsplit(text.removeprefix("jdbc:"))
        port = split.port
    except ValueError:
        raise UsageError(f"{place} is no URL of a server", f"It is written as {_FORM}") from None
    found: dict[str, Value] = {}
    if split.hostname:
        found["host"] = unquote(split.hostname)
    if port is not None:
        found["port"] = port
    for name, part in (("user", split.username), ("password", split.password), ("database", split.path.strip("/"))):
        if part:
            found[name] = unquote(part)
    for name, value in parse_qsl(split.query, keep_blank_values=True):
        found |= _demand(name, value, place)
    return found


def _looked_up(url: str, place: str, environment: Mapping[str, str]) -> str:
    if not url.startswith("env:"):
        return url
    name = url.removeprefix("env:")
    if not environment.get(name):
        raise UsageError(f"{place}: the variable {name} is not set")
    return environment[name]


def _demand(name: str, text: str, place: str) -> dict[str, Value]:
    """What a parameter of a URL asks for; nothing when it does not concern connecting."""
    from fsm_ghost.cli.reading import read
    from fsm_ghost.cli.server_options import SERVER

    folded = name.lower().replace("_", "-")
    folded = _SPELLINGS.get(folded, folded)
    if folded in _KNOWN:
        option = next(option for option in SERVER if option.name == folded)
        return {folded: read(option, text.replace("-", "_") if folded == "ssl-mode" else text, f"{name} in {place}")}
    if "ssl" in folded or "tls" in folded:
        raise UsageError(f"{place}: what {name} demands of the connection is not understood", "Say it as --ssl-mode.")
    return {}

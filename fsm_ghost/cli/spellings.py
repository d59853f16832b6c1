"""Several ways to say one thing: URLs, the spellings of TLS, gh-ost's way to name the primary. One form comes of each.

It is done layer by layer, so that `--host` on the command line counts more than a URL in a profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fsm_ghost.cli.given import Given, Layer
from fsm_ghost.cli.option import Value
from fsm_ghost.cli.url import parts
from fsm_ghost.errors import UsageError


def spelled_out(layer: Layer, environment: Mapping[str, str]) -> dict[str, Given]:
    """The layer with the plain options that its other ones stand for."""
    found = {**_of_url(layer, environment), **layer, **_of_primary(layer)}
    mode = _mode({name: given.value for name, given in found.items()})
    if mode is not None:
        name, value = mode
        found["ssl-mode"] = _meant(found[name], value)
    return found


def _meant(given: Given, value: Value) -> Given:
    return replace(given, value=value)


def _of_url(layer: Layer, environment: Mapping[str, str]) -> dict[str, Given]:
    given = layer.get("url")
    if given is None or not given.value:
        return {}
    return {name: _meant(given, value) for name, value in parts(str(given.value), given.place, environment).items()}


_PRIMARY = {"assume-master-host": "host", "master-user": "user", "master-password": "password"}


def _of_primary(layer: Layer) -> dict[str, Given]:
    """Host, port and account of the primary where gh-ost's flags name it; they count more than the replica's."""
    named = layer.get("assume-master-host")
    if named is None or not named.value:
        alone = next((layer[name] for name in ("master-user", "master-password") if name in layer), None)
        if alone is not None and alone.value:
            raise UsageError(f"{alone.place} needs --assume-master-host", "Or name the primary with --host and --user.")
        return {}
    host, colon, port = str(named.value).rpartition(":")
    if not colon:
        host, port = port, "3306"
    if not port.isdecimal():
        raise UsageError(f"{named.place} must be written as HOST or HOST:PORT, not {named.value}")
    found = {"host": _meant(named, host.strip("[]")), "port": _meant(named, int(port))}
    accounts = {_PRIMARY[name]: layer[name] for name in ("master-user", "master-password") if name in layer}
    return found | accounts


def _mode(values: Mapping[str, Value]) -> tuple[str, str] | None:
    """What the options of a layer demand of a connection, and which of them; None when they demand nothing."""
    if "ssl-mode" in values:
        return None
    if values.get("ssl-allow-insecure"):
        return "ssl-allow-insecure", "REQUIRED"
    for name, mode in _DEMANDS:
        if values.get(name):
            return name, mode
    return None


_DEMANDS = (
    ("ssl", "VERIFY_IDENTITY"),
    ("ssl-verify-server-cert", "VERIFY_IDENTITY"),
    ("ssl-ca", "VERIFY_CA"),
    ("ssl-cert", "REQUIRED"),
)

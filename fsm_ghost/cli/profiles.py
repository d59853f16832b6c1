"""Profiles: options by name in ~/.config/fsm-ghost/config.toml.

`--profile NAME` takes [profile.NAME]; without it, [profile.default] is taken if there is one; `--profile=` takes none.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fsm_ghost.cli.given import Given, Layer, Source
from fsm_ghost.cli.reading import option_in_file, read
from fsm_ghost.cli.syntax import did_you_mean
from fsm_ghost.errors import UsageError

_DEFAULT = "default"
_SECRETS = {"password", "master-password", "url", "hooks-hint-token", "notify-url"}


def layer(said: Layer, environment: Mapping[str, str]) -> tuple[dict[str, Given], list[str]]:
    """What the profile says, and what there is to say of the file. UsageError when it is wrong, or does not exist."""
    named = said.get("profile")
    if named is not None and not named.value:
        return {}, []
    wanted = str(named.value) if named is not None else ""
    path = _path(environment)
    profiles = _profiles(path)
    if wanted and wanted not in profiles:
        where = f"has no [profile.{wanted}]" if path.exists() else f"is not there, and so no profile {wanted}"
        raise UsageError(f"{path} {where}", did_you_mean(wanted, [*profiles]))
    name = wanted or _DEFAULT
    source = Source.PROFILE if wanted else Source.DEFAULT_PROFILE
    found = {}
    for key, value in profiles.get(name, {}).items():
        place = f"{path} [profile.{name}]"
        option = option_in_file(key, place)
        found[option.name] = Given(read(option, _text(value, f"{place}: {key}"), f"{place}: {key}"), source, place)
    return found, _remarks(path, found)


def _path(environment: Mapping[str, str]) -> Path:
    """Where the profiles are, as the XDG base directories have it."""
    folder = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or Path.home()) / ".config"
    return Path(folder) / "fsm-ghost" / "config.toml"


def _profiles(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """The profiles of a file, by name; none where there is no file."""
    try:
        content = path.read_bytes()
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if mode & stat.S_IWOTH:
        raise UsageError(f"everybody may write to {path}", f"chmod o-w {path}")
    import tomllib

    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    profiles = document.pop("profile", {})
    if document or not isinstance(profiles, dict) or not all(isinstance(entry, dict) for entry in profiles.values()):
        raise UsageError(f"{path} may hold nothing but profiles", "Options stand below a line [profile.NAME].")
    return profiles


def _text(value: object, place: str) -> str:
    """A value of TOML as it would be typed; a list becomes one with commas."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, list):
        return ",".join(_text(item, place) for item in value)
    raise UsageError(f"{place} must be a text, a number, true, false or a list of them")


def _remarks(path: Path, found: Mapping[str, Given]) -> list[str]:
    if _SECRETS & found.keys() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        return [f"others may read the password in {path} (chmod 600 {path})"]
    return []

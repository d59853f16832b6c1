"""Executable files whose names begin with the name of a moment."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from fsm_ghost.model.occasion import HookResult


class Executables:
    """Those of one folder, looked for each time; "" is none. `timeout` is in seconds, for each of them."""

    def __init__(self, folder: str, timeout: float) -> None:
        self._folder = Path(folder) if folder else None
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def wanted(self, moments: Sequence[str]) -> tuple[str, ...]:
        """Those moments that there is a file for; all of them if nobody can tell: then running them says why."""
        try:
            names = [path.name for path in self._files()]
        except OSError:
            return tuple(moments)
        return tuple(moment for moment in moments if any(name.startswith(moment) for name in names))

    def run(self, moment: str, variables: Mapping[str, str], context: str) -> HookResult:
        """Run those of a moment in the order of their names, until one fails; `context` is their standard input."""
        output = ""
        try:
            files = [path for path in self._files() if path.name.startswith(moment)]
        except OSError as error:
            return HookResult(ok=False, output=f"the folder of hooks cannot be read: {error}\n")
        for path in files:
            result = self._run_one(path, variables, context)
            output += result.output
            if not result.ok:
                return HookResult(ok=False, output=output)
        return HookResult(ok=True, output=output)

    def close(self) -> None:
        """Kill what is running."""
        self._closed = True  # first: what is being started now is going to see it
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    def _files(self) -> list[Path]:
        """OSError when the folder cannot be read: hooks may be in it that the migration must not go on without."""
        found = sorted(self._folder.iterdir()) if self._folder is not None else []
        return [path for path in found if path.is_file() and os.access(path, os.X_OK)]

    def _run_one(self, path: Path, variables: Mapping[str, str], context: str) -> HookResult:
        try:
            self._process = subprocess.Popen(
                [str(path.absolute())],
                env={**os.environ, **variables},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return HookResult(ok=False, output=f"{path.name}: cannot be run: {error}\n")
        with self._process as process:
            if self._closed:
                os.killpg(process.pid, signal.SIGKILL)
            try:
                printed, _ = process.communicate(context.encode(), timeout=self._timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return HookResult(ok=False, output=f"{path.name}: killed after {self._timeout:g} s\n")
        text = printed.decode(errors="replace")
        if process.returncode == 0:
            return HookResult(ok=True, output=text)
        return HookResult(ok=False, output=f"{text}\n{path.name}: exit code {process.returncode}\n")

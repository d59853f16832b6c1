"""A URL that says by its status whether row copy may go on."""

from __future__ import annotations

import urllib.error
import urllib.request
from http import HTTPStatus

from fsm_ghost.settings import masked


class Url:
    """Makes row copy wait while a HEAD of a URL is not answered with 200. Times are in seconds."""

    def __init__(self, url: str, *, every: float, timeout: float, ignore_errors: bool) -> None:
        self._request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - the settings allow http and https only
        self._shown = masked(url)
        self.name = f"the URL {self._shown}"
        self.every = every
        self._timeout = timeout
        self._ignore_errors = ignore_errors

    def ask(self) -> str:
        """The status, if it is not 200. OSError when there is no answer, unless that is to be ignored."""
        try:
            with urllib.request.urlopen(self._request, timeout=self._timeout) as answer:  # noqa: S310 - as above
                status = int(answer.status)
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            if self._ignore_errors:
                return ""
            raise
        return "" if status == HTTPStatus.OK else f"{self._shown} answers {status}"

    def close(self) -> None:
        """There is nothing to let go of."""

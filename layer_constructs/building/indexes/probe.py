"""One question to a package index: does it offer this name?"""

from __future__ import annotations

import http.client
import re
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from layer_constructs.building.indexes.failures import unavailable
from layer_constructs.building.indexes.http import TIMEOUT_SECONDS, Http, Status
from layer_constructs.building.indexes.index import Index

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
_CHUNK_BYTES = 64 * 1024
_LONGEST_LINK_BYTES = 8 * 1024

# A link to a wheel or sdist in an HTML page, or a first entry in a JSON one.
_FILE = re.compile(
    rb"""href\s*=\s*["']?[^"'>\s]*\.(?:whl|zip|egg|tgz|tar\.(?:gz|bz2|xz|Z))(?=["'>\s#?&])|"files"\s*:\s*\[\s*\{""",
    re.IGNORECASE,
)
# Says 403 for a project that it doesn't have; uv knows it too
# (https://docs.astral.sh/uv/concepts/indexes/#ignoring-error-codes-when-searching-across-indexes).
_FORBIDDEN_IS_MISSING = frozenset({"download.pytorch.org"})


class Probe(Protocol):
    """The seam at which tests put a fake."""

    def __call__(self, index: Index, name: str) -> bool:
        """Whether ``index`` has a file of the project with this canonical name.

        :raises IndexUnavailableError: if it doesn't say.
        """


class HttpProbe:
    """Asks the index itself.

    :param environ: as for :class:`Http`.
    :param timeout: seconds for connecting, and for each answer.
    """

    def __init__(self, environ: Mapping[str, str], *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._http = Http(environ, timeout=timeout)

    def __call__(self, index: Index, name: str) -> bool:
        if index.url.startswith("file:"):
            return _in_folder(index.url, name)
        start = f"{index.url}/{name}/"
        answer, url = self._http.get(start, index=index, accept=_ACCEPT, read=_has_file)
        if isinstance(answer, Status):
            if answer.code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                return False
            if answer.code == HTTPStatus.FORBIDDEN and urlsplit(url).hostname in _FORBIDDEN_IS_MISSING:
                return False
            raise unavailable(index.url, str(answer), where=index.where)
        if not answer and urlsplit(url).hostname != urlsplit(start).hostname:
            # A login page would look like an index without the package.
            raise unavailable(index.url, f"with a redirect to {urlsplit(url).hostname}", where=index.where)
        return answer


def _has_file(response: http.client.HTTPResponse) -> bool:
    """Read only as far as the first file: the page of a big project has megabytes."""
    tail = b""
    while chunk := response.read(_CHUNK_BYTES):
        text = tail + chunk
        if _FILE.search(text):
            return True
        tail = text[-_LONGEST_LINK_BYTES:]
    return False


def _in_folder(url: str, name: str) -> bool:
    page = Path(urllib.request.url2pathname(urlsplit(url).path)) / name / "index.html"
    return page.is_file() and _FILE.search(page.read_bytes()) is not None

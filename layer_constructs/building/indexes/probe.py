"""One question to a package index: does it offer this name?"""

from __future__ import annotations

import base64
import http.client
import netrc
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from layer_constructs.building.indexes.failures import offline, unavailable
from layer_constructs.building.indexes.index import Index

TIMEOUT_SECONDS = 15.0
_RETRY_AFTER_SECONDS = 0.5
_MOST_REDIRECTS = 5
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
_CHUNK_BYTES = 64 * 1024
_LONGEST_LINK_BYTES = 8 * 1024

# A link to a wheel or sdist in an HTML page, or a first entry in a JSON one.
_FILE = re.compile(
    rb"""href\s*=\s*["']?[^"'>\s]*\.(?:whl|zip|egg|tgz|tar\.(?:gz|bz2|xz|Z))(?=["'>\s#?&])|"files"\s*:\s*\[\s*\{""",
    re.IGNORECASE,
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

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
    """Asks the index itself, with its credentials or those in the netrc file.

    :param environ: proxies, certificates, netrc file and ``UV_OFFLINE`` are taken from here.
    :param timeout: seconds for connecting, and for each answer.
    """

    def __init__(self, environ: Mapping[str, str], *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._environ = environ
        self._timeout = timeout

    def __call__(self, index: Index, name: str) -> bool:
        if index.url.startswith("file:"):
            return _in_folder(index.url, name)
        if self._environ.get("UV_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
            raise offline(index.url, where=index.where)
        try:
            try:
                return self._ask(index, name)
            except _PassingError:
                time.sleep(_RETRY_AFTER_SECONDS)
                return self._ask(index, name)
        except _PassingError as failure:
            raise unavailable(index.url, str(failure), where=index.where) from None

    def _ask(self, index: Index, name: str) -> bool:
        start = url = f"{index.url}/{name}/"
        for _ in range(_MOST_REDIRECTS):
            # Each step anew: a redirect must not take the credentials to another host.
            login = _login(index, self._environ) if _same_site(start, url) else None
            answer = self._get(url, login)
            if isinstance(answer, bool):
                if not answer and urlsplit(url).hostname != urlsplit(start).hostname:
                    # A login page would look like an index without the package.
                    raise unavailable(index.url, f"with a redirect to {urlsplit(url).hostname}", where=index.where)
                return answer
            status, target = answer
            if target is not None:
                url = urljoin(url, target)
                if urlsplit(url).scheme not in ("http", "https"):
                    break
                continue
            if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                return False
            if status == HTTPStatus.FORBIDDEN and urlsplit(url).hostname in _FORBIDDEN_IS_MISSING:
                return False
            reason = f"{status} {http.client.responses.get(status, '')}".strip()
            if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise _PassingError(reason)
            raise unavailable(index.url, reason, where=index.where)
        raise unavailable(index.url, "with redirects that lead nowhere", where=index.where)

    def _get(self, url: str, login: str | None) -> bool | tuple[int, str | None]:
        """Whether the page has a file, or the status and where it redirects to."""
        request = urllib.request.Request(url, headers={"Accept": _ACCEPT, "User-Agent": "layer-constructs"})  # noqa: S310
        if login is not None:
            request.add_header("Authorization", login)
        try:
            with self._opener(url).open(request, timeout=self._timeout) as response:
                if response.status in _REDIRECTS and response.headers.get("Location"):
                    return response.status, response.headers["Location"]
                if response.status != HTTPStatus.OK:
                    return response.status, None
                return _has_file(response)
        except urllib.error.URLError as error:
            raise _PassingError(_reason(error.reason)) from None
        except (OSError, http.client.HTTPException) as error:
            raise _PassingError(_reason(error)) from None

    def _opener(self, url: str) -> urllib.request.OpenerDirector:
        """HTTP and HTTPS only, redirects and errors left as they are."""
        opener = urllib.request.OpenerDirector()
        opener.add_handler(urllib.request.ProxyHandler(_proxies(url, self._environ)))
        opener.add_handler(urllib.request.HTTPHandler())
        opener.add_handler(urllib.request.HTTPSHandler(context=_tls(url, self._environ)))
        return opener


class _PassingError(Exception):
    """A failure that may pass: no answer, or one that says so."""


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


def _login(index: Index, environ: Mapping[str, str]) -> str | None:
    username, password = index.username, index.password
    if password is None:
        found = _netrc(urlsplit(index.url).hostname or "", environ)
        if found and username in (None, found[0]):
            username, password = found
    if username is None and password is None:
        return None
    return "Basic " + base64.b64encode(f"{username or ''}:{password or ''}".encode()).decode()


def _netrc(host: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    given = environ.get("NETRC")
    candidates = [Path(given)] if given else [Path.home() / name for name in (".netrc", "_netrc")]
    for path in candidates:
        try:
            found = netrc.netrc(str(path)).authenticators(host)
        except (OSError, ValueError, netrc.NetrcParseError):  # uv goes on without it, too
            continue
        if found:
            return found[0], found[2] or ""
    return None


def _same_site(first: str, second: str) -> bool:
    """The same scheme, host and port, or the https twin of a plain http one."""
    a, b = urlsplit(first), urlsplit(second)
    if a.hostname != b.hostname:
        return False
    if a.scheme == b.scheme:
        return a.port == b.port
    return (a.scheme, b.scheme) == ("http", "https") and a.port in (None, 80) and b.port in (None, 443)


def _proxies(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The proxy for this URL. The lower-case name wins, as in curl and uv."""
    known = {
        name.lower(): value for name, value in sorted(environ.items()) if name.lower().endswith("_proxy") and value
    }
    parts = urlsplit(url)
    if urllib.request.proxy_bypass_environment(parts.netloc, {"no": known.get("no_proxy", "")}):  # type: ignore[attr-defined]
        return {}
    proxy = known.get(f"{parts.scheme}_proxy") or known.get("all_proxy")
    return {parts.scheme: proxy} if proxy else {}


def _tls(url: str, environ: Mapping[str, str]) -> ssl.SSLContext:
    """The certificates that uv is given (`process.clean_environment`)."""
    names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    bundle = next((environ[name] for name in names if environ.get(name)), None)
    folder = environ.get("SSL_CERT_DIR") or None
    if bundle and Path(bundle).is_dir():
        bundle, folder = None, bundle
    context = ssl.create_default_context(cafile=bundle, capath=folder)
    if environ.get("SSL_CLIENT_CERT"):
        context.load_cert_chain(environ["SSL_CLIENT_CERT"])
    parts = urlsplit(url)
    if {parts.hostname, parts.netloc} & set(environ.get("UV_INSECURE_HOST", "").split()):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: object) -> str:
    """The fact in the words of the system; never the URL, which may be a proxy's with a password."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason or 'failed'}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return type(error).__name__

"""GET with what the environment says of credentials, proxies and certificates; redirects are followed without them."""

from __future__ import annotations

import base64
import http.client
import netrc
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from layer_constructs.building.indexes.failures import offline, unavailable
from layer_constructs.building.indexes.index import Index

TIMEOUT_SECONDS = 15.0
_RETRY_AFTER_SECONDS = 0.5
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Status:
    """The status of an answer that is neither 200 nor a redirect, nor one that may pass."""

    code: int

    def __str__(self) -> str:
        return f"{self.code} {http.client.responses.get(self.code, '')}".strip()


class Http:
    """Asks an index, with its credentials or those in the netrc file.

    :param environ: proxies, certificates, netrc file and ``UV_OFFLINE`` are taken from here.
    :param timeout: seconds for connecting, and for each answer.
    """

    def __init__(self, environ: Mapping[str, str], *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._environ = environ
        self._timeout = timeout

    def get(
        self, start: str, *, index: Index, accept: str, read: Callable[[http.client.HTTPResponse], _Read]
    ) -> tuple[_Read | Status, str]:
        """What ``read`` makes of the answer, or its status; and the URL that gave it.

        :raises IndexUnavailableError: if there is no answer, after a second attempt.
        """
        if self._environ.get("UV_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
            raise offline(index.url, where=index.where)
        try:
            try:
                return self._follow(start, index, accept, read)
            except _PassingError:
                time.sleep(_RETRY_AFTER_SECONDS)
                return self._follow(start, index, accept, read)
        except _PassingError as failure:
            raise unavailable(index.url, str(failure), where=index.where) from None

    def _follow(
        self, start: str, index: Index, accept: str, read: Callable[[http.client.HTTPResponse], _Read]
    ) -> tuple[_Read | Status, str]:
        url = start
        for _ in range(_MOST_REDIRECTS):
            # Each step anew: a redirect must not take the credentials to another host.
            login = _login(start, index, self._environ) if _same_site(start, url) else None
            answer = self._get(url, login, accept, read)
            if not isinstance(answer, str):
                if isinstance(answer, Status) and (
                    answer.code == HTTPStatus.TOO_MANY_REQUESTS or answer.code >= HTTPStatus.INTERNAL_SERVER_ERROR
                ):
                    raise _PassingError(str(answer))
                return answer, url
            url = urljoin(url, answer)
            if urlsplit(url).scheme not in ("http", "https"):
                break
        raise unavailable(index.url, "with redirects that lead nowhere", where=index.where)

    def _get(
        self, url: str, login: str | None, accept: str, read: Callable[[http.client.HTTPResponse], _Read]
    ) -> _Read | Status | str:
        """What was read, a status, or where the answer redirects to."""
        request = urllib.request.Request(url, headers={"Accept": accept, "User-Agent": "layer-constructs"})  # noqa: S310
        if login is not None:
            request.add_header("Authorization", login)
        try:
            with opener(url, self._environ).open(request, timeout=self._timeout) as response:
                if response.status in _REDIRECTS and response.headers.get("Location"):
                    return str(response.headers["Location"])
                if response.status != HTTPStatus.OK:
                    return Status(response.status)
                return read(response)
        except urllib.error.URLError as error:
            raise _PassingError(reason_of(error.reason)) from None
        except (OSError, http.client.HTTPException) as error:
            raise _PassingError(reason_of(error)) from None


class _PassingError(Exception):
    """A failure that may pass: no answer, or one that says so."""


def _login(url: str, index: Index, environ: Mapping[str, str]) -> str | None:
    username, password = (index.username, index.password) if _same_site(index.url, url) else (None, None)
    if password is None:
        found = netrc_login(urlsplit(url).hostname or "", environ)
        if found and username in (None, found[0]):
            username, password = found
    if username is None and password is None:
        return None
    return "Basic " + base64.b64encode(f"{username or ''}:{password or ''}".encode()).decode()


def opener(url: str, environ: Mapping[str, str]) -> urllib.request.OpenerDirector:
    """HTTP and HTTPS only, with proxies and certificates from ``environ``; redirects and errors left as they are."""
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.ProxyHandler(_proxies(url, environ)))
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(urllib.request.HTTPSHandler(context=_tls(url, environ)))
    return opener


def netrc_login(host: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The user and password that the netrc file has for a host."""
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


def reason_of(error: object) -> str:
    """The fact in the words of the system; never the URL, which may be a proxy's with a password."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason or 'failed'}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return type(error).__name__

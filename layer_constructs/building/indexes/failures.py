"""An index that refused or did not answer -> an error that says which, why, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from layer_constructs.building.indexes.url import public_url
from layer_constructs.errors import IndexUnavailableError

if TYPE_CHECKING:
    from layer_constructs.building.indexes.index import Indexes
    from layer_constructs.errors import LayerError, Where

_CREDENTIALS = (
    "give credentials: https://${{INDEX_USER}}:${{INDEX_PASSWORD}}@{rest} with both variables set, a line in ~/.netrc, "
    "or UV_INDEX=private={url} with UV_INDEX_PRIVATE_USERNAME and UV_INDEX_PRIVATE_PASSWORD"
)
# The first that matches the reason; reasons come from uv, urllib and OpenSSL.
_FIXES = (
    (re.compile(r"\b(401|403|407)\b"), _CREDENTIALS),
    (re.compile(r"\b(404|410)\b"), "the file is gone from the index, or the URL is wrong: check it, then lock again"),
    (re.compile(r"\b(429|5\d\d)\b"), "try again later, or ask those who run the index"),
    (
        re.compile(r"certificate|corrupt message|\btls\b|\bssl\b|WRONG_VERSION", re.IGNORECASE),
        "name your company's certificates with SSL_CERT_FILE, or check that the index speaks https",
    ),
)
_UNREACHABLE = "check the URL, the network and the proxy (HTTPS_PROXY, NO_PROXY)"

# uv 0.13, each seen for real; its hints name the index, its causes the page or file.
_UNAUTHORIZED = re.compile(
    r"An index(?: URL)? \((?P<url>[^)\s]+)\) (?:could not be queried due to a lack of valid authentication "
    r"credentials \((?P<lacking>[^)]+)\)|returned a (?P<forbidden>\d{3} [A-Za-z ]+?) error)"
)
_FETCH = re.compile(r"Failed to fetch: `?(?P<url>[^\s`]+)`?(?P<causes>(?:\n\s*cause: .*)+)")
_STATUS = re.compile(r"HTTP status (?:client|server) error \((?P<status>\d{3}[^)]*)\)")
_NETWORK = re.compile(
    r"error sending request|operation timed out|error decoding response body|request or response body"
)
_OS_ERROR = re.compile(r"\s*\(os error \d+\)$")
_OFFLINE = "the network was disabled"


def unavailable(url: str, reason: str, *, where: Where | None = None) -> IndexUnavailableError:
    """The error for the index at ``url``.

    :param reason: such as ``401 Unauthorized`` or ``connection refused``; without secrets.
    """
    verb = "answered" if re.match(r"\d{3}\b", reason) else "can't be reached:"
    fix = next((fix for pattern, fix in _FIXES if pattern.search(reason)), _UNREACHABLE)
    return IndexUnavailableError(
        f"the package index {url} {verb} {reason}",
        where=where,
        fix=fix.format(url=url, rest=url.partition("://")[2]) if fix is _CREDENTIALS else fix,
    )


def offline(url: str | None = None, *, where: Where | None = None) -> IndexUnavailableError:
    """The error for a question that only an index could answer while UV_OFFLINE is set."""
    return IndexUnavailableError(
        f"the package index {url} is needed, but the network is disabled"
        if url
        else "the network is disabled, and uv's cache does not have everything that is needed",
        where=where,
        fix="unset UV_OFFLINE",
    )


def describe_uv_failure(stderr: str, indexes: Indexes) -> LayerError | None:
    """What uv said, if it was about an index that refused or did not answer; else None.

    A project that no index knows is not among these: uv says the same of a wrong index URL and a misspelt name.

    :param stderr: of ``uv pip compile`` or ``uv pip install``, secrets masked.
    """
    refused = _UNAUTHORIZED.search(stderr)
    if refused:
        return _about(refused["url"], refused["lacking"] or refused["forbidden"], indexes)
    for failed in _FETCH.finditer(stderr):
        status = _STATUS.search(failed["causes"])
        if status:
            return _about(failed["url"], status["status"], indexes)
        if _NETWORK.search(failed["causes"]):
            last = failed["causes"].rpartition("cause: ")[2]
            return _about(failed["url"], _OS_ERROR.sub("", last.strip()), indexes)
    return offline() if _OFFLINE in stderr else None


def _about(url: str, reason: str, indexes: Indexes) -> IndexUnavailableError:
    url = public_url(url)
    same = [index for index in indexes.indexes if url == index.url or url.startswith(f"{index.url}/")]
    # The files of an index are often elsewhere on its host.
    same += [index for index in indexes.indexes if _origin(index.url) == _origin(url)]
    if same:
        return unavailable(same[0].url, reason, where=same[0].where)
    links = [links for links in indexes.find_links if _origin(links.url) == _origin(url)]
    return unavailable(links[0].url, reason, where=links[0].where) if links else unavailable(_origin(url), reason)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

"""Questions to a vulnerability service. An answer that isn't whole is an error, whatever it says."""

from __future__ import annotations

import base64
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from layer_constructs.building.indexes.http import netrc_login, opener, reason_of
from layer_constructs.building.indexes.url import clean_url
from layer_constructs.errors import ArgumentError, VulnerabilityServiceError

OSV = "https://api.osv.dev"

_RETRY_AFTER_SECONDS = 0.5
_CHUNK_BYTES = 64 * 1024
# OSV's own limit over HTTP/1.1: https://google.github.io/osv.dev/api/, read 2026-11.
_MOST_BYTES = 32 * 1024 * 1024
# A server that sends a byte now and then must not hold a build for ever.
_WHOLE_ANSWER = 4


class Service:
    """A service that speaks the API of OSV (https://google.github.io/osv.dev/api/).

    :param url: its base, to which ``/v1/...`` is added; credentials as in the URL of an index, or in the netrc file.
    :param environ: proxies, certificates, netrc file and ``UV_OFFLINE`` are taken from here, as for an index.
    :param timeout: seconds for connecting and for each part of an answer; a whole one may take four times as long.
    :raises RequirementsError: if ``url`` isn't a URL.
    :raises ArgumentError: if it is a folder.
    """

    def __init__(self, url: str, environ: Mapping[str, str], *, timeout: float) -> None:
        clean = clean_url(url, environ=environ, where=None, label="the vulnerability service")
        if not clean.url.startswith(("http://", "https://")):
            raise ArgumentError(
                f"the vulnerability service {clean.url} is not on the web", fix=f"name a URL such as {OSV}"
            )
        self.url = clean.url.rstrip("/")
        self._environ = environ
        self._timeout = timeout
        self._login = (clean.username or "", clean.password or "") if clean.username or clean.password else None

    def ask(self, path: str, question: object = None) -> dict[str, Any]:
        """The JSON object that it answers.

        :param question: sent as JSON by POST; None asks by GET.
        :raises VulnerabilityServiceError: if there is no whole answer, after a second attempt.
        """
        if self._environ.get("UV_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
            raise VulnerabilityServiceError(
                service=self.url, reason="is needed, but the network is disabled", fix="unset UV_OFFLINE"
            )
        try:
            content = self._content(path, question)
        except _PassingError:
            time.sleep(_RETRY_AFTER_SECONDS)
            try:
                content = self._content(path, question)
            except _PassingError as failure:
                raise VulnerabilityServiceError(service=self.url, reason=str(failure)) from None
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self.incomplete(path, "it is not a JSON object")
        return answer

    def incomplete(self, path: str, problem: str) -> VulnerabilityServiceError:
        """The error for an answer that can't be relied on."""
        return VulnerabilityServiceError(
            service=self.url,
            reason=f"gave no complete answer to {path}: {problem}",
            fix="check that the URL is that of a service with the API of OSV, or try again later",
        )

    @cached_property
    def _opener(self) -> urllib.request.OpenerDirector:
        # One for all questions: reading the certificates takes longer than many an answer.
        return opener(self.url, self._environ)

    def _content(self, path: str, question: object) -> bytes:
        url = f"{self.url}/{path}"
        request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "layer-constructs"})  # noqa: S310
        if question is not None:
            request.data = json.dumps(question).encode()
            request.add_header("Content-Type", "application/json")
        login = self._login or netrc_login(urlsplit(url).hostname or "", self._environ)
        if login:
            request.add_header("Authorization", "Basic " + base64.b64encode(":".join(login).encode()).decode())
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                if response.status == HTTPStatus.OK:
                    return self._body(response, path)
                status = f"{response.status} {http.client.responses.get(response.status, '')}".strip()
        except urllib.error.URLError as error:
            raise _PassingError(f"can't be reached: {reason_of(error.reason)}") from None
        except (OSError, http.client.HTTPException) as error:
            raise _PassingError(f"can't be reached: {reason_of(error)}") from None
        if response.status == HTTPStatus.TOO_MANY_REQUESTS or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _PassingError(f"answered {status}")
        # A redirect is not followed: a page behind it would have to answer a question that it was never sent.
        raise VulnerabilityServiceError(service=self.url, reason=f"answered {status} to {path}")

    def _body(self, response: http.client.HTTPResponse, path: str) -> bytes:
        content = bytearray()
        deadline = time.monotonic() + self._timeout * _WHOLE_ANSWER
        while chunk := response.read1(_CHUNK_BYTES):
            content += chunk
            if len(content) > _MOST_BYTES:
                raise self.incomplete(path, f"it has more than {_MOST_BYTES:,} bytes")
            if time.monotonic() > deadline:
                raise _PassingError("can't be reached: timed out")
        if response.length:  # what was announced and did not come
            raise _PassingError("broke off in the middle of an answer")
        return bytes(content)


class _PassingError(Exception):
    """A failure that may pass: no answer, or one that says so."""

"""A small real package index over HTTP, as a company runs one."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Request:
    """One request that reached the index."""

    method: str
    path: str
    authorization: str | None
    accept: str | None


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is what some tests are about."""


class PrivateIndex:
    """An index at ``http://127.0.0.1:<free port>/simple`` that serves the given wheels; use it in a ``with`` statement.

    :param wheels: the files that it offers, with their SHA-256 unless ``hashes`` is false.
    :param username: with ``password``, what basic authentication has to say; anything else is answered with 401.
    :param status: answer every request with this status instead (401, 404, 503).
    :param silent: take connections and never answer.
    :param redirect_to: answer every request with a redirect to this base URL.
    :param empty: names for which there is a page without any file.
    """

    def __init__(
        self,
        wheels: Iterable[Path] = (),
        *,
        username: str | None = None,
        password: str | None = None,
        status: int | None = None,
        silent: bool = False,
        hashes: bool = True,
        redirect_to: str | None = None,
        empty: Iterable[str] = (),
    ) -> None:
        self.requests: list[Request] = []
        self._wheels = {path.name: path for path in wheels}
        self._login = None if username is None and password is None else f"{username or ''}:{password or ''}"
        self._status = status
        self._silent = silent
        self._hashes = hashes
        self._redirect_to = redirect_to
        self._empty = frozenset(empty)
        self._released = threading.Event()
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        # A short poll: closing an index otherwise costs every test half a second.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The index URL, without credentials."""
        return f"http://{self.host}/simple"

    def url_with(self, username: str, password: str | None = None) -> str:
        """The index URL with credentials in it, percent-encoded."""
        login = quote(username, safe="") + ("" if password is None else ":" + quote(password, safe=""))
        return f"http://{login}@{self.host}/simple"

    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [request.path for request in self.requests]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.requests.append(
                    Request("GET", self.path, self.headers.get("Authorization"), self.headers.get("Accept"))
                )
                status, kind, body = index._answer(self.path, self.headers.get("Authorization"))
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="index"')
                if status == 302:
                    self.send_header("Location", body.decode())
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: a test's output is the test's."""

        return Handler

    def _answer(self, target: str, authorization: str | None) -> tuple[int, str, bytes]:
        if self._silent:
            self._released.wait(120)
        if self._status is not None:
            return self._status, "text/plain", b"no"
        if self._redirect_to is not None:
            return 302, "text/plain", (self._redirect_to + target).encode()
        if self._login is not None and authorization != _basic(self._login):
            return 401, "text/plain", b"who are you"
        parts = [unquote(part) for part in urlsplit(target).path.split("/") if part]
        if len(parts) == 2 and parts[0] == "simple":
            return self._page(parts[1])
        if len(parts) == 2 and parts[0] == "files" and parts[1] in self._wheels:
            return 200, "application/octet-stream", self._wheels[parts[1]].read_bytes()
        return 404, "text/plain", b"no such page"

    def _page(self, name: str) -> tuple[int, str, bytes]:
        own = [path for path in self._wheels.values() if _normal(path.name.split("-")[0]) == name]
        if not own and name not in self._empty:
            return 404, "text/plain", b"no such project"
        links = []
        for path in own:
            fragment = f"#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}" if self._hashes else ""
            links.append(f'<a href="/files/{quote(path.name)}{fragment}">{path.name}</a><br>')
        return 200, "text/html", ("<!DOCTYPE html><html><body>" + "".join(links) + "</body></html>").encode()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()
